//! From a rename into the inbox of an idle daemon to the output in the outbox.

use crate::{home, median, ms, steps};
use anyhow::Result;
use dropleaf_test_support::sample;
use std::time::{Duration, Instant};

/// Prints the median and what bare lopdf takes for the same file.
pub fn measure(program: &str) -> Result<()> {
    let bytes = sample::pdf(1);
    let home = home(program)?;
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events?types=job.succeeded");
    let (mut times, mut bare) = (Vec::new(), Vec::new());
    for run in 0..50 {
        bare.push(steps::load_and_save(&bytes)?);
        let output = home.path(format!("outbox/p/{run}.pdf"));
        let begin = Instant::now();
        home.drop_file("inbox/p", &format!("{run}.pdf"), &bytes);
        while !output.exists() {
            std::thread::park_timeout(Duration::from_micros(200));
        }
        times.push(begin.elapsed());
        feed.until_named("job.succeeded");
    }
    let (time, bare) = (median(times), median(bare));
    println!(
        "drop to output, one page: p50 {:.1} ms, bare lopdf {:.2} ms, difference {:.1} ms",
        ms(time),
        ms(bare),
        ms(time) - ms(bare)
    );
    Ok(())
}
