//! `dropleaf submit`: hands files to a daemon, and waits for their jobs where it is asked to.
//!
//! A person who is told that it could not be done does it again, and a file that had been taken comes twice. So every file is looked at
//! before the first is sent, and when sending ends early each file is told: taken as which job, not sent, or not known.

use crate::cli::{Submit, exit};
use crate::client::error::Error as ClientError;
use crate::client::feed::Patience;
use crate::client::{self, Client};
use crate::command::remote::text;
use crate::command::whom::{Whom, ask_again};
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::raw_path::RawPath;
use crate::telemetry::within_line;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub(super) fn submit(home: &Home, flags: &Submit) -> Result<()> {
    look(&flags.files)?;
    let telling = Telling {
        waits: flags.wait,
        as_json: flags.remote.json,
    };
    let failed = ask_again(home, &flags.remote, async |whom| {
        let sent = send(&whom.meet().await?, flags, telling).await;
        if let Some(error) = &sent.broken
            && flags.wait
            && !(sent.taken.is_empty() || telling.as_json)
        {
            print::note(format_args!("{error}; waiting for what was submitted"));
        }
        let failed = match flags.wait {
            true => wait_for(whom, &sent.taken, telling).await,
            false => Ok(0),
        };
        match sent.broken {
            Some(error) => Err(error.into()),
            None => Ok(failed?),
        }
    })?;
    if failed == 0 {
        Ok(())
    } else {
        Err(Exit(exit::JOBS_FAILED).into())
    }
}

/// Refuses, with all their names, files that cannot be read.
fn look(files: &[PathBuf]) -> Result<()> {
    let unreadable: Vec<String> = files
        .iter()
        .filter_map(|file| {
            Some(format!(
                "`{}`: {}",
                print::path(file),
                try_to_read(file).err()?
            ))
        })
        .collect();
    match unreadable.as_slice() {
        [] => Ok(()),
        [one] => bail!("nothing has been submitted: failed to read {one}"),
        several => bail!(
            "nothing has been submitted: failed to read {} files:\n{}",
            several.len(),
            several.join("\n")
        ),
    }
}

fn try_to_read(file: &Path) -> io::Result<()> {
    // Asked first: opening a pipe would wait for somebody who writes into it.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    File::open(file).map(drop)
}

/// How it is told.
#[derive(Clone, Copy)]
struct Telling {
    waits: bool,
    as_json: bool,
}

/// How far it went.
struct Sent<'a> {
    taken: Vec<(&'a Path, String)>,
    /// Why the files after these were not sent.
    broken: Option<ClientError>,
}

/// Sends the files one after the other, up to the first that is not taken.
async fn send<'a>(client: &Client, flags: &'a Submit, telling: Telling) -> Sent<'a> {
    let mut taken: Vec<(&Path, String)> = Vec::new();
    for (index, file) in flags.files.iter().enumerate() {
        match upload(client, &flags.pipeline, file).await {
            Ok(job) => {
                let id = text(&job, "id").to_owned();
                match telling {
                    Telling { waits: true, .. } => {}
                    Telling { as_json: true, .. } => print::line(
                        json!({ "file": shown(file), "ok": true, "job": id, "state": job["state"] }),
                    ),
                    _ => print::line(format_args!("{}: job {id}", print::path(file))),
                }
                taken.push((file, id));
            }
            Err(error) => {
                let rest = &flags.files[index + 1..];
                tell_broken(&taken, (file, &error), rest, telling);
                return Sent {
                    taken,
                    broken: Some(error),
                };
            }
        }
    }
    Sent {
        taken,
        broken: None,
    }
}

/// Tells what has become of each file when sending ended early.
fn tell_broken(
    taken: &[(&Path, String)],
    (file, error): (&Path, &ClientError),
    rest: &[PathBuf],
    telling: Telling,
) {
    let is_unsent = error.is_before_sending();
    if telling.as_json {
        let sent = if is_unsent { false.into() } else { Value::Null };
        print::line(
            json!({ "file": shown(file), "ok": false, "sent": sent, "error": error.told() }),
        );
        for file in rest {
            print::json_line(&json!({ "file": shown(file), "ok": false, "sent": false }));
        }
        return;
    }
    // The lines of those that are not waited for have been printed.
    for (file, id) in taken.iter().filter(|_| telling.waits) {
        print::note(format_args!("{}: submitted as job {id}", print::path(file)));
    }
    let name = print::path(file);
    if is_unsent && taken.is_empty() && rest.is_empty() {
        // The one error says it.
    } else if is_unsent {
        print::note(format_args!("{name}: not submitted"));
    } else {
        print::note(format_args!(
            "{name}: perhaps submitted: the answer did not come; `dropleaf jobs` tells"
        ));
    }
    for file in rest {
        print::note(format_args!("{}: not submitted", print::path(file)));
    }
}

async fn upload(client: &Client, pipeline: &str, file: &Path) -> Result<Value, ClientError> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let size = std::fs::metadata(file).map_or(0, |found| found.len());
    let bar = if print::is_lively() {
        ProgressBar::new(size)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("{prefix:24!} {bar:24} {bytes}/{total_bytes}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(name.clone());
    let shown = bar.clone();
    let answer = client
        .upload(pipeline, &name, file, move |sent| shown.set_position(sent))
        .await;
    bar.finish_and_clear();
    let answer = answer?;
    Ok(if answer["job"].is_object() {
        answer["job"].clone()
    } else {
        answer
    })
}

/// Follows all jobs to their ends; how many have failed. One that cannot be followed does not keep the others from being told.
async fn wait_for(
    whom: &Whom<'_>,
    jobs: &[(&Path, String)],
    telling: Telling,
) -> Result<usize, ClientError> {
    let (mut failed, mut lost) = (0, None);
    for (file, id) in jobs {
        match wait(whom, id).await {
            Ok(job) => failed += usize::from(!tell_end(file, &job, telling)),
            Err(error) => {
                if telling.as_json {
                    print::line(
                        json!({ "file": shown(file), "ok": false, "job": id, "error": error.told() }),
                    );
                } else {
                    print::note(format_args!(
                        "{}: submitted as job {id}; how it ends is not known",
                        print::path(file)
                    ));
                }
                lost = lost.or(Some(error));
            }
        }
    }
    lost.map_or(Ok(failed), Err)
}

/// Follows a job to its end.
async fn wait(whom: &Whom<'_>, id: &str) -> Result<Value, ClientError> {
    let path = format!("/api/v1/jobs/{id}/events");
    let find = async || whom.meet().await;
    client::feed::follow_found(find, &path, Patience::Wait, |_| ControlFlow::Continue(())).await?;
    whom.meet().await?.get(&format!("/api/v1/jobs/{id}")).await
}

/// Tells how a job ended; whether it succeeded.
fn tell_end(file: &Path, job: &Value, telling: Telling) -> bool {
    let paths = written(job);
    let (name, state) = (print::path(file), text(job, "state"));
    let is_good = state == "succeeded";
    if telling.as_json {
        print::json_line(&json!({
            "file": shown(file), "ok": is_good, "job": job["id"], "state": state, "written": paths,
            "warnings": job["warnings"], "problem": with_code(job["problem"].clone()),
        }));
    } else if is_good {
        let paths = within_line(&paths.join(", "));
        let told = if paths.is_empty() { "nothing" } else { &paths };
        print::line(format_args!("{name} -> {told}"));
    } else {
        let why = within_line(text(&job["problem"], "detail"));
        print::note(format_args!("{name}: {state}: {why}"));
    }
    is_good
}

/// Where the results of a job lie; one that was dropped lies nowhere.
fn written(job: &Value) -> Vec<&str> {
    let all = job["artifacts"].as_array().into_iter().flatten();
    let outputs = all.filter(|artifact| text(artifact, "kind") != "original");
    outputs
        .filter_map(|artifact| artifact["path"].as_str())
        .collect()
}

/// A problem as the daemon tells it, with its word in the catalogue, as `dropleaf run` has it.
fn with_code(mut problem: Value) -> Value {
    let word = text(&problem, "type").rsplit('/').next();
    if let Some(word) = word.filter(|word| !word.is_empty()).map(str::to_owned) {
        problem["code"] = word.into();
    }
    problem
}

fn shown(file: &Path) -> String {
    RawPath::from(file).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_not_told_as_written() {
        let job = json!({ "artifacts": [
            { "kind": "document", "path": "/out/a.pdf" },
            { "kind": "document", "size": 3 },
            { "kind": "original", "path": "/archive/a.pdf" },
        ] });
        assert_eq!(written(&job), ["/out/a.pdf"]);
    }
}
