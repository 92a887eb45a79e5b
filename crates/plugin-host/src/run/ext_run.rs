//! `leaf.run/1`: log, progress, cancelling, errors, values, artifacts. The header says what each function promises.

use std::os::unix::ffi::OsStrExt;

use dropleaf_plugin_abi as abi;
use serde_json::Value;

use crate::fault::{Fault, Result};
use crate::run::shell::{bytes, enter, give, observe};

/// The longest text of a log line or an error that is kept.
const MAX_TEXT: usize = 64 << 10;

pub(crate) static TABLE: abi::RunV1 = abi::RunV1 {
    struct_size: size_of::<abi::RunV1>() as u32,
    reserved: 0,
    log,
    cancelled,
    progress,
    set_error,
    last_error,
    param,
    result,
    temp_dir,
    emit,
};

unsafe extern "C" fn log(ctx: *mut abi::Ctx, level: i32, message: abi::Str, fields: abi::Str) {
    // SAFETY: what the header asks of the plugin: its context, and texts that stay during the call. So in all
    // functions of this file.
    unsafe {
        let (Ok(message), Ok(fields)) = (bytes(message), bytes(fields)) else {
            return;
        };
        let message = shortened(message);
        let fields = json_object(fields);
        let level = level.clamp(abi::LOG_TRACE, abi::LOG_ERROR);
        observe(ctx, |observer| observer.log(level, &message, &fields));
    }
}

unsafe extern "C" fn cancelled(ctx: *mut abi::Ctx) -> i32 {
    // SAFETY: see `log`.
    unsafe { observe(ctx, |observer| i32::from(observer.cancelled())).unwrap_or(1) }
}

unsafe extern "C" fn progress(ctx: *mut abi::Ctx, done: u64, total: u64) {
    // SAFETY: see `log`.
    unsafe {
        observe(ctx, |observer| observer.progress(done, total));
    }
}

unsafe extern "C" fn set_error(
    ctx: *mut abi::Ctx,
    code: abi::Status,
    message: abi::Str,
) -> abi::Status {
    // SAFETY: see `log`.
    let status = unsafe {
        enter(ctx, |state| {
            state.told = Some((code, shortened(bytes(message)?)));
            Ok(())
        })
    };
    if status == abi::OK { code } else { status }
}

unsafe extern "C" fn last_error(ctx: *mut abi::Ctx, message: *mut abi::Str) -> abi::Status {
    // SAFETY: see `log`.
    unsafe {
        enter(ctx, |state| {
            state.scratch.error = state.last_error.clone().into_owned().into_bytes();
            give(message, abi::Str::new(&state.scratch.error))
        })
    }
}

unsafe extern "C" fn param(ctx: *mut abi::Ctx, name: abi::Str, json: *mut abi::Str) -> abi::Status {
    // SAFETY: see `log`.
    unsafe {
        enter(ctx, |state| {
            let name = utf8(bytes(name)?, "a value's name")?;
            let value = state.invocation.values.get(name).ok_or_else(|| {
                Fault::new(abi::E_NOT_FOUND, format!("this job has no value `{name}`"))
            })?;
            state.scratch.param = value.to_string().into_bytes();
            give(json, abi::Str::new(&state.scratch.param))
        })
    }
}

unsafe extern "C" fn result(ctx: *mut abi::Ctx, name: abi::Str, json: abi::Str) -> abi::Status {
    // SAFETY: see `log`.
    unsafe {
        enter(ctx, |state| {
            let name = utf8(bytes(name)?, "a result's name")?;
            if name.is_empty() {
                return Err(Fault::argument("a result needs a name"));
            }
            let value: Value = serde_json::from_slice(bytes(json)?).map_err(|error| {
                Fault::argument(format!("result `{name}` is not JSON: {error}"))
            })?;
            state.keep_result(name, value)
        })
    }
}

unsafe extern "C" fn temp_dir(ctx: *mut abi::Ctx, path: *mut abi::Str) -> abi::Status {
    // SAFETY: see `log`.
    unsafe {
        enter(ctx, |state| {
            let granted = state.invocation.temp_dir.ok_or_else(|| {
                Fault::new(
                    abi::E_DENIED,
                    "no scratch folder is granted: the manifest has to ask for it (`temp`) and config.yaml to grant it (`grants`)",
                )
            })?;
            state.scratch.temp_dir = granted.as_os_str().as_bytes().to_vec();
            give(path, abi::Str::new(&state.scratch.temp_dir))
        })
    }
}

unsafe extern "C" fn emit(
    ctx: *mut abi::Ctx,
    name: abi::Str,
    mime: abi::Str,
    content: abi::Str,
) -> abi::Status {
    // SAFETY: see `log`.
    unsafe {
        enter(ctx, |state| {
            let name = utf8(bytes(name)?, "an artifact's name")?;
            let mime = utf8(bytes(mime)?, "an artifact's type")?;
            if !is_plain_name(name) {
                return Err(Fault::argument(format!(
                    "`{}` is no name for an artifact: a plain file name of at most 255 bytes is",
                    name.escape_debug()
                )));
            }
            if !is_media_type(mime) {
                return Err(Fault::argument(format!(
                    "`{}` is no media type, which is like `text/plain; charset=utf-8`",
                    mime.escape_debug()
                )));
            }
            let mime = if mime.is_empty() { UNKNOWN_TYPE } else { mime };
            state
                .invocation
                .observer
                .artifact(name, mime, bytes(content)?)
                .map_err(|reason| {
                    Fault::new(
                        abi::E_FAIL,
                        format!("artifact `{name}` was not taken: {reason}"),
                    )
                })
        })
    }
}

/// What an artifact is of which the plugin says nothing.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A name that stays in its folder, that every file system takes, and that is not the one of the daemon's own folder.
fn is_plain_name(name: &str) -> bool {
    !name.trim().is_empty()
        && ![".", "..", ".dropleaf"].contains(&name)
        && name.len() <= 255
        && !name.chars().any(|c| c == '/' || c.is_control())
}

/// Whether `text` is empty or `type/subtype` with what may follow in a field of HTTP (RFC 9110, 8.3.1).
fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(fits)
    };
    let (essence, rest) = text.split_once(';').unwrap_or((text, ""));
    let named = essence
        .trim_end_matches(' ')
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.is_empty() || (named && text.len() <= 255 && rest.bytes().all(plain))
}

fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| Fault::argument(format!("{what} is not UTF-8")))
}

/// Text for people, whatever the plugin wrote.
fn shortened(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_TEXT {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = String::from_utf8_lossy(&bytes[..MAX_TEXT]).into_owned();
    text.push_str(" [...]");
    text
}

/// The fields of a log line, if they are what they must be.
fn json_object(fields: &[u8]) -> String {
    if fields.is_empty() || fields.len() > MAX_TEXT {
        return String::new();
    }
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(fields) {
        Ok(map) => serde_json::Value::Object(map).to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_told_from_other_texts() {
        for text in [
            "",
            "text/plain",
            "text/plain; charset=utf-8",
            "image/svg+xml",
        ] {
            assert!(is_media_type(text), "{text}");
        }
        for text in [
            "text",
            "text/",
            "a b/c",
            "text/plain\r\nX: 1",
            "text/plain;\n",
            "ä/b",
        ] {
            assert!(!is_media_type(text), "{text}");
        }
    }
}
