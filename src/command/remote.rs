//! Commands that ask a running daemon.

use crate::cli::{Explain, Follow, Jobs, JobsWhere, Remote};
use crate::client::error::Error as ClientError;
use crate::client::feed::{Heard, Patience};
use crate::client::{self, Client};
use crate::command::print;
use crate::command::whom::{ask, ask_again};
use crate::config::home::Home;
use crate::telemetry::within_line;
use anyhow::Result;
use serde_json::{Value, json};
use std::ops::ControlFlow;

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

pub(super) fn explain(home: &Home, flags: &Explain) -> Result<()> {
    // A path is meant as the shell means it; one that is not there may be meant below the home.
    let here = std::path::absolute(&flags.path)?;
    let below = home.root().join(&flags.path);
    let path = if here.symlink_metadata().is_err() && flags.path.starts_with("inbox") {
        below
    } else {
        here
    };
    let found = ask(home, &flags.remote, async |client| {
        Ok(client
            .get(&format!(
                "/api/v1/files/explain?path={}",
                client::encode_path(&path)
            ))
            .await?)
    })?;
    if flags.remote.json {
        print::json(&found);
        return Ok(());
    }
    print::line(within_line(text(&found, "path")));
    for link in found["chain"].as_array().into_iter().flatten() {
        let mark = if link["ok"].as_bool() == Some(true) {
            "  ok  "
        } else {
            "  --  "
        };
        let said = within_line(text(link, "text"));
        print::line(format_args!("{mark}{said}"));
    }
    Ok(())
}

pub(super) fn status(home: &Home, flags: &Remote) -> Result<()> {
    let (health, pipelines) = ask(home, flags, async |client| {
        Ok((
            client.get("/api/v1/healthz").await?,
            client.get("/api/v1/pipelines").await?,
        ))
    })?;
    if flags.json {
        print::json(&json!({ "health": health, "pipelines": pipelines["pipelines"] }));
        return Ok(());
    }
    let details = &health["details"];
    print::line(format_args!(
        "dropleaf {} is {}; sandbox {}; {} of {} workers busy",
        text(&health, "version"),
        text(&health, "status"),
        text(details, "sandbox"),
        details["workers"]["busy"],
        details["workers"]["limit"],
    ));
    for concern in details["concerns"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        print::line(format_args!("  look at: {concern}"));
    }
    if pipelines["pipelines"].as_array().is_none_or(Vec::is_empty) {
        print::note("no pipelines: `dropleaf new pipeline NAME` writes one to start from");
    }
    let row = |pipeline: &Value| {
        let count = |state: &str| pipeline["jobs"][state].as_u64().unwrap_or(0).to_string();
        // A pipeline that never was without faults watches nothing.
        let folder = match text(&pipeline["folder"], "state") {
            "" => "-".to_owned(),
            state => format!("{state} ({})", text(&pipeline["folder"], "mode")),
        };
        vec![
            text(pipeline, "id").to_owned(),
            text(pipeline, "state").to_owned(),
            folder,
            count("queued"),
            count("running"),
            count("waiting"),
            count("delivering"),
            count("succeeded"),
            count("failed"),
        ]
    };
    let rows: Vec<Vec<String>> = pipelines["pipelines"]
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    print::table(
        &[
            "pipeline",
            "state",
            "inbox",
            "queued",
            "running",
            "waiting",
            "delivering",
            "succeeded",
            "failed",
        ],
        &rows,
    );
    Ok(())
}

/// A page of the jobs that are such; `more` are further parameters.
pub(super) async fn page(
    client: &Client,
    wanted: &JobsWhere,
    more: &str,
) -> Result<Value, ClientError> {
    let mut path = format!("/api/v1/jobs?{more}");
    let states = (!wanted.state.is_empty()).then(|| wanted.state.join(","));
    for (key, value) in [
        ("pipeline", &wanted.pipeline),
        ("state", &states),
        ("q", &wanted.name),
    ] {
        if let Some(value) = value {
            path.push_str(&format!("&{key}={}", client::encode(value)));
        }
    }
    let page = client.get(&path).await?;
    if let Some(pipeline) = &wanted.pipeline
        && page["jobs"].as_array().is_none_or(Vec::is_empty)
    {
        // Jobs outlive their pipeline. Where there are none, there may never have been such a pipeline.
        let path = format!("/api/v1/pipelines/{}", client::encode(pipeline));
        client.get(&path).await?;
    }
    Ok(page)
}

pub(super) fn jobs(home: &Home, flags: &Jobs) -> Result<()> {
    let limit = format!("limit={}", flags.limit);
    let page = ask(home, &flags.remote, async |client| {
        Ok(page(client, &flags.wanted, &limit).await?)
    })?;
    if flags.remote.json {
        print::json(&page["jobs"]);
        return Ok(());
    }
    if page["jobs"].as_array().is_none_or(Vec::is_empty) {
        print::note("no jobs");
    }
    let row = |job: &Value| {
        let why = text(&job["problem"], "detail").to_owned();
        vec![
            text(job, "id").to_owned(),
            text(job, "state").to_owned(),
            text(job, "pipeline").to_owned(),
            print::name(text(job, "name")),
            text(job, "updatedAt").to_owned(),
            why,
        ]
    };
    let rows: Vec<Vec<String>> = page["jobs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    print::table(
        &["job", "state", "pipeline", "file", "changed", "why"],
        &rows,
    );
    Ok(())
}

pub(super) fn follow(home: &Home, flags: &Follow) -> Result<()> {
    let path = match (&flags.pipeline, &flags.job, &flags.file) {
        (Some(pipeline), _, _) => format!("/api/v1/pipelines/{}/events", client::encode(pipeline)),
        (_, Some(job), _) => format!("/api/v1/jobs/{}/events", client::encode(job)),
        (_, _, Some(file)) => format!(
            "/api/v1/files/events?path={}",
            client::encode_path(&std::path::absolute(file)?)
        ),
        _ => "/api/v1/events".to_owned(),
    };
    let as_json = flags.remote.json;
    ask_again(home, &flags.remote, async |whom| {
        let listen = |heard: Heard| {
            match heard {
                Heard::Event { name, data, id } if as_json => {
                    let mut told = json!({ "event": name, "data": data });
                    if let Some(id) = id {
                        told["id"] = id.into();
                    }
                    print::json_line(&told);
                }
                Heard::Event { name, data, .. } => show(&name, &data),
                Heard::Lost { wait, why } => print::note(format_args!(
                    "the line was cut ({why}); trying again in {:.1} s",
                    wait.as_secs_f32()
                )),
            }
            match print::is_over() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let find = async || whom.meet().await;
        Ok(client::feed::follow_found(find, &path, Patience::Refuse, listen).await?)
    })
}

/// One event as one line for people.
fn show(name: &str, data: &Value) {
    if matches!(name, "hello" | "ping" | "snapshot" | "stats") {
        return;
    }
    let place = [
        text(data, "pipeline"),
        text(data, "name"),
        text(data, "step"),
    ];
    let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let more = match name {
        "step.progress" => format!("{} of {}", data["done"], data["total"]),
        "artifact.written" => format!(
            "{} {}",
            text(&data["artifact"], "kind"),
            text(&data["artifact"], "path")
        ),
        "log" => data["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| text(line, "message"))
            .collect::<Vec<_>>()
            .join(" | "),
        _ => ["reason", "message", "detail"]
            .into_iter()
            .map(|key| text(data, key))
            .find(|text| !text.is_empty())
            .unwrap_or("")
            .to_owned(),
    };
    let problem = text(&data["problem"], "detail");
    let parts = [text(data, "at"), name, &place.join(" / "), &more, problem];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    print::line(within_line(&parts.join("  ")));
}
