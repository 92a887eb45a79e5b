//! The daemon itself.

use crate::http::call::Call;
use crate::http::gauges;
use crate::http::guard;
use crate::http::metrics;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::view::system::{HealthDetailsView, HealthView};
use http::StatusCode;

pub(crate) async fn health(call: Call) -> Result<Response, Refusal> {
    Ok(reply::json(StatusCode::OK, &view(&call).await?))
}

pub(crate) async fn ready(call: Call) -> Result<Response, Refusal> {
    let view = view(&call).await?;
    let status = if view.status == "stopping" {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok(reply::json(status, &view))
}

async fn view(call: &Call) -> Result<HealthView, Refusal> {
    let health = call.api.backend.health().await?;
    let may_know = call
        .api
        .config
        .token
        .as_deref()
        .is_none_or(|token| guard::knows(token, &call.head, &call.api.sessions));
    let feed = &call.api.feed;
    let cursor = feed.cursor(call.api.store.health().head);
    let details =
        may_know.then(|| HealthDetailsView::new(&health, feed.counters().listeners, cursor));
    Ok(HealthView::new(&health, details))
}

pub(crate) async fn stats(call: Call) -> Result<Response, Refusal> {
    let stats = gauges::read(&call.api).await?;
    Ok(reply::json(StatusCode::OK, &stats))
}

pub(crate) async fn metrics(call: Call) -> Result<Response, Refusal> {
    let mut all = call.api.backend.metrics().await?;
    all.extend(metrics::own(&call.api));
    Ok(reply::bytes(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        metrics::text(&all),
    ))
}

pub(crate) async fn openapi(call: Call) -> Result<Response, Refusal> {
    Ok(reply::json(StatusCode::OK, &call.api.description.get()))
}
