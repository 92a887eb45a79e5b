//! From when until when a certificate is good (RFC 5280, section 4.1.2.5), and what is said of that.

use crate::time::Timestamp;
use std::path::Path;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How long before its end a certificate is spoken of: those that renew themselves have been renewed by then.
const ENDING: Duration = Duration::from_secs(14 * 24 * 3600);

/// When a certificate begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    from: Timestamp,
    until: Timestamp,
}

/// How far a certificate is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Early,
    Good,
    Ending,
    Over,
}

impl Lifetime {
    /// What a certificate (DER) says; none where it cannot be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        let [from, until] = [validity.not_before, validity.not_after]
            .map(|at| Timestamp(at.timestamp().saturating_mul(1000)));
        Some(Self { from, until })
    }

    pub(super) fn age(self, now: Timestamp) -> Age {
        // The last second belongs to it.
        let end = self.until.plus(Duration::from_secs(1));
        if now < self.from {
            Age::Early
        } else if now >= end {
            Age::Over
        } else if end.since(now) <= ENDING {
            Age::Ending
        } else {
            Age::Good
        }
    }

    /// Says in the log what somebody should do something about.
    pub(super) fn tell(self, age: Age, path: &Path) {
        let certificate = path.display();
        let (from, until) = (self.from.rfc3339(), self.until.rfc3339());
        match age {
            Age::Good => {}
            Age::Early => tracing::warn!(
                %certificate,
                "the certificate is good from {from} only, and refused by clients until then: is the clock of this machine right?"
            ),
            Age::Ending => tracing::warn!(
                %certificate,
                "the certificate ends on {until}: write a new one in its place, which is used without a restart"
            ),
            Age::Over => tracing::error!(
                %certificate,
                "the certificate ended on {until}, and clients refuse it: write a new one in its place, which is used without a restart"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn a_certificate_is_early_good_ending_and_over() {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a good name");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 3, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let lifetime = Lifetime::of(certificate.der()).expect("it says so");
        let age = |text: &str| {
            let at: jiff::Timestamp = text.parse().expect("a time");
            lifetime.age(Timestamp(at.as_millisecond()))
        };
        assert_eq!(age("2025-12-31T23:59:59.999Z"), Age::Early);
        assert_eq!(age("2026-01-01T00:00:00Z"), Age::Good);
        assert_eq!(age("2026-02-14T23:59:59Z"), Age::Good);
        assert_eq!(age("2026-02-16T00:00:00Z"), Age::Ending);
        assert_eq!(age("2026-03-01T00:00:00.500Z"), Age::Ending);
        assert_eq!(age("2026-03-01T00:00:01Z"), Age::Over);
        assert!(Lifetime::of(b"no certificate").is_none());
    }
}
