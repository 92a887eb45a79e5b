//! Files that may or may not be jobs.

use crate::http::call::Call;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::view::pipeline::ExplanationView;
use http::StatusCode;

pub(crate) async fn explain(call: Call) -> Result<Response, Refusal> {
    let path = call.file_path("path")?;
    let explanation = call.api.backend.explain(&path).await?;
    Ok(reply::json(
        StatusCode::OK,
        &ExplanationView::new(&explanation),
    ))
}
