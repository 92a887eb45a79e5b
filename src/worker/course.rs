//! The course of one attempt: the input is opened once, every step runs over every document, every document is saved once.

use crate::job::attempt::Bill;
use crate::pipeline::template::engine::Context;
use crate::problem::{Code, Problem};
use crate::wire::message::{Inspected, ToDaemon};
use crate::worker::attempt::{About, Attempt, End, Part, open_problem, template_problem};
use crate::worker::{outputs, step};
use dropleaf_plugin_host::{Document, Input, OpenError, Soundness};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

/// Runs an attempt to its end; everything but the last word has been said then. Milliseconds of processor time that went into
/// what came before it are not in its bill.
pub(crate) fn run(mut attempt: Attempt<'_>, input: OwnedFd, before: u64) -> Result<Bill, End> {
    let (first, pages_in, seals) = open(&mut attempt, &File::from(input))?;
    let mut parts = vec![first];
    for index in 0..attempt.plan.steps.len() {
        parts = step::run(&attempt, index, parts)?;
        seals.may_break(&attempt, index, &parts)?;
    }
    if parts.iter().any(|part| part.document.is_changed()) {
        seals.tell_broken(&attempt);
    }
    let pages_out = outputs::send(&attempt, parts)?;
    Ok(Bill {
        parses: attempt.bill.parses(),
        saves: attempt.bill.saves(),
        pages_in,
        pages_out,
        peak_kib: dropleaf_plugin_host::memory::peak_kib(),
        cpu_ms: cpu_ms().saturating_sub(before),
    })
}

/// Looks a file over that nobody has touched in this worker.
pub(crate) fn inspect(attempt: &Attempt<'_>, file: OwnedFd) -> Result<Inspected, Problem> {
    let bytes = map(&File::from(file), attempt.plan.max_input)?;
    let passwords = passwords(attempt)?;
    let found = Soundness::of(&bytes, &passwords, &attempt.limits);
    let found = found.map_err(|error| open_problem(&error))?;
    Ok(Inspected {
        pages: u64::from(found.pages),
        mended: found.mended,
        dangling: found.dangling,
        by_the_letter: found.by_the_letter,
    })
}

/// What of a document holds for its bytes as they came.
struct Seals {
    is_signed: bool,
    is_authenticated: bool,
}

impl Seals {
    /// Refuses what a step has made of a signed document where the signature must not break. Steps that only read it may.
    fn may_break(&self, attempt: &Attempt<'_>, step: usize, parts: &[Part]) -> Result<(), Problem> {
        let is_kept = self.is_signed && attempt.plan.refuse_signed;
        if !is_kept || !parts.iter().any(|part| part.document.is_changed()) {
            return Ok(());
        }
        let id = &attempt.plan.steps[step].id;
        let text = format!(
            "the document is signed, and what step `{id}` made of it would break its signature"
        );
        Err(refused_as_signed(text).in_step(id))
    }

    /// Warns of those that a change has broken.
    fn tell_broken(&self, attempt: &Attempt<'_>) {
        if self.is_signed {
            let text =
                "the document was signed and has been changed: its signature is no longer valid";
            attempt.warn(None, "signature-broken", text.to_owned());
        }
        if self.is_authenticated {
            let text = "the document has been changed: its protection of integrity (the MAC of ISO/TS 32004) is left out";
            attempt.warn(None, "integrity-code-dropped", text.to_owned());
        }
    }
}

fn open(attempt: &mut Attempt<'_>, input: &File) -> Result<(Part, u64, Seals), End> {
    let bytes = map(input, attempt.plan.max_input)?;
    let passwords = passwords(attempt)?;
    let opened = Document::open(bytes, &passwords, &attempt.limits, &attempt.bill);
    let (mut document, warnings) = opened.map_err(|error| open_problem(&error))?;
    let facts = document.facts().map_err(|error| open_problem(&error))?;
    for warning in warnings {
        attempt.warn(None, warning.code, warning.message);
    }
    if facts.signed && attempt.plan.refuse_signed && document.is_changed() {
        let text = "the document is signed and had to be repaired, which breaks its signature";
        return Err(refused_as_signed(text).into());
    }
    let pages = u64::from(facts.pages);
    let seals = Seals {
        is_signed: facts.signed,
        is_authenticated: facts.authenticated,
    };
    let facts = serde_json::to_value(&facts).unwrap_or_default();
    attempt.variables.insert("pdf".to_owned(), facts);
    attempt.line.say(&ToDaemon::Opened { pages }, None)?;
    let part = Part {
        document,
        about: About::default(),
    };
    Ok((part, pages, seals))
}

fn refused_as_signed(text: impl Into<String>) -> Problem {
    Problem::new(Code::PdfSigned, text).hint("say `on_signed: process` to process it all the same")
}

/// The input's bytes. A small file is read, so that nobody who still holds it can pull it away; a large one is mapped.
fn map(input: &File, limit: u64) -> Result<Input, Problem> {
    const SMALL: u64 = 1 << 20;
    let failed = |error: io::Error| {
        Problem::new(Code::Internal, format!("failed to read the input: {error}"))
    };
    let size = input.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(open_problem(&OpenError::TooLarge { size, limit }));
    }
    if size > SMALL {
        return Input::map(input).map_err(failed);
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    input.read_exact_at(&mut bytes, 0).map_err(failed)?;
    Ok(Input::from(bytes))
}

fn passwords(attempt: &Attempt<'_>) -> Result<Vec<String>, Problem> {
    let context = Context::new(&attempt.variables);
    let render = |template: &String| attempt.engine.render_string(template, &context);
    let rendered: Result<Vec<String>, _> = attempt.plan.passwords.iter().map(render).collect();
    rendered.map_err(|error| template_problem(&error))
}

/// Milliseconds of processor time of this process so far.
pub(crate) fn cpu_ms() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs());
    seconds * 1000 + nanos / 1_000_000
}
