//! What becomes of one file: from the first look until it has settled.

use crate::durable;
use crate::durable::beneath::Links;
use crate::durable::probe;
use crate::durable::spot::Spot;
use crate::durable::stuck;
use crate::event::FileEvent;
use crate::job::event::Identity;
use crate::raw_path::RawPath;
use crate::watch::complete;
use crate::watch::folder::{Reconciler, via};
use crate::watch::hints::Hint;
use crate::watch::ignore::Verdict;
use crate::watch::leaving::{dealt_with, left};
use crate::watch::look::{self, Look};
use crate::watch::settle::{Content, Decision, Settling, Via, Waits};
use crate::watch::told::Said;
use crate::watch::tree::{Entry, Stand, Waiting};
use crate::watch::update::{SeenBy, WatchUpdate};
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// So many ignored files are told one by one; the others are only counted and listed.
const TOLD_IGNORED: usize = 1000;

/// A look at a file that is to be taken account of.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) identity: Identity,
    pub(crate) seen_by: SeenBy,
    pub(crate) hint: Option<Hint>,
}

impl Reconciler {
    /// An event was about this path.
    pub(crate) fn on_hint(&mut self, path: &Path, hint: Hint) {
        let Some(relative) = self.relative(path) else {
            return;
        };
        let relative = relative.to_path_buf();
        if relative.as_os_str().is_empty() {
            // The folder itself changed: it may be gone, or its permissions are others now.
            self.full_scan = Instant::now();
            return;
        }
        match look::at(&self.root, path) {
            Ok(Look::Missing) => self.missing(&relative),
            Ok(Look::File(identity)) => {
                let hint = Some(hint);
                let seen_by = SeenBy::Events;
                self.seen(
                    &relative,
                    Sight {
                        identity,
                        seen_by,
                        hint,
                    },
                );
                self.marked(&relative);
            }
            Ok(Look::Folder) => self.folder_seen(&relative),
            Ok(Look::Refused(what)) => self.refuse(&relative, what, SeenBy::Events),
            // No answer, so nothing is known; the next scan asks again.
            Err(_) => {}
        }
    }

    /// A regular file was looked at.
    pub(crate) fn seen(&mut self, file: &Path, sight: Sight) {
        let now = Instant::now();
        let (file, mut entry) = match self.tree.take(file) {
            Some(known) => known,
            None => match self.admit(file, sight, now) {
                Some(entry) => {
                    self.changes += 1;
                    (file.into(), entry)
                }
                None => return,
            },
        };
        let file = &file;
        entry.generation = self.generation;
        let changed_to = |reconciler: &Self| {
            reconciler.settling(file, sight.identity, sight.hint.and_then(via), now)
        };
        match &mut entry.stand {
            // It was put (back) there, to be left.
            stand
                if self.is_known(file, &sight.identity)
                    && !self.is_left_as(file, stand, &sight.identity) =>
            {
                entry.stand = dealt_with(&sight);
            }
            Stand::Settling(waiting) => {
                let via = sight.hint.and_then(via);
                waiting.settling.on_look(now, sight.identity, via);
            }
            Stand::Settled { identity, .. } | Stand::Offered { identity, .. }
                if Identity::from(*identity) != sight.identity =>
            {
                entry.stand = changed_to(self);
            }
            Stand::Refused(refused) if Identity::from(refused.identity) != sight.identity => {
                entry.stand = changed_to(self);
            }
            Stand::Left(left) if !self.is_same(file, &left.identity.into(), &sight.identity) => {
                entry.stand = changed_to(self);
                self.forget(file);
            }
            Stand::Taken { identity }
                if !self.is_same(file, &(*identity).into(), &sight.identity) =>
            {
                entry.stand = changed_to(self);
            }
            // It was put back before we saw that it had left.
            Stand::Taken { .. } if self.known.contains_key(&**file) => {
                entry.stand = dealt_with(&sight)
            }
            Stand::Ignored { by_name: false, .. } => entry.stand = changed_to(self),
            _ => return self.tree.put(file, entry),
        }
        self.proceed(file, entry);
    }

    /// A file that was not known: what it starts as, if it has to go on from there at all.
    fn admit(&mut self, file: &Path, sight: Sight, now: Instant) -> Option<Entry> {
        let entry = |stand| Entry {
            seen_by: sight.seen_by,
            since: Instant::now(),
            generation: 0,
            stand,
        };
        if let Some(reason) = self.rule_against(file) {
            self.ignore(file, reason, true, sight.seen_by);
            return None;
        }
        if self.known.contains_key(file) {
            if self.is_known(file, &sight.identity) || self.is_copy(file, &sight.identity) {
                return Some(entry(dealt_with(&sight)));
            }
            self.forget(file);
        }
        if let Some(existing) = &mut self.existing {
            existing.push((RawPath::from(file), sight.identity));
            self.known.insert(file.to_path_buf(), sight.identity);
            let why = "it lay here before the pipeline did (`existing: ignore`) and has not changed since";
            return Some(entry(left(&sight, why)));
        }
        let mut stand = self.settling(file, sight.identity, sight.hint.and_then(via), now);
        if sight.seen_by == SeenBy::Scan && self.last_scan.is_none() {
            self.recall(file, &sight.identity, &mut stand);
        }
        Some(entry(stand))
    }

    /// A file that lay here when we came may have waited in an earlier life: what was told then holds.
    fn recall(&self, file: &Path, identity: &Identity, stand: &mut Stand) {
        let Stand::Settling(waiting) = stand else {
            return;
        };
        let reason = match self.earlier.of(&self.root.join(file), identity) {
            Some(FileEvent::Settling { reason }) => reason,
            Some(FileEvent::Incomplete { reason }) => {
                waiting.settling.on_reported();
                reason
            }
            Some(FileEvent::Ignored { .. } | FileEvent::Gone { .. }) | None => return,
        };
        waiting.said = Some(Said::Before(reason));
    }

    pub(crate) fn settling(
        &self,
        file: &Path,
        identity: Identity,
        via: Option<Via>,
        now: Instant,
    ) -> Stand {
        let via = via.unwrap_or(Via::Found);
        let settling = Settling::new(now, identity, via, self.is_remote(file));
        Stand::Settling(Box::new(Waiting {
            settling,
            said: None,
            due: None,
        }))
    }

    fn is_remote(&self, file: &Path) -> bool {
        let branch = file.parent().and_then(|folder| self.tree.branch(folder));
        branch.is_some_and(|branch| branch.mount.is_polled())
    }

    /// Whether this is the file that we left. On network file systems inode numbers do not last.
    pub(super) fn is_same(&self, file: &Path, left: &Identity, now: &Identity) -> bool {
        if self.is_remote(file) {
            left.same_content(now)
        } else {
            left.same_file(now)
        }
    }

    /// The rule by which a file with this name stays.
    pub(crate) fn rule_against(&self, file: &Path) -> Option<Cow<'static, str>> {
        let rules = match &self.rules {
            Ok(rules) => rules,
            Err(bad) => return Some(bad.clone().into()),
        };
        let name = file.file_name().unwrap_or_default();
        if self.done.as_ref().is_some_and(|done| done.is_mark(name)) {
            return Some("it marks another file as complete (`done_file`)".into());
        }
        match rules.file(file) {
            Verdict::Take => None,
            Verdict::Leave(reason) => Some(reason),
        }
    }

    /// Goes on with a file until it has to wait, and puts it back.
    pub(crate) fn proceed(&mut self, file: &Arc<Path>, entry: Entry) {
        let Stand::Settling(mut waiting) = entry.stand else {
            return self.tree.put(file, entry);
        };
        let settled = |stand| Entry { stand, ..entry };
        let Waiting {
            settling,
            said,
            due: was_due,
        } = &mut *waiting;
        loop {
            let now = Instant::now();
            let marked = self.is_marked(file);
            match settling.decide(now, &self.rests, marked) {
                Decision::Offer if self.folder.paused => {
                    *was_due = None;
                    break;
                }
                Decision::Offer => {
                    let identity = *settling.identity();
                    let entry = settled(Stand::Settling(waiting));
                    return self.settled(file, entry, identity);
                }
                Decision::Inspect => match self.inspect(file, settling.identity()) {
                    Ok(content) => settling.on_content(content),
                    Err(Look::File(identity)) => settling.on_look(now, identity, None),
                    Err(other) => {
                        let entry = settled(Stand::Settling(waiting));
                        return self.is_something_else(file, entry, &other);
                    }
                },
                Decision::Look => match look::at(&self.root, &self.root.join(file)) {
                    Ok(Look::File(identity)) => settling.on_look(now, identity, None),
                    Ok(other) => {
                        let entry = settled(Stand::Settling(waiting));
                        return self.is_something_else(file, entry, &other);
                    }
                    Err(error) => {
                        settling.on_look(now, *settling.identity(), None);
                        settling.on_content(Content::Unreadable(cannot(&error)));
                    }
                },
                Decision::Wait { waits, .. } => {
                    self.say(file, said, &waits);
                    if let Waits::Unreadable(why) = &waits {
                        self.kept_back = Some((Arc::clone(file), why.clone()));
                    }
                    if settling.is_overdue(now, &self.rests) {
                        settling.on_reported();
                        let reason = waits.reason();
                        self.tell_file(file, FileEvent::Incomplete { reason });
                    }
                    let due = settling.next_deadline(now, &self.rests, marked);
                    if let Some(at) = due
                        && due != *was_due
                    {
                        self.remind(file, at);
                    }
                    *was_due = due;
                    break;
                }
            }
        }
        self.tree.put(file, settled(Stand::Settling(waiting)));
    }

    fn say(&mut self, file: &Path, said: &mut Option<Said>, waits: &Waits) {
        if said.as_ref().is_none_or(|last| !last.covers(waits)) {
            let reason = waits.reason();
            self.tell_file(file, FileEvent::Settling { reason });
            *said = Some(Said::Now(waits.clone()));
        }
    }

    /// Looks into a file, if it is still who it was; else says what is there now.
    fn inspect(&self, file: &Path, identity: &Identity) -> Result<Content, Look> {
        let branch = file.parent().and_then(|folder| self.tree.branch(folder));
        if let Some(reason) = branch.and_then(|branch| branch.closed.clone()) {
            return Ok(Content::Unreadable(reason));
        }
        let path = self.root.join(file);
        let opened = match Spot::beneath(&self.root, &path, Links::Refused) {
            Ok(Some(spot)) => spot.open().map(|opened| (spot, opened)),
            Ok(None) => return Err(Look::Missing),
            Err(error) if error.kind() == durable::Kind::Link => return Err(Look::Missing),
            Err(error) => Err(error),
        };
        let (spot, opened) = match opened {
            Ok(opened) => opened,
            Err(error) if look::is_missing(error.io()) => return Err(Look::Missing),
            Err(error) if error.kind() == durable::Kind::Denied => {
                let (we, owner) = (probe::who_we_are(), probe::owner(&path));
                let text =
                    format!("it is not readable by {we}: {owner}; give this user read permission");
                return Ok(Content::Unreadable(text));
            }
            Err(error) => match look::at(&self.root, &path) {
                Ok(Look::File(_)) | Err(_) => return Ok(Content::Unreadable(cannot(error.io()))),
                Ok(other) => return Err(other),
            },
        };
        let found = match opened.metadata() {
            Ok(found) => Identity::of(&found),
            Err(error) => return Ok(Content::Unreadable(cannot(&error))),
        };
        if found != *identity {
            return Err(Look::File(found));
        }
        // Known beforehand, it costs no job that would end without having begun.
        if let Some(why) = stuck::why(&spot, &opened) {
            return Ok(Content::Unreadable(why));
        }
        match complete::inspect(&opened, found.size) {
            Ok(finding) => Ok(Content::Inspected(finding)),
            Err(error) => Ok(Content::Unreadable(cannot(&error))),
        }
    }

    pub(crate) fn is_something_else(&mut self, file: &Arc<Path>, entry: Entry, look: &Look) {
        match look {
            Look::Refused(what) => self.refuse(file, what, entry.seen_by),
            Look::Folder | Look::File(_) => {}
            Look::Missing => {
                self.tree.put(file, entry);
                self.missing(file);
            }
        }
    }

    /// There is nothing at this path (any more).
    pub(crate) fn missing(&mut self, relative: &Path) {
        if self.tree.branch(relative).is_some() {
            return self.forget_folder(relative);
        }
        if let Some((file, entry)) = self.tree.take(relative) {
            let folder = relative.parent().unwrap_or(Path::new(""));
            if self.is_still_there(folder) {
                self.gone(relative, &entry);
            } else {
                // All of the folder is gone: a mount perhaps, from which nothing can be concluded.
                self.tree.put(&file, entry);
                self.full_scan = Instant::now();
            }
        }
        self.marked(relative);
    }

    /// Something that is never taken lies there.
    pub(crate) fn refuse(&mut self, file: &Path, what: &'static str, seen_by: SeenBy) {
        if let Some(entry) = self.tree.entry_mut(file)
            && matches!(entry.stand, Stand::Ignored { .. })
        {
            entry.generation = self.generation;
            return;
        }
        self.tree.take(file);
        match self.rule_against(file) {
            Some(reason) => self.ignore(file, reason, true, seen_by),
            None => self.ignore(file, format!("it is {what}").into(), false, seen_by),
        }
    }

    /// This file stays, by this rule.
    pub(crate) fn ignore(
        &mut self,
        file: &Path,
        reason: Cow<'static, str>,
        by_name: bool,
        seen_by: SeenBy,
    ) {
        self.changes += 1;
        let told = self.told_ignored < TOLD_IGNORED;
        if told {
            self.told_ignored += 1;
            let path = self.root.join(file);
            if seen_by == SeenBy::Events || !self.earlier.is_ignored(&path, &reason) {
                let reason = reason.clone().into_owned();
                self.tell_file(file, FileEvent::Ignored { reason });
            }
        }
        let entry = Entry {
            seen_by,
            since: Instant::now(),
            generation: self.generation,
            stand: Stand::Ignored {
                reason,
                by_name,
                told,
            },
        };
        self.tree.put(&file.into(), entry);
    }

    /// Events were lost: nothing is known about writers.
    pub(crate) fn forget_writers(&mut self) {
        for file in self.tree.files(is_settling) {
            if let Some(entry) = self.tree.entry_mut(&file)
                && let Stand::Settling(waiting) = &mut entry.stand
            {
                waiting.settling.on_lost();
            }
        }
        self.decide_all();
    }

    /// The rules changed: what was ignored is judged anew by the next scan.
    pub(crate) fn forget_ignored(&mut self) {
        self.changes += 1;
        for file in self
            .tree
            .files(|entry| matches!(entry.stand, Stand::Ignored { .. }))
        {
            self.tree.take(&file);
        }
        let waits = |entry: &Entry| {
            is_settling(entry) || matches!(entry.stand, Stand::Settled { .. } | Stand::Refused(_))
        };
        for file in self.tree.files(waits) {
            if self.rule_against(&file).is_some() {
                self.tree.take(&file);
            }
        }
    }

    /// Asks of every file that is waited for what is to be done now.
    pub(crate) fn decide_all(&mut self) {
        for file in self.tree.files(is_settling) {
            if let Some((file, entry)) = self.tree.take(&file) {
                self.proceed(&file, entry);
            }
        }
    }

    fn is_marked(&self, file: &Path) -> bool {
        match &self.done {
            None => true,
            Some(done) => self.root.join(done.beside(file)).is_file(),
        }
    }

    /// This path appeared or went: if it is a mark, the files beside it may go on.
    fn marked(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default();
        if !self.done.as_ref().is_some_and(|done| done.is_mark(name)) {
            return;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in self.tree.files_in(folder, is_settling) {
            if let Some((file, entry)) = self.tree.take(&file) {
                self.proceed(&file, entry);
            }
        }
    }

    pub(crate) fn tell_file(&mut self, file: &Path, what: FileEvent) {
        self.changes += 1;
        let pipeline = self.folder.pipeline.clone();
        let path = RawPath(self.root.join(file));
        self.send(WatchUpdate::File {
            pipeline,
            path,
            what,
        });
    }
}

fn is_settling(entry: &Entry) -> bool {
    matches!(entry.stand, Stand::Settling(_))
}

fn cannot(error: &io::Error) -> String {
    format!("it cannot be read at the moment: {error}")
}
