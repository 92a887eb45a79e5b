//! The accept loop: our own around `warp::service`, so that each socket gets its options and limits
//! ([`crate::http::connection`]). Over the limit of connections, clients hear so and are closed.

use crate::http::api::Api;
use crate::http::connection::{Connection, Why, turn_away};
use crate::http::filters;
use crate::http::head::Peer;
use crate::http::room;
use crate::http::share::Shares;
use crate::http::tls::Certificate;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections that one machine may always have: a page and some commands.
const MIN_SHARE: usize = 16;

/// Answers on `listener` until `shutdown`; then takes no more connections, lets answers and feeds end, and cuts what is
/// still open after `stop_within`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Certificate>>,
    api: Arc<Api>,
    shutdown: CancellationToken,
) {
    let routes = filters::all(Arc::clone(&api));
    let room = room::connections(api.config.max_connections);
    let free = Arc::new(Semaphore::new(room));
    let share = api.config.max_client_connections;
    let shares = Shares::new(share.unwrap_or((room / 4).max(MIN_SHARE)));
    let mut connections = JoinSet::new();
    let mut shortage = Shortage::default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    shortage.is_over();
                    let Some(share) = shares.take(peer.ip()) else {
                        api.tally.turned_away.fetch_add(1, Relaxed);
                        tracing::debug!(%peer, "turned away: too many connections of one client");
                        connections.spawn(turn_away(stream, Why::ItsShare));
                        continue;
                    };
                    let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
                        api.tally.turned_away.fetch_add(1, Relaxed);
                        tracing::debug!(%peer, "turned away: too many connections");
                        connections.spawn(turn_away(stream, Why::Full));
                        continue;
                    };
                    api.tally.connections.fetch_add(1, Relaxed);
                    let connection = Connection {
                        peer: Peer(peer),
                        routes: routes.clone(),
                        tls: tls.clone(),
                        head_timeout: api.config.head_timeout,
                        stop: shutdown.clone(),
                    };
                    connections.spawn(async move {
                        connection.converse(stream).await;
                        drop((permit, share));
                    });
                }
                Err(error) => shortage.rest_after(&error).await,
            },
        }
    }
    drop(listener);
    // Feeds say goodbye and end; other answers end by themselves.
    api.feed.shutdown();
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(api.config.stop_within, drained)
        .await
        .is_err()
    {
        tracing::debug!("cutting connections that are still open");
    }
    connections.shutdown().await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// Whether connections cannot be accepted for want of descriptors or memory: said when it begins and when it is over.
#[derive(Default)]
struct Shortage {
    since: Option<Instant>,
}

impl Shortage {
    /// Errors of single connections pass at once; running out of descriptors needs a moment, or this would spin. Who waits in the
    /// kernel's queue is accepted afterwards.
    async fn rest_after(&mut self, error: &io::Error) {
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
        ) {
            return;
        }
        if self.since.is_none() {
            self.since = Some(Instant::now());
            tracing::warn!(%error, "no connections can be accepted for now; those that are open go on, new ones wait");
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    fn is_over(&mut self) {
        if let Some(since) = self.since.take() {
            let seconds = since.elapsed().as_secs_f32();
            tracing::warn!(seconds, "connections are accepted again");
        }
    }
}
