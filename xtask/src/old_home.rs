//! `cargo xtask old-home`: a home of this version, kept so that later versions can show that they load it. `cargo xtask many-jobs`: one
//! with very many jobs.

use crate::machine::{debug_daemon, root};
use crate::options::Options;
use anyhow::{Context as _, Result, anyhow, bail};
use dropleaf_test_support::{many, old_home};

/// Builds the daemon, lets it leave a home with jobs in every state, and keeps that under the number of the journal's format.
pub fn make() -> Result<()> {
    let program = debug_daemon()?;
    let data = root().join("tests/data");
    let new = data.join("home-new");
    let format = old_home::make(&program.to_string_lossy(), &new);
    let kept = data.join(format!("home-v{format}"));
    if kept.exists() {
        std::fs::remove_dir_all(&new)?;
        bail!(
            "{} is there already; a home that was released is never made again",
            kept.display()
        );
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a file of the repository, not of a user"
    )]
    std::fs::rename(&new, &kept)?;
    println!("{}", kept.display());
    Ok(())
}

/// Tells very many more jobs in a journal.
pub fn many(arguments: &[&str]) -> Result<()> {
    let options = Options::read("many-jobs", &["home", "jobs"], arguments)?;
    let home = options.path("home")?.context("`--home DIR` is missing")?;
    let jobs = u32::try_from(options.number("jobs", 100_000)?)?;
    many::add(&home, jobs).map_err(|fault| anyhow!(fault))
}
