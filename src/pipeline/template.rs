//! Templates: `{{ ... }}` in texts and expressions in `if`, checked when a pipeline loads, filled in when a document is at hand.
//!
//! Theory of operation. The daemon checks every template against the [`Scope`](scope::Scope) of its place: syntax, variables,
//! filters, tests. A worker holds the values and fills templates in with the same [`Engine`](engine::Engine). Variables that
//! belong to an operation (`{{ page }}` of a stamp) are left standing for it. Work and output of a template are bounded, so
//! that a loop over loops ends with an error.

pub mod engine;
pub mod filters;
pub(crate) mod found;
mod kinds;
mod ordered;
pub mod paths;
pub(crate) mod scan;
pub mod scope;
pub mod values;

use crate::pipeline::checked::Pipeline;
use crate::pipeline::template::found::Scan;
use serde_json::Value;
use std::collections::BTreeSet;

/// The environment variables that the templates of `pipeline` name: those, and no others, are given to its workers.
#[must_use]
pub fn mentioned_env(pipeline: &Pipeline) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut texts: Vec<&str> = vec![&pipeline.output.name, &pipeline.output.folder];
    texts.extend(pipeline.passwords.iter().map(String::as_str));
    for step in &pipeline.steps {
        strings(&step.with, &mut texts);
        if let Some(condition) = &step.condition {
            names.extend(Scan::expression(condition).env);
        }
    }
    for text in texts {
        names.extend(Scan::template(text).env);
    }
    names
}

fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(map) => map.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}
