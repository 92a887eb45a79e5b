//! Where the daemon listens, who may talk to it, and how much it takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The HTTP part of the daemon's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What clients must know; needed wherever other machines can reach `listen`.
    pub token: Option<String>,
    /// Allows other machines in without a token.
    pub insecure: bool,
    /// Names by which clients may call us, besides `localhost` and the address itself.
    pub hosts: Vec<String>,
    /// Web origins besides our own that may use the API: `https://example.org`.
    pub origins: Vec<String>,
    /// Bytes of an uploaded file.
    pub max_upload: u64,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one machine; a quarter of all where it is not said.
    pub max_client_connections: Option<usize>,
    /// Event streams of one client.
    pub max_client_streams: usize,
    /// What TLS is spoken with; without it nothing is encrypted.
    pub tls: Option<Tls>,
    /// How long a client may take to send its request's head.
    pub head_timeout: Duration,
    /// How long open connections have after the word to stop.
    pub stop_within: Duration,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM: the certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7311),
            token: None,
            insecure: false,
            hosts: Vec::new(),
            origins: Vec::new(),
            max_upload: 4 << 30,
            max_connections: 1024,
            max_client_connections: None,
            max_client_streams: 64,
            tls: None,
            head_timeout: Duration::from_secs(10),
            stop_within: Duration::from_millis(900),
        }
    }
}

/// A configuration that would not be safe, or cannot work.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Other machines could use the daemon.
    #[error(
        "refusing to listen on `{0}` without a token: other machines could reach it, and everyone there could run \
         pipelines; set a token (`token`), listen on 127.0.0.1, or say `insecure: true`"
    )]
    Open(SocketAddr),
    /// Too easy to guess, or not sendable in a header.
    #[error(
        "the token is not usable: it needs at least 16 visible ASCII characters without spaces; \
         `openssl rand -hex 32` makes a good one"
    )]
    WeakToken,
}

impl Config {
    /// Checks what no one setting shows by itself.
    ///
    /// # Errors
    /// [`Unsafe`] says which and what to do.
    pub fn check(&self) -> Result<(), Unsafe> {
        match &self.token {
            Some(token) if !is_usable(token) => Err(Unsafe::WeakToken),
            None if !self.listen.ip().is_loopback() && !self.insecure => {
                Err(Unsafe::Open(self.listen))
            }
            _ => Ok(()),
        }
    }
}

fn is_usable(token: &str) -> bool {
    token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_needs_a_token() {
        let check = |listen: &str, token: Option<&str>, insecure, expected: Result<(), Unsafe>| {
            let config = Config {
                listen: listen.parse().expect("an address"),
                token: token.map(str::to_owned),
                insecure,
                ..Config::default()
            };
            assert_eq!(config.check(), expected, "{listen} {token:?} {insecure}");
        };
        let open = |listen: &str| Err(Unsafe::Open(listen.parse().expect("an address")));
        check("127.0.0.1:7311", None, false, Ok(()));
        check("[::1]:7311", None, false, Ok(()));
        check("0.0.0.0:7311", None, false, open("0.0.0.0:7311"));
        check("[::]:7311", None, false, open("[::]:7311"));
        check("192.168.1.5:80", None, false, open("192.168.1.5:80"));
        check("192.168.1.5:80", None, true, Ok(()));
        check("0.0.0.0:7311", Some("0123456789abcdef"), false, Ok(()));
        check(
            "127.0.0.1:7311",
            Some("short"),
            false,
            Err(Unsafe::WeakToken),
        );
        check(
            "127.0.0.1:7311",
            Some("0123456789 abcdef"),
            false,
            Err(Unsafe::WeakToken),
        );
    }
}
