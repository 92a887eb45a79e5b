//! The page: the built one, or where there is none a plain one of one document, one script, one style.

use crate::http::assets;
use crate::http::call::Call;
use crate::http::content;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use bytes::Bytes;
use http::header::CONTENT_SECURITY_POLICY;

/// Only our own files, no scripts in the document, in nobody's frame.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A hash of the built page, or `plain`: a page that was made for another one loads itself again.
#[must_use]
pub fn build() -> &'static str {
    assets::BUILD
}

pub(crate) async fn index(call: Call) -> Result<Response, Refusal> {
    let page = include_str!("page/index.html");
    let response = content::text(
        &call.head,
        "text/html; charset=utf-8",
        Bytes::from_static(page.as_bytes()),
    );
    Ok(reply::with(response, CONTENT_SECURITY_POLICY, POLICY))
}

pub(crate) async fn script(call: Call) -> Result<Response, Refusal> {
    let script = include_str!("page/page.js");
    Ok(content::text(
        &call.head,
        "text/javascript; charset=utf-8",
        Bytes::from_static(script.as_bytes()),
    ))
}

pub(crate) async fn style(call: Call) -> Result<Response, Refusal> {
    let style = include_str!("page/page.css");
    Ok(content::text(
        &call.head,
        "text/css; charset=utf-8",
        Bytes::from_static(style.as_bytes()),
    ))
}

pub(crate) async fn icon(call: Call) -> Result<Response, Refusal> {
    let icon = include_str!("page/icon.svg");
    let response = content::text(
        &call.head,
        "image/svg+xml",
        Bytes::from_static(icon.as_bytes()),
    );
    Ok(reply::with(
        response,
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'",
    ))
}
