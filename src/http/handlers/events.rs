//! Feeds: one multiplexed stream with topics; the per-pipeline, per-job and per-file feeds are the same with fewer.

use crate::http::api::{EventStream, History, HistoryQuery, Subscribed, Topics};
use crate::http::call::Call;
use crate::http::query::nearest;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use crate::http::view::event::{self, DURABLE, PASSING};
use crate::http::view::system::{HistoryEventView, HistoryView};
use crate::store::query::Scope;
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use std::sync::Arc;

pub(crate) async fn all(call: Call) -> Result<Response, Refusal> {
    let topics = topics(&call)?;
    open(call, topics).await
}

pub(crate) async fn of_pipeline(call: Call) -> Result<Response, Refusal> {
    let topics = Topics {
        scope: Scope::Pipeline(call.part("id").to_owned()),
        types: types(&call)?,
    };
    open(call, topics).await
}

pub(crate) async fn of_job(call: Call) -> Result<Response, Refusal> {
    let topics = Topics {
        scope: Scope::Job(call.job()?),
        types: types(&call)?,
    };
    open(call, topics).await
}

pub(crate) async fn of_file(call: Call) -> Result<Response, Refusal> {
    let topics = Topics {
        scope: Scope::Path(call.file_path("path")?.into()),
        types: types(&call)?,
    };
    open(call, topics).await
}

pub(crate) async fn history(call: Call) -> Result<Response, Refusal> {
    let query = HistoryQuery {
        after: call.query.text("after")?.map(str::to_owned),
        limit: u32::try_from(call.query.number("limit", 1..=1000, 200)?).unwrap_or(1000),
        topics: topics(&call)?,
    };
    match call.api.backend.history(query).await? {
        History::Events { events, cursor } => {
            let events = events
                .iter()
                .map(|stored| {
                    let (event, data) = event::event(stored);
                    HistoryEventView { event, data }
                })
                .collect();
            Ok(reply::json(StatusCode::OK, &HistoryView { events, cursor }))
        }
        History::Reset(reason) => Err(Refusal::new(
            Kind::Gone,
            format!("the journal cannot go on from that cursor: {reason}"),
        )
        .hint("leave out `after`, or read /api/v1/jobs and go on from its cursor")),
    }
}

fn topics(call: &Call) -> Result<Topics, Refusal> {
    let scope = match (call.query.text("pipeline")?, call.query.text("job")?) {
        (None, None) => Scope::Everything,
        (Some(pipeline), None) => Scope::Pipeline(pipeline.to_owned()),
        (None, Some(job)) => Scope::Job(
            job.parse()
                .map_err(|error: crate::job::id::NotAJobId| Refusal::bad(error.to_string()))?,
        ),
        (Some(_), Some(_)) => {
            return Err(Refusal::bad("`pipeline` and `job` narrow the feed twice")
                .hint("a job has one pipeline: `job` alone says it all"));
        }
    };
    Ok(Topics {
        scope,
        types: types(call)?,
    })
}

fn types(call: &Call) -> Result<Vec<String>, Refusal> {
    let types = call.query.list("types")?;
    let Some(wrong) = types.iter().find(|word| !is_event(word)) else {
        return Ok(types);
    };
    let refusal = Refusal::bad(format!("`{wrong}` is not an event"));
    let known = DURABLE.iter().chain(PASSING).copied();
    Err(match nearest(wrong, known) {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint("docs/http.md lists them; `job.*` stands for all of a kind"),
    })
}

/// A name, or a kind: `job.*`. What a feed says about itself always comes and cannot be asked for.
fn is_event(word: &str) -> bool {
    let mut known = DURABLE.iter().chain(PASSING);
    match word.strip_suffix('*') {
        Some(kind) => kind.ends_with('.') && known.any(|name| name.starts_with(kind)),
        None => known.any(|name| *name == word),
    }
}

async fn open(call: Call, topics: Topics) -> Result<Response, Refusal> {
    let permit = Arc::clone(&call.api.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Refusal::new(Kind::Unavailable, "too many feeds are open")
                .hint("close some, or raise `http.max_streams`; one feed can carry everything")
                .header(RETRY_AFTER, HeaderValue::from_static("5"))
        })?;
    let last = match call.head.text("last-event-id") {
        Some(id) if !id.is_empty() => Some(id.to_owned()),
        _ => call.query.text("last_event_id")?.map(str::to_owned),
    };
    match call.api.backend.subscribe(topics, last).await? {
        Subscribed::Over => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Subscribed::Stream(stream) => {
            let stream: EventStream = Box::pin(stream.map(move |bytes| {
                let _held_while_the_feed_is_open = &permit;
                bytes
            }));
            Ok(reply::events(stream))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_names_or_kinds() {
        for good in ["job.failed", "job.*", "step.progress", "log"] {
            assert!(is_event(good), "{good}");
        }
        for bad in [
            "job",
            "job.",
            "job.fialed",
            "jo*",
            "jobs.*",
            "",
            "*",
            "ping",
        ] {
            assert!(!is_event(bad), "{bad}");
        }
    }
}
