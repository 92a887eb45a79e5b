//! What the machine must have: looked for, installed where that is possible, else said plainly.

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The workspace's root.
pub fn root() -> PathBuf {
    dropleaf_test_support::plugins::workspace()
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from("."))
}

/// The folder that cargo builds into.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command in the workspace.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// Runs a command that must succeed.
pub fn must(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let status = command
        .status()
        .with_context(|| format!("failed to start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Builds everything for tests, and gives the daemon's path.
///
/// # Errors
/// It cannot be built.
pub fn debug_daemon() -> Result<PathBuf> {
    must(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    Ok(std::path::absolute(target().join("debug/dropleaf"))?)
}

/// Whether a program is installed.
pub fn there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// A C compiler, for SQLite and for the plugins written in C.
pub fn ensure_compiler() -> Result<()> {
    if there("cc") && there("c++") {
        return Ok(());
    }
    install(&["build-essential"]).context(
        "a C and C++ compiler (`cc`, `c++`) is missing; it comes with your system's build tools",
    )
}

/// File systems that two tests of mounts use: installed where that can be done, and else those tests say that they were skipped.
pub fn offer_file_systems() {
    let root = rustix::process::geteuid().is_root();
    if !root || (there("bindfs") && there("mkfs.btrfs")) {
        return;
    }
    if let Err(why) = install(&["bindfs", "btrfs-progs"]) {
        println!("tests that mount FUSE and btrfs are skipped: {why:#}");
    }
}

/// Installs packages of the system, where that may be done without asking.
///
/// # Errors
/// It may not, or it failed.
pub fn install(packages: &[&str]) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !there("apt-get") || !(root || sudo) {
        let names = packages.join(" ");
        bail!(
            "install `{names}` with your system's packages (Debian: `sudo apt-get install {names}`)"
        );
    }
    let apt = |arguments: &[&str]| {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            Command::new("sudo")
        };
        if !root {
            command.arg("apt-get");
        }
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments);
        must(&mut command)
    };
    apt(&["update", "-qq"])?;
    apt(&[&["install", "-y", "-qq"], packages].concat())
}
