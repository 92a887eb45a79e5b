//! Messages between the daemon and its workers: framed, versioned, bounded.
//!
//! [`message`] says what can be said, [`frame`] how it is written down, [`chatter`] how much of what is only interesting, [`bounds`] how much may be published; [`blocking`] is the worker's end of the socket,
//! [`stream`] the daemon's. [`nursery`] is the other conversation: how the daemon asks for a new worker.

pub mod blocking;
pub(crate) mod bounds;
pub(crate) mod chatter;
pub mod frame;
pub mod message;
pub mod nursery;
mod socket;
pub mod stream;
