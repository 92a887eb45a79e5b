//! Three steps over 2,000 pages against one bare lopdf load and save of the same file.

use crate::{home, median, ms};
use anyhow::Result;
use dropleaf_test_support::sample;
use std::time::{Duration, Instant};

const PIPELINE: &str = "\
watch: { folder: inbox/p, quiet: 0s }
steps:
  - uses: rotate
    with: { angle: 90 }
  - uses: stamp-text
    with: { text: \"Page {{ page }} of {{ pages }}\" }
  - uses: set-metadata
    with: { title: \"A title\" }
";

/// Prints the ratio of processor-bound work, pair by pair.
pub fn measure(program: &str) -> Result<()> {
    let bytes = sample::pdf(2_000);
    let home = home(program)?;
    home.pipeline("p", PIPELINE);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let (mut ours, mut bare, mut bill, mut parts) = (Vec::new(), Vec::new(), (0, 0), String::new());
    for run in 0..7 {
        bare.push(load_and_save(&bytes)?);
        home.drop_file("inbox/p", &format!("{run}.pdf"), &bytes);
        let done = feed.until_named("job.succeeded");
        let job = daemon
            .get(&format!(
                "/jobs/{}",
                done.data["job"].as_str().unwrap_or_default()
            ))
            .body;
        ours.push(Duration::from_millis(job["ranMs"].as_u64().unwrap_or(0)));
        let step = |step: &dropleaf_test_support::Value| {
            format!("{} {} ms", step["id"].as_str().unwrap_or(""), step["ms"])
        };
        parts = job["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .map(step)
            .collect::<Vec<_>>()
            .join(", ");
        bill = (
            job["parses"].as_u64().unwrap_or(0),
            job["saves"].as_u64().unwrap_or(0),
        );
    }
    let (ours, bare) = (median(ours), median(bare));
    println!(
        "3 steps, 2,000 pages: attempt {:.0} ms, bare lopdf load + save {:.0} ms, ratio {:.2} ({parts}); parses {}, saves {}",
        ms(ours),
        ms(bare),
        ms(ours) / ms(bare),
        bill.0,
        bill.1
    );
    Ok(())
}

/// One bare load and save into memory.
pub fn load_and_save(bytes: &[u8]) -> Result<Duration> {
    let begin = Instant::now();
    let mut document = lopdf::Document::load_mem(bytes)?;
    let mut out = Vec::new();
    document.save_to(&mut out)?;
    Ok(begin.elapsed())
}
