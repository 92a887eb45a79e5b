//! `dropleaf run` and `dropleaf try`: a pipeline over files, without a daemon.

use crate::cli::{Run, Try, exit};
use crate::command::local::Workshop;
use crate::command::results::{self, About, Written};
use crate::command::troubles;
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
use crate::telemetry::within_line;
use anyhow::{Context as _, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};

/// Lines of its log that are told of a file that has failed.
const LAST: usize = 20;

pub(super) fn run(home: Home, flags: &Run) -> Result<()> {
    let workshop = Workshop::open(Config::load(home, Flags::default())?)?;
    let pipeline = Arc::new(pipeline(&workshop, &flags.pipeline, flags.json)?);
    let folder = flags.output.clone().unwrap_or_else(|| PathBuf::from("."));
    durable::make_folders(&folder, 0o755)?;
    let jobs = flags
        .jobs
        .map_or(workshop.config.workers, NonZeroUsize::get);
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
    let pipeline = Arc::new(pipeline(&workshop, &flags.pipeline, flags.json)?);
    if let Some(folder) = &flags.output {
        durable::make_folders(folder, 0o755)?;
    }
    print::note("trying: no folder of the pipeline is touched");
    let task = Task {
        pipeline,
        folder: flags.output.clone(),
        json: flags.json,
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

fn pipeline(workshop: &Workshop, named: &str, as_json: bool) -> Result<Pipeline> {
    workshop.pipeline(named).map_err(|faults| {
        if as_json {
            print::json(&json!(faults));
        }
        for fault in faults.iter().filter(|_| !as_json) {
            print::line(within_line(&fault.to_string()));
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
    let mut queue = Queue::default();
    let mut running = JoinSet::new();
    let mut failed = 0;
    let mut told = |joined: Result<(PathBuf, Result<Done, Box<Failed>>), JoinError>| {
        let (file, result) = joined.context("a file's task panicked")?;
        failed += usize::from(!tell(&file, result, task.json, &bars));
        anyhow::Ok(())
    };
    for file in files.iter().cloned() {
        if running.len() >= jobs
            && let Some(joined) = running.join_next().await
        {
            told(joined)?;
        }
        let turn = queue.join(&file);
        let (task, bars) = (task.clone(), bars.clone());
        let (pool, catalog, bounds) = (
            workshop.pool.clone(),
            workshop.catalog(),
            parts::bounds(&workshop.config),
        );
        running.spawn(async move {
            let bar = bars.add(bar(&file));
            let sample = Named { file: &file, turn };
            let result = one(&pool, &catalog, bounds, &task, sample, &bar).await;
            bar.finish_and_clear();
            (file, result)
        });
    }
    while let Some(joined) = running.join_next().await {
        told(joined)?;
    }
    Ok(failed)
}

/// Who waits for whom: results of files with equal names get their numbers in the order of the command line. No other file waits, and
/// whoever is waited for runs already.
#[derive(Default)]
struct Queue(HashMap<OsString, oneshot::Receiver<Infallible>>);

impl Queue {
    fn join(&mut self, file: &Path) -> Turn {
        let (ends, ended) = oneshot::channel();
        let stem = file.file_stem().unwrap_or_default().to_os_string();
        Turn {
            before: self.0.insert(stem, ended),
            _ends: ends,
        }
    }
}

/// A file's place behind the one of an equal name. Whoever waits for it goes on when it is dropped.
struct Turn {
    before: Option<oneshot::Receiver<Infallible>>,
    _ends: oneshot::Sender<Infallible>,
}

impl Turn {
    async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            // Nothing is ever sent: the other end is dropped.
            let _ended = before.await;
        }
    }
}

/// A file as it was named.
struct Named<'a> {
    file: &'a Path,
    turn: Turn,
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

struct Done {
    written: Vec<Written>,
    warnings: Vec<String>,
    parses: u32,
    saves: u32,
}

/// Why nothing came out.
struct Failed {
    problem: Problem,
    /// What the operations said last.
    last: Vec<String>,
}

impl From<Box<Problem>> for Box<Failed> {
    fn from(problem: Box<Problem>) -> Self {
        Self::new(Failed {
            problem: *problem,
            last: Vec::new(),
        })
    }
}

/// The last lines of a log that nobody keeps.
#[derive(Default)]
struct Last(VecDeque<String>);

impl Last {
    fn push(&mut self, line: &str) {
        if self.0.len() == LAST {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }
}

struct Opened {
    input: File,
    /// Once more, for the receipt, where one is written.
    again: Option<File>,
    /// As it was named: a link's own name is the file's.
    path: PathBuf,
}

/// Opens a file that somebody named. Links are followed: whoever names one means what it leads to.
fn open(file: &Path, task: &Task) -> Result<Opened> {
    let failed = || format!("failed to open `{}`", file.display());
    let input = durable::open_regular(&std::fs::canonicalize(file).with_context(failed)?)?;
    let is_receipted = task.folder.is_some() && task.pipeline.output.receipt;
    Ok(Opened {
        again: is_receipted.then(|| input.try_clone()).transpose()?,
        path: std::path::absolute(file)?,
        input,
    })
}

async fn one(
    pool: &crate::pool::Pool,
    catalog: &crate::plugin::catalog::Catalog,
    bounds: crate::scheduler::planning::Bounds,
    task: &Task,
    Named { file, mut turn }: Named<'_>,
    bar: &ProgressBar,
) -> Result<Done, Box<Failed>> {
    let opened = open(file, task).map_err(|error| troubles::of_input(&error))?;
    let Opened { input, again, path } = opened;
    let sample = Sample {
        pipeline: Arc::clone(&task.pipeline),
        path: RawPath(path.clone()),
        input,
    };
    let steps = task.pipeline.steps.clone();
    let mut last = Last::default();
    let watch = |update: &Update| match update {
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
        Update::Log { message, .. } => last.push(message),
        _ => {}
    };
    let keep = |piece| std::future::ready(Ok(piece));
    let outcome = sample::run(pool, catalog, bounds, sample, watch, keep).await;
    let Outcome {
        result,
        pieces,
        warnings,
    } = outcome;
    let bill = result.map_err(|failure| Failed {
        problem: troubles::without_job(failure.problem),
        last: last.0.into(),
    })?;
    let about = again
        .map(|again| {
            // It reads the whole file.
            tokio::task::block_in_place(|| {
                About::new(&task.pipeline, catalog, (&again, &path), &bill)
            })
        })
        .transpose()
        .map_err(|error| troubles::of_input(&error))?;
    turn.come().await;
    let folder = task.folder.clone();
    let written = tokio::task::spawn_blocking(move || {
        let mut written = Vec::new();
        for piece in &pieces {
            written.push(match &folder {
                Some(folder) => results::write(folder, piece, about.as_ref())?,
                None => Written::imagined(piece, &written)?,
            });
        }
        anyhow::Ok(written)
    });
    let written = written
        .await
        .map_err(|error| troubles::of_results(&error.into()))?
        .map_err(|error| troubles::of_results(&error))?;
    Ok(Done {
        written,
        warnings,
        parses: bill.parses,
        saves: bill.saves,
    })
}

/// Prints how one file went; whether it went well.
fn tell(
    file: &Path,
    result: Result<Done, Box<Failed>>,
    as_json: bool,
    bars: &MultiProgress,
) -> bool {
    let name = print::path(file);
    if as_json {
        let path = |path: &Path| RawPath::from(path).encode();
        let value = match &result {
            Ok(done) => json!({
                "file": path(file), "ok": true, "warnings": done.warnings, "parses": done.parses, "saves": done.saves,
                "written": done.written.iter().map(|written| json!({ "path": path(&written.path), "pages": written.pages, "size": written.size })).collect::<Vec<_>>(),
            }),
            Err(failed) => {
                json!({ "file": path(file), "ok": false, "problem": failed.problem, "log": failed.last })
            }
        };
        print::line(value);
        return result.is_ok();
    }
    bars.suspend(|| match &result {
        Ok(done) => {
            let paths: Vec<String> = done
                .written
                .iter()
                .map(|written| print::path(&written.path))
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
                let warning = within_line(warning);
                print::note(format_args!("{name}: warning: {warning}"));
            }
        }
        Err(failed) => {
            let problem = &failed.problem;
            let step = problem
                .step
                .as_ref()
                .map(|step| format!(" (step `{step}`)"))
                .unwrap_or_default();
            print::note(format_args!(
                "{name}: {}{step}: {}",
                problem.code.title(),
                within_line(&problem.detail)
            ));
            if let Some(hint) = &problem.hint {
                print::note(format_args!("  {}", within_line(hint)));
            }
            for line in &failed.last {
                print::note(format_args!("  | {}", within_line(line)));
            }
        }
    });
    result.is_ok()
}
