//! Feeds: one multiplexed stream with topics; the per-pipeline, per-job and per-file feeds are the same with fewer.

use crate::feed::cursor::Cursor;
use crate::feed::topics::{TYPES, Topics};
use crate::feed::welcome::SubscribeError;
use crate::http::call::Call;
use crate::http::guard;
use crate::http::query::nearest;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Over, Response, Right};
use crate::http::view::event;
use crate::http::view::system::{HistoryEventView, HistoryView};
use crate::job::id::JobId;
use crate::store::query::{EventQuery, Scope};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};

/// A page of the history has at most this many bytes of events.
const MAX_HISTORY: usize = 4 << 20;

pub(crate) async fn all(call: Call) -> Result<Response, Refusal> {
    let scope = scope(&call)?;
    open(call, scope).await
}

pub(crate) async fn of_pipeline(call: Call) -> Result<Response, Refusal> {
    let scope = Scope::Pipeline(call.part("id").to_owned());
    open(call, scope).await
}

pub(crate) async fn of_job(call: Call) -> Result<Response, Refusal> {
    let scope = Scope::Job(call.job()?);
    open(call, scope).await
}

pub(crate) async fn of_file(call: Call) -> Result<Response, Refusal> {
    let path = call.file_path("path")?;
    let scope = Scope::Path(call.api.backend.spelled(&path).await?.into());
    open(call, scope).await
}

async fn open(call: Call, scope: Scope) -> Result<Response, Refusal> {
    let (feed, store) = (&call.api.feed, &call.api.store);
    let topics = topics(&call, scope)?;
    exists(&call, &topics.scope).await?;
    agrees(&call, &topics.scope).await?;
    // What is no text is no cursor of ours, and is answered as such.
    let header = call.head.headers.get("last-event-id");
    let header = header.map(|id| String::from_utf8_lossy(id.as_bytes()));
    let last = match &header {
        Some(id) if !id.is_empty() => Some(&**id),
        _ => call.query.text("last_event_id")?,
    };
    if let (Scope::Job(job), Some(last)) = (&topics.scope, last)
        && feed.already_ended(*job, last, store).await?
    {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let (config, seats) = (&call.api.config, &call.api.seats);
    let most = config.max_client_streams;
    let sessions = &call.api.sessions;
    let known = config.token.as_deref().map(|token| (token, sessions));
    let Some(seat) = seats.take(&call.head, known, most) else {
        return Err(too_many(format!(
            "{most} event streams of this client are open, which is the limit"
        )));
    };
    match feed.subscribe(topics, last, store).await {
        Ok(subscription) => {
            // Who came by a session stays no longer than it.
            let session = guard::session(config, &call.head, sessions);
            let over = session.map(|session| Box::pin(sessions.over(session)) as Over);
            Ok(reply::events(subscription, Right::new(seat, over)))
        }
        Err(SubscribeError::Journal(error)) => Err(error.into()),
        Err(error @ SubscribeError::TooMany(_)) => Err(too_many(error.to_string())),
    }
}

fn too_many(detail: String) -> Refusal {
    Refusal::new(Kind::Unavailable, detail)
        .hint("close some, or raise `max_streams` in the configuration; one feed can carry everything")
        .header(RETRY_AFTER, HeaderValue::from_static("5"))
}

/// A feed of nothing would stay silent for ever: say so instead.
async fn exists(call: &Call, scope: &Scope) -> Result<(), Refusal> {
    match scope {
        Scope::Everything | Scope::Path(_) => Ok(()),
        Scope::Job(job) => match call.api.store.job(*job).await? {
            Some(_) => Ok(()),
            None => Err(Refusal::not_found(format!("there is no job `{job}`"))),
        },
        Scope::Pipeline(id) => {
            let is_there = |known: &str| known == id;
            let now = call.api.backend.pipelines().await?;
            if now.iter().any(|entry| is_there(&entry.id)) {
                return Ok(());
            }
            // One that was removed still has its jobs and its history.
            let ever = call.api.store.pipelines().await?;
            if ever.iter().any(|row| is_there(&row.id)) {
                return Ok(());
            }
            Err(Refusal::not_found(format!("there is no pipeline `{id}`"))
                .hint("/api/v1/pipelines lists them"))
        }
    }
}

/// A job of another pipeline than the one that is named would be a feed of nothing, too.
async fn agrees(call: &Call, scope: &Scope) -> Result<(), Refusal> {
    // Routes that have the pipeline in their path have no such parameter.
    let (Scope::Job(job), Some(pipeline)) = (scope, call.query.text("pipeline")?) else {
        return Ok(());
    };
    match call.api.store.job(*job).await? {
        Some(found) if found.accepted.pipeline != pipeline => Err(Refusal::not_found(format!(
            "job `{job}` is not of pipeline `{pipeline}`"
        ))
        .hint("a job has one pipeline: `job` alone says it all")),
        _ => Ok(()),
    }
}

pub(crate) async fn history(call: Call) -> Result<Response, Refusal> {
    let (feed, store) = (&call.api.feed, &call.api.store);
    let topics = topics(&call, scope(&call)?)?;
    agrees(&call, &topics.scope).await?;
    let limit = call.query.number("limit", 1..=1000, 200)?;
    let cursor = after(&call)?;
    let mut query = EventQuery {
        after: cursor.unwrap_or(0),
        types: topics.types().to_vec(),
        limit: u32::try_from(limit).unwrap_or(1000),
        ..EventQuery::default()
    };
    match topics.scope {
        Scope::Pipeline(id) => query.pipeline = Some(id),
        Scope::Job(job) => query.job = Some(job),
        Scope::Everything | Scope::Path(_) => {}
    }
    // A job is removed with all its events or not at all.
    let is_whole = match query.job {
        Some(job) => store.job(job).await?.is_some(),
        None => false,
    };
    // Without a cursor one begins where nothing is missing any more, so that the answer's cursor is one to go on from; the
    // journal's very beginning is a cursor like any other.
    query.gapless = cursor.is_none() && !is_whole;
    let found = store.history(query, MAX_HISTORY).await?;
    if found.after > found.head {
        return Err(lost("it is ahead of the journal"));
    }
    if found.after < found.floor && !is_whole {
        return Err(lost("what followed it is not kept any more"));
    }
    let last = match found.events.last() {
        Some(last) if !found.complete => last.seq,
        _ if found.complete => found.head,
        _ => found.after,
    };
    let events = found
        .events
        .iter()
        .map(|stored| {
            let (event, data) = event::event(stored);
            HistoryEventView { event, data }
        })
        .collect();
    let view = HistoryView {
        events,
        cursor: feed.cursor(last),
        complete: found.complete,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

fn after(call: &Call) -> Result<Option<u64>, Refusal> {
    let Some(text) = call.query.text("after")? else {
        return Ok(None);
    };
    match Cursor::parse(text) {
        None => Err(Refusal::bad(format!("`{text}` is not a cursor"))
            .hint("a cursor is the `id` of an event, or the `cursor` of an answer")),
        Some(cursor) if cursor.epoch != call.api.store.epoch() => {
            Err(lost("it is of another journal"))
        }
        Some(cursor) => Ok(Some(cursor.seq)),
    }
}

fn lost(why: &str) -> Refusal {
    Refusal::new(
        Kind::Gone,
        format!("the journal cannot go on from that cursor: {why}"),
    )
    .hint("leave out `after` to begin where nothing is missing any more, or read /api/v1/jobs and go on from its cursor")
}

fn scope(call: &Call) -> Result<Scope, Refusal> {
    match (call.query.text("pipeline")?, call.query.text("job")?) {
        (None, None) => Ok(Scope::Everything),
        (Some(pipeline), None) => Ok(Scope::Pipeline(pipeline.to_owned())),
        // A job has one pipeline: naming both is the same, unless it is another one's.
        (_, Some(job)) => Ok(Scope::Job(
            job.parse::<JobId>()
                .map_err(|error| Refusal::bad(error.to_string()))?,
        )),
    }
}

fn topics(call: &Call, scope: Scope) -> Result<Topics, Refusal> {
    let types = call.query.list("types")?.join(",");
    Topics::of(scope).only(&types).map_err(|unknown| {
        let refusal = Refusal::bad(unknown.to_string());
        match nearest(&unknown.0, TYPES.iter().copied()) {
            Some(near) => refusal.hint(format!("did you mean `{near}`?")),
            None => refusal.hint("docs/http.md lists them; `job.*` stands for all of a kind"),
        }
    })
}
