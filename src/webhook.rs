//! Tells other systems how jobs ended: the webhooks that `notify` of a pipeline names.
//!
//! *Theory of operation.* What is to be told is read from the journal, from a mark on: everything before it has been told, or given
//! up. The store's sink only says that there is something new, and never waits. The mark is kept in the journal, so that what a
//! daemon did not get to tell is told by the next one: at least once, under the same id each time. The calls are made a few at once
//! for each host, each a bounded number of times, so that a host that hangs holds up no other. A call that fails for good is a warning in the job's log and the daemon's: no job waits
//! for it or changes by it.

mod call;
mod calls;
mod end;
mod lanes;
mod told;

use crate::event::Stored;
use crate::job::id::JobId;
use crate::pipeline::checked::Notify;
use crate::problem::chain;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::log::LogLine;
use crate::store::query::EventQuery;
use crate::time::Timestamp;
use crate::webhook::call::Caller;
use crate::webhook::calls::{Called, Calls};
use crate::webhook::end::End;
use crate::webhook::lanes::{Lanes, Place};
use crate::webhook::told::Told;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Ends that are read at a time.
const PAGE: u32 = 64;
/// Before the second, third and fourth attempt; there is no fifth.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(25),
];
/// The mark is written at most this often; what a killed daemon told since then is told once more.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// How long calls under way have when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Under which name the journal keeps the mark.
const MARK: &str = "webhooks";

/// Where ends are announced.
#[derive(Clone, Debug)]
pub struct Webhooks {
    newest: watch::Sender<u64>,
}

/// Whom each pipeline tells; pipelines that tell nobody are not in it.
pub type Receivers = BTreeMap<String, Vec<Notify>>;

/// What the telling rests on.
pub struct Parts<F> {
    /// Where ends are announced.
    pub announced: watch::Receiver<u64>,
    /// The journal.
    pub store: Store,
    /// The journal's last event when it was opened: where a journal without a mark begins.
    pub head: u64,
    /// Whom each pipeline tells now.
    pub receivers: F,
    /// The daemon stops.
    pub stop: CancellationToken,
}

/// Where ends are announced, and what [`run`] hears of them.
#[must_use]
pub fn channel() -> (Webhooks, watch::Receiver<u64>) {
    let (newest, announced) = watch::channel(0);
    (Webhooks { newest }, announced)
}

impl Webhooks {
    /// Looks for ends among durable events. Never waits.
    pub fn publish(&self, events: &[Arc<Stored>]) {
        let mut ends = events.iter().rev();
        if let Some(last) = ends.find(|stored| end::outcome(&stored.event).is_some()) {
            self.newest.send_replace(last.seq);
        }
    }
}

/// Makes the calls until the daemon stops; those under way then have two more seconds.
pub async fn run<F: Fn() -> Receivers + Send>(parts: Parts<F>) {
    let Parts {
        mut announced,
        store,
        head,
        receivers,
        stop,
    } = parts;
    let mark = match first_mark(&store, head).await {
        Ok(mark) => mark,
        Err(error) => {
            tracing::error!(%error, "no webhook is called: the journal does not say which have been");
            return;
        }
    };
    let mut teller = Teller::new(store, mark, stop.clone());
    // What an earlier daemon did not get to.
    let mut newest = head;
    loop {
        let behind = teller.told.read() < newest && teller.lanes.are_open();
        if behind && let Err(error) = teller.read(newest, &receivers()).await {
            tracing::warn!(%error, "webhooks wait: the journal cannot be read");
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(KEEP_EVERY) => continue,
            }
        }
        let is_behind = teller.told.read() < newest && teller.lanes.are_open();
        let keep_at = teller.keep_at();
        tokio::select! {
            () = stop.cancelled() => break,
            () = std::future::ready(()), if is_behind => {}
            changed = announced.changed() => match changed {
                Ok(()) => newest = newest.max(*announced.borrow_and_update()),
                Err(_) => break,
            },
            Some(ended) = teller.calls.next() => teller.ended(ended),
            () = tokio::time::sleep_until(keep_at) => teller.keep().await,
        }
    }
    teller.finish().await;
}

/// Where the telling begins. A journal that has never told anything begins now.
async fn first_mark(store: &Store, head: u64) -> Result<u64, Error> {
    let kept = store.noted(MARK).await?;
    if let Some(mark) = kept.and_then(|text| text.parse().ok()) {
        return Ok(mark);
    }
    store.note(MARK, head.to_string()).await?;
    Ok(head)
}

struct Teller {
    store: Store,
    caller: Arc<Caller>,
    lanes: Lanes,
    calls: Calls,
    told: Told,
    kept: u64,
    keep_at: Option<Instant>,
    stop: CancellationToken,
}

impl Teller {
    fn new(store: Store, mark: u64, stop: CancellationToken) -> Self {
        Self {
            store,
            caller: Arc::new(Caller::default()),
            lanes: Lanes::default(),
            calls: Calls::default(),
            told: Told::up_to(mark),
            kept: mark,
            keep_at: None,
            stop,
        }
    }

    /// Reads on, towards `newest`, and begins the calls.
    async fn read(&mut self, newest: u64, receivers: &Receivers) -> Result<(), Error> {
        if receivers.is_empty() {
            self.told.read_to(newest);
            self.changed();
            return Ok(());
        }
        let query = EventQuery {
            after: self.told.read(),
            types: end::TYPES.map(str::to_owned).to_vec(),
            limit: PAGE,
            ..EventQuery::default()
        };
        let found = self.store.history(query, usize::MAX).await?;
        for end in found.events.iter().filter_map(|stored| End::of(stored)) {
            let all = receivers.get(&end.pipeline).into_iter().flatten();
            for notify in all.filter(|notify| notify.when.contains(&end.outcome)) {
                self.begin(&end, notify);
            }
        }
        match found.events.last() {
            Some(last) if !found.complete => self.told.read_to(last.seq),
            _ => self.told.read_to(found.head),
        }
        self.changed();
        Ok(())
    }

    fn begin(&mut self, end: &End, notify: &Notify) {
        self.told.begin(end.seq);
        let call = Call {
            seq: end.seq,
            job: end.job,
            id: format!("{}-{}", self.store.epoch(), end.seq),
            webhook: notify.webhook.clone(),
            body: end.body.to_string(),
        };
        let (caller, store) = (Arc::clone(&self.caller), self.store.clone());
        let stop = self.stop.clone();
        match self.lanes.enter(&call::host(&call.webhook)) {
            Some(place) => self.calls.begin(end.seq, async move {
                call.make(&caller, &place, &store, &stop).await
            }),
            None => self.calls.begin(end.seq, async move {
                call.give_up(&store, &call::Error::Crowded).await;
                Some(call.seq)
            }),
        }
    }

    fn ended(&mut self, called: Called) {
        self.lanes.tidy();
        if let Some(seq) = called {
            self.told.done(seq);
            self.changed();
        }
    }

    fn changed(&mut self) {
        if self.told.mark() != self.kept && self.keep_at.is_none() {
            self.keep_at = Some(Instant::now() + KEEP_EVERY);
        }
    }

    /// When the mark is to be written; far away where nothing has changed.
    fn keep_at(&self) -> Instant {
        self.keep_at
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400))
    }

    async fn keep(&mut self) {
        let mark = self.told.mark();
        self.keep_at = None;
        if mark == self.kept {
            return;
        }
        match self.store.note(MARK, mark.to_string()).await {
            Ok(()) => self.kept = mark,
            // It is tried again at the next change; until then an older mark is only a reason to tell twice.
            Err(error) => {
                tracing::warn!(%error, "which webhooks were called is not in the journal")
            }
        }
    }

    /// Calls under way may end; the rest is for the next daemon.
    async fn finish(mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Some(ended)) = tokio::time::timeout_at(until, self.calls.next()).await {
            self.ended(ended);
        }
        self.calls.shutdown().await;
        self.keep().await;
    }
}

/// One webhook that is to hear of one end.
struct Call {
    seq: u64,
    job: JobId,
    /// The same in every attempt, whichever daemon makes it.
    id: String,
    webhook: String,
    body: String,
}

impl Call {
    async fn make(
        self,
        caller: &Caller,
        place: &Place,
        store: &Store,
        stop: &CancellationToken,
    ) -> Called {
        let mut pauses = PAUSES.into_iter();
        loop {
            // Only an attempt holds a turn, not its pause.
            let turn = tokio::select! {
                () = stop.cancelled() => return None,
                turn = place.turn() => turn,
            };
            let called = caller
                .post(&self.webhook, &self.id, self.body.clone())
                .await;
            drop(turn);
            place.tell(&called);
            let error = match called {
                Ok(()) => return Some(self.seq),
                Err(error) => error,
            };
            let Some(pause) = pauses.next().filter(|_| error.is_passing()) else {
                self.give_up(store, &error).await;
                return Some(self.seq);
            };
            let host = call::host(&self.webhook);
            tracing::debug!(job = %self.job, %host, error = chain(&error), "a webhook is called again later");
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn give_up(&self, store: &Store, why: &call::Error) {
        let job = self.job;
        // The address may hold a secret: only its host is told.
        let message = format!(
            "the webhook at `{}` was not told: {}",
            call::host(&self.webhook),
            chain(why)
        );
        tracing::warn!(%job, "{message}");
        let line = LogLine {
            at: Timestamp::now(),
            level: "warn".to_owned(),
            step: None,
            message,
        };
        if let Err(error) = store.log(job, vec![line]).await {
            tracing::warn!(%error, %job, "a log line is lost");
        }
    }
}
