//! 1,000 one-page files at once, durable, against a shell loop of qpdf over the same files.

use crate::home;
use anyhow::{Context as _, Result, bail};
use dropleaf_test_support::folder::files;
use dropleaf_test_support::sample;
use std::process::Command;
use std::time::{Duration, Instant};

const FILES: usize = 1_000;

/// Prints files a second of both and their ratio.
pub fn measure(program: &str) -> Result<()> {
    let bytes = sample::pdf(1);
    let home = home(program)?;
    home.pipeline("p", "watch: { folder: inbox/p, quiet: 0s }\nconcurrency: 64\nsteps:\n  - uses: rotate\n    with: { angle: 90 }\n");
    for number in 0..FILES {
        home.write(&format!("source/{number}.pdf"), &bytes);
    }
    for folder in ["qpdf", "inbox/p"] {
        std::fs::create_dir(home.path(folder)).context("the home is writable")?;
    }
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
    let peer = begin.elapsed();

    let daemon = home.serve();
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
    while files(&home.path("archive/p")).len() < FILES {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let ours = begin.elapsed();
    drop(daemon);
    let rate = |time: Duration| FILES as f64 / time.as_secs_f64();
    println!(
        "1,000 one-page files: {:.0} files/s, qpdf loop {:.0} files/s, ratio {:.2}",
        rate(ours),
        rate(peer),
        rate(ours) / rate(peer)
    );
    Ok(())
}
