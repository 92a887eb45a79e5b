//! The warp filters: from a request to a `Call`, through the guard and the route table, to an answer.

use crate::http::api::Api;
use crate::http::assets;
use crate::http::call::{Body, Call};
use crate::http::guard;
use crate::http::head::{Head, Peer};
use crate::http::openapi;
use crate::http::pack;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::http::reply::{self, Response};
use crate::http::routes::{self, Found, ROUTES};
use crate::owner;
use crate::time::Timestamp;
use bytes::Buf;
use futures_util::FutureExt as _;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, DATE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Everything that the daemon answers.
#[must_use]
pub fn all(api: Arc<Api>) -> BoxedFilter<(Response,)> {
    api.description.get_or_init(|| openapi::document(ROUTES));
    head()
        .and(body())
        .then(move |head, body| answer(Arc::clone(&api), head, body))
        .boxed()
}

fn head() -> BoxedFilter<(Head,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    // A Host that contradicts the request line or is not one at all counts as none: the guard refuses it.
    let authority = warp::host::optional().or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(authority)
        .and(warp::ext::optional::<Peer>())
        .map(
            |method: Method,
             path: warp::path::FullPath,
             query: String,
             headers: HeaderMap,
             authority: Option<warp::host::Authority>,
             peer: Option<Peer>| Head {
                method,
                path: path.as_str().to_owned(),
                query,
                headers,
                authority: authority.map(|authority| authority.to_string()),
                peer,
            },
        )
        .boxed()
}

fn body() -> BoxedFilter<(Body,)> {
    // Lengths are not checked here but while reading: a chunked body tells none.
    let form = warp::multipart::form().max_length(None).map(Body::Form);
    let raw = warp::body::stream().map(|stream| {
        Body::Raw(Box::pin(futures_util::StreamExt::map(
            stream,
            |chunk: Result<_, warp::Error>| chunk.map(|mut data: _| collect(&mut data)),
        )))
    });
    form.or(raw).unify().boxed()
}

fn collect(data: &mut impl Buf) -> bytes::Bytes {
    data.copy_to_bytes(data.remaining())
}

async fn answer(api: Arc<Api>, head: Head, body: Body) -> Response {
    let request = ulid::Ulid::generate().to_string();
    let (is_head, is_taken) = (head.method == Method::HEAD, pack::takes(&head));
    let (path, cors) = (head.path.clone(), guard::cors(&api.config, &head));
    api.tally.requests.fetch_add(1, Relaxed);
    let handled = AssertUnwindSafe(dispatch(Arc::clone(&api), head, body)).catch_unwind();
    let span = tracing::debug_span!("request", id = %request, path = %path);
    let outcome = tracing::Instrument::instrument(handled, span).await;
    let response = match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => {
            tracing::debug!(id = %request, %path, slug = refusal.kind.slug(), detail = %refusal.detail, "refused");
            api.tally.refusals.fetch_add(1, Relaxed);
            refusal.into_response(&path, &request)
        }
        Err(_) => {
            api.tally.failures.fetch_add(1, Relaxed);
            Refusal::internal("a handler panicked", &path).into_response(&path, &request)
        }
    };
    let mut response = finish(
        pack::pack(response, is_taken).await,
        &request,
        is_head,
        cors,
    );
    // Refusals tell it, too: a command asks before it says who it is.
    let home = api.told_home.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(home)) = home {
        let name = HeaderName::from_static(owner::HEADER);
        response.headers_mut().insert(name, home);
    }
    response
}

async fn dispatch(api: Arc<Api>, head: Head, body: Body) -> Result<Response, Refusal> {
    guard::host(&api.config, &head)?;
    let method = if head.method == Method::HEAD {
        Method::GET
    } else {
        head.method.clone()
    };
    // The page's own files are free, as its document is.
    if method == Method::GET
        && let Some(built) = assets::answer(&head)
    {
        return Ok(built);
    }
    let (route, parts) = match routes::find(&method, &head.path) {
        Found::Route(route, parts) => (route, parts),
        Found::OtherMethods(allowed) if method == Method::OPTIONS => {
            return Ok(reply::with(
                reply::empty(StatusCode::NO_CONTENT),
                http::header::ALLOW,
                &allowed,
            ));
        }
        Found::OtherMethods(allowed) => {
            return Err(Refusal::method(&head.method, &head.path, &allowed));
        }
        Found::Nothing if method == Method::GET => {
            return assets::page(&head).ok_or_else(|| nothing(&head.path));
        }
        Found::Nothing => return Err(nothing(&head.path)),
    };
    guard::origin(&api.config, &head, route.entry)?;
    if let Err(refusal) = guard::token(&api.config, &head, route.entry, &api.sessions) {
        if head.headers.contains_key(AUTHORIZATION) {
            api.strangers.note(head.peer);
        }
        return Err(refusal);
    }
    let query = Query::parse(&head.query, route.query)?;
    (route.handler)(Call {
        api,
        head,
        body,
        query,
        parts,
    })
    .await
}

fn nothing(path: &str) -> Refusal {
    Refusal::not_found(format!("there is nothing at `{path}`"))
        .hint("/api/v1/openapi.json describes all there is")
}

fn finish(
    mut response: Response,
    request: &str,
    is_head: bool,
    cors: Vec<(HeaderName, HeaderValue)>,
) -> Response {
    if is_head {
        *response.body_mut() = bytes::Bytes::new().into();
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // The server's own goes on from where it was while the clock is set back.
    let now = Timestamp::now().http_date();
    if let Some(date) = now.and_then(|now| HeaderValue::from_str(&now).ok()) {
        headers.insert(DATE, date);
    }
    headers.extend(cors);
    reply::with(response, HeaderName::from_static("x-request-id"), request)
}
