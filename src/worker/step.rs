//! One step over all documents of an attempt.

use crate::problem::{Code, Problem};
use crate::wire::chatter;
use crate::wire::message::{Place, PlanStep, ToDaemon};
use crate::worker::attempt::{About, Attempt, End, Part, Values, template_problem};
use crate::worker::library;
use crate::worker::onlooker::{Artifact, Onlooker};
use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{self as host, Document, Invocation, Outcome, RunError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a step's end waits for the daemon to read what it has printed.
const READ_WITHIN: Duration = Duration::from_millis(200);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_micros(500);

/// Documents that one attempt may have.
const MOST_PARTS: usize = 100_000;

/// Runs a step on each document, or once on all of them; gives the documents that go on.
pub(crate) fn run(attempt: &Attempt<'_>, index: usize, parts: Vec<Part>) -> Result<Vec<Part>, End> {
    let step = &attempt.plan.steps[index];
    let groups: Vec<Vec<Part>> = match step.takes_all {
        true => vec![parts],
        false => parts.into_iter().map(|part| vec![part]).collect(),
    };
    let count = groups.len();
    let mut next = Vec::with_capacity(count);
    let mut passed_over = PassedOver::default();
    for (number, group) in groups.into_iter().enumerate() {
        attempt.check_cancelled()?;
        let place = Place {
            step: number_of(index),
            part: number_of(number + 1),
            parts: number_of(count),
        };
        let turn = Turn {
            attempt,
            step,
            place,
            number,
            count,
        };
        let first = next.len();
        next.extend(turn.take(group, &mut passed_over)?);
        if count > 1 {
            let waiting = next[first..].iter_mut();
            waiting.for_each(|part| part.document.make_room());
        }
        if next.len() > MOST_PARTS {
            let text = format!("it made more than {MOST_PARTS} documents");
            return Err(Problem::new(Code::StepFailed, text)
                .in_step(&step.id)
                .into());
        }
    }
    passed_over.tell(attempt, step, count);
    Ok(next)
}

/// Runs of a step that failed under `continue_on_error`.
#[derive(Default)]
struct PassedOver {
    count: usize,
    first: Option<Problem>,
}

impl PassedOver {
    fn one(&mut self, problem: Problem) {
        self.count += 1;
        self.first.get_or_insert(problem);
    }

    /// Once a step, which may have run on thousands of documents.
    fn tell(&self, attempt: &Attempt<'_>, step: &PlanStep, of: usize) {
        let Some(first) = &self.first else {
            return;
        };
        let on = match (self.count, of) {
            (_, 1) => String::new(),
            (1, of) => format!(" on 1 of {of} documents"),
            (count, of) => format!(" on {count} of {of} documents"),
        };
        let text = format!(
            "step `{}` failed{on}, and the job went on without it: {}",
            step.id, first.detail
        );
        attempt.warn(Some(&step.id), "step-passed-over", text);
    }
}

/// One run of an operation.
struct Turn<'a> {
    attempt: &'a Attempt<'a>,
    step: &'a PlanStep,
    place: Place,
    number: usize,
    count: usize,
}

/// What a run has given.
struct Given {
    outcome: Outcome,
    artifacts: Vec<Artifact>,
}

impl Turn<'_> {
    fn take(&self, mut group: Vec<Part>, passed_over: &mut PassedOver) -> Result<Vec<Part>, End> {
        let Some(first) = group.first_mut() else {
            return Ok(group);
        };
        let values = self.attempt.values(first, self.number, self.count);
        let mut values = values.map_err(|problem| problem.in_step(&self.step.id))?;
        if self.step.takes_all {
            values.forget("part");
        }
        if !self.is_wanted(&values)? {
            return Ok(group);
        }
        let started = ToDaemon::StepStarted(self.place.clone());
        self.attempt.line.say(&started, None)?;
        if let Some(problem) = self.step.given_up_on(&self.place) {
            // The job was warned when that was decided.
            self.failed(problem.clone(), 0)?;
            return Ok(group);
        }
        let began = Instant::now();
        let (mut documents, abouts): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|part| (part.document, part.about))
            .unzip();
        let given = self
            .attempt
            .engine
            .render_value(&self.step.with, &self.step.own_variables, &values.context())
            .map_err(|error| template_problem(&error))
            .and_then(|parameters| self.operate(&mut documents, parameters, &values.flat()));
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // While the step is at work still: should this hang or crash over what the plugin has made of its files, that is the step's.
        host::flush_prints();
        until_read();
        match given {
            Ok(given) => self.finished(documents, abouts, given, ms),
            Err(problem) => {
                let problem = problem.in_step(&self.step.id);
                self.failed(problem.clone(), ms)?;
                passed_over.one(problem);
                let parts = documents.into_iter().zip(abouts);
                Ok(parts
                    .map(|(document, about)| Part { document, about })
                    .collect())
            }
        }
    }

    /// Whether its condition holds; says so where it does not.
    fn is_wanted(&self, values: &Values) -> Result<bool, End> {
        let Some(condition) = &self.step.condition else {
            return Ok(true);
        };
        let holds = self
            .attempt
            .engine
            .eval_condition(condition, &values.context());
        let holds = holds.map_err(|error| template_problem(&error).in_step(&self.step.id))?;
        if !holds {
            let (place, condition) = (self.place.clone(), condition.clone());
            let skipped = ToDaemon::StepSkipped { place, condition };
            self.attempt.line.say(&skipped, None)?;
        }
        Ok(holds)
    }

    /// Runs the operation on the documents. After an error they are as they were.
    fn operate(
        &self,
        documents: &mut Vec<Document>,
        mut parameters: Value,
        values: &BTreeMap<String, Value>,
    ) -> Result<Given, Problem> {
        let library = self.attempt.libraries.load(&self.step.library)?;
        // What stands in the pipeline was checked when it was loaded; what templates made of it was not.
        if parameters != self.step.with {
            let written = &self.step.with;
            parameters = library::fitted(library, &self.step.operation, written, parameters)
                .map_err(|text| Problem::new(Code::ParametersRefused, text))?;
        }
        let onlooker = Onlooker::new(self.attempt.line, &self.step.id, self.place.clone());
        let scratch = self.attempt.confined.scratch.as_ref();
        let scratch = scratch.filter(|_| self.step.temp);
        let invocation = Invocation {
            operation: &self.step.operation,
            parameters: &parameters.to_string(),
            values,
            temp_dir: scratch.map(|(path, _)| path.as_path()),
            limits: &self.attempt.limits,
            observer: &onlooker,
        };
        let before = documents.len();
        let outcome = host::run(library, &invocation, documents);
        let outcome = outcome.map_err(|error| run_problem(&error))?;
        if outcome.emitted.is_empty() && documents.len() != before {
            let text = "the host lost a document";
            return Err(Problem::new(Code::Internal, text));
        }
        let artifacts = onlooker.into_artifacts();
        Ok(Given { outcome, artifacts })
    }

    /// What goes on: the documents that were emitted, or else the inputs.
    fn finished(
        &self,
        documents: Vec<Document>,
        abouts: Vec<About>,
        given: Given,
        ms: u64,
    ) -> Result<Vec<Part>, End> {
        let Given { outcome, artifacts } = given;
        let results: serde_json::Map<String, Value> = outcome.results.clone().into_iter().collect();
        let told = (self.step.id.clone(), Value::Object(results));
        let mut parts: Vec<Part> = if outcome.emitted.is_empty() {
            let kept = documents.into_iter().zip(abouts);
            kept.map(|(document, about)| Part { document, about })
                .collect()
        } else {
            let mut about = merged(abouts);
            let emitted = outcome.emitted.into_iter().map(|(document, label)| {
                // What was put out before a document was cut up belongs to its first part.
                let artifacts = std::mem::take(&mut about.artifacts);
                let about = About {
                    label,
                    artifacts,
                    ..about.clone()
                };
                Part { document, about }
            });
            emitted.collect()
        };
        let mut artifacts = Some(artifacts);
        for part in &mut parts {
            for warning in part.document.take_warnings() {
                self.attempt
                    .warn(Some(&self.step.id), warning.code, warning.message);
            }
            part.about.results.insert(told.0.clone(), told.1.clone());
            part.about
                .artifacts
                .extend(artifacts.take().unwrap_or_default());
        }
        if outcome.leftover_threads > 0 {
            let text = format!("it left {} threads running", outcome.leftover_threads);
            self.attempt
                .warn(Some(&self.step.id), "left-over-threads", text);
        }
        let finished = ToDaemon::StepFinished {
            place: self.place.clone(),
            ms,
            documents: number_of(parts.len()),
            results: self.attempt.published(&self.step.id, outcome.results),
        };
        self.attempt.line.say(&finished, None)?;
        Ok(parts)
    }

    /// Goes on where the pipeline says so.
    fn failed(&self, problem: Problem, ms: u64) -> Result<(), End> {
        self.attempt.check_cancelled()?;
        // A plugin that cannot be loaded is the installation's fault, not the document's.
        let continued = self.step.continue_on_error && problem.code != Code::PluginBroken;
        let failed = ToDaemon::StepFailed {
            place: self.place.clone(),
            ms,
            problem: problem.clone(),
            continued,
        };
        self.attempt.line.say(&failed, None)?;
        match continued {
            true => Ok(()),
            false => Err(problem.into()),
        }
    }
}

/// Waits until the daemon has read what was printed: it takes what it reads for the step's that runs. Not for ever, since a thread
/// that was left over may go on printing.
fn until_read() {
    let began = Instant::now();
    let waits = || rustix::io::ioctl_fionread(rustix::stdio::stdout()).is_ok_and(|left| left > 0);
    while waits() && began.elapsed() < READ_WITHIN {
        std::thread::sleep(LOOK);
    }
}

/// What belongs to several documents that became one.
fn merged(abouts: Vec<About>) -> About {
    let mut abouts = abouts.into_iter();
    let mut all = abouts.next().unwrap_or_default();
    for about in abouts {
        all.label.clear();
        all.results.extend(about.results);
        all.artifacts.extend(about.artifacts);
    }
    all
}

fn run_problem(error: &RunError) -> Problem {
    /// What compressors panic with that find no memory.
    const NO_MEMORY: &str = "MemError";
    let code = match error.status {
        abi::E_PANIC if error.message.contains(NO_MEMORY) => Code::MemoryLimit,
        abi::E_PANIC => Code::PluginPanicked,
        abi::E_PARAMETERS => Code::ParametersRefused,
        abi::E_REJECTED => Code::DocumentRejected,
        _ => Code::StepFailed,
    };
    let text = match error.message.trim() {
        "" => "it gave no reason",
        text => text,
    };
    // People look at it in terminals and logs, and it goes over the control socket.
    Problem::new(code, chatter::reason(text, usize::MAX))
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_of_its_failure_is_told_in_plain_text() {
        let told = |status, message: &str| {
            let problem = run_problem(&RunError {
                status,
                message: message.to_owned(),
                undone: 0,
            });
            (problem.code, problem.detail)
        };
        let (code, detail) = told(abi::E_FAIL, "\u{1b}[31mred\u{7}\n\tmore");
        assert_eq!(
            (code, detail.as_str()),
            (Code::StepFailed, " [31mred \n\tmore")
        );
        let (code, _) = told(abi::E_PANIC, "panicked: left: MemError right: Ok");
        assert_eq!(code, Code::MemoryLimit);
        assert_eq!(told(abi::E_PANIC, "panicked: x").0, Code::PluginPanicked);
    }

    #[test]
    fn documents_that_become_one_keep_what_belongs_to_them() {
        let about = |label: &str, key: &str| About {
            label: label.into(),
            results: [(key.to_owned(), Value::from(1))].into_iter().collect(),
            artifacts: Vec::new(),
        };
        let one = merged(vec![about("a", "x")]);
        assert_eq!(one.label, "a");
        let all = merged(vec![about("a", "x"), about("b", "y")]);
        assert_eq!(all.label, "");
        assert_eq!(all.results.len(), 2);
    }

    #[test]
    fn a_status_becomes_a_code() {
        let code = |status| {
            run_problem(&RunError {
                status,
                message: " ".into(),
                undone: 0,
            })
            .code
        };
        assert_eq!(code(abi::E_PANIC), Code::PluginPanicked);
        assert_eq!(code(abi::E_REJECTED), Code::DocumentRejected);
        assert_eq!(code(abi::E_PARAMETERS), Code::ParametersRefused);
        assert_eq!(code(abi::E_FAIL), Code::StepFailed);
        assert_eq!(code(-99), Code::StepFailed);
    }
}
