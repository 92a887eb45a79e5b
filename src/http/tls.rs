//! TLS by rustls, where the configuration names a certificate. Browsers then speak HTTP/2, and open as many streams as they
//! like over one connection.

use crate::http::config::Tls;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

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
    /// The two do not make a pair, or are of a kind that is not known.
    #[error("the certificate and the key that `tls` names cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// What accepts TLS connections with a certificate.
///
/// # Errors
/// [`Error`] names the file and what is wrong.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Error> {
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
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| refused(&tls.key, "private key", error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
            acceptor(&tls).map_or_else(|error| error.to_string(), |_| "good".to_owned())
        };
        assert_eq!(said(&certificate, &key), "good");
        assert!(said(&key, &key).contains("key.pem`, which `tls` names, holds no certificate"));
        assert!(said(&certificate, &certificate).contains("holds no private key"));
        assert!(said(&certificate, &others).contains("cannot be used together"));
        let missing = folder.path().join("missing.pem");
        assert!(said(&missing, &key).starts_with("failed to read"));
    }
}
