//! Jobs: lists, single ones, what can be done to them, and their files.

use crate::http::call::Call;
use crate::http::content::{self, FileContent, Lying};
use crate::http::query::nearest;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use crate::http::view::artifact::names;
use crate::http::view::job::{JobPageView, JobView};
use crate::http::view::link::segment;
use crate::http::view::system::{LogLineView, LogView, RestoredView};
use crate::http::view::timeline::TimelineView;
use crate::job::redo::{Delivered, MoveKind};
use crate::job::state::{Job, State};
use crate::raw_path::RawPath;
use crate::store::log::{LogLine, NumberedLine};
use crate::store::query::{ENDED_STATES, EventQuery, JobQuery, OPEN_STATES, Order};
use crate::time::Timestamp;
use http::StatusCode;
use http::header::LINK;
use std::fmt::Write as _;
use std::path::Path;

pub(crate) const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error"];
/// What a list may be narrowed to.
pub(crate) const STATES: &[&str] = &[
    "claiming",
    "queued",
    "running",
    "waiting",
    "delivering",
    "succeeded",
    "failed",
    "cancelled",
    "open",
    "ended",
];
pub(crate) const ORDERS: &[&str] = &["created", "changed"];
pub(crate) const YES_NO: &[&str] = &["true", "false", "1", "0"];
/// A log as one text is not longer than this.
const MAX_LOG: usize = 16 << 20;
/// A timeline is not made of more bytes of events than this.
const MAX_TIMELINE: usize = 16 << 20;

pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    let order = match call.query.text("order")? {
        None | Some("created") => Order::Created,
        Some("changed") => Order::Changed,
        Some(other) => return Err(unknown_word("order", other, ORDERS)),
    };
    let limit = call.query.number("limit", 1..=500, 50)?;
    let query = JobQuery {
        pipeline: call.query.text("pipeline")?.map(str::to_owned),
        states: states(&call)?,
        q: call.query.text("q")?.map(str::to_owned),
        order,
        before: call.query.text("before")?.map(str::to_owned),
        limit: u32::try_from(limit).unwrap_or(500),
    };
    let page = call.api.store.jobs(query).await?;
    let now = Timestamp::now();
    let link = page
        .next
        .as_ref()
        .map(|next| next_link(&call.head.query, next));
    let view = JobPageView {
        jobs: page
            .jobs
            .iter()
            .map(|job| JobView::live(job, &call.api.statistics, now))
            .collect(),
        next: page.next,
        total: page.total,
        cursor: call.api.feed.cursor(page.seq),
    };
    let response = reply::json(StatusCode::OK, &view);
    Ok(match link {
        Some(link) => reply::with(response, LINK, &link),
        None => response,
    })
}

/// The states asked for; `open` and `ended` stand for several.
fn states(call: &Call) -> Result<Vec<String>, Refusal> {
    let mut states = Vec::new();
    for word in call.query.list("state")? {
        match word.as_str() {
            "open" => states.extend(OPEN_STATES.map(str::to_owned)),
            "ended" => states.extend(ENDED_STATES.map(str::to_owned)),
            known if OPEN_STATES.contains(&known) || ENDED_STATES.contains(&known) => {
                states.push(word);
            }
            other => return Err(unknown_word("state", other, STATES)),
        }
    }
    Ok(states)
}

fn next_link(query: &str, next: &str) -> String {
    let mut url = String::from("/api/v1/jobs?");
    for pair in query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("before="))
    {
        url.push_str(pair);
        url.push('&');
    }
    format!("<{url}before={}>; rel=\"next\"", segment(next))
}

fn unknown_word(what: &str, word: &str, known: &[&str]) -> Refusal {
    let refusal = Refusal::bad(format!("`{word}` is not a {what}"));
    match nearest(word, known.iter().copied()) {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint(format!("known: {}", known.join(", "))),
    }
}

pub(crate) async fn find(call: &Call) -> Result<Job, Refusal> {
    let id = call.job()?;
    call.api
        .store
        .job(id)
        .await?
        .ok_or_else(|| Refusal::not_found(format!("there is no job `{id}`")))
}

pub(crate) async fn one(call: Call) -> Result<Response, Refusal> {
    let job = find(&call).await?;
    let left = call.api.statistics.left(job.id, Timestamp::now());
    let tag = match left {
        // Time passes without events.
        Some(left) => format!("\"{}-{}\"", job.rev, left.as_secs()),
        None => format!("\"{}\"", job.rev),
    };
    if content::is_unchanged(&call.head, &tag) {
        return Ok(content::unchanged(&tag));
    }
    let view = JobView::live(&job, &call.api.statistics, Timestamp::now());
    let response = reply::json(StatusCode::OK, &view);
    Ok(content::revalidate(response, &tag))
}

pub(crate) async fn timeline(call: Call) -> Result<Response, Refusal> {
    let job = find(&call).await?;
    let tag = format!("\"{}\"", job.rev);
    if content::is_unchanged(&call.head, &tag) {
        return Ok(content::unchanged(&tag));
    }
    let query = EventQuery {
        job: Some(job.id),
        limit: u32::MAX - 1,
        ..EventQuery::default()
    };
    let history = call.api.store.history(query, MAX_TIMELINE).await?;
    let mut view = TimelineView::new(job.id.to_string(), &history.events);
    view.truncated = !history.complete;
    let tag = format!("\"{}\"", view.rev);
    let response = reply::json(StatusCode::OK, &view);
    Ok(content::revalidate(response, &tag))
}

pub(crate) async fn cancel(call: Call) -> Result<Response, Refusal> {
    call.api.backend.cancel(call.job()?).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn retry(call: Call) -> Result<Response, Refusal> {
    call.api.backend.retry(call.job()?).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn restore(call: Call) -> Result<Response, Refusal> {
    let restored = call.api.backend.restore(call.job()?).await?;
    let view = RestoredView {
        path: restored.path.encode(),
        note: restored.note,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

pub(crate) async fn input(call: Call) -> Result<Response, Refusal> {
    let job = find(&call).await?;
    let wanted = FileContent {
        inline: is_inline(&call)?,
        ..original(&job)
    };
    content::file(&call.head, wanted).await
}

/// A job's original.
pub(crate) fn original(job: &Job) -> FileContent {
    // One that was too large to be read has no hash.
    let was_taken = job.blake3.is_some()
        || job
            .delivered
            .iter()
            .any(|moved| moved.kind == MoveKind::Original);
    FileContent {
        name: job.name(),
        mime: Some("application/pdf".into()),
        inline: false,
        places: originals(job),
        gone: if job.state.is_terminal() && !was_taken {
            format!("the file of job `{}` was never taken", job.id)
        } else {
            format!(
                "the original of job `{}` does not lie where it was put any more",
                job.id
            )
        },
    }
}

/// Where a job's original can be, the likeliest first.
fn originals(job: &Job) -> Vec<Lying> {
    let is_original = |moved: &&Delivered| moved.kind == MoveKind::Original;
    let delivered = job.delivered.iter().filter(is_original);
    let mut places: Vec<Lying> = delivered.filter_map(lying).collect();
    let accepted = &job.accepted;
    let in_inbox = |path: &RawPath| Lying {
        path: path.0.clone(),
        root: Some(accepted.folder.0.clone()),
        size: Some(accepted.identity.size),
    };
    places.push(in_inbox(&accepted.held));
    if let State::Delivering { redo } = &job.state {
        let moves = redo.moves.iter();
        let moved = moves.filter(|step| step.kind == MoveKind::Original);
        places.extend(moved.filter_map(|step| {
            Some(Lying {
                path: step.to.as_ref()?.0.clone(),
                root: step.root().map(Path::to_path_buf),
                size: Some(step.size),
            })
        }));
    }
    if matches!(job.state, State::Claiming) {
        places.push(in_inbox(&accepted.path));
    }
    places
}

/// Where something lies that was delivered.
fn lying(delivered: &Delivered) -> Option<Lying> {
    Some(Lying {
        path: delivered.path.as_ref()?.0.clone(),
        root: delivered.root().map(Path::to_path_buf),
        size: (delivered.kind == MoveKind::Original).then_some(delivered.size),
    })
}

pub(crate) async fn artifact(call: Call) -> Result<Response, Refusal> {
    let job = find(&call).await?;
    let wanted = FileContent {
        inline: is_inline(&call)?,
        ..delivered(&call, &job)?
    };
    content::file(&call.head, wanted).await
}

/// The file that a request names among those that its job put out.
pub(crate) fn delivered(call: &Call, job: &Job) -> Result<FileContent, Refusal> {
    let name = call.part("name");
    let found = names(&job.delivered)
        .iter()
        .position(|known| known == name)
        .map(|index| &job.delivered[index]);
    let Some(delivered) = found else {
        return Err(
            Refusal::not_found(format!("job `{}` has put out no `{name}`", job.id))
                .hint(format!("/api/v1/jobs/{} lists its artifacts", job.id)),
        );
    };
    let (Some(path), Some(place)) = (&delivered.path, lying(delivered)) else {
        return Err(Refusal::new(
            Kind::Gone,
            format!("`{name}` of job `{}` was not kept", job.id),
        ));
    };
    Ok(FileContent {
        name: path.0.file_name().map_or_else(
            || name.to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
        mime: delivered.mime.clone().or_else(|| {
            matches!(delivered.kind, MoveKind::Document | MoveKind::Original)
                .then(|| "application/pdf".to_owned())
        }),
        inline: false,
        places: vec![place],
        gone: format!(
            "`{name}` of job `{}` was moved or deleted after its delivery",
            job.id
        ),
    })
}

pub(crate) fn is_inline(call: &Call) -> Result<bool, Refusal> {
    match call.query.text("inline")? {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(Refusal::bad(format!(
            "`inline` is `{other}`, but must be true or false"
        ))),
    }
}

pub(crate) async fn log(call: Call) -> Result<Response, Refusal> {
    let job = find(&call).await?;
    let wanted = LogFilter::read(&call)?;
    if call.head.prefers("application/json") {
        return lines(&call, &job, &wanted).await;
    }
    let mut text = String::new();
    let mut from = 0;
    loop {
        let page = call.api.store.log_lines(job.id, from, 5000).await?;
        let Some(last) = page.last() else { break };
        from = last.n + 1;
        for NumberedLine { line, .. } in &page {
            if wanted.takes(line) {
                write_line(&mut text, line);
            }
        }
        if text.len() > MAX_LOG {
            text.push_str("... the rest is only in the JSON form\n");
            break;
        }
    }
    Ok(content::text(
        &call.head,
        "text/plain; charset=utf-8",
        text.into_bytes().into(),
    ))
}

async fn lines(call: &Call, job: &Job, wanted: &LogFilter) -> Result<Response, Refusal> {
    let after = call.query.number("after", 0..=u64::MAX, 0)?;
    let limit = call.query.number("limit", 1..=5000, 1000)?;
    let page = call
        .api
        .store
        .log_lines(job.id, after, u32::try_from(limit).unwrap_or(5000))
        .await?;
    let view = LogView {
        next: page.last().map_or(after, |last| last.n + 1),
        lines: page
            .iter()
            .filter(|numbered| wanted.takes(&numbered.line))
            .map(LogLineView::new)
            .collect(),
    };
    Ok(reply::json(StatusCode::OK, &view))
}

/// Which lines of a log are wanted.
struct LogFilter {
    rank: usize,
    step: Option<String>,
}

impl LogFilter {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let rank = match call.query.text("level")? {
            None => 0,
            Some(word) => rank(word).ok_or_else(|| unknown_word("level", word, LEVELS))?,
        };
        Ok(Self {
            rank,
            step: call.query.text("step")?.map(str::to_owned),
        })
    }

    fn takes(&self, line: &LogLine) -> bool {
        let step = self.step.is_none() || self.step == line.step;
        step && rank(&line.level).unwrap_or(2) >= self.rank
    }
}

fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

fn write_line(text: &mut String, line: &LogLine) {
    let step = line.step.as_deref().unwrap_or("-");
    // A line is one line, whatever a plugin wrote.
    let message = line.message.replace('\n', "\n    ");
    writeln!(
        text,
        "{} {:5} {step}: {message}",
        line.at.rfc3339(),
        line.level
    )
    .expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_has_the_same_words_for_states() {
        assert_eq!(super::STATES, crate::cli::STATES);
    }
}
