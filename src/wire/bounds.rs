//! How much one attempt may publish. The worker holds itself to it, so that an author hears of it; the daemon holds the worker to
//! twice of that, since a number may be written longer over there.

pub(crate) use dropleaf_plugin_host::{MAX_DEPTH as DEPTH, MAX_RESULTS as RESULTS, is_deeper};
use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of JSON that the results of all runs of an attempt may have, where one run may have [`RESULTS`]: they lie in one row of the
/// journal, which is written again with each step.
pub(crate) const ALL_RESULTS: usize = 1 << 20;
/// Warnings of one attempt; of more it is only told that there were.
pub(crate) const WARNINGS: u32 = 200;

/// Bytes of JSON of these results.
pub(crate) fn size_of(results: &BTreeMap<String, Value>) -> usize {
    let sizes = results
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len());
    sizes.sum()
}
