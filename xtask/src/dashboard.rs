//! The page in `dashboard/`: building it into `dashboard/dist`, and its own lints and tests. Nobody needs Node to build the
//! daemon: the built page is part of the sources, and `check:dist` holds it to them.

use crate::machine::{install, must, root, target, there};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The oldest Node that the page's tools run on.
const NODE: (u32, u32) = (20, 19);

fn folder() -> PathBuf {
    root().join("dashboard")
}

/// Installs what the page is made with, and builds it into `dashboard/dist`.
///
/// # Errors
/// There is no Node, or a step failed.
pub fn build() -> Result<()> {
    if let Err(why) = node() {
        bail!("the dashboard cannot be built: {why}");
    }
    install_packages()?;
    npm(&["run", "build"])
}

/// The page's lints, type check, and whether what is generated and built is that of the sources.
///
/// # Errors
/// One of them found something.
pub fn lint() -> Result<()> {
    if !ready("lints")? {
        return Ok(());
    }
    for script in [
        "lint",
        "check:types",
        "check:generated",
        "check:dist",
        "check:size",
    ] {
        npm(&["run", "--if-present", script])?;
    }
    Ok(())
}

/// The page's tests: those of its parts, then those in a browser against the built daemon.
///
/// # Errors
/// One of them failed.
pub fn test() -> Result<()> {
    if !ready("tests")? {
        return Ok(());
    }
    npm(&["test"])?;
    if !has_script("e2e") {
        return Ok(());
    }
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    if !browsers.into_iter().any(there)
        && let Err(why) = install(&["chromium"])
    {
        eprintln!("note: the dashboard's tests in a browser are left out: {why:#}");
        return Ok(());
    }
    npm(&["run", "e2e"])
}

/// Whether the page is there and can be worked on; says so where it cannot.
fn ready(what: &str) -> Result<bool> {
    if !folder().join("package.json").is_file() {
        return Ok(false);
    }
    if let Err(why) = node() {
        eprintln!("note: the dashboard's {what} are left out: {why}");
        return Ok(false);
    }
    install_packages()?;
    Ok(true)
}

/// Once for each lock file. `npm ci` fails where a package for another platform is missing, `install` does not.
fn install_packages() -> Result<()> {
    let marker = folder().join("node_modules/.package-lock.json");
    let modified = |path: &PathBuf| path.metadata().and_then(|meta| meta.modified()).ok();
    let lock = folder().join("package-lock.json");
    if modified(&marker) >= modified(&lock) && marker.is_file() {
        return Ok(());
    }
    npm(&[
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-save",
    ])
}

fn has_script(name: &str) -> bool {
    std::fs::read_to_string(folder().join("package.json"))
        .is_ok_and(|text| text.contains(&format!("\"{name}\":")))
}

fn npm(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .current_dir(folder())
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("DROPLEAF_PROGRAM", target().join("debug/dropleaf"))
        .env("DROPLEAF_TEST_PLUGINS", target().join("debug"));
    must(&mut command)
}

/// Whether there is a Node that is new enough.
fn node() -> Result<(), String> {
    let advice = format!(
        "install Node {}.{} or newer (https://nodejs.org, or your system's packages)",
        NODE.0, NODE.1
    );
    let Ok(output) = Command::new("node").arg("--version").output() else {
        return Err(format!("Node is missing; {advice}"));
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match version(&text) {
        Some(found) if found < NODE => Err(format!("Node {text} is too old; {advice}")),
        None => Err(format!("`node --version` says `{text}`; {advice}")),
        Some(_) if !there("npm") => Err("npm is missing; install it beside Node".to_owned()),
        Some(_) => Ok(()),
    }
}

/// Major and minor of `v20.19.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read_and_compared() {
        assert_eq!(version("v20.19.1"), Some((20, 19)));
        assert_eq!(version("v24.0.0"), Some((24, 0)));
        assert!(version("v20.9.0") < Some(NODE), "9 is less than 19");
        assert_eq!(version("20"), None);
    }
}
