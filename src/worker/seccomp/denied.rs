//! Which calls are denied, and with which arguments.

use crate::wire::nursery::Reach;
use crate::worker::seccomp::program::{Others, Rule, Test};
use std::ops::Range;

/// A call's number and its name.
type Call = (i64, &'static str);

/// Denied whatever their arguments are.
const ALWAYS: &[Call] = &[
    // New programs.
    (libc::SYS_execveat, "execveat"),
    // Other processes.
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_process_vm_writev, "process_vm_writev"),
    (libc::SYS_process_madvise, "process_madvise"),
    (libc::SYS_pidfd_open, "pidfd_open"),
    (libc::SYS_pidfd_getfd, "pidfd_getfd"),
    (libc::SYS_pidfd_send_signal, "pidfd_send_signal"),
    (libc::SYS_kcmp, "kcmp"),
    (libc::SYS_migrate_pages, "migrate_pages"),
    (libc::SYS_move_pages, "move_pages"),
    (libc::SYS_setpriority, "setpriority"),
    (libc::SYS_ioprio_set, "ioprio_set"),
    (libc::SYS_sched_setattr, "sched_setattr"),
    (libc::SYS_sched_setparam, "sched_setparam"),
    (libc::SYS_setsid, "setsid"),
    (libc::SYS_setpgid, "setpgid"),
    // A pair holds descriptors that nobody takes out, and the kernel counts those by user: where the daemon is an ordinary one, no
    // other worker could hand over a result then. A datagram socket of one can be told to send to any other by its name.
    (libc::SYS_socketpair, "socketpair"),
    // The network.
    (libc::SYS_bind, "bind"),
    (libc::SYS_listen, "listen"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    // File systems and namespaces.
    (libc::SYS_mount, "mount"),
    (libc::SYS_umount2, "umount2"),
    (libc::SYS_move_mount, "move_mount"),
    (libc::SYS_open_tree, "open_tree"),
    (libc::SYS_fsopen, "fsopen"),
    (libc::SYS_fsconfig, "fsconfig"),
    (libc::SYS_fsmount, "fsmount"),
    (libc::SYS_fspick, "fspick"),
    (libc::SYS_mount_setattr, "mount_setattr"),
    (libc::SYS_pivot_root, "pivot_root"),
    (libc::SYS_chroot, "chroot"),
    (libc::SYS_unshare, "unshare"),
    (libc::SYS_setns, "setns"),
    (libc::SYS_mknodat, "mknodat"),
    (libc::SYS_open_by_handle_at, "open_by_handle_at"),
    (libc::SYS_name_to_handle_at, "name_to_handle_at"),
    (libc::SYS_fanotify_init, "fanotify_init"),
    (libc::SYS_quotactl, "quotactl"),
    (libc::SYS_quotactl_fd, "quotactl_fd"),
    (457, "statmount"),
    (458, "listmount"),
    (467, "open_tree_attr"),
    (libc::SYS_sync, "sync"),
    (libc::SYS_syncfs, "syncfs"),
    // What belongs to files but Landlock does not guard: where the daemon is an ordinary user, its files are the worker's
    // own, and these reach them by name, or through the input's descriptor.
    (libc::SYS_fchmod, "fchmod"),
    (libc::SYS_fchmodat, "fchmodat"),
    (452, "fchmodat2"),
    (libc::SYS_fchown, "fchown"),
    (libc::SYS_fchownat, "fchownat"),
    (libc::SYS_utimensat, "utimensat"),
    (libc::SYS_setxattr, "setxattr"),
    (libc::SYS_lsetxattr, "lsetxattr"),
    (libc::SYS_fsetxattr, "fsetxattr"),
    (463, "setxattrat"),
    (libc::SYS_removexattr, "removexattr"),
    (libc::SYS_lremovexattr, "lremovexattr"),
    (libc::SYS_fremovexattr, "fremovexattr"),
    (466, "removexattrat"),
    (469, "file_setattr"),
    // The names of files that come and go in folders that it may not list.
    (libc::SYS_inotify_init1, "inotify_init1"),
    (libc::SYS_inotify_add_watch, "inotify_add_watch"),
    // The kernel.
    (libc::SYS_bpf, "bpf"),
    (libc::SYS_perf_event_open, "perf_event_open"),
    (libc::SYS_io_uring_setup, "io_uring_setup"),
    (libc::SYS_io_uring_enter, "io_uring_enter"),
    (libc::SYS_io_uring_register, "io_uring_register"),
    (libc::SYS_userfaultfd, "userfaultfd"),
    // Memory that counts as no process's and cannot be swapped out.
    (447, "memfd_secret"),
    (libc::SYS_add_key, "add_key"),
    (libc::SYS_request_key, "request_key"),
    (libc::SYS_keyctl, "keyctl"),
    (libc::SYS_init_module, "init_module"),
    (libc::SYS_finit_module, "finit_module"),
    (libc::SYS_delete_module, "delete_module"),
    (libc::SYS_kexec_load, "kexec_load"),
    (libc::SYS_reboot, "reboot"),
    (libc::SYS_swapon, "swapon"),
    (libc::SYS_swapoff, "swapoff"),
    (libc::SYS_acct, "acct"),
    (libc::SYS_syslog, "syslog"),
    (libc::SYS_sethostname, "sethostname"),
    (libc::SYS_setdomainname, "setdomainname"),
    (libc::SYS_settimeofday, "settimeofday"),
    (libc::SYS_clock_settime, "clock_settime"),
    (libc::SYS_clock_adjtime, "clock_adjtime"),
    (libc::SYS_adjtimex, "adjtimex"),
    (libc::SYS_vhangup, "vhangup"),
    (libc::SYS_lookup_dcookie, "lookup_dcookie"),
    (libc::SYS_personality, "personality"),
    // Rights and limits.
    (libc::SYS_setuid, "setuid"),
    (libc::SYS_setgid, "setgid"),
    (libc::SYS_setreuid, "setreuid"),
    (libc::SYS_setregid, "setregid"),
    (libc::SYS_setfsuid, "setfsuid"),
    (libc::SYS_setfsgid, "setfsgid"),
    (libc::SYS_setresuid, "setresuid"),
    (libc::SYS_setresgid, "setresgid"),
    (libc::SYS_setgroups, "setgroups"),
    (libc::SYS_capset, "capset"),
    (libc::SYS_setrlimit, "setrlimit"),
    // System V and POSIX queues: shared with every process of the same user.
    (libc::SYS_shmget, "shmget"),
    (libc::SYS_shmat, "shmat"),
    (libc::SYS_shmctl, "shmctl"),
    (libc::SYS_semget, "semget"),
    (libc::SYS_semctl, "semctl"),
    (libc::SYS_semop, "semop"),
    (libc::SYS_semtimedop, "semtimedop"),
    (libc::SYS_msgget, "msgget"),
    (libc::SYS_msgsnd, "msgsnd"),
    (libc::SYS_msgrcv, "msgrcv"),
    (libc::SYS_msgctl, "msgctl"),
    (libc::SYS_mq_open, "mq_open"),
    (libc::SYS_mq_unlink, "mq_unlink"),
];

/// Denied where the architecture has them.
#[cfg(target_arch = "x86_64")]
const HERE: &[Call] = &[
    (libc::SYS_mknod, "mknod"),
    (libc::SYS_kexec_file_load, "kexec_file_load"),
    (libc::SYS_iopl, "iopl"),
    (libc::SYS_ioperm, "ioperm"),
    (libc::SYS_modify_ldt, "modify_ldt"),
    (libc::SYS_uselib, "uselib"),
    (libc::SYS_ustat, "ustat"),
    (libc::SYS_sysfs, "sysfs"),
    (libc::SYS_chmod, "chmod"),
    (libc::SYS_chown, "chown"),
    (libc::SYS_lchown, "lchown"),
    (libc::SYS_utime, "utime"),
    (libc::SYS_utimes, "utimes"),
    (libc::SYS_futimesat, "futimesat"),
    (libc::SYS_inotify_init, "inotify_init"),
];
#[cfg(not(target_arch = "x86_64"))]
const HERE: &[Call] = &[];

/// Copies of the process, besides `clone`.
#[cfg(target_arch = "x86_64")]
const COPIES: &[Call] = &[(libc::SYS_fork, "fork"), (libc::SYS_vfork, "vfork")];
#[cfg(not(target_arch = "x86_64"))]
const COPIES: &[Call] = &[];

/// What a file's control may be asked for: what the C library asks of standard output, and settings of the descriptor alone.
/// Not in the list are typing into terminals, signals to others, and attributes of the input.
const IOCTLS: &[u32] = &[
    0x5401, /* TCGETS */
    0x5413, /* TIOCGWINSZ */
    0x541B, /* FIONREAD */
    0x5421, /* FIONBIO */
    0x5450, /* FIONCLEX */
    0x5451, /* FIOCLEX */
];

/// What changes folders, and files by their names.
const CHANGES: &[Call] = &[
    (libc::SYS_truncate, "truncate"),
    (libc::SYS_mkdirat, "mkdirat"),
    (libc::SYS_symlinkat, "symlinkat"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_renameat2, "renameat2"),
];

/// The same where the architecture has them.
#[cfg(target_arch = "x86_64")]
const CHANGES_HERE: &[Call] = &[
    (libc::SYS_creat, "creat"),
    (libc::SYS_mkdir, "mkdir"),
    (libc::SYS_symlink, "symlink"),
    (libc::SYS_link, "link"),
    (libc::SYS_unlink, "unlink"),
    (libc::SYS_rmdir, "rmdir"),
    (libc::SYS_rename, "rename"),
    (libc::SYS_renameat, "renameat"),
];
#[cfg(not(target_arch = "x86_64"))]
const CHANGES_HERE: &[Call] = &[];

/// Opens a file by its name, and which argument says how.
#[cfg(target_arch = "x86_64")]
const OPENS: &[(Call, u32)] = &[
    ((libc::SYS_openat, "openat"), 2),
    ((libc::SYS_open, "open"), 1),
];
#[cfg(not(target_arch = "x86_64"))]
const OPENS: &[(Call, u32)] = &[((libc::SYS_openat, "openat"), 2)];

/// Who may open files for reading without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Landlock's alone to refuse, which tells nobody.
    All,
    /// The loader, whose code lies there: each library takes it one file or more. What others open is looked at by the daemon.
    Loader(Range<u64>),
}

/// All rules for a worker with this process id and this reach.
pub(super) fn rules(own: u32, reach: &Reach, readers: &Readers) -> Vec<Rule> {
    let mut rules: Vec<Rule> = ALWAYS.iter().chain(HERE).map(always).collect();
    rules.extend(signals(own));
    rules.extend(settings(own));
    rules.extend(processes(reach));
    rules.extend(sockets(reach));
    rules.extend(files(reach, readers));
    rules
}

/// Memory files are given by the daemon, which can look how large they are. Only where calls can be held up.
pub(super) fn memory_files() -> Rule {
    always(&(libc::SYS_memfd_create, "memfd_create"))
}

/// What a denied call fails with.
pub(super) fn error_of(call: i64) -> i32 {
    let rules = files(&Reach::default(), &Readers::All);
    let rule = rules.iter().find(|rule| rule.call == call);
    rule.map_or(libc::EPERM, |rule| rule.error)
}

/// What a call is called.
pub(super) fn name_of(call: i64) -> Option<&'static str> {
    let nobody = Reach::default();
    // Some calls have a rule only where ports are granted.
    let far = Reach {
        ports: vec![0],
        ..Reach::default()
    };
    let mut all = rules(0, &nobody, &Readers::All)
        .into_iter()
        .chain(sockets(&far));
    if call == libc::SYS_memfd_create {
        return Some(memory_files().name);
    }
    all.find(|rule| rule.call == call).map(|rule| rule.name)
}

fn always(call: &Call) -> Rule {
    when(*call, [])
}

fn when((call, name): Call, tests: impl Into<Vec<Test>>) -> Rule {
    Rule {
        call,
        name,
        tests: tests.into(),
        error: libc::EPERM,
        others: Others::Pass,
    }
}

/// Signals to itself only.
fn signals(own: u32) -> impl Iterator<Item = Rule> {
    [
        (libc::SYS_kill, "kill"),
        (libc::SYS_tgkill, "tgkill"),
        (libc::SYS_tkill, "tkill"),
        (libc::SYS_rt_sigqueueinfo, "rt_sigqueueinfo"),
        (libc::SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo"),
    ]
    .into_iter()
    .map(move |call| when(call, [Test::none_of(0, &[own])]))
}

fn settings(own: u32) -> Vec<Rule> {
    vec![
        // A file's owner gets a signal of the caller's choice: another way to kill. A lease or a watch on the input holds up,
        // or tells of, those who work with it outside.
        when(
            (libc::SYS_fcntl, "fcntl"),
            [Test::one_of(
                1,
                &[
                    8,    /* F_SETOWN */
                    10,   /* F_SETSIG */
                    15,   /* F_SETOWN_EX */
                    1024, /* F_SETLEASE */
                    1026, /* F_NOTIFY */
                ],
            )],
        ),
        // Outliving the daemon, being traced, being dumped, looking like another program.
        when(
            (libc::SYS_prctl, "prctl"),
            [Test::one_of(
                0,
                &[
                    1,           /* PR_SET_PDEATHSIG */
                    4,           /* PR_SET_DUMPABLE */
                    35,          /* PR_SET_MM */
                    0x5961_6d61, /* PR_SET_PTRACER */
                ],
            )],
        ),
        // Limits are read with a null pointer; any other sets them.
        when(
            (libc::SYS_prlimit64, "prlimit64"),
            [Test::none_of(2, &[0]), Test::none_of(2, &[0]).upper()],
        ),
        when(
            (libc::SYS_sched_setaffinity, "sched_setaffinity"),
            [Test::none_of(0, &[0, own])],
        ),
        // The C library asks for the ordinary policy when it starts a thread whose attributes are given, as runtimes do.
        when(
            (libc::SYS_sched_setscheduler, "sched_setscheduler"),
            [Test::none_of(1, &[0 /* SCHED_OTHER */])],
        ),
        when((libc::SYS_ioctl, "ioctl"), [Test::none_of(1, IOCTLS)]),
        // Memory that belongs to no process, and so to no process's limit, and memory that counts as stack, which has another limit.
        // What else is shared with nobody is counted.
        when(
            (libc::SYS_mmap, "mmap"),
            [
                Test::one_of(3, &[0x21 /* MAP_SHARED | MAP_ANONYMOUS */]).of_bits(0x21),
                Test::one_of(3, &[0x100 /* MAP_GROWSDOWN */]).of_bits(0x100),
            ],
        ),
    ]
}

/// Threads yes, processes only where programs are granted, and never in a namespace of their own.
fn processes(reach: &Reach) -> Vec<Rule> {
    const CLONE: Call = (libc::SYS_clone, "clone");
    const EXEC: Call = (libc::SYS_execve, "execve");
    if reach.programs.is_empty() {
        let thread = libc::CLONE_THREAD.unsigned_abs();
        let mut rules: Vec<Rule> = COPIES.iter().map(always).collect();
        rules.push(when(CLONE, [Test::one_of(0, &[0]).of_bits(thread)]));
        rules.push(always(&EXEC));
        return rules;
    }
    // CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET, and CLONE_PARENT: a child of the daemon that it does not know.
    let namespaces = 0x7E02_0000 | libc::CLONE_PARENT.unsigned_abs();
    vec![when(CLONE, [Test::none_of(0, &[0]).of_bits(namespaces)])]
}

/// No sockets, or TCP to where Landlock lets it. `socket` of no family is refused by the filter alone: that is how a worker
/// sees whether the filter holds.
fn sockets(reach: &Reach) -> Vec<Rule> {
    const SOCKET: Call = (libc::SYS_socket, "socket");
    let probe = Test::one_of(0, &[0]).silent();
    if reach.ports.is_empty() {
        let any = Test::none_of(0, &[]);
        return vec![
            when(SOCKET, [probe, any]),
            always(&(libc::SYS_connect, "connect")),
        ];
    }
    // Other protocols over the same kind of socket, and opening a connection by sending, go past Landlock.
    const FAST_OPEN: u32 = 0x2000_0000;
    let fast_open = |argument| Test::none_of(argument, &[0]).of_bits(FAST_OPEN);
    let (internet, internet_6) = (2, 10);
    vec![
        when(
            SOCKET,
            [
                probe,
                Test::none_of(0, &[internet, internet_6]),
                Test::none_of(1, &[1]).of_bits(0xF),
                Test::none_of(2, &[0, 6]),
            ],
        ),
        when((libc::SYS_sendto, "sendto"), [fast_open(3)]),
        when((libc::SYS_sendmsg, "sendmsg"), [fast_open(2)]),
        when((libc::SYS_sendmmsg, "sendmmsg"), [fast_open(3)]),
    ]
}

/// Who may write nowhere has no business with calls that write. Landlock refuses them as well, with the same word, but tells
/// nobody. A granted program may open `/dev/null` for writing, and where there is a scratch folder only Landlock knows what lies in it.
/// What a granted program reads lies in a memory that the daemon does not see.
fn files(reach: &Reach, readers: &Readers) -> Vec<Rule> {
    if !reach.programs.is_empty() {
        return Vec::new();
    }
    let writes = reach.scratch.is_some();
    let others = match readers {
        Readers::All => Others::Pass,
        Readers::Loader(from) => Others::HoldUp(from.clone()),
    };
    let opens = OPENS.iter().map(|&(call, argument)| {
        let tests = for_writing(argument).map(|test| if writes { test.passed() } else { test });
        let others = others.clone();
        Rule {
            others,
            ..when(call, tests)
        }
    });
    let changes = CHANGES.iter().chain(CHANGES_HERE).map(always);
    let rules = opens.chain(changes.filter(|_| !writes));
    let error = libc::EACCES;
    let mut rules: Vec<Rule> = rules.map(|rule| Rule { error, ..rule }).collect();
    rules.push(Rule {
        error: libc::ENOSYS,
        ..when(OPEN_2, [Test::none_of(0, &[]).silent()])
    });
    rules
}

/// That an `open` would write or make.
fn for_writing(argument: u32) -> [Test; 2] {
    [
        Test::none_of(argument, &[0]).of_bits(3 /* O_ACCMODE */),
        Test::none_of(argument, &[0]).of_bits(MAKES),
    ]
}

const MAKES: u32 = (libc::O_CREAT | libc::O_TRUNC).unsigned_abs() | 0o20_000_000 /* __O_TMPFILE */;

/// Its flags lie in memory; whoever finds that it is not there calls `openat`.
const OPEN_2: Call = (libc::SYS_openat2, "openat2");

/// Where the name begins that a call opens for reading; `None` for any other call, and for one that would write.
pub(super) fn name_to_read(call: i64, arguments: &[u64; 6]) -> Option<u64> {
    let (_, how) = OPENS.iter().find(|((known, _), _)| *known == call)?;
    let how = *how as usize;
    let changes = arguments[how] & u64::from(3 | MAKES) != 0;
    (!changes).then(|| arguments[how - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_has_two_rules_and_each_has_a_name() {
        let far = Reach {
            programs: vec![std::path::Path::new("/bin/true").into()],
            ports: vec![443],
            ..Reach::default()
        };
        for reach in [Reach::default(), far] {
            let mut rules = rules(4711, &reach, &Readers::All);
            rules.sort_by_key(|rule| rule.call);
            for pair in rules.windows(2) {
                assert!(pair[0].call < pair[1].call, "{:?}", pair[1]);
            }
        }
        assert_eq!(name_of(libc::SYS_ptrace), Some("ptrace"));
        assert_eq!(name_of(libc::SYS_clone), Some("clone"));
        assert_eq!(
            name_of(libc::SYS_sched_setscheduler),
            Some("sched_setscheduler")
        );
        assert_eq!(name_of(libc::SYS_sendto), Some("sendto"));
        assert_eq!(name_of(libc::SYS_memfd_create), Some("memfd_create"));
        assert_eq!(error_of(libc::SYS_openat), libc::EACCES);
        assert_eq!(error_of(libc::SYS_ptrace), libc::EPERM);
        assert_eq!(name_of(libc::SYS_read), None);
        let flags = |flags| [0, 7, flags, 0, 0, 0];
        assert_eq!(name_to_read(libc::SYS_openat, &flags(0x8_0000)), Some(7));
        assert_eq!(name_to_read(libc::SYS_openat, &flags(1)), None);
        assert_eq!(name_to_read(libc::SYS_openat, &flags(0o100)), None);
        assert_eq!(name_to_read(libc::SYS_read, &flags(0)), None);
    }
}
