//! `dropleaf serve`.

use crate::cli::{Serve, exit};
use crate::command::Exit;
use crate::config::home::Home;
use crate::config::log_filter;
use crate::config::spec::{Config, Flags};
use crate::{daemon, telemetry};
use anyhow::{Context as _, Result};
use dropleaf_plugin_host::memory;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long a thread for file work waits for more.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long file work that hangs (a dead network mount) keeps a stopped daemon alive.
const LAST: Duration = Duration::from_secs(2);
/// How much nicer than the threads that answer requests all others are, workers among them
/// (`docs/decisions/0024-who-answers-goes-first.md`).
const BEHIND: i32 = 5;
/// Threads for file work, at the most. A pipeline has a dozen at the most; where the folders of very many of them hang, those of the
/// others must not run out.
const FILE_WORK: usize = 4096;

pub(super) fn serve(home: Home, flags: Serve) -> Result<()> {
    let filter_from = match &flags.log {
        Some(_) => "`--log`",
        None => "`log` of config.yaml",
    };
    may_be_meant("`--log`", flags.log.as_deref())?;
    may_be_meant(
        telemetry::VARIABLE,
        telemetry::from_environment().as_deref(),
    )?;
    let config = Config::load(
        home,
        Flags {
            listen: flags.listen,
            log: flags.log,
            log_format: flags.log_format,
        },
    )?;
    telemetry::start(&config.spec.log, filter_from, config.spec.log_format)
        .map_err(anyhow::Error::msg)?;
    memory::share_arenas();
    let answers = runtime("answers")?;
    give_way();
    let runtime = runtime("dropleaf")?;
    let ended = runtime.block_on(daemon::run(config, answers.handle()));
    let until = Instant::now() + LAST;
    for runtime in [answers, runtime] {
        runtime.shutdown_timeout(until.saturating_duration_since(Instant::now()));
    }
    ended.map_err(|error| {
        if error.downcast_ref::<daemon::InUse>().is_some() {
            error.context(Exit(exit::IN_USE))
        } else {
            error
        }
    })
}

/// Refuses a log filter that would log nothing because of a slip. That of config.yaml is looked at with the rest of the file.
fn may_be_meant(from: &str, filter: Option<&str>) -> Result<()> {
    match filter.and_then(|filter| Some((filter, log_filter::fault(filter)?))) {
        None => Ok(()),
        Some((filter, why)) => Err(anyhow::anyhow!(
            "failed to read the log filter `{filter}` from {from}: {why}"
        )
        .context(Exit(exit::USAGE))),
    }
}

/// Lowers the priority of this thread, and of all that it begins from now on: processing waits for its turn behind answering.
fn give_way() {
    if let Err(error) = rustix::process::nice(BEHIND) {
        tracing::debug!(%error, "processing has the priority of answering");
    }
}

fn runtime(name: &str) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .thread_stack_size(1 << 20)
        .thread_keep_alive(KEEP_ALIVE)
        .max_blocking_threads(FILE_WORK)
        .enable_all()
        .build()
        .context("failed to start the async runtime")
}
