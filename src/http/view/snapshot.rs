//! What a feed shows first, when it cannot go on from where its client was.

use crate::http::view::job::JobView;
use crate::http::view::pipeline::PipelineView;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The state of everything at one place of the journal.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// The place, `<epoch>-<seq>`: the next event is the one after it.
    pub cursor: String,
    /// All pipelines, by id.
    pub pipelines: Vec<PipelineView>,
    /// All jobs that have not ended, and the last that have, newest first.
    pub jobs: Vec<JobView>,
    /// Jobs by state.
    pub counters: BTreeMap<String, u64>,
}
