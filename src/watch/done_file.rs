//! `done_file: "{name}.ok"`: a file counts as complete when this one lies beside it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The name of the file that marks another as complete: `{name}` stands for the other's name, `{stem}` for its name without
/// the extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DoneFile {
    before: Vec<u8>,
    place: Place,
    after: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Name,
    Stem,
    None,
}

impl DoneFile {
    pub(crate) fn new(pattern: &str) -> Self {
        let places = [("{name}", Place::Name), ("{stem}", Place::Stem)];
        for (text, place) in places {
            if let Some((before, after)) = pattern.split_once(text) {
                return Self {
                    before: before.into(),
                    place,
                    after: after.into(),
                };
            }
        }
        Self {
            before: pattern.into(),
            place: Place::None,
            after: Vec::new(),
        }
    }

    /// The path of the mark beside this file.
    pub(crate) fn beside(&self, file: &Path) -> PathBuf {
        let middle = match self.place {
            Place::Name => file.file_name().unwrap_or_default(),
            Place::Stem => file.file_stem().unwrap_or_default(),
            Place::None => OsStr::new(""),
        };
        let name = [&self.before, middle.as_bytes(), &self.after].concat();
        file.with_file_name(OsString::from_vec(name))
    }

    /// Whether a file with this name is a mark itself, and so no document.
    pub(crate) fn is_mark(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        let fixed = self.before.len() + self.after.len();
        match self.place {
            Place::None => name == self.before,
            _ => {
                fixed > 0
                    && name.len() > fixed
                    && name.starts_with(&self.before)
                    && name.ends_with(&self.after)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_lies_beside_the_file_and_is_no_document() {
        for (pattern, file, mark) in [
            ("{name}.ok", "a/b.pdf", "a/b.pdf.ok"),
            ("{stem}.done", "b.x.pdf", "b.x.done"),
            ("done-{name}", "a/b.pdf", "a/done-b.pdf"),
            ("all.ok", "a/b.pdf", "a/all.ok"),
            ("{name}.ok", "{stem}.pdf", "{stem}.pdf.ok"),
        ] {
            let done = DoneFile::new(pattern);
            assert_eq!(done.beside(Path::new(file)), Path::new(mark));
            let name = |path: &'static str| Path::new(path).file_name().expect("a name");
            assert!(done.is_mark(name(mark)), "{mark}");
            assert!(!done.is_mark(name(file)), "{file}");
        }
        assert!(!DoneFile::new("{name}").is_mark(OsStr::new("a.pdf")));
    }
}
