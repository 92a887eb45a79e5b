//! `dropleaf check` and `dropleaf schema`.

use crate::cli::{Check, exit};
use crate::command::local::Workshop;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::config::spec::{Config, Flags};
use crate::pipeline::check;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::{load, schema};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn check(home: Home, flags: &Check) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let (good, faults) = look(&workshop, &flags.files)?;
    workshop.close();
    if flags.json {
        print::json(&serde_json::to_value(&faults)?);
    } else {
        for fault in &faults {
            print::line(fault);
        }
        if faults.is_empty() {
            print::note(format_args!("{} without faults", count(good, "pipeline")));
        } else {
            print::note(count(faults.len(), "fault"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Exit(exit::FAULTS).into()) }
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Every fault of the files (of the home where none are named), alone and beside each other.
fn look(workshop: &Workshop, files: &[PathBuf]) -> Result<(usize, Vec<Fault>)> {
    let (catalog, surroundings) = (workshop.catalog(), workshop.surroundings());
    let mut good: Vec<Arc<Pipeline>> = Vec::new();
    let mut faults = Vec::new();
    let mut add = |result: Result<Pipeline, Vec<Fault>>| match result {
        Ok(pipeline) => good.push(Arc::new(pipeline)),
        Err(mut found) => faults.append(&mut found),
    };
    if files.is_empty() {
        for loaded in load::load(&workshop.config.home.pipelines(), &catalog, &surroundings) {
            add(loaded.result);
        }
    }
    for file in files {
        let label = file.display().to_string();
        let id = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match load::read(file) {
            Ok(text) => add(check::check(&id, &label, &text, &catalog, &surroundings)),
            Err(error) => faults.push(Fault::of_file(&label, error.to_string())),
        }
    }
    faults.extend(check::folders(&good).into_iter().map(|(_, fault)| fault));
    Ok((good.len(), faults))
}

pub(super) fn schema(home: Home) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let schema = schema::pipeline(&workshop.catalog());
    workshop.close();
    print::json(&schema);
    Ok(())
}
