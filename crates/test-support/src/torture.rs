//! Kill -9 under load, again and again, and a count at the end that asks the daemon nothing it could lie about.
//!
//! A run is a row of lives of one daemon on one home. In each life a load of drops, uploads, retries, cancels, changed
//! pipelines, replaced plugins and killed workers goes on until the daemon is killed, at a random moment or at one of its
//! own failpoints. All the while a client follows the feed, comes back after each death with its last event id, and checks
//! what it is told. After the last life everything is let come to its end, and the folders and the journal are compared
//! with what was given.

pub mod errors;
mod follower;
mod input;
mod life;
mod load;
pub mod powercut;
pub mod traced;
mod verdict;
mod whereabouts;

use crate::daemon::TestHome;
use follower::Follower;
use load::{Given, Load};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemon's executable.
    pub program: PathBuf,
    /// How often the daemon is killed.
    pub kills: u32,
    /// The seed of everything that is random but the machine's own timing.
    pub seed: u64,
    /// Where the home is made; the system's temporary folder where it is `None`.
    pub place: Option<PathBuf>,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Kills of the daemon while it listened.
    pub kills: u32,
    /// Of these, by the daemon's own failpoints.
    pub failpoints: u32,
    /// Kills of the daemon before it listened.
    pub early: u32,
    /// Killed workers.
    pub workers: u32,
    /// Files given: dropped and uploaded.
    pub files: usize,
    /// Of these, processed to a complete output.
    pub processed: usize,
    /// Of these, kept in the failed folder.
    pub failed: usize,
    /// Outputs that were read and compared.
    pub outputs: usize,
    /// Events of the feed that were checked.
    pub events: u64,
    /// Connections that the feed's client made.
    pub connections: u32,
    /// Everything that was not as promised.
    pub faults: Vec<String>,
}

/// Runs the plan; `say` hears a line now and then. The home is kept where something was not as promised.
///
/// # Errors
/// The daemon does not start at all, with its log.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<Report, String> {
    let program = plan.program.to_string_lossy().into_owned();
    let home = match &plan.place {
        None => TestHome::new(&program),
        Some(place) => TestHome::new_in(&program, place),
    };
    input::prepare(&home);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let given = Arc::new(Mutex::new(Given::default()));
    let follower = Follower::start(random.u64(..));
    let mut report = Report::default();
    let killed = kill_again_and_again(
        plan,
        &home,
        &mut random,
        &given,
        &follower,
        &mut report,
        say,
    );
    let ended = killed.and_then(|()| {
        say("letting everything come to its end");
        life::last(&home, &follower, 0)
    });
    let followed = follower.stop();
    match ended {
        Ok(history) => {
            let given = given.lock().expect("no load panics");
            verdict::judge(&home, &given, &followed, &history, &mut report);
        }
        Err(fault) => report.faults.push(fault),
    }
    if !report.faults.is_empty() {
        report
            .faults
            .push(format!("the home is kept: {}", home.keep().display()));
    }
    Ok(report)
}

fn kill_again_and_again(
    plan: &Plan,
    home: &TestHome,
    random: &mut fastrand::Rng,
    given: &Arc<Mutex<Given>>,
    follower: &Follower,
    report: &mut Report,
    say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    while report.kills + report.early < plan.kills {
        let load = Load::new(random.u64(..), home, Arc::clone(given));
        life::one(home, random, load, follower, report)?;
        let done = report.kills + report.early;
        if done.is_multiple_of(50) {
            let files = given.lock().expect("no load panics").len();
            say(&format!(
                "{done} of {} kills, {files} files given",
                plan.kills
            ));
        }
    }
    Ok(())
}

/// The folders of one pipeline below a home.
fn folders(home: &TestHome, pipeline: &str) -> [PathBuf; 4] {
    ["inbox", "outbox", "archive", "failed"].map(|kind| home.path(Path::new(kind).join(pipeline)))
}
