//! How a job ended, as the feed tells it.

use crate::feed::Event;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One job's end.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    pub(super) pipeline: String,
    pub(super) name: String,
    pub(super) succeeded: bool,
    /// The code of the problem; empty where there is none.
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) pages_in: u64,
    pub(super) pages_out: u64,
    pub(super) cpu_ms: u64,
    pub(super) peak_kib: u64,
    /// Codes of warnings.
    pub(super) warnings: Vec<String>,
    /// Of each step, by operation: nothing where it succeeded, else the code of its problem.
    pub(super) steps: Vec<(String, String)>,
    /// The documents that it put out.
    pub(super) outputs: Vec<PathBuf>,
    /// How often its worker died: by which signal or with which code.
    pub(super) deaths: Vec<String>,
}

/// Puts ends together.
#[derive(Debug, Default)]
pub(super) struct Ends {
    open: BTreeMap<String, End>,
}

impl Ends {
    /// Takes an event; gives the end that it completes.
    pub(super) fn hear(&mut self, event: &Event) -> Option<End> {
        let data = &event.data;
        let job = data["job"].as_str()?;
        let end = self.open.entry(job.to_owned()).or_default();
        end.pipeline = text(&data["pipeline"]);
        end.name = text(&data["name"]);
        match event.name.as_str() {
            "job.warned" => end.warnings.push(text(&data["code"])),
            "step.finished" => end.steps.push((text(&data["step"]), String::new())),
            "step.failed" => end
                .steps
                .push((text(&data["step"]), code(&data["problem"]))),
            "worker.crashed" => end.deaths.push(match data["signal"].as_i64() {
                Some(signal) => format!("signal {signal}"),
                None => format!("exit {}", data["exit"]),
            }),
            "job.delivering" => {
                let number = |key: &str| data[key].as_u64().unwrap_or(0);
                (end.pages_in, end.pages_out) = (number("pagesIn"), number("pagesOut"));
                (end.cpu_ms, end.peak_kib) = (number("cpuMs"), number("peakKib"));
            }
            "job.succeeded" | "job.failed" => {
                let mut end = self.open.remove(job)?;
                end.succeeded = event.name == "job.succeeded";
                end.code = code(&data["problem"]);
                end.detail = text(&data["problem"]["detail"]);
                let artifacts = data["artifacts"].as_array().into_iter().flatten();
                end.outputs = artifacts
                    .filter(|artifact| artifact["kind"] == "document")
                    .map(|artifact| PathBuf::from(text(&artifact["path"])))
                    .collect();
                return Some(end);
            }
            _ => {}
        }
        None
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The last word of a problem's address.
fn code(problem: &Value) -> String {
    let address = problem["code"]
        .as_str()
        .or(problem["type"].as_str())
        .unwrap_or_default();
    address.rsplit('/').next().unwrap_or_default().to_owned()
}
