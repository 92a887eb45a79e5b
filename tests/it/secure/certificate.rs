//! Certificates for tests.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use std::path::{Path, PathBuf};

/// A certificate that signs itself, and its key, as files.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// One for these names or addresses, as `openssl req -x509` makes them: marked as an authority.
    pub(crate) fn for_names(names: &[&str], folder: &Path, stem: &str) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::write(params, folder, stem)
    }

    /// One that is no authority.
    pub(crate) fn plain(names: &[&str], folder: &Path, stem: &str) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Self::write(
            CertificateParams::new(names).expect("good names"),
            folder,
            stem,
        )
    }

    /// One that ended at the beginning of a year that is over.
    pub(crate) fn ended(names: &[&str], folder: &Path, stem: &str) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("good names");
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2025, 1, 1);
        Self::write(params, folder, stem)
    }

    fn write(params: CertificateParams, folder: &Path, stem: &str) -> Self {
        let pair = KeyPair::generate().expect("a key");
        let signed = params.self_signed(&pair).expect("a certificate");
        let (certificate, key) = (
            folder.join(format!("{stem}.pem")),
            folder.join(format!("{stem}.key")),
        );
        std::fs::write(&certificate, signed.pem()).expect("written");
        std::fs::write(&key, pair.serialize_pem()).expect("written");
        Self { certificate, key }
    }
}
