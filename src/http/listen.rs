//! Binding the daemon's address, with errors that say what to do.

use crate::http::config::{Config, Unsafe};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is not safe.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// Something else has the port.
    #[error(
        "cannot listen on `{0}`: the port is in use; stop the other program (perhaps another dropleaf), or choose \
         another port with `--listen {1}:PORT` (port 0 takes any free one)"
    )]
    InUse(SocketAddr, std::net::IpAddr),
    /// The address is not one of this machine's.
    #[error(
        "cannot listen on `{0}`: this machine has no such address; use 127.0.0.1 (only this machine) or 0.0.0.0 \
         (all networks, needs a token)"
    )]
    NotOurs(SocketAddr),
    /// A port below 1024.
    #[error(
        "cannot listen on `{0}`: no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE, so choose a higher one"
    )]
    Denied(SocketAddr),
    /// Anything else.
    #[error("cannot listen on `{address}`")]
    Io {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Checks the configuration and binds its address. Must be called inside a tokio runtime.
///
/// # Errors
/// [`Error`] names the address and what to do.
pub fn bind(config: &Config) -> Result<TcpListener, Error> {
    config.check()?;
    let address = config.listen;
    open(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::InUse(address, address.ip()),
        io::ErrorKind::AddrNotAvailable => Error::NotOurs(address),
        io::ErrorKind::PermissionDenied => Error::Denied(address),
        _ => Error::Io { address, source },
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the old connections' TIME_WAIT. On Linux this does not let two daemons share a port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(listen: &str) -> Config {
        Config {
            listen: listen.parse().expect("an address"),
            ..Config::default()
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_to_do() {
        let first = bind(&on("127.0.0.1:0")).expect("any port");
        let taken = first.local_addr().expect("bound").to_string();
        let error = bind(&on(&taken))
            .expect_err("the port is in use")
            .to_string();
        assert!(
            error.contains(&taken) && error.contains("in use"),
            "{error}"
        );
        assert!(error.contains("--listen 127.0.0.1:PORT"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let config = Config {
            insecure: true,
            ..on("192.0.2.1:7311")
        };
        let error = bind(&config)
            .expect_err("TEST-NET-1 is nobody's")
            .to_string();
        assert!(
            error.contains("192.0.2.1:7311") && error.contains("no such address"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_open_address_without_a_token_is_refused() {
        let error = bind(&on("0.0.0.0:0")).expect_err("not safe").to_string();
        assert!(
            error.contains("without a token") && error.contains("`token`"),
            "{error}"
        );
    }
}
