//! Sessions for the page, because `EventSource` cannot send headers: a cookie that says until when, sealed with a key made
//! from the token. Open sessions are not stored: they live through restarts, and a new token ends them all. Those that were
//! ended before their time are.
//!
//! Browsers send a host's cookies to all of its ports: each home has a name of its own for them, lest two daemons on one machine throw
//! each other's people out.

use crate::durable;
use crate::time::Timestamp;
use http::HeaderMap;
use http::header::COOKIE;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How the cookie's name begins. Alone it is the name that all homes had before they had names of their own; it is still taken.
pub(crate) const NAME: &str = "dropleaf_session";
/// How often a session's time is looked at, beside its end: the wall clock may be moved.
const LOOK: Duration = Duration::from_secs(3600);
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Ended sessions that are remembered, the longest to live first.
const MOST: usize = 10_000;

/// What is known of sessions: what their cookie is called here, and which were ended before their time.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    cookie: String,
    file: PathBuf,
    ended: Arc<Ended>,
    /// Told at each end.
    changes: watch::Sender<()>,
}

/// The sessions that were ended before their time, each with it.
#[derive(Debug, Default)]
struct Ended {
    until: Mutex<BTreeMap<String, i64>>,
}

impl Sessions {
    /// Those of this home, with the ended ones that it remembers. Where they cannot be read there are none.
    pub(crate) fn load(home: &Path) -> Self {
        let file = home.join("state/ended-sessions.json");
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
            cookie: format!("{NAME}_{}", mark(home)),
            file,
            ended: Arc::new(Ended {
                until: Mutex::new(until),
            }),
            changes: watch::Sender::default(),
        }
    }

    /// The `Set-Cookie` of a new session.
    pub(crate) fn open(&self, token: &str, secure: bool) -> String {
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
            "{}={until}.{}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            self.cookie,
            seal(token, until),
            LIFETIME.as_secs()
        )
    }

    /// The `Set-Cookie` that ends the session of a browser.
    pub(crate) fn close(&self) -> String {
        let name = &self.cookie;
        format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    /// Whether a request belongs to a session that is still good.
    #[must_use]
    pub(crate) fn is_valid(&self, token: &str, headers: &HeaderMap) -> bool {
        self.valid(token, headers).is_some()
    }

    /// The good session that a request belongs to.
    #[must_use]
    pub(crate) fn valid<'a>(&self, token: &str, headers: &'a HeaderMap) -> Option<&'a str> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie || *name == NAME)
            .map(|(_, value)| value)
            .find(|value| is_sealed(token, value, Timestamp::now()) && !self.ended.contains(value))
    }

    /// Resolves once a session is over: it was ended, or its time has come.
    pub(crate) fn over(&self, session: &str) -> impl Future<Output = ()> + Send + Sync + use<> {
        let (ended, session) = (Arc::clone(&self.ended), session.to_owned());
        // Before the first look, so that no end falls between.
        let mut changes = self.changes.subscribe();
        async move {
            while let Some(left) = ended.left(&session) {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() {
                        return;
                    },
                    () = tokio::time::sleep(left.min(LOOK)) => {}
                }
            }
        }
    }

    /// Ends the session that a request belongs to, for this life and all later ones.
    ///
    /// # Errors
    /// It cannot be written down. It is ended all the same, as long as the daemon lives.
    pub(crate) fn end(&self, session: &str) -> Result<(), durable::Error> {
        let now = Timestamp::now().0;
        let mut ended = self.ended.until();
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
        self.changes.send_replace(());
        durable::replace_private(&self.file, &text)
    }
}

impl Ended {
    /// How long a session still lives, if it does.
    fn left(&self, session: &str) -> Option<Duration> {
        let left = until(session)?.saturating_sub(Timestamp::now().0);
        let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
        (!self.contains(session)).then(|| Duration::from_millis(left))
    }

    fn contains(&self, session: &str) -> bool {
        self.until().contains_key(session)
    }

    fn until(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the homes of a machine apart, the same over restarts.
fn mark(home: &Path) -> String {
    let id = std::fs::read(home.join("state/home-id"));
    // A home that has none yet, or none that can be read, is told by its place.
    let id = id.unwrap_or_else(|_| home.as_os_str().as_bytes().to_vec());
    blake3::hash(&id).to_hex()[..8].to_owned()
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
        let (name, value) = pair.split_once('=').expect("a value");
        assert!(name.starts_with("dropleaf_session_"), "{name}");
        value.to_owned()
    }

    fn sessions(home: &Path) -> Sessions {
        std::fs::create_dir_all(home.join("state")).expect("a folder");
        Sessions::load(home)
    }

    fn headers(cookies: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookies.parse().expect("a header"));
        headers
    }

    #[test]
    fn a_session_is_good_for_its_token_until_its_time() {
        let home = tempfile::tempdir().expect("a folder");
        let cookie = value(&sessions(home.path()).open(TOKEN, false));
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
        let home = tempfile::tempdir().expect("a folder");
        let sessions = sessions(home.path());
        for cookie in [sessions.open(TOKEN, true), sessions.close()] {
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
                "{cookie}"
            );
        }
        assert!(sessions.open(TOKEN, true).ends_with("; Secure"));
        assert!(sessions.close().contains("Max-Age=0"));
    }

    #[test]
    fn each_home_has_a_cookie_of_its_own_and_finds_it_among_others() {
        let (one, other) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let (first, second) = (sessions(one.path()), sessions(other.path()));
        let pair = |sessions: &Sessions, token| {
            let cookie = sessions.open(token, false);
            cookie.split(';').next().expect("a pair").to_owned()
        };
        let theirs = pair(&second, "another token of length");
        let both = headers(&format!("a=b; {}; {theirs}", pair(&first, TOKEN)));
        assert!(first.is_valid(TOKEN, &both));
        assert!(second.is_valid("another token of length", &both));
        assert!(!second.is_valid(TOKEN, &both), "it is called otherwise");
        // As it was called before homes had names of their own.
        let old = format!("dropleaf_session={}", value(&first.open(TOKEN, false)));
        assert!(first.is_valid(TOKEN, &headers(&old)));
        // The name lasts as long as the home's id, wherever the home lies.
        std::fs::write(one.path().join("state/home-id"), "01X").expect("written");
        std::fs::write(other.path().join("state/home-id"), "01X").expect("written");
        let name = |home| Sessions::load(home).cookie;
        assert_eq!(name(one.path()), name(other.path()));
        assert_ne!(name(one.path()), first.cookie);
    }

    #[test]
    fn one_that_was_ended_stays_ended_and_no_other_is() {
        let home = tempfile::tempdir().expect("a folder");
        let first = sessions(home.path());
        let headers = |session: &str| headers(&format!("{NAME}={session}"));
        let (one, other) = (
            value(&first.open(TOKEN, false)),
            value(&first.open(TOKEN, false)),
        );
        assert_ne!(one, other);
        first.end(&one).expect("written down");
        let later = sessions(home.path());
        assert!(!later.is_valid(TOKEN, &headers(&one)));
        assert!(later.is_valid(TOKEN, &headers(&other)));
        later.end("1.gone").expect("written down");
        let again = sessions(home.path());
        assert_eq!(again.ended.until().len(), 1, "its time had come");
        std::fs::write(&again.file, "rubbish").expect("writable");
        assert!(sessions(home.path()).is_valid(TOKEN, &headers(&one)));
    }

    #[tokio::test]
    async fn it_is_over_when_it_is_ended_or_its_time_has_come() {
        let home = tempfile::tempdir().expect("a folder");
        let sessions = sessions(home.path());
        let (one, other) = (
            value(&sessions.open(TOKEN, false)),
            value(&sessions.open(TOKEN, false)),
        );
        let mut over = tokio::spawn(sessions.over(&one));
        let mut not = Box::pin(sessions.over(&other));
        sessions.end(&one).expect("written down");
        (&mut over).await.expect("it is over");
        sessions.over(&one).await;
        let soon = Timestamp::now().0 + 50;
        sessions.over(&format!("{soon}.x")).await;
        assert!(futures_util::FutureExt::now_or_never(&mut not).is_none());
    }
}
