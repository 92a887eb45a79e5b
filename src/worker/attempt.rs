//! What an attempt has, and how it can end: shared by those who open, run the steps and save.

use crate::pipeline::template::engine::{Context, Engine};
use crate::problem::{Code, Problem};
use crate::wire::bounds;
use crate::wire::frame::FrameError;
use crate::wire::message::{Plan, ToDaemon};
use crate::worker::confine::Confined;
use crate::worker::library::Libraries;
use crate::worker::line::Line;
use crate::worker::onlooker::Artifact;
use dropleaf_plugin_host::{self as host, Document, Limits, OpenError};
use rustix::process::{Resource, getrlimit};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;

/// How an attempt ends without a result.
#[derive(Debug)]
pub(crate) enum End {
    /// It failed.
    Failed(Box<Problem>),
    /// The daemon said stop.
    Cancelled,
    /// The daemon cannot be reached.
    Lost(FrameError),
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Lost(error)
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }
}

/// One document on its way.
pub(crate) struct Part {
    pub(crate) document: Document,
    pub(crate) about: About,
}

/// What belongs to a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// What the step that made it called it.
    pub(crate) label: String,
    /// `steps.<id>.<name>`: what the steps that it went through have told.
    pub(crate) results: serde_json::Map<String, Value>,
    /// Side artifacts that belong to it.
    pub(crate) artifacts: Vec<Artifact>,
}

/// An attempt at work.
pub(crate) struct Attempt<'a> {
    pub(crate) line: &'a Line,
    pub(crate) plan: &'a Plan,
    pub(crate) confined: &'a Confined,
    pub(crate) libraries: &'a Libraries,
    pub(crate) engine: &'a Engine,
    pub(crate) limits: Limits,
    pub(crate) bill: host::Bill,
    /// `input`, `job`, `env`, `now`, and `pdf` once it is open.
    pub(crate) variables: BTreeMap<String, Value>,
    /// Bytes of the results that the daemon was told; `usize::MAX` once there were too many.
    published: Cell<usize>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        line: &'a Line,
        plan: &'a Plan,
        confined: &'a Confined,
        libraries: &'a Libraries,
        engine: &'a Engine,
    ) -> Self {
        Self {
            line,
            plan,
            confined,
            libraries,
            engine,
            limits: Limits {
                max_decoded: plan.max_decoded,
                max_input: plan.max_input,
                roomy: roomy(),
                ..Limits::default()
            },
            bill: host::Bill::new(),
            variables: plan.variables.clone(),
            published: Cell::new(0),
        }
    }

    /// Whether the daemon said stop.
    pub(crate) fn check_cancelled(&self) -> Result<(), End> {
        if self.line.cancelled() {
            return Err(End::Cancelled);
        }
        Ok(())
    }

    /// The values that templates name, for one document of several.
    pub(crate) fn values(
        &self,
        part: &mut Part,
        index: usize,
        count: usize,
    ) -> Result<Values, Problem> {
        let facts = part
            .document
            .facts()
            .map_err(|error| open_problem(&error))?;
        let mut values = self.variables.clone();
        let about = serde_json::json!({
            "index": index + 1,
            "count": count,
            "pages": facts.pages,
            "label": part.about.label,
        });
        values.insert("part".to_owned(), about);
        // One that was skipped or failed has told nothing, which is something to go by: `steps.ocr.pages | default(0)`.
        let mut told = part.about.results.clone();
        for step in &self.plan.steps {
            told.entry(step.id.clone())
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
        values.insert("steps".to_owned(), Value::Object(told));
        Ok(values.into())
    }

    /// The results as the daemon is told of them: none any more once an attempt has published as much as it may. Templates have them all
    /// the same.
    pub(crate) fn published(
        &self,
        step: &str,
        results: BTreeMap<String, Value>,
    ) -> BTreeMap<String, Value> {
        let before = self.published.get();
        let all = before.saturating_add(bounds::size_of(&results));
        if all <= bounds::ALL_RESULTS {
            self.published.set(all);
            return results;
        }
        if self.published.replace(usize::MAX) != usize::MAX {
            let text = format!(
                "its results, and all that follow, are not kept: those of the whole attempt are larger than {} KiB; put them out as artifacts",
                bounds::ALL_RESULTS >> 10
            );
            self.warn(Some(step), "results-dropped", text);
        }
        BTreeMap::new()
    }

    pub(crate) fn warn(&self, step: Option<&str>, code: &str, message: String) {
        self.line.mention(&ToDaemon::Warning {
            step: step.map(str::to_owned),
            code: code.to_owned(),
            message,
        });
    }
}

/// Memory that documents may take before those that wait are written: a quarter, since what is worked on takes its share,
/// and freed memory does not all come back.
fn roomy() -> u64 {
    let most = getrlimit(Resource::Data).current;
    most.map_or(Limits::default().roomy, |most| most / 4)
}

/// The values behind the variables.
pub(crate) struct Values {
    values: BTreeMap<String, Value>,
}

impl From<BTreeMap<String, Value>> for Values {
    fn from(values: BTreeMap<String, Value>) -> Self {
        Self { values }
    }
}

impl Values {
    /// As templates take them.
    pub(crate) fn context(&self) -> Context {
        Context::new(&self.values)
    }

    /// Where the original's name (without its extension) may be cut so that at least so many bytes of it are left, the shortest first.
    pub(crate) fn stem_ends(&self, least: usize) -> Vec<usize> {
        let stem = self.values.get("input").and_then(|of| of.get("stem"));
        let stem = stem.and_then(Value::as_str).unwrap_or_default();
        (least..stem.len())
            .filter(|end| stem.is_char_boundary(*end))
            .collect()
    }

    /// The same where only so many bytes are left of it.
    pub(crate) fn with_stem_of(&self, bytes: usize) -> Self {
        let mut values = self.values.clone();
        if let Some(Value::String(stem)) = values.get_mut("input").and_then(|of| of.get_mut("stem"))
        {
            stem.truncate(stem.floor_char_boundary(bytes));
        }
        Self { values }
    }

    /// Leaves out what is not known here.
    pub(crate) fn forget(&mut self, group: &str) {
        self.values.remove(group);
    }

    /// As an operation asks for them: `input.name`, `part.index`. It is not told the environment, where passwords are.
    pub(crate) fn flat(&self) -> BTreeMap<String, Value> {
        let mut flat = BTreeMap::new();
        for (group, value) in self.values.iter().filter(|(group, _)| *group != "env") {
            match value {
                Value::Object(members) => {
                    let named = members
                        .iter()
                        .map(|(name, value)| (format!("{group}.{name}"), value.clone()));
                    flat.extend(named);
                }
                plain => _ = flat.insert(group.clone(), plain.clone()),
            }
        }
        flat
    }
}

/// Why a document could not be opened, as a job's problem.
pub(crate) fn open_problem(error: &OpenError) -> Problem {
    let text = error.to_string();
    match error {
        OpenError::Empty | OpenError::NotPdf(_) => Problem::new(Code::NotPdf, text),
        OpenError::NeedsPassword => {
            Problem::new(Code::PdfEncrypted, text).hint("give the pipeline its `passwords`")
        }
        OpenError::WrongPassword => Problem::new(Code::PdfEncrypted, text)
            .hint("add the right one to the pipeline's `passwords`"),
        OpenError::Unsupported(_) => Problem::new(Code::PdfEncrypted, text).hint(
            "remove the encryption with a program that opens the file, then drop it once more",
        ),
        OpenError::Damaged(_) => Problem::new(Code::PdfDamaged, text),
        OpenError::TooLarge { size, limit } => Problem::too_large(*size, *limit),
        OpenError::Limit(_) => Problem::new(Code::TooLarge, text)
            .hint("such a stream may decode to `max_decoded_mb` of config.yaml, and never to more than 64 MiB: raise a lower limit and retry the job, or have the document written anew by another program"),
    }
}

/// Why a template could not be filled in, as a job's problem.
pub(crate) fn template_problem(error: &crate::pipeline::template::engine::Error) -> Problem {
    let problem = Problem::new(Code::TemplateFailed, error.to_string());
    match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_names_its_size_the_limit_and_the_key() {
        let problem = open_problem(&OpenError::TooLarge {
            size: (2 << 20) + 1,
            limit: 1 << 20,
        });
        assert_eq!(problem.code, Code::TooLarge);
        assert_eq!(
            problem.detail,
            "the file has 2097153 bytes, more than the 1 MiB that are taken (`max_input_mb`)"
        );
        let hint = problem.hint.expect("advice");
        assert!(
            hint.contains("`max_input_mb` in config.yaml to at least 3"),
            "{hint}"
        );
        let problem = open_problem(&OpenError::Limit("x".to_owned()));
        let hint = problem.hint.expect("advice");
        assert!(hint.contains("`max_decoded_mb`"), "{hint}");
        let largest = open_problem(&OpenError::TooLarge {
            size: 5 << 30,
            limit: u64::from(u32::MAX),
        });
        let hint = largest.hint.expect("advice");
        assert!(!hint.contains("max_input_mb"), "{hint}");
    }
}
