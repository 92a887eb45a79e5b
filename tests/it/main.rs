//! The promises, each in a file of its own, tested on the real program.

mod architecture;
