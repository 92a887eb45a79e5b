//! Which folder of ours it is: a mark in each `claimed` and `staged` folder tells it from another that has taken its place.
//!
//! A person who moves an inbox or an outbox away and makes a new one leaves no trace that a path or a device number could tell, and
//! numbers of folders do not last on every file system. So there is a file with an id of its own in each, made before anything is
//! put there, and lost with what lies beside it. What has gone from the folder with the same mark was moved; from another one it
//! was never taken.

use crate::durable::spot::{Place, Spot};
use crate::durable::{self, Error, Kind};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The file's name; its temps have an id behind it.
pub(super) const MARK: &str = "folder-id";
/// A mark has at most so many bytes.
const LONGEST: u64 = 64;
/// So often a mark is made anew whose temp somebody has removed.
const TURNS: u32 = 3;

/// The mark of the folder in which a file lies, or lay, if it has one.
pub(super) fn of(spot: &Spot) -> Result<Option<String>, Error> {
    let path = spot.path().with_file_name(MARK);
    read(spot.beside(&path))
}

fn read(place: Place<'_>) -> Result<Option<String>, Error> {
    let file = match durable::open_regular(place) {
        Err(error) if error.kind() == Kind::Missing => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|source| Error::at("read", place.path(), source))?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Whether it is the folder of this mark. Where none is known, as earlier versions left it, it is taken to be.
pub(super) fn is_of(spot: &Spot, mark: Option<&str>) -> Result<bool, Error> {
    match mark {
        Some(mark) => Ok(of(spot)?.as_deref() == Some(mark)),
        None => Ok(true),
    }
}

/// The mark of the folder in which a file is to lie; it is made, durably, where there is none.
pub(crate) fn leave(spot: &Spot) -> Result<String, Error> {
    if let Some(there) = of(spot)? {
        return Ok(there);
    }
    let path = spot.path().with_file_name(MARK);
    // Its temp has another name each time, and is nothing that a person knows of.
    make(spot, &path).map_err(|error| Error::at("make", &path, error.into_io()))
}

fn make(spot: &Spot, path: &Path) -> Result<String, Error> {
    let mut turns = TURNS;
    loop {
        turns -= 1;
        if let Some(there) = of(spot)? {
            return Ok(there);
        }
        let made = ulid::Ulid::generate().to_string();
        let temp = spot.another(spot.path().with_file_name(format!("{MARK}.{made}")))?;
        durable::write_new(&temp, made.as_bytes())?;
        let named = match durable::rename_noreplace(&temp, spot.beside(path)) {
            // Somebody else was first, or it is a mark without a text.
            Err(error) if error.kind() == Kind::Exists => match of(spot)? {
                Some(there) => {
                    temp.remove()?;
                    return Ok(there);
                }
                None => durable::rename(&temp, spot.beside(path)),
            },
            named => named,
        };
        match named {
            Ok(()) => {
                spot.sync()?;
                // Where a rename may replace, another one's mark may have taken its place.
                return Ok(of(spot)?.unwrap_or(made));
            }
            // A sweep took the temp for a left-over.
            Err(error) if error.kind() == Kind::Missing && turns > 0 => {}
            Err(error) => {
                temp.remove()?;
                return Err(error);
            }
        }
    }
}

/// Whether it was to be a mark, and was left behind: whoever is just making it makes another one.
pub(super) fn is_temp(path: &Path) -> bool {
    is_one(path) && path.file_name().is_some_and(|name| name != MARK)
}

/// Whether it is a mark, or was to be one.
pub(super) fn is_one(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rest = name.strip_prefix(MARK);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A file that we hold is not in its folder, because that is another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not the folder any more that `{}` was put into: put the old folder back in its place, or move that file from there to \
     here; if it is gone for good, write `{mark}` into `{}`",
    .held.parent().unwrap_or(held).display(), .held.file_name().unwrap_or_default().display(), held.with_file_name(MARK).display()
)]
pub struct Replaced {
    held: PathBuf,
    mark: String,
}

impl Replaced {
    pub(super) fn new(held: &Path, mark: &str) -> Self {
        let (held, mark) = (held.to_path_buf(), mark.to_owned());
        Self { held, mark }
    }
}
