//! `cargo xtask supply`: where everything that is built or shipped comes from, under which licences, and whether anything is known against it.
//!
//! Licences, sources and banned crates need no network beyond the packages themselves and must hold everywhere: by cargo-deny where it can be had, else by what cargo tells. Known advisories
//! need databases that not every network lets through: where they cannot be had, that is said loudly and nothing else is concluded.

mod alone;
mod licence;

use crate::machine::{must, root, there};
use crate::python;
use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::Value;
use std::path::PathBuf;
use std::process::Command;

/// Licences of packages that become part of the page, or make it. The same as in `deny.toml`, as npm spells them.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "MPL-2.0",
    "0BSD",
];

/// All of it.
///
/// # Errors
/// Something does not hold; what could not be looked at is no error.
pub fn run() -> Result<()> {
    match deny() {
        Ok(deny) => {
            must(command(&deny).args(["check", "licenses", "bans", "sources"]))?;
            crate_advisories(&deny)?;
        }
        Err(error) => {
            let why = format!("{error:#}");
            shout(
                "the crates by cargo-deny: advisories were NOT looked at; licences, sources and bans are, by cargo's own word",
                &why,
            );
            alone::check()?;
        }
    }
    licences_of_the_page()?;
    page_advisories()
}

/// cargo-deny: the machine's own, else the pinned one.
fn deny() -> Result<PathBuf> {
    if there("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    python::program("cargo-deny").context(
        "cargo-deny is missing and could not be set up; `cargo install cargo-deny --locked` builds one",
    )
}

fn command(deny: &PathBuf) -> Command {
    let mut command = Command::new(deny);
    command.current_dir(root());
    command
}

fn crate_advisories(deny: &PathBuf) -> Result<()> {
    let fetched = command(deny).args(["fetch", "db"]).output()?;
    if !fetched.status.success() {
        return skipped("advisories against crates", &fetched.stderr);
    }
    must(command(deny).args(["check", "--disable-fetch", "advisories"]))
}

fn page_advisories() -> Result<()> {
    if !there("npm") {
        return skipped("advisories against the page's packages", b"npm is missing");
    }
    let asked = Command::new("npm")
        .current_dir(root().join("dashboard"))
        .args(["audit", "--omit=dev", "--json"])
        .output()?;
    let said: Value = serde_json(&String::from_utf8_lossy(&asked.stdout));
    let found = &said["metadata"]["vulnerabilities"]["total"];
    match found.as_u64() {
        Some(0) => Ok(()),
        Some(count) => bail!(
            "npm knows of {count} advisories against what the page is made of; `npm audit --omit=dev` in `dashboard` lists them"
        ),
        None => skipped("advisories against the page's packages", &asked.stderr),
    }
}

fn serde_json(text: &str) -> Value {
    text.parse().unwrap_or(Value::Null)
}

fn skipped(what: &str, why: &[u8]) -> Result<()> {
    let what = format!("{what} were NOT looked at: the database cannot be had here");
    shout(&what, &String::from_utf8_lossy(why));
    Ok(())
}

/// Says what was left out so that nobody overlooks it.
fn shout(what: &str, why: &str) {
    let why = why.lines().find(|line| !line.trim().is_empty());
    eprintln!("==================================================================");
    eprintln!("SKIPPED: {what}");
    eprintln!("  ({})", why.unwrap_or("no reason given").trim());
    eprintln!("==================================================================");
}

/// The lock file tells the licence of every package; those for development only do not count, they reach nobody.
fn licences_of_the_page() -> Result<()> {
    let path = root().join("dashboard/package-lock.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    let wrong = unwanted(&serde_json(&text));
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "packages of the page have licences that are not among {}: {}",
        LICENCES.join(", "),
        wrong.join("; ")
    )
}

fn unwanted(lock: &Value) -> Vec<String> {
    let packages = lock["packages"].as_object().into_iter().flatten();
    packages
        .filter(|(path, package)| !path.is_empty() && package["dev"] != true)
        .filter_map(|(path, package)| {
            let expression = package["license"].as_str().unwrap_or("none");
            let is_good = licence::is_met(expression, &|one| LICENCES.contains(&one));
            (!is_good).then(|| format!("{path} ({expression})"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_is_not_ours_is_found() {
        let lock = serde_json(
            r#"{"packages": {
                "": {"license": "none of theirs"},
                "node_modules/a": {"license": "MIT"},
                "node_modules/b": {"license": "(GPL-3.0 OR MIT)"},
                "node_modules/c": {"license": "GPL-3.0"},
                "node_modules/d": {"license": "GPL-3.0", "dev": true},
                "node_modules/e": {},
                "node_modules/f": {"license": "(MIT OR X) AND GPL-3.0"}}}"#,
        );
        let found = unwanted(&lock);
        assert_eq!(
            found,
            [
                "node_modules/c (GPL-3.0)",
                "node_modules/e (none)",
                "node_modules/f ((MIT OR X) AND GPL-3.0)"
            ]
        );
    }
}
