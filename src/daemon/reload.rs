//! Pipeline files are read again soon after they change.

use crate::inotify;
use crate::scheduler::handle::Scheduler;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Editors write a file in several steps; a reload waits until they are done.
const REST: Duration = Duration::from_millis(150);
/// Where events are lost or cannot be had, files are read again this often.
const ANYWAY: Duration = Duration::from_secs(10);

pub(super) async fn watch(folder: PathBuf, scheduler: Scheduler, stop: CancellationToken) {
    let changed = Arc::new(Notify::new());
    let mut watching = waking(&folder, &changed);
    if let Err(error) = &watching {
        let why = inotify::refused(error);
        tracing::warn!(folder = %folder.display(), %why, "changes of pipelines are not reported; looking every {} s", ANYWAY.as_secs());
    }
    loop {
        // Looking anyway is only needed where nothing is reported; a minute is enough to make up for a lost report.
        let anyway = if watching.is_ok() { ANYWAY * 6 } else { ANYWAY };
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.notified() => {
                tokio::time::sleep(REST).await;
                scheduler.reload().await;
            }
            () = tokio::time::sleep(anyway) => {
                // There may be room by now. What changed before is seen by the look that follows.
                if watching.is_err() {
                    watching = waking(&folder, &changed);
                }
                scheduler.reload().await;
            }
        }
    }
}

/// Wakes `changed` whenever something happens in the folder.
fn waking(folder: &Path, changed: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let tell = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            tell.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
