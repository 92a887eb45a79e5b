//! Receiving a file: a raw body or a form, straight to disk, bounded, and gone again if anything goes wrong.

use crate::durable;
use crate::http::call::{Body, BodyStream, Call, amount, next};
use crate::http::refusal::{Kind, Refusal};
use crate::http::slot::Slot;
use bytes::Buf;
use futures_util::Stream;
use http::header::EXPECT;
use std::io;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use warp::multipart::FormData;

/// A form's `yaml` is not longer than this.
const MAX_YAML: usize = 1 << 20;
/// How much of a refused body is still read, so that the client reads our answer instead of a reset connection.
const MAX_DRAIN: usize = 1 << 20;
/// And for how long, all in all.
const DRAIN_WITHIN: Duration = Duration::from_millis(500);
/// An upload may be as slow as this on average, once its first minute is over.
const SLOWEST: u64 = 1024;
const FIRST: Duration = Duration::from_secs(60);

/// The longest name of a file, in bytes.
const LONGEST_NAME: usize = 255;

/// What was received.
pub(crate) struct Received {
    /// The file's name: one plain component.
    pub(crate) name: String,
    /// The file.
    pub(crate) slot: Slot,
    /// A form's `yaml`.
    pub(crate) yaml: Option<Vec<u8>>,
}

/// Refuses what its head already shows to be too much, or badly named; before anything is made for it, and before the body is read.
///
/// # Errors
/// The length or the name.
pub(crate) async fn announced(call: &mut Call, name: Option<&str>) -> Result<(), Refusal> {
    if let Some(name) = name {
        check_name(name)?;
    }
    let limit = call.api.config.max_upload;
    if call.head.length().is_none_or(|length| length <= limit) {
        return Ok(());
    }
    Err(refused(call, too_large(limit)).await)
}

/// What an upload is refused with before its body was read, once the client can be trusted to hear it.
pub(crate) async fn refused(call: &mut Call, refusal: impl Into<Refusal>) -> Refusal {
    // Who waits for `100 Continue` has sent nothing and must not be told to.
    if call.head.text(EXPECT).is_none() {
        drain(&mut call.body).await;
    }
    refusal.into()
}

/// Receives the call's file into `slot`. `name` wins over a form's own.
///
/// # Errors
/// The name, the kind or the size of what was sent; a client that went away; a full disk. The slot's file is removed.
pub(crate) async fn receive(
    call: &mut Call,
    slot: Slot,
    name: Option<String>,
) -> Result<Received, Refusal> {
    let limit = call.api.config.max_upload;
    let media = call.head.media();
    match &mut call.body {
        Body::Form(form) => from_form(form, slot, name, limit).await,
        Body::Raw(stream) => match media.as_deref() {
            None
            | Some(
                "application/pdf"
                | "application/x-pdf"
                | "application/octet-stream"
                | "binary/octet-stream"
                | "application/x-www-form-urlencoded",
            ) => from_body(stream, slot, name, limit).await,
            Some("multipart/form-data") => Err(Refusal::bad("the form has no boundary")),
            Some(other) => Err(Refusal::new(
                Kind::UnsupportedMedia,
                format!("a PDF is wanted here, not `{other}`"),
            )
            .hint("send the file itself as the body, with `Content-Type: application/pdf`")),
        },
    }
}

async fn from_body(
    stream: &mut BodyStream,
    slot: Slot,
    name: Option<String>,
    limit: u64,
) -> Result<Received, Refusal> {
    let Some(name) = name else {
        return Err(Refusal::bad("the upload has no name")
            .hint("say `?name=invoice.pdf`, or send a form with a file"));
    };
    match write(stream, &slot, limit).await {
        Ok(0) => Err(empty(&name)),
        Ok(_) => Ok(Received {
            name,
            slot,
            yaml: None,
        }),
        Err(refusal) => {
            while_small(stream).await;
            Err(refusal)
        }
    }
}

async fn from_form(
    form: &mut FormData,
    slot: Slot,
    name: Option<String>,
    limit: u64,
) -> Result<Received, Refusal> {
    let (mut file, mut yaml) = (None, None);
    while let Some(part) = next(form).await? {
        check_field(part.name())?;
        if part.name() == "yaml" {
            yaml = Some(take(part.stream(), MAX_YAML).await?);
            continue;
        }
        let Some(own) = part.filename().map(unescaped).as_deref().map(base_name) else {
            // Forms of other programs have fields of their own.
            continue;
        };
        if file.is_some() {
            return Err(Refusal::bad("the form holds more than one file")
                .hint("send one request for each file"));
        }
        let name = name.clone().unwrap_or(own);
        check_name(&name)?;
        let mut stream = Box::pin(part.stream());
        if write(&mut stream, &slot, limit).await? == 0 {
            return Err(empty(&name));
        }
        file = Some(name);
    }
    match file {
        Some(name) => Ok(Received { name, slot, yaml }),
        None => Err(Refusal::bad("the form holds no file")
            .hint("send it as a part with a `filename`: `curl -F file=@invoice.pdf ...`")),
    }
}

async fn write<S, B, E>(stream: &mut S, slot: &Slot, limit: u64) -> Result<u64, Refusal>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: Buf,
    E: std::fmt::Display,
{
    let file = slot.file().map_err(|error| failed(&error, slot))?;
    let mut file = File::from_std(file);
    let (mut total, begun) = (0, Instant::now());
    while let Some(mut chunk) = next(stream).await? {
        total += chunk.remaining() as u64;
        if is_too_slow(begun.elapsed(), total) {
            return Err(Refusal::bad(format!(
                "the upload is slower than {SLOWEST} bytes a second"
            )));
        }
        if total > limit {
            return Err(too_large(limit));
        }
        while chunk.has_remaining() {
            let length = chunk.chunk().len();
            file.write_all(chunk.chunk())
                .await
                .map_err(|error| failed(&error, slot))?;
            chunk.advance(length);
        }
    }
    file.flush().await.map_err(|error| failed(&error, slot))?;
    if total > 0 {
        // Before the journal hears of it: after a power cut a job would go on with what there is of its file.
        let file = file.into_std().await;
        let synced = tokio::task::spawn_blocking(move || durable::sync_file(&file)).await;
        synced
            .unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
            .map_err(|error| failed(&error, slot))?;
    }
    Ok(total)
}

async fn take<B, E>(
    stream: impl Stream<Item = Result<B, E>>,
    limit: usize,
) -> Result<Vec<u8>, Refusal>
where
    B: Buf,
    E: std::fmt::Display,
{
    let mut stream = std::pin::pin!(stream);
    let mut all = Vec::new();
    while let Some(mut chunk) = next(&mut stream).await? {
        if all.len() + chunk.remaining() > limit {
            return Err(too_large(limit as u64));
        }
        all.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(all)
}

async fn drain(body: &mut Body) {
    if let Body::Raw(stream) = body {
        while_small(stream).await;
    }
}

async fn while_small(stream: &mut BodyStream) {
    let reading = async {
        let mut read = 0;
        while read < MAX_DRAIN
            && let Ok(Some(chunk)) = next(stream).await
        {
            read += chunk.len();
        }
    };
    // Whoever is still silent by then gets the answer all the same.
    let _ = tokio::time::timeout(DRAIN_WITHIN, reading).await;
}

/// Slow clients hold a connection and a file; those that drip on purpose must not hold them for days.
fn is_too_slow(took: Duration, received: u64) -> bool {
    took > FIRST && received < (took - FIRST).as_secs() * SLOWEST
}

fn failed(error: &io::Error, slot: &Slot) -> Refusal {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let folder = slot.path().parent().unwrap_or(slot.path());
            Refusal::new(
                Kind::DiskFull,
                format!(
                    "there is no room left for the upload in `{}` ({}); nothing of it was kept",
                    folder.display(),
                    durable::lack(error)
                ),
            )
            .hint("free some space, then send it again")
        }
        _ => Refusal::internal("an upload could not be written", error),
    }
}

fn too_large(limit: u64) -> Refusal {
    Refusal::new(
        Kind::TooLarge,
        format!(
            "the file is larger than {}, the most that is taken",
            amount(limit)
        ),
    )
    .hint("`max_input_mb` in the configuration sets the limit, for files in inboxes too")
}

fn empty(name: &str) -> Refusal {
    Refusal::bad(format!("`{name}` is empty"))
}

/// A name without the escapes that browsers put into forms for what would end it there, and for nothing else (WHATWG HTML,
/// multipart/form-data encoding algorithm).
fn unescaped(name: &str) -> String {
    let mut name = name.to_owned();
    for (escape, letter) in [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")] {
        name = name.replace(escape, letter);
    }
    name
}

/// The last component of a name as browsers send it, some with a path.
fn base_name(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned()
}

/// A form's field: what the description of the API says, `propertyNames` there.
fn check_field(name: &str) -> Result<(), Refusal> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.[] -".contains(letter);
    if !name.is_empty() && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(
        Refusal::bad(format!("a field of the form has the name `{name}`"))
            .hint("name it by letters, digits and `_.[] -`: `curl -F file=@invoice.pdf ...`"),
    )
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST_NAME {
        let why = format!("the file's name is {} bytes long", name.len());
        return Err(Refusal::bad(why).hint(format!(
            "no name of a file is longer than {LONGEST_NAME} bytes: send it under a shorter one"
        )));
    } else if name.contains(['/', '\\']) {
        "holds a `/` or a `\\`"
    } else if name.starts_with('.') {
        "begins with a dot"
    } else if name.chars().any(char::is_control) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(Refusal::bad(format!("the file's name `{name}` {wrong}"))
        .hint("a plain file name is wanted: `invoice.pdf`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dripping_upload_is_told_from_a_slow_one() {
        let check = |seconds, received, expected| {
            let took = Duration::from_secs(seconds);
            assert_eq!(
                is_too_slow(took, received),
                expected,
                "{seconds} {received}"
            );
        };
        check(60, 1, false);
        check(61, 1, true);
        check(160, 100 * SLOWEST, false);
        check(161, 100 * SLOWEST, true);
    }

    #[test]
    fn fields_have_names() {
        for good in ["file", "files[]", "my file", "a.b-c_1"] {
            assert!(check_field(good).is_ok(), "{good}");
        }
        for bad in ["", "a\"b", "a\nb", "ü"] {
            assert!(check_field(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_plain_names_are_taken() {
        for good in ["a.pdf", "Übersicht 1.PDF", "a", "a..b", "日本.pdf"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        assert!(check_name(&"x".repeat(LONGEST_NAME)).is_ok());
        let long = "x".repeat(LONGEST_NAME + 1);
        for bad in [
            "",
            ".",
            "..",
            ".hidden.pdf",
            "a/b.pdf",
            "../a.pdf",
            "..\\a.pdf",
            "a\0b",
            "a\nb",
            &long,
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(base_name("C:\\fakepath\\a.pdf"), "a.pdf");
        assert_eq!(base_name("x/y/a.pdf"), "a.pdf");
        assert_eq!(unescaped("a %22b%22 100%25.pdf"), "a \"b\" 100%25.pdf");
        assert_eq!(unescaped("a%0D%0Ab.pdf"), "a\r\nb.pdf");
    }
}
