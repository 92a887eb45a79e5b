//! One call: a POST with JSON over HTTP/1.1, under a deadline, without following redirects.

use crate::client::tls::{self, connector};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// From the look-up of the name to the status.
const DEADLINE: Duration = Duration::from_secs(10);

/// Makes calls.
#[derive(Default)]
pub(super) struct Caller {
    /// Made at the first `https` address: reading the system's certificates takes its time.
    tls: OnceLock<TlsConnector>,
}

/// Why a webhook was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be called at all.
    #[error("`{0}` is not an address that can be called")]
    Address(String),
    /// Nobody is there, or the certificate is not trusted.
    #[error("it cannot be reached")]
    Unreachable(#[source] io::Error),
    /// It broke off.
    #[error("it broke off")]
    Broken(#[source] hyper::Error),
    /// Too slow.
    #[error("it did not answer within {} s", DEADLINE.as_secs())]
    Slow,
    /// It has not answered for long, and too many calls wait for it already.
    #[error("it does not answer, and very many calls wait for it already")]
    Crowded,
    /// It sends us elsewhere.
    #[error(
        "it redirects to `{0}`, which is not followed; write the new address into the pipeline"
    )]
    Redirect(String),
    /// It said no.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

impl Error {
    /// Whether trying again makes sense.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Address(_) | Self::Redirect(_) | Self::Crowded => false,
            Self::Unreachable(_) | Self::Broken(_) | Self::Slow => true,
            Self::Refused(status) => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                    )
            }
        }
    }
}

/// The host of an address, for people.
pub(super) fn host(webhook: &str) -> String {
    let uri: Option<Uri> = webhook.parse().ok();
    let authority = uri.as_ref().and_then(Uri::authority);
    authority.map_or_else(|| "?".to_owned(), ToString::to_string)
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

impl Caller {
    /// POSTs JSON under an id; success is a status from 200 to 299.
    pub(super) async fn post(&self, webhook: &str, id: &str, body: String) -> Result<(), Error> {
        let called = tokio::time::timeout(DEADLINE, self.call(webhook, id, body)).await;
        called.unwrap_or(Err(Error::Slow))
    }

    async fn call(&self, webhook: &str, id: &str, body: String) -> Result<(), Error> {
        let bad = || Error::Address(host(webhook));
        let uri: Uri = webhook.parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?.clone();
        let target = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(target)
            .header(HOST, authority.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header(USER_AGENT, concat!("dropleaf/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| bad())?;
        let line = self.connect(&uri).await.map_err(Error::Unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(line))
            .await
            .map_err(Error::Broken)?;
        // It ends when the sender and the answer are dropped.
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(Error::Broken);
        connection.abort();
        let answer = answer?;
        let status = answer.status();
        if status.is_redirection() {
            let to = answer
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok());
            return Err(Error::Redirect(host(to.unwrap_or_default())));
        }
        status
            .is_success()
            .then_some(())
            .ok_or(Error::Refused(status))
    }

    async fn connect(&self, uri: &Uri) -> io::Result<Box<dyn Line>> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        if !secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tls = match self.tls.get() {
            Some(tls) => tls.clone(),
            None => {
                let made = tokio::task::spawn_blocking(|| connector(&[])).await;
                let made = made.map_err(io::Error::other)?.map_err(untrusting)?;
                self.tls.get_or_init(|| made).clone()
            }
        };
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

/// Webhooks have no certificates named for them: whom the daemon trusts is said in its environment.
fn untrusting(error: tls::Error) -> io::Error {
    match error {
        tls::Error::Nobody => io::Error::other(format!(
            "{error}, or name a file of certificates in the daemon's environment (`SSL_CERT_FILE`)"
        )),
        other => io::Error::other(other),
    }
}
