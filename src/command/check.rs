//! `dropleaf check` and `dropleaf schema`.

use crate::cli::{Check, exit};
use crate::command::local::Workshop;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::config::spec::{Config, Flags};
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::{folders, load, schema};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

pub(super) fn check(home: Home, flags: &Check) -> Result<()> {
    let config = Config::load(home, Flags::default())?;
    // Files that are named can be checked anywhere; "no fault" of a home that is not there would be no answer.
    let workshop = match flags.files.is_empty() {
        true => Workshop::open_home(config)?,
        false => Workshop::open(config)?,
    };
    let looked = look(&workshop, &flags.files);
    for broken in workshop.broken_folders() {
        print::note(format_args!(
            "cannot be used: {}: {}",
            broken.file, broken.reason
        ));
    }
    workshop.close();
    let (good, faults) = looked?;
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
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Exit(exit::FAULTS).into())
    }
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Every fault of the files (of the home where none are named), alone and beside each other.
fn look(workshop: &Workshop, files: &[PathBuf]) -> Result<(usize, Vec<Fault>)> {
    let (catalog, surroundings) = (workshop.catalog(), workshop.surroundings());
    let folder = workshop.config.home.pipelines();
    let loaded = if files.is_empty() {
        load::load(&folder, &catalog, &surroundings)
            .with_context(|| format!("failed to list `{}`", folder.display()))?
    } else {
        let mut named = Vec::new();
        for file in files {
            if file.is_dir() {
                let found = load::load(file, &catalog, &surroundings)
                    .with_context(|| format!("failed to list `{}`", file.display()))?;
                if found.is_empty() {
                    bail!(
                        "there is no pipeline file (`*.yaml`, `*.yml`) in the folder `{}`",
                        file.display()
                    );
                }
                named.extend(found);
            } else {
                named.push(load::load_file(file, &catalog, &surroundings));
            }
        }
        named
    };
    let mut good: Vec<(Pipeline, String)> = Vec::new();
    let mut faults = Vec::new();
    for loaded in loaded {
        match loaded.result {
            Ok(pipeline) => good.push((pipeline, loaded.file.to_string_lossy().into_owned())),
            Err(mut found) => faults.append(&mut found),
        }
    }
    let beside: Vec<folders::Entry<'_>> = good
        .iter()
        .map(|(pipeline, file)| folders::Entry { pipeline, file })
        .collect();
    faults.extend(
        folders::folders(&beside)
            .into_iter()
            .map(|(_, fault)| fault),
    );
    Ok((good.len(), faults))
}

pub(super) fn schema(home: Home) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let schema = schema::pipeline(&workshop.catalog());
    workshop.close();
    print::json(&schema);
    Ok(())
}
