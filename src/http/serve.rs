//! The accept loop: our own around `warp::service`, so that each socket gets its options and limits
//! ([`crate::http::connection`]). Over the limit of connections, clients hear so and are closed.

use crate::http::api::Api;
use crate::http::connection::{Connection, turn_away};
use crate::http::filters;
use crate::http::seats::Peer;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Answers on `listener` until `shutdown`; then takes no more connections, lets answers and feeds end, and cuts what is
/// still open after `stop_within`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    api: Arc<Api>,
    shutdown: CancellationToken,
) {
    let routes = filters::all(Arc::clone(&api));
    let free = Arc::new(Semaphore::new(api.config.max_connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match Arc::clone(&free).try_acquire_owned() {
                    Ok(permit) => {
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
                            drop(permit);
                        });
                    }
                    Err(_) => {
                        api.tally.turned_away.fetch_add(1, Relaxed);
                        tracing::debug!(%peer, "turned away: too many connections");
                        connections.spawn(turn_away(stream));
                    }
                },
                Err(error) => rest_after(&error).await,
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

/// Errors of single connections pass at once; running out of descriptors needs a moment, or this would spin.
async fn rest_after(error: &io::Error) {
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for the moment");
    tokio::time::sleep(Duration::from_millis(250)).await;
}
