//! TLS by rustls, where the configuration names a certificate. Browsers then speak HTTP/2, and open as many streams as they
//! like over one connection.
//!
//! Certificates are renewed while the daemon runs. Whether the files have changed is looked at when somebody connects, every few
//! seconds at most: they are often links into folders that are swapped as a whole, whose changes no notification tells of.

mod lifetime;

use crate::http::config::Tls;
use crate::http::tls::lifetime::{Age, Lifetime};
use crate::time::Timestamp;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("failed to read `{path}`, which `tls` names")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{path}`, which `tls` names, holds no {what} in PEM form")]
    Empty {
        /// Which.
        path: PathBuf,
        /// `certificate`, `private key`.
        what: &'static str,
    },
    /// The key is locked with a password.
    #[error(
        "`{path}`, which `tls` names, is encrypted, and nobody is there who could type its password: write it without one (`openssl pkey -in {path} -out FILE`) to a file that only the daemon may read"
    )]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// The two do not make a pair.
    #[error(
        "`{key}` is not the key of the first certificate in `{certificate}`: `tls` must name the two that were made together, and the daemon's own certificate stands before those that vouch for it"
    )]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The two are of a kind that is not known, or broken.
    #[error("the certificate and the key that `tls` names cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// No key is longer.
const MAX_KEY: u64 = 64 << 10;

/// The files are looked at no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A certificate in use, and the files that it came from.
pub struct Certificate {
    files: Tls,
    look_every: Duration,
    state: Mutex<State>,
}

struct State {
    pair: Pair,
    /// What was said last of the certificate's age.
    told: Age,
    /// What the files were when they were last read, whether they were good or not.
    stamps: [Option<Stamp>; 2],
    looked: Instant,
}

/// A certificate with its key, and how long it is good.
struct Pair {
    acceptor: TlsAcceptor,
    lifetime: Option<Lifetime>,
}

/// By what a file is known to be the same. Links are followed.
type Stamp = (u64, u64, i64, i64);

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Error`] names the file and what is wrong.
    pub fn read(files: &Tls) -> Result<Self, Error> {
        Self::read_every(files, LOOK_EVERY)
    }

    pub(crate) fn read_every(files: &Tls, look_every: Duration) -> Result<Self, Error> {
        let stamps = stamps(files);
        let certificate = Self {
            files: files.clone(),
            look_every,
            state: Mutex::new(State {
                pair: read(files)?,
                told: Age::Good,
                stamps,
                looked: Instant::now(),
            }),
        };
        certificate.tell_age();
        Ok(certificate)
    }

    /// What accepts the next connection. Files that have changed are read again; where they cannot be used, the old ones go on.
    pub(crate) async fn current(self: &Arc<Self>) -> TlsAcceptor {
        let is_due = {
            let mut state = self.state();
            let is_due = state.looked.elapsed() >= self.look_every;
            if is_due {
                // Others who connect meanwhile do not look too.
                state.looked = Instant::now();
            }
            is_due
        };
        if is_due {
            let this = Arc::clone(self);
            if let Err(error) = tokio::task::spawn_blocking(move || this.look()).await {
                tracing::error!(%error, "looking at the certificate panicked");
            }
        }
        self.state().pair.acceptor.clone()
    }

    fn look(&self) {
        self.read_again();
        self.tell_age();
    }

    /// Says of a certificate's age what has not been said yet.
    fn tell_age(&self) {
        let mut state = self.state();
        let Some(lifetime) = state.pair.lifetime else {
            return;
        };
        let age = lifetime.age(Timestamp::now());
        if age != state.told {
            state.told = age;
            lifetime.tell(age, &self.files.certificate);
        }
    }

    fn read_again(&self) {
        let now = stamps(&self.files);
        if now == self.state().stamps {
            return;
        }
        // Also where they cannot be used: it is said once for each change, not once a connection.
        self.state().stamps = now;
        let path = self.files.certificate.display();
        match read(&self.files) {
            Ok(pair) => {
                let mut state = self.state();
                (state.pair, state.told) = (pair, Age::Good);
                drop(state);
                tracing::info!(certificate = %path, "the certificate has changed and is used from now on");
            }
            Err(error) => tracing::error!(
                error = crate::problem::chain(&error),
                "the certificate has changed and cannot be used: the old one goes on until the files change again"
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamps(files: &Tls) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    })
}

/// Reads a certificate and its key.
fn read(tls: &Tls) -> Result<Pair, Error> {
    let refused = |path: &Path, what: &'static str, error: pem::Error| match error {
        pem::Error::Io(source) => Error::Unreadable {
            path: path.to_path_buf(),
            source,
        },
        _ => Error::Empty {
            path: path.to_path_buf(),
            what,
        },
    };
    let chain = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused(&tls.certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(refused(
            &tls.certificate,
            "certificate",
            pem::Error::NoItemsFound,
        ));
    }
    let lifetime = chain
        .first()
        .and_then(|certificate| Lifetime::of(certificate));
    let key = PrivateKeyDer::from_pem_file(&tls.key);
    if is_locked(&tls.key) {
        return Err(Error::Locked {
            path: tls.key.clone(),
        });
    }
    let key = key.map_err(|error| refused(&tls.key, "private key", error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Error::Mismatch {
                certificate: tls.certificate.clone(),
                key: tls.key.clone(),
            },
            other => other.into(),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Pair {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        lifetime,
    })
}

/// Whether a key's file says that it is encrypted: in its first line, or, in the older form, below it.
fn is_locked(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    read.is_ok() && (text.contains("BEGIN ENCRYPTED ") || text.contains("4,ENCRYPTED"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let certificate = write("cert.pem", &pair.cert.pem());
        let key = write("key.pem", &pair.signing_key.serialize_pem());
        let others = write("other.pem", &other.signing_key.serialize_pem());
        let said = |certificate: &Path, key: &Path| {
            let tls = Tls {
                certificate: certificate.to_path_buf(),
                key: key.to_path_buf(),
            };
            read(&tls).map_or_else(|error| error.to_string(), |_| "good".to_owned())
        };
        assert_eq!(said(&certificate, &key), "good");
        assert!(said(&key, &key).contains("key.pem`, which `tls` names, holds no certificate"));
        assert!(said(&certificate, &certificate).contains("holds no private key"));
        assert!(said(&certificate, &others).contains("other.pem` is not the key of the first"));
        for locked in [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----\n",
        ] {
            let locked = write("locked.pem", locked);
            assert!(
                said(&certificate, &locked)
                    .contains("locked.pem`, which `tls` names, is encrypted")
            );
        }
        let missing = folder.path().join("missing.pem");
        assert!(said(&missing, &key).starts_with("failed to read"));
    }
}
