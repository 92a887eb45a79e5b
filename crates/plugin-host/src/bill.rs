//! What a job's documents have cost: how often objects were read from bytes, and bytes written from objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counters that all documents of a job share. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Bill {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    parses: AtomicU32,
    saves: AtomicU32,
}

impl Bill {
    /// A bill with nothing on it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many times a document's objects were read from its bytes.
    #[must_use]
    pub fn parses(&self) -> u32 {
        self.counters.parses.load(Ordering::Relaxed)
    }

    /// How many times a document's bytes were written from its objects.
    #[must_use]
    pub fn saves(&self) -> u32 {
        self.counters.saves.load(Ordering::Relaxed)
    }

    pub(crate) fn count_parse(&self) {
        self.counters.parses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_save(&self) {
        self.counters.saves.fetch_add(1, Ordering::Relaxed);
    }
}
