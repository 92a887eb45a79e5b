//! 1,000 one-page files at once, durable, against a shell loop of qpdf over the same files.

use crate::{count, home, processes};
use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::sample;
use std::process::Command;
use std::time::{Duration, Instant};

const FILES: usize = 1_000;

/// The two take turns, so that what else the machine does meets both.
const ROUNDS: usize = 5;

/// Attempts that one worker may run: the default, and what an operator may allow (`worker_reuse`).
const REUSE: [u32; 2] = [1, 50];

/// What one daemon took for all files.
struct Taken {
    wall: Duration,
    daemon: Duration,
    workers: Duration,
}

/// Prints files a second of both and what a file cost, of each round and in the middle.
pub fn measure(program: &str) -> Result<()> {
    let rate = |time: Duration| FILES as f64 / time.as_secs_f64();
    let each = |time: Duration| crate::ms(time) / FILES as f64;
    let mut ratios = REUSE.map(|_| Vec::new());
    // Removed at the end: ext4 without a journal passes over every inode that was freed in the last minutes, one by one, at each
    // new file, so that each round would pay for what the rounds before it have left.
    let mut homes = Vec::new();
    for _ in 0..ROUNDS {
        let peer = peer(program, &mut homes)?;
        for (reuse, ratios) in REUSE.into_iter().zip(&mut ratios) {
            let ours = ours(program, reuse, &mut homes)?;
            let ratio = rate(ours.wall) / rate(peer);
            println!(
                "1,000 one-page files, {}: {:.0} files/s, qpdf loop {:.0} files/s, ratio {ratio:.2}; a file cost {:.2} ms of processor time in the daemon, {:.2} ms in its worker",
                words(reuse),
                rate(ours.wall),
                rate(peer),
                each(ours.daemon),
                each(ours.workers),
            );
            ratios.push(ratio);
        }
    }
    for (reuse, mut ratios) in REUSE.into_iter().zip(ratios) {
        ratios.sort_by(f64::total_cmp);
        println!(
            "median ratio of {ROUNDS} rounds, {}: {:.2} ({:.2} to {:.2})",
            words(reuse),
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1]
        );
    }
    Ok(())
}

fn words(reuse: u32) -> String {
    match reuse {
        1 => "a worker each".to_owned(),
        reuse => format!("worker_reuse {reuse}"),
    }
}

fn home_with_files(program: &str) -> Result<TestHome> {
    let home = home(program)?;
    for number in 0..FILES {
        home.write(&format!("source/{number}.pdf"), distinct(number));
    }
    Ok(home)
}

fn peer(program: &str, homes: &mut Vec<TestHome>) -> Result<Duration> {
    let home = home_with_files(program)?;
    std::fs::create_dir(home.path("qpdf")).context("the home is writable")?;
    let begin = Instant::now();
    let script = "for file in source/*.pdf; do qpdf --rotate=+90 \"$file\" \"qpdf/$(basename \"$file\")\" || exit 1; done";
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(home.path(""))
        .status()
        .context("sh runs")?;
    if !status.success() {
        bail!("the loop of qpdf failed: is qpdf installed?");
    }
    let taken = begin.elapsed();
    homes.push(home);
    Ok(taken)
}

fn ours(program: &str, reuse: u32, homes: &mut Vec<TestHome>) -> Result<Taken> {
    let home = home_with_files(program)?;
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nconcurrency: 64\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n");
    home.write("config.yaml", format!("worker_reuse: {reuse}\n"));
    std::fs::create_dir(home.path("inbox/p")).context("the home is writable")?;
    // As an operator has it; tests log more.
    let daemon = home.serve_with(&["--log", "info"]);
    let before = processes::processor_time(daemon.pid())?;
    let begin = Instant::now();
    for number in 0..FILES {
        #[expect(
            clippy::disallowed_methods,
            reason = "a person's file manager does not sync either"
        )]
        std::fs::rename(
            home.path(format!("source/{number}.pdf")),
            home.path(format!("inbox/p/{number}.pdf")),
        )?;
    }
    while count(&home.path("archive/p")) < FILES {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let wall = begin.elapsed();
    let after = processes::processor_time(daemon.pid())?;
    drop(daemon);
    homes.push(home);
    Ok(Taken {
        wall,
        daemon: after.0.saturating_sub(before.0),
        workers: after.1.saturating_sub(before.1),
    })
}

/// A one-page file whose content no other one has.
pub fn distinct(number: usize) -> Vec<u8> {
    let mut bytes = sample::pdf(1);
    bytes.extend_from_slice(format!("% {number}\n").as_bytes());
    bytes
}
