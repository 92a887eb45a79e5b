//! The power cut: what a disk may hold after any moment of a daemon's life, and the real daemon started on that.
//!
//! A session records every change that a traced daemon makes to its files, its database's among them, while files are given,
//! uploaded, retried and cancelled, and the daemon is killed and started again. Then, for many moments of that record, a
//! folder is made of what a disk may hold if the power fails right there; the daemon is started on it and may finish its
//! work; and the same checker as after kills counts. What people had been told before the cut has to be true after it.

mod after;
mod disk;
mod record;
mod session;

use crate::daemon::TestHome;
use crate::folder::copy;
use crate::trace;
use disk::{Disk, Luck};
use session::Session;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Cuts of one session; the next ones get another load.
const CUTS: u32 = 50;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemon's executable.
    pub program: PathBuf,
    /// How many cuts.
    pub cuts: u32,
    /// The seed of everything that is random but the machine's own timing.
    pub seed: u64,
    /// Where homes are made; the system's temporary folder where it is `None`.
    pub place: Option<PathBuf>,
    /// Sessions at a time.
    pub at_once: u32,
    /// Whether the disk keeps what it is told to.
    pub syncs: Syncs,
    /// Old jobs in the journal at the beginning, most of which are removed while it is recorded: the file gives pages back. None where
    /// the home is to be a new one.
    pub old_jobs: u32,
}

/// What a disk makes of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// It keeps what it is told to.
    Kept,
    /// It says so and forgets the content of all files but the journal: the check that the checker finds something.
    Forgotten,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Loads that were recorded.
    pub sessions: u32,
    /// Changes of files in them.
    pub operations: usize,
    /// Of these, syncs.
    pub syncs: usize,
    /// How often a journal gave pages back to the file system in them.
    pub given_back: usize,
    /// Cuts.
    pub cuts: u32,
    /// Cuts at which something was not synced yet, so that the image was not what a killed process leaves.
    pub torn: u32,
    /// Files that had been given before their cut, over all cuts.
    pub files: usize,
    /// Of these, processed.
    pub processed: usize,
    /// Of these, kept as failed.
    pub failed: usize,
    /// Outputs that were read and compared.
    pub outputs: usize,
    /// Events that clients had heard before the cut and that had to be there after it.
    pub told: u64,
    /// Everything that was not as promised.
    pub faults: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.operations += other.operations;
        self.syncs += other.syncs;
        self.given_back += other.given_back;
        self.cuts += other.cuts;
        self.torn += other.torn;
        self.files += other.files;
        self.processed += other.processed;
        self.failed += other.failed;
        self.outputs += other.outputs;
        self.told += other.told;
        self.faults.extend(other.faults);
    }
}

/// Runs the plan; `say` hears a line now and then.
///
/// # Errors
/// This machine cannot trace, or a daemon does not start at all.
///
/// # Panics
/// A folder for the homes cannot be written.
pub fn run(plan: &Plan, say: &(dyn Fn(&str) + Sync)) -> Result<Report, String> {
    trace::possible()?;
    let sessions = plan.cuts.div_ceil(CUTS);
    let next = AtomicU32::new(0);
    let whole = Mutex::new(Report::default());
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..plan.at_once.clamp(1, sessions.max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sessions {
                        return;
                    }
                    let cuts = CUTS.min(plan.cuts - number * CUTS);
                    let seed = plan
                        .seed
                        .wrapping_mul(1_000_003)
                        .wrapping_add(u64::from(number));
                    match one(plan, cuts, seed) {
                        Ok(report) => {
                            for fault in &report.faults {
                                say(&format!("FAULT {fault}"));
                            }
                            let mut whole = whole.lock().expect("nobody panics");
                            whole.add(report);
                            say(&format!(
                                "{} of {} cuts, {} faults",
                                whole.cuts,
                                plan.cuts,
                                whole.faults.len()
                            ));
                        }
                        Err(why) => *failed.lock().expect("nobody panics") = Some(why),
                    }
                }
            });
        }
    });
    match failed.into_inner().expect("nobody panics") {
        Some(why) => Err(why),
        None => Ok(whole.into_inner().expect("nobody panics")),
    }
}

/// One session and its cuts.
fn one(plan: &Plan, cuts: u32, seed: u64) -> Result<Report, String> {
    let place = plan.place.clone().unwrap_or_else(std::env::temp_dir);
    let program = plan.program.to_string_lossy().into_owned();
    let mut random = fastrand::Rng::with_seed(seed);
    let home = TestHome::bare_in(&program, &place);
    let base = tempfile::Builder::new()
        .prefix("dropleaf-base-")
        .tempdir_in(&place)
        .map_err(|error| error.to_string())?;
    let session = Session::record(&home, plan.old_jobs, base.path(), &mut random)?;
    let mut report = Report {
        sessions: 1,
        operations: session.operations(),
        syncs: session.syncs(),
        given_back: session.cuts_of_the_journal(),
        ..Report::default()
    };
    let mut moments: Vec<usize> = (0..cuts)
        .map(|_| random.usize(1..=session.record.ops.len()))
        .collect();
    moments.sort_unstable();
    let mut disk = Disk::new(&session.record, session.base.clone(), plan.syncs);
    for moment in moments {
        disk.replay(&session.record.ops, moment);
        let luck = Luck::EACH[random.usize(..Luck::EACH.len())];
        empty(&home.path(""));
        disk.image(&home.path(""), luck, &mut random);
        let faults = report.faults.len();
        let kept = tempfile::Builder::new()
            .prefix("dropleaf-cut-")
            .tempdir_in(&place)
            .map_err(|error| error.to_string())?;
        copy(&home.path(""), kept.path());
        after::judge(&home, &session, moment, random.u64(..), &mut report);
        report.cuts += 1;
        report.torn += u32::from(disk.has_waiting() && luck != Luck::All);
        if report.faults.len() > faults {
            let disk = match plan.syncs {
                Syncs::Kept => format!("kept: {}", kept.keep().display()),
                Syncs::Forgotten => "not kept: it was to lose files".into(),
            };
            report.faults.push(format!(
                "(session {seed}, cut at operation {moment}, luck {luck:?}; the disk is {disk}; just before the cut:\n{})",
                session.around(moment)
            ));
        }
    }
    Ok(report)
}

/// Takes everything out of a folder.
fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder)
        .expect("the home is ours")
        .flatten()
    {
        let path = entry.path();
        let gone = if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        gone.expect("the home is ours");
    }
}
