//! Pictures of pages: drawn few at a time, behind the jobs, and kept for a while.

use super::Daemon;
use crate::http::api::Refused;
use crate::http::picture::{Picture, Undrawn};
use crate::job::attempt::Ending;
use crate::problem::{Code, Problem};
use crate::scheduler::thumbnail::{self, Wanted};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Pictures that are drawn at once. Each takes a worker beside those of the jobs.
const AT_ONCE: usize = 2;
/// Requests that may wait for their turn; more are sent away.
const MOST_WAITING: usize = 128;
/// How long one may wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of all pictures that are kept.
const MOST_BYTES: usize = 8 << 20;
/// Pictures, and failures, that are kept.
const MOST: usize = 1024;
/// How long it is remembered that a page could not be drawn.
const FAILURE_KEPT: Duration = Duration::from_secs(60);

/// The pictures that are kept, and who may draw.
#[derive(Debug)]
pub(in crate::daemon) struct Thumbnails {
    turns: Semaphore,
    waiting: Semaphore,
    kept: Mutex<Kept>,
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(MOST_WAITING),
            kept: Mutex::default(),
        }
    }
}

/// What was drawn, the longest unused first.
#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    tag: String,
    drawn: Result<Bytes, Undrawn>,
    /// For failures: until when it counts.
    until: Option<Instant>,
}

impl Kept {
    fn find(&mut self, tag: &str, now: Instant) -> Option<Result<Bytes, Undrawn>> {
        let at = self.entries.iter().position(|entry| entry.tag == tag)?;
        let entry = self.entries.remove(at)?;
        if entry.until.is_some_and(|until| until <= now) {
            return None;
        }
        let drawn = entry.drawn.clone();
        self.entries.push_back(entry);
        Some(drawn)
    }

    fn keep(&mut self, tag: String, drawn: Result<Bytes, Undrawn>, now: Instant) {
        if let Some(at) = self.entries.iter().position(|entry| entry.tag == tag) {
            self.remove(at);
        }
        self.bytes += size(&drawn);
        let until = drawn.is_err().then(|| now + FAILURE_KEPT);
        self.entries.push_back(Entry { tag, drawn, until });
        while self.bytes > MOST_BYTES || self.entries.len() > MOST {
            self.remove(0);
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(entry) = self.entries.remove(at) {
            self.bytes -= size(&entry.drawn);
        }
    }
}

fn size(drawn: &Result<Bytes, Undrawn>) -> usize {
    drawn.as_ref().map_or(0, Bytes::len)
}

impl Thumbnails {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, tag: &str) -> Option<Result<Bytes, Undrawn>> {
        self.kept().find(tag, Instant::now())
    }
}

impl Daemon {
    /// The hash of the plugin that draws pages.
    pub(super) fn drawing_plugin(&self) -> Result<String, Undrawn> {
        thumbnail::renderer(&self.registry.catalog()).map_err(undrawn)
    }

    /// A picture that is kept, or one that is drawn now. Whoever stops waiting leaves the queue, and a worker that draws for
    /// nobody is killed.
    pub(super) async fn draw(&self, picture: Picture) -> Result<Bytes, Undrawn> {
        let thumbnails = &self.thumbnails;
        if let Some(drawn) = thumbnails.find(&picture.tag) {
            return drawn;
        }
        let busy = || {
            Undrawn::Other(Refused::Unavailable(
                "too many pages are waiting to be drawn".to_owned(),
            ))
        };
        let place = thumbnails.waiting.try_acquire().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, thumbnails.turns.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        drop(place);
        // Somebody else may have had the same wish.
        if let Some(drawn) = thumbnails.find(&picture.tag) {
            return drawn;
        }
        let set = self.scheduler.pipelines();
        let pipeline = set.find(&picture.pipeline);
        let wanted = Wanted {
            input: picture.file,
            name: picture.name,
            page: picture.page,
            width: picture.width,
            pipeline: pipeline.and_then(|status| status.current.clone()),
        };
        let catalog = self.registry.catalog();
        let drawn = thumbnail::draw(&self.pool, &catalog, self.bounds, wanted).await;
        let drawn = drawn.map(Bytes::from).map_err(undrawn);
        if matches!(
            drawn,
            Ok(_) | Err(Undrawn::Impossible(_) | Undrawn::Beyond { .. })
        ) {
            let mut kept = thumbnails.kept();
            kept.keep(picture.tag, drawn.clone(), Instant::now());
        }
        drawn
    }
}

fn undrawn(why: thumbnail::Undrawn) -> Undrawn {
    match why {
        thumbnail::Undrawn::NotInstalled(why) => Undrawn::NotInstalled(why),
        thumbnail::Undrawn::Beyond { pages } => Undrawn::Beyond { pages },
        thumbnail::Undrawn::Failed(failure) => match failure.ending {
            Ending::Interrupted | Ending::Cancelled => {
                Undrawn::Other(Refused::Unavailable(failure.problem.detail))
            }
            _ => Undrawn::Impossible(advised(failure.problem)),
        },
    }
}

/// With advice for who looks at a picture; most of what jobs are advised is about their pipelines.
fn advised(problem: Problem) -> Problem {
    match problem.code {
        Code::PdfEncrypted | Code::PdfDamaged | Code::NotPdf | Code::MemoryLimit => problem,
        Code::TimedOut | Code::Stalled => Problem {
            detail: "drawing the page took longer than 10 s".to_owned(),
            ..problem
        }
        .hint(LOOK),
        _ => problem.hint(LOOK),
    }
}

const LOOK: &str = "get the file itself and look at it in a viewer";

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(size: usize) -> Result<Bytes, Undrawn> {
        Ok(vec![0; size].into())
    }

    #[test]
    fn the_longest_unused_make_room_by_bytes_and_by_number() {
        let now = Instant::now();
        let mut kept = Kept::default();
        kept.keep("a".into(), picture(MOST_BYTES / 2), now);
        kept.keep("b".into(), picture(MOST_BYTES / 2), now);
        assert!(kept.find("a", now).is_some());
        kept.keep("c".into(), picture(1), now);
        assert!(kept.find("b", now).is_none() && kept.find("a", now).is_some());
        kept.keep("a".into(), picture(2), now);
        assert_eq!(kept.bytes, 3, "the newer takes the place of the older");
        for number in 0..MOST {
            kept.keep(number.to_string(), picture(0), now);
        }
        assert!(kept.find("c", now).is_none());
        assert_eq!((kept.entries.len(), kept.bytes), (MOST, 0));
        kept.keep("huge".into(), picture(MOST_BYTES + 1), now);
        assert_eq!((kept.entries.len(), kept.bytes), (0, 0));
    }

    #[test]
    fn who_looks_is_not_advised_about_steps_and_timeouts() {
        let check = |code: Code, expected: &str| {
            let hint = advised(Problem::new(code, "it")).hint.unwrap_or_default();
            assert!(hint.contains(expected), "{code:?}: {hint}");
        };
        check(Code::TimedOut, "a viewer");
        check(Code::DocumentRejected, "a viewer");
        check(Code::PdfEncrypted, "passwords");
    }

    #[test]
    fn a_failure_is_tried_again_after_a_while() {
        let now = Instant::now();
        let mut kept = Kept::default();
        kept.keep("a".into(), Err(Undrawn::Beyond { pages: 3 }), now);
        assert!(kept.find("a", now).is_some());
        assert!(kept.find("a", now + FAILURE_KEPT).is_none());
        assert!(kept.find("a", now).is_none(), "it is gone then");
    }
}
