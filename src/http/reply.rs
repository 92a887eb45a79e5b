//! Making answers.

use crate::feed::subscription::Subscription;
use crate::http::pack::Packable;
use crate::http::seats::Seat;
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use serde::Serialize;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use warp::Reply as _;

/// An answer.
pub type Response = warp::reply::Response;

/// Bytes as they come.
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A JSON document.
#[must_use]
pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let body = Bytes::from(body);
            let packable = Packable(body.clone());
            let mut response = bytes(status, "application/json; charset=utf-8", body);
            response.extensions_mut().insert(packable);
            response
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as json");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Bytes of a media type.
#[must_use]
pub fn bytes(status: StatusCode, mime: &'static str, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Vec::new().into());
    // `Body` is only made from owned bytes; `Bytes` of a static page costs nothing here.
    *response.body_mut() = body.into();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// No content.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = status;
    response
}

/// A body that comes bit by bit.
#[must_use]
pub(crate) fn stream(status: StatusCode, stream: ByteStream) -> Response {
    let mut response = warp::reply::stream(Shareable(Mutex::new(stream))).into_response();
    *response.status_mut() = status;
    response
}

/// Server-sent events, for as long as the client has a right to them.
#[must_use]
pub(crate) fn events(subscription: Subscription, right: Right) -> Response {
    let seated = Seated {
        subscription,
        right,
    };
    let mut response = warp::reply::stream(seated).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// With one more header; a value that cannot be one is left out.
#[must_use]
pub fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
        }
        Err(_) => tracing::warn!(%name, "a header value was left out"),
    }
    response
}

/// A client's right to a stream.
pub(crate) struct Right {
    /// Given back with the stream.
    _seat: Seat,
    /// Resolves when the stream must end.
    over: Option<Over>,
}

/// Resolves when a right is over.
pub(crate) type Over = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl Right {
    /// The right of who holds a seat, for ever or until it is over.
    pub(crate) fn new(seat: Seat, over: Option<Over>) -> Self {
        Self { _seat: seat, over }
    }
}

/// A stream and the right to it.
struct Seated {
    subscription: Subscription,
    right: Right,
}

impl Stream for Seated {
    type Item = <Subscription as Stream>::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(over) = &mut self.right.over
            && over.as_mut().poll(cx).is_ready()
        {
            self.right.over = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.subscription).poll_next(cx)
    }
}

/// warp wants bodies that are `Sync`, though it only ever polls them from one task.
struct Shareable(Mutex<ByteStream>);

impl Stream for Shareable {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let inner = match self.0.get_mut() {
            Ok(inner) => inner,
            Err(poisoned) => poisoned.into_inner(),
        };
        inner.as_mut().poll_next(cx)
    }
}
