//! What signals mean: the first one stops the daemon, which drains; a second one ends the wait for running attempts.

use crate::scheduler::act::Shutdown;
use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// The bit of SIGHUP in a mask of `/proc/<process>/status`.
const HANGUP: u64 = 1;

/// SIGINT, SIGTERM and, where it is not ignored, SIGHUP stop the daemon. A second SIGINT or SIGTERM interrupts what still runs; a second
/// SIGHUP does not, since a terminal that is closed may send several.
pub(super) fn listen(tasks: &mut JoinSet<()>, shutdown: &Shutdown) -> Result<()> {
    let mut kinds = vec![
        ("SIGINT", SignalKind::interrupt()),
        ("SIGTERM", SignalKind::terminate()),
    ];
    // Whoever started us by `nohup` wants us to outlive the terminal.
    if !ignores_hangup() {
        kinds.push(("SIGHUP", SignalKind::hangup()));
    }
    for (name, kind) in kinds {
        let mut signals = signal(kind).context("failed to listen for signals")?;
        let shutdown = shutdown.clone();
        tasks.spawn(async move {
            while signals.recv().await.is_some() {
                heard(name, kind, &shutdown);
            }
        });
    }
    Ok(())
}

fn heard(signal: &str, kind: SignalKind, shutdown: &Shutdown) {
    if !shutdown.drain.is_cancelled() {
        tracing::info!(signal, "asked to stop");
        shutdown.drain.cancel();
    } else if kind != SignalKind::hangup() && !shutdown.at_once.is_cancelled() {
        tracing::warn!(
            signal,
            "asked a second time: running attempts are interrupted now, and run again at the next start"
        );
        shutdown.at_once.cancel();
    }
}

/// Whether SIGHUP was ignored already when this process was started.
fn ignores_hangup() -> bool {
    // Where it cannot be read the terminal's end is ours.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status) & HANGUP != 0
}

/// The ignored signals as a process's `status` has them (proc(5), `SigIgn`).
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let status =
            "SigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert_eq!(ignored(status), 0x1001);
        assert_eq!(ignored("Name:\tdropleaf\n"), 0);
    }

    #[test]
    fn only_a_second_wish_to_end_is_in_a_hurry() {
        let shutdown = Shutdown::default();
        let is = |drain, at_once| {
            assert_eq!(shutdown.drain.is_cancelled(), drain);
            assert_eq!(shutdown.at_once.is_cancelled(), at_once);
        };
        heard("SIGHUP", SignalKind::hangup(), &shutdown);
        is(true, false);
        heard("SIGHUP", SignalKind::hangup(), &shutdown);
        is(true, false);
        heard("SIGTERM", SignalKind::terminate(), &shutdown);
        is(true, true);
    }
}
