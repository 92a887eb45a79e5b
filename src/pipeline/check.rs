//! From the text of a pipeline file to a checked [`Pipeline`], or to all its faults at once.
//!
//! Theory of operation. Reading finds the faults of the text, the schema of [`spec`](crate::pipeline::spec) those of its
//! shape. What has a fault is cut out and the rest is checked on: folders, durations, steps, templates. So one look at a
//! file shows everything that is wrong with it, and a `Pipeline` exists only where nothing is.

mod checker;
mod expect;
mod hints;
pub(crate) mod names;
mod notify;
pub(crate) mod places;
mod shape;
mod steps;
mod templates;
mod variables;

use crate::pipeline::check::checker::Checker;
use crate::pipeline::checked::{
    Duplicates, Existing, IfExists, OnSigned, Original, Output, Pipeline, Retry, Watch,
};
use crate::pipeline::fault::Fault;
use crate::pipeline::spec::{
    ExpectSpec, OriginalSpec, OutputSpec, PipelineSpec, RetrySpec, WatchSpec,
};
use crate::pipeline::surroundings::Surroundings;
use crate::pipeline::units::{duration, say_duration};
use crate::pipeline::yaml::{self, Read};
use crate::plugin::catalog::Catalog;
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

/// Faults shown of one file; who made more has the wrong file.
const MAX_FAULTS: usize = 100;

/// Checks the text of pipeline `id`, called `file` in faults.
///
/// # Errors
/// All faults, in the order of the text.
pub fn check(
    id: &str,
    file: &str,
    text: &[u8],
    catalog: &Catalog,
    surroundings: &Surroundings,
) -> Result<Pipeline, Vec<Fault>> {
    let mut faults: Vec<Fault> = names::pipeline_id(file, id).into_iter().collect();
    let read = match yaml::read(file, text) {
        Ok(read) => read,
        Err(fault) => {
            faults.push(*fault);
            return Err(faults);
        }
    };
    let Read {
        text,
        tree,
        value,
        faults: structural,
        lost,
    } = read;
    faults.extend(structural);
    let mut checker = Checker {
        id,
        file,
        text,
        tree: &tree,
        catalog,
        surroundings,
        cut: HashSet::new(),
        lost,
        step_names: Vec::new(),
        faults,
    };
    let pipeline = value.and_then(|value| {
        let spec = checker.shape(value)?;
        checker.pipeline(&spec)
    });
    let mut faults = checker.faults;
    Fault::sort(&mut faults);
    faults.truncate(MAX_FAULTS);
    match pipeline {
        Some(pipeline) if faults.is_empty() => Ok(pipeline),
        _ if faults.is_empty() => Err(vec![Fault::of_file(
            file,
            "the pipeline could not be understood",
        )]),
        _ => Err(faults),
    }
}

/// The inbox that a text of pipeline `id` names, whatever else is wrong with it.
#[must_use]
pub fn inbox(
    id: &str,
    text: &[u8],
    catalog: &Catalog,
    surroundings: &Surroundings,
) -> Option<PathBuf> {
    folder_at("/watch/folder", id, text, catalog, surroundings)
}

/// The same for the folder of its failed originals.
#[must_use]
pub fn failed(
    id: &str,
    text: &[u8],
    catalog: &Catalog,
    surroundings: &Surroundings,
) -> Option<PathBuf> {
    folder_at("/failed", id, text, catalog, surroundings)
}

fn folder_at(
    pointer: &str,
    id: &str,
    text: &[u8],
    catalog: &Catalog,
    surroundings: &Surroundings,
) -> Option<PathBuf> {
    let read = yaml::read(id, text).ok()?;
    let value = read.value?;
    let folder = value.pointer(pointer)?.as_str()?;
    let mut checker = Checker {
        id,
        file: id,
        text: read.text,
        tree: &read.tree,
        catalog,
        surroundings,
        cut: HashSet::new(),
        lost: HashSet::new(),
        step_names: Vec::new(),
        faults: Vec::new(),
    };
    checker.folder(pointer, folder)
}

impl Checker<'_> {
    fn pipeline(&mut self, spec: &PipelineSpec) -> Option<Pipeline> {
        let watch = spec.watch.as_ref().map(|watch| self.watch(watch));
        let steps = self.steps(spec.steps.as_deref().unwrap_or_default());
        let recursive = watch.as_ref().is_some_and(|watch| watch.recursive);
        let output = self.output(
            spec.output.as_ref().unwrap_or(&OutputSpec::default()),
            recursive,
        );
        let original = self.original(spec.original.as_ref());
        let failed = self.folder_or("/failed", spec.failed.as_deref(), "failed");
        let retry = self.retry(spec.retry.as_ref().unwrap_or(&RetrySpec::default()));
        let timeout = self.limit("/timeout", spec.timeout.as_deref());
        let stalled_after = self.limit("/stalled_after", spec.stalled_after.as_deref());
        let expect = self.expect(spec.expect.as_ref().unwrap_or(&ExpectSpec::default()));
        self.passwords(spec.passwords.as_deref().unwrap_or_default());
        let notify = self.notify(spec.notify.as_deref().unwrap_or_default());
        let pipeline = Pipeline {
            id: self.id.to_owned(),
            revision: self.revision(&steps),
            description: spec.description.clone(),
            yaml: self.text.to_owned(),
            watch: watch?,
            steps,
            output: output?,
            original: original?,
            failed: failed?,
            expect,
            retry,
            timeout: timeout.unwrap_or(Duration::from_secs(600)),
            stalled_after: stalled_after.unwrap_or(Duration::from_secs(120)),
            concurrency: spec.concurrency.unwrap_or(4),
            priority: spec.priority.unwrap_or(0),
            on_signed: spec.on_signed.unwrap_or(OnSigned::Refuse),
            passwords: spec.passwords.clone().unwrap_or_default(),
            duplicates: spec.duplicates.unwrap_or(Duplicates::Process),
            notify,
            allow_chain: spec.allow_chain.unwrap_or(false),
        };
        // Where there is no inbox there is a fault already.
        if pipeline.watch.folder.as_os_str().is_empty() {
            return None;
        }
        self.own_folders(&pipeline);
        Some(pipeline)
    }

    fn watch(&mut self, spec: &WatchSpec) -> Watch {
        let folder = spec
            .folder
            .as_deref()
            .and_then(|text| self.folder("/watch/folder", text));
        let include = spec
            .include
            .clone()
            .unwrap_or_else(|| vec!["*.pdf".to_owned()]);
        let exclude = spec.exclude.clone().unwrap_or_default();
        self.globs("/watch/include", &include);
        self.globs("/watch/exclude", &exclude);
        self.dead_patterns(&include, &exclude, spec.recursive.unwrap_or(false));
        if let Some(template) = &spec.done_file {
            self.done_file(template, &include);
        }
        let quiet = spec
            .quiet
            .as_deref()
            .and_then(|text| self.duration("/watch/quiet", text));
        if quiet.is_some_and(|quiet| quiet > Duration::from_secs(86_400)) {
            self.fault("/watch/quiet", "`quiet` is longer than a day", "");
        }
        Watch {
            // Where there is no folder there is a fault, and no pipeline.
            folder: folder.unwrap_or_default(),
            include,
            exclude,
            recursive: spec.recursive.unwrap_or(false),
            quiet,
            existing: spec.existing.unwrap_or(Existing::Process),
            done_file: spec.done_file.clone(),
            polling: spec.polling,
        }
    }

    fn output(&mut self, spec: &OutputSpec, recursive: bool) -> Option<Output> {
        let name = match &spec.name {
            Some(name) => {
                self.output_name(name);
                name.clone()
            }
            None => names::DEFAULT_OUTPUT.to_owned(),
        };
        let (folder, root) = self.output_folder(spec.folder.as_deref(), recursive)?;
        Some(Output {
            folder,
            root,
            name,
            if_exists: spec.if_exists.unwrap_or(IfExists::Number),
            receipt: spec.receipt.unwrap_or(false),
        })
    }

    fn original(&mut self, spec: Option<&OriginalSpec>) -> Option<Original> {
        Some(match spec {
            Some(OriginalSpec::Keep) => Original::Keep,
            Some(OriginalSpec::Delete) => Original::Delete,
            Some(OriginalSpec::Archive(Some(folder))) => {
                Original::Archive(self.folder("/original/archive", folder)?)
            }
            Some(OriginalSpec::Archive(None)) | None => {
                Original::Archive(self.surroundings.home.join("archive").join(self.id))
            }
        })
    }

    fn retry(&mut self, spec: &RetrySpec) -> Retry {
        let backoff = spec
            .backoff
            .as_deref()
            .and_then(|text| self.duration("/retry/backoff", text));
        let backoff = backoff.unwrap_or(Duration::from_secs(5));
        let most = spec
            .max_backoff
            .as_deref()
            .and_then(|text| self.duration("/retry/max_backoff", text));
        if let Some(most) = most.filter(|most| *most < backoff) {
            let message = format!(
                "`max_backoff` ({}) is shorter than `backoff` ({})",
                say_duration(most),
                say_duration(backoff)
            );
            self.fault("/retry/max_backoff", message, "");
        }
        Retry {
            attempts: spec.attempts.unwrap_or(3),
            backoff,
            max_backoff: most.unwrap_or(Duration::from_secs(60).max(backoff)),
        }
    }

    fn duration(&mut self, pointer: &str, text: &str) -> Option<Duration> {
        match duration(text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.fault(
                    pointer,
                    format!("`{}`: {why}", names::last(pointer)),
                    hints::DURATION,
                );
                None
            }
        }
    }

    /// A duration that must not be zero.
    fn limit(&mut self, pointer: &str, text: Option<&str>) -> Option<Duration> {
        let limit = self.duration(pointer, text?)?;
        if limit.is_zero() {
            let message = format!("`{}` must be longer than nothing", names::last(pointer));
            self.fault(pointer, message, "leave the key out for the default");
            return None;
        }
        Some(limit)
    }
}

#[cfg(test)]
mod tests;
