//! Where those who publish meet those who listen, and the one task between them; it lives only while somebody listens.

use crate::event::Stored;
use crate::feed::config::{Config, Views};
use crate::feed::cursor::{Cursor, ResetReason};
use crate::feed::frame::{self, About};
use crate::feed::progress::Progress;
use crate::feed::state::{Counters, Found, State};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes that may wait for the flush; beyond them the publisher flushes itself.
const PENDING: usize = 1024 * 1024;
/// The shortest time between two questions for the gauges, however many come.
const STATS_GAP: Duration = Duration::from_millis(250);

/// What the feed's handles, its subscriptions and its task share.
pub(crate) struct Hub {
    pub(crate) config: Config,
    pub(crate) views: Views,
    pub(crate) epoch: String,
    /// How many listen; read without the lock, so that publishing to nobody costs next to nothing.
    listeners: AtomicUsize,
    state: Mutex<State>,
    kick: Notify,
}

impl Hub {
    pub(crate) fn new(config: Config, views: Views, epoch: &str, head: u64) -> Self {
        let state = State::new(head, config.progress_gap);
        Self {
            config,
            views,
            epoch: epoch.to_owned(),
            listeners: AtomicUsize::new(0),
            state: Mutex::new(state),
            kick: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cursor(&self, seq: u64) -> String {
        let epoch = self.epoch.clone();
        Cursor { epoch, seq }.to_string()
    }

    pub(crate) fn counters(&self) -> Counters {
        let state = self.state();
        Counters {
            listeners: state.listeners(),
            held_bytes: state.held_bytes(),
            ..state.counters.clone()
        }
    }

    pub(crate) fn count_reset(&self, reason: ResetReason) {
        let mut state = self.state();
        *state.counters.resets.entry(reason.word()).or_default() += 1;
    }

    /// Tells durable events, in order. Never waits for anybody who listens.
    pub(crate) fn publish(&self, events: &[Arc<Stored>]) {
        let heard = self.is_heard();
        let rendered: Vec<Option<Value>> = events
            .iter()
            .map(|event| heard.then(|| (self.views.event)(event)))
            .collect();
        let mut state = self.state();
        let idle = state.pending_bytes() == 0;
        for (event, data) in events.iter().zip(rendered) {
            if state.is_heard() {
                // Somebody who came in between hears it too.
                let data = data.unwrap_or_else(|| (self.views.event)(event));
                state.push_event(&self.cursor(event.seq), event, &data);
            }
            state.follow(event);
        }
        self.pushed(state, idle);
    }

    /// Takes progress; what is shown of it goes out now or when its time comes.
    pub(crate) fn progress(&self, progress: Progress) {
        if !self.is_heard() {
            return;
        }
        let mut state = self.state();
        if !state.is_heard() {
            return;
        }
        let idle = state.pending_bytes() == 0;
        let deadline = state.progress.next_deadline();
        if let Some(progress) = state.progress.offer(progress, Instant::now()) {
            self.push_progress(&mut state, &progress);
            self.pushed(state, idle);
        } else if state.progress.next_deadline() != deadline {
            drop(state);
            self.kick.notify_one();
        }
    }

    /// Tells something that is not durable.
    pub(crate) fn tell(&self, name: &'static str, about: About, data: impl FnOnce() -> Value) {
        if !self.is_heard() {
            return;
        }
        let data = data();
        let mut state = self.state();
        if state.is_heard() {
            let idle = state.pending_bytes() == 0;
            state.push(name, about, &data);
            self.pushed(state, idle);
        }
    }

    /// Tells the gauges if they have changed.
    fn tell_stats(&self, stats: Option<Value>) {
        let mut state = self.state();
        if stats.is_none() || stats == state.stats || !state.is_heard() {
            return;
        }
        if let Some(stats) = &stats {
            state.push("stats", About::all(), stats);
        }
        state.stats = stats;
    }

    fn is_heard(&self) -> bool {
        self.listeners.load(Ordering::Acquire) > 0
    }

    fn push_progress(&self, state: &mut State, progress: &Progress) {
        let data = (self.views.progress)(progress);
        state.push("step.progress", about(progress), &data);
    }

    /// Wakes the task for the first frame since its last flush; later ones go with it.
    fn pushed(&self, mut state: MutexGuard<'_, State>, was_idle: bool) {
        if state.pending_bytes() > PENDING {
            let wakers = state.flush(self.config.ring_bytes, Instant::now());
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        } else if was_idle && state.pending_bytes() > 0 {
            drop(state);
            self.kick.notify_one();
        }
    }

    /// Ends all streams with `shutdown`, now and from now on.
    pub(crate) fn close(&self) {
        let wakers = self.state().close(self.config.ring_bytes, Instant::now());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The running jobs' progress as frames, for one who has just come.
    ///
    /// None where the client knows more than was published: it may know that a job has ended.
    pub(crate) fn write_progress(
        &self,
        seen: u64,
        to: &mut BytesMut,
        wanted: impl Fn(&About) -> bool,
    ) {
        let state = self.state();
        if state.head < seen {
            return;
        }
        for progress in state.progress.latest() {
            if wanted(&about(progress)) {
                frame::write(to, "step.progress", &(self.views.progress)(progress));
            }
        }
    }

    /// A seat at the end of the ring, and the task to serve it.
    ///
    /// # Errors
    /// All seats are taken.
    pub(crate) fn sit(self: &Arc<Self>) -> Result<Seat, TooMany> {
        let mut state = self.state();
        if state.listeners() >= self.config.max_streams {
            state.counters.refused += 1;
            return Err(TooMany);
        }
        let number = state.sit();
        self.listeners.store(state.listeners(), Ordering::Release);
        if !std::mem::replace(&mut state.task, true) {
            tokio::spawn(serve(Arc::clone(self)));
        } else if self.views.stats.is_some() {
            // What the one who comes is told of the gauges may be old.
            self.kick.notify_one();
        }
        Ok(Seat {
            hub: Arc::clone(self),
            number,
            stats: state.stats.clone(),
        })
    }
}

/// All seats are taken.
#[derive(Debug)]
pub(crate) struct TooMany;

fn about(progress: &Progress) -> About {
    About {
        job: Some(progress.job),
        pipeline: Some(progress.pipeline.as_str().into()),
        path: Some(Arc::new(progress.path.clone())),
        all: false,
    }
}

/// A subscription's place at the ring; dropped, it is free.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    number: u64,
    /// The gauges as they were told before it was taken: who sat there already has seen them.
    stats: Option<Value>,
}

impl Seat {
    pub(crate) fn take_stats(&mut self) -> Option<Value> {
        self.stats.take()
    }

    pub(crate) fn read(&self, context: &Context<'_>) -> Found {
        self.hub.state().read(self.number, context)
    }

    pub(crate) fn has_fallen(&self) -> bool {
        self.hub.state().has_fallen(self.number)
    }

    pub(crate) fn move_to_end(&self) {
        self.hub.state().move_to_end(self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.stand_up(self.number);
        let left = state.listeners();
        self.hub.listeners.store(left, Ordering::Release);
        drop(state);
        if left == 0 {
            // The task ends with the last one who listens.
            self.hub.kick.notify_one();
        }
    }
}

/// Flushes at once after a rest, then not more often than `clamp(40 us x listeners, 2 ms, 250 ms)`: the more listen, the more
/// goes with one write to each (measured: 988,000 deliveries a second to 1,000 streams).
fn window(listeners: usize) -> Duration {
    let micros = u64::try_from(listeners).unwrap_or(u64::MAX);
    Duration::from_micros(micros.saturating_mul(40))
        .clamp(Duration::from_millis(2), Duration::from_millis(250))
}

/// The feed's task: sleeps until a frame comes or the next deadline, and ends when nobody listens.
async fn serve(hub: Arc<Hub>) {
    let started = Instant::now();
    let mut due = Due {
        ping: started + hub.config.heartbeat,
        stats: hub.views.stats.as_ref().map(|_| started),
    };
    let mut asked = None;
    loop {
        if asked.is_none() {
            asked = ask_stats(&hub, &mut due);
        }
        let Some((wakers, mut wake_at)) = turn(&hub, &mut due) else {
            return;
        };
        wakers.into_iter().for_each(Waker::wake);
        if asked.is_none() {
            wake_at = wake_at.min(due.stats.unwrap_or(wake_at));
        }
        tokio::select! {
            () = hub.kick.notified() => {}
            () = tokio::time::sleep_until(wake_at.into()) => {}
            stats = answered(&mut asked) => {
                asked = None;
                hub.tell_stats(stats);
            }
        }
    }
}

/// When what comes by itself is due.
struct Due {
    ping: Instant,
    stats: Option<Instant>,
}

type Asked = Pin<Box<dyn Future<Output = Option<Value>> + Send>>;

/// Asks for the gauges, where their time has come or somebody has just come.
fn ask_stats(hub: &Hub, due: &mut Due) -> Option<Asked> {
    let (make, at) = (hub.views.stats.as_ref()?, due.stats?);
    let (now, every) = (Instant::now(), hub.config.stats_every);
    let last = at.checked_sub(every).unwrap_or(at);
    let mut state = hub.state();
    let is_wanted = now >= last + every.min(STATS_GAP) && state.stats_wanted;
    if now < at && !is_wanted {
        return None;
    }
    state.stats_wanted = false;
    due.stats = Some(now + every);
    Some(make())
}

async fn answered(asked: &mut Option<Asked>) -> Option<Value> {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}

/// One turn of the task: writes what is due, flushes if it is time; says whom to wake and when to come again.
fn turn(hub: &Hub, due: &mut Due) -> Option<(Vec<Waker>, Instant)> {
    let now = Instant::now();
    let mut state = hub.state();
    state.counters.wakeups += 1;
    if !state.is_heard() {
        state.task = false;
        return None;
    }
    if now >= due.ping {
        due.ping = now + hub.config.heartbeat;
        let data = json!({"seq": state.head, "at": crate::time::Timestamp::now().rfc3339()});
        state.push("ping", About::all(), &data);
    }
    for progress in state.progress.due(now) {
        hub.push_progress(&mut state, &progress);
    }
    let mut wake_at = due.ping;
    wake_at = wake_at.min(state.progress.next_deadline().unwrap_or(wake_at));
    let mut wakers = Vec::new();
    if state.pending_bytes() > 0 {
        let flush_at = state
            .flushed
            .map_or(now, |at| at + window(state.listeners()));
        if now >= flush_at {
            wakers = state.flush(hub.config.ring_bytes, now);
        } else {
            wake_at = wake_at.min(flush_at);
        }
    }
    Some((wakers, wake_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_the_listeners() {
        for (listeners, ms) in [(1, 2), (50, 2), (100, 4), (1_000, 40), (100_000, 250)] {
            assert_eq!(window(listeners), Duration::from_millis(ms));
        }
    }
}
