//! What is installed.

use crate::http::call::Call;
use crate::http::content;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::view::plugin::{BrokenPluginView, OperationView, PluginListView, PluginView};
use http::StatusCode;

pub(crate) async fn list(call: Call) -> Result<Response, Refusal> {
    let backend = &call.api.backend;
    let view = PluginListView {
        plugins: backend.plugins().iter().map(PluginView::new).collect(),
        broken: backend
            .broken_plugins()
            .iter()
            .map(BrokenPluginView::new)
            .collect(),
    };
    Ok(reply::json(StatusCode::OK, &view))
}

pub(crate) async fn operations(call: Call) -> Result<Response, Refusal> {
    let plugin = call.query.text("plugin")?;
    let view: Vec<OperationView> = call
        .api
        .backend
        .operations()
        .iter()
        .filter(|entry| plugin.is_none_or(|plugin| entry.plugin == plugin))
        .map(OperationView::new)
        .collect();
    Ok(reply::json(StatusCode::OK, &view))
}

pub(crate) async fn schema(call: Call) -> Result<Response, Refusal> {
    let text = serde_json::to_vec_pretty(&call.api.backend.pipeline_schema())
        .map_err(|error| Refusal::internal("the schema could not be written", &error))?;
    Ok(content::text(
        &call.head,
        "application/schema+json",
        text.into(),
    ))
}
