//! The repository's own commands: `cargo xtask test`, `cargo xtask lint`, `cargo xtask supply`, `cargo xtask torture`, `cargo demo` and more.

mod crowd;
mod dashboard;
mod demo;
mod errors;
mod machine;
mod old_home;
mod options;
mod ordeal;
mod powercut;
mod python;
mod schemathesis;
mod supply;
mod test;
mod torture;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>
  demo [--home DIR] [--listen ADDRESS:PORT]   build everything, make a demo home, start the daemon, drop sample PDFs
  test                                        set up what the tests need and run all of them
  torture [--kills N] [--seed S] [--home DIR] [--program FILE]
                                              kill the daemon again and again under load, and count that nothing is lost
  powercut [--cuts N] [--seed S] [--at-once N] [--syncs kept|forgotten] [--old-jobs N] [--place DIR] [--program FILE]
                                              cut the power at any moment of a recorded load, and count that nothing is lost
  errors [--error EIO] [--first N] [--every N] [--most N] [--at-once N] [--place DIR] [--program FILE]
                                              let each operation on the disk fail once, and count that nothing is lost
  many-jobs --home DIR [--jobs N]             tell N more ended jobs in the journal of a home whose daemon is stopped
  old-home                                    keep a home as this version leaves it in `tests/data`, to be loaded by all later ones
  crowd [--clients N] [--deaf N] [--files N] [--limits usual] [--program FILE]
                                              N clients of the feed, some of whom never read: memory, and whether the others notice
  schemathesis [--examples N] [--seed S]      ask a daemon everything that its OpenAPI description allows and more (needs Python)
  supply                                      licences, sources and advisories of all that is built in or shipped
  hostile [--files N] [--minutes M] [--seed S] [--corpus DIR] [--sample N] [--findings DIR] [--home DIR] [--program FILE]
                                              bring mutated files to every standard operation, and check how each of them ended
  corpus --folder DIR [--pipelines DIR] [--findings DIR] [--home DIR] [--program FILE]
                                              take every PDF of a folder through the shipped pipelines, and check what comes out
  soak [--minutes M] [--burst N] [--bursts N] [--findings DIR] [--home DIR] [--program FILE]
                                              bring files at full rate and all at once, stop in the middle, and count them
  lint                                        formatting, clippy, documentation, and the dashboard's own lints
  dashboard                                   build the page in `dashboard/` into `dashboard/dist` (needs Node)
  install PREFIX                              build in release; PREFIX/bin/dropleaf, PREFIX/lib/dropleaf/plugins
  install-plugins DIR                         build the standard plugins in release and copy them to DIR";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

const HELP_WORDS: [&str; 3] = ["help", "--help", "-h"];

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        words if words.is_empty() || words.iter().any(|word| HELP_WORDS.contains(word)) => {
            println!("{HELP}");
            Ok(())
        }
        ["demo", rest @ ..] => demo::run(rest),
        ["test"] => test::run(),
        ["lint"] => test::lint(),
        ["torture", rest @ ..] => torture::run(rest),
        ["crowd", rest @ ..] => crowd::run(rest),
        ["schemathesis", rest @ ..] => schemathesis::run(rest),
        ["supply"] => supply::run(),
        ["powercut", rest @ ..] => powercut::run(rest),
        ["errors", rest @ ..] => errors::run(rest),
        ["many-jobs", rest @ ..] => old_home::many(rest),
        ["old-home"] => old_home::make(),
        ["hostile", rest @ ..] => ordeal::hostile(rest),
        ["corpus", rest @ ..] => ordeal::corpus(rest),
        ["soak", rest @ ..] => ordeal::soak(rest),
        ["dashboard"] => dashboard::build(),
        ["install", prefix] => demo::install(std::path::Path::new(prefix)),
        ["install-plugins", folder] => demo::install_plugins(std::path::Path::new(folder)),
        words => bail!("there is no command `{}`\n{HELP}", words.join(" ")),
    }
}
