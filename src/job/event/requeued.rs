//! The way back into the queue.

use super::{GivenUp, RequeueReason};
use serde::{Deserialize, Serialize};

/// The job is in the queue again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeued {
    /// Why.
    pub why: RequeueReason,
    /// The step that the next attempt goes on without, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<Box<GivenUp>>,
    /// The mark of the folder in which an original is held that was fetched back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_in: Option<String>,
    /// Interrupted because the daemon was stopped, in good order. Earlier versions did not tell that from its death.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

impl Requeued {
    /// Back into the queue, with all steps that it had.
    #[must_use]
    pub fn new(why: RequeueReason) -> Self {
        Self {
            why,
            given_up: None,
            held_in: None,
            stopped: false,
        }
    }

    /// Back into the queue, to go on without this step.
    #[must_use]
    pub fn without(given_up: GivenUp) -> Self {
        Self {
            why: RequeueReason::StepGivenUp,
            given_up: Some(Box::new(given_up)),
            held_in: None,
            stopped: false,
        }
    }

    /// Back into the queue, as a person asked; its original is held in the folder of this mark.
    #[must_use]
    pub fn asked(held_in: Option<String>) -> Self {
        Self {
            why: RequeueReason::Asked,
            given_up: None,
            held_in,
            stopped: false,
        }
    }

    /// Back into the queue, because the daemon is stopped.
    #[must_use]
    pub fn stopped() -> Self {
        Self {
            stopped: true,
            ..Self::new(RequeueReason::Interrupted)
        }
    }
}
