//! The values behind the variables, as the daemon and the worker give them to templates.

use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// `input.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputValues {
    /// `scan.pdf`.
    pub name: String,
    /// `scan`.
    pub stem: String,
    /// `pdf`.
    pub extension: String,
    /// Below the inbox.
    pub path: String,
    /// Below the inbox; empty at its top.
    pub folder: String,
    /// Bytes.
    pub size: u64,
    /// RFC 3339, local time.
    pub modified: String,
}

impl InputValues {
    /// The values of the file at `relative` below its inbox. What is not UTF-8 in it shows as U+FFFD.
    #[must_use]
    pub fn new(relative: &Path, size: u64, modified: Timestamp) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        Self {
            name: text(relative.file_name()),
            stem: text(relative.file_stem()),
            extension: text(relative.extension()),
            path: relative.to_string_lossy().into_owned(),
            folder: relative
                .parent()
                .map(|folder| folder.to_string_lossy().into_owned())
                .unwrap_or_default(),
            size,
            modified: moment(modified),
        }
    }
}

/// `job.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobValues {
    /// Its id.
    pub id: String,
    /// The pipeline's id.
    pub pipeline: String,
    /// RFC 3339, local time; see [`moment`].
    pub received: String,
    /// From 1.
    pub attempt: u32,
}

/// `part.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartValues {
    /// From 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// Its pages.
    pub pages: u64,
    /// What the step that made it called it.
    pub label: String,
}

/// The values that are known before the document is open: `input`, `job`, `env` and `now`.
///
/// `env` should hold what [`mentioned_env`](crate::pipeline::template::mentioned_env) names and is set, nothing else.
#[must_use]
pub fn before_opening(
    input: &InputValues,
    job: &JobValues,
    env: &BTreeMap<String, String>,
    now: Timestamp,
) -> BTreeMap<String, Value> {
    let value = |thing: Result<Value, serde_json::Error>| thing.unwrap_or_default();
    BTreeMap::from([
        ("input".to_owned(), value(serde_json::to_value(input))),
        ("job".to_owned(), value(serde_json::to_value(job))),
        ("env".to_owned(), value(serde_json::to_value(env))),
        ("now".to_owned(), Value::String(moment(now))),
    ])
}

/// A time as templates get it: RFC 3339 in the local time of this machine. The filter `date` keeps its offset, so that a
/// worker needs no time zone files; the name of the zone is lost.
#[must_use]
pub fn moment(timestamp: Timestamp) -> String {
    let zoned = jiff::Timestamp::from_millisecond(timestamp.0)
        .unwrap_or_default()
        .to_zoned(TimeZone::system());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// What is wrong with the time zone of this machine, if it is not found: times are in UTC then.
#[must_use]
pub fn lost_zone() -> Option<String> {
    TimeZone::try_system()
        .err()
        .map(|error| crate::problem::chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::template::found::Kind;
    use crate::pipeline::template::scope::{group, kind_of};

    fn assert_group(name: &str, value: impl Serialize) {
        let Ok(Value::Object(map)) = serde_json::to_value(value) else {
            panic!("`{name}` is no object");
        };
        let given: Vec<&str> = map.keys().map(String::as_str).collect();
        let documented: Vec<&str> = group(name)
            .expect("known")
            .variables
            .iter()
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(given, documented, "{name}");
        for (member, value) in &map {
            let kind = match value {
                Value::String(_) => Some(Kind::Text),
                Value::Number(_) => Some(Kind::Number),
                _ => None,
            };
            let told = kind_of(name, std::slice::from_ref(member));
            assert_eq!(told, kind, "{name}.{member}");
        }
    }

    #[test]
    fn what_is_given_is_what_is_documented() {
        let input = InputValues::new(Path::new("2026/a b.tar.pdf"), 7, Timestamp(0));
        assert_eq!(
            (
                input.name.as_str(),
                input.stem.as_str(),
                input.extension.as_str(),
                input.folder.as_str()
            ),
            ("a b.tar.pdf", "a b.tar", "pdf", "2026")
        );
        assert_group("input", input);
        assert_group(
            "job",
            JobValues {
                id: String::new(),
                pipeline: String::new(),
                received: String::new(),
                attempt: 1,
            },
        );
        assert_group(
            "part",
            PartValues {
                index: 1,
                count: 1,
                pages: 1,
                label: String::new(),
            },
        );
    }

    #[test]
    fn moments_are_rfc_3339() {
        let text = moment(Timestamp(1_700_000_000_123));
        let back: jiff::Timestamp = text.parse().expect("RFC 3339");
        assert_eq!(back.as_millisecond(), 1_700_000_000_123);
    }
}
