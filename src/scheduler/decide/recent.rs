//! How jobs have ended of late. The journal lags behind the decider by a commit: whoever asks it whether a content was here before may
//! get an answer that was true when it was asked and is not any more.

use crate::job::id::JobId;
use std::collections::{HashMap, VecDeque};

/// So many ends are kept in mind; the journal knows of the older ones.
const REMEMBERED: usize = 10_000;

/// A pipeline and the BLAKE3 of a file.
type Content = (String, String);

/// The last ends.
#[derive(Debug, Default)]
pub(super) struct Recent {
    was_done: HashMap<JobId, bool>,
    done: HashMap<Content, JobId>,
    order: VecDeque<(JobId, Option<Content>)>,
}

impl Recent {
    /// Whether this one has done its work, if it has ended of late.
    pub(super) fn was_done(&self, id: JobId) -> Option<bool> {
        self.was_done.get(&id).copied()
    }

    /// The one that has processed this content of late.
    pub(super) fn done(&self, pipeline: &str, blake3: &str) -> Option<JobId> {
        let content = (pipeline.to_owned(), blake3.to_owned());
        self.done.get(&content).copied()
    }

    pub(super) fn remember(&mut self, id: JobId, was_done: bool, content: Option<Content>) {
        self.was_done.insert(id, was_done);
        let content = content.filter(|_| was_done);
        if let Some(content) = &content {
            self.done.insert(content.clone(), id);
        }
        self.order.push_back((id, content));
        if self.order.len() > REMEMBERED
            && let Some((old, content)) = self.order.pop_front()
        {
            self.was_done.remove(&old);
            if let Some(content) = content
                && self.done.get(&content) == Some(&old)
            {
                self.done.remove(&content);
            }
        }
    }
}
