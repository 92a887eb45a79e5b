//! Messages between the daemon and its workers: framed, versioned, bounded.

pub mod message;
