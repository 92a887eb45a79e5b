//! How much one attempt may publish. The worker holds itself to it, so that an author hears of it; the daemon holds the worker to
//! twice of that, since a number may be written longer over there.

use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of JSON that the results of one run may have: the host refuses more.
pub(crate) const RESULTS: usize = 256 << 10;
/// The same of all runs of an attempt: they lie in one row of the journal, which is written again with each step.
pub(crate) const ALL_RESULTS: usize = 1 << 20;

/// Bytes of JSON of these results.
pub(crate) fn size_of(results: &BTreeMap<String, Value>) -> usize {
    let sizes = results
        .iter()
        .map(|(name, value)| name.len() + value.to_string().len());
    sizes.sum()
}
