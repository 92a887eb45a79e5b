//! What YAML may say: the documented shape of a pipeline file. No logic; `check` makes a `Pipeline` of it.
//!
//! The JSON Schema derived from these types is the one truth about keys, types and allowed values: `check` holds a file
//! against it, and `dropleaf schema` gives it to editors. Every field is optional here so that a file with faults can
//! still be checked as far as it goes; what must be there says `required`.

use crate::pipeline::checked::{Duplicates, Existing, IfExists, OnSigned, Outcome};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// A Dropleaf pipeline: a watched folder, what is done with each PDF that arrives there, and where the results go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Dropleaf pipeline")]
pub struct PipelineSpec {
    /// What the pipeline does, for people.
    pub description: Option<String>,
    /// Where files come from.
    #[schemars(required)]
    pub watch: Option<WatchSpec>,
    /// What is done with each document, in this order.
    #[schemars(required, length(min = 1, max = 100))]
    pub steps: Option<Vec<StepSpec>>,
    /// Where results go.
    #[serde(default)]
    pub output: Option<OutputSpec>,
    /// What becomes of the original after success: `archive` (into `archive/<pipeline>` in the home), `keep` (it goes back
    /// to where it lay), `delete`, or `{archive: folder}`.
    #[schemars(extend("default" = "archive"))]
    pub original: Option<OriginalSpec>,
    /// Where the original goes when the job fails, with a note that says why. Relative to the home. Default: `failed/<pipeline>`.
    pub failed: Option<String>,
    /// What results must be like; one that is not goes nowhere, and the original to `failed`.
    #[serde(default)]
    pub expect: Option<ExpectSpec>,
    /// How a failure that may pass (a crash, a full disk) is tried again.
    #[serde(default)]
    pub retry: Option<RetrySpec>,
    /// The longest time that one attempt may take.
    #[schemars(with = "Option<DurationText>", extend("default" = "10m"))]
    pub timeout: Option<String>,
    /// The longest time without any progress.
    #[schemars(with = "Option<DurationText>", extend("default" = "2m"))]
    pub stalled_after: Option<String>,
    /// How many files of this pipeline are worked on at once.
    #[schemars(range(min = 1, max = 1024), extend("default" = 4))]
    pub concurrency: Option<u32>,
    /// Files of pipelines with a higher priority go first.
    #[schemars(range(min = -1000, max = 1000), extend("default" = 0))]
    pub priority: Option<i32>,
    /// What is done about signed PDFs that a step has changed, which breaks the signature: `refuse` or `process`.
    #[schemars(with = "Option<OnSignedWords>", extend("default" = "refuse"))]
    pub on_signed: Option<OnSigned>,
    /// Passwords to try on encrypted PDFs; templates such as `{{ env.SCAN_PASSWORD }}` keep them out of this file.
    #[schemars(length(max = 100))]
    pub passwords: Option<Vec<String>>,
    /// What is done about a file with the same content as that of a job that succeeded or is still open.
    #[schemars(with = "Option<DuplicatesWords>", extend("default" = "process"))]
    pub duplicates: Option<Duplicates>,
    /// Whom to tell how jobs ended.
    #[schemars(length(max = 10))]
    pub notify: Option<Vec<NotifySpec>>,
    /// Whether this pipeline may put files into another pipeline's inbox.
    #[schemars(extend("default" = false))]
    pub allow_chain: Option<bool>,
}

/// Whom to tell how jobs ended.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifySpec {
    /// An `http://` or `https://` address that gets a POST with JSON. It is tried again a few times; redirects are not followed.
    #[schemars(required)]
    pub webhook: Option<String>,
    /// Which ends are told.
    #[schemars(with = "Option<Vec<NotifyWords>>", length(min = 1), extend("default" = ["succeeded", "failed", "cancelled"]))]
    pub when: Option<Vec<Outcome>>,
}

/// Where files come from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSpec {
    /// The inbox. Relative to the home; absolute paths and `~/...` work too.
    #[schemars(required)]
    pub folder: Option<String>,
    /// Patterns of the file names to take, without regard to case. A pattern with `/` is held against the path below the
    /// inbox.
    #[schemars(length(min = 1, max = 100), extend("default" = ["*.pdf"]))]
    pub include: Option<Vec<String>>,
    /// Patterns of the file names to leave, besides those that are always left (`.*`, `*.part`, `*.tmp`, ...).
    #[schemars(length(max = 100), extend("default" = []))]
    pub exclude: Option<Vec<String>>,
    /// Whether folders below the inbox are watched too; outputs then keep the path below it.
    #[schemars(extend("default" = false))]
    pub recursive: Option<bool>,
    /// How long a file must rest before it is taken. Default: by the way it arrived, from 0s (a rename) to 5s (a network share).
    #[schemars(with = "Option<DurationText>")]
    pub quiet: Option<String>,
    /// What is done about files that lie in the inbox when the pipeline is first seen.
    #[schemars(with = "Option<ExistingWords>", extend("default" = "process"))]
    pub existing: Option<Existing>,
    /// A file is taken only once this one lies beside it: `{name}.ok` for `scan.pdf.ok`, `{stem}.ok` for `scan.ok`. It is a
    /// mark and nothing else: it is removed when its file is taken.
    pub done_file: Option<String>,
    /// `true` scans the folder at short intervals, `false` relies on events and the slow scan. Default: by the file system.
    pub polling: Option<bool>,
}

/// One use of an operation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// The operation: `rotate`, or `plugin/operation` where two plugins offer it.
    #[schemars(required)]
    pub uses: Option<String>,
    /// The step's name in templates, logs and feeds. Default: the operation's name, numbered where it is used twice.
    pub id: Option<String>,
    /// An expression; where it is false the step is skipped: `pdf.pages > 1 and not pdf.signed`.
    pub r#if: Option<ConditionSpec>,
    /// The operation's parameters; texts may hold templates.
    pub with: Option<Map<String, Value>>,
    /// The longest time that this step may take on one document.
    #[schemars(with = "Option<DurationText>")]
    pub timeout: Option<String>,
    /// Whether a failure of this step is only a warning: its edits are undone and the job goes on, also where it took its worker along.
    #[schemars(extend("default" = false))]
    pub continue_on_error: Option<bool>,
}

/// Where results go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The outbox. Relative to the home; may hold templates behind its first part. Default: `outbox/<pipeline>`.
    pub folder: Option<String>,
    /// Template of the file name. Default: the input's name, numbered where a step makes several documents.
    pub name: Option<String>,
    /// What is done about a file that already has the name.
    #[schemars(with = "Option<IfExistsWords>", extend("default" = "number"))]
    pub if_exists: Option<IfExists>,
    /// Whether `<name>.json` is written beside each output, with hashes, revision, plugins and times.
    #[schemars(extend("default" = false))]
    pub receipt: Option<bool>,
}

/// What results must be like.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// Pages: `same` (each result has as many as the original), `sum` (all results together), or a number (each result).
    pub pages: Option<PagesSpec>,
    /// Whether each result is opened once more by a worker without plugins, and must be sound.
    #[schemars(extend("default" = false))]
    pub opens: Option<bool>,
    /// How many times the original's size the results may have together: `2x`, or the number alone.
    pub max_growth: Option<GrowthSpec>,
}

/// How a failure that may pass is tried again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Attempts in all; 1 tries once.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub attempts: Option<u32>,
    /// The pause before the second attempt; it doubles each time.
    #[schemars(with = "Option<DurationText>", extend("default" = "5s"))]
    pub backoff: Option<String>,
    /// The longest pause.
    #[schemars(with = "Option<DurationText>", extend("default" = "1m"))]
    pub max_backoff: Option<String>,
}

/// What becomes of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginalSpec {
    /// `archive`, with a folder where one is given.
    Archive(Option<String>),
    /// `keep`.
    Keep,
    /// `delete`.
    Delete,
}

impl<'de> Deserialize<'de> for OriginalSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OriginalSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`archive`, `keep`, `delete` or `{archive: folder}`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<OriginalSpec, E> {
                match word {
                    "archive" => Ok(OriginalSpec::Archive(None)),
                    "keep" => Ok(OriginalSpec::Keep),
                    "delete" => Ok(OriginalSpec::Delete),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<OriginalSpec, A::Error> {
                match map.next_entry::<String, String>()? {
                    Some((key, folder)) if key == "archive" => {
                        Ok(OriginalSpec::Archive(Some(folder)))
                    }
                    _ => Err(de::Error::custom("only `archive` may stand here")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for OriginalSpec {
    fn schema_name() -> Cow<'static, str> {
        "Original".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"enum": ["archive", "keep", "delete"]},
                {
                    "type": "object",
                    "properties": {"archive": {
                        "type": "string",
                        "description": "The folder for originals. Relative to the home."
                    }},
                    "required": ["archive"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// A number of pages, or a word for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagesSpec {
    /// `same`.
    Same,
    /// `sum`.
    Sum,
    /// A number.
    Exactly(u64),
}

impl<'de> Deserialize<'de> for PagesSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "same" => Ok(Self::Same),
            Value::String(word) if word == "sum" => Ok(Self::Sum),
            Value::Number(number) if number.as_u64().is_some() => {
                Ok(Self::Exactly(number.as_u64().unwrap_or_default()))
            }
            _ => Err(de::Error::custom("`same`, `sum` or a number is expected")),
        }
    }
}

impl JsonSchema for PagesSpec {
    fn schema_name() -> Cow<'static, str> {
        "Pages".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": ["same", "sum"]}, {"type": "integer", "minimum": 1}]})
    }
}

/// How often: `2x`, or a number alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrowthSpec(pub String);

impl<'de> Deserialize<'de> for GrowthSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(Self(number.to_string())),
            Value::String(text) => Ok(Self(text)),
            _ => Err(de::Error::custom(
                "a text like `2x` or a number is expected",
            )),
        }
    }
}

impl JsonSchema for GrowthSpec {
    fn schema_name() -> Cow<'static, str> {
        "Growth".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "examples": ["2x", "1.5x"]})
    }
}

/// An expression, or plainly `true` or `false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionSpec(pub String);

impl<'de> Deserialize<'de> for ConditionSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(fixed) => Ok(Self(fixed.to_string())),
            Value::String(expression) => Ok(Self(expression)),
            _ => Err(de::Error::custom("an expression is expected")),
        }
    }
}

impl JsonSchema for ConditionSpec {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "boolean"]})
    }
}

/// A duration in YAML, for the schema: `250ms`, `2s`, `1m30s`.
pub struct DurationText;

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+$",
            "x-dropleaf-kind": "duration",
            "examples": ["250ms", "2s", "5m", "1h"]
        })
    }
}

macro_rules! words {
    ($($name:ident $($word:literal)*,)*) => {$(
        struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"enum": [$($word),*]})
            }
        }
    )*};
}

// The words of the enums in `checked`; a test holds them together.
words! {
    OnSignedWords "refuse" "process",
    DuplicatesWords "process" "skip" "fail",
    ExistingWords "process" "ignore",
    IfExistsWords "number" "overwrite" "skip" "fail",
    NotifyWords "succeeded" "failed" "cancelled",
}

/// The JSON Schema (2020-12) of a pipeline file, without the parameters of operations.
#[must_use]
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    settings
        .into_generator()
        .into_root_schema_for::<PipelineSpec>()
        .to_value()
}
