//! What can be said of the crates without cargo-deny: their licences, where they come from, and those that are banned, by what
//! cargo itself tells and by the same rules (`deny.toml`).

use super::{licence, serde_json};
use crate::machine::{cargo, root};
use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::Value;
use std::collections::BTreeSet;

/// The one registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// The systems of `deny.toml`.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// What `deny.toml` says, as far as it is used here.
struct Rules {
    allowed: Vec<String>,
    /// A crate and what it may have besides.
    exceptions: Vec<(String, Vec<String>)>,
    banned: Vec<String>,
}

/// Holds all crates to the rules.
///
/// # Errors
/// One does not keep to them, or cargo does not tell.
pub(super) fn check() -> Result<()> {
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let rules =
        rules(&text).with_context(|| format!("failed to understand `{}`", path.display()))?;
    let mut wrong = BTreeSet::new();
    let mut looked_at = BTreeSet::new();
    for target in TARGETS {
        let metadata = metadata(target)?;
        for package in used(&metadata) {
            looked_at.insert(package["id"].to_string());
            wrong.extend(faults(package, &rules));
        }
    }
    if looked_at.is_empty() {
        bail!("cargo told of no crate");
    }
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.into_iter().collect();
        bail!(
            "crates do not keep to `deny.toml`:\n  {}",
            wrong.join("\n  ")
        );
    }
    println!(
        "licences, sources and bans of {} crates: ok",
        looked_at.len()
    );
    Ok(())
}

fn metadata(target: &str) -> Result<Value> {
    let arguments = ["metadata", "--format-version=1", "--locked", "--offline"];
    let mut command = cargo(&arguments);
    let told = command.args(["--filter-platform", target]).output()?;
    if !told.status.success() {
        let why = String::from_utf8_lossy(&told.stderr);
        bail!(
            "cargo does not tell what the program is made of: {}",
            why.trim()
        );
    }
    Ok(serde_json(&String::from_utf8_lossy(&told.stdout)))
}

/// The packages that are in the graph for the target.
fn used(metadata: &Value) -> impl Iterator<Item = &Value> {
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten();
    let ids: BTreeSet<&str> = nodes.filter_map(|node| node["id"].as_str()).collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(move |package| package["id"].as_str().is_some_and(|id| ids.contains(id)))
}

fn faults(package: &Value, rules: &Rules) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or("?");
    let mut faults = Vec::new();
    let exceptions = rules.exceptions.iter().filter(|(known, _)| known == name);
    let besides: Vec<&String> = exceptions.flat_map(|(_, licences)| licences).collect();
    let is_allowed = |licence: &str| {
        rules.allowed.iter().any(|known| known == licence)
            || besides.iter().any(|known| *known == licence)
    };
    match package["license"].as_str() {
        Some(expression) if licence::is_met(expression, &is_allowed) => {}
        Some(expression) => faults.push(format!("{name}: licence `{expression}`")),
        None => faults.push(format!("{name}: no licence")),
    }
    // Crates of this workspace have no source.
    if let Some(source) = package["source"].as_str()
        && source != REGISTRY
    {
        faults.push(format!("{name}: comes from `{source}`"));
    }
    if rules.banned.iter().any(|banned| banned == name) {
        faults.push(format!("{name}: is banned"));
    }
    faults
}

/// The rules stand on one line each.
fn rules(text: &str) -> Result<Rules> {
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start));
        found.with_context(|| format!("it has no line that begins with `{start}`"))
    };
    let exceptions = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("{ allow = "));
    let exceptions = exceptions.map(|line| {
        let mut licences = quoted(line);
        let name = licences
            .pop()
            .with_context(|| format!("`{line}` names no crate"))?;
        Ok((name, licences))
    });
    Ok(Rules {
        allowed: quoted(line("allow = [")?),
        exceptions: exceptions.collect::<Result<_>>()?,
        banned: quoted(line("deny = [")?),
    })
}

fn quoted(line: &str) -> Vec<String> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0"]
exceptions = [
    { allow = ["CC0-1.0"], crate = "notify" },
]
[bans]
deny = [{ crate = "openssl-sys" }]
"#;

    #[test]
    fn crates_that_do_not_keep_to_the_rules_are_named() {
        let metadata = serde_json(
            r#"{"packages": [
                {"id": "a", "name": "good", "license": "MIT OR GPL-3.0", "source": "registry+https://github.com/rust-lang/crates.io-index"},
                {"id": "b", "name": "notify", "license": "CC0-1.0"},
                {"id": "c", "name": "other", "license": "CC0-1.0"},
                {"id": "d", "name": "openssl-sys", "license": "MIT"},
                {"id": "e", "name": "near", "license": "MIT", "source": "git+https://example.org/near"},
                {"id": "f", "name": "bare"},
                {"id": "g", "name": "mixed", "license": "(MIT OR X) AND GPL-2.0"},
                {"id": "h", "name": "elsewhere", "license": "GPL-3.0"}],
              "resolve": {"nodes": [{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d"}, {"id": "e"}, {"id": "f"}, {"id": "g"}]}}"#,
        );
        let rules = rules(RULES).expect("they can be read");
        let faults: Vec<String> = used(&metadata)
            .flat_map(|package| faults(package, &rules))
            .collect();
        assert_eq!(
            faults,
            [
                "other: licence `CC0-1.0`",
                "openssl-sys: is banned",
                "near: comes from `git+https://example.org/near`",
                "bare: no licence",
                "mixed: licence `(MIT OR X) AND GPL-2.0`",
            ]
        );
    }
}
