//! Pipelines: their texts, what can be done to them, and what is given to them.

use crate::http::api::{PipelineEntry, Precondition};
use crate::http::call::Call;
use crate::http::content;
use crate::http::query::nearest;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use crate::http::upload::{self, Received};
use crate::http::view::job::JobView;
use crate::http::view::link::segment;
use crate::http::view::pipeline::{
    CheckView, PipelineExampleView, PipelineListView, PipelineView, PutView,
};
use crate::http::view::system::Pause;
use crate::pipeline::examples::EXAMPLES;
use crate::statistics::Summary;
use crate::time::Timestamp;
use http::StatusCode;
use http::header::{CACHE_CONTROL, IF_MATCH, IF_NONE_MATCH, LOCATION, VARY};

/// A pipeline's text is not longer than this.
const MAX_YAML: usize = 1 << 20;

pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    let pipelines = call.api.backend.pipelines().await?;
    let summaries = call.api.statistics.summaries(Timestamp::now());
    let none = Summary::default();
    let view = PipelineListView {
        pipelines: pipelines
            .iter()
            .map(|entry| PipelineView::new(entry, summaries.get(&entry.id).unwrap_or(&none)))
            .collect(),
    };
    Ok(reply::json(StatusCode::OK, &view))
}

pub(crate) async fn find(call: &Call) -> Result<PipelineEntry, Refusal> {
    let id = call.part("id");
    let mut all = call.api.backend.pipelines().await?;
    match all.iter().position(|entry| entry.id == id) {
        Some(index) => Ok(all.swap_remove(index)),
        None => {
            let refusal = Refusal::not_found(format!("there is no pipeline `{id}`"));
            Err(
                match nearest(id, all.iter().map(|entry| entry.id.as_str())) {
                    Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                    None => refusal.hint("/api/v1/pipelines lists them"),
                },
            )
        }
    }
}

pub(crate) async fn one(call: Call) -> Result<Response, Refusal> {
    let entry = find(&call).await?;
    // One address, one entity tag, two forms: a cache must know them apart.
    Ok(reply::with(shown(&call, entry), VARY, "Accept"))
}

fn shown(call: &Call, entry: PipelineEntry) -> Response {
    let tag = format!("\"{}\"", entry.tag);
    if call.head.prefers("application/yaml") {
        if content::is_unchanged(&call.head, &tag) {
            return content::unchanged(&tag);
        }
        let response = reply::bytes(
            StatusCode::OK,
            "application/yaml; charset=utf-8",
            entry.yaml.into_bytes(),
        );
        return content::revalidate(response, &tag);
    }
    // No 304 for JSON: counts and folder change without the text.
    let summary = call.api.statistics.summary(&entry.id, Timestamp::now());
    let view = PipelineView::with_text(&entry, &summary);
    let response = reply::json(StatusCode::OK, &view);
    content::revalidate(response, &tag)
}

pub(crate) async fn put(mut call: Call) -> Result<Response, Refusal> {
    let (id, condition) = (call.part("id").to_owned(), precondition(&call)?);
    let yaml = take_yaml(&mut call).await?;
    let put = call
        .api
        .backend
        .put_pipeline(&id, yaml, condition)
        .await
        .map_err(|refused| Refusal::put(&id, refused))?;
    let status = if put.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("/api/v1/pipelines/{}", segment(&id));
    let tag = format!("\"{}\"", put.tag);
    let view = PutView {
        id,
        created: put.created,
        revision: put.revision,
        tag: put.tag,
    };
    let response = reply::with(reply::json(status, &view), LOCATION, &location);
    Ok(content::revalidate(response, &tag))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Refusal> {
    let (id, condition) = (call.part("id"), precondition(&call)?);
    call.api
        .backend
        .delete_pipeline(id, condition)
        .await
        .map_err(|refused| Refusal::put(id, refused))?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

fn precondition(call: &Call) -> Result<Precondition, Refusal> {
    match (call.head.text(IF_MATCH), call.head.text(IF_NONE_MATCH)) {
        (None, None) => Ok(Precondition::None),
        (Some("*"), None) => Ok(Precondition::Exists),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(tags), None) => Ok(Precondition::Tag(
            content::tags(tags).map(str::to_owned).collect(),
        )),
        _ => Err(
            Refusal::bad("the conditions of this request are not understood here").hint(
                "send `If-Match` with the pipeline's ETag, `If-Match: *`, or `If-None-Match: *`",
            ),
        ),
    }
}

async fn take_yaml(call: &mut Call) -> Result<Vec<u8>, Refusal> {
    match call.head.media().as_deref() {
        None
        | Some(
            "application/yaml"
            | "application/x-yaml"
            | "text/yaml"
            | "text/x-yaml"
            | "text/plain"
            | "application/octet-stream"
            | "application/x-www-form-urlencoded",
        ) => call.take_body(MAX_YAML).await,
        Some(other) => Err(Refusal::new(
            Kind::UnsupportedMedia,
            format!("a pipeline is YAML text, not `{other}`"),
        )
        .hint("send it with `Content-Type: application/yaml`")),
    }
}

pub(crate) async fn check(mut call: Call) -> Result<Response, Refusal> {
    let yaml = take_yaml(&mut call).await?;
    let id = call.query.text("id")?.unwrap_or("pipeline");
    let checked = call.api.backend.check_pipeline(id, yaml).await?;
    Ok(reply::json(StatusCode::OK, &CheckView::new(&checked)))
}

/// The text of any revision that ever ran; it never changes.
pub(crate) async fn revision(call: Call) -> Result<Response, Refusal> {
    let (id, revision) = (call.part("id"), call.part("revision"));
    // A revision is named by its text, which pipelines may share; the pipeline must only be one.
    if !call.api.store.has_pipeline(id.to_owned()).await? {
        return Err(Refusal::not_found(format!(
            "there never was a pipeline `{id}`"
        )));
    }
    let found = call.api.store.revision_yaml(revision.to_owned()).await?;
    let Some(yaml) = found else {
        return Err(Refusal::not_found(format!(
            "no pipeline ever ran revision `{revision}`"
        )));
    };
    let response = content::text(
        &call.head,
        "application/yaml; charset=utf-8",
        yaml.into_bytes().into(),
    );
    let caching = "private, max-age=31536000, immutable";
    Ok(reply::with(response, CACHE_CONTROL, caching))
}

pub(crate) async fn examples(_call: Call) -> Result<Response, Refusal> {
    let all: Vec<PipelineExampleView> = EXAMPLES
        .iter()
        .map(|example| PipelineExampleView {
            id: example.id,
            description: example.description(),
            yaml: example.yaml,
        })
        .collect();
    Ok(reply::json(StatusCode::OK, &all))
}

pub(crate) async fn pause(mut call: Call) -> Result<Response, Refusal> {
    find(&call).await?;
    let pause: Pause = call.take_json().await?;
    let reason = pause.reason.unwrap_or_else(|| "asked for".into());
    call.api.backend.pause(call.part("id"), reason).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn resume(call: Call) -> Result<Response, Refusal> {
    find(&call).await?;
    call.api.backend.resume(call.part("id")).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn scan(call: Call) -> Result<Response, Refusal> {
    find(&call).await?;
    call.api.backend.scan(call.part("id")).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

pub(crate) async fn submit(mut call: Call) -> Result<Response, Refusal> {
    find(&call).await?;
    let id = call.part("id").to_owned();
    let name = call.query.text("name")?.map(str::to_owned);
    upload::announced(&mut call, name.as_deref()).await?;
    let slot = match call.api.backend.upload_slot(&id).await {
        Ok(slot) => slot,
        Err(why) => return Err(upload::refused(&mut call, why).await),
    };
    let received = upload::receive(&mut call, slot, name).await?;
    let Received { name, slot, .. } = received;
    let job = call.api.backend.submit(&id, name, slot).await?;
    let location = format!("/api/v1/jobs/{}", job.id);
    Ok(reply::with(
        reply::json(StatusCode::ACCEPTED, &JobView::new(&job)),
        LOCATION,
        &location,
    ))
}
