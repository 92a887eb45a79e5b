//! Answers the calls that a worker's sandbox denies, and counts them where the worker cannot reach the count.

use crate::worker::seccomp;
use dropleaf_plugin_host::filter::Listener;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

/// Calls of one worker that are counted. Each costs the daemon a few microseconds, so that there is an end to it: from then on
/// the kernel denies them by itself (`ENOSYS`).
const MOST: u64 = 1000;

/// The denied calls of one worker.
#[derive(Debug)]
pub(crate) struct Denials {
    listener: Option<AsyncFd<Listener>>,
    /// By the step's id, where there was one, and the call's name.
    counted: BTreeMap<(Option<String>, &'static str), u64>,
    all: u64,
    /// Calls that were gone before they were answered: interrupted, and made again.
    vanished: u64,
}

impl Denials {
    /// Of a worker that has sent its listener, or has none. Must be called inside a tokio runtime.
    pub(crate) fn new(listener: Option<OwnedFd>) -> Self {
        Self {
            listener: listener.and_then(|fd| watched(Listener::of(fd))),
            counted: BTreeMap::new(),
            all: 0,
            vanished: 0,
        }
    }

    /// Whether they are counted at all.
    pub(crate) fn are_counted(&self) -> bool {
        self.listener.is_some()
    }

    /// Waits for the next denied call, denies it and gives its name; for ever where there is none. Cancel-safe.
    pub(crate) async fn next(&mut self) -> &'static str {
        while let Some(listener) = &self.listener {
            let Ok(mut ready) = listener.readable().await else {
                break;
            };
            match ready.get_inner().next() {
                Ok(Some(call)) => {
                    if ready.get_inner().refuse(call, libc::EPERM) {
                        return seccomp::name_of(call.call);
                    }
                    self.vanished += 1;
                    if self.vanished >= MOST {
                        break;
                    }
                }
                Ok(None) => ready.clear_ready(),
                // No listener, or one of which nobody is left: there is nothing to answer.
                Err(_) => break,
            }
        }
        self.listener = None;
        std::future::pending().await
    }

    /// Counts one that [`Denials::next`] has given.
    pub(crate) fn count(&mut self, step: Option<String>, call: &'static str) {
        *self.counted.entry((step, call)).or_default() += 1;
        self.all += 1;
        if self.all >= MOST {
            self.listener = None;
        }
    }

    /// Whether there was none, not even one that was gone before it was answered.
    pub(crate) fn are_none(&self) -> bool {
        self.all == 0 && self.vanished == 0
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
