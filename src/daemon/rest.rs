//! What the work has left in memory is given back once there is nothing more to do.

use crate::scheduler::handle::Health;
use dropleaf_plugin_host::memory;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// So long nothing must have happened; by then the threads for file work have ended too.
const REST: Duration = Duration::from_secs(5);

/// Waits for each rest, the one after the start included. Nothing wakes it while there is nothing to do.
pub(super) async fn give_back_memory(mut health: watch::Receiver<Arc<Health>>) {
    loop {
        let busy = health.borrow_and_update().busy > 0;
        tokio::select! {
            changed = health.changed() => {
                if changed.is_err() {
                    return;
                }
                continue;
            }
            () = tokio::time::sleep(REST), if !busy => {}
        }
        if let Err(error) = tokio::task::spawn_blocking(memory::give_back).await {
            tracing::warn!(%error, "memory could not be given back");
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}
