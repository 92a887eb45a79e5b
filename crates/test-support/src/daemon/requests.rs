//! What a test asks of a daemon.

use crate::daemon::TestDaemon;
use serde_json::Value;
use std::io::Read as _;

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, `Null` where it is empty, a string where it is not JSON.
    pub body: Value,
}

impl TestDaemon {
    /// GET of a path below `/api/v1`.
    ///
    /// # Panics
    /// The daemon does not answer.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(self.url(path)).call())
    }

    /// POST of bytes.
    ///
    /// # Panics
    /// The daemon does not answer.
    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        answer(self.agent.post(self.url(path)).send(body))
    }

    /// PUT of text.
    ///
    /// # Panics
    /// The daemon does not answer.
    pub fn put(&self, path: &str, body: &str) -> Answer {
        answer(
            self.agent
                .put(self.url(path))
                .header("content-type", "application/yaml")
                .send(body),
        )
    }

    /// PUT of text on condition that the thing still has this tag.
    ///
    /// # Panics
    /// The daemon does not answer.
    pub fn put_if(&self, path: &str, body: &str, tag: &str) -> Answer {
        answer(
            self.agent
                .put(self.url(path))
                .header("content-type", "application/yaml")
                .header("if-match", format!("\"{tag}\""))
                .send(body),
        )
    }

    /// DELETE.
    ///
    /// # Panics
    /// The daemon does not answer.
    pub fn delete(&self, path: &str) -> Answer {
        answer(self.agent.delete(self.url(path)).call())
    }

    /// DELETE on condition that the thing still has this tag.
    ///
    /// # Panics
    /// The daemon does not answer.
    pub fn delete_if(&self, path: &str, tag: &str) -> Answer {
        answer(
            self.agent
                .delete(self.url(path))
                .header("if-match", format!("\"{tag}\""))
                .call(),
        )
    }

    /// The bytes behind a path, with the status.
    ///
    /// # Panics
    /// The daemon does not answer.
    #[must_use]
    pub fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let mut response = self
            .agent
            .get(self.url(path))
            .call()
            .expect("the daemon answers");
        let mut body = Vec::new();
        response
            .body_mut()
            .as_reader()
            .read_to_end(&mut body)
            .expect("the body comes");
        (response.status().as_u16(), body)
    }
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.expect("the daemon answers");
    let text = response
        .body_mut()
        .read_to_string()
        .expect("the body is text");
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    };
    Answer {
        status: response.status().as_u16(),
        body,
    }
}
