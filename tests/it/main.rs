//! The promises, each in a file of its own, tested on the real program.

mod architecture;
mod commands;
mod control;
mod dashboard;
mod drop;
mod feeds;
mod kill;
mod plugins;
mod reload;
mod start;
mod workers;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_dropleaf");
