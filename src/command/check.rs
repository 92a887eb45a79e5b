//! `dropleaf check` and `dropleaf schema`.

use crate::cli::{Check, exit};
use crate::command::local::Workshop;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::config::spec::{Config, Flags};
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::load::{self, Loaded};
use crate::pipeline::{folders, schema};
use crate::telemetry::within_line;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

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
            print::line(within_line(&fault.to_string()));
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

/// A pipeline file and whether its faults are asked for; those of the others are only beside it.
struct Looked {
    loaded: Loaded,
    asked: bool,
}

/// Every fault of the files (of the home where none are named), alone and beside each other: how many pipelines have none, and all
/// faults of the others.
fn look(workshop: &Workshop, files: &[PathBuf]) -> Result<(usize, Vec<Fault>)> {
    let (catalog, surroundings) = (workshop.catalog(), workshop.surroundings());
    let load_all = |folder: &Path| {
        load::load(folder, &catalog, &surroundings)
            .with_context(|| format!("failed to list `{}`", folder.display()))
    };
    let home = &workshop.config.home;
    // A file is checked as a part of the home. A folder is a home's pipelines by itself.
    let beside = home.is_there() && !files.iter().any(|file| file.is_dir());
    let mut all: Vec<Looked> = Vec::new();
    if files.is_empty() || beside {
        let there = load_all(&home.pipelines())?;
        all.extend(there.into_iter().map(|loaded| Looked {
            loaded,
            asked: files.is_empty(),
        }));
    }
    for file in files {
        if !file.is_dir() {
            put(&mut all, load::load_file(file, &catalog, &surroundings));
            continue;
        }
        let found = load_all(file)?;
        if found.is_empty() {
            bail!(
                "there is no pipeline file (`*.yaml`, `*.yml`) in the folder `{}`",
                file.display()
            );
        }
        let found = found.into_iter();
        all.extend(found.map(|loaded| Looked {
            loaded,
            asked: true,
        }));
    }
    Ok(judge(all))
}

/// Puts a named file among those that are there: in the place of itself, else of the pipeline that has its name, else behind all.
fn put(all: &mut Vec<Looked>, named: Loaded) {
    let is_itself = |other: &&mut Looked| {
        let paths = (
            fs::canonicalize(&named.file),
            fs::canonicalize(&other.loaded.file),
        );
        matches!(paths, (Ok(one), Ok(other)) if one == other)
    };
    if let Some(place) = all.iter_mut().find(is_itself) {
        // What its folder has against it (two files of one name) is not seen in the file alone.
        if place.loaded.result.is_ok() || named.result.is_err() {
            place.loaded = named;
        }
        place.asked = true;
        return;
    }
    let mut others = all.iter_mut().filter(|other| !other.asked);
    match others.find(|other| other.loaded.id == named.id) {
        Some(place) => {
            *place = Looked {
                loaded: named,
                asked: true,
            };
        }
        None => all.push(Looked {
            loaded: named,
            asked: true,
        }),
    }
}

/// How many of those that are asked for have no faults of their own, and the faults of all that are asked for.
fn judge(all: Vec<Looked>) -> (usize, Vec<Fault>) {
    let mut good: Vec<(Pipeline, String, bool)> = Vec::new();
    let mut faults = Vec::new();
    for Looked { loaded, asked } in all {
        match loaded.result {
            Ok(pipeline) => {
                let file = loaded.file.to_string_lossy().into_owned();
                good.push((pipeline, file, asked));
            }
            Err(mut found) if asked => faults.append(&mut found),
            Err(_) => {}
        }
    }
    let entries: Vec<folders::Entry<'_>> = good
        .iter()
        .map(|(pipeline, file, _)| folders::Entry { pipeline, file })
        .collect();
    let asked_for = |fault: &Fault| {
        let mut files = good.iter().filter(|(.., asked)| *asked);
        files.any(|(_, file, _)| *file == fault.file)
    };
    let beside = folders::folders(&entries).into_iter();
    faults.extend(beside.map(|(_, fault)| fault).filter(asked_for));
    (good.iter().filter(|(.., asked)| *asked).count(), faults)
}

pub(super) fn schema(home: Home) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let schema = schema::pipeline(&workshop.catalog());
    workshop.close();
    print::json(&schema);
    Ok(())
}
