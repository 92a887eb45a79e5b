//! When a file has settled: a pure timer. It reads no clock and no disk; looks and findings are handed in.
//!
//! A file is offered when it was found unchanged (inode, size, mtime, ctime) by two looks at least its rest apart, nobody is
//! known to write it, and its content is whole. The rest depends on how the content came: a rename brings a whole file at
//! once, a close may be followed by another open, a scan knows nothing. Nothing is ever given up: what does not settle is
//! reported once and waited for.
//!
//! Whether somebody still has the file open is known only from events: written to and not closed since. The kernel's own
//! answer (a read lease, `fcntl(F_SETLEASE)`) has no safe call; `docs/decisions/0002-no-lease-probe.md` has the reasons.

use crate::job::event::Identity;
use crate::watch::complete::Finding;
use crate::watch::options;
use std::time::{Duration, Instant};

/// How a file got its last content, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A rename brought it.
    Renamed,
    /// A writer closed it.
    Closed,
    /// A writer is at it.
    Written,
    /// A scan found it.
    Found,
}

/// The rests of one folder.
#[derive(Clone, Debug)]
pub struct Rests {
    /// What the pipeline says, for every way.
    pub quiet: Option<Duration>,
    /// What holds where it says nothing, and all the limits.
    pub settling: options::Settling,
}

/// What was found when the content was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Not looked at since the last change.
    Unknown,
    /// It was looked at.
    Inspected(Finding),
    /// It could not be, or the file may not be taken: who owns it, and who we are.
    Unreadable(String),
}

/// A file that is waited for.
#[derive(Clone, Debug)]
pub struct Settling {
    identity: Identity,
    via: Via,
    remote: bool,
    since: Instant,
    changed: Instant,
    looked: Instant,
    content: Content,
    reported: bool,
}

/// What is to be done about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing until then, or until something changes.
    Wait {
        /// Until when; `None` until it changes.
        until: Option<Instant>,
        /// What for.
        waits: Waits,
    },
    /// Look whether it is unchanged, then ask again.
    Look,
    /// Look into it, then ask again.
    Inspect,
    /// It has settled.
    Offer,
}

/// What a file waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For content.
    Empty,
    /// For its rest.
    Rest(Duration),
    /// For its writer to close it.
    Writer,
    /// For the file that says that it is complete.
    DoneFile,
    /// For a PDF header.
    Header,
    /// For the rest of the PDF.
    Truncated(String),
    /// For the permission to read it, or to take it.
    Unreadable(String),
}

impl Waits {
    /// For people.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Empty => "it is empty (0 bytes) so far and is taken once it has content; if nobody is writing it, copy it again or delete it".to_owned(),
            Self::Rest(rest) => format!("it has to rest for {}", spell(*rest)),
            Self::Writer => "it is still open for writing".to_owned(),
            Self::DoneFile => "the file that marks it as complete (`done_file`) is not there yet".to_owned(),
            Self::Header => "it does not begin like a PDF (`%PDF-` is missing)".to_owned(),
            Self::Truncated(what) => format!("it is not complete: {what}"),
            Self::Unreadable(why) => why.clone(),
        }
    }

    /// Whether two waits are of one kind, so that the second need not be told.
    #[must_use]
    pub fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// `250 ms`, `2 s`.
pub(crate) fn spell(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if duration.subsec_millis() >= 50 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} s", duration.as_secs())
    }
}

impl Settling {
    /// A file that was just seen for the first time.
    #[must_use]
    pub fn new(now: Instant, identity: Identity, via: Via, remote: bool) -> Self {
        Self {
            identity,
            via,
            remote,
            since: now,
            changed: now,
            looked: now,
            content: Content::Unknown,
            reported: false,
        }
    }

    /// Who the file was at the last look.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When it last changed, as far as was seen.
    #[must_use]
    pub fn changed(&self) -> Instant {
        self.changed
    }

    /// A look at the file. `via` is what events said about it since the last look, if anything.
    pub fn on_look(&mut self, now: Instant, identity: Identity, via: Option<Via>) {
        let changed = identity != self.identity;
        self.looked = now;
        match via {
            Some(via) => self.via = via,
            // Only its owner, mode or links changed: what is known about its content holds.
            None if !changed || identity.same_file(&self.identity) => {}
            None if self.via != Via::Written => self.via = Via::Found,
            None => {}
        }
        if changed {
            self.identity = identity;
            self.changed = now;
            self.content = Content::Unknown;
            if self.reported {
                // It is waited for anew, and reported anew if that takes long.
                self.reported = false;
                self.since = now;
            }
        } else if matches!(self.content, Content::Unreadable(_)) {
            self.content = Content::Unknown;
        }
    }

    /// Whether it cannot be read, or may not be taken.
    #[must_use]
    pub fn is_kept_back(&self) -> bool {
        matches!(self.content, Content::Unreadable(_))
    }

    /// Events were lost: nothing is known about writers.
    pub fn on_lost(&mut self) {
        if self.via == Via::Written {
            self.via = Via::Found;
        }
    }

    /// What a look into the file found.
    pub fn on_content(&mut self, content: Content) {
        self.content = content;
    }

    /// The file was reported as incomplete.
    pub fn on_reported(&mut self) {
        self.reported = true;
    }

    /// Whether it has been waited for so long that it has to be reported.
    #[must_use]
    pub fn is_overdue(&self, now: Instant, rests: &Rests) -> bool {
        !self.reported && now >= self.since + rests.settling.incomplete
    }

    /// The rest that this file needs.
    #[must_use]
    pub fn rest(&self, rests: &Rests) -> Duration {
        match (rests.quiet, self.remote, self.via) {
            (Some(quiet), _, _) => quiet,
            (None, true, _) => rests.settling.remote,
            (None, false, Via::Renamed) => rests.settling.renamed,
            (None, false, Via::Closed) => rests.settling.closed,
            (None, false, Via::Written | Via::Found) => rests.settling.found,
        }
    }

    /// What is to be done now. `marked` says whether its done file is there, or none is asked for.
    #[must_use]
    pub fn decide(&self, now: Instant, rests: &Rests, marked: bool) -> Decision {
        let wait = |until, waits| Decision::Wait { until, waits };
        if self.identity.size == 0 {
            return wait(None, Waits::Empty);
        }
        if let Some(until) = self.writer_until(rests)
            && now < until
        {
            return wait(Some(until), Waits::Writer);
        }
        let rest = self.rest(rests);
        let rested = self.changed + rest;
        if now < rested {
            return wait(Some(rested), Waits::Rest(rest));
        }
        if self.looked < rested {
            return Decision::Look;
        }
        if !marked {
            return wait(None, Waits::DoneFile);
        }
        let (until, waits) = match &self.content {
            Content::Unknown => return Decision::Inspect,
            Content::Inspected(Finding::Complete) => return Decision::Offer,
            Content::Inspected(Finding::NotPdf) => {
                let longer = (rest * 4).max(rests.settling.not_pdf);
                (self.changed + longer, Waits::Header)
            }
            Content::Inspected(Finding::Truncated(what)) => (
                self.changed + rests.settling.truncated.max(rest),
                Waits::Truncated(what.clone()),
            ),
            Content::Unreadable(why) => {
                let again = self.looked + rests.settling.unreadable;
                if now < again {
                    return wait(Some(again), Waits::Unreadable(why.clone()));
                }
                return Decision::Look;
            }
        };
        if now < until {
            wait(Some(until), waits)
        } else if self.looked < until {
            Decision::Look
        } else {
            Decision::Offer
        }
    }

    /// When something is to be done about it without any change, if ever.
    #[must_use]
    pub fn next_deadline(&self, now: Instant, rests: &Rests, marked: bool) -> Option<Instant> {
        let decided = match self.decide(now, rests, marked) {
            Decision::Wait { until, .. } => until,
            _ => Some(now),
        };
        let overdue = (!self.reported).then(|| self.since + rests.settling.incomplete);
        match (decided, overdue) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Until when a writer who has not closed the file is waited for.
    fn writer_until(&self, rests: &Rests) -> Option<Instant> {
        (self.via == Via::Written).then(|| self.changed + rests.settling.writer)
    }
}

#[cfg(test)]
mod tests;
