//! Why the daemon could not be asked, or would not.

use crate::client::address::{Address, NotAnAddress};
use crate::client::tls;
use crate::problem::chain;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A command did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address.
    #[error(transparent)]
    Address(#[from] NotAnAddress),
    /// The token holds something that no header can.
    #[error("the token is not usable: it may hold only visible ASCII characters")]
    Token,
    /// A path or header that cannot be sent.
    #[error("the request cannot be sent: its path is not valid")]
    Request,
    /// Nothing listens there.
    #[error("no daemon answers at {0}: start one with `dropleaf serve`")]
    NoDaemon(Address),
    /// It took the question and says nothing.
    #[error("the daemon at {address} has not answered for {} s: look at its log, and restart it if it is stuck", after.as_secs())]
    Silent {
        /// Where.
        address: Address,
        /// How long.
        after: Duration,
    },
    /// The machine cannot be reached.
    #[error("cannot reach {address}")]
    Unreachable {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be spoken, whoever is there.
    #[error("cannot speak TLS to {address}")]
    Tls {
        /// To whom.
        address: Address,
        /// Why.
        #[source]
        source: tls::Error,
    },
    /// Whoever is there is not trusted.
    #[error("no TLS connection to {address}: {why}")]
    Distrusted {
        /// Where.
        address: Address,
        /// What is wrong with the certificate, and what to do.
        why: String,
    },
    /// Whoever is there speaks no TLS, or not ours.
    #[error("no TLS connection to {address}: if it speaks no TLS, use http://")]
    Handshake {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The daemon went away, or it is none.
    #[error("the daemon at {address} broke off")]
    Broken {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The answer ended early, or is larger than anything we ask for.
    #[error("the daemon's answer broke off")]
    Cut(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else listens there.
    #[error("what answers at {address} is not a dropleaf daemon")]
    NotJson {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The same, before anything was said to it.
    #[error(
        "what answers at {0} is not a dropleaf daemon: start the home's with `dropleaf serve`, on another port if that program needs this one"
    )]
    Stranger(Address),
    /// The home's daemon was meant, and another home's answers.
    #[error(
        "the daemon at {address} serves {serves} and not the home `{home}`, whose own daemon does not answer: start that with \
         `dropleaf --home {home} serve` (two homes need two ports: `listen` in config.yaml), or name the daemon that is meant with \
         `--daemon ADDRESS:PORT`",
        home = home.display()
    )]
    AnotherHome {
        /// Where.
        address: Address,
        /// The home that was meant.
        home: PathBuf,
        /// The home that is served, in words.
        serves: String,
    },
    /// What the home tells of its daemon cannot be read.
    #[error("failed to read `{}`", path.display())]
    Home {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file to be sent cannot be read.
    #[error("failed to read `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The daemon said no.
    #[error("{detail}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        detail: String,
        /// What to do.
        hint: Option<String>,
        /// All it said.
        document: Value,
    },
}

impl Error {
    /// What to do, where it is not in the text already.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::Home { .. } => Some(
                "be the user that the daemon runs as, or name the daemon with `--daemon ADDRESS:PORT`",
            ),
            Self::Tls {
                source: tls::Error::Nobody,
                ..
            } => Some("or name the daemon's certificate with `--ca FILE`"),
            _ => None,
        }
    }

    /// Whether nothing can have come of the request: it was not sent, or refused.
    #[must_use]
    pub const fn is_before_sending(&self) -> bool {
        !matches!(
            self,
            Self::Silent { .. } | Self::Broken { .. } | Self::Cut(_) | Self::NotJson { .. }
        )
    }

    /// As JSON, for programs: `detail`, and `type`, `status` and `hint` where there are such.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut told = json!({ "detail": chain(self) });
        if let Self::Refused {
            status, document, ..
        } = self
        {
            told["status"] = (*status).into();
            if document["type"].is_string() {
                told["type"] = document["type"].clone();
            }
        }
        if let Some(hint) = self.hint() {
            told["hint"] = hint.into();
        }
        told
    }

    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Silent { .. }
            | Self::NoDaemon(_)
            // The one that is meant may come back, there or elsewhere.
            | Self::Stranger(_)
            | Self::AnotherHome { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Cut(_) => true,
            // What is wrong with a certificate or a host's name stays wrong; a line that breaks off may not.
            Self::Handshake { source, .. } => !matches!(
                source.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
            ),
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    pub(crate) fn no_daemon(address: &Address, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::ConnectionRefused {
            return Self::NoDaemon(address.clone());
        }
        Self::Unreachable {
            address: address.clone(),
            source,
        }
    }

    /// From a problem document, or whatever came instead of one.
    pub(crate) fn refused(status: u16, document: Value) -> Self {
        let text = |key: &str| document[key].as_str().map(str::to_owned);
        let detail = text("detail")
            .or_else(|| text("title"))
            .unwrap_or_else(|| format!("the daemon answered with status {status}"));
        let detail = with_faults(detail, &document["errors"]);
        Self::Refused {
            status,
            detail,
            hint: text("hint"),
            document,
        }
    }
}

/// Faults one a line, as `dropleaf check` prints them.
fn with_faults(mut detail: String, faults: &Value) -> String {
    for fault in faults.as_array().into_iter().flatten() {
        let text = |key: &str| fault[key].as_str().unwrap_or_default().to_owned();
        detail.push_str(&format!(
            "\n{}:{}:{}: {}",
            text("file"),
            fault["line"],
            fault["column"],
            text("message")
        ));
        if !text("hint").is_empty() {
            detail.push_str(&format!("\n  {}", text("hint")));
        }
    }
    detail
}
