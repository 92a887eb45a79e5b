//! Answers the calls that a worker's sandbox holds up: denied ones, counted where the worker cannot reach the count, those that open
//! files for reading, of which it denies what is out of reach, and those for memory files.
//!
//! No limit of the kernel counts the memory of such files, so the worker gets each of them from here, and the daemon keeps a
//! descriptor until the file comes back as a result: that is how it knows how large they are.

use crate::pool::readers::Readers;
use crate::worker::seccomp;
use dropleaf_plugin_host::filter::{HeldUp, Listener};
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::task::JoinHandle;

/// Calls of one worker that are counted.
const MOST: u64 = 1000;
/// What comes after that is denied, too, but no faster than this: each costs the daemon a few microseconds.
const AT_ONCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(1);
/// Memory files that an attempt may make that it does not hand over: what is closed is not seen from here, and counts. The worker's own
/// code has one at a time.
const MOST_FILES: usize = 8;
/// Files that one worker may open for reading before it is held to the pace of denied calls.
const MOST_READ: u64 = 10_000;
/// Different files of one step that are told by name, and how much of a name.
const MOST_NAMES: usize = 3;
const MOST_LETTERS: usize = 200;

/// A call that is held up and will be denied.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    call: HeldUp,
    /// What it will fail with.
    error: i32,
    /// What it would have read.
    file: Option<PathBuf>,
}

impl Denied {
    fn of(call: HeldUp, error: i32) -> Self {
        let file = None;
        Self { call, error, file }
    }

    /// What the call is called.
    pub(crate) fn name(&self) -> &'static str {
        seccomp::name_of(self.call.call)
    }
}

/// The held up calls of one worker.
#[derive(Debug)]
pub(crate) struct Denials {
    listener: Option<AsyncFd<Listener>>,
    readers: Option<Readers>,
    /// A call whose name is being looked at.
    looked_at: Option<(HeldUp, JoinHandle<Option<PathBuf>>)>,
    /// Files that were opened for reading.
    read: u64,
    /// By the step's id, where there was one, and the call's name.
    counted: BTreeMap<(Option<String>, &'static str), Tally>,
    all: u64,
    /// Calls beyond the count that may be answered without a pause.
    credit: u32,
    /// Calls that were gone before they were answered: interrupted, and made again.
    vanished: u64,
    /// Memory files that it was given and has not handed over.
    files: Vec<File>,
}

/// How often, and for which files: the first ones.
#[derive(Debug, Default)]
struct Tally {
    times: u64,
    files: Vec<PathBuf>,
}

impl Denials {
    /// Of a worker that has sent its listener, or has none, and its memory, or not. Must be called inside a tokio runtime.
    pub(crate) fn new(listener: Option<OwnedFd>, readers: Option<Readers>) -> Self {
        Self {
            listener: listener.and_then(|fd| watched(Listener::of(fd))),
            readers,
            looked_at: None,
            read: 0,
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
            if let Some((call, look)) = &mut self.looked_at {
                let (call, found) = (*call, look.await);
                self.looked_at = None;
                match found {
                    Ok(Some(file)) => {
                        return Denied {
                            call,
                            error: libc::EACCES,
                            file: Some(file),
                        };
                    }
                    // Within reach, or nothing that the kernel could open.
                    Ok(None) | Err(_) => listener.get_ref().let_go(call),
                }
                continue;
            }
            if (self.all >= MOST || self.read >= MOST_READ) && self.credit == 0 {
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
                        Err(error) => return Denied::of(call, error),
                    }
                }
                Ok(Some(call)) => match (name_to_read(call), &self.readers) {
                    (Some(name), Some(readers)) => {
                        self.read += 1;
                        self.credit = self.credit.saturating_sub(1);
                        let readers = readers.clone();
                        let look = tokio::task::spawn_blocking(move || readers.refuse(name));
                        self.looked_at = Some((call, look));
                    }
                    _ => return Denied::of(call, seccomp::error_of(call.call)),
                },
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
        let name = denied.name();
        let Denied { call, error, file } = denied;
        if call.call == libc::SYS_memfd_create
            && give(listener.get_ref(), call, &mut self.files).is_ok()
        {
            return;
        }
        self.credit = self.credit.saturating_sub(1);
        if listener.get_ref().refuse(call, error) {
            // Between the steps it is the worker itself that asks for memory files, to put results into.
            if call.call != libc::SYS_memfd_create || step.is_some() {
                self.count(step, name, file);
            }
            return;
        }
        self.vanished += 1;
        if self.vanished >= MOST {
            self.listener = None;
        }
    }

    fn count(&mut self, step: Option<String>, call: &'static str, file: Option<PathBuf>) {
        if self.all >= MOST {
            return;
        }
        self.all += 1;
        let tally = self.counted.entry((step, call)).or_default();
        tally.times += 1;
        // One more than is told, which says that there were more.
        if let Some(file) = file
            && tally.files.len() <= MOST_NAMES
            && !tally.files.contains(&file)
        {
            tally.files.push(file);
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
        for ((step, call), tally) in &self.counted {
            let calls = steps.entry(step).or_default();
            calls.push(format!("`{call}` {}", tally.told()));
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

impl Tally {
    fn told(&self) -> String {
        let mut text = match self.times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        if self.files.is_empty() {
            return text;
        }
        let names = self.files.iter().take(MOST_NAMES);
        let names: Vec<String> = names.map(|file| format!("`{}`", shortened(file))).collect();
        let more = match self.files.len() > MOST_NAMES {
            true => ", ...",
            false => "",
        };
        text.push_str(&format!(" ({}{more})", names.join(", ")));
        text
    }
}

/// A name that somebody else has chosen, on one line and not too long.
fn shortened(file: &Path) -> String {
    let shown = file.to_string_lossy();
    let mut letters = shown.chars();
    let start: String = letters.by_ref().take(MOST_LETTERS).collect();
    let rest = if letters.next().is_some() { "..." } else { "" };
    format!("{}{rest}", start.escape_debug())
}

/// Where the name begins of the file that a call opens for reading.
fn name_to_read(call: HeldUp) -> Option<u64> {
    seccomp::name_to_read(call.call, &call.arguments)
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
        let mut denials = Denials::new(None, None);
        assert!(denials.account().is_empty());
        let stamp = || Some("stamp".to_owned());
        denials.count(stamp(), "socket", None);
        denials.count(stamp(), "kill", None);
        denials.count(stamp(), "socket", None);
        denials.count(None, "fork", None);
        let told = [
            (None, "the sandbox denied `fork` once".to_owned()),
            (
                stamp(),
                "the sandbox denied `kill` once, `socket` 2 times".to_owned(),
            ),
        ];
        assert_eq!(denials.account(), told);
        (0..MOST).for_each(|_| denials.count(None, "fork", None));
        assert!(denials.account()[0].1.contains("but not counted"));
    }

    #[test]
    fn the_account_names_the_first_files_once() {
        let mut denials = Denials::new(None, None);
        let long = "x".repeat(2 * MOST_LETTERS);
        for file in ["/etc/shadow", "/etc/shadow", "/a\nb", &long] {
            denials.count(None, "openat", Some(file.into()));
        }
        let cut = "x".repeat(MOST_LETTERS);
        let told =
            format!("the sandbox denied `openat` 4 times (`/etc/shadow`, `/a\\nb`, `{cut}...`)");
        assert_eq!(denials.account()[0].1, told);
        denials.count(None, "openat", Some("/more".into()));
        assert!(denials.account()[0].1.ends_with("...`, ...)"));
    }
}
