//! `cargo demo`: everything built in release, a home with the shipped pipelines, a running daemon, sample PDFs dropped.

use crate::machine::{cargo, ensure_compiler, must, root, target};
use crate::options::Options;
use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::sample;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The packages of the standard plugins.
const PLUGINS: &[&str] = &[
    "pages",
    "split",
    "merge",
    "stamp",
    "metadata",
    "optimize",
    "extract-text",
    "repair",
    "render",
];

/// Runs the demonstration until Ctrl-C.
pub fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::read("demo", &["home", "listen"], arguments)?;
    let home = options.path("home")?;
    let home = home.unwrap_or_else(|| root().join(".demo"));
    let listen = options.text("listen").unwrap_or("127.0.0.1:7311");
    ensure_compiler()?;
    println!("Building (the first time takes a few minutes) ...");
    install_plugins(&target().join("release/plugins"))?;
    let program = target().join("release/dropleaf");
    must(
        Command::new(&program)
            .arg("--home")
            .arg(&home)
            .arg("init")
            .stdout(Stdio::null()),
    )?;
    // Ctrl-C reaches the daemon as well as this process. It drains and ends; this process stays to say how.
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default())
        .context("failed to listen for Ctrl-C")?;
    let mut daemon = Command::new(&program)
        .arg("--home")
        .arg(&home)
        .args(["serve", "--listen", listen])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start `{}`", program.display()))?;
    let address = wait_for_address(&mut daemon)?;
    drop_samples(&home)?;
    tell(&home, &address, &program);
    let status = daemon.wait().context("failed to wait for the daemon")?;
    if !status.success() {
        bail!("the daemon ended with {status}");
    }
    println!("Stopped. Everything is still in {}", home.display());
    Ok(())
}

/// Builds the program and the standard plugins in release and puts the plugins' libraries into `folder`.
pub fn install_plugins(folder: &Path) -> Result<()> {
    // One build for all: apart, each would choose other features for what they share, and build that again.
    let mut build = cargo(&["build", "--release", "--package", "dropleaf"]);
    for name in PLUGINS {
        build
            .arg("--package")
            .arg(format!("dropleaf-plugin-{name}"));
    }
    must(&mut build)?;
    fs::create_dir_all(folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
    for name in PLUGINS {
        let file = format!("libdropleaf_plugin_{}.so", name.replace('-', "_"));
        let (from, to) = (target().join("release").join(&file), folder.join(&file));
        fs::copy(&from, &to).with_context(|| {
            format!("failed to copy `{}` to `{}`", from.display(), to.display())
        })?;
    }
    Ok(())
}

/// Builds everything in release and puts the program into `prefix/bin`, the plugins where it looks for them.
#[expect(
    clippy::disallowed_methods,
    reason = "an installation does not have to survive a power cut"
)]
pub fn install(prefix: &Path) -> Result<()> {
    install_plugins(&prefix.join("lib/dropleaf/plugins"))?;
    let folder = prefix.join("bin");
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make `{}`", folder.display()))?;
    // Moved over the old one: a program that runs cannot be written to.
    let (program, fresh) = (folder.join("dropleaf"), folder.join(".dropleaf.new"));
    fs::copy(target().join("release/dropleaf"), &fresh)
        .and_then(|_| fs::rename(&fresh, &program))
        .with_context(|| format!("failed to write `{}`", program.display()))?;
    println!("installed {}", program.display());
    println!(
        "make a home: {} init; then: {} serve",
        program.display(),
        program.display()
    );
    Ok(())
}

fn wait_for_address(daemon: &mut Child) -> Result<String> {
    let stdout = daemon
        .stdout
        .take()
        .context("the daemon has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    for line in lines.by_ref() {
        let line = line?;
        if let Some((_, address)) = line.split_once("http://") {
            let address = address.trim().trim_end_matches('/').to_owned();
            // What it says later must not fill the pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
    }
    let status = daemon.wait()?;
    bail!("the daemon ended ({status}) before it listened; its message is above");
}

/// One file for every pipeline that ships, some with many pages so that there is something to watch.
fn drop_samples(home: &Path) -> Result<()> {
    let inbox = home.join("inbox");
    let mut pages = [3_u32, 12, 40, 1, 250].into_iter().cycle();
    let mut pipelines: Vec<PathBuf> = fs::read_dir(&inbox)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    pipelines.sort();
    for folder in pipelines.iter().filter(|folder| folder.is_dir()) {
        for number in 1..=2 {
            let bytes = sample::pdf(pages.next().unwrap_or(1));
            let (temp, name) = (
                folder.join(format!(".sample-{number}.tmp")),
                folder.join(format!("sample-{number}.pdf")),
            );
            fs::write(&temp, bytes)
                .with_context(|| format!("failed to write `{}`", temp.display()))?;
            #[expect(clippy::disallowed_methods, reason = "a demonstration needs no fsync")]
            fs::rename(&temp, &name)
                .with_context(|| format!("failed to write `{}`", name.display()))?;
        }
    }
    Ok(())
}

fn tell(home: &Path, address: &str, program: &Path) {
    let home = home.display();
    let program = program.display();
    println!(
        "
Dropleaf is running. Sample PDFs are on their way.

  watch       http://{address}/
  or          curl -N http://{address}/api/v1/events
  drop PDFs   {home}/inbox/<pipeline>/
  results     {home}/outbox/
  originals   {home}/archive/      what could not be done: {home}/failed/
  pipelines   {home}/pipelines/    (edit them: they reload by themselves)
  ask         {program} --home {home} explain {home}/inbox/receive/your.pdf

Ctrl-C stops it; nothing is lost."
    );
}
