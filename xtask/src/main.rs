//! The repository's own commands: `cargo xtask test`, `cargo xtask lint`, `cargo xtask torture`, `cargo xtask powercut`, `cargo demo`.

mod dashboard;
mod demo;
mod errors;
mod machine;
mod old_home;
mod powercut;
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
  powercut [--cuts N] [--seed S] [--at-once N] [--syncs kept|forgotten] [--place DIR] [--program FILE]
                                              cut the power at any moment of a recorded load, and count that nothing is lost
  errors [--error EIO] [--first N] [--every N] [--most N] [--at-once N] [--place DIR] [--program FILE]
                                              let each operation on the disk fail once, and count that nothing is lost
  old-home                                    keep a home as this version leaves it in `tests/data`, to be loaded by all later ones
  lint                                        formatting, clippy, documentation, and the dashboard's own lints
  dashboard                                   build the page in `dashboard/` into `dashboard/dist` (needs Node)
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

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo", rest @ ..] => demo::run(rest),
        ["test"] => test::run(),
        ["lint"] => test::lint(),
        ["torture", rest @ ..] => torture::run(rest),
        ["powercut", rest @ ..] => powercut::run(rest),
        ["errors", rest @ ..] => errors::run(rest),
        ["old-home"] => old_home::make(),
        ["dashboard"] => dashboard::build(),
        ["install-plugins", folder] => demo::install_plugins(std::path::Path::new(folder)),
        ["help" | "--help" | "-h"] | [] => {
            println!("{HELP}");
            Ok(())
        }
        [other, ..] => bail!("there is no command `{other}`\n{HELP}"),
    }
}
