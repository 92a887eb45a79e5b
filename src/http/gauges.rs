//! The numbers at a glance, for the route and for the `stats` event.

use crate::feed::config::Stats;
use crate::http::api::{Api, Refused};
use crate::http::view::stats::StatsView;
use crate::time::Timestamp;
use serde_json::json;
use std::sync::{Arc, OnceLock, Weak};

/// Where the feed asks for its gauges. The feed is made before those who know them; until then there are none.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    api: Arc<OnceLock<Weak<Api>>>,
}

impl Gauges {
    /// What the feed asks.
    #[must_use]
    pub fn source(&self) -> Stats {
        let api = Arc::clone(&self.api);
        Arc::new(move || {
            let api = api.get().and_then(Weak::upgrade);
            Box::pin(async move {
                match read(&*api?).await {
                    Ok(stats) => Some(json!(stats)),
                    Err(error) => {
                        tracing::debug!(%error, "no gauges for the feed");
                        None
                    }
                }
            })
        })
    }

    /// From now on the gauges are those of this daemon.
    pub fn begin(&self, api: &Arc<Api>) {
        self.api.get_or_init(|| Arc::downgrade(api));
    }
}

/// The numbers at this moment.
///
/// # Errors
/// The journal or the daemon cannot be asked.
pub(crate) async fn read(api: &Api) -> Result<StatsView, Refused> {
    let counts = api.store.counts().await;
    let counts = counts.map_err(|error| Refused::Unavailable(error.to_string()))?;
    let health = api.backend.health().await?;
    let folders = api.backend.folders();
    Ok(StatsView::new(
        &health,
        &counts,
        &folders,
        &api.statistics,
        Timestamp::now(),
    ))
}
