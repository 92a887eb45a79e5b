//! Files that may or may not be jobs.

use crate::http::call::Call;
use crate::http::query::nearest;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::view::pipeline::{ExplanationView, WaitingFileListView, WaitingFileView};
use http::StatusCode;

pub(crate) const STATES: &[&str] = &["settling", "offered", "taken", "left", "ignored"];

/// Files of one inbox that are looked through.
const MOST: usize = 10_000;

pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    let backend = &call.api.backend;
    let limit = call.query.number("limit", 1..=1000, 200)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let states = states(&call)?;
    let pipelines = match call.query.text("pipeline")? {
        Some(id) => vec![id.to_owned()],
        None => {
            let all = backend.pipelines().await?;
            all.into_iter().map(|entry| entry.id).collect()
        }
    };
    let mut files = Vec::new();
    for pipeline in pipelines {
        // States are few and files of an inbox that are no jobs too: they are looked through here.
        let found = backend.files(&pipeline, MOST).await?;
        let wanted = found
            .iter()
            .filter(|file| states.is_empty() || states.contains(&file.state));
        files.extend(wanted.take(limit - files.len()).map(WaitingFileView::new));
    }
    Ok(reply::json(StatusCode::OK, &WaitingFileListView { files }))
}

fn states(call: &Call) -> Result<Vec<String>, Refusal> {
    let states = call.query.list("state")?;
    for word in &states {
        if !STATES.contains(&word.as_str()) {
            let refusal = Refusal::bad(format!("`{word}` is not a state of a waiting file"));
            return Err(match nearest(word, STATES.iter().copied()) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal.hint(format!("known: {}", STATES.join(", "))),
            });
        }
    }
    Ok(states)
}

pub(crate) async fn explain(call: Call) -> Result<Response, Refusal> {
    let path = call.file_path("path")?;
    let explanation = call.api.backend.explain(&path).await?;
    Ok(reply::json(
        StatusCode::OK,
        &ExplanationView::new(&explanation),
    ))
}
