//! The `dropleaf` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        // Before anything else: workers are started often, and must not pay for what only people use.
        Some(role) if role == "worker" => dropleaf::worker::main(arguments),
        _ => ExitCode::SUCCESS,
    }
}
