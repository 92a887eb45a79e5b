//! Which daemon a command asks: the one that was named, else the home's own, and never another home's.
//!
//! Where a home's daemon listened, another home's may listen by now: after a crash `state/address` stays, and two homes may say the
//! same `listen`. So a daemon that nobody named must tell which home it serves before it hears the token or anything else.

use crate::cli::{Remote, exit};
use crate::client::error::Error as ClientError;
use crate::client::{Client, tls};
use crate::command::Exit;
use crate::config::home::Home;
use crate::config::spec::{Config, ConfigSpec, Flags};
use crate::owner;
use anyhow::{Context as _, Result};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Whom a command asks.
pub(super) struct Whom<'a> {
    home: &'a Home,
    remote: &'a Remote,
    spec: ConfigSpec,
}

/// Asks the daemon that a command means.
pub(super) fn ask<T>(
    home: &Home,
    remote: &Remote,
    work: impl AsyncFnOnce(&Client) -> Result<T>,
) -> Result<T> {
    ask_again(home, remote, async |whom: &Whom<'_>| {
        work(&whom.meet().await?).await
    })
}

/// The same for a command that goes on after a restart of the daemon, which may be found elsewhere then.
pub(super) fn ask_again<T>(
    home: &Home,
    remote: &Remote,
    work: impl AsyncFnOnce(&Whom<'_>) -> Result<T>,
) -> Result<T> {
    let whom = Whom::new(home, remote)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    runtime.block_on(work(&whom)).map_err(explain_exit)
}

impl<'a> Whom<'a> {
    fn new(home: &'a Home, remote: &'a Remote) -> Result<Self> {
        if let Some(named) = &remote.ca {
            // A slip is said also where no TLS is spoken.
            tls::read(named).context("`--ca` names no certificate")?;
        }
        let config = Config::load(home.clone(), Flags::default());
        let spec = match (config, &remote.daemon) {
            (Ok(config), _) => config.spec,
            // Who names a daemon need not be able to read any home.
            (Err(_), Some(_)) => ConfigSpec::default(),
            (Err(error), None) => return Err(error.into()),
        };
        Ok(Self { home, remote, spec })
    }

    /// The daemon that was named, else the home's, where it listens at this moment; where there is no home, the one on the usual
    /// address.
    ///
    /// # Errors
    /// The home cannot be read, or what answers is not its daemon.
    pub(super) async fn meet(&self) -> Result<Client, ClientError> {
        if let Some(named) = &self.remote.daemon {
            return self.client(named);
        }
        let client = self.client(&self.own_address()?)?;
        if self.home.is_there() {
            self.must_be_ours(&client).await?;
        }
        Ok(client)
    }

    fn client(&self, address: &str) -> Result<Client, ClientError> {
        let own = || {
            let tls = self.spec.tls.as_ref()?;
            Some(self.home.root().join(&tls.certificate))
        };
        let trusted: Vec<PathBuf> = match &self.remote.ca {
            Some(named) => vec![named.clone()],
            None => own().filter(|path| path.is_file()).into_iter().collect(),
        };
        let token = self.remote.token.clone().or(self.spec.token.clone());
        Client::new(address, token, &trusted)
    }

    /// Programs on the daemon's machine need not speak TLS, but it must be by a loopback address.
    fn own_address(&self) -> Result<String, ClientError> {
        let path = self.home.address();
        let address = match std::fs::read_to_string(&path) {
            Ok(running) => running.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.spec.listen.to_string(),
            Err(source) => return Err(ClientError::Home { path, source }),
        };
        let socket: Option<SocketAddr> = address.parse().ok();
        let is_near =
            socket.is_none_or(|socket| socket.ip().is_loopback() || socket.ip().is_unspecified());
        if self.spec.tls.is_some() && !is_near {
            return Ok(format!("https://{address}"));
        }
        Ok(address)
    }

    async fn must_be_ours(&self, client: &Client) -> Result<(), ClientError> {
        let told = client.home().await?;
        // Read after it has answered: a daemon that starts for the first time makes the id.
        let path = self.home.id();
        let own = owner::public(&path);
        match own.map_err(|source| ClientError::Home { path, source })? {
            Some(own) if own == told => Ok(()),
            _ => Err(ClientError::AnotherHome {
                address: client.address().clone(),
                home: self.home.root().to_path_buf(),
                serves: in_words(&told),
            }),
        }
    }
}

/// The home that a daemon tells of. Where it lies is not told to everybody; that of the platform's data folder is known.
fn in_words(told: &str) -> String {
    let usual = Home::find(None).ok();
    let usual = usual.filter(|home| {
        let mark = owner::public(&home.id());
        mark.is_ok_and(|mark| mark.as_deref() == Some(told))
    });
    match usual {
        Some(home) => format!("the home `{}`", home.root().display()),
        None => format!("another home (its mark is {told})"),
    }
}

fn explain_exit(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<ClientError>() {
        Some(
            ClientError::NoDaemon(_)
            | ClientError::Unreachable { .. }
            | ClientError::Stranger(_)
            | ClientError::AnotherHome { .. },
        ) => error.context(Exit(exit::NO_DAEMON)),
        Some(refused) => match refused.hint().map(str::to_owned) {
            Some(hint) => anyhow::anyhow!("{error:#}; {hint}"),
            None => error,
        },
        None => error,
    }
}
