//! A worker locks itself in, before it reads a document or loads a plugin.
//!
//! The order matters. Paths are opened while they can be reached; the user changes before the parent's death signal is
//! asked for, because changing the user forgets it; the system calls that all this needs are denied last.

use crate::wire::nursery::Own;
use crate::worker::landlock::Fence;
use crate::worker::options::{Limits, Options, Sandbox};
use crate::worker::seccomp;
use rustix::io::{Errno, FdFlags};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{Gid, Uid};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Threads that one worker may have. The kernel holds a worker with a user of its own to it, the daemon all others.
pub(crate) const THREADS: u64 = 512;

/// A worker that can do no more harm.
#[derive(Debug)]
pub(crate) struct Confined {
    /// `full`, `partial: no landlock (...)` or `off`.
    pub(crate) level: String,
    /// The scratch folder by a path that still works, and what keeps it working.
    pub(crate) scratch: Option<(PathBuf, OwnedFd)>,
    /// What denied calls are answered through, until the daemon has it.
    pub(crate) listener: Option<OwnedFd>,
    /// This process's memory, for reading: where the names lie of what a held up call opens.
    pub(crate) memory: Option<OwnedFd>,
}

/// Why a worker cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfineError {
    #[error("failed to {0}")]
    Failed(&'static str, #[source] io::Error),
    #[error("the daemon that started this worker is gone")]
    Orphan,
    #[error("the sandbox is required, but this system has {0}")]
    Missing(String),
    #[error(
        "a plugin was granted programs or the network, and this system cannot limit which: no landlock ({0})"
    )]
    Unbounded(String),
}

/// Takes the control socket off fd 0, where a plugin that reads standard input would find it.
pub(crate) fn take_control() -> Result<OwnedFd, ConfineError> {
    let failed = |e: Errno| ConfineError::Failed("take over the control socket", e.into());
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 100).map_err(failed)?;
    let null = File::open("/dev/null").map_err(|e| ConfineError::Failed("open /dev/null", e))?;
    rustix::stdio::dup2_stdin(&null).map_err(failed)?;
    Ok(control)
}

/// Where the loader's code lies, once the nursery has locked itself and all its copies out of what hides from a filter; or why it could
/// not.
pub(crate) type Shared = Result<Range<u64>, String>;

/// Does once, for all workers to come, what is the same for them all.
pub(crate) fn confine_nursery(options: &Options) -> Result<Shared, ConfineError> {
    // Where memory runs out, a worker is to be killed and not the daemon. Not all systems have it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    if options.sandbox == Sandbox::Off {
        return Ok(Ok(0..0));
    }
    give_up_privileges()?;
    Ok(seccomp::apply_shared().map_err(|error| error.to_string()))
}

fn give_up_privileges() -> Result<(), ConfineError> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|e| ConfineError::Failed("give up new privileges", e.into()))
}

/// Limits and sandboxes this process; `fence` was made ready for it by the nursery.
pub(crate) fn confine(
    options: &Options,
    own: &Own,
    shared: &Shared,
    fence: Option<Fence>,
) -> Result<Confined, ConfineError> {
    // Libraries are named relative to this: the folders above the store may be closed to the user that the worker
    // becomes.
    std::env::set_current_dir(&options.store.0)
        .map_err(|e| ConfineError::Failed("enter the plugin store", e))?;
    let scratch = own.reach.scratch.as_ref().map(|path| open_scratch(&path.0));
    let scratch = scratch.transpose()?;
    limit(&options.limits)?;
    let mut locked = Locked::default();
    let missing = match options.sandbox {
        Sandbox::Off => None,
        Sandbox::BestEffort | Sandbox::Require => {
            locked = lock_in(options, own, shared, fence)?;
            Some(locked.missing)
        }
    };
    if options.sandbox == Sandbox::Off {
        follow_parent(options.parent)?;
    }
    let level = match missing {
        None => "off".to_owned(),
        Some(layers) if layers.is_empty() => "full".to_owned(),
        Some(layers) if options.sandbox == Sandbox::Require => {
            return Err(ConfineError::Missing(layers.join(", ")));
        }
        Some(layers) => format!("partial: {}", layers.join(", ")),
    };
    let hands_on = !own.reach.programs.is_empty();
    let scratch = scratch.map(|(path, fd)| {
        let path = reachable(path, &fd, hands_on)?;
        Ok((path, fd))
    });
    Ok(Confined {
        level,
        scratch: scratch.transpose()?,
        listener: locked.listener,
        memory: locked.memory,
    })
}

/// What has come of locking in.
#[derive(Default)]
struct Locked {
    /// Layers that are not there, with the reason.
    missing: Vec<String>,
    listener: Option<OwnedFd>,
    memory: Option<OwnedFd>,
}

/// All layers, in order.
fn lock_in(
    options: &Options,
    own: &Own,
    shared: &Shared,
    fence: Option<Fence>,
) -> Result<Locked, ConfineError> {
    let mut missing = Vec::new();
    let fence = match fence {
        Some(fence) => Ok(fence),
        None => Fence::build(options, &own.reach),
    };
    // Whoever changes his user may not open it any more. Nobody could make out names without it, so that nothing is held up for them then.
    let memory = File::open("/proc/self/mem").map(OwnedFd::from).ok();
    if let Err(reason) = become_user(own.user) {
        missing.push(format!("no user of its own ({reason})"));
    }
    follow_parent(options.parent)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| ConfineError::Failed("forbid core dumps and tracing", e.into()))?;
    give_up_privileges()?;
    match fence.map_err(|e| e.to_string()).and_then(Fence::close) {
        Ok(()) if opens("/") => missing.push("no landlock (it does not hold)".into()),
        Ok(()) => {}
        // What is granted must be held to what is granted, or it is not given at all.
        Err(reason) if !own.reach.programs.is_empty() || !own.reach.ports.is_empty() => {
            return Err(ConfineError::Unbounded(reason));
        }
        Err(reason) => missing.push(format!("no landlock ({reason})")),
    }
    let filtered = shared.as_ref().map_err(String::clone).and_then(|loader| {
        let loader = memory.as_ref().map(|_| loader);
        let filter = seccomp::apply_own(std::process::id(), &own.reach, loader);
        filter.map_err(|error| error.to_string())
    });
    let mut listener = None;
    match filtered {
        Ok(_) if !refuses() => missing.push("no seccomp (it does not hold)".into()),
        Ok(given) => listener = given,
        Err(reason) => missing.push(format!("no seccomp ({reason})")),
    }
    let memory = memory.filter(|_| listener.is_some());
    Ok(Locked {
        missing,
        listener,
        memory,
    })
}

fn limit(limits: &Limits) -> Result<(), ConfineError> {
    let cpu = limits
        .cpu_seconds
        .max(1)
        .saturating_add(limits.cpu_seconds_before);
    // The signal of the soft limit can be ignored, the one of the hard limit cannot.
    lower(Resource::Cpu, cpu, cpu.saturating_add(1))?;
    lower(Resource::Data, limits.memory, limits.memory)?;
    lower(Resource::Nofile, limits.open_files, limits.open_files)?;
    lower(Resource::Fsize, limits.file_size, limits.file_size)?;
    lower(Resource::Core, 0, 0)
}

/// Never raises a limit that the daemon was started with.
fn lower(resource: Resource, soft: u64, hard: u64) -> Result<(), ConfineError> {
    let given = rustix::process::getrlimit(resource);
    let hard = given.maximum.map_or(hard, |most| most.min(hard));
    let limit = Rlimit {
        current: Some(soft.min(hard)),
        maximum: Some(hard),
    };
    rustix::process::setrlimit(resource, limit)
        .map_err(|e| ConfineError::Failed("set a resource limit", e.into()))
}

fn become_user(user: Option<u32>) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let Some(user) = user else {
        return Err("the daemon is root and was given no worker user".into());
    };
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    // The worker has one thread, so a thread's user is the process's.
    rustix::thread::set_thread_groups(&[])
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .map_err(|e| format!("uid `{user}`: {e}"))?;
    lower(Resource::Nproc, THREADS, THREADS).map_err(|e| e.to_string())
}

pub(crate) fn follow_parent(parent: u32) -> Result<(), ConfineError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| ConfineError::Failed("tie this worker to its daemon", e.into()))?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now != Some(parent) {
        return Err(ConfineError::Orphan);
    }
    Ok(())
}

fn open_scratch(path: &Path) -> Result<(PathBuf, OwnedFd), ConfineError> {
    let folder =
        File::open(path).map_err(|e| ConfineError::Failed("open the scratch folder", e))?;
    Ok((path.to_path_buf(), folder.into()))
}

/// The path itself, or one through our own descriptor where the folders above are closed to us. Granted programs are handed the descriptor
/// then, so that the path is theirs, too.
fn reachable(path: PathBuf, folder: &OwnedFd, hands_on: bool) -> Result<PathBuf, ConfineError> {
    if rustix::fs::stat(&path).is_ok() {
        return Ok(path);
    }
    if hands_on {
        rustix::io::fcntl_setfd(folder, FdFlags::empty())
            .map_err(|e| ConfineError::Failed("hand on the scratch folder", e.into()))?;
    }
    let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
    Ok(PathBuf::from(path))
}

fn opens(path: &str) -> bool {
    File::open(path).is_ok()
}

/// Whether the filter holds: without it, a socket of no family is refused for another reason.
fn refuses() -> bool {
    use rustix::net::{AddressFamily, SocketType, socket};
    let nothing = socket(AddressFamily::UNSPEC, SocketType::STREAM, None);
    nothing.err() == Some(Errno::PERM)
}
