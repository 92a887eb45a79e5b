//! Names of files: which may be used, and how they are shortened and numbered. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

/// The longest name that Linux file systems take, in bytes.
const LONGEST: usize = 255;

/// What follows the last dot is an extension only if it is at most this long, dot included.
const LONGEST_EXTENSION: usize = 17;

/// The longest path that the kernel takes, in bytes.
const LONGEST_PATH: usize = 4095;

/// A name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// There is none, or nothing but an extension.
    #[error("the output name `{0}` is empty")]
    Empty(String),
    /// It leads out of its folder.
    #[error("the output name `{0}` leads out of its folder")]
    Leaves(String),
    /// It holds a NUL byte.
    #[error("the output name `{0}` holds a NUL byte")]
    Nul(String),
    /// It would lie in our own folder.
    #[error("the output name `{0}` lies in `.dropleaf`, which is Dropleaf's own")]
    Ours(String),
    /// The file system of the folder does not take it.
    #[error(
        "the file system of `{}` does not take the name `{name}`: it refuses characters in it, or its length", .folder.display()
    )]
    Refused {
        /// The folder.
        folder: PathBuf,
        /// The name.
        name: String,
    },
    /// The path is longer than the kernel takes.
    #[error("the output path `{0}` is longer than 4095 bytes")]
    TooLong(String),
}

/// The path below a folder that this rendered text stands for: its parts are checked, control characters replaced by `_`, and
/// names that are too long shortened, keeping the extension and leaving room for `room` more bytes.
///
/// # Errors
/// It is empty, leads out of the folder, or cannot be a path at all.
pub fn below(text: &str, room: usize) -> Result<PathBuf, BadName> {
    let named = || text.to_owned();
    if text.contains('\0') {
        return Err(BadName::Nul(text.replace('\0', "\\0")));
    }
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { '_' } else { c })
        .collect();
    let mut path = PathBuf::new();
    for part in Path::new(&clean).components() {
        match part {
            Component::Normal(name) if name == crate::pipeline::folders::OUR_FOLDER => {
                return Err(BadName::Ours(named()));
            }
            Component::Normal(name) => path.push(fit(name, 0)),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(BadName::Leaves(named()));
            }
        }
    }
    // `a/`, `a/.`: a folder, not a name.
    let last = clean.rsplit('/').next().unwrap_or_default();
    match path.file_name() {
        Some(name) if !is_only_extension(name) && last.trim() != "." && !last.trim().is_empty() => {
            let name = fit(name, room);
            Ok(path.with_file_name(name))
        }
        _ => Err(BadName::Empty(named())),
    }
}

/// Whether a folder's path is short enough for a file in it.
///
/// # Errors
/// It is not.
pub fn check_length(path: &Path) -> Result<(), BadName> {
    if path.as_os_str().len() > LONGEST_PATH {
        Err(BadName::TooLong(path.display().to_string()))
    } else {
        Ok(())
    }
}

/// The name with `-number` before its extension; number 0 is the name itself. `room` more bytes still fit behind it.
#[must_use]
pub fn numbered(name: &OsStr, number: u32, room: usize) -> OsString {
    if number == 0 {
        return fit(name, room);
    }
    let (stem, extension) = split(name.as_bytes());
    let suffix = format!("-{number}");
    let stem = cut(
        stem,
        LONGEST.saturating_sub(suffix.len() + extension.len() + room),
    );
    OsString::from_vec([stem, suffix.as_bytes(), extension].concat())
}

/// The name, shortened where it does not fit, its extension kept.
fn fit(name: &OsStr, room: usize) -> OsString {
    shortened(name, LONGEST.saturating_sub(room))
}

/// The name, shortened where it has more than `most` bytes, its extension kept.
pub(super) fn shortened(name: &OsStr, most: usize) -> OsString {
    let bytes = name.as_bytes();
    if bytes.len() <= most {
        return name.to_os_string();
    }
    let (stem, extension) = split(bytes);
    let stem = cut(stem, most.saturating_sub(extension.len()));
    OsString::from_vec([stem, extension].concat())
}

/// Stem and extension, its dot included. A leading dot begins no extension.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if dot > 0 && name.len() - dot <= LONGEST_EXTENSION => name.split_at(dot),
        _ => (name, &[]),
    }
}

/// At most so many bytes, not in the middle of a character.
fn cut(bytes: &[u8], most: usize) -> &[u8] {
    if bytes.len() <= most {
        return bytes;
    }
    let mut end = most;
    while end > 0 && (bytes[end] & 0b1100_0000) == 0b1000_0000 {
        end -= 1;
    }
    &bytes[..end]
}

fn is_only_extension(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.eq_ignore_ascii_case(b".pdf") || bytes.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(below(text, 0).expect("a good name"), Path::new(expected));
    }

    #[test]
    fn names_stay_in_their_folder() {
        check("a.pdf", "a.pdf");
        check("Ä b (1).pdf", "Ä b (1).pdf");
        check("2026/03/a.pdf", "2026/03/a.pdf");
        check("./a.pdf", "a.pdf");
        check("a\nb\t.pdf", "a_b_.pdf");
        check("..pdf", "..pdf");
        check("a..pdf", "a..pdf");
        for bad in ["../a.pdf", "a/../../b.pdf", "/etc/passwd", "a/..", ".."] {
            assert_eq!(below(bad, 0), Err(BadName::Leaves(bad.into())));
        }
        for bad in ["", ".", "a/", "a/.", " ", ".pdf", "x/.PDF", "./"] {
            assert_eq!(below(bad, 0), Err(BadName::Empty(bad.into())), "{bad:?}");
        }
        assert!(matches!(below("a\0.pdf", 0), Err(BadName::Nul(_))));
        assert!(matches!(below(".dropleaf/a.pdf", 0), Err(BadName::Ours(_))));
    }

    #[test]
    fn long_names_are_shortened_between_characters_and_keep_their_extension() {
        let long = "ä".repeat(200) + ".pdf";
        let name = below(&long, 10).expect("shortened");
        let name = name.to_str().expect("whole characters");
        assert!(name.len() <= 245 && name.len() >= 243, "{}", name.len());
        assert!(name.ends_with("ä.pdf"));
        let numbered = numbered(OsStr::new(name), 12, 10);
        assert!(numbered.len() <= 245);
        assert!(
            numbered
                .to_str()
                .expect("whole characters")
                .ends_with("ä-12.pdf")
        );
        let no_extension = "x".repeat(300);
        assert_eq!(
            below(&no_extension, 0)
                .expect("shortened")
                .as_os_str()
                .len(),
            255
        );
        assert!(check_length(Path::new(&"x/".repeat(2100))).is_err());
    }

    #[test]
    fn numbers_stand_before_the_extension() {
        for (name, number, expected) in [
            ("a.pdf", 0, "a.pdf"),
            ("a.pdf", 1, "a-1.pdf"),
            ("a.b.pdf", 22, "a.b-22.pdf"),
            ("a", 3, "a-3"),
            (".x", 3, ".x-3"),
            (
                "a.an extension that is none",
                1,
                "a.an extension that is none-1",
            ),
        ] {
            assert_eq!(numbered(OsStr::new(name), number, 0), expected);
        }
        let odd = OsStr::from_bytes(b"\xff.pdf");
        assert_eq!(numbered(odd, 2, 0), OsStr::from_bytes(b"\xff-2.pdf"));
    }
}
