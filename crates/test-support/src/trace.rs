//! A process under ptrace: an observer hears of every call with which it changes files, and may make one of them fail.
//!
//! The real program runs, not a build for tests, and its database's calls are seen like its own. Threads are followed,
//! child processes are not. It needs no rights beyond those over a child of one's own. Each call stops twice, before and
//! after; what an observer notes when a call has ended, it notes before the process can tell anybody about it.

mod call;
mod regs;

pub use call::{Call, Seen};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// What is done with the calls of a traced process.
pub trait Observer: Send + 'static {
    /// A call begins. A number of an error makes it fail with that, undone.
    fn begins(&mut self, call: &Call) -> Option<i32>;

    /// What the observer wants to know again when a call that begins now has ended.
    fn moment(&self) -> usize {
        0
    }

    /// A call has ended, with this result: a negative one is an error. It began at this moment.
    fn ended(&mut self, call: &Call, began: usize, result: i64, seen: &Seen);

    /// The thread was killed in this call. The kernel has finished it or not begun it, and tells nobody which; the process can
    /// be looked into no more.
    fn cut_off(&mut self, _call: &Call) {}
}

/// A traced process.
#[derive(Debug)]
pub struct Traced {
    pid: u32,
    thread: JoinHandle<Option<i32>>,
}

/// Whether this machine can trace: 64-bit x86 it is written for, and a container may forbid it.
///
/// # Errors
/// It cannot; why.
pub fn possible() -> Result<(), String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err("tracing is written for Linux on x86-64".to_owned());
    }
    struct Nothing;
    impl Observer for Nothing {
        fn begins(&mut self, _: &Call) -> Option<i32> {
            None
        }
        fn ended(&mut self, _: &Call, _: usize, _: i64, _: &Seen) {}
    }
    let (traced, _, _) = start(Command::new("true"), Path::new("/nowhere"), Nothing)?;
    match traced.wait() {
        Some(0) => Ok(()),
        other => Err(format!("a traced process did not end well: {other:?}")),
    }
}

/// Starts a command and traces it from its first call on. Only files below `root` are told of.
///
/// # Errors
/// It cannot be started or traced.
pub fn start(
    command: Command,
    root: &Path,
    observer: impl Observer,
) -> Result<(Traced, ChildStdout, ChildStderr), String> {
    let (told, started) = mpsc::channel();
    let root = root.to_path_buf();
    // Only the thread that attached may ask for the tracee, and it alone may wait for it.
    let thread = std::thread::spawn(move || {
        let attached = attach(&command);
        let (pid, out, err) = match attached {
            Ok(started) => started,
            Err(why) => {
                told.send(Err(why)).expect("the caller waits");
                return None;
            }
        };
        told.send(Ok((pid, out, err))).expect("the caller waits");
        Tracer {
            leader: pid,
            threads: HashMap::new(),
            seen: Seen::new(pid, root),
            observer,
        }
        .run()
    });
    let (pid, out, err) = started.recv().expect("the tracer answers")?;
    let pid = u32::try_from(pid.as_raw()).expect("a process id");
    Ok((Traced { pid, thread }, out, err))
}

impl Traced {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end: its exit code, or nothing where a signal killed it.
    ///
    /// # Panics
    /// The tracer did.
    #[must_use]
    pub fn wait(self) -> Option<i32> {
        self.thread.join().expect("no tracer panics")
    }

    /// SIGKILL, and the wait.
    pub fn kill(self) {
        self.signal(rustix::process::Signal::KILL);
        // However it ended.
        let _ = self.wait();
    }

    /// SIGTERM, and the wait for its end.
    #[must_use]
    pub fn stop(self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw)
            && !self.has_ended()
        {
            // It may have ended a moment ago.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

type Attached = (Pid, ChildStdout, ChildStderr);

/// A shell waits for a line before it becomes the program: so the first call of the program is seen.
fn attach(command: &Command) -> Result<Attached, String> {
    let mut gate = Command::new("/bin/sh");
    gate.args(["-c", "read -r go && exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        gate.current_dir(folder);
    }
    let mut child = gate.spawn().map_err(|error| format!("no shell: {error}"))?;
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    let mut line = child.stdin.take().expect("it is piped");
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    let seized = ptrace::seize(pid, options).and_then(|()| ptrace::interrupt(pid));
    if let Err(errno) = seized {
        // It ends by itself once its input is closed.
        drop(line);
        let _ = child.wait();
        return Err(format!("processes cannot be traced here: {errno}"));
    }
    line.write_all(b"go\n")
        .map_err(|error| format!("the shell has gone: {error}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    Ok((pid, out.expect("it is piped"), err.expect("it is piped")))
}

/// A call that has begun.
struct Pending {
    call: Call,
    began: usize,
    fault: Option<i32>,
}

struct Tracer<O> {
    leader: Pid,
    /// The call that each thread is in; none where it is of no interest.
    threads: HashMap<Pid, Option<Pending>>,
    seen: Seen,
    observer: O,
}

impl<O: Observer> Tracer<O> {
    fn run(mut self) -> Option<i32> {
        let mut code = None;
        // Of this thread's own tracees alone: other threads of the test wait for other children.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            match waitpid(None::<Pid>, Some(flags)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.call(thread);
                    go_on(thread, None);
                }
                Ok(WaitStatus::PtraceEvent(thread, _, event)) => {
                    if event == nix::libc::PTRACE_EVENT_EXEC {
                        // The end of the call that brought the new program is still to come.
                        self.threads.clear();
                        self.threads.insert(thread, None);
                        self.seen.executed();
                    }
                    go_on(thread, None);
                }
                Ok(WaitStatus::Stopped(thread, signal)) => go_on(thread, Some(signal)),
                Ok(WaitStatus::Exited(thread, status)) => {
                    code = (thread == self.leader).then_some(status).or(code);
                    self.gone(thread);
                }
                Ok(WaitStatus::Signaled(thread, ..)) => self.gone(thread),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return code,
            }
        }
    }

    fn gone(&mut self, thread: Pid) {
        if let Some(Some(Pending {
            call, fault: None, ..
        })) = self.threads.remove(&thread)
        {
            self.observer.cut_off(&call);
        }
    }

    /// A thread stops before a call and again after it.
    fn call(&mut self, thread: Pid) {
        let Some(stop) = regs::read(thread) else {
            return;
        };
        if let Some(pending) = self.threads.remove(&thread) {
            let Some(Pending { call, began, fault }) = pending else {
                return;
            };
            let result = match fault {
                Some(errno) => {
                    regs::answer(thread, -i64::from(errno));
                    -i64::from(errno)
                }
                None => stop.result,
            };
            self.observer.ended(&call, began, result, &self.seen);
            return;
        }
        if stop.result != -i64::from(nix::libc::ENOSYS) {
            // The end of a call whose begin was not seen: that in which a new thread comes to life.
            return;
        }
        let call = call::decode(&stop, &self.seen);
        let pending = call.map(|call| {
            let fault = self.observer.begins(&call);
            if fault.is_some() {
                regs::skip(thread);
            }
            Pending {
                call,
                began: self.observer.moment(),
                fault,
            }
        });
        self.threads.insert(thread, pending);
    }
}

/// A thread that has just been killed cannot go on, and its end is told next.
fn go_on(thread: Pid, signal: Option<nix::sys::signal::Signal>) {
    let _ = ptrace::syscall(thread, signal);
}
