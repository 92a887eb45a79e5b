//! What happens to which job when: one decider, one pair of hands.
//!
//! *Theory of operation.* The loop in `act` waits for an `Input`: an arrival from a watched folder, the end of a file move,
//! news from a worker, a command of a person, a deadline. `decide` is a pure, synchronous function of (state, input, now): it
//! changes the state and answers with a `Decision`, events for the journal and actions for the hands. The hands append the
//! events first; an action that shows outside (a move of a file) begins only when they are durable. What an action brings
//! back is an `Input` again. So every rule about jobs stands in one place that needs no clock, no process and no file to test.

pub mod act;
pub mod attempt;
mod batches;
mod brought;
mod clock;
mod contract;
pub mod decide;
mod desks;
pub mod disks;
pub mod explain;
pub mod fair;
mod files;
mod finish;
mod giving_up;
pub mod handle;
pub mod input;
pub mod moves;
pub mod pipelines;
pub mod planning;
mod progress;
mod reclaim;
pub mod sample;
mod sweeps;
pub mod thumbnail;
