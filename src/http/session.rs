//! Sessions for the page, because `EventSource` cannot send headers: a cookie that says until when, sealed with a key made
//! from the token. Open sessions are not stored: they live through restarts, and a new token ends them all. Those that were
//! ended before their time are.

use crate::durable;
use crate::time::Timestamp;
use http::HeaderMap;
use http::header::COOKIE;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const NAME: &str = "dropleaf_session";
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Ended sessions that are remembered, the longest to live first.
const MOST: usize = 10_000;

/// The sessions that were ended before their time, each with it.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    file: PathBuf,
    until: Mutex<BTreeMap<String, i64>>,
}

impl Ended {
    /// Those that `file` remembers. Where it cannot be read there are none.
    pub(crate) fn load(file: PathBuf) -> Self {
        let until = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        };
        let until = until.unwrap_or_else(|error| {
            let file = file.display();
            tracing::warn!(%error, "failed to read `{file}`: sessions that were ended are good again until their time");
            BTreeMap::new()
        });
        Self {
            file,
            until: Mutex::new(until),
        }
    }

    /// Ends the session that a request belongs to, for this life and all later ones.
    ///
    /// # Errors
    /// It cannot be written down. It is ended all the same, as long as the daemon lives.
    pub(crate) fn end(&self, session: &str) -> Result<(), durable::Error> {
        let now = Timestamp::now().0;
        let mut ended = self.until();
        ended.insert(session.to_owned(), until(session).unwrap_or(now));
        ended.retain(|_, until| *until > now);
        while ended.len() > MOST {
            let first = ended.iter().min_by_key(|(_, until)| **until);
            let Some(first) = first.map(|(session, _)| session.clone()) else {
                break;
            };
            ended.remove(&first);
        }
        let text = serde_json::to_vec(&*ended).unwrap_or_default();
        durable::replace_private(&self.file, &text)
    }

    fn contains(&self, session: &str) -> bool {
        self.until().contains_key(session)
    }

    fn until(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `Set-Cookie` of a new session.
#[must_use]
pub fn open(token: &str, secure: bool) -> String {
    // No two sessions have the same time, since that is all that tells them apart.
    static LAST: AtomicI64 = AtomicI64::new(0);
    let wanted = Timestamp::now().plus(LIFETIME).0;
    let last = LAST.fetch_max(wanted, Ordering::Relaxed);
    let until = match last >= wanted {
        true => LAST.fetch_add(1, Ordering::Relaxed) + 1,
        false => wanted,
    };
    let secure = if secure { "; Secure" } else { "" };
    format!(
        "{NAME}={until}.{}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
        seal(token, until),
        LIFETIME.as_secs()
    )
}

/// The `Set-Cookie` that ends a session.
#[must_use]
pub fn close() -> String {
    format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Whether a request belongs to a session that is still good.
#[must_use]
pub(crate) fn is_valid(token: &str, headers: &HeaderMap, ended: &Ended) -> bool {
    valid(token, headers).is_some_and(|session| !ended.contains(session))
}

/// The session that a request belongs to, if its time has not come. It may have been ended.
#[must_use]
pub(crate) fn valid<'a>(token: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
        .find(|value| is_sealed(token, value, Timestamp::now()))
}

fn is_sealed(token: &str, value: &str, now: Timestamp) -> bool {
    let given = value.split_once('.').map(|(_, given)| given);
    let (Some(given), Some(until)) = (given, until(value)) else {
        return false;
    };
    until > now.0 && same(given, &seal(token, until))
}

/// Until when a session says that it is good.
fn until(value: &str) -> Option<i64> {
    value.split_once('.')?.0.parse().ok()
}

fn seal(token: &str, until: i64) -> String {
    let key = blake3::derive_key("dropleaf 2026 session cookie", token.as_bytes());
    blake3::keyed_hash(&key, &until.to_be_bytes())
        .to_hex()
        .to_string()
}

/// Equal, in a time that tells nothing about where they differ (`blake3::Hash` compares in constant time).
pub(crate) fn same(a: &str, b: &str) -> bool {
    blake3::hash(a.as_bytes()) == blake3::hash(b.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123";

    fn value(cookie: &str) -> String {
        let (pair, _) = cookie.split_once(';').expect("attributes");
        pair.strip_prefix("dropleaf_session=")
            .expect("the name")
            .to_owned()
    }

    #[test]
    fn a_session_is_good_for_its_token_until_its_time() {
        let cookie = value(&open(TOKEN, false));
        let now = Timestamp::now();
        assert!(is_sealed(TOKEN, &cookie, now));
        assert!(!is_sealed("another token of length", &cookie, now));
        assert!(!is_sealed(TOKEN, &cookie, now.plus(LIFETIME * 2)));
        // A clock that is set to and fro by a day shuts nobody out.
        let day = Duration::from_secs(24 * 3600);
        assert!(is_sealed(TOKEN, &cookie, now.plus(day)));
        let earlier = Timestamp(now.0 - 24 * 3_600_000);
        assert!(is_sealed(TOKEN, &cookie, earlier));
        let (until, seal) = cookie.split_once('.').expect("two parts");
        let later = format!("{}.{seal}", until.parse::<i64>().expect("a number") + 1);
        assert!(!is_sealed(TOKEN, &later, now));
        for bad in ["", ".", "x.y", "99999999999999", "-1."] {
            assert!(!is_sealed(TOKEN, bad, now), "{bad}");
        }
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_the_cookie() {
        for cookie in [open(TOKEN, true), close()] {
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
                "{cookie}"
            );
        }
        assert!(open(TOKEN, true).ends_with("; Secure"));
        assert!(close().contains("Max-Age=0"));
    }

    #[test]
    fn it_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        let text = format!("a=b; dropleaf_session={}; c=d", value(&open(TOKEN, false)));
        headers.insert(COOKIE, text.parse().expect("a header"));
        let ended = Ended::default();
        assert!(is_valid(TOKEN, &headers, &ended));
    }

    #[test]
    fn one_that_was_ended_stays_ended_and_no_other_is() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("ended.json");
        let headers = |cookie: &str| {
            let mut headers = HeaderMap::new();
            let text = format!("dropleaf_session={cookie}");
            headers.insert(COOKIE, text.parse().expect("a header"));
            headers
        };
        let (one, other) = (value(&open(TOKEN, false)), value(&open(TOKEN, false)));
        assert_ne!(one, other);
        Ended::load(file.clone()).end(&one).expect("written down");
        let later = Ended::load(file.clone());
        assert!(!is_valid(TOKEN, &headers(&one), &later));
        assert!(is_valid(TOKEN, &headers(&other), &later));
        later.end("1.gone").expect("written down");
        assert_eq!(
            Ended::load(file.clone()).until().len(),
            1,
            "its time had come"
        );
        std::fs::write(&file, "rubbish").expect("writable");
        assert!(is_valid(TOKEN, &headers(&one), &Ended::load(file)));
    }
}
