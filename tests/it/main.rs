//! Promises, tested on the real program.

mod workers;
