//! What the work has left in memory is given back once there is nothing more to do, and now and then where there always is something.

use crate::scheduler::handle::Health;
use dropleaf_plugin_host::memory;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// So long nothing must have happened; by then the threads for file work have ended too.
const REST: Duration = Duration::from_secs(5);
/// Files that go on coming one by one do not keep what a burst before them has left for longer than this.
const LATEST: Duration = Duration::from_secs(60);

/// Waits for each rest, the one after the start included. Nothing wakes it while there is nothing to do.
pub(super) async fn give_back_memory(mut health: watch::Receiver<Arc<Health>>) {
    let mut last = Instant::now();
    loop {
        let busy = health.borrow_and_update().busy > 0;
        tokio::select! {
            changed = health.changed() => {
                if changed.is_err() {
                    return;
                }
                if last.elapsed() < LATEST {
                    continue;
                }
            }
            () = tokio::time::sleep(REST), if !busy => {}
        }
        if let Err(error) = tokio::task::spawn_blocking(memory::give_back).await {
            tracing::warn!(%error, "memory could not be given back");
        }
        last = Instant::now();
        if health.changed().await.is_err() {
            return;
        }
    }
}
