//! File systems on which a file has another inode number after a rename (some behind FUSE make it from the name).
//!
//! Whether the file that was renamed is the one that was seen cannot be told there: each would look as if it had changed in that
//! moment and be put back, for ever. So where that happens again and again, and nothing but the inode is another, files are copied
//! instead: a copy is compared with what was seen without a rename in between.

use crate::job::event::Identity;
use std::collections::HashMap;
use std::fs::Metadata;
use std::sync::{Arc, Mutex, PoisonError};

/// So often in a row it may as well be somebody who puts another file in its place.
const TIMES: u32 = 3;

/// How often in a row renames on a device have given files another identity. Cloning it gives another handle to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Fickle(Arc<Mutex<HashMap<u64, u32>>>);

impl Fickle {
    /// Whether files of this device are to be copied.
    pub(super) fn contains(&self, device: u64) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&device).is_some_and(|times| *times >= TIMES)
    }

    /// What a file was before its rename, and what lies under its new name.
    pub(super) fn saw(&self, before: &Identity, after: &Metadata) {
        let after = Identity::of(after);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if before.same_file(&after) {
            if !seen.is_empty() {
                seen.remove(&before.device);
            }
        } else if before.same_content(&after) {
            let times = seen.entry(before.device).or_default();
            *times += 1;
            if *times == TIMES {
                tracing::warn!(
                    device = before.device,
                    "files get another identity when they are renamed on this file system: they are copied out of their inbox instead"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_inode_that_changes_with_each_rename_counts() {
        let temp = tempfile::tempdir().expect("a temp folder");
        let path = temp.path().join("a.pdf");
        std::fs::write(&path, "a").expect("writable");
        let found = path.metadata().expect("there");
        let same = Identity::of(&found);
        let other = Identity {
            inode: same.inode + 1,
            ..same
        };
        let rewritten = Identity { size: 7, ..other };
        let fickle = Fickle::default();
        let check = |before: &Identity, expected| {
            fickle.saw(before, &found);
            assert_eq!(fickle.contains(same.device), expected, "{before:?}");
        };
        for _ in 0..5 {
            check(&rewritten, false);
        }
        check(&other, false);
        check(&other, false);
        check(&same, false);
        check(&other, false);
        check(&other, false);
        check(&other, true);
        assert!(!fickle.contains(same.device + 1));
    }
}
