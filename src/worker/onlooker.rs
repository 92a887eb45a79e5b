//! Watches one run of an operation for the daemon: progress, log lines, warnings, artifacts, and the wish to stop.

use crate::wire::message::{Place, ToDaemon};
use crate::worker::line::Line;
use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::Observer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two reports of progress.
const PROGRESS: Duration = Duration::from_millis(50);
/// Bytes of a log line that go on.
const LINE: usize = 8 << 10;
/// Side artifacts of one run.
const MOST_ARTIFACTS: usize = 50_000;

/// A side artifact that waits for the attempt to succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The step that made it.
    pub(crate) step: String,
    /// A plain file name.
    pub(crate) name: String,
    /// Media type.
    pub(crate) mime: String,
    /// The content. It lies in the worker's own memory, which is limited, until the attempt has succeeded.
    pub(crate) bytes: Vec<u8>,
}

/// Watches one run.
pub(crate) struct Onlooker<'a> {
    line: &'a Line,
    step: &'a str,
    place: Place,
    reported: Mutex<Option<Instant>>,
    /// It was told that the last one is done.
    ended: AtomicBool,
    artifacts: Mutex<Vec<Artifact>>,
}

impl<'a> Onlooker<'a> {
    pub(crate) fn new(line: &'a Line, step: &'a str, place: Place) -> Self {
        Self {
            line,
            step,
            place,
            reported: Mutex::default(),
            ended: AtomicBool::new(false),
            artifacts: Mutex::default(),
        }
    }

    /// What the run put out.
    pub(crate) fn into_artifacts(self) -> Vec<Artifact> {
        self.artifacts
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Onlooker<'_> {
    fn progress(&self, done: u64, total: u64) {
        let now = Instant::now();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        // The end is always worth telling: it says that the last page is done.
        let is_end = total > 0 && done >= total;
        let is_news = is_end && !self.ended.swap(is_end, Ordering::Relaxed);
        if !is_news && reported.is_some_and(|at| now < at + PROGRESS) {
            return;
        }
        *reported = Some(now);
        drop(reported);
        let place = self.place.clone();
        self.line
            .mention(&ToDaemon::Progress { place, done, total });
    }

    fn log(&self, level: i32, message: &str, fields: &str) {
        let has_room = match level {
            abi::LOG_WARN => self.line.may_warn(),
            _ => self.line.has_room(message.len().min(LINE)),
        };
        if !has_room {
            return;
        }
        let step = Some(self.step.to_owned());
        let message =
            cut(&[message, fields].join(if fields.is_empty() { "" } else { " " })).to_owned();
        // A warning is one of the job (header: LEAF_LOG_WARN).
        let said = match level {
            abi::LOG_WARN => ToDaemon::Warning {
                step,
                code: "step-warning".to_owned(),
                message,
            },
            _ => ToDaemon::Log {
                step,
                level: level_name(level).to_owned(),
                message,
            },
        };
        self.line.mention(&said);
    }

    fn cancelled(&self) -> bool {
        self.line.cancelled()
    }

    fn artifact(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<(), String> {
        if !is_plain_name(name) {
            return Err(format!("`{}` is no plain file name", name.escape_debug()));
        }
        let mut artifacts = self
            .artifacts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if artifacts.len() >= MOST_ARTIFACTS {
            return Err(format!("more than {MOST_ARTIFACTS} artifacts"));
        }
        artifacts.push(Artifact {
            step: self.step.to_owned(),
            name: visible(name),
            mime: mime.to_owned(),
            bytes: bytes.to_vec(),
        });
        Ok(())
    }
}

fn level_name(level: i32) -> &'static str {
    match level {
        ..=0 => "trace",
        1 => "debug",
        2 => "info",
        3 => "warn",
        4.. => "error",
    }
}

/// A name that stays in its folder, that every file system takes, and that is not the one of the daemon's own folder.
fn is_plain_name(name: &str) -> bool {
    !["", ".", "..", ".dropleaf"].contains(&name)
        && name.len() <= 255
        && !name.chars().any(|c| c == '/' || c.is_control())
}

/// The name with a `_` for a dot at its beginning: such files are hidden from people, and some mean something to programs
/// (`.htaccess`).
fn visible(name: &str) -> String {
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name.to_owned(),
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_artifact_is_hidden() {
        for (name, seen) in [(".htaccess", "_htaccess"), ("..a", "_.a"), ("a.b", "a.b")] {
            assert_eq!(visible(name), seen);
        }
    }

    #[test]
    fn names_that_leave_their_folder_are_not_plain() {
        for name in ["", ".", "..", "a/b", "/a", "a\0", "a\n"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
        for name in ["a", "a.txt", "..a", "Übersicht 1.json", "a\\b"] {
            assert!(is_plain_name(name), "{name:?}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let text = "ä".repeat(LINE);
        assert_eq!(cut(&text).len(), LINE);
        let text = format!("x{text}");
        assert_eq!(cut(&text).len(), LINE - 1);
    }
}
