//! Ways that lead to files by their names.

use crate::breakout::{NONE, Way, open, room, text};

pub(super) fn by_files() -> Vec<Way> {
    let mut ways = Vec::new();
    for path in [
        "/etc/passwd",
        "/etc/shadow",
        "/proc/1/environ",
        "/proc/self/mem",
        "/dev/tty",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/fuse",
        "/",
        "/root",
        "..",
    ] {
        ways.push(open(format!("read {path}"), path, libc::O_RDONLY));
    }
    let create = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
    for path in [
        "/tmp/dropleaf-breakout",
        "/dev/shm/dropleaf-breakout",
        "/var/tmp/dropleaf-breakout",
        "dropleaf-breakout.so",
    ] {
        ways.push(open(format!("create {path}"), path, create));
    }
    let here = NONE - 99;
    ways.extend(
        [
            (
                "link",
                libc::SYS_linkat,
                [here, text("/etc/passwd"), here, text("x"), 0, 0],
            ),
            (
                "symlink",
                libc::SYS_symlinkat,
                [text("/etc/passwd"), here, text("x"), 0, 0, 0],
            ),
            (
                "folder",
                libc::SYS_mkdirat,
                [here, text("x"), 0o700, 0, 0, 0],
            ),
        ]
        .map(|(way, number, arguments)| (way.to_owned(), number, arguments)),
    );
    ways
}

/// Everything that can be done to a file by its name. The worker may be its owner.
pub(super) fn to_file(which: &str, path: &str) -> Vec<Way> {
    let (here, name) = (NONE - 99, text(path));
    let mut ways = vec![
        open(format!("{which}: read"), path, libc::O_RDONLY),
        open(format!("{which}: write"), path, libc::O_RDWR),
    ];
    let mut by_name = vec![
        ("truncate", libc::SYS_truncate, [name, 1 << 40, 0, 0, 0, 0]),
        // As if it were a folder, and onto itself: neither would do anything.
        ("remove", libc::SYS_unlinkat, [here, name, 0x200, 0, 0, 0]),
        (
            "rename",
            libc::SYS_renameat2,
            [here, name, here, name, 0, 0],
        ),
        ("mode", libc::SYS_fchmodat, [here, name, 0o777, 0, 0, 0]),
        ("mode-2", 452, [here, name, 0o777, 0, 0, 0]),
        ("owner", libc::SYS_fchownat, [here, name, 0, 0, 0, 0]),
        ("times", libc::SYS_utimensat, [here, name, 0, 0, 0, 0]),
        (
            "attribute",
            libc::SYS_setxattr,
            [name, text("user.x"), room(), 1, 0, 0],
        ),
        (
            "link",
            libc::SYS_linkat,
            [here, name, here, text("x"), 0, 0],
        ),
    ];
    #[cfg(target_arch = "x86_64")]
    by_name.push(("old-mode", libc::SYS_chmod, [name, 0o777, 0, 0, 0, 0]));
    let by_name = by_name.into_iter();
    ways.extend(
        by_name.map(|(way, number, arguments)| (format!("{which}: {way}"), number, arguments)),
    );
    ways
}
