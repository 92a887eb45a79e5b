//! A path as the file system has it, bytes and all, in a form that JSON can carry.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// A path whose bytes survive JSON: text where it is UTF-8, else text with `\xHH` for each byte that is not, behind the
/// marker `bytes:`. A name that itself starts with the marker is escaped too, so that the form is unambiguous.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawPath(pub PathBuf);

const MARKER: &str = "bytes:";

impl RawPath {
    /// For people: what is not UTF-8 shows as U+FFFD.
    #[must_use]
    pub fn display(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// The unambiguous text form, as in JSON and in the journal's path column.
    #[must_use]
    pub fn encode(&self) -> String {
        match self.0.to_str() {
            Some(text) if !text.starts_with(MARKER) => text.to_owned(),
            _ => encode_bytes(self.0.as_os_str().as_bytes()),
        }
    }

    /// The path that `encode` wrote; anything else is taken as it stands.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        match text.strip_prefix(MARKER).and_then(decode_bytes) {
            Some(bytes) => Self(PathBuf::from(std::ffi::OsString::from_vec(bytes))),
            None => Self(PathBuf::from(text)),
        }
    }
}

fn encode_bytes(bytes: &[u8]) -> String {
    let mut text = String::from(MARKER);
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            0x20..0x7f => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

fn decode_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'\\', [b'\\', ..]) => (bytes.push(b'\\'), rest = &tail[1..]).1,
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = &tail[3..];
            }
            (b'\\', _) => return None,
            _ => (bytes.push(first), rest = tail).1,
        }
    }
    Some(bytes)
}

impl From<&Path> for RawPath {
    fn from(path: &Path) -> Self {
        Self(path.to_path_buf())
    }
}

impl From<PathBuf> for RawPath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<&OsStr> for RawPath {
    fn from(name: &OsStr) -> Self {
        Self(PathBuf::from(name))
    }
}

impl AsRef<Path> for RawPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for RawPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string_lossy())
    }
}

impl Serialize for RawPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for RawPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.contains('\0') {
            return Err(D::Error::custom("a path cannot hold a NUL byte"));
        }
        Ok(Self::decode(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives() {
        for bytes in [
            &b"a.pdf"[..],
            b"\xff\xfe.pdf",
            b"bytes:x",
            b"new\nline \xc3\xa4 \x80\\x41",
            b"\\",
            "日本.pdf".as_bytes(),
        ] {
            let path = RawPath::from(OsStr::from_bytes(bytes));
            assert_eq!(
                RawPath::decode(&path.encode()),
                path,
                "{path:?} as {}",
                path.encode()
            );
        }
    }

    #[test]
    fn plain_names_stay_plain() {
        assert_eq!(
            RawPath::from(Path::new("inbox/ä b.pdf")).encode(),
            "inbox/ä b.pdf"
        );
    }
}
