//! A disk that fails once: each change that the daemon makes to its files, one after the other, ends with an error.
//!
//! The real daemon runs under trace with a small load; the n-th of its calls that change files, its database's among them,
//! fails undone. It must go on by itself, or end and say why; and once it is started again on a sound disk, everything is
//! there once.

use super::follower::Follower;
use super::input::{self, Input};
use super::load::Given;
use super::traced::{Daemon, Ended};
use super::whereabouts::{all, is_mark};
use super::{Report as Counted, life, verdict};
use crate::daemon::TestHome;
use crate::folder::copy;
use crate::sample::Sample;
use crate::trace::{self, Call, Observer, Seen};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long the daemon may take to go on by itself: it tries deliveries again every 10 s, and looks at the disks every 30 s.
const PATIENCE: Duration = Duration::from_secs(100);

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemon's executable.
    pub program: PathBuf,
    /// The number of the error.
    pub errno: i32,
    /// The first operation that fails.
    pub first: u32,
    /// Which next: each one, each second, and so on.
    pub every: u32,
    /// How many at the most.
    pub most: u32,
    /// Where homes are made; the system's temporary folder where it is `None`.
    pub place: Option<PathBuf>,
    /// Daemons at a time.
    pub at_once: usize,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Operations that failed.
    pub errors: u32,
    /// After this, the daemon went on and finished everything.
    pub went_on: u32,
    /// It ended and said why.
    pub ended: u32,
    /// It did not start and said why.
    pub refused: u32,
    /// Everything that was not as promised.
    pub faults: Vec<String>,
}

/// What the daemon did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    WentOn,
    Ended,
    Refused,
    /// It made fewer operations.
    NoError,
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
    let place = plan.place.clone().unwrap_or_else(std::env::temp_dir);
    let program = plan.program.to_string_lossy().into_owned();
    let base = TestHome::bare_in(&program, &place);
    input::prepare_unused(&base)?;
    let next = AtomicUsize::new(0);
    let whole = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..plan.at_once.max(1) {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    let round = u32::try_from(round).unwrap_or(u32::MAX);
                    if round >= plan.most {
                        return;
                    }
                    let number = plan.first.saturating_add(round.saturating_mul(plan.every));
                    let home = TestHome::bare_in(&program, &place);
                    empty_and_copy(&base, &home);
                    let (course, hit, faults) = one(&home, number, plan.errno);
                    if course == Course::NoError {
                        next.store(usize::MAX / 2, Ordering::Relaxed);
                        // Without an error nothing may go wrong.
                        whole.lock().expect("nobody panics").faults.extend(faults);
                        return;
                    }
                    let mut whole = whole.lock().expect("nobody panics");
                    whole.count(course);
                    if !faults.is_empty() {
                        let kept = home.keep();
                        let about = format!(
                            "operation {number} ({hit}) failed with error {}, then {course:?} (home kept: {}):",
                            plan.errno,
                            kept.display()
                        );
                        let fault = format!("{about}\n{}", faults.join("\n"));
                        say(&format!("FAULT {fault}"));
                        whole.faults.push(fault);
                    }
                    if whole.errors.is_multiple_of(50) {
                        say(&format!("{} errors, {} faults", whole.errors, whole.faults.len()));
                    }
                }
            });
        }
    });
    Ok(whole.into_inner().expect("nobody panics"))
}

impl Report {
    fn count(&mut self, course: Course) {
        self.errors += 1;
        match course {
            Course::WentOn => self.went_on += 1,
            Course::Ended => self.ended += 1,
            Course::Refused => self.refused += 1,
            Course::NoError => {}
        }
    }
}

fn empty_and_copy(base: &TestHome, home: &TestHome) {
    for name in ["plugins", "pipelines", "inbox"] {
        std::fs::remove_dir(home.path(name)).expect("it is empty");
    }
    copy(&base.path(""), &home.path(""));
}

/// Lets one operation fail.
struct Failing {
    left: u32,
    errno: i32,
    hit: Arc<Mutex<Option<String>>>,
}

impl Observer for Failing {
    fn begins(&mut self, call: &Call) -> Option<i32> {
        self.left = self.left.checked_sub(1)?;
        if self.left > 0 {
            return None;
        }
        *self.hit.lock().expect("nobody panics") = Some(format!("{call:?}"));
        Some(self.errno)
    }

    fn ended(&mut self, _: &Call, _: usize, _: i64, _: &Seen) {}
}

/// One life with an error, and one without.
fn one(home: &TestHome, number: u32, errno: i32) -> (Course, String, Vec<String>) {
    let mut inputs = give(home);
    let hit = Arc::new(Mutex::new(None));
    let failing = Failing {
        left: number,
        errno,
        hit: Arc::clone(&hit),
    };
    let follower = Follower::start(u64::from(number));
    let mut faults = Vec::new();
    let course = match Daemon::start(home, failing) {
        Err(ended) => {
            faults.extend(ended_well(&ended));
            Course::Refused
        }
        Ok(daemon) => {
            follower.listens_at(Some(&daemon.address));
            inputs.push(upload(&daemon.address));
            let course = go_on(home, daemon, &mut faults);
            follower.listens_at(None);
            course
        }
    };
    let hit = hit.lock().expect("nobody panics").take();
    let Some(hit) = hit else {
        drop(follower.stop());
        return (Course::NoError, String::new(), faults);
    };
    let ended = life::last(home, &follower, 0);
    let followed = follower.stop();
    match ended {
        Ok(history) => {
            let mut counted = Counted::default();
            verdict::judge(home, &Given::of(inputs), &followed, &history, &mut counted);
            faults.extend(counted.faults);
        }
        Err(fault) => faults.push(fault),
    }
    (course, hit, faults)
}

fn go_on(home: &TestHome, daemon: Daemon, faults: &mut Vec<String>) -> Course {
    let deadline = Instant::now() + PATIENCE;
    while !daemon.traced.has_ended() && !verdict::at_rest(home, |path| asked(&daemon.address, path))
    {
        if Instant::now() > deadline {
            let lying: Vec<PathBuf> = all(&home.path("inbox"))
                .into_iter()
                .filter(|path| !is_mark(path))
                .collect();
            let log = daemon.stop().log;
            faults.push(format!(
                "it did not go on by itself; in the inboxes lie {lying:?}\n{log}"
            ));
            return Course::WentOn;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    if daemon.traced.has_ended() {
        faults.extend(ended_well(&daemon.stop()));
        return Course::Ended;
    }
    let ended = daemon.stop();
    if ended.log.contains("panicked at") {
        faults.push(format!("it panicked:\n{}", ended.log));
    } else if ended.code != Some(0) {
        // The error may have come to it only while it stopped.
        faults.extend(ended_well(&ended));
        return Course::Ended;
    }
    Course::WentOn
}

/// An end with an error code and a reason for people.
fn ended_well(ended: &Ended) -> Option<String> {
    let said = ended.log.lines().any(|line| line.starts_with("error: "));
    let well = ended.code.is_some_and(|code| code > 0) && said;
    (!well || ended.log.contains("panicked at"))
        .then(|| format!("it ended badly ({:?}):\n{}", ended.code, ended.log))
}

/// What a daemon answers that may be gone.
fn asked(address: &str, path: &str) -> Value {
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5)));
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(format!("http://{address}/api/v1{path}")).call();
    let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
    serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
}

/// One sound file for each kind of pipeline, and one that is no PDF.
fn give(home: &TestHome) -> Vec<Input> {
    let files = [("turn", 2), ("burst", 2), ("gone", 1), ("turn", 0)];
    let mut inputs = Vec::new();
    for (number, (pipeline, pages)) in files.into_iter().enumerate() {
        let mark = format!("f{number:06}");
        let bytes = if pages == 0 {
            format!("This is no PDF, it is {mark}.").into_bytes()
        } else {
            Sample::new(&mark, pages).bytes()
        };
        let below = Path::new("inbox")
            .join(pipeline)
            .join(format!("{mark}.pdf"));
        std::fs::write(home.path(below), &bytes).expect("the home is writable");
        inputs.push(known(mark, pipeline, pages, &bytes, true));
    }
    inputs
}

fn known(mark: String, pipeline: &'static str, pages: u32, bytes: &[u8], certain: bool) -> Input {
    Input {
        mark,
        pipeline,
        pages,
        blake3: blake3::hash(bytes).to_hex().to_string(),
        certain,
    }
}

fn upload(address: &str) -> Input {
    let mark = "f000009".to_owned();
    let bytes = Sample::new(&mark, 1).bytes();
    let url = format!("http://{address}/api/v1/pipelines/turn/jobs?name=sent.pdf");
    let certain = input::upload(&input::agent(Duration::from_secs(20)), &url, &bytes);
    known(mark, "turn", 1, &bytes, certain)
}
