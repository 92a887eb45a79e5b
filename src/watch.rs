//! Folders become arrivals.
pub mod complete;
pub mod ignore;
pub mod mount;
pub mod options;
pub mod settle;
