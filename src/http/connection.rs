//! One connection: its socket's options, TLS where it is spoken, HTTP/1.1 or HTTP/2 on it, until it ends or the daemon does.
//!
//! Measured against warp's own server: 11.5 instead of 17.8 KiB a stream, and `TCP_NODELAY`, `SO_SNDBUF` and
//! `TCP_USER_TIMEOUT` can only be set here. A peer that stops reading is gone after 20 s ([`crate::http::patience`]); one that never
//! finishes its request's head after 10 s.

use crate::http::head::Peer;
use crate::http::patience::Impatient;
use crate::http::reply::Response;
use crate::http::tls::Certificate;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;

const SEND_BUFFER: usize = 64 * 1024;
/// What the kernel takes beyond what the peer's window has room for: the rest waits with us, where it is seen that it waits.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 * 1024;
const STALLED: Duration = Duration::from_secs(20);
/// hyper's smallest; also the limit of a request's head, which gets 431 beyond.
const READ_BUFFER: usize = 8192;
const MAX_HEADERS: usize = 64;
/// Requests at a time on one connection of HTTP/2.
const MAX_REQUESTS: u32 = 128;
/// The first byte of a TLS handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 0x16;

/// What a connection is served with.
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    pub(crate) routes: BoxedFilter<(Response,)>,
    pub(crate) tls: Option<Arc<Certificate>>,
    /// How long the client may take to say who it is and what it wants.
    pub(crate) head_timeout: Duration,
    pub(crate) stop: CancellationToken,
}

impl Connection {
    /// Answers what is asked on it.
    pub(crate) async fn converse(self, stream: TcpStream) {
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "socket options were not set");
        }
        let outcome = match &self.tls {
            None => self.http1(Impatient::new(stream, STALLED)).await,
            Some(tls) => self.encrypted(&tls.current().await, stream).await,
        };
        if let Err(error) = outcome {
            tracing::trace!(%error, "a connection ended badly");
        }
    }

    /// TLS; programs on this machine, such as the command line, need not speak it.
    async fn encrypted(&self, tls: &TlsAcceptor, stream: TcpStream) -> Result<(), BoxError> {
        let mut first = [0];
        let seen = tokio::time::timeout(self.head_timeout, stream.peek(&mut first));
        if seen.await?? == 0 {
            return Ok(());
        }
        if first[0] != HANDSHAKE {
            if self.peer.0.ip().is_loopback() {
                return self.http1(Impatient::new(stream, STALLED)).await;
            }
            say(stream, "400 Bad Request", NO_TLS).await;
            return Ok(());
        }
        let stream = Impatient::new(stream, STALLED);
        let stream = tokio::time::timeout(self.head_timeout, tls.accept(stream)).await??;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream).await
        } else {
            self.http1(stream).await
        }
    }

    async fn http1<S>(&self, stream: S) -> Result<(), BoxError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(READ_BUFFER)
            .max_headers(MAX_HEADERS)
            .auto_date_header(has_date(SystemTime::now()))
            .serve_connection(TokioIo::new(stream), self.service());
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => Ok(outcome?),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                Ok(connection.await?)
            }
        }
    }

    async fn http2<S>(&self, stream: S) -> Result<(), BoxError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(STALLED)
            .keep_alive_timeout(STALLED)
            .max_concurrent_streams(MAX_REQUESTS)
            .max_header_list_size(64 * 1024)
            .auto_date_header(has_date(SystemTime::now()))
            .serve_connection(TokioIo::new(stream), self.service());
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => Ok(outcome?),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                Ok(connection.await?)
            }
        }
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response,
        Error = std::convert::Infallible,
        Future: Send,
    > + use<> {
        WithPeer {
            inner: TowerToHyperService::new(warp::service(self.routes.clone())),
            peer: self.peer,
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Tells each request where it came from.
struct WithPeer<S> {
    inner: S,
    peer: Peer,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for WithPeer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        if request.uri().path_and_query().is_none() {
            *request.uri_mut() = as_path(request.uri());
        }
        self.inner.call(request)
    }
}

/// A target that is a host and nothing else (RFC 9112, 3.2.3), which `warp` does not bear: as the path of that name, which
/// there is not.
fn as_path(target: &Uri) -> Uri {
    let named = target.authority().map(|host| format!("/{host}"));
    named
        .and_then(|path| path.parse().ok())
        .unwrap_or_else(|| Uri::from_static("/-"))
}

pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_keepalive(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

const FULL: &str = r#"{"type":"/problems/unavailable","title":"Not now","status":503,"detail":"too many connections are open","hint":"close some, or raise `max_connections`"}"#;
const ITS_SHARE: &str = r#"{"type":"/problems/unavailable","title":"Not now","status":503,"detail":"too many connections of this client are open","hint":"close some, or raise `max_client_connections`"}"#;
const NO_TLS: &str = r#"{"type":"/problems/bad-request","title":"The request is not valid","status":400,"detail":"this daemon speaks TLS only","hint":"use https:// in the address"}"#;

/// Why there is no room for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// All connections are open.
    Full,
    /// All that one machine may have are.
    ItsShare,
}

/// Tells a client that there is no room for it.
pub(crate) async fn turn_away(stream: TcpStream, why: Why) {
    let body = match why {
        Why::Full => FULL,
        Why::ItsShare => ITS_SHARE,
    };
    say(stream, "503 Service Unavailable\r\nRetry-After: 5", body).await;
}

async fn say(mut stream: TcpStream, status: &str, body: &str) {
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let say = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(1), say).await {
        tracing::trace!(%error, "could not tell a client why it is turned away");
    }
}

/// Whether HTTP can write this time: a clock that stands before 1970 or after 9999 is told nobody.
fn has_date(now: SystemTime) -> bool {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    since.is_ok_and(|since| since < YEAR_10000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_http_cannot_write_is_told_nobody() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(has_date(at(0)) && has_date(at(253_402_300_799)));
        assert!(!has_date(at(253_402_300_800)));
        assert!(!has_date(SystemTime::UNIX_EPOCH - Duration::from_secs(1)));
    }
}
