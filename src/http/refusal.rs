//! Every answer that is not what was asked for: a problem document (RFC 9457) with a type that has a page.

use crate::http::api::{CurrentText, Fault, PutRefused, Refused};
use crate::http::reply::Response;
use crate::http::view::pipeline::{CurrentTextView, FaultView};
use http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::json;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident $status:literal $slug:literal $title:literal,)*) => {
        /// The catalogue of what a request can be refused for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[doc = $doc])* $name,)* }

        impl Kind {
            /// All of it, in the order of `docs/problems.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The last part of the problem's type.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// A short title for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            const fn code(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

kinds! {
    /// The request makes no sense.
    BadRequest 400 "bad-request" "The request is not valid",
    /// No token, or a wrong one.
    Unauthorized 401 "unauthorized" "A token is needed",
    /// A page of another site asks.
    ForbiddenOrigin 403 "forbidden-origin" "Another site may not do this",
    /// There is no such thing.
    NotFound 404 "not-found" "There is no such thing",
    /// No plugin draws pages here.
    RenderingMissing 404 "rendering-not-installed" "Pages cannot be drawn here",
    /// The thing is there, but not for this method.
    MethodNotAllowed 405 "method-not-allowed" "Not by this method",
    /// It cannot be done in the present state.
    Conflict 409 "conflict" "Not in this state",
    /// It was there once.
    Gone 410 "gone" "It is gone",
    /// `If-Match` or `If-None-Match` does not hold.
    Precondition 412 "precondition-failed" "It has changed in the meantime",
    /// The body is larger than allowed.
    TooLarge 413 "too-large" "Too large",
    /// The body is of a kind that is not understood here.
    UnsupportedMedia 415 "unsupported-media" "Not this kind of content",
    /// The range lies outside of the content.
    Range 416 "range-not-satisfiable" "No such range",
    /// The Host header does not name this daemon.
    BadHost 421 "bad-host" "This daemon does not go by that name",
    /// The pipeline's text has faults.
    PipelineInvalid 422 "pipeline-invalid" "The pipeline has faults",
    /// The page of this document cannot be drawn.
    NotDrawable 422 "not-drawable" "The page cannot be drawn",
    /// A fault of the daemon.
    Internal 500 "internal" "Internal error",
    /// Too many feeds, or not now.
    Unavailable 503 "unavailable" "Not now",
    /// No space left.
    DiskFull 507 "disk-full" "The disk is full",
}

impl Kind {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.code()).expect("the catalogue holds valid numbers")
    }
}

/// Why a request is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which kind.
    pub kind: Kind,
    /// What happened to which thing, for people.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    faults: Vec<Fault>,
    /// Of a precondition that does not hold: what the file is now, if it is there.
    current: Option<Option<CurrentText>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal without advice.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            hint: None,
            faults: Vec::new(),
            current: None,
            headers: Vec::new(),
        }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// A fault of the daemon: the log says all of it, the client only that it happened.
    #[must_use]
    pub fn internal(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        Self::new(Kind::Internal, what)
            .hint("the daemon's log has the cause, under the same request id")
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The pipeline's text has faults.
    #[must_use]
    pub fn faults(id: &str, faults: Vec<Fault>) -> Self {
        let count = faults.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        let mut refusal = Self::new(
            Kind::PipelineInvalid,
            format!("{count} {noun} in pipeline `{id}`; nothing was changed"),
        );
        refusal.faults = faults;
        refusal
    }

    /// The methods that a path knows.
    #[must_use]
    pub fn method(method: &Method, path: &str, allowed: &str) -> Self {
        let refusal = Self::new(
            Kind::MethodNotAllowed,
            format!("`{path}` does not know {method}"),
        )
        .hint(format!("it knows {allowed}"));
        match HeaderValue::from_str(allowed) {
            Ok(value) => refusal.header(http::header::ALLOW, value),
            Err(_) => refusal,
        }
    }

    /// The problem document.
    #[must_use]
    pub fn into_response(self, instance: &str, request: &str) -> Response {
        let mut document = json!({
            "type": format!("/problems/{}", self.kind.slug()),
            "title": self.kind.title(),
            "status": self.kind.code(),
            "detail": self.detail,
            "instance": instance,
            "requestId": request,
        });
        if let Some(hint) = self.hint {
            document["hint"] = json!(hint);
        }
        if self.kind == Kind::PipelineInvalid {
            document["errors"] = json!(self.faults.iter().map(FaultView::new).collect::<Vec<_>>());
        }
        if let Some(current) = self.current {
            document["current"] = json!(current.as_ref().map(CurrentTextView::new));
        }
        let mut response = crate::http::reply::json(self.kind.status(), &document);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        headers.extend(self.headers);
        response
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(detail) => Self::new(Kind::NotFound, detail),
            Refused::Conflict(detail) => Self::new(Kind::Conflict, detail),
            Refused::Invalid(detail) => Self::new(Kind::BadRequest, detail),
            Refused::Unavailable(detail) => Self::new(Kind::Unavailable, detail)
                .header(http::header::RETRY_AFTER, HeaderValue::from_static("5")),
            Refused::Failed(detail) => Self::internal("the daemon could not do it", &detail),
        }
    }
}

impl From<crate::store::error::Error> for Refusal {
    fn from(error: crate::store::error::Error) -> Self {
        use crate::store::error::Error;
        match error {
            Error::BadQuery(detail) => Self::bad(detail),
            Error::Full => Self::new(Kind::DiskFull, "there is no room left for the journal"),
            Error::Closed | Error::Overloaded(_) => Self::new(Kind::Unavailable, error.to_string())
                .header(http::header::RETRY_AFTER, HeaderValue::from_static("5")),
            error => Self::internal("the journal could not be asked", &error),
        }
    }
}

impl Refusal {
    /// A pipeline was not written, removed or tried.
    #[must_use]
    pub fn put(id: &str, refused: PutRefused) -> Self {
        match refused {
            PutRefused::Faults(faults) => Self::faults(id, faults),
            PutRefused::Other(refused) => refused.into(),
            PutRefused::Precondition(current) => Self::changed(id, current),
        }
    }

    /// A pipeline's file is not what the client thinks.
    fn changed(id: &str, current: Option<CurrentText>) -> Self {
        let refusal = match &current {
            Some(now) => Self::new(
                Kind::Precondition,
                format!(
                    "pipeline `{id}` is not what you think it is: its tag is `{}`",
                    now.tag
                ),
            )
            .hint("read it again, make your change on what it is now, and send that with its ETag"),
            None => Self::new(
                Kind::Precondition,
                format!("there is no pipeline `{id}` (any more)"),
            )
            .hint("send it without If-Match to create it"),
        };
        Self {
            current: Some(current),
            ..refusal
        }
    }
}
