//! Whom we trust when we speak TLS to others: those whom the system trusts, and certificates that somebody names.
//!
//! A certificate that is named is trusted for what it is, without regard to who signed it: people make theirs with
//! `openssl req -x509`, which marks them as an authority, and no library takes such a one for a server's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with certificates cannot be read.
    #[error("failed to read the certificate `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds none.
    #[error("`{}` holds no certificate in PEM form", .0.display())]
    Empty(PathBuf),
    /// There is nobody to trust.
    #[error(
        "nobody is trusted: the system has no root certificates; install its package of them (`ca-certificates`)"
    )]
    Nobody,
    /// The library refuses.
    #[error("TLS cannot be spoken")]
    Refused(#[from] TlsError),
}

/// The certificates of a file.
///
/// # Errors
/// It cannot be read, or holds none.
pub fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(all) if all.is_empty() => Err(Error::Empty(path.to_path_buf())),
        Ok(all) => Ok(all),
        Err(pem::Error::Io(source)) => Err(Error::Unreadable {
            path: path.to_path_buf(),
            source,
        }),
        Err(_) => Err(Error::Empty(path.to_path_buf())),
    }
}

/// Speaks TLS to those whom the system trusts, and to those with one of these certificates, or one that they vouch for.
///
/// # Errors
/// There is nobody to trust.
pub fn connector(named: &[CertificateDer<'static>]) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(named.iter().cloned());
    if roots.is_empty() {
        return Err(Error::Nobody);
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let config = if named.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let verifier = Named::new(named, roots, provider)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What is wrong with the certificate that a connection to `host` ended for, and what to do; `None` where it did not end for that.
pub(crate) fn distrust(error: &io::Error, host: &str, names: bool) -> Option<String> {
    let inside = error.get_ref()?.downcast_ref::<TlsError>()?;
    let TlsError::InvalidCertificate(what) = inside else {
        return None;
    };
    Some(match what {
        CertificateError::NotValidForName => {
            format!("its certificate is not one for `{host}`: ask for the daemon by a name that is in it, or have one made that has this name")
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "its certificate is not one for `{host}` but for {}: ask for the daemon by such a name, or have a certificate made that has this one",
            presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: have it renewed, or set this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: look at the clocks of both machines".to_owned()
        }
        CertificateError::BadEncoding => {
            "its certificate is broken: have a new one made".to_owned()
        }
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::Other(_) => match names {
            true => "its certificate is not the one that `--ca FILE` (or DROPLEAF_CA, or `tls` of the home) names, and that one does not vouch for it: name the file that `tls.certificate` of that daemon names",
            false => "nobody whom this system trusts vouches for its certificate: if the daemon has one of its own making, name it with `--ca FILE`",
        }
        .to_owned(),
        other => format!("its certificate cannot be used: {other}"),
    })
}

/// `scans.example` of the library's `DnsName("scans.example")`.
fn bare(name: &str) -> &str {
    let inside = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"')
}

/// Takes the certificates that were named, and asks the library about all others.
#[derive(Debug)]
struct Named {
    named: Vec<CertificateDer<'static>>,
    others: Arc<WebPkiServerVerifier>,
}

impl Named {
    fn new(
        named: &[CertificateDer<'static>],
        roots: RootCertStore,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let others = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self {
            named: named.to_vec(),
            others: others.map_err(|error| TlsError::General(error.to_string()))?,
        })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = self.others.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The very certificate that was named: who signed it does not matter, whom it is for does.
            Err(TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Other(_),
            )) if self.named.iter().any(|named| named == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.others.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.others.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}
