//! Holds a worker to the order of the conversation. A worker runs foreign code: whatever it says is checked before anyone
//! acts on it, and the first lie ends its attempt.

use crate::job::attempt::Bill;
use crate::job::event::StepPlace;
use crate::wire::bounds;
use crate::wire::message::{Place, Plan, ToDaemon};
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// Documents that one attempt may have.
const MOST_PARTS: u32 = 100_000;
/// Side artifacts that one attempt may have.
const MOST_ARTIFACTS: u32 = 100_000;
/// Bytes of a file name.
const LONGEST_NAME: usize = 255;
/// Bytes of a path that can be opened (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;
/// Pages that a file may have: the engine counts no further.
const MOST_PAGES: u64 = u32::MAX as u64;
/// Nothing that is counted comes near it: whole numbers up to here are the same for all who read JSON.
pub(crate) const MOST: u64 = 1 << 53;

/// What a worker said that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lie(String);

/// How far the conversation is.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    opened: bool,
    pages_in: u64,
    pages_out: u64,
    running: Option<Place>,
    /// Where the last step began.
    begun: Option<Place>,
    /// Bytes of all that was published.
    results: usize,
    outputs: u32,
    artifacts: u32,
    ended: bool,
}

impl Conduct {
    /// The step at work.
    pub(crate) fn running(&self) -> Option<&Place> {
        self.running.as_ref()
    }

    /// Pages of the input.
    pub(crate) fn pages(&self) -> u64 {
        self.pages_in
    }

    /// Whether the last word is said.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// The bill with what is known better here. What the statistics and the journal count is not the worker's to say.
    pub(crate) fn corrected(&self, bill: Bill) -> Bill {
        Bill {
            pages_in: self.pages_in,
            pages_out: self.pages_out,
            ..bill
        }
    }

    /// Checks the next message against all before it.
    pub(crate) fn check(&mut self, message: &ToDaemon, plan: &Plan) -> Result<(), Lie> {
        if self.ended {
            return lie("it spoke after its last word");
        }
        match message {
            ToDaemon::Memory
            | ToDaemon::Ready { .. }
            | ToDaemon::Calls(_)
            | ToDaemon::Described { .. }
            | ToDaemon::Inspected(_) => lie("it answered another question"),
            ToDaemon::Opened { pages } => self.open(*pages),
            ToDaemon::StepStarted(place) => self.start(place, plan),
            ToDaemon::Progress { place, .. } => self.at_work(place),
            ToDaemon::StepFinished { place, results, .. } => {
                self.at_work(place)?;
                self.running = None;
                self.publish(results)
            }
            ToDaemon::StepFailed { place, .. } => {
                self.at_work(place)?;
                self.running = None;
                Ok(())
            }
            ToDaemon::StepSkipped { place, .. } => {
                self.start(place, plan)?;
                self.running = None;
                Ok(())
            }
            ToDaemon::Log { .. } | ToDaemon::LinesDropped { .. } | ToDaemon::Warning { .. } => {
                Ok(())
            }
            ToDaemon::Artifact {
                name,
                part,
                folder,
                step,
                ..
            } => {
                self.artifacts += 1;
                if self.artifacts > MOST_ARTIFACTS {
                    return lie("it put out too many artifacts");
                }
                if !plan.steps.iter().any(|known| &known.id == step) {
                    return lie("it named a step that there is not");
                }
                part_number(*part, MOST_PARTS)?;
                destination(name, folder)?;
                if name.starts_with('.') {
                    return lie(format!("the artifact `{}` is hidden", name.escape_debug()));
                }
                Ok(())
            }
            ToDaemon::Output {
                part,
                pages,
                name,
                folder,
            } => {
                self.pages_out = self.pages_out.saturating_add(counted(*pages, MOST_PAGES)?);
                self.output(*part, name, folder)
            }
            ToDaemon::Finished { bill, .. } => self.finish(bill),
            ToDaemon::Failed { .. } => {
                self.ended = true;
                Ok(())
            }
        }
    }

    fn open(&mut self, pages: u64) -> Result<(), Lie> {
        if std::mem::replace(&mut self.opened, true) {
            return lie("it opened the input twice");
        }
        self.pages_in = counted(pages, MOST_PAGES)?;
        Ok(())
    }

    fn start(&mut self, place: &Place, plan: &Plan) -> Result<(), Lie> {
        if !self.opened {
            return lie("it began a step before it opened the input");
        }
        if self.outputs > 0 {
            return lie("it began a step after its first output");
        }
        if self.running.is_some() {
            return lie("it began a step inside another");
        }
        let reached = self.begun.as_ref().map_or(0, |last| last.step);
        if place.step as usize >= plan.steps.len() || place.step < reached {
            return lie(format!("step number `{}` is out of order", place.step));
        }
        part_number(place.parts, MOST_PARTS)?;
        part_number(place.part, place.parts)?;
        // Each document has one turn in each step, or there would be no end to what is told.
        let breaks_order = |last: &Place| {
            last.step == place.step && (place.part <= last.part || place.parts != last.parts)
        };
        if self.begun.as_ref().is_some_and(breaks_order) {
            return lie(format!(
                "document number `{}` of `{}` is out of order in step number `{}`",
                place.part, place.parts, place.step
            ));
        }
        self.begun = Some(place.clone());
        self.running = Some(place.clone());
        Ok(())
    }

    fn at_work(&self, place: &Place) -> Result<(), Lie> {
        if self.running.as_ref() == Some(place) {
            return Ok(());
        }
        lie(format!(
            "it spoke of step number `{}`, which is not running",
            place.step
        ))
    }

    fn publish(&mut self, results: &BTreeMap<String, serde_json::Value>) -> Result<(), Lie> {
        let is_deep = |value| bounds::is_deeper(value, bounds::DEPTH);
        if results.values().any(is_deep) {
            return lie(format!(
                "it published a result of more than `{}` levels",
                bounds::DEPTH
            ));
        }
        let size = bounds::size_of(results);
        self.results = self.results.saturating_add(size);
        if size > 2 * bounds::RESULTS || self.results > 2 * bounds::ALL_RESULTS {
            return lie(format!(
                "it published `{}` bytes of results, more than an attempt may",
                self.results
            ));
        }
        Ok(())
    }

    fn output(&mut self, part: u32, name: &str, folder: &str) -> Result<(), Lie> {
        if !self.opened || self.running.is_some() {
            return lie("it put out a document before the steps were done");
        }
        if part != self.outputs + 1 || part > MOST_PARTS {
            return lie(format!("output number `{part}` is out of order"));
        }
        self.outputs = part;
        destination(name, folder)
    }

    fn finish(&mut self, bill: &Bill) -> Result<(), Lie> {
        if self.outputs == 0 {
            return lie("it finished without an output");
        }
        if self.running.is_some() {
            return lie("it finished inside a step");
        }
        counted(bill.peak_kib, MOST)?;
        counted(bill.cpu_ms, MOST)?;
        self.ended = true;
        Ok(())
    }
}

/// The step and document as the rest of the daemon names them.
pub(crate) fn named(place: &Place, plan: &Plan) -> StepPlace {
    let step = plan.steps.get(place.step as usize);
    StepPlace {
        step: step.map(|step| step.id.clone()).unwrap_or_default(),
        index: place.step,
        part: place.part,
        parts: place.parts,
    }
}

fn counted(number: u64, most: u64) -> Result<u64, Lie> {
    if number <= most {
        return Ok(number);
    }
    Err(Lie(format!("nothing counts `{number}`")))
}

fn part_number(part: u32, of: u32) -> Result<(), Lie> {
    if (1..=of).contains(&part) {
        return Ok(());
    }
    lie(format!("document number `{part}` of `{of}` cannot be"))
}

fn destination(name: &str, folder: &str) -> Result<(), Lie> {
    let plain = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name != "."
        && name != ".."
        && !name.contains(['/', '\0'])
        && !name.chars().any(char::is_control);
    if !plain {
        let shown = &name[..name.floor_char_boundary(2 * LONGEST_NAME)];
        return lie(format!("`{}` is no plain file name", shown.escape_debug()));
    }
    let path = Path::new(folder);
    let straight = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let plain = path.is_absolute() && straight && !folder.contains('\0');
    if !plain || folder.len() > LONGEST_PATH {
        let shown = &folder[..folder.floor_char_boundary(LONGEST_PATH)];
        return lie(format!(
            "`{}` is no plain absolute folder",
            shown.escape_debug()
        ));
    }
    Ok(())
}

fn lie(text: impl Into<String>) -> Result<(), Lie> {
    Err(Lie(text.into()))
}

#[cfg(test)]
pub(crate) mod tests;
