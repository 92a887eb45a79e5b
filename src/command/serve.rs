//! `dropleaf serve`.

use crate::cli::{Serve, exit};
use crate::command::Exit;
use crate::config::home::Home;
use crate::config::spec::{Config, Flags};
use crate::{daemon, telemetry};
use anyhow::{Context as _, Result};

/// How long a thread for file work waits for more.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(2);
/// Threads for file work, at the most. A pipeline has a dozen at the most; where the folders of very many of them hang, those of the
/// others must not run out.
const FILE_WORK: usize = 4096;

pub(super) fn serve(home: Home, flags: Serve) -> Result<()> {
    let filter_from = match &flags.log {
        Some(_) => "`--log`",
        None => "`log` of config.yaml",
    };
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("dropleaf")
        .thread_stack_size(1 << 20)
        .thread_keep_alive(KEEP_ALIVE)
        .max_blocking_threads(FILE_WORK)
        .enable_all()
        .build()
        .context("failed to start the async runtime")?;
    let ended = runtime.block_on(daemon::run(config));
    // File work that hangs (a dead network mount) must not keep a stopped daemon alive.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    ended.map_err(|error| {
        if error.downcast_ref::<daemon::InUse>().is_some() {
            error.context(Exit(exit::IN_USE))
        } else {
            error
        }
    })
}
