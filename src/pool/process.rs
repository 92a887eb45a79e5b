//! One worker process: to wait for, to kill, to reap, and to look at through `/proc`.

use crate::pool::slot::Slot;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// By a signal.
    Signal(i32),
    /// By its own exit.
    Exit(i32),
}

/// A child that is never forgotten: dropping it kills it, with its process group, and has it reaped.
#[derive(Debug)]
pub(crate) struct Held {
    id: u32,
    /// Present until it is reaped; until then nobody else is given its process id.
    slot: Option<Slot>,
    reaper: mpsc::Sender<Orphan>,
}

/// A killed process that nobody waits for any more, with the slot that it has.
pub(crate) type Orphan = (u32, Option<Slot>);

/// Between two looks whether orphans have ended: after the first, and at the most.
const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_secs(1);

impl Held {
    /// Takes over a child that leads its own process group, or will.
    pub(crate) fn new(id: u32, slot: Slot, reaper: mpsc::Sender<Orphan>) -> Self {
        Self {
            id,
            slot: Some(slot),
            reaper,
        }
    }

    fn kill(&self) {
        if let (Some(pid), Some(_)) = (pid(self.id), &self.slot) {
            // Errors mean that nobody is left to kill.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.kill();
        if let Some(slot) = self.slot.take() {
            // Where the reaper is gone, the daemon is ending and its parent reaps.
            let _ = self.reaper.send((self.id, Some(slot)));
        }
    }
}

/// A living or dead worker process.
#[derive(Debug)]
pub(crate) struct Process {
    held: Held,
    exit: Option<AsyncFd<OwnedFd>>,
}

impl Process {
    /// Watches over a child. Must be called inside a tokio runtime.
    pub(crate) fn new(held: Held) -> Self {
        let exit = pid(held.id)
            .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).ok())
            .and_then(watched);
        Self { held, exit }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.held.id
    }

    /// From now on it gets less processor time than other workers.
    pub(crate) fn yield_to_others(&self) {
        /// A third of what another worker gets: with the least there is, a picture would never be done beside busy workers.
        const NICER: i32 = 5;
        let Some(pid) = pid(self.held.id) else { return };
        // Where this is not allowed, it works like any other.
        let _ = rustix::process::getpriority_process(Some(pid))
            .and_then(|nice| rustix::process::setpriority_process(Some(pid), nice + NICER));
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        !is_zombie(self.held.id)
    }

    /// Waits until it is dead. It stays a zombie, so that its accounts can still be read and its process id is not
    /// given to somebody else. Cancel-safe.
    pub(crate) async fn dead(&self) {
        if let Some(exit) = &self.exit
            && exit.readable().await.is_ok()
        {
            return;
        }
        // A kernel before 5.3, or a container that forbids pidfd_open: nothing wakes us, so we look.
        while !is_zombie(self.held.id) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it and whatever is left of its process group.
    pub(crate) fn kill(&self) {
        self.held.kill();
    }

    /// Takes it out of the process table after [`Process::dead`].
    pub(crate) fn reap(mut self) -> io::Result<Death> {
        self.kill();
        match self.held.slot.take() {
            Some(_slot) => wait(self.held.id),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Waits for the end of a child of ours and takes it out of the process table.
fn wait(id: u32) -> io::Result<Death> {
    let pid = pid(id).ok_or(io::ErrorKind::NotFound)?;
    let ended = rustix::io::retry_on_intr(|| {
        rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
    })?;
    let (_, status) = ended.ok_or(io::ErrorKind::NotFound)?;
    Ok(match status.terminating_signal() {
        Some(signal) => Death::Signal(signal),
        None => Death::Exit(status.exit_status().unwrap_or(-1)),
    })
}

/// Ends a child of ours that nobody else knows of.
pub(crate) fn bury(id: u32, reaper: &mpsc::Sender<Orphan>) {
    if let Some(pid) = pid(id) {
        // It may be dead already; nobody has reaped it, so that the id is still its own.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        // Where the reaper is gone, the daemon is ending and its parent reaps.
        let _ = reaper.send((id, None));
    }
}

/// Starts the thread that waits for killed workers that nobody else waits for. One that hangs in the kernel (on a mount whose server is
/// gone) may never end, and none waits for another: so this looks at them all, again and again, the less often the longer they take.
pub(crate) fn start_reaper() -> io::Result<mpsc::Sender<Orphan>> {
    let (orphans, queue) = mpsc::channel::<Orphan>();
    std::thread::Builder::new()
        .name("reaper".into())
        .stack_size(64 << 10)
        .spawn(move || reap(&queue))?;
    Ok(orphans)
}

fn reap(queue: &mpsc::Receiver<Orphan>) {
    let (mut waiting, mut pause, mut more) = (Vec::new(), SOON, true);
    while more || !waiting.is_empty() {
        let next = match (waiting.is_empty(), more) {
            (true, _) => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (false, true) => queue.recv_timeout(pause),
            (false, false) => {
                std::thread::sleep(pause);
                Err(RecvTimeoutError::Timeout)
            }
        };
        pause = match next {
            Ok(orphan) => {
                waiting.push(orphan);
                SOON
            }
            Err(RecvTimeoutError::Timeout) => LATE.min(2 * pause),
            Err(RecvTimeoutError::Disconnected) => {
                more = false;
                pause
            }
        };
        waiting.extend(queue.try_iter());
        // With a process goes its slot.
        waiting.retain(|(id, _)| !is_reaped(*id));
    }
}

/// Takes a killed child of ours out of the process table if it is dead. There is nothing to learn from its status.
fn is_reaped(id: u32) -> bool {
    let Some(pid) = pid(id) else {
        return true;
    };
    let look = || rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG);
    !matches!(rustix::io::retry_on_intr(look), Ok(None))
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vitals {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Bytes of data memory, as `RLIMIT_DATA` counts them; 0 once it is dead.
    pub(crate) data: u64,
    /// Bytes that are resident and of no file.
    pub(crate) own: u64,
    /// Threads.
    pub(crate) threads: u64,
}

/// Reads `/proc/<id>`; zeros where that cannot be read.
pub(crate) fn vitals(id: u32) -> Vitals {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let memory = std::fs::read_to_string(format!("/proc/{id}/statm")).unwrap_or_default();
    let page = rustix::param::page_size() as u64;
    Vitals {
        cpu: cpu_of(&stat, rustix::param::clock_ticks_per_second()),
        data: number(&memory, 5).saturating_mul(page),
        own: number(&memory, 1)
            .saturating_sub(number(&memory, 2))
            .saturating_mul(page),
        threads: threads_of(&stat),
    }
}

/// Bytes of memory that only this process has, whatever limit the kernel counts it to: resident and of no file, swapped out, and what the
/// tables take that lead to all of it (proc(5), `status`); 0 once it is dead.
pub(crate) fn held(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    held_of(&status)
}

fn held_of(status: &str) -> u64 {
    let kib = |key: &str| {
        let mut lines = status.lines().filter_map(|line| line.strip_prefix(key));
        lines.next().map_or(0, |value| number(value, 0))
    };
    let all = ["RssAnon:", "VmSwap:", "VmPTE:"].map(kib);
    all.into_iter().fold(0, u64::saturating_add) << 10
}

/// Fields 14 and 15 of `stat` (proc(5)), in ticks; the second field may hold blanks and brackets.
fn cpu_of(stat: &str, ticks_per_second: u64) -> Duration {
    let Some((_, after_name)) = stat.rsplit_once(')') else {
        return Duration::ZERO;
    };
    let ticks = number(after_name, 11) + number(after_name, 12);
    Duration::from_millis(ticks.saturating_mul(1000) / ticks_per_second.max(1))
}

/// Field 20 of `stat`.
fn threads_of(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    number(after_name, 17)
}

fn number(text: &str, index: usize) -> u64 {
    let word = text.split_ascii_whitespace().nth(index);
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Whether a child of ours has ended. It is not reaped by the question.
fn is_zombie(id: u32) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Some(pid) = pid(id) else {
        return true;
    };
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), look), Ok(None))
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe because of types that change their descriptor; an owned one does not"
)]
fn watched(fd: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd).ok()
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::slot::Slots;

    #[test]
    fn processor_time_is_read_past_an_ugly_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194560 0 0 0 0 150 50 0 0 20 0 1 0 9";
        assert_eq!(cpu_of(stat, 100), Duration::from_secs(2));
        assert_eq!(threads_of(stat), 1);
        assert_eq!(cpu_of("", 100), Duration::ZERO);
        assert_eq!(cpu_of("7 (x", 100), Duration::ZERO);
    }

    #[test]
    fn our_own_vitals_are_there() {
        let ours = vitals(std::process::id());
        assert!(ours.data > 0 && ours.own > 0 && ours.threads > 0);
        assert_eq!(vitals(u32::MAX), Vitals::default());
        assert!(held(std::process::id()) >= 64 << 10);
        let status =
            "VmPTE:\t       8 kB\nRssAnon:\t     100 kB\nRssFile:\t 9 kB\nVmSwap:\t 3 kB\n";
        assert_eq!((held_of(status), held_of("")), (111 << 10, 0));
    }

    #[test]
    fn an_orphan_that_does_not_end_holds_up_no_other() {
        let child = || {
            let mut command = std::process::Command::new("sleep");
            command.arg("600").spawn().expect("a child")
        };
        let (slots, reaper) = (Slots::default(), start_reaper().expect("a thread"));
        let (hangs, dies) = (child(), child());
        reaper.send((hangs.id(), Some(slots.take()))).expect("sent");
        drop(Held::new(dies.id(), slots.take(), reaper.clone()));
        // Whose number 1 is free again is out of the process table.
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while slots.take().number != 1 {
            assert!(std::time::Instant::now() < deadline, "it is not reaped");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_zombie(hangs.id()), "the other one lives");
        bury(hangs.id(), &reaper);
        while slots.take().number != 0 {
            assert!(std::time::Instant::now() < deadline, "it is not reaped");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
