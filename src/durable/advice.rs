//! What a person can do about an error of the operating system.

use crate::durable::{Kind, kind_of};
use rustix::io::Errno;
use std::io;

/// What is lacking where there is no room, for people.
#[must_use]
pub fn lack(error: &io::Error) -> &'static str {
    if error.raw_os_error() == Some(Errno::DQUOT.raw_os_error()) {
        "the disk quota is used up; it can be raised, too"
    } else {
        "the disk is full"
    }
}

/// What a person can do where a folder was not written, space apart.
#[must_use]
pub fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ROFS) => "mount the folder writable",
        Some(Errno::EXIST | Errno::NOTDIR | Errno::ISDIR | Errno::NOTEMPTY) => {
            "move away what stands in the way"
        }
        Some(Errno::NAMETOOLONG) => "choose a shorter name",
        Some(Errno::ACCESS | Errno::PERM) => "make the folder writable",
        _ if kind_of(error) == Kind::Link => "put a folder in the place of the link",
        _ if kind_of(error) == Kind::Missing => "make the folder, or mount what belongs there",
        _ => "look at the disk or the network",
    }
}
