//! How much one attempt may publish. The worker holds itself to it, so that an author hears of it; the daemon holds the worker to
//! twice of that, since a number may be written longer over there.

use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of JSON that the results of one run may have: the host refuses more.
pub(crate) const RESULTS: usize = 256 << 10;
/// The same of all runs of an attempt: they lie in one row of the journal, which is written again with each step.
pub(crate) const ALL_RESULTS: usize = 1 << 20;

/// Warnings of one attempt; of more it is only told that there were.
pub(crate) const WARNINGS: u32 = 200;
/// Levels that a result may be nested, so that the journal can read what it holds: the host refuses more.
pub(crate) const DEPTH: usize = 64;

/// Whether a value has more levels of lists and maps than these.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(all) => levels == 0 || all.iter().any(below),
        Value::Object(all) => levels == 0 || all.values().any(below),
        _ => false,
    }
}

/// Bytes of JSON of these results.
pub(crate) fn size_of(results: &BTreeMap<String, Value>) -> usize {
    let sizes = results
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len());
    sizes.sum()
}
