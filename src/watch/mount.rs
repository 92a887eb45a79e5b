//! Which file system a folder lies on, and whether it reports its changes.

use rustix::io::Errno;
use std::path::Path;

/// Whether the kernel hears of every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All changes go through this kernel, which reports them.
    Local,
    /// Others can change it behind this kernel's back.
    Remote,
    /// Not known, so taken as `Remote`.
    Unknown,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `ext4`, `nfs`, `0x1234`.
    pub name: String,
    /// Whether its changes are reported.
    pub reach: Reach,
}

/// Magic numbers of `statfs(2)` and linux/magic.h.
const KNOWN: &[(u32, &str, Reach)] = &[
    (0x0000_EF53, "ext4", Reach::Local),
    (0x5846_5342, "xfs", Reach::Local),
    (0x9123_683E, "btrfs", Reach::Local),
    (0x0102_1994, "tmpfs", Reach::Local),
    (0x8584_58F6, "ramfs", Reach::Local),
    (0xF2F5_2010, "f2fs", Reach::Local),
    (0x2FC1_2FC1, "zfs", Reach::Local),
    (0xCA45_1A4E, "bcachefs", Reach::Local),
    (0x3153_464A, "jfs", Reach::Local),
    (0x5265_4973, "reiserfs", Reach::Local),
    (0x0000_4D44, "fat", Reach::Local),
    (0x2011_BAB0, "exfat", Reach::Local),
    (0x5346_544E, "ntfs", Reach::Local),
    (0x7366_746E, "ntfs3", Reach::Local),
    (0x0000_F15F, "ecryptfs", Reach::Local),
    // What is written through the overlay is reported, what is written below it is not: the full scans find that.
    (0x794C_7630, "overlay", Reach::Local),
    (0x6573_5546, "fuse", Reach::Remote),
    (0x0000_6969, "nfs", Reach::Remote),
    (0xFE53_4D42, "smb2", Reach::Remote),
    (0xFF53_4D42, "cifs", Reach::Remote),
    (0x0000_517B, "smb", Reach::Remote),
    (0x0102_1997, "9p", Reach::Remote),
    (0x00C3_6400, "ceph", Reach::Remote),
    (0x5346_414F, "afs", Reach::Remote),
    (0x6B41_4653, "afs", Reach::Remote),
    (0x7375_7245, "coda", Reach::Remote),
    (0x0116_1970, "gfs2", Reach::Remote),
    (0x7461_636F, "ocfs2", Reach::Remote),
    (0x0BD0_0BD0, "lustre", Reach::Remote),
    (0x786F_4256, "vboxsf", Reach::Remote),
    (0xBACB_ACBC, "vmhgfs", Reach::Remote),
];

/// The file system of a folder.
///
/// # Errors
/// The folder is not there or does not answer.
pub fn of(folder: &Path) -> Result<Mount, Errno> {
    let found = rustix::fs::statfs(folder)?;
    // The kernel's word is 32 bits wide, whatever the width and sign of the C type.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "see above"
    )]
    Ok(by_magic(found.f_type as u32))
}

fn by_magic(magic: u32) -> Mount {
    match KNOWN.iter().find(|row| row.0 == magic) {
        Some((_, name, reach)) => Mount {
            name: (*name).to_owned(),
            reach: *reach,
        },
        None => Mount {
            name: format!("0x{magic:x}"),
            reach: Reach::Unknown,
        },
    }
}

impl Mount {
    /// Whether it has to be scanned often, because changes may go unreported.
    #[must_use]
    pub fn is_polled(&self) -> bool {
        self.reach != Reach::Local
    }

    /// Why it is watched the way it is.
    #[must_use]
    pub fn reason(&self) -> String {
        let name = &self.name;
        match self.reach {
            Reach::Local => format!("{name} is a local file system and reports its changes"),
            Reach::Remote => format!("{name} does not report what others change on it"),
            Reach::Unknown => format!("the file system {name} is not known to report its changes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_unknown_file_systems_are_polled() {
        for (magic, name, polled) in [
            (0xEF53, "ext4", false),
            (0x0102_1994, "tmpfs", false),
            (0x794C_7630, "overlay", false),
            (0x6573_5546, "fuse", true),
            (0x6969, "nfs", true),
            (0xFE53_4D42, "smb2", true),
            (0xFF53_4D42, "cifs", true),
            (0x1234, "0x1234", true),
        ] {
            let mount = by_magic(magic);
            assert_eq!((mount.name.as_str(), mount.is_polled()), (name, polled));
            assert!(mount.reason().contains(name));
        }
    }

    #[test]
    fn magics_are_unique() {
        let all: std::collections::HashSet<_> = KNOWN.iter().map(|row| row.0).collect();
        assert_eq!(all.len(), KNOWN.len());
    }

    #[test]
    fn a_folder_that_is_not_there_has_none() {
        assert_eq!(of(Path::new("/not/there")), Err(Errno::NOENT));
        of(Path::new("/")).expect("the root is there");
    }
}
