//! Holds a worker to the order of the conversation. A worker runs foreign code: whatever it says is checked before anyone
//! acts on it, and the first lie ends its attempt.

use crate::job::event::StepPlace;
use crate::wire::message::{Place, Plan, ToDaemon};
use std::path::{Component, Path};

/// Documents that one attempt may have.
const MOST_PARTS: u32 = 100_000;
/// Side artifacts that one attempt may have.
const MOST_ARTIFACTS: u32 = 100_000;
/// Bytes of a file name.
const LONGEST_NAME: usize = 255;

/// What a worker said that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lie(String);

/// How far the conversation is.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    opened: bool,
    running: Option<Place>,
    reached: u32,
    outputs: u32,
    artifacts: u32,
    ended: bool,
}

impl Conduct {
    /// The step at work.
    pub(crate) fn running(&self) -> Option<&Place> {
        self.running.as_ref()
    }

    /// Whether the last word is said.
    pub(crate) fn ended(&self) -> bool {
        self.ended
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
            ToDaemon::Opened { .. } => self.open(),
            ToDaemon::StepStarted(place) => self.start(place, plan),
            ToDaemon::Progress { place, .. } => self.at_work(place),
            ToDaemon::StepFinished { place, .. } | ToDaemon::StepFailed { place, .. } => {
                self.at_work(place)?;
                self.running = None;
                Ok(())
            }
            ToDaemon::StepSkipped { place, .. } => {
                self.start(place, plan)?;
                self.running = None;
                Ok(())
            }
            ToDaemon::Log { .. } | ToDaemon::Warning { .. } => Ok(()),
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
                    return lie(format!("there is no step `{step}`"));
                }
                part_number(*part, MOST_PARTS)?;
                if name.starts_with('.') {
                    return lie(format!("the artifact `{}` is hidden", name.escape_debug()));
                }
                destination(name, folder)
            }
            ToDaemon::Output {
                part, name, folder, ..
            } => self.output(*part, name, folder),
            ToDaemon::Finished { .. } => self.finish(),
            ToDaemon::Failed { .. } => {
                self.ended = true;
                Ok(())
            }
        }
    }

    fn open(&mut self) -> Result<(), Lie> {
        if std::mem::replace(&mut self.opened, true) {
            return lie("it opened the input twice");
        }
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
        if place.step as usize >= plan.steps.len() || place.step < self.reached {
            return lie(format!("step number `{}` is out of order", place.step));
        }
        part_number(place.parts, MOST_PARTS)?;
        part_number(place.part, place.parts)?;
        self.reached = place.step;
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

    fn finish(&mut self) -> Result<(), Lie> {
        if self.outputs == 0 {
            return lie("it finished without an output");
        }
        if self.running.is_some() {
            return lie("it finished inside a step");
        }
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
        return lie(format!("`{}` is no plain file name", name.escape_debug()));
    }
    let path = Path::new(folder);
    let straight = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !straight || folder.contains('\0') {
        return lie(format!(
            "`{}` is no plain absolute folder",
            folder.escape_debug()
        ));
    }
    Ok(())
}

fn lie(text: impl Into<String>) -> Result<(), Lie> {
    Err(Lie(text.into()))
}

#[cfg(test)]
pub(crate) mod tests;
