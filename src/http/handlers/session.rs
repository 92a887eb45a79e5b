//! Sessions of the page.

use crate::http::call::Call;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use crate::http::session;
use crate::http::view::system::Login;
use http::StatusCode;
use http::header::SET_COOKIE;
use std::sync::Arc;

pub(crate) async fn open(mut call: Call) -> Result<Response, Refusal> {
    let login: Login = call.take_json().await?;
    let Some(token) = &call.api.config.token else {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    };
    if !session::same(&login.token, token) {
        call.api.strangers.note(call.head.peer);
        return Err(
            Refusal::new(Kind::Unauthorized, "that is not the daemon's token")
                .hint("the token is in the daemon's configuration, under `token`"),
        );
    }
    // By a proxy's TLS or our own.
    let origin = call.head.text("origin");
    let secure = call.api.config.tls.is_some()
        || origin.is_some_and(|origin| origin.starts_with("https://"));
    Ok(reply::with(
        reply::empty(StatusCode::NO_CONTENT),
        SET_COOKIE,
        &call.api.sessions.open(token, secure),
    ))
}

pub(crate) async fn close(call: Call) -> Result<Response, Refusal> {
    let token = call.api.config.token.as_deref();
    let sessions = &call.api.sessions;
    let session = token.and_then(|token| sessions.valid(token, &call.head.headers));
    if let Some(session) = session.map(str::to_owned) {
        let api = Arc::clone(&call.api);
        let ended = tokio::task::spawn_blocking(move || api.sessions.end(&session)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "failed to write down that a session has ended: it is good again after a restart");
        }
    }
    Ok(reply::with(
        reply::empty(StatusCode::NO_CONTENT),
        SET_COOKIE,
        &sessions.close(),
    ))
}
