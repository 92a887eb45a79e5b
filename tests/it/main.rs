//! The promises, each in a file of its own, tested on the real program.

mod architecture;
mod checking;
mod clock;
mod commands;
mod control;
mod damage;
mod dashboard;
mod doctor;
mod drop;
mod faults;
mod feeds;
mod giving_up;
mod hangs;
mod inbox;
mod input;
mod kept_back;
mod kill;
mod load;
mod mounts;
mod old_state;
mod outputs;
mod owners;
mod plugins;
mod reload;
mod restarts;
mod results;
mod secure;
mod signals;
mod start;
mod strangers;
mod submit;
mod thumbnails;
mod torture;
mod trust;
mod webhooks;
mod whose;
mod workers;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_dropleaf");
