//! Whether a file may be taken out of its folder, found out without trying it.
//!
//! Whoever may write a folder may not yet move all that lies in it: a sticky folder lets only owners do that, and a file may be marked
//! so that nobody can.

use crate::durable::probe::who_we_are;
use crate::durable::spot::Spot;
use rustix::fs::{AtFlags, Mode, StatxAttributes, StatxFlags};
use rustix::thread::CapabilitySet;
use std::fs::File;

/// What decides whether a file may be moved.
#[derive(Clone, Copy, Debug)]
struct Standing {
    attributes: StatxAttributes,
    /// User, group and mode of the file.
    file: (u32, u32, u32),
    /// User and mode of its folder.
    folder: (u32, u32),
}

/// Why we may not take this opened file from where it lies, and what to do; `None` where nothing is known against it.
#[must_use]
pub fn why(spot: &Spot, opened: &File) -> Option<String> {
    let wanted = StatxFlags::BASIC_STATS;
    let file = rustix::fs::statx(opened, c"", AtFlags::EMPTY_PATH, wanted).ok()?;
    let folder = spot.stat_folder().ok()?;
    let standing = Standing {
        attributes: file.stx_attributes & file.stx_attributes_mask,
        file: (file.stx_uid, file.stx_gid, u32::from(file.stx_mode)),
        folder: (folder.st_uid, folder.st_mode),
    };
    let us = rustix::process::geteuid().as_raw();
    standing.against(us, is_above_owners)
}

/// Whether we may do what only owners may.
fn is_above_owners() -> bool {
    let ours = rustix::thread::capabilities(None);
    ours.is_ok_and(|ours| ours.effective.contains(CapabilitySet::FOWNER))
}

impl Standing {
    /// What the kernel will say (`may_delete` in `fs/namei.c`) to user `us`, who is perhaps above owners.
    fn against(self, us: u32, is_above: impl FnOnce() -> bool) -> Option<String> {
        for (mark, word, letter) in [
            (StatxAttributes::IMMUTABLE, "immutable", 'i'),
            (StatxAttributes::APPEND, "append-only", 'a'),
        ] {
            if self.attributes.contains(mark) {
                return Some(format!(
                    "it is marked {word}, so that nobody can move it: take the mark off (`chattr -{letter}`)"
                ));
            }
        }
        let ((user, group, mode), (owner, folder)) = (self.file, self.folder);
        let is_sticky = folder & Mode::SVTX.as_raw_mode() != 0;
        if !is_sticky || us == user || us == owner || is_above() {
            return None;
        }
        let (we, mode, folder) = (who_we_are(), mode & 0o7777, folder & 0o7777);
        Some(format!(
            "it cannot be taken by {we}: it belongs to uid {user} gid {group}, mode {mode:04o}, in a sticky folder (uid {owner}, mode \
             {folder:04o}), where only owners may move files; give the folder to this user, or take its sticky bit off (`chmod -t`)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Standing = Standing {
        attributes: StatxAttributes::empty(),
        file: (1000, 100, 0o10_0644),
        folder: (0, 0o04_1777),
    };

    #[test]
    fn in_a_sticky_folder_only_owners_may_move_files() {
        let told = |standing: Standing, us| standing.against(us, || false);
        let why = told(PLAIN, 2000).expect("not ours");
        assert!(
            why.contains("uid 1000 gid 100, mode 0644") && why.contains("uid 0, mode 1777"),
            "{why}"
        );
        assert_eq!(told(PLAIN, 1000), None);
        assert_eq!(told(PLAIN, 0), None);
        assert_eq!(PLAIN.against(2000, || true), None);
        let folder = (0, 0o04_0777);
        assert_eq!(told(Standing { folder, ..PLAIN }, 2000), None);
    }

    #[test]
    fn a_marked_file_is_moved_by_nobody() {
        for (attributes, part) in [
            (StatxAttributes::IMMUTABLE, "`chattr -i`"),
            (StatxAttributes::APPEND, "`chattr -a`"),
        ] {
            let marked = Standing {
                attributes,
                ..PLAIN
            };
            let why = marked.against(0, || true).expect("marked");
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn an_ordinary_file_of_ours_is_not_stuck() {
        let temp = tempfile::tempdir().expect("a temp folder");
        let path = temp.path().join("a.pdf");
        std::fs::write(&path, b"x").expect("writable");
        let spot = Spot::of(&path)
            .expect("it can be looked at")
            .expect("there");
        assert_eq!(why(&spot, &spot.open().expect("readable")), None);
    }
}
