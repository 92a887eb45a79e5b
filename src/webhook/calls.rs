//! The calls under way, and which end of a job each is about: also of one that panics, which cannot say it any more.

use std::collections::HashMap;
use tokio::task::{Id, JoinSet};

/// The number of the end that a call was about; `None` where it has to be told again.
pub(super) type Called = Option<u64>;

/// Calls that are being made.
#[derive(Debug, Default)]
pub(super) struct Calls {
    tasks: JoinSet<Called>,
    about: HashMap<Id, u64>,
}

impl Calls {
    /// Begins one about the end `seq`.
    pub(super) fn begin(&mut self, seq: u64, call: impl Future<Output = Called> + Send + 'static) {
        let task = self.tasks.spawn(call);
        self.about.insert(task.id(), seq);
    }

    /// Waits for the next that ends; `None` where there is none. One that panicked is given up: the same would happen to the next
    /// daemon, and everything after it would be told again each time.
    pub(super) async fn next(&mut self) -> Option<Called> {
        match self.tasks.join_next_with_id().await? {
            Ok((task, called)) => {
                self.about.remove(&task);
                Some(called)
            }
            Err(error) => {
                let seq = self.about.remove(&error.id());
                if error.is_cancelled() {
                    return Some(None);
                }
                tracing::error!(%error, end = seq, "a webhook's task panicked; it is given up");
                Some(seq)
            }
        }
    }

    /// Ends all of them.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
        self.about.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_panics_is_given_up_and_not_told_again_for_ever() {
        let mut calls = Calls::default();
        calls.begin(7, async { panic!("of a test") });
        calls.begin(8, async { Some(8) });
        calls.begin(9, async { None });
        let mut ended = Vec::new();
        while let Some(called) = calls.next().await {
            ended.push(called);
        }
        ended.sort_unstable();
        assert_eq!(ended, [None, Some(7), Some(8)]);
        assert!(calls.about.is_empty());
    }
}
