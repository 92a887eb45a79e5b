//! Talking to a running daemon, for the commands: JSON there and back, uploads, and feeds that reconnect by themselves.
//!
//! One connection for each request: commands are short, and the daemon is on the same machine or close by.

pub mod address;
pub mod error;
pub mod feed;
pub mod sse;
pub mod tls;

use crate::client::address::Address;
use crate::client::error::Error;
use crate::owner;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderName, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

const CONNECT: Duration = Duration::from_secs(5);
/// Questions are answered from memory and the journal; a daemon that takes longer is stuck.
const ANSWER: Duration = Duration::from_secs(60);
/// A feed's head comes at once, and heartbeats after it; this is two and a half of them.
const SILENCE: Duration = Duration::from_millis(37_500);
/// An answer that is held in memory is not longer than this.
const MAX_ANSWER: usize = 64 << 20;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A daemon to talk to.
#[derive(Clone)]
pub struct Client {
    address: Address,
    token: Option<String>,
    tls: Option<TlsConnector>,
    /// How long a feed may say nothing before it begins.
    silence: Duration,
    /// Whether certificates are trusted besides those of the system.
    names: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The daemon at `address` (`host:port`, a bare host or port, with or without `http://` or `https://`). Over `https`, those are
    /// trusted whom the system trusts, and the certificates in `trusted`.
    ///
    /// # Errors
    /// It is not an address, the token cannot be sent in a header, or nobody can be trusted.
    pub fn new(address: &str, token: Option<String>, trusted: &[PathBuf]) -> Result<Self, Error> {
        if token
            .as_deref()
            .is_some_and(|token| bearer(token).is_none())
        {
            return Err(Error::Token);
        }
        let address: Address = address.parse()?;
        let tls = address.is_secure().then(|| connector(trusted)).transpose();
        Ok(Self {
            tls: tls.map_err(|source| Error::Tls {
                address: address.clone(),
                source,
            })?,
            address,
            token,
            silence: SILENCE,
            names: !trusted.is_empty(),
        })
    }

    /// Where the daemon is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// GETs JSON. `path` begins with `/` and is percent-encoded; see [`encode`].
    ///
    /// # Errors
    /// No daemon, a refusal, or an answer that is not JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        let request = self.request(Method::GET, path).body(empty());
        let answer = tokio::time::timeout(ANSWER, self.json(request)).await;
        answer.unwrap_or_else(|_| {
            Err(Error::Silent {
                address: self.address.clone(),
                after: ANSWER,
            })
        })
    }

    /// GETs text.
    ///
    /// # Errors
    /// No daemon, or a refusal.
    pub async fn get_text(&self, path: &str) -> Result<String, Error> {
        let request = Request::builder().header(ACCEPT, "text/plain, */*;q=0.5");
        let request = self.address_to(request, Method::GET, path).body(empty());
        let answer = self.send(request).await?;
        Ok(String::from_utf8_lossy(&collect(answer).await?).into_owned())
    }

    /// POSTs, with JSON if there is something to say. An answer without content is `null`.
    ///
    /// # Errors
    /// No daemon, a refusal, or an answer that is not JSON.
    pub async fn post(&self, path: &str, body: Option<&impl Serialize>) -> Result<Value, Error> {
        let request = self.request(Method::POST, path);
        let request = match body {
            None => request.header(CONTENT_LENGTH, 0).body(empty()),
            Some(body) => {
                let text = serde_json::to_vec(body).map_err(|_| Error::Request)?;
                request
                    .header(CONTENT_TYPE, "application/json")
                    .body(full(text))
            }
        };
        self.json(request).await
    }

    /// Sends a pipeline's text.
    ///
    /// # Errors
    /// No daemon, a refusal (with the faults), or an answer that is not JSON.
    pub async fn send_yaml(
        &self,
        method: Method,
        path: &str,
        yaml: Vec<u8>,
    ) -> Result<Value, Error> {
        let request = self
            .request(method, path)
            .header(CONTENT_TYPE, "application/yaml")
            .body(full(yaml));
        self.json(request).await
    }

    /// Uploads the file at `from` as `name` into a pipeline; `sent` hears the total of bytes sent so far.
    ///
    /// # Errors
    /// The file cannot be read, no daemon, or a refusal.
    pub async fn upload(
        &self,
        pipeline: &str,
        name: &str,
        from: &Path,
        sent: impl FnMut(u64) + Send + 'static,
    ) -> Result<Value, Error> {
        let unreadable = |source| Error::File {
            path: from.to_path_buf(),
            source,
        };
        let file = tokio::fs::File::open(from).await.map_err(unreadable)?;
        let meta = file.metadata().await.map_err(unreadable)?;
        if !meta.is_file() {
            return Err(unreadable(io::Error::other("it is not a file")));
        }
        let path = format!(
            "/api/v1/pipelines/{}/jobs?name={}",
            encode(pipeline),
            encode(name)
        );
        let body = StreamBody::new(pieces(file, sent).map(|piece| piece.map(Frame::data)));
        let request = self
            .request(Method::POST, &path)
            .header(CONTENT_TYPE, "application/pdf")
            .header(CONTENT_LENGTH, meta.len())
            .body(body.boxed_unsync());
        self.json(request).await
    }

    /// Which home the daemon serves, as [`owner::public`] tells it. The token is not said: it may be for another daemon.
    ///
    /// # Errors
    /// No daemon, or what answers is none.
    pub async fn home(&self) -> Result<String, Error> {
        let address = || self.address.clone();
        // Answered by no handler, and so at once.
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/api/v1/healthz")
            .header(HOST, self.address.to_string())
            .body(empty());
        let answer = tokio::time::timeout(ANSWER, self.exchange(request)).await;
        let answer = answer.map_err(|_| Error::Silent {
            address: address(),
            after: ANSWER,
        })??;
        let told = answer.headers().get(owner::HEADER);
        match told.and_then(|told| told.to_str().ok()) {
            Some(told) => Ok(told.to_owned()),
            // A daemon that has no room for one more says so before it knows what is asked.
            None if answer.status().is_server_error() || answer.status() == 429 => {
                Err(refusal(answer).await)
            }
            None => Err(Error::Stranger(address())),
        }
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let builder = Request::builder().header(ACCEPT, "application/json");
        self.address_to(builder, method, path)
    }

    fn address_to(
        &self,
        builder: http::request::Builder,
        method: Method,
        path: &str,
    ) -> http::request::Builder {
        let builder = builder
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string());
        match self.token.as_deref().and_then(bearer) {
            Some(value) => builder.header(AUTHORIZATION, value),
            None => builder,
        }
    }

    async fn json(&self, request: http::Result<Request<Body>>) -> Result<Value, Error> {
        let body = collect(self.send(request).await?).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|source| Error::NotJson {
            address: self.address.clone(),
            source,
        })
    }

    /// Opens a feed; any header beside the usual.
    pub(crate) async fn open(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Response<Incoming>, Error> {
        let builder = Request::builder().header(ACCEPT, "text/event-stream");
        let mut builder = self.address_to(builder, Method::GET, path);
        if let Some(id) = last_event_id {
            builder = builder.header(HeaderName::from_static("last-event-id"), id);
        }
        let answer = tokio::time::timeout(self.silence, self.send(builder.body(empty()))).await;
        answer.unwrap_or_else(|_| {
            Err(Error::Silent {
                address: self.address.clone(),
                after: self.silence,
            })
        })
    }

    async fn send(
        &self,
        request: http::Result<Request<Body>>,
    ) -> Result<Response<Incoming>, Error> {
        let answer = self.exchange(request).await?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(refusal(answer).await),
        }
    }

    async fn exchange(
        &self,
        request: http::Result<Request<Body>>,
    ) -> Result<Response<Incoming>, Error> {
        let request = request.map_err(|_| Error::Request)?;
        let stream = self.connect().await?;
        let broken = |source| Error::Broken {
            address: self.address.clone(),
            source,
        };
        let mut sender = match &self.tls {
            None => speak(stream).await.map_err(broken)?,
            Some(tls) => speak(self.encrypt(tls, stream).await?)
                .await
                .map_err(broken)?,
        };
        sender.send_request(request).await.map_err(broken)
    }

    async fn encrypt(
        &self,
        tls: &TlsConnector,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let failed =
            |source: io::Error| match tls::distrust(&source, self.address.host(), self.names) {
                Some(why) => Error::Distrusted {
                    address: self.address.clone(),
                    why,
                },
                None => Error::Handshake {
                    address: self.address.clone(),
                    source,
                },
            };
        let name = ServerName::try_from(self.address.host().to_owned())
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        match tokio::time::timeout(CONNECT, tls.connect(name, stream)).await {
            Ok(encrypted) => encrypted.map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn connect(&self) -> Result<TcpStream, Error> {
        let connecting = TcpStream::connect((self.address.host(), self.address.port()));
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok(stream)) => {
                // Without it a small request may wait; never worse than that.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Ok(Err(source)) => Err(Error::no_daemon(&self.address, source)),
            Err(_) => Err(Error::no_daemon(
                &self.address,
                io::ErrorKind::TimedOut.into(),
            )),
        }
    }
}

async fn refusal(answer: Response<Incoming>) -> Error {
    let status = answer.status().as_u16();
    let document = match collect(answer).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or(Value::Null),
        Err(_) => Value::Null,
    };
    Error::refused(status, document)
}

fn connector(trusted: &[PathBuf]) -> Result<TlsConnector, tls::Error> {
    let mut named = Vec::new();
    for path in trusted {
        named.extend(tls::read(path)?);
    }
    tls::connector(&named)
}

async fn speak<S>(stream: S) -> hyper::Result<SendRequest<Body>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer's body, or when the sender and the body are dropped.
    tokio::spawn(connection);
    Ok(sender)
}

/// `text` as one segment of a path or as a query's value.
#[must_use]
pub fn encode(text: &str) -> String {
    encode_bytes(text.as_bytes())
}

/// A path as a query's value, bytes and all.
#[must_use]
pub fn encode_path(path: &Path) -> String {
    encode_bytes(path.as_os_str().as_bytes())
}

fn encode_bytes(bytes: &[u8]) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encode(bytes, PLAIN).to_string()
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes))
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn collect(answer: Response<Incoming>) -> Result<Bytes, Error> {
    let limited = http_body_util::Limited::new(answer.into_body(), MAX_ANSWER);
    match limited.collect().await {
        Ok(all) => Ok(all.to_bytes()),
        Err(source) => Err(Error::Cut(source)),
    }
}

fn pieces(
    file: tokio::fs::File,
    sent: impl FnMut(u64) + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (file, sent, 0_u64);
    futures_util::stream::try_unfold(state, |(mut file, mut sent, total)| async move {
        let mut piece = vec![0; 64 * 1024];
        let count = tokio::io::AsyncReadExt::read(&mut file, &mut piece).await?;
        if count == 0 {
            return Ok(None);
        }
        piece.truncate(count);
        let total = total + count as u64;
        sent(total);
        Ok(Some((Bytes::from(piece), (file, sent, total))))
    })
}

#[cfg(test)]
mod tests;
