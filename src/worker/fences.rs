//! Fences that the nursery makes ready for its copies.
//!
//! A fence has a rule for each of some twenty paths, and each has to be looked up: together that takes longer than copying the
//! process does. They are the same for every worker with the same reach, so the nursery keeps one for each. What is
//! kept is a descriptor; a copy that closes its fence shares nothing with the next one.

use crate::raw_path::RawPath;
use crate::wire::nursery::{Own, Reach};
use crate::worker::landlock::Fence;
use crate::worker::options::{Options, Sandbox};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// A rule is about what lay at its path when it was made. Somebody may put something else there (a new time zone, other fonts),
/// so that fences do not get old.
const FRESH: Duration = Duration::from_secs(5);
/// How many are kept, each with one descriptor.
const MOST: usize = 64;

/// Fences by what is within reach.
#[derive(Default)]
pub(super) struct Fences(HashMap<Reach, Ready>);

struct Ready {
    fence: Fence,
    made: Instant,
    folder: Option<Folder>,
}

/// Which folder it is: device and inode.
type Folder = (u64, u64);

impl Fences {
    /// Makes one ready for this worker. Where that fails the worker tries itself, and tells why.
    pub(super) fn make_ready(&mut self, options: &Options, own: &Own) {
        // A granted program may be replaced at any time, and the worker must start the new one.
        if options.sandbox == Sandbox::Off || !own.reach.programs.is_empty() {
            return;
        }
        let folder = own.reach.scratch.as_ref().and_then(folder);
        let is_good = |ready: &Ready| ready.made.elapsed() < FRESH && ready.folder == folder;
        if self.0.get(&own.reach).is_some_and(is_good) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        match Fence::build(options, &own.reach) {
            Ok(fence) => {
                let made = Instant::now();
                let ready = Ready {
                    fence,
                    made,
                    folder,
                };
                self.0.insert(own.reach.clone(), ready);
            }
            Err(_) => _ = self.0.remove(&own.reach),
        }
    }

    /// This worker's, and an end to all the others.
    pub(super) fn into_one(mut self, own: &Own) -> Option<Fence> {
        self.0.remove(&own.reach).map(|ready| ready.fence)
    }
}

fn folder(path: &RawPath) -> Option<Folder> {
    let found = std::fs::metadata(&path.0).ok()?;
    Some((found.dev(), found.ino()))
}
