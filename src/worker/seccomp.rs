//! The system calls that a plugin has no business with. They answer `EPERM`, so that a library that only tries goes on.
//!
//! A list of what is denied, not of what is allowed: plugins bring libraries whose calls nobody can foresee, while the
//! ways out of a process that may open no file and no socket are few and known. `clone3` answers `ENOSYS`, because its
//! flags lie in memory where a filter cannot see them; the C library then falls back to `clone`, which is filtered.
//!
//! Most of it is the same for all workers and is installed once, in the nursery, whose copies inherit it: the kernel takes
//! longer to compile the list than to start a worker. What a worker needs to lock itself in is denied by its own filter, last.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};
use std::collections::BTreeMap;

/// Denied to workers and to the nursery.
const DENIED: &[i64] = &[
    // New programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_setsid,
    // The network.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mknodat,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_personality,
    // Rights and limits.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_setrlimit,
    // System V and POSIX queues: shared with every process of the same user.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// Denied to a worker once it has locked itself in.
const DENIED_AT_LAST: &[i64] = &[
    libc::SYS_setpgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
];

/// Denied where the architecture has them.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mknod,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// Numbers of the x32 ABI start here; a filter by number would not see through them.
const X32: u32 = 0x4000_0000;

/// Locks this thread, and every thread and process that it starts from now on, out of what no worker needs. It must have given
/// up new privileges.
///
/// # Errors
/// Where the kernel has no seccomp or the architecture no filter.
pub(crate) fn apply_shared() -> Result<(), seccompiler::Error> {
    let calls = DENIED.iter().chain(DENIED_HERE);
    seccompiler::apply_filter(&denials(native()?, calls, always())?)?;
    seccompiler::apply_filter(&absences())
}

/// Locks a worker out of the rest; out of signals to anybody but `own_process`, unless something else does that.
///
/// # Errors
/// As for [`apply_shared`].
pub(crate) fn apply_own(own_process: Option<u32>) -> Result<(), seccompiler::Error> {
    let conditions = at_last(own_process);
    let program = denials(native()?, DENIED_AT_LAST.iter(), conditions)?;
    seccompiler::apply_filter(&program)
}

fn native() -> Result<TargetArch, seccompiler::Error> {
    Ok(std::env::consts::ARCH.try_into()?)
}

fn denials<'a>(
    arch: TargetArch,
    calls: impl Iterator<Item = &'a i64>,
    conditions: Vec<Condition>,
) -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        calls.map(|&call| (call, Vec::new())).collect();
    for (call, arguments) in conditions {
        // A pointer has two halves; all other arguments here are `int`s, whose upper half means nothing.
        let length = match call {
            libc::SYS_prlimit64 => SeccompCmpArgLen::Qword,
            _ => SeccompCmpArgLen::Dword,
        };
        let conditions = arguments.into_iter().map(|(argument, comparison, value)| {
            SeccompCondition::new(argument, length.clone(), comparison, value)
        });
        let rule = SeccompRule::new(conditions.collect::<Result<_, _>>()?)?;
        rules.entry(call).or_default().push(rule);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        arch,
    )?;
    Ok(filter.try_into()?)
}

/// A call, and what must hold of its arguments: which one, comparison, value.
type Condition = (i64, Vec<(u8, SeccompCmpOp, u64)>);

/// Calls that are denied to workers and to the nursery, but only with some arguments.
fn always() -> Vec<Condition> {
    use SeccompCmpOp::{Eq, Ne};
    let mut conditions = Vec::new();
    // A file's owner gets a signal of the caller's choice: another way to kill.
    for command in [
        libc::F_SETOWN,
        10, /* F_SETSIG */
        15, /* F_SETOWN_EX */
    ] {
        let is_it = (1, Eq, u64::from(command.unsigned_abs()));
        conditions.push((libc::SYS_fcntl, vec![is_it]));
    }
    // Outliving the daemon, being dumped, being traced. A worker locks itself in with the first two, with these values.
    for (option, good) in [
        (libc::PR_SET_PDEATHSIG, Some(libc::SIGKILL)),
        (libc::PR_SET_DUMPABLE, Some(0)),
        (libc::PR_SET_PTRACER, None),
    ] {
        let mut arguments = vec![(0, Eq, u64::from(option.unsigned_abs()))];
        arguments.extend(good.map(|good| (1, Ne, u64::from(good.unsigned_abs()))));
        conditions.push((libc::SYS_prctl, arguments));
    }
    conditions
}

/// Calls that are denied to a worker once it has locked itself in, but only with some arguments.
fn at_last(own_process: Option<u32>) -> Vec<Condition> {
    use SeccompCmpOp::{MaskedEq, Ne};
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let mut conditions = vec![
        // Threads yes, processes no.
        (libc::SYS_clone, vec![(0, MaskedEq(thread), 0)]),
        // Limits are read with a null pointer; any other sets them.
        (libc::SYS_prlimit64, vec![(2, Ne, 0)]),
    ];
    if let Some(own) = own_process {
        // Signals to itself only.
        for call in [
            libc::SYS_kill,
            libc::SYS_tgkill,
            libc::SYS_tkill,
            libc::SYS_rt_sigqueueinfo,
            libc::SYS_rt_tgsigqueueinfo,
        ] {
            conditions.push((call, vec![(0, Ne, u64::from(own))]));
        }
    }
    conditions
}

/// `ENOSYS` for `clone3` and for every number of the x32 ABI.
fn absences() -> BpfProgram {
    // Classic BPF: load the call's number, compare, return; see linux/filter.h and linux/seccomp.h.
    const LOAD_WORD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let absent = 0x0005_0000 | libc::ENOSYS.unsigned_abs();
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    vec![
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_EQUAL, 1, 0, clone3),
        step(JUMP_AT_LEAST, 0, 1, X32),
        step(RETURN, 0, 0, absent),
        step(RETURN, 0, 0, 0x7fff_0000),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile_for_both_architectures() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            let shared = denials(arch, DENIED.iter(), always()).expect("the list is sound");
            assert!(shared.len() > DENIED.len());
            let own =
                denials(arch, DENIED_AT_LAST.iter(), at_last(Some(4711))).expect("it is sound");
            assert!(shared.len() + own.len() < 4096, "the kernel's limit");
        }
    }

    #[test]
    fn no_call_is_denied_twice() {
        let conditional: Vec<i64> = always()
            .into_iter()
            .chain(at_last(Some(1)))
            .map(|(call, _)| call)
            .collect();
        for call in DENIED_AT_LAST.iter().chain(&conditional) {
            assert!(!DENIED.contains(call) && !DENIED_HERE.contains(call));
        }
        for call in conditional {
            assert!(!DENIED_AT_LAST.contains(&call));
        }
    }
}
