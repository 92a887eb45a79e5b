//! How many streams each client has open, so that one cannot take them all from the others.

use crate::http::head::Head;
use crate::http::session::Sessions;
use http::header::AUTHORIZATION;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who holds streams: a session of the page, a program with the token from one machine, or one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    Session(String),
    Program(Option<IpAddr>),
    Machine(Option<IpAddr>),
}

/// The open streams of each client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<Client, usize>>>,
}

/// A client's right to one stream; dropped with the stream.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    client: Client,
}

impl Seats {
    /// A seat for the client of a request, if it has fewer than `most`; with the token and the sessions, where there is one.
    pub(crate) fn take(
        &self,
        head: &Head,
        known: Option<(&str, &Sessions)>,
        most: usize,
    ) -> Option<Seat> {
        let client = Client::of(head, known);
        let mut taken = self.taken();
        let count = taken.entry(client.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(taken);
        let seats = self.clone();
        Some(Seat { seats, client })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Nobody becomes another client by claiming so: only a session that was checked counts as one, and only where there is a token
    /// has its header been looked at.
    fn of(head: &Head, known: Option<(&str, &Sessions)>) -> Self {
        let machine = head.peer.map(|peer| peer.0.ip());
        if known.is_some() && head.headers.contains_key(AUTHORIZATION) {
            return Self::Program(machine);
        }
        let session = known.and_then(|(token, sessions)| sessions.valid(token, &head.headers));
        match session {
            Some(session) => Self::Session(session.to_owned()),
            None => Self::Machine(machine),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::Peer;
    use http::header::{COOKIE, HeaderValue};
    use http::{HeaderMap, Method};
    use std::net::SocketAddr;

    const TOKEN: &str = "0123456789abcdef0123";

    fn head(machine: u8, cookie: Option<&str>) -> Head {
        let mut headers = HeaderMap::new();
        if let Some(cookie) = cookie {
            let value = HeaderValue::from_str(cookie).expect("a header");
            headers.insert(COOKIE, value);
        }
        Head {
            method: Method::GET,
            path: String::new(),
            query: String::new(),
            headers,
            authority: None,
            peer: Some(Peer(SocketAddr::from(([192, 0, 2, machine], 7)))),
        }
    }

    #[test]
    fn one_client_takes_nothing_from_another_and_gives_back_what_it_leaves() {
        let seats = Seats::default();
        let home = tempfile::tempdir().expect("a folder");
        let sessions = Sessions::load(home.path());
        let take = |head: &Head| seats.take(head, Some((TOKEN, &sessions)), 2);
        let one = take(&head(1, None)).expect("the first");
        let two = take(&head(1, Some("dropleaf_session=1.made-up"))).expect("the second");
        assert!(take(&head(1, None)).is_none(), "no third");
        let mut claims = head(1, None);
        let value = HeaderValue::from_static("Bearer made-up");
        claims.headers.insert(AUTHORIZATION, value);
        assert!(
            seats.take(&claims, None, 2).is_none(),
            "nobody looked at it"
        );
        let other = take(&head(2, None)).expect("another machine");
        let cookie = sessions.open(TOKEN, false);
        let page = take(&head(1, cookie.split(';').next())).expect("a session of its own");
        drop(one);
        let again = take(&head(1, None));
        assert!(again.is_some());
        drop((again, two, other, page));
        assert!(
            seats.taken().is_empty(),
            "nothing is held for those who left"
        );
    }
}
