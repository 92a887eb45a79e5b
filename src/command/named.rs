//! `dropleaf retry`, `cancel` and `restore`: one verb to each of the jobs that are meant, by their ids or by what they are.

use crate::cli::{JobsNamed, JobsWhere, exit};
use crate::client::error::Error as ClientError;
use crate::client::{self, Client};
use crate::command::remote::{page, text};
use crate::command::whom::ask;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::telemetry::within_line;
use anyhow::Result;
use serde_json::{Value, json};

/// How jobs are asked for, to go through all of them: in the order of their coming, in which none moves while it is at work.
const PAGE: &str = "order=created&limit=500";

pub(super) fn retry(home: &Home, flags: &JobsNamed) -> Result<()> {
    each(home, flags, "retry", |_| "queued again".to_owned())
}

pub(super) fn cancel(home: &Home, flags: &JobsNamed) -> Result<()> {
    each(home, flags, "cancel", |_| "cancelling".to_owned())
}

pub(super) fn restore(home: &Home, flags: &JobsNamed) -> Result<()> {
    each(home, flags, "restore", |answer| {
        let lies = format!("the original lies in {}", text(answer, "path"));
        match text(answer, "note") {
            "" => lies,
            note => format!("{lies}; {note}"),
        }
    })
}

/// Says one verb to each job that is meant; goes on after a refusal, and fails in the end if there was one.
fn each(home: &Home, flags: &JobsNamed, verb: &str, done: impl Fn(&Value) -> String) -> Result<()> {
    let saying = Saying {
        verb,
        done,
        as_json: flags.remote.json,
    };
    let all_taken = ask(home, &flags.remote, async |client| {
        if flags.jobs.is_empty() {
            return saying.to_all(client, &flags.wanted).await;
        }
        let mut all_taken = true;
        for job in &flags.jobs {
            all_taken &= saying.to(client, job).await?;
        }
        Ok(all_taken)
    })?;
    if all_taken {
        Ok(())
    } else {
        Err(Exit(exit::FAILED).into())
    }
}

/// A verb, and what to tell of who took it.
struct Saying<'a, Done> {
    verb: &'a str,
    done: Done,
    as_json: bool,
}

impl<Done: Fn(&Value) -> String> Saying<'_, Done> {
    /// Says it to every job that is such when its turn comes, the newest first: whatever comes meanwhile is newer still.
    async fn to_all(&self, client: &Client, wanted: &JobsWhere) -> Result<bool> {
        let mut all_taken = true;
        let mut is_first = true;
        let mut next = PAGE.to_owned();
        loop {
            let page = page(client, wanted, &next).await?;
            let jobs = page["jobs"].as_array().map_or(&[][..], Vec::as_slice);
            if is_first && jobs.is_empty() && !self.as_json {
                print::note("no jobs");
            }
            for job in jobs {
                all_taken &= self.to(client, text(job, "id")).await?;
            }
            let Some(before) = page["next"].as_str() else {
                return Ok(all_taken);
            };
            next = format!("{PAGE}&before={}", client::encode(before));
            is_first = false;
        }
    }

    /// Says it to one; whether it was taken.
    async fn to(&self, client: &Client, job: &str) -> Result<bool> {
        let path = format!("/api/v1/jobs/{}/{}", client::encode(job), self.verb);
        let error = match client.post(&path, None::<&Value>).await {
            Ok(answer) => {
                if self.as_json {
                    print::line(taken(job, &answer));
                } else {
                    print::line(format_args!(
                        "{job}: {}",
                        within_line(&(self.done)(&answer))
                    ));
                }
                return Ok(true);
            }
            Err(error @ ClientError::Refused { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        if self.as_json {
            print::json_line(&json!({ "job": job, "ok": false, "error": error.told() }));
            return Ok(false);
        }
        let why = within_line(&error.to_string());
        print::note(format_args!("{}: {why}", within_line(job)));
        if let Some(hint) = error.hint() {
            print::note(format_args!("  {hint}"));
        }
        Ok(false)
    }
}

/// One job's answer: what the daemon says, if it says something.
fn taken(job: &str, answer: &Value) -> Value {
    let mut told = json!({ "job": job, "ok": true });
    for key in ["path", "note"] {
        if let Some(value) = answer.get(key) {
            told[key] = value.clone();
        }
    }
    told
}
