//! The one thread that asks for workers, and the nursery that it asks.
//!
//! It must never end while a worker lives: the signal that ties a worker to its parent is tied to the parent's *thread*, and a
//! worker is a child of the thread that started the nursery. The nursery is started without any code between fork and exec, so
//! that the C library can use `posix_spawn` and the daemon's memory is not copied. Where it dies, another takes its place.

use crate::durable::probe;
use crate::plugin::grants::Grant;
use crate::pool::Config;
use crate::pool::family::Family;
use crate::pool::process::{Held, Orphan};
use crate::pool::scratch::{Folder, Sweeper};
use crate::pool::slot::Slot;
use crate::raw_path::RawPath;
use crate::wire::nursery::{Line, Own, Reach};
use crate::worker::options::Options;
use std::io::{self, PipeReader};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// A started process with our ends of its socket and its output.
pub(crate) struct Spawned {
    pub(crate) held: Held,
    pub(crate) control: UnixStream,
    pub(crate) output: PipeReader,
    pub(crate) scratch: Option<PathBuf>,
}

/// Where a worker lives, what it may do, and who waits for it.
type Request = (Slot, Grant, oneshot::Sender<io::Result<Spawned>>);

/// Asks the thread for workers. The thread ends when the last of these is dropped, and all workers with it.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(mpsc::Sender<Request>);

impl Spawner {
    /// Starts the thread.
    pub(crate) fn start(
        config: Arc<Config>,
        reaper: mpsc::Sender<Orphan>,
        sweeper: Sweeper,
    ) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<Request>();
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                let (mut nursery, mut family) = (None, Family::default());
                for (slot, grant, answer) in queue {
                    let hands = (&reaper, &sweeper);
                    let born = spawn(&config, (&mut nursery, &mut family), (slot, grant), hands);
                    // Where nobody waits any more, the worker is dropped: killed and reaped.
                    let _ = answer.send(born);
                }
            })?;
        Ok(Self(requests))
    }

    /// A new worker in this slot, that may do this.
    pub(crate) async fn spawn(&self, slot: Slot, grant: Grant) -> io::Result<Spawned> {
        let (answer, answered) = oneshot::channel();
        self.0
            .send((slot, grant, answer))
            .map_err(io::Error::other)?;
        answered.await.map_err(io::Error::other)?
    }
}

fn spawn(
    config: &Config,
    (nursery, family): (&mut Option<Nursery>, &mut Family),
    (mut slot, grant): (Slot, Grant),
    (reaper, sweeper): (&mpsc::Sender<Orphan>, &Sweeper),
) -> io::Result<Spawned> {
    let user = worker_user(config, &slot);
    if grant.temp {
        slot.scratch = sweeper
            .prepare(config.scratch.as_deref(), user)
            .map_err(|error| no_scratch(config.scratch.as_deref(), &error))?;
    }
    let scratch = slot.scratch.as_ref().map(Folder::path);
    let scratch = scratch.map(Path::to_path_buf);
    let raw = |paths: Vec<PathBuf>| paths.into_iter().map(RawPath).collect();
    let reach = Reach {
        scratch: scratch.clone().map(RawPath),
        programs: raw(grant.programs),
        readable: raw(grant.read),
        ports: grant.network,
    };
    let own = Own { user, reach };
    let (control, theirs) = UnixStream::pair()?;
    let (output, writer) = io::pipe()?;
    let ask = |nursery: &Nursery| nursery.line.ask(&own, theirs.as_fd(), writer.as_fd());
    let id = match nursery.as_ref().map(ask) {
        Some(Ok(id)) => id,
        // It died, or it cannot go on: a new one may.
        _ => {
            drop(nursery.take());
            family.bury_strays(reaper);
            let new = nursery.insert(Nursery::start(config)?);
            ask(new).map_err(|error| new.why(error))?
        }
    };
    family.welcome(id);
    Ok(Spawned {
        held: Held::new(id, slot, reaper.clone()),
        control,
        output,
        scratch,
    })
}

/// Why there is no scratch folder, with what to do.
fn no_scratch(parent: Option<&Path>, error: &io::Error) -> io::Error {
    let reason = parent.map(|parent| probe::blocked(parent, error).reason);
    let reason = reason.unwrap_or_else(|| error.to_string());
    io::Error::new(
        error.kind(),
        format!("a scratch folder cannot be made: {reason}"),
    )
}

/// The process that workers are copies of.
struct Nursery {
    child: Child,
    line: Line,
}

impl Nursery {
    fn start(config: &Config) -> io::Result<Self> {
        let options = Options {
            parent: std::process::id(),
            sandbox: config.sandbox,
            limits: config.limits,
            store: config.store.clone().into(),
            readable: config.readable.iter().cloned().map(Into::into).collect(),
        };
        let (line, theirs) = Line::pair()?;
        let child = Command::new(&config.executable)
            .arg0("dropleaf")
            .arg("worker")
            .arg(serde_json::to_string(&options)?)
            .env_clear()
            .envs(environment())
            .stdin(theirs)
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, line })
    }

    /// A nursery that hung up has ended; how says more than that it hung up.
    fn why(&mut self, error: io::Error) -> io::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        if !matches!(error.kind(), BrokenPipe | ConnectionReset) {
            return error;
        }
        match self.child.wait() {
            Ok(status) => io::Error::other(format!("it ended before it was ready ({status})")),
            Err(error) => error,
        }
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // Errors mean that it is dead already. It is ours to reap either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
