//! What the daemon takes of the machine, and how long a small sound file takes.

use crate::daemon::{TestDaemon, TestHome};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The pipeline of the small sound file.
pub(super) const CLEAN: &str = "clean";

/// Its text.
pub(super) const CLEAN_YAML: &str =
    "watch: { folder: inbox/clean, quiet: 0s }\nsteps: [{ uses: rotate, with: { angle: 90 } }]\n";

/// Until a daemon that has nothing to do has given memory back.
pub(super) const REST: Duration = Duration::from_secs(12);

/// One look at the daemon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    /// Seconds since the first look.
    pub seconds: u64,
    /// KiB of resident memory.
    pub resident_kib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
}

/// Looks at a process.
pub(super) fn look(process: u32, began: Instant) -> Gauge {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"));
    Gauge {
        seconds: began.elapsed().as_secs(),
        resident_kib: number("VmRSS:"),
        descriptors: descriptors.map_or(0, Iterator::count),
        threads: number("Threads:"),
    }
}

/// Sends small sound files, one every `pause`, until told to stop; notes how many milliseconds each took from its drop to
/// its output.
pub(super) fn probe(
    home: &TestHome,
    label: &str,
    pause: Duration,
    stop: &AtomicBool,
    took: &Mutex<Vec<f64>>,
) {
    let document = crate::sample::pdf(1);
    for number in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{label}-{number}.pdf");
        let began = Instant::now();
        home.drop_file(&format!("inbox/{CLEAN}"), &name, &document);
        let output = home.path(format!("outbox/{CLEAN}/{name}"));
        // Looked for and not listened to: the feed that tells of it is busy with the others.
        while !output.exists() && !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        if output.exists() {
            let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
            took.lock().expect("no probe panics").push(milliseconds);
        }
        std::thread::park_timeout(pause);
    }
}

/// Asks for the newest jobs ten times a second, until told to stop; notes how many milliseconds each answer took.
pub(super) fn ask(daemon: &TestDaemon, stop: &AtomicBool, took: &Mutex<Vec<f64>>) {
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let status = daemon.get("/jobs?limit=20").status;
        assert_eq!(status, 200, "whatever the files are");
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        took.lock().expect("no probe panics").push(milliseconds);
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// The value below which `part` of all lie.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a short list"
    )]
    let at = (sorted.len() as f64 * part) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
