//! One request, as a handler sees it.

use crate::http::api::Api;
use crate::http::head::Head;
use crate::http::query::Query;
use crate::http::refusal::{Kind, Refusal};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A request's body as it comes.
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// A request's body.
pub(crate) enum Body {
    /// As it comes.
    Raw(BodyStream),
    /// `multipart/form-data`.
    Form(warp::multipart::FormData),
}

/// One request, matched to its route.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) query: Query,
    /// The path's variable parts, decoded.
    pub(crate) parts: Vec<(&'static str, String)>,
}

impl Call {
    /// A variable part of the path.
    pub(crate) fn part(&self, name: &'static str) -> &str {
        self.parts
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
            .expect("the route's path has this part")
    }

    /// The path's `{id}` as a job's.
    pub(crate) fn job(&self) -> Result<crate::job::id::JobId, Refusal> {
        self.part("id")
            .parse()
            .map_err(|error: crate::job::id::NotAJobId| Refusal::not_found(error.to_string()))
    }

    /// A path of the request, absolute and without `.` and `..`; relative ones start at the home.
    pub(crate) fn file_path(&self, name: &'static str) -> Result<PathBuf, Refusal> {
        let path = self
            .query
            .path(name)?
            .ok_or_else(|| Refusal::bad(format!("the query parameter `{name}` is missing")))?;
        Ok(resolve(&self.api.home, &path))
    }

    /// The whole body, if it is not longer than `limit`.
    pub(crate) async fn take_body(&mut self, limit: usize) -> Result<Vec<u8>, Refusal> {
        let too_large = || {
            Refusal::new(
                Kind::TooLarge,
                format!(
                    "the body is larger than {}, the most that is taken here",
                    amount(limit as u64)
                ),
            )
        };
        if self
            .head
            .length()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(too_large());
        }
        let Body::Raw(stream) = &mut self.body else {
            return Err(Refusal::new(
                Kind::UnsupportedMedia,
                "a form is not understood here; send the content itself as the body",
            ));
        };
        let reading = async {
            let mut all = Vec::new();
            while let Some(chunk) = next(stream).await? {
                if all.len() + chunk.len() > limit {
                    return Err(too_large());
                }
                all.extend_from_slice(&chunk);
            }
            Ok(all)
        };
        let read = tokio::time::timeout(SMALL_WITHIN, reading).await;
        read.unwrap_or_else(|_| {
            Err(Refusal::bad(format!(
                "the body did not come within {} seconds",
                SMALL_WITHIN.as_secs()
            )))
        })
    }

    /// The body as JSON; an empty one counts as `{}`.
    pub(crate) async fn take_json<T: DeserializeOwned>(&mut self) -> Result<T, Refusal> {
        let body = self.take_body(64 * 1024).await?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(body).map_err(|error| {
            Refusal::bad(format!(
                "the body is not the JSON that is wanted here: {error}"
            ))
        })
    }
}

/// A client that sends nothing for this long in the middle of a body is not waited for.
const SILENT: Duration = Duration::from_secs(60);
/// A body that is held in memory has to be there by then, however it drips.
const SMALL_WITHIN: Duration = Duration::from_secs(60);

/// The next piece of a body.
///
/// # Errors
/// The client went away, sent less than it said, or fell silent.
pub(crate) async fn next<S, T, E>(stream: &mut S) -> Result<Option<T>, Refusal>
where
    S: Stream<Item = Result<T, E>> + Unpin,
    E: std::fmt::Display,
{
    match tokio::time::timeout(SILENT, stream.next()).await {
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(error))) => Err(Refusal::bad(format!("the body ended early: {error}"))),
        Ok(None) => Ok(None),
        Err(_) => Err(Refusal::bad(format!(
            "nothing of the body came for {} seconds",
            SILENT.as_secs()
        ))),
    }
}

/// `path` below `home`, lexically clean.
fn resolve(home: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in home.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// A limit for people.
pub(crate) fn amount(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_clean() {
        let check = |path: &str, expected: &str| {
            assert_eq!(
                resolve(Path::new("/home/x"), Path::new(path)),
                Path::new(expected)
            );
        };
        check("inbox/a.pdf", "/home/x/inbox/a.pdf");
        check("./inbox//a.pdf", "/home/x/inbox/a.pdf");
        check("../y/a.pdf", "/home/y/a.pdf");
        check("../../../../a.pdf", "/a.pdf");
        check("/srv/scans/a.pdf", "/srv/scans/a.pdf");
    }
}
