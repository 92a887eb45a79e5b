//! Who a file is, in no more bytes than that takes: a burst leaves very many in memory that wait.

use crate::job::event::Identity;

const SECOND: i128 = 1_000_000_000;

/// An [`Identity`] as it is kept for a file that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    device: u64,
    inode: u64,
    size: u64,
    modified: i64,
    changed: i64,
    modified_ns: u32,
    changed_ns: u32,
}

impl From<Identity> for Brief {
    fn from(identity: Identity) -> Self {
        let (modified, modified_ns) = split(identity.mtime_ns);
        let (changed, changed_ns) = split(identity.ctime_ns);
        Self {
            device: identity.device,
            inode: identity.inode,
            size: identity.size,
            modified,
            changed,
            modified_ns,
            changed_ns,
        }
    }
}

impl From<Brief> for Identity {
    fn from(brief: Brief) -> Self {
        let join = |seconds, rest| i128::from(seconds) * SECOND + i128::from(rest);
        Self {
            device: brief.device,
            inode: brief.inode,
            size: brief.size,
            mtime_ns: join(brief.modified, brief.modified_ns),
            ctime_ns: join(brief.changed, brief.changed_ns),
        }
    }
}

/// Whole seconds and the nanoseconds after them, as the file system had them.
fn split(time: i128) -> (i64, u32) {
    let whole = i64::try_from(time.div_euclid(SECOND));
    let rest = u32::try_from(time.rem_euclid(SECOND));
    (
        whole.expect("a file system's seconds have 64 bits"),
        rest.expect("fewer than a second"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_file_again() {
        let last = i128::from(i64::MAX) * SECOND + 999_999_999;
        for time in [0, 1, -1, SECOND, 1_700_000_000_123_456_789, last, -last] {
            let identity = Identity {
                device: 1,
                inode: u64::MAX,
                size: 3,
                mtime_ns: time,
                ctime_ns: -time,
            };
            assert_eq!(Identity::from(Brief::from(identity)), identity);
        }
    }
}
