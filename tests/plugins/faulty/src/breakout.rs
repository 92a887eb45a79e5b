//! Every way out of a worker that we know, tried one after the other in one run.
//!
//! A way answers 0 where it led somewhere, and else the number of the system's error. None of them does harm where it is
//! open by mistake: signals are number 0, files are opened and not written.

mod files;

use crate::breakout::files::{by_files, to_file};
use dropleaf_plugin_sdk::prelude::*;
use std::ffi::CString;
use std::io;

/// Tries every way out and publishes what became of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Breakout {
    /// Processes to reach besides the parent: the nursery, another worker.
    #[serde(default)]
    processes: Vec<i32>,
    /// Files to reach: the journal, another job's.
    #[serde(default)]
    files: Vec<String>,
    /// How often the first call is repeated.
    #[serde(default)]
    flood: u32,
    /// Files to open for reading, one after the other.
    #[serde(default)]
    reads: Vec<String>,
    /// How often each.
    #[serde(default)]
    times: u32,
    /// Only this one.
    only: Option<String>,
}

impl Operation for Breakout {
    const NAME: &'static str = "breakout";
    const SUMMARY: &'static str = "Try every way out";

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for _ in 0..self.flood {
            call(libc::SYS_socket, [1, 1, 0, 0, 0, 0]);
        }
        if !self.reads.is_empty() {
            return self.read(run);
        }
        let mut ways = by_calls();
        // SAFETY: no arguments, and it cannot fail.
        let parent = unsafe { libc::getppid() };
        ways.extend(to_process("daemon", parent));
        // SAFETY: no arguments, and it cannot fail.
        let own = unsafe { libc::getpid() };
        let others = self.processes.iter().filter(|process| **process != own);
        for (number, &process) in others.enumerate() {
            ways.extend(to_process(&format!("process-{number}"), process));
        }
        ways.extend(by_files());
        for (number, path) in self.files.iter().enumerate() {
            ways.extend(to_file(&format!("file-{number}"), path));
        }
        if let Some(only) = &self.only {
            ways.retain(|(way, ..)| way == only);
        }
        for (way, number, arguments) in ways {
            run.result(&way, call(number, arguments))?;
        }
        match self.only {
            Some(_) => Ok(()),
            None => run.result("descriptors", descriptors()),
        }
    }
}

impl Breakout {
    /// Opens and closes files as anybody does, and publishes the error's number of each.
    fn read(&self, run: &mut Run<'_>) -> Result<()> {
        for path in &self.reads {
            let mut error = 0;
            for _ in 0..self.times.max(1) {
                let opened = std::fs::File::open(path);
                error = opened.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0);
            }
            run.result(path, error)?;
        }
        Ok(())
    }
}

/// What it is called, and the call with its arguments.
type Way = (String, libc::c_long, [usize; 6]);

/// A descriptor of a memory file, which is made when the call is.
const MEMORY: usize = usize::MAX - 1_000;

/// A system call's error, 0 where it had none.
fn call(number: libc::c_long, mut a: [usize; 6]) -> i32 {
    if a[0] == MEMORY {
        a[0] = memory_file();
    }
    // SAFETY: the callers give addresses of places that live long enough, or none.
    let answer = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) };
    // A copy of this process must not go on with what its original does.
    let copies = [libc::SYS_clone, libc::SYS_clone3];
    if answer == 0 && copies.contains(&number) {
        // SAFETY: it ends the copy.
        unsafe { libc::_exit(0) };
    }
    match answer {
        0.. => 0,
        _ => io::Error::last_os_error().raw_os_error().unwrap_or(-1),
    }
}

/// Room for what a call may write or read; zeros.
fn room() -> usize {
    Box::leak(Box::new([0u64; 64])).as_ptr() as usize
}

fn text(words: &str) -> usize {
    CString::new(words).map_or(0, |words| words.into_raw() as usize)
}

/// `-1` as an argument.
const NONE: usize = usize::MAX;

fn by_calls() -> Vec<Way> {
    // A signal's number and size of `struct clone_args`.
    let clone_arguments = room();
    let ways: [(&str, libc::c_long, [usize; 6]); 77] = [
        (
            "exec",
            libc::SYS_execve,
            [text("/bin/true"), room(), room(), 0, 0, 0],
        ),
        (
            "exec-memory",
            libc::SYS_execveat,
            [MEMORY, text(""), room(), room(), 0x1000, 0],
        ),
        ("clone", libc::SYS_clone, [17, 0, 0, 0, 0, 0]),
        ("clone-parent", libc::SYS_clone, [0x8011, 0, 0, 0, 0, 0]),
        (
            "clone-namespace",
            libc::SYS_clone,
            [0x1000_0011, 0, 0, 0, 0, 0],
        ),
        (
            "clone3",
            libc::SYS_clone3,
            [clone_arguments, 88, 0, 0, 0, 0],
        ),
        (
            "unshare-user",
            libc::SYS_unshare,
            [0x1000_0000, 0, 0, 0, 0, 0],
        ),
        (
            "unshare-mount",
            libc::SYS_unshare,
            [0x2_0000, 0, 0, 0, 0, 0],
        ),
        ("setns", libc::SYS_setns, [0, 0, 0, 0, 0, 0]),
        ("socket-internet", libc::SYS_socket, [2, 1, 0, 0, 0, 0]),
        ("socket-internet-6", libc::SYS_socket, [10, 2, 0, 0, 0, 0]),
        ("socket-unix", libc::SYS_socket, [1, 1, 0, 0, 0, 0]),
        ("socket-netlink", libc::SYS_socket, [16, 3, 0, 0, 0, 0]),
        ("socket-packet", libc::SYS_socket, [17, 3, 0, 0, 0, 0]),
        ("socket-vsock", libc::SYS_socket, [40, 1, 0, 0, 0, 0]),
        ("socket-alg", libc::SYS_socket, [38, 5, 0, 0, 0, 0]),
        (
            "socketpair-datagram",
            libc::SYS_socketpair,
            [1, 2, 0, room(), 0, 0],
        ),
        (
            "socketpair-stream",
            libc::SYS_socketpair,
            [1, 1, 0, room(), 0, 0],
        ),
        ("connect", libc::SYS_connect, [0, room(), 16, 0, 0, 0]),
        ("bind", libc::SYS_bind, [0, room(), 16, 0, 0, 0]),
        (
            "io-uring",
            libc::SYS_io_uring_setup,
            [1, room(), 0, 0, 0, 0],
        ),
        ("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, room(), 48, 0, 0, 0]),
        (
            "perf-event",
            libc::SYS_perf_event_open,
            [room(), 0, NONE, NONE, 0, 0],
        ),
        ("keyctl", libc::SYS_keyctl, [0, NONE - 2, 0, 0, 0, 0]),
        (
            "add-key",
            libc::SYS_add_key,
            [text("user"), text("x"), room(), 1, NONE - 1, 0],
        ),
        (
            "request-key",
            libc::SYS_request_key,
            [text("user"), text("x"), 0, NONE - 1, 0, 0],
        ),
        (
            "mount",
            libc::SYS_mount,
            [text("x"), text("/tmp"), text("tmpfs"), 0, 0, 0],
        ),
        (
            "umount",
            libc::SYS_umount2,
            [text("/nowhere"), 0, 0, 0, 0, 0],
        ),
        (
            "open-tree",
            libc::SYS_open_tree,
            [NONE, text("/"), 1, 0, 0, 0],
        ),
        ("fsopen", libc::SYS_fsopen, [text("tmpfs"), 0, 0, 0, 0, 0]),
        (
            "pivot-root",
            libc::SYS_pivot_root,
            [text("/a"), text("/b"), 0, 0, 0, 0],
        ),
        ("chroot", libc::SYS_chroot, [text("/"), 0, 0, 0, 0, 0]),
        (
            "name-to-handle",
            libc::SYS_name_to_handle_at,
            [NONE, text("/"), room(), room(), 0, 0],
        ),
        (
            "open-by-handle",
            libc::SYS_open_by_handle_at,
            [NONE, room(), 0, 0, 0, 0],
        ),
        (
            "mknod",
            libc::SYS_mknodat,
            [NONE, text("/tmp/dropleaf-node"), 0o020_666, 0x103, 0, 0],
        ),
        ("inotify", libc::SYS_inotify_init1, [0, 0, 0, 0, 0, 0]),
        ("fanotify", libc::SYS_fanotify_init, [0, 0, 0, 0, 0, 0]),
        ("setuid", libc::SYS_setuid, [0, 0, 0, 0, 0, 0]),
        ("setresuid", libc::SYS_setresuid, [0, 0, 0, 0, 0, 0]),
        ("setgroups", libc::SYS_setgroups, [0, 0, 0, 0, 0, 0]),
        ("setfsuid", libc::SYS_setfsuid, [0, 0, 0, 0, 0, 0]),
        ("capset", libc::SYS_capset, [room(), room(), 0, 0, 0, 0]),
        (
            "scheduler",
            libc::SYS_sched_setscheduler,
            [0, 1, room(), 0, 0, 0],
        ),
        (
            "scheduler-reset",
            libc::SYS_sched_setscheduler,
            [0, 0x4000_0000, room(), 0, 0, 0],
        ),
        ("nice", libc::SYS_setpriority, [0, 0, NONE - 19, 0, 0, 0]),
        ("io-priority", libc::SYS_ioprio_set, [1, 0, 0x2000, 0, 0, 0]),
        ("setrlimit", libc::SYS_setrlimit, [7, room(), 0, 0, 0, 0]),
        ("prlimit", libc::SYS_prlimit64, [0, 7, room(), 0, 0, 0]),
        ("setsid", libc::SYS_setsid, [0, 0, 0, 0, 0, 0]),
        ("setpgid", libc::SYS_setpgid, [0, 0, 0, 0, 0, 0]),
        ("outlive-parent", libc::SYS_prctl, [1, 0, 0, 0, 0, 0]),
        ("be-dumpable", libc::SYS_prctl, [4, 1, 0, 0, 0, 0]),
        ("be-traced", libc::SYS_prctl, [0x5961_6d61, 1, 0, 0, 0, 0]),
        (
            "other-program-in-proc",
            libc::SYS_prctl,
            [35, 13, 0, 0, 0, 0],
        ),
        (
            "personality",
            libc::SYS_personality,
            [0x40_0000, 0, 0, 0, 0, 0],
        ),
        (
            "shared-memory",
            libc::SYS_shmget,
            [0, 4096, 0o1600, 0, 0, 0],
        ),
        ("semaphores", libc::SYS_semget, [0, 1, 0o1600, 0, 0, 0]),
        ("messages", libc::SYS_msgget, [0, 0o1600, 0, 0, 0, 0]),
        (
            "posix-queue",
            libc::SYS_mq_open,
            [text("x"), 0o102, 0o600, 0, 0, 0],
        ),
        (
            "type-into-terminal",
            libc::SYS_ioctl,
            [0, 0x5412, room(), 0, 0, 0],
        ),
        (
            "paste-into-console",
            libc::SYS_ioctl,
            [0, 0x541C, room(), 0, 0, 0],
        ),
        (
            "owner-by-ioctl",
            libc::SYS_ioctl,
            [0, 0x8901, room(), 0, 0, 0],
        ),
        (
            "seal-original",
            libc::SYS_ioctl,
            [0, 0x4080_6685, room(), 0, 0, 0],
        ),
        ("lease", libc::SYS_fcntl, [0, 1024, 0, 0, 0, 0]),
        ("watch-folder", libc::SYS_fcntl, [0, 1026, 0, 0, 0, 0]),
        (
            "mode-of-descriptor",
            libc::SYS_fchmod,
            [0, 0o777, 0, 0, 0, 0],
        ),
        (
            "attribute-of-descriptor",
            libc::SYS_fsetxattr,
            [0, text("user.x"), room(), 1, 0, 0],
        ),
        (
            "memory-of-nobody",
            libc::SYS_mmap,
            [0, 4096, 3, 0x21, NONE, 0],
        ),
        (
            "memory-as-stack",
            libc::SYS_mmap,
            [0, 4096, 3, 0x122, NONE, 0],
        ),
        ("memory-in-secret", 447, [0, 0, 0, 0, 0, 0]),
        ("sync-all", libc::SYS_sync, [0, 0, 0, 0, 0, 0]),
        (
            "kernel-module",
            libc::SYS_init_module,
            [0, 0, text(""), 0, 0, 0],
        ),
        ("reboot", libc::SYS_reboot, [0, 0, 0, 0, 0, 0]),
        ("clock", libc::SYS_settimeofday, [0, 0, 0, 0, 0, 0]),
        ("kernel-log", libc::SYS_syslog, [10, 0, 0, 0, 0, 0]),
        ("kill-all", libc::SYS_kill, [NONE, 0, 0, 0, 0, 0]),
    ];
    let tried = ways.into_iter();
    tried
        .map(|(way, number, arguments)| (way.to_owned(), number, arguments))
        .collect()
}

fn memory_file() -> usize {
    // SAFETY: a name that ends with a zero.
    let file = unsafe { libc::memfd_create(c"program".as_ptr(), 0) };
    usize::try_from(file).unwrap_or(NONE)
}

/// Everything that one process can do to another.
fn to_process(who: &str, process: i32) -> Vec<Way> {
    let id = usize::try_from(process).unwrap_or(NONE);
    let part = Box::leak(Box::new([room(), 8]));
    let part = part.as_ptr() as usize;
    let mut ways: Vec<Way> = [
        ("signal", libc::SYS_kill, [id, 0, 0, 0, 0, 0]),
        ("signal-thread", libc::SYS_tgkill, [id, id, 0, 0, 0, 0]),
        (
            "signal-with-value",
            libc::SYS_rt_sigqueueinfo,
            [id, 0, room(), 0, 0, 0],
        ),
        (
            "signal-group",
            libc::SYS_kill,
            [id.wrapping_neg(), 0, 0, 0, 0, 0],
        ),
        ("signal-by-owner", libc::SYS_fcntl, [0, 8, id, 0, 0, 0]),
        ("trace", libc::SYS_ptrace, [0x4206, id, 0, 0, 0, 0]),
        (
            "read-memory",
            libc::SYS_process_vm_readv,
            [id, part, 1, part, 1, 0],
        ),
        (
            "write-memory",
            libc::SYS_process_vm_writev,
            [id, part, 1, part, 1, 0],
        ),
        ("hold", libc::SYS_pidfd_open, [id, 0, 0, 0, 0, 0]),
        ("take-descriptor", libc::SYS_pidfd_getfd, [0, 3, 0, 0, 0, 0]),
        (
            "signal-by-descriptor",
            libc::SYS_pidfd_send_signal,
            [0, 0, 0, 0, 0, 0],
        ),
        ("compare", libc::SYS_kcmp, [id, id, 2, 0, 0, 0]),
        ("limit", libc::SYS_prlimit64, [id, 7, room(), 0, 0, 0]),
        ("slow-down", libc::SYS_setpriority, [0, id, 19, 0, 0, 0]),
        ("pin", libc::SYS_sched_setaffinity, [id, 8, room(), 0, 0, 0]),
        ("move-pages", libc::SYS_move_pages, [id, 0, 0, 0, 0, 0]),
    ]
    .into_iter()
    .map(|(way, number, arguments)| (format!("{who}: {way}"), number, arguments))
    .collect();
    for file in ["mem", "environ", "maps", "fd", "root/etc", "cwd"] {
        let path = format!("/proc/{process}/{file}");
        ways.push(open(format!("{who}: /proc {file}"), &path, libc::O_RDONLY));
    }
    ways
}

fn open(way: String, path: &str, flags: i32) -> Way {
    let flags = usize::try_from(flags).unwrap_or(0);
    let arguments = [NONE - 99, text(path), flags, 0o600, 0, 0];
    (way, libc::SYS_openat, arguments)
}

/// What this process has open, as the system describes it.
fn descriptors() -> Vec<String> {
    let target = |number: i32| std::fs::read_link(format!("/proc/self/fd/{number}")).ok();
    (0..4096)
        .filter_map(target)
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}
