//! Output names and folders once their templates are filled in: no value of a document leads out of the outbox.

use crate::pipeline::template::engine::{self, Context, Engine};
use std::path::{Component, Path, PathBuf};

/// Bytes that a file name may have on the file systems we know.
pub(crate) const MAX_NAME: usize = 255;

/// An output that cannot be named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template of it cannot be filled in.
    #[error(transparent)]
    Template(#[from] engine::Error),
    /// What came out is no name or folder.
    #[error("the output cannot be called `{name}`: {why}")]
    Unfit {
        /// What came out.
        name: String,
        /// Why it cannot be used.
        why: &'static str,
    },
    /// No file system takes a name that long.
    #[error(
        "the output cannot be called `{name}`: that is too long, {bytes} bytes, where a name may have 255, also with less of the input's name"
    )]
    TooLong {
        /// How it begins; all of it where it is not very much too long.
        name: String,
        /// How many bytes it has.
        bytes: usize,
    },
}

/// The file name that `template` makes. Values cannot bring in folders: their `/` became `_`.
///
/// # Errors
/// The template cannot be filled in, or what comes out is empty, too long or no name.
pub fn output_name(engine: &Engine, template: &str, context: &Context) -> Result<String, Error> {
    let name = engine.render_name(template, context)?;
    let name = name.trim();
    let unfit = |why| {
        Err(Error::Unfit {
            name: name.chars().take(80).collect(),
            why,
        })
    };
    match name {
        "" => unfit("it is empty"),
        "." | ".." => unfit("that is a folder"),
        _ if name.contains(['/', '\0']) => unfit("it holds a `/`"),
        _ if name.len() > MAX_NAME => Err(Error::TooLong {
            name: beginning(name),
            bytes: name.len(),
        }),
        _ => Ok(name.to_owned()),
    }
}

/// A name as far as people need it to know it.
fn beginning(name: &str) -> String {
    const SHOWN: usize = 2 * MAX_NAME;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// The absolute folder that `template` (the checked `output.folder`) makes, without `.` and empty parts.
///
/// # Errors
/// The template cannot be filled in, or what comes out holds `..` or is no folder's path.
pub fn output_folder(engine: &Engine, template: &str, context: &Context) -> Result<PathBuf, Error> {
    let folder = engine.render_string(template, context)?;
    let unfit = |why| {
        Err(Error::Unfit {
            name: folder.chars().take(200).collect(),
            why,
        })
    };
    let mut path = PathBuf::from("/");
    // As in names; folders below an inbox may be called by anything.
    let plain = folder.replace(char::is_control, "_");
    for part in plain.split('/').map(str::trim) {
        match part {
            "" | "." => {}
            ".." => return unfit("`..` would leave the outbox"),
            _ if part.len() > MAX_NAME => return unfit("a part of it is longer than 255 bytes"),
            _ => path.push(part),
        }
    }
    if !folder.starts_with('/') {
        return unfit("it is not absolute");
    }
    Ok(path)
}

/// Whether `folder` is `root` or lies below it, by its text alone; `..` in it never does.
#[must_use]
pub fn lies_inside(root: &Path, folder: &Path) -> bool {
    folder.starts_with(root)
        && folder
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn context() -> Context {
        Context::new(&BTreeMap::from([
            (
                "pdf".to_owned(),
                json!({"title": "../../etc/passwd", "author": "AC/DC", "subject": ""}),
            ),
            (
                "input".to_owned(),
                json!({"folder": "2026/11", "stem": "scan"}),
            ),
        ]))
    }

    #[test]
    fn names_stay_names() {
        for (template, expected) in [
            ("{{ input.stem }}.pdf", Some("scan.pdf")),
            ("{{ pdf.author }}.pdf", Some("AC_DC.pdf")),
            ("{{ pdf.title }}", Some(".._.._etc_passwd")),
            (" {{ pdf.subject }} ", None),
            ("{{ '..' }}", None),
            ("a/{{ input.stem }}", None),
            ("{{ 'x' * 300 }}", None),
        ] {
            let name = output_name(&Engine::new(), template, &context());
            assert_eq!(name.ok().as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn folders_stay_inside() {
        for (template, expected) in [
            ("/out/{{ input.folder }}", Some("/out/2026/11")),
            ("/out/{{ pdf.subject }}", Some("/out")),
            ("/out//./{{ pdf.author }}/", Some("/out/AC/DC")),
            ("/out/{{ pdf.title }}", None),
            ("{{ input.folder }}", None),
        ] {
            let folder = output_folder(&Engine::new(), template, &context());
            assert_eq!(
                folder.ok().as_deref(),
                expected.map(Path::new),
                "{template}"
            );
        }
        assert!(lies_inside(Path::new("/out"), Path::new("/out/a")));
        assert!(!lies_inside(Path::new("/out"), Path::new("/outer")));
        assert!(!lies_inside(Path::new("/out"), Path::new("/out/../etc")));
    }
}
