//! Answers the calls that a worker's sandbox holds up: denied ones, counted where the worker cannot reach the count, and those
//! for memory files.
//!
//! No limit of the kernel counts the memory of such files, so the worker gets each of them from here, and the daemon keeps a
//! descriptor until the file comes back as a result: that is how it knows how large they are.

use crate::worker::seccomp;
use dropleaf_plugin_host::filter::{HeldUp, Listener};
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Calls of one worker that are counted.
const MOST: u64 = 1000;
/// What comes after that is denied, too, but no faster than this: each costs the daemon a few microseconds.
const AT_ONCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(1);
/// Memory files that a worker may have that it has not handed over. Its own code has one at a time.
const MOST_FILES: usize = 8;

/// A call that is held up and will be denied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denied {
    call: HeldUp,
    /// What it will fail with.
    error: i32,
}

impl Denied {
    /// What the call is called.
    pub(crate) fn name(&self) -> &'static str {
        seccomp::name_of(self.call.call)
    }
}

/// The held up calls of one worker.
#[derive(Debug)]
pub(crate) struct Denials {
    listener: Option<AsyncFd<Listener>>,
    /// By the step's id, where there was one, and the call's name.
    counted: BTreeMap<(Option<String>, &'static str), u64>,
    all: u64,
    /// Calls beyond the count that may be answered without a pause.
    credit: u32,
    /// Calls that were gone before they were answered: interrupted, and made again.
    vanished: u64,
    /// Memory files that it was given and has not handed over.
    files: Vec<File>,
}

impl Denials {
    /// Of a worker that has sent its listener, or has none. Must be called inside a tokio runtime.
    pub(crate) fn new(listener: Option<OwnedFd>) -> Self {
        Self {
            listener: listener.and_then(|fd| watched(Listener::of(fd))),
            counted: BTreeMap::new(),
            all: 0,
            credit: 0,
            vanished: 0,
            files: Vec::new(),
        }
    }

    /// Whether they are counted at all.
    pub(crate) fn are_counted(&self) -> bool {
        self.listener.is_some()
    }

    /// Waits for the next call to deny, which is held up until [`Denials::deny`]; for ever where there is none. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Denied {
        while let Some(listener) = &self.listener {
            if self.all >= MOST && self.credit == 0 {
                tokio::time::sleep(PAUSE).await;
                self.credit = AT_ONCE;
            }
            let Ok(mut ready) = listener.readable().await else {
                break;
            };
            let listener = ready.get_inner();
            match listener.next() {
                Ok(Some(call)) if call.call == libc::SYS_memfd_create => {
                    match give(listener, call, &mut self.files) {
                        Ok(()) => {}
                        Err(error) => return Denied { call, error },
                    }
                }
                Ok(Some(call)) => {
                    let error = seccomp::error_of(call.call);
                    return Denied { call, error };
                }
                Ok(None) => ready.clear_ready(),
                // No listener, or one of which nobody is left: there is nothing to answer.
                Err(_) => break,
            }
        }
        self.listener = None;
        std::future::pending().await
    }

    /// Denies a call and counts it for the step in which it was made. One for a memory file is granted after all where some have
    /// come back since.
    pub(crate) fn deny(&mut self, denied: Denied, step: Option<String>) {
        let Some(listener) = &self.listener else {
            return;
        };
        let Denied { call, error } = denied;
        if call.call == libc::SYS_memfd_create
            && give(listener.get_ref(), call, &mut self.files).is_ok()
        {
            return;
        }
        self.credit = self.credit.saturating_sub(1);
        if listener.get_ref().refuse(call, error) {
            // Between the steps it is the worker itself that asks for memory files, to put results into.
            if call.call != libc::SYS_memfd_create || step.is_some() {
                self.count(step, denied.name());
            }
            return;
        }
        self.vanished += 1;
        if self.vanished >= MOST {
            self.listener = None;
        }
    }

    fn count(&mut self, step: Option<String>, call: &'static str) {
        if self.all < MOST {
            *self.counted.entry((step, call)).or_default() += 1;
            self.all += 1;
        }
    }

    /// A memory file was handed over.
    pub(crate) fn came_back(&mut self, file: &File) {
        let Ok(back) = fstat(file) else {
            return;
        };
        let is_it = |given: &File| {
            fstat(given)
                .is_ok_and(|given| (given.st_dev, given.st_ino) == (back.st_dev, back.st_ino))
        };
        self.files.retain(|given| !is_it(given));
    }

    /// Bytes of memory in the files that were not handed over.
    pub(crate) fn in_files(&self) -> u64 {
        let bytes = |file: &File| fstat(file).map_or(0, |stat| stat.st_blocks.unsigned_abs() * 512);
        self.files.iter().map(bytes).sum()
    }

    /// Whether there was none, not even one that was gone before it was answered, and no memory file is left over.
    pub(crate) fn are_none(&self) -> bool {
        self.all == 0 && self.vanished == 0 && self.files.is_empty()
    }

    /// How many there were.
    pub(crate) fn all(&self) -> u64 {
        self.all
    }

    /// For people: what each step has tried, how often.
    pub(crate) fn account(&self) -> Vec<(Option<String>, String)> {
        let mut steps: BTreeMap<&Option<String>, Vec<String>> = BTreeMap::new();
        for ((step, call), count) in &self.counted {
            let times = match count {
                1 => "once".to_owned(),
                count => format!("{count} times"),
            };
            let calls = steps.entry(step).or_default();
            calls.push(format!("`{call}` {times}"));
        }
        let enough = if self.all >= MOST {
            "; what came after that was denied, too, but not counted"
        } else {
            ""
        };
        let tell = |(step, calls): (&Option<String>, Vec<String>)| {
            let text = format!("the sandbox denied {}{enough}", calls.join(", "));
            (step.clone(), text)
        };
        steps.into_iter().map(tell).collect()
    }
}

/// Answers with a new memory file, and keeps it; or says what the call is to fail with.
fn give(listener: &Listener, call: HeldUp, files: &mut Vec<File>) -> Result<(), i32> {
    if files.len() >= MOST_FILES {
        return Err(libc::EMFILE);
    }
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
    let file = memfd_create("dropleaf-result", flags).map_err(|error| error.raw_os_error())?;
    let asked =
        MemfdFlags::from_bits_truncate(u32::try_from(call.arguments[1] & 0xFFFF_FFFF).unwrap_or(0));
    let on_exec = match asked.contains(MemfdFlags::CLOEXEC) {
        true => libc::O_CLOEXEC,
        false => 0,
    };
    let given = listener.give(call, file.as_fd(), on_exec);
    given.map_err(|error| error.raw_os_error().unwrap_or(libc::EMFILE))?;
    files.push(file.into());
    Ok(())
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe because of types that change their descriptor; a listener does not"
)]
fn watched(listener: Listener) -> Option<AsyncFd<Listener>> {
    AsyncFd::new(listener).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_by_step_and_call() {
        let mut denials = Denials::new(None);
        assert!(denials.account().is_empty());
        let stamp = || Some("stamp".to_owned());
        denials.count(stamp(), "socket");
        denials.count(stamp(), "kill");
        denials.count(stamp(), "socket");
        denials.count(None, "fork");
        let told = [
            (None, "the sandbox denied `fork` once".to_owned()),
            (
                stamp(),
                "the sandbox denied `kill` once, `socket` 2 times".to_owned(),
            ),
        ];
        assert_eq!(denials.account(), told);
        (0..MOST).for_each(|_| denials.count(None, "fork"));
        assert!(denials.account()[0].1.contains("but not counted"));
    }
}
