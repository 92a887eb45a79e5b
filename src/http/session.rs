//! Sessions for the page, because `EventSource` cannot send headers: a cookie that says until when, sealed with a key made
//! from the token. Nothing is stored: sessions live through restarts, and a new token ends them all.

use crate::time::Timestamp;
use http::HeaderMap;
use http::header::COOKIE;
use std::time::Duration;

const NAME: &str = "dropleaf_session";
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The `Set-Cookie` of a new session.
#[must_use]
pub fn open(token: &str, secure: bool) -> String {
    let until = Timestamp::now().plus(LIFETIME).0;
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
pub fn is_valid(token: &str, headers: &HeaderMap) -> bool {
    valid(token, headers).is_some()
}

/// The session that a request belongs to, if it is still good.
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
    let Some((until, given)) = value.split_once('.') else {
        return false;
    };
    let Ok(until) = until.parse::<i64>() else {
        return false;
    };
    until > now.0 && same(given, &seal(token, until))
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
        assert!(is_valid(TOKEN, &headers));
    }
}
