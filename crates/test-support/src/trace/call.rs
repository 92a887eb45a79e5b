//! Which calls change files, and of which files they are.

use super::regs::Stop;
use nix::libc;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

/// A call that changes a file below the root, or makes changes durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file is opened such that it may be made or emptied.
    Open {
        /// Its path.
        path: PathBuf,
        /// Whether it was there before.
        existed: bool,
        /// Whether it is emptied.
        truncate: bool,
    },
    /// Bytes are written: at `at`, or where the descriptor stands.
    Write {
        /// The descriptor.
        fd: i32,
        /// What it stands for.
        path: PathBuf,
        /// The place, if the call names one.
        at: Option<u64>,
    },
    /// A file gets another length, or room.
    Resize {
        /// The descriptor.
        fd: i32,
        /// What it stands for.
        path: PathBuf,
    },
    /// The content of a file, or the names in a folder, are made durable.
    Sync {
        /// The descriptor.
        fd: i32,
        /// What it stands for.
        path: PathBuf,
    },
    /// Everything is made durable.
    SyncAll,
    /// A name becomes another.
    Rename {
        /// The old one.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// A file gets another name beside its own.
    Link {
        /// The one it has.
        from: PathBuf,
        /// The other.
        to: PathBuf,
    },
    /// A name of a file goes.
    Unlink {
        /// Which.
        path: PathBuf,
    },
    /// A folder is made.
    MakeFolder {
        /// Which.
        path: PathBuf,
    },
    /// A folder goes.
    RemoveFolder {
        /// Which.
        path: PathBuf,
    },
}

/// The traced process, as far as it can be looked into.
#[derive(Debug)]
pub struct Seen {
    process: Pid,
    root: PathBuf,
    memory: Option<File>,
}

impl Seen {
    pub(super) fn new(process: Pid, root: PathBuf) -> Self {
        Self {
            process,
            root,
            memory: None,
        }
    }

    /// A program has taken the place of another: its memory is a new one.
    pub(super) fn executed(&mut self) {
        self.memory = File::open(format!("/proc/{}/mem", self.process)).ok();
    }

    /// The file behind a descriptor, as it is now.
    #[must_use]
    pub fn metadata(&self, fd: i32) -> Option<Metadata> {
        std::fs::metadata(self.link(fd)).ok()
    }

    /// Reads from the file behind a descriptor.
    #[must_use]
    pub fn content(&self, fd: i32, at: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let file = File::open(self.link(fd)).ok()?;
        file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    /// Where a descriptor stands in its file.
    #[must_use]
    pub fn position(&self, fd: i32) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/fdinfo/{fd}", self.process)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("pos:"))?;
        line.trim().parse().ok()
    }

    /// The path behind a descriptor, if it lies below the root.
    fn path(&self, fd: i32) -> Option<PathBuf> {
        let path = std::fs::read_link(self.link(fd)).ok()?;
        path.starts_with(&self.root).then_some(path)
    }

    fn link(&self, fd: i32) -> String {
        format!("/proc/{}/fd/{fd}", self.process)
    }

    /// The text at an address, up to its NUL.
    fn text(&self, mut address: u64) -> Option<Vec<u8>> {
        let memory = self.memory.as_ref()?;
        let mut text = Vec::new();
        while text.len() <= 8_192 {
            // Not beyond the page: the next one may not be there.
            let mut piece = vec![0; usize::try_from(256 - address % 256).ok()?];
            memory.read_exact_at(&mut piece, address).ok()?;
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend(&piece[..end]);
                return Some(text);
            }
            address += piece.len() as u64;
            text.extend(piece);
        }
        None
    }

    /// The path that a call names, if it lies below the root.
    fn named(&self, folder: u64, address: u64) -> Option<PathBuf> {
        let text = self.text(address)?;
        let path = Path::new(OsStr::from_bytes(&text));
        let whole = if path.is_absolute() {
            path.to_path_buf()
        } else {
            // The upper half of the register is not part of the descriptor.
            let above = match folder as i32 {
                libc::AT_FDCWD => std::fs::read_link(format!("/proc/{}/cwd", self.process)),
                fd => std::fs::read_link(self.link(fd)),
            };
            above.ok()?.join(path)
        };
        let mut clean = PathBuf::new();
        for part in whole.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        clean.starts_with(&self.root).then_some(clean)
    }
}

/// What a thread is about to do, where it is of interest.
pub(super) fn decode(stop: &Stop, seen: &Seen) -> Option<Call> {
    let a = stop.arguments;
    let here = libc::AT_FDCWD as u64;
    let fd = a[0] as i32;
    match stop.number {
        libc::SYS_open => open(seen, here, a[0], a[1]),
        libc::SYS_creat => open(seen, here, a[0], (libc::O_CREAT | libc::O_TRUNC) as u64),
        libc::SYS_openat => open(seen, a[0], a[1], a[2]),
        libc::SYS_write | libc::SYS_writev => write(seen, fd, None),
        libc::SYS_pwrite64 | libc::SYS_pwritev | libc::SYS_pwritev2 => write(seen, fd, Some(a[3])),
        libc::SYS_copy_file_range => write(seen, a[2] as i32, None),
        libc::SYS_sendfile => write(seen, fd, None),
        libc::SYS_ftruncate | libc::SYS_fallocate => {
            let path = seen.path(fd)?;
            Some(Call::Resize { fd, path })
        }
        libc::SYS_fsync | libc::SYS_fdatasync => {
            let path = seen.path(fd)?;
            Some(Call::Sync { fd, path })
        }
        libc::SYS_sync | libc::SYS_syncfs => Some(Call::SyncAll),
        libc::SYS_rename => rename(seen, (here, a[0]), (here, a[1])),
        libc::SYS_renameat | libc::SYS_renameat2 => rename(seen, (a[0], a[1]), (a[2], a[3])),
        libc::SYS_link => link(seen, (here, a[0]), (here, a[1])),
        libc::SYS_linkat => link(seen, (a[0], a[1]), (a[2], a[3])),
        libc::SYS_unlink => Some(Call::Unlink {
            path: seen.named(here, a[0])?,
        }),
        libc::SYS_unlinkat if a[2] & libc::AT_REMOVEDIR as u64 != 0 => Some(Call::RemoveFolder {
            path: seen.named(a[0], a[1])?,
        }),
        libc::SYS_unlinkat => Some(Call::Unlink {
            path: seen.named(a[0], a[1])?,
        }),
        libc::SYS_rmdir => Some(Call::RemoveFolder {
            path: seen.named(here, a[0])?,
        }),
        libc::SYS_mkdir => Some(Call::MakeFolder {
            path: seen.named(here, a[0])?,
        }),
        libc::SYS_mkdirat => Some(Call::MakeFolder {
            path: seen.named(a[0], a[1])?,
        }),
        _ => None,
    }
}

fn open(seen: &Seen, folder: u64, address: u64, flags: u64) -> Option<Call> {
    let flags = flags as i32;
    if flags & (libc::O_CREAT | libc::O_TRUNC) == 0 {
        return None;
    }
    let path = seen.named(folder, address)?;
    let existed = std::fs::symlink_metadata(&path).is_ok();
    Some(Call::Open {
        path,
        existed,
        truncate: flags & libc::O_TRUNC != 0,
    })
}

fn write(seen: &Seen, fd: i32, at: Option<u64>) -> Option<Call> {
    let path = seen.path(fd)?;
    Some(Call::Write { fd, path, at })
}

fn rename(seen: &Seen, from: (u64, u64), to: (u64, u64)) -> Option<Call> {
    Some(Call::Rename {
        from: seen.named(from.0, from.1)?,
        to: seen.named(to.0, to.1)?,
    })
}

fn link(seen: &Seen, from: (u64, u64), to: (u64, u64)) -> Option<Call> {
    Some(Call::Link {
        from: seen.named(from.0, from.1)?,
        to: seen.named(to.0, to.1)?,
    })
}
