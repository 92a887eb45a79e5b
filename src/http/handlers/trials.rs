//! Samples: running them, and what became of them for a while.

use crate::http::api::{KeptTrial, Trial};
use crate::http::call::Call;
use crate::http::content::{self, Opened};
use crate::http::handlers::{jobs, pipelines};
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use crate::http::upload;
use crate::http::view::trial::TryView;
use http::StatusCode;
use std::fs::File;
use std::sync::Arc;

pub(crate) async fn run(mut call: Call) -> Result<Response, Refusal> {
    let id = call.part("id").to_owned();
    let name = call.query.text("name")?.unwrap_or("sample.pdf").to_owned();
    upload::announced(&mut call, Some(&name)).await?;
    let slot = match call.api.backend.scratch_slot().await {
        Ok(slot) => slot,
        Err(why) => return Err(upload::refused(&mut call, why).await),
    };
    let received = upload::receive(&mut call, slot, Some(name)).await?;
    if received.yaml.is_none() {
        pipelines::find(&call).await?;
    }
    let trial = call
        .api
        .backend
        .try_pipeline(Trial {
            pipeline: id.clone(),
            yaml: received.yaml,
            name: received.name,
            sample: received.slot,
        })
        .await
        .map_err(|refused| Refusal::put(&id, refused))?;
    if call.head.prefers("application/pdf") && !trial.outcome.outputs.is_empty() {
        return answer_output(&call, &trial, 0, false);
    }
    Ok(reply::json(StatusCode::OK, &TryView::new(&trial)))
}

fn find(call: &Call) -> Result<Arc<KeptTrial>, Refusal> {
    let id = call.part("id");
    call.api.backend.trial(id).ok_or_else(|| {
        Refusal::new(Kind::Gone, format!("trial `{id}` is not kept (any more)"))
            .hint("trials are kept for a quarter of an hour: try the sample again")
    })
}

pub(crate) async fn one(call: Call) -> Result<Response, Refusal> {
    let trial = find(&call)?;
    Ok(reply::json(StatusCode::OK, &TryView::new(&trial)))
}

pub(crate) async fn forget(call: Call) -> Result<Response, Refusal> {
    call.api.backend.forget_trial(call.part("id"));
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn input(call: Call) -> Result<Response, Refusal> {
    let trial = find(&call)?;
    let wanted = Opened {
        name: &trial.name,
        mime: Some("application/pdf"),
        inline: jobs::is_inline(&call)?,
        file: share(&trial.input)?,
        start: 0,
        size: trial.size,
        tag: format!("\"{}-in\"", trial.id),
    };
    content::opened(&call.head, wanted)
}

pub(crate) async fn output(call: Call) -> Result<Response, Refusal> {
    let trial = find(&call)?;
    let number = call.part("number").parse().unwrap_or(usize::MAX);
    if number >= trial.outcome.outputs.len() {
        return Err(Refusal::not_found(format!(
            "trial `{}` has no output `{}`",
            trial.id,
            call.part("number")
        ))
        .hint(format!("/api/v1/trials/{} lists them", trial.id)));
    }
    answer_output(&call, &trial, number, jobs::is_inline(&call)?)
}

fn answer_output(
    call: &Call,
    trial: &KeptTrial,
    number: usize,
    inline: bool,
) -> Result<Response, Refusal> {
    let output = &trial.outcome.outputs[number];
    let wanted = Opened {
        name: &output.name,
        mime: Some(&output.mime),
        inline,
        file: share(&output.file)?,
        start: output.start,
        size: output.size,
        tag: format!("\"{}-{number}\"", trial.id),
    };
    content::opened(&call.head, wanted)
}

/// The same open file: what is read names its place, so that readers do not disturb each other.
fn share(file: &File) -> Result<File, Refusal> {
    file.try_clone()
        .map_err(|error| Refusal::internal("a trial's file could not be read", &error))
}
