//! `dropleaf run` and `dropleaf try`: a pipeline over files, without a daemon.

use crate::cli::{Run, Try, exit};
use crate::command::local::Workshop;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::config::parts;
use crate::config::spec::{Config, Flags};
use crate::durable;
use crate::pipeline::checked::Pipeline;
use crate::pool::update::Update;
use crate::problem::Problem;
use crate::raw_path::RawPath;
use crate::scheduler::sample::{self, Outcome, Sample};
use crate::spool;
use anyhow::{Context as _, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub(super) fn run(home: Home, flags: &Run) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let pipeline = Arc::new(pipeline(&workshop, &flags.pipeline)?);
    let folder = flags.output.clone().unwrap_or_else(|| PathBuf::from("."));
    durable::make_folders(&folder, 0o755)?;
    let jobs = flags.jobs.unwrap_or(workshop.config.workers).max(1);
    let task = Task {
        pipeline,
        folder: Some(folder),
        json: flags.json,
    };
    let failed = workshop
        .runtime
        .block_on(all(&workshop, &flags.files, jobs, task));
    workshop.close();
    match failed? {
        0 => Ok(()),
        _ => Err(Exit(exit::JOBS_FAILED).into()),
    }
}

pub(super) fn try_one(home: Home, flags: &Try) -> Result<()> {
    let workshop = Workshop::open_home(Config::load(home, Flags::default())?)?;
    let pipeline = Arc::new(pipeline(&workshop, &flags.pipeline)?);
    if let Some(folder) = &flags.output {
        durable::make_folders(folder, 0o755)?;
    }
    print::note("trying: no folder of the pipeline is touched");
    let task = Task {
        pipeline,
        folder: flags.output.clone(),
        json: false,
    };
    let failed =
        workshop
            .runtime
            .block_on(all(&workshop, std::slice::from_ref(&flags.file), 1, task));
    workshop.close();
    match failed? {
        0 => Ok(()),
        _ => Err(Exit(exit::JOBS_FAILED).into()),
    }
}

fn pipeline(workshop: &Workshop, named: &str) -> Result<Pipeline> {
    workshop.pipeline(named).map_err(|faults| {
        for fault in &faults {
            print::line(fault);
        }
        Exit(exit::FAULTS).into()
    })
}

/// What is done with every file.
#[derive(Clone, Debug)]
struct Task {
    pipeline: Arc<Pipeline>,
    /// Where results go; `None` only tells what they would be.
    folder: Option<PathBuf>,
    json: bool,
}

/// Runs all files, so many at once; answers how many failed.
async fn all(workshop: &Workshop, files: &[PathBuf], jobs: usize, task: Task) -> Result<usize> {
    let bars = if print::is_lively() && !task.json {
        MultiProgress::new()
    } else {
        MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden())
    };
    let turns = Arc::new(Semaphore::new(jobs));
    let mut running = JoinSet::new();
    for file in files.iter().cloned() {
        let (turns, task, bars) = (Arc::clone(&turns), task.clone(), bars.clone());
        let (pool, catalog, bounds) = (
            workshop.pool.clone(),
            workshop.catalog(),
            parts::bounds(&workshop.config),
        );
        running.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire_owned().await;
            let bar = bars.add(bar(&file));
            let result = one(&pool, &catalog, bounds, &task, &file, &bar).await;
            bar.finish_and_clear();
            (file, result)
        });
    }
    let mut failed = 0;
    while let Some(joined) = running.join_next().await {
        let (file, result) = joined.context("a file's task panicked")?;
        failed += usize::from(!tell(&file, result, task.json, &bars));
    }
    Ok(failed)
}

fn bar(file: &Path) -> ProgressBar {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let style = ProgressStyle::with_template("{prefix:24!} {bar:24} {pos}/{len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

/// A file that was written, or would be.
struct Written {
    path: String,
    pages: Option<u64>,
    size: u64,
}

struct Done {
    written: Vec<Written>,
    warnings: Vec<String>,
    parses: u32,
    saves: u32,
}

enum Failed {
    Problem(Box<Problem>),
    Other(anyhow::Error),
}

async fn one(
    pool: &crate::pool::Pool,
    catalog: &crate::plugin::catalog::Catalog,
    bounds: crate::scheduler::planning::Bounds,
    task: &Task,
    file: &Path,
    bar: &ProgressBar,
) -> Result<Done, Failed> {
    let input = durable::open_regular(file).map_err(|error| Failed::Other(error.into()))?;
    let size = input
        .metadata()
        .map_err(|error| Failed::Other(error.into()))?
        .len();
    let path = std::path::absolute(file).map_err(|error| Failed::Other(error.into()))?;
    let sample = Sample {
        pipeline: Arc::clone(&task.pipeline),
        path: RawPath(path),
        input,
        size,
    };
    let steps = task.pipeline.steps.clone();
    let outcome = sample::run(pool, catalog, bounds, sample, |update| match update {
        Update::StepStarted(place) => {
            bar.set_position(0);
            bar.set_message(
                steps
                    .get(place.index as usize)
                    .map(|step| step.id.clone())
                    .unwrap_or_default(),
            );
        }
        Update::Progress { done, total, .. } => {
            bar.set_length(*total);
            bar.set_position(*done);
        }
        _ => {}
    })
    .await;
    let Outcome {
        result,
        pieces,
        warnings,
    } = outcome;
    let bill = result.map_err(|failure| Failed::Problem(Box::new(failure.problem)))?;
    let folder = task.folder.clone();
    let written = tokio::task::spawn_blocking(move || {
        pieces
            .into_iter()
            .map(|piece| write(folder.as_deref(), piece))
            .collect::<Result<Vec<_>>>()
    });
    let written = written
        .await
        .map_err(|error| Failed::Other(error.into()))?
        .map_err(Failed::Other)?;
    Ok(Done {
        written,
        warnings,
        parses: bill.parses,
        saves: bill.saves,
    })
}

/// Writes one result under the first free name; a result never replaces a file.
fn write(folder: Option<&Path>, piece: sample::Piece) -> Result<Written> {
    let size = piece.file.metadata()?.len();
    let Some(folder) = folder else {
        let path = Path::new(&piece.folder).join(&piece.name);
        return Ok(Written {
            path: path.display().to_string(),
            pages: piece.pages,
            size,
        });
    };
    let wanted = folder.join(spool::name::below(&piece.name, 0)?);
    let temp = folder.join(format!(".dropleaf-{}.tmp", ulid::Ulid::generate()));
    durable::copy_new(&piece.file, &temp)?;
    let path = place(&temp, &wanted)?;
    durable::sync::folder(folder)?;
    Ok(Written {
        path: path.display().to_string(),
        pages: piece.pages,
        size,
    })
}

fn place(temp: &Path, wanted: &Path) -> Result<PathBuf> {
    let mut path = wanted.to_path_buf();
    let mut number = 0;
    loop {
        match durable::rename_noreplace(temp, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == durable::Kind::Exists => {
                number += 1;
                path = wanted.with_file_name(spool::name::numbered(
                    wanted.file_name().unwrap_or_default(),
                    number,
                    0,
                ));
            }
            Err(error) => {
                // The temp is of no use to anybody.
                let _ = durable::remove(temp);
                return Err(error.into());
            }
        }
    }
}

/// Prints how one file went; whether it went well.
fn tell(file: &Path, result: Result<Done, Failed>, as_json: bool, bars: &MultiProgress) -> bool {
    let name = file.display();
    if as_json {
        let value = match &result {
            Ok(done) => json!({
                "file": name.to_string(), "ok": true, "warnings": done.warnings, "parses": done.parses, "saves": done.saves,
                "written": done.written.iter().map(|written| json!({ "path": written.path, "pages": written.pages, "size": written.size })).collect::<Vec<_>>(),
            }),
            Err(Failed::Problem(problem)) => {
                json!({ "file": name.to_string(), "ok": false, "problem": problem })
            }
            Err(Failed::Other(error)) => {
                json!({ "file": name.to_string(), "ok": false, "problem": { "code": "unreadable", "detail": format!("{error:#}") } })
            }
        };
        print::line(value);
        return result.is_ok();
    }
    bars.suspend(|| match &result {
        Ok(done) => {
            let paths: Vec<&str> = done
                .written
                .iter()
                .map(|written| written.path.as_str())
                .collect();
            print::line(format_args!(
                "{name} -> {}",
                if paths.is_empty() {
                    "nothing".to_owned()
                } else {
                    paths.join(", ")
                }
            ));
            for warning in &done.warnings {
                print::note(format_args!("{name}: warning: {warning}"));
            }
        }
        Err(Failed::Problem(problem)) => {
            let step = problem
                .step
                .as_ref()
                .map(|step| format!(" (step `{step}`)"))
                .unwrap_or_default();
            print::note(format_args!(
                "{name}: {}{step}: {}",
                problem.code.title(),
                problem.detail
            ));
            if let Some(hint) = &problem.hint {
                print::note(format_args!("  {hint}"));
            }
        }
        Err(Failed::Other(error)) => print::note(format_args!("{name}: {error:#}")),
    });
    result.is_ok()
}
