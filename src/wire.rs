//! Messages between the daemon and its workers: framed, versioned, bounded.
//!
//! [`message`] says what can be said, [`frame`] how it is written down, [`chatter`] how much of what is only interesting; [`blocking`] is the worker's end of the socket,
//! [`stream`] the daemon's.

pub mod blocking;
pub(crate) mod chatter;
pub mod frame;
pub mod message;
mod socket;
pub mod stream;
