//! Events in the bytes of `text/event-stream` (WHATWG HTML 9.2), written once and shared by all who listen.

use crate::job::id::JobId;
use crate::raw_path::RawPath;
use bytes::{BufMut as _, BytesMut};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// What a subscription must know of a frame to decide whether it wants it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Where it stands in its batch.
    pub(crate) range: Range<usize>,
    /// Its number in the journal; 0 for what is not durable.
    pub(crate) seq: u64,
    /// The number of the last event before it.
    pub(crate) after: u64,
    /// The event's name.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: About,
    /// Its job has ended with it.
    pub(crate) ends: bool,
}

/// What a frame is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) job: Option<JobId>,
    pub(crate) pipeline: Option<Arc<str>>,
    pub(crate) path: Option<Arc<RawPath>>,
    /// For every subscription, whatever its scope: `ping`, `stats`.
    pub(crate) all: bool,
}

impl About {
    /// For every subscription.
    pub(crate) fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }
}

/// Writes a frame without an id: the client's last id goes on naming a durable event.
pub(crate) fn write(to: &mut BytesMut, name: &str, data: &Value) {
    to.put_slice(b"event: ");
    to.put_slice(name.as_bytes());
    to.put_slice(b"\ndata: ");
    put_json(to, data);
    to.put_slice(b"\n\n");
}

/// Writes a frame with an id.
pub(crate) fn write_with_id(to: &mut BytesMut, id: &str, name: &str, data: &Value) {
    to.put_slice(b"id: ");
    to.put_slice(id.as_bytes());
    to.put_slice(b"\n");
    write(to, name, data);
}

/// Writes how long a client waits before it comes back.
pub(crate) fn write_retry(to: &mut BytesMut, ms: u64) {
    to.put_slice(format!("retry: {ms}\n\n").as_bytes());
}

/// JSON of one line: serde_json escapes every control character inside strings.
fn put_json(to: &mut BytesMut, data: &Value) {
    let written = serde_json::to_writer((&mut *to).writer(), data);
    debug_assert!(
        written.is_ok(),
        "a value can always be written, and the buffer grows"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_are_these_bytes() {
        let mut bytes = BytesMut::new();
        write_retry(&mut bytes, 2_731);
        write_with_id(
            &mut bytes,
            "7f3a9c1e-18",
            "job.queued",
            &json!({"name": "a\r\nid: 9\n\n.pdf", "b": 1}),
        );
        write(&mut bytes, "ping", &json!({"seq": 18}));
        assert_eq!(
            String::from_utf8(bytes.to_vec()).expect("text"),
            "retry: 2731\n\n\
             id: 7f3a9c1e-18\nevent: job.queued\ndata: {\"name\":\"a\\r\\nid: 9\\n\\n.pdf\",\"b\":1}\n\n\
             event: ping\ndata: {\"seq\":18}\n\n"
        );
    }
}
