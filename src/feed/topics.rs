//! What a subscription wants to hear: a scope, and the types of events.

use crate::feed::frame::{About, Frame};
use crate::store::query::Scope;
use serde_json::{Value, json};

/// Every type of event that a feed can carry, apart from its own control events.
pub const TYPES: &[&str] = &[
    "pipeline.loaded",
    "pipeline.invalid",
    "pipeline.removed",
    "pipeline.paused",
    "pipeline.resumed",
    "plugin.loaded",
    "plugin.failed",
    "watch.online",
    "watch.offline",
    "watch.blocked",
    "file.settling",
    "file.ignored",
    "file.incomplete",
    "file.gone",
    "job.accepted",
    "job.queued",
    "job.started",
    "job.waiting",
    "job.warned",
    "job.delivering",
    "job.succeeded",
    "job.failed",
    "job.cancelled",
    "step.started",
    "step.finished",
    "step.skipped",
    "step.failed",
    "step.progress",
    "artifact.written",
    "worker.crashed",
    "daemon.started",
    "daemon.draining",
    "daemon.intake",
    "log",
    "stats",
];

/// What a subscription wants to hear. Control events (`hello`, `snapshot`, `reset`, `ping`, `end`, `shutdown`) always come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Whose events.
    pub scope: Scope,
    types: Vec<String>,
}

/// A type that no event has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of event")]
pub struct UnknownType(pub String);

impl Topics {
    /// All types of events of a scope.
    #[must_use]
    pub fn of(scope: Scope) -> Self {
        Self {
            scope,
            types: Vec::new(),
        }
    }

    /// Only these types: `job.failed` or `step.*`, with commas between them. No text means all.
    ///
    /// # Errors
    /// One of them matches no type.
    pub fn only(mut self, types: &str) -> Result<Self, UnknownType> {
        for word in types
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            if !TYPES.iter().any(|name| matches(word, name)) {
                return Err(UnknownType(word.to_owned()));
            }
            self.types.push(word.to_owned());
        }
        Ok(self)
    }

    /// The types as `EventQuery` takes them.
    #[must_use]
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Whether whole batches can go through as they are.
    pub(crate) fn takes_everything(&self) -> bool {
        self.scope == Scope::Everything && self.types.is_empty()
    }

    pub(crate) fn wants(&self, frame: &Frame) -> bool {
        self.wants_type(frame.name) && self.is_about(&frame.about)
    }

    pub(crate) fn wants_type(&self, name: &str) -> bool {
        name == "ping" || self.types.is_empty() || self.types.iter().any(|word| matches(word, name))
    }

    pub(crate) fn is_about(&self, about: &About) -> bool {
        about.all
            || match &self.scope {
                Scope::Everything => true,
                Scope::Pipeline(id) => about.pipeline.as_deref() == Some(id),
                Scope::Job(id) => about.job == Some(*id),
                Scope::Path(path) => about.path.as_deref() == Some(path),
            }
    }

    /// For `hello`.
    pub(crate) fn describe(&self) -> Value {
        let scope = match &self.scope {
            Scope::Everything => "everything".to_owned(),
            Scope::Pipeline(id) => format!("pipeline:{id}"),
            Scope::Job(id) => format!("job:{id}"),
            Scope::Path(path) => format!("path:{}", path.encode()),
        };
        if self.types.is_empty() {
            json!([scope])
        } else {
            let types = self.types.iter().map(|word| format!("types:{word}"));
            std::iter::once(scope).chain(types).collect()
        }
    }
}

fn matches(word: &str, name: &str) -> bool {
    match word.strip_suffix('*') {
        Some(prefix) => prefix.ends_with('.') && name.starts_with(prefix),
        None => word == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_names_or_families() {
        let topics = Topics::default().only("job.*, step.failed").expect("known");
        for (name, wanted) in [
            ("job.failed", true),
            ("step.failed", true),
            ("step.started", false),
            ("log", false),
            ("ping", true),
        ] {
            assert_eq!(topics.wants_type(name), wanted, "{name}");
        }
        for word in ["job", "job.", "*", "jobs.*", "hello", "job.done"] {
            let error = Topics::default().only(word).expect_err("unknown");
            assert_eq!(error, UnknownType(word.to_owned()));
        }
        assert!(
            Topics::default()
                .only(" , ")
                .expect("none")
                .takes_everything()
        );
    }
}
