//! The one thread that starts workers.
//!
//! It must never end while a worker lives: the signal that ties a worker to its parent is tied to the parent's *thread*.
//! Workers are started without any code between fork and exec, so that the C library can use `posix_spawn` and the
//! daemon's memory is not copied: everything a worker must do to itself, it does itself.

use crate::pool::Config;
use crate::pool::process::{Held, Orphan};
use crate::pool::slot::Slot;
use crate::worker::options::Options;
use std::fs;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// A started process with our ends of its socket and its output.
pub(crate) struct Spawned {
    pub(crate) held: Held,
    pub(crate) control: UnixStream,
    pub(crate) output: PipeReader,
}

type Request = (Slot, oneshot::Sender<io::Result<Spawned>>);

/// Asks the thread for workers. The thread ends when the last of these is dropped, and all workers with it.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(mpsc::Sender<Request>);

impl Spawner {
    /// Starts the thread.
    pub(crate) fn start(config: Arc<Config>, reaper: mpsc::Sender<Orphan>) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<Request>();
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                for (slot, answer) in queue {
                    // Where nobody waits any more, the worker is dropped: killed and reaped.
                    let _ = answer.send(spawn(&config, slot, &reaper));
                }
            })?;
        Ok(Self(requests))
    }

    /// A new worker in this slot.
    pub(crate) async fn spawn(&self, slot: Slot) -> io::Result<Spawned> {
        let (answer, answered) = oneshot::channel();
        self.0.send((slot, answer)).map_err(io::Error::other)?;
        answered.await.map_err(io::Error::other)?
    }
}

fn spawn(config: &Config, slot: Slot, reaper: &mpsc::Sender<Orphan>) -> io::Result<Spawned> {
    let user = worker_user(config, &slot);
    let scratch = prepare_scratch(config, &slot, user)?;
    let options = Options {
        parent: std::process::id(),
        sandbox: config.sandbox,
        user,
        limits: config.limits,
        store: config.store.clone().into(),
        readable: config.readable.iter().cloned().map(Into::into).collect(),
        scratch: scratch.map(Into::into),
    };
    let (control, theirs) = UnixStream::pair()?;
    let (output, writer) = io::pipe()?;
    let mut command = Command::new(&config.executable);
    let child = command
        .arg0("dropleaf")
        .arg("worker")
        .arg(serde_json::to_string(&options)?)
        .env_clear()
        .envs(environment())
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::from(writer.try_clone()?))
        .stderr(Stdio::from(writer))
        .process_group(0)
        .spawn()?;
    Ok(Spawned {
        held: Held::new(child, slot, reaper.clone()),
        control,
        output,
    })
}

/// Nothing of the daemon's environment but what dates are written by; few malloc arenas, because each one counts
/// against the memory limit.
fn environment() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let zone = std::env::var_os("TZ").map(|zone| ("TZ", zone));
    [("MALLOC_ARENA_MAX", "2".into()), ("LANG", "C.UTF-8".into())]
        .into_iter()
        .chain(zone)
}

fn worker_user(config: &Config, slot: &Slot) -> Option<u32> {
    let root = rustix::process::geteuid().is_root();
    let first = config.first_user.filter(|_| root)?;
    first.checked_add(slot.number)
}

/// An empty folder that only this worker may use.
fn prepare_scratch(config: &Config, slot: &Slot, user: Option<u32>) -> io::Result<Option<PathBuf>> {
    let Some(parent) = &config.scratch else {
        return Ok(None);
    };
    let path = parent.join(format!("worker-{}", slot.number));
    empty(&path)?;
    if let Some(user) = user {
        std::os::unix::fs::chown(&path, Some(user), Some(user))?;
    }
    Ok(Some(path))
}

fn empty(path: &Path) -> io::Result<()> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => return Ok(()),
        Ok(false) => fs::remove_dir_all(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}
