//! The targets without a fuzzer: seeds changed at random, for so many seconds, on any toolchain.
//!
//! It follows no coverage, so it finds less than `cargo fuzz`; but it runs wherever the tests do. What it tries is told by
//! the target, the seed and a count, so that a run that dies can be made again.

use dropleaf_fuzzing::{document, http, manifest, open, pipeline, wire};
use fastrand::Rng;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("document", document::check),
    ("http", http::check),
    ("manifest", manifest::check),
    ("open", open::check),
    ("pipeline", pipeline::check),
    ("wire", wire::check),
];

#[expect(clippy::print_stdout, reason = "this is a program for the console")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds, seed] = arguments.as_slice() else {
        println!("usage: dropleaf-fuzzing TARGET SECONDS SEED");
        return ExitCode::FAILURE;
    };
    let target = TARGETS.iter().find(|(known, _)| known == name);
    let (Some((_, check)), Ok(seconds), Ok(seed)) =
        (target, seconds.parse::<u64>(), seed.parse::<u64>())
    else {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        println!("the targets are {names}; seconds and seed are whole numbers");
        return ExitCode::FAILURE;
    };
    let began = Instant::now();
    let (mut count, mut found) = (0_u64, 0_u64);
    let (seeds, words) = (seeds(name), words(name));
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(seconds) {
        let data = made(
            &seeds,
            &words,
            &mut Rng::with_seed(seed ^ count.rotate_left(20)),
        );
        let one = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| check(&data))).is_err() {
            found += 1;
            let file = format!("{name}-{seed}-{count}");
            println!("found with number {count}; kept as {file}");
            fs::write(&file, &data).expect("the folder is writable");
        }
        slowest = slowest.max(one.elapsed());
        count += 1;
        if count.is_multiple_of(10_000) {
            println!(
                "{count} tried, {found} found, {:.0} s",
                began.elapsed().as_secs_f64()
            );
        }
    }
    println!("{name}: {count} tried in {seconds} s, {found} found, the slowest took {slowest:?}");
    ExitCode::from(u8::from(found > 0))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder().join("seeds").join(target)).expect("the seeds are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("a seed"))
        .collect()
}

/// The target's dictionary, without its escapes.
fn words(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join(format!("dictionaries/{target}.dict")));
    let text = text.unwrap_or_default();
    let plain = |line: &str| line.trim_matches('"').replace("\\\"", "\"").into_bytes();
    text.lines()
        .filter(|line| !line.contains("\\x"))
        .map(plain)
        .collect()
}

fn made(seeds: &[Vec<u8>], words: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut data = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..1 << random.u8(..6) {
        let at = random.usize(..=data.len());
        let end = (at + random.usize(..16)).min(data.len());
        match random.u8(..8) {
            0 if !words.is_empty() => {
                let word = &words[random.usize(..words.len())];
                data.splice(
                    at..if random.bool() { at } else { end },
                    word.iter().copied(),
                );
            }
            1 => drop(data.drain(at..end)),
            2 => {
                let piece = data[at..end].to_vec();
                let to = random.usize(..=data.len());
                data.splice(to..to, piece);
            }
            3 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                data.truncate(at);
                data.extend(&other[from..]);
            }
            4 => {
                let noise: Vec<u8> = (0..random.usize(..32)).map(|_| random.u8(..)).collect();
                data.splice(at..at, noise);
            }
            _ if at < data.len() => data[at] = random.u8(..),
            _ => {}
        }
    }
    data.truncate(32 << 10);
    data
}
