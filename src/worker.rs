//! The worker's side: it locks itself in, is asked a question, answers it and ends.
//!
//! A worker is the only place where documents are read and plugins are loaded. It is born in the [`nursery`], is told its
//! limits ([`options`]), locks itself in ([`confine`]), says that it is ready, and then tells a library's manifest, looks a file over or
//! runs one attempt ([`course`]): the input, then every step over every document, then the outputs. It is not used again, unless the
//! operator has said so and the attempt has left nothing behind (`docs/decisions/0017-workers-may-be-used-again.md`).

mod attempt;
pub(crate) mod confine;
mod course;
mod fences;
pub(crate) mod landlock;
mod library;
mod line;
mod nursery;
mod onlooker;
pub mod options;
mod outputs;
mod sealed;
pub(crate) mod seccomp;
mod step;
mod wards;

use crate::pipeline::template::engine::Engine;
use crate::problem::{Code, Problem};
use crate::wire::blocking::{Control, Heard};
use crate::wire::frame::FrameError;
use crate::wire::message::{Entrance, PROTOCOL, ToDaemon, ToWorker};
use crate::worker::attempt::Attempt;
use crate::worker::confine::{ConfineError, Confined};
use crate::worker::library::Libraries;
use crate::worker::line::Line;
use crate::worker::nursery::Born;
use crate::worker::options::Options;
use dropleaf_plugin_host::Footing;
use std::any::Any;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The worker could not begin; it has said why.
const NOT_BEGUN: u8 = 70;
/// The daemon's words made no sense, or it is gone.
const NO_DAEMON: u8 = 71;

/// The hidden role `dropleaf worker OPTIONS`: a nursery first, then, in each copy of it, a worker. The arguments are those
/// after `worker`; standard input is the nursery's socket.
#[must_use]
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let options = arguments.next().and_then(|text| text.into_string().ok());
    let Some(options) = options.and_then(|text| serde_json::from_str(&text).ok()) else {
        complain("`dropleaf worker` is started by the daemon, not by hand; try `dropleaf serve`");
        return ExitCode::from(NOT_BEGUN);
    };
    // Made here, once: each worker gets a copy with its memory.
    let engine = Engine::new();
    dropleaf_plugin_host::close_inherited();
    dropleaf_plugin_host::print_by_lines();
    match nursery::bear(&options) {
        Ok(Some(born)) => work(&options, born, engine),
        // A daemon that is gone wants no word of it.
        Ok(None) | Err(ConfineError::Orphan) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&crate::problem::chain(&error));
            ExitCode::from(NOT_BEGUN)
        }
    }
}

/// The life of one worker; standard input is its control socket.
fn work(options: &Options, born: Born, engine: Engine) -> ExitCode {
    match begin(options, born) {
        Ok((control, mut confined)) => match converse(control, &mut confined, options, &engine) {
            Ok(()) => end(),
            Err(error) => {
                complain(&format!(
                    "the conversation with the daemon broke: {}",
                    crate::problem::chain(&error)
                ));
                ExitCode::from(NO_DAEMON)
            }
        },
        Err(error) => {
            complain(&crate::problem::chain(&error));
            ExitCode::from(NOT_BEGUN)
        }
    }
}

/// Ends without running what libraries have registered for the end of the process: it is theirs, and may crash.
fn end() -> ExitCode {
    // Nothing is lost: the daemon has the answer, and a worker has no other state.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    ExitCode::SUCCESS
}

/// Standard error is the daemon's log.
fn complain(text: &str) {
    // Where nobody reads, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn begin(options: &Options, born: Born) -> Result<(Control, Confined), ConfineError> {
    let control = Control::new(confine::take_control()?);
    match confine::confine(options, &born.own, &born.shared, born.fence) {
        Ok(confined) => Ok((control, confined)),
        Err(error) => {
            let code = match error {
                ConfineError::Missing(_) | ConfineError::Unbounded(_) => Code::SandboxMissing,
                _ => Code::WorkerFailed,
            };
            let mut problem = Problem::new(code, crate::problem::chain(&error));
            if matches!(error, ConfineError::Missing(_)) {
                problem = problem.hint("use a kernel that has it, or say `sandbox: best_effort`");
            }
            // The exit code says the same to a daemon that is gone.
            let _ = control.say(&failed(problem), None);
            Err(error)
        }
    }
}

fn converse(
    mut control: Control,
    confined: &mut Confined,
    options: &Options,
    engine: &Engine,
) -> Result<(), FrameError> {
    // The daemon's alone from here on: whoever has it decides what becomes of denied calls.
    let listener = confined.listener.take();
    if let Some(memory) = confined.memory.take() {
        control.say(&ToDaemon::Memory, Some(memory.as_fd()))?;
    }
    let ready = ToDaemon::Ready {
        protocol: PROTOCOL,
        sandbox: confined.level.clone(),
        counts: listener.is_some(),
    };
    control.say(&ready, listener.as_ref().map(OwnedFd::as_fd))?;
    drop(listener);
    let libraries = Libraries::of(&options.store.0);
    let (mut before, mut footing) = (0, None);
    loop {
        let frame = match control.wait()? {
            Heard::Word(frame) => frame,
            // It has no question any more.
            Heard::Nothing | Heard::End => return Ok(()),
        };
        let rests;
        let line = Line::new(control);
        match (frame.message, frame.descriptor) {
            (ToWorker::Attempt(plan), Some(input)) => {
                if plan.rests && footing.is_none() {
                    footing = Some(Footing::now().without(&input));
                }
                let attempt = Attempt::new(&line, &plan, confined, &libraries, engine);
                let mut answer = guarded(|| run(attempt, input, before))?;
                line.account();
                let allowed = plan.rests;
                drop(plan);
                rests = may_rest(&mut answer, allowed, footing.as_ref());
                line.say(&answer, None)?;
            }
            (ToWorker::Inspect(plan), Some(file)) => {
                let attempt = Attempt::new(&line, &plan, confined, &libraries, engine);
                let answer = guarded(|| Ok(inspect(&attempt, file)))?;
                line.say(&answer, None)?;
                rests = false;
            }
            (ToWorker::Describe { library }, _) => {
                let answer = guarded(|| describe(&libraries, &library, &line));
                line.say(&answer?, None)?;
                rests = false;
            }
            // A cancelled worker has nothing to do.
            (ToWorker::Attempt(_) | ToWorker::Inspect(_) | ToWorker::Cancel, _) => rests = false,
        }
        control = line.into_control();
        if !rests {
            control.finish();
            return Ok(());
        }
        before = course::cpu_ms();
    }
}

/// Whether this worker may wait for another attempt: this one has succeeded and has left the process as it was. The answer says so,
/// too; the daemon looks at what only it can see.
fn may_rest(answer: &mut ToDaemon, allowed: bool, footing: Option<&Footing>) -> bool {
    match answer {
        ToDaemon::Finished { rests, .. } => {
            *rests = allowed && footing == Some(&Footing::now());
            *rests
        }
        _ => false,
    }
}

fn run(attempt: Attempt<'_>, input: OwnedFd, before: u64) -> Result<ToDaemon, FrameError> {
    match course::run(attempt, input, before) {
        Ok(bill) => {
            let rests = false;
            Ok(ToDaemon::Finished { bill, rests })
        }
        Err(attempt::End::Lost(FrameError::Crowded)) => Ok(ToDaemon::Failed {
            rejected: false,
            cancelled: false,
            crowded: true,
            problem: Problem::new(Code::WorkerFailed, FrameError::Crowded.to_string())
                .hint("a program of the daemon's user has sent open files over a socket that nobody reads: end it; the job goes on by itself"),
        }),
        Err(attempt::End::Lost(error)) => Err(error),
        Err(attempt::End::Cancelled) => Ok(ToDaemon::Failed {
            rejected: false,
            cancelled: true,
            crowded: false,
            problem: Problem::new(Code::Cancelled, "it was stopped"),
        }),
        Err(attempt::End::Failed(problem)) => Ok(failed(*problem)),
    }
}

fn inspect(attempt: &Attempt<'_>, file: OwnedFd) -> ToDaemon {
    match course::inspect(attempt, file) {
        Ok(found) => ToDaemon::Inspected(found),
        Err(problem) => failed(problem),
    }
}

fn describe(libraries: &Libraries, library: &str, line: &Line) -> Result<ToDaemon, FrameError> {
    let library = match libraries.try_out(library) {
        Ok(library) => library,
        Err(problem) => return Ok(failed(problem)),
    };
    line.say(&ToDaemon::Calls(Entrance::Init), None)?;
    let mut held = library.initialise();
    if held.is_ok() {
        line.say(&ToDaemon::Calls(Entrance::Operation), None)?;
        held = library.hold_to_manifest();
    }
    Ok(match held {
        Ok(()) => ToDaemon::Described {
            manifest: library.manifest().to_owned(),
            toolchain: library.toolchain().to_owned(),
        },
        Err(reason) => failed(Problem::new(Code::PluginBroken, reason.to_string())),
    })
}

/// A panic of ours, or of the engine on a hostile document, is an answer too.
fn guarded(work: impl FnOnce() -> Result<ToDaemon, FrameError>) -> Result<ToDaemon, FrameError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = format!("the worker panicked: {}", words_of(payload.as_ref()));
        let problem = Problem::new(Code::Internal, text)
            .hint("this is a fault of Dropleaf; please report it");
        Ok(failed(problem))
    })
}

fn words_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn failed(problem: Problem) -> ToDaemon {
    ToDaemon::Failed {
        rejected: problem.code.is_permanent(),
        cancelled: false,
        crowded: false,
        problem,
    }
}
