//! `dropleaf retry`, `cancel` and `restore`: one verb to each of the jobs that are named.

use crate::cli::{JobsNamed, exit};
use crate::client;
use crate::client::error::Error as ClientError;
use crate::command::remote::text;
use crate::command::whom::ask;
use crate::command::{Exit, print};
use crate::config::home::Home;
use crate::telemetry::within_line;
use anyhow::Result;
use serde_json::{Value, json};

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

/// Says one verb to each job; goes on after a refusal, and fails in the end if there was one.
fn each(home: &Home, flags: &JobsNamed, verb: &str, done: impl Fn(&Value) -> String) -> Result<()> {
    let as_json = flags.remote.json;
    let refused = ask(home, &flags.remote, async |client| {
        let mut refused = 0;
        for job in &flags.jobs {
            let path = format!("/api/v1/jobs/{}/{verb}", client::encode(job));
            match client.post(&path, None::<&Value>).await {
                Ok(answer) if as_json => print::line(taken(job, &answer)),
                Ok(answer) => print::line(format_args!("{job}: {}", within_line(&done(&answer)))),
                Err(error @ ClientError::Refused { .. }) => {
                    refused += 1;
                    if as_json {
                        print::json_line(
                            &json!({ "job": job, "ok": false, "error": error.told() }),
                        );
                        continue;
                    }
                    let why = within_line(&error.to_string());
                    print::note(format_args!("{}: {why}", within_line(job)));
                    if let Some(hint) = error.hint() {
                        print::note(format_args!("  {hint}"));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(refused)
    })?;
    if refused == 0 {
        Ok(())
    } else {
        Err(Exit(exit::FAILED).into())
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
