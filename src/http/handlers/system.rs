//! The daemon itself.

use crate::http::api::Health;
use crate::http::call::Call;
use crate::http::gauges;
use crate::http::guard;
use crate::http::metrics;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::view::system::{HealthDetailsView, HealthView};
use http::StatusCode;

pub(crate) async fn health(call: Call) -> Result<Response, Refusal> {
    let health = call.api.backend.health().await?;
    Ok(reply::json(StatusCode::OK, &view(&call, &health)))
}

pub(crate) async fn ready(call: Call) -> Result<Response, Refusal> {
    let health = call.api.backend.health().await?;
    let status = if health.ready && health.intake_closed.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(reply::json(status, &view(&call, &health)))
}

fn view(call: &Call, health: &Health) -> HealthView {
    let may_know = call
        .api
        .config
        .token
        .as_deref()
        .is_none_or(|token| guard::knows(token, &call.head, &call.api.sessions));
    let feed = &call.api.feed;
    let cursor = feed.cursor(call.api.store.health().head);
    let details =
        may_know.then(|| HealthDetailsView::new(health, feed.counters().listeners, cursor));
    HealthView::new(health, details)
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
