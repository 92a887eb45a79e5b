//! What a request says before its body.

use http::header::{ACCEPT, AsHeaderName, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use std::net::SocketAddr;

/// Where a request came from, as the accept loop saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What stands before the body.
pub(crate) struct Head {
    pub(crate) method: Method,
    /// As sent: still percent-encoded.
    pub(crate) path: String,
    /// As sent.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// `host[:port]` that the client meant, if it said so in a valid way.
    pub(crate) authority: Option<String>,
    /// Where it came from; not known in tests without sockets.
    pub(crate) peer: Option<Peer>,
}

impl Head {
    /// A header as text; one that is not text counts as absent.
    pub(crate) fn text(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the client says that it would rather have `mime` than our first choice.
    pub(crate) fn prefers(&self, mime: &str) -> bool {
        self.text(ACCEPT).is_some_and(|accept| {
            accept
                .split(',')
                .filter_map(|item| item.split(';').next())
                .any(|item| item.trim().eq_ignore_ascii_case(mime))
        })
    }

    /// The body's media type without parameters, in lower case.
    pub(crate) fn media(&self) -> Option<String> {
        let text = self.text(CONTENT_TYPE)?;
        Some(text.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// How long the body says it is.
    pub(crate) fn length(&self) -> Option<u64> {
        self.text(CONTENT_LENGTH)?.parse().ok()
    }
}
