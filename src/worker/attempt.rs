//! One attempt: the input is opened once, every step runs over every document, every document is saved once.

use crate::job::attempt::Bill;
use crate::pipeline::template::engine::{Context, Engine};
use crate::problem::{Code, Problem};
use crate::wire::frame::FrameError;
use crate::wire::message::{Plan, ToDaemon};
use crate::worker::confine::Confined;
use crate::worker::library::Libraries;
use crate::worker::line::Line;
use crate::worker::onlooker::Artifact;
use crate::worker::{outputs, step};
use dropleaf_plugin_host::{self as host, Document, Input, Limits, OpenError};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

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
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) bill: host::Bill,
    /// `input`, `job`, `env`, `now`, and `pdf` once it is open.
    pub(crate) variables: BTreeMap<String, Value>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        line: &'a Line,
        plan: &'a Plan,
        confined: &'a Confined,
        libraries: &'a Libraries,
    ) -> Self {
        Self {
            line,
            plan,
            confined,
            libraries,
            engine: Engine::new(),
            limits: Limits {
                max_decoded: plan.max_decoded,
                max_input: plan.max_input,
                ..Limits::default()
            },
            bill: host::Bill::new(),
            variables: plan.variables.clone(),
        }
    }

    /// Runs it to its end; everything but the last word has been said then.
    pub(crate) fn run(mut self, input: OwnedFd) -> Result<Bill, End> {
        let (first, pages_in) = self.open(&File::from(input))?;
        let mut parts = vec![first];
        for index in 0..self.plan.steps.len() {
            parts = step::run(&self, index, parts)?;
        }
        let pages_out = outputs::send(&self, parts)?;
        Ok(Bill {
            parses: self.bill.parses(),
            saves: self.bill.saves(),
            pages_in,
            pages_out,
            peak_kib: peak_kib(self.confined.status.as_ref()),
            cpu_ms: cpu_ms(),
        })
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
        values.insert(
            "steps".to_owned(),
            Value::Object(part.about.results.clone()),
        );
        Ok(Values { values })
    }

    fn open(&mut self, input: &File) -> Result<(Part, u64), End> {
        let bytes = self.map(input)?;
        let passwords = self.passwords()?;
        let opened = Document::open(bytes, &passwords, &self.limits, &self.bill);
        let (mut document, warnings) = opened.map_err(|error| open_problem(&error))?;
        let facts = document.facts().map_err(|error| open_problem(&error))?;
        for warning in warnings {
            self.warn(None, warning.code, warning.message);
        }
        if facts.signed && self.plan.refuse_signed {
            let text = "the document is signed; any change would break its signature";
            return Err(Problem::new(Code::PdfSigned, text)
                .hint("say `on_signed: process` to process it all the same")
                .into());
        }
        let pages = u64::from(facts.pages);
        let facts = serde_json::to_value(&facts).unwrap_or_default();
        self.variables.insert("pdf".to_owned(), facts);
        self.line.say(&ToDaemon::Opened { pages }, None)?;
        let part = Part {
            document,
            about: About::default(),
        };
        Ok((part, pages))
    }

    /// The input's bytes. A small file is read, so that nobody who still holds it can pull it away; a large one is mapped.
    fn map(&self, input: &File) -> Result<Input, Problem> {
        const SMALL: u64 = 1 << 20;
        let failed = |error: io::Error| {
            Problem::new(Code::Internal, format!("failed to read the input: {error}"))
        };
        let size = input.metadata().map_err(failed)?.len();
        if size > self.plan.max_input {
            return Err(open_problem(&OpenError::TooLarge {
                size,
                limit: self.plan.max_input,
            }));
        }
        if size > SMALL {
            return Input::map(input).map_err(failed);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        input.read_exact_at(&mut bytes, 0).map_err(failed)?;
        Ok(Input::from(bytes))
    }

    fn passwords(&self) -> Result<Vec<String>, Problem> {
        let context = Context::new(&self.variables);
        let render = |template: &String| self.engine.render_string(template, &context);
        let rendered: Result<Vec<String>, _> = self.plan.passwords.iter().map(render).collect();
        rendered.map_err(|error| template_problem(&error))
    }

    pub(crate) fn warn(&self, step: Option<&str>, code: &str, message: String) {
        self.line.mention(&ToDaemon::Warning {
            step: step.map(str::to_owned),
            code: code.to_owned(),
            message,
        });
    }
}

/// The values behind the variables.
pub(crate) struct Values {
    values: BTreeMap<String, Value>,
}

impl Values {
    /// As templates take them.
    pub(crate) fn context(&self) -> Context {
        Context::new(&self.values)
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
        OpenError::Unsupported(_) => Problem::new(Code::PdfEncrypted, text),
        OpenError::Damaged(_) => Problem::new(Code::PdfDamaged, text),
        OpenError::TooLarge { .. } | OpenError::Limit(_) => {
            Problem::new(Code::DocumentRejected, text).hint("raise the limit in the configuration")
        }
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

/// Peak resident memory. Not from `getrusage`: that starts with the peak of the process which started this one.
fn peak_kib(status: Option<&File>) -> u64 {
    let mut buffer = [0; 4096];
    let count = status
        .and_then(|file| file.read_at(&mut buffer, 0).ok())
        .unwrap_or(0);
    let text = String::from_utf8_lossy(&buffer[..count]);
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}

fn cpu_ms() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs());
    seconds * 1000 + nanos / 1_000_000
}
