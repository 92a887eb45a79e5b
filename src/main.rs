//! Parses flags, chooses a role, prints one error chain, returns an exit code.

use dropleaf::cli::Cli;
use dropleaf::{command, worker};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A worker must not touch anything before it has locked itself in.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|verb| verb == "worker") {
        return worker::main(arguments);
    }
    match Cli::of_process() {
        Ok(cli) => command::run(cli.home.as_deref(), cli.verb),
        Err(told) => command::tell(&told),
    }
}
