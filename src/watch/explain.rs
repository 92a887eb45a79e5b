//! Why has this file not been taken? The chain of decisions, as they really stand.

use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::watch::folder::Reconciler;
use crate::watch::leaving::DEALT_WITH;
use crate::watch::look::{self, Look};
use crate::watch::settle::{Decision, Settling, Waits, spell};
use crate::watch::told::Said;
use crate::watch::tree::{Entry, Refused, Stand};
use crate::watch::update::{FileStatus, FolderState, Link, SeenBy};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

impl Reconciler {
    /// The chain of decisions about a path in the watched folder; `closed` is why no new files are taken at all.
    pub(crate) fn explain(&self, path: &Path, closed: Option<&str>) -> Vec<Link> {
        let mut chain = Vec::new();
        // The chain ends at the first link that does not let the file pass.
        let _ = self.links(path, closed, &mut chain);
        chain
    }

    fn links(&self, path: &Path, closed: Option<&str>, chain: &mut Vec<Link>) -> Option<()> {
        let pipeline = &self.folder.pipeline;
        let relative = self.relative(path)?;
        let root = RawPath::from(&*self.root).encode();
        chain.push(Link::pass(format!(
            "it lies in `{root}`, which the pipeline `{pipeline}` watches"
        )));
        self.explain_folder(chain)?;
        self.explain_above(relative, chain)?;
        let entry = self.tree.entry(relative);
        let found = match look::at(&self.root, path) {
            Ok(Look::File(found)) => found,
            Ok(Look::Missing) => return stop(chain, "there is no such file (any more)"),
            Ok(Look::Folder) => return stop(chain, "it is a folder, not a file"),
            Ok(Look::Refused(what)) => return stop(chain, format!("it is {what}")),
            Err(error) => return stop(chain, format!("it cannot be looked at: {error}")),
        };
        if let Some(reason) = self.rule_against(relative) {
            return stop(chain, format!("it is ignored: {reason}"));
        }
        chain.push(Link::pass("its name matches, and no rule is against it"));
        let Some(entry) = entry else {
            return self.explain_unseen(relative, &found, chain);
        };
        chain.push(Link::pass(seen(entry)));
        if let Some(why) = closed
            && matches!(entry.stand, Stand::Settled { .. } | Stand::Offered { .. })
        {
            let text = format!("it has settled, but no new files are taken: {why}");
            return stop(chain, text);
        }
        self.explain_entry(relative, entry, chain)
    }

    fn explain_folder(&self, chain: &mut Vec<Link>) -> Option<()> {
        let reason = self.presence.reason().unwrap_or_default();
        match self.presence.state() {
            FolderState::Online => {
                let (polling, reason) = self.mode();
                let how = if polling { "polling" } else { "events" };
                chain.push(Link::pass(format!(
                    "the folder is watched by {how}: {reason}"
                )));
            }
            FolderState::Starting => return stop(chain, "the folder has not been looked at yet"),
            FolderState::Offline => return stop(chain, format!("the folder is offline: {reason}")),
            FolderState::Blocked => return stop(chain, format!("the folder is blocked: {reason}")),
        }
        if self.folder.paused {
            return stop(
                chain,
                "the pipeline is paused: files settle but are not taken",
            );
        }
        Some(())
    }

    fn explain_above(&self, relative: &Path, chain: &mut Vec<Link>) -> Option<()> {
        let mut above: Vec<&Path> = relative.ancestors().skip(1).collect();
        above.pop();
        for folder in above.into_iter().rev() {
            if let Some(reason) = self.rule_against_folder(folder) {
                let text = format!(
                    "the folder `{}` is not looked into: {reason}",
                    RawPath::from(folder).encode()
                );
                return stop(chain, text);
            }
            if let Ok(Look::Refused(what)) = look::at(&self.root, &self.root.join(folder)) {
                let folder = RawPath::from(folder).encode();
                let text = format!("`{folder}`, below which it lies, is {what}");
                return stop(chain, text);
            }
        }
        Some(())
    }

    /// What is said of a file that is there and that nothing has reported yet.
    fn explain_unseen(&self, file: &Path, found: &Identity, chain: &mut Vec<Link>) -> Option<()> {
        if let Some(known) = self.known.get(file)
            && self.is_same(file, known, found)
        {
            return stop(chain, format!("it is left where it is: {DEALT_WITH}"));
        }
        let now = Instant::now();
        let polled = self.poll.filter(|_| self.is_polled(file));
        let (what, at) = match polled {
            Some(at) if at < self.full_scan => ("scan", at),
            _ => ("full scan", self.full_scan),
        };
        let next = spell(at.saturating_duration_since(now));
        stop(
            chain,
            format!("it has not been seen yet; the next {what} is in {next}"),
        )
    }

    fn explain_entry(&self, file: &Path, entry: &Entry, chain: &mut Vec<Link>) -> Option<()> {
        match &entry.stand {
            Stand::Settling(waiting) => self.explain_settling(file, &waiting.settling, chain),
            Stand::Settled { declined: 0, .. } => {
                let before = self.queue.place(file).unwrap_or(0);
                let text = format!(
                    "it has settled and waits for its turn: {before} files of this folder go before it"
                );
                stop(chain, text)
            }
            Stand::Settled { declined, .. } => stop(chain, no_room(*declined)),
            Stand::Refused(refused) => {
                let Refused {
                    reason,
                    declined,
                    due,
                    ..
                } = &**refused;
                let times = if *declined == 1 {
                    "once"
                } else {
                    "again and again"
                };
                let next = spell(due.saturating_duration_since(Instant::now()));
                let text = format!(
                    "it has settled, but cannot be taken (tried {times}, and will be in {next}, or once it changes): {reason}"
                );
                stop(chain, text)
            }
            Stand::Offered { declined: 0, .. } => {
                chain.push(Link::pass(
                    "it has settled and was offered to the scheduler",
                ));
                Some(())
            }
            Stand::Offered { declined, .. } => stop(chain, no_room(*declined)),
            Stand::Taken { .. } => {
                chain.push(Link::pass("it has settled and was taken"));
                Some(())
            }
            Stand::Left(left) => {
                let reason = &left.reason;
                stop(chain, format!("it is left where it is: {reason}"))
            }
            Stand::Ignored { reason, .. } => stop(chain, format!("it is ignored: {reason}")),
        }
    }

    fn explain_settling(
        &self,
        file: &Path,
        settling: &Settling,
        chain: &mut Vec<Link>,
    ) -> Option<()> {
        let now = Instant::now();
        let mark = self.done.as_ref().map(|done| done.beside(file));
        let marked = mark
            .as_ref()
            .is_none_or(|mark| self.root.join(mark).is_file());
        match settling.decide(now, &self.rests, marked) {
            Decision::Wait { until, waits } => {
                let mut text = format!("it is settling: {}", waits.reason());
                if let (Waits::DoneFile, Some(name)) = (&waits, mark.and_then(name_of)) {
                    text.push_str(&format!("; it is called `{name}`, in just these letters"));
                }
                if let Some(until) = until {
                    let left = until.saturating_duration_since(now);
                    text.push_str(&format!("; looked at again in {}", spell(left)));
                }
                let unchanged = now.saturating_duration_since(settling.changed());
                text.push_str(&format!(" (unchanged for {})", spell(unchanged)));
                stop(chain, text)
            }
            _ => {
                chain.push(Link::pass("it has settled and is about to be offered"));
                Some(())
            }
        }
    }

    /// The files that are not jobs, at most so many.
    pub(crate) fn files(&self, limit: usize) -> Vec<FileStatus> {
        let mut paths = self.tree.files(|_| true);
        paths.sort_unstable();
        paths.truncate(limit);
        let listed = paths.into_iter().filter_map(|path| {
            let entry = self.tree.entry(&path)?;
            let (state, reason) = match &entry.stand {
                Stand::Settling(waiting) => {
                    let reason = waiting.said.as_ref().map(Said::reason);
                    ("settling", reason.unwrap_or_default())
                }
                Stand::Settled { .. } | Stand::Offered { .. } => ("offered", String::new()),
                Stand::Refused(refused) => ("offered", refused.reason.clone()),
                Stand::Taken { .. } => ("taken", String::new()),
                Stand::Left(left) => ("left", left.reason.to_string()),
                Stand::Ignored { reason, .. } => ("ignored", reason.to_string()),
            };
            Some(FileStatus {
                relative: RawPath::from(&*path),
                state,
                reason,
            })
        });
        listed.collect()
    }
}

fn stop(chain: &mut Vec<Link>, text: impl Into<String>) -> Option<()> {
    chain.push(Link::stop(text));
    None
}

fn no_room(declined: u32) -> String {
    format!("it has settled, but there was no room for it so far (asked {declined} times)")
}

fn seen(entry: &Entry) -> String {
    let ago = entry.since.elapsed();
    let by = match entry.seen_by {
        SeenBy::Events => "an event",
        SeenBy::Scan => "a scan",
    };
    format!("it was seen by {by} {} ago", spell(whole_seconds(ago)))
}

fn name_of(path: PathBuf) -> Option<String> {
    Some(RawPath::from(path.file_name()?).encode())
}

fn whole_seconds(ago: Duration) -> Duration {
    if ago < Duration::from_secs(10) {
        ago
    } else {
        Duration::from_secs(ago.as_secs())
    }
}
