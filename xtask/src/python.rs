//! Programs that come as Python packages: each in a virtual environment below `target/`, with every version pinned.

use crate::machine::{install, must, root, target};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The program `name` of the packages in `xtask/python/<name>.txt`; set up again whenever that list changes.
///
/// # Errors
/// There is no Python, or the packages cannot be had.
pub fn program(name: &str) -> Result<PathBuf> {
    let list = root().join(format!("xtask/python/{name}.txt"));
    let wanted = std::fs::read_to_string(&list)
        .with_context(|| format!("failed to read `{}`", list.display()))?;
    let folder = target().join("python").join(name);
    let (program, marker) = (folder.join("bin").join(name), folder.join("installed.txt"));
    if program.is_file() && std::fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
        return Ok(program);
    }
    environment(&folder)?;
    let pip = folder.join("bin/pip");
    must(
        Command::new(&pip)
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&list),
    )?;
    if !program.is_file() {
        bail!("`{}` brought no program `{name}`", list.display());
    }
    std::fs::write(&marker, wanted)
        .with_context(|| format!("failed to write `{}`", marker.display()))?;
    Ok(program)
}

/// A new virtual environment; Debian keeps what makes them in a package of its own.
fn environment(folder: &PathBuf) -> Result<()> {
    let make = || {
        let made = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder)
            .output();
        made.is_ok_and(|output| output.status.success())
    };
    if make() {
        return Ok(());
    }
    install(&["python3", "python3-venv"]).context("Python 3 with its `venv` is missing")?;
    if make() {
        return Ok(());
    }
    bail!("`python3 -m venv {}` failed", folder.display())
}
