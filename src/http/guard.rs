//! Who may ask: the Host is ours (against DNS rebinding), the Origin is ours (against other sites in the same browser),
//! and the token is known (against everyone else). Research: DNS rebinding is stopped by the Host list, not by CORS.

use crate::http::config::Config;
use crate::http::head::Head;
use crate::http::refusal::{Kind, Refusal};
use crate::http::session::{self, Sessions};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, HOST, HeaderValue,
    ORIGIN, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderName, Method};
use std::net::IpAddr;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Everyone: the page's own files, the problem pages, the probes.
    Free,
    /// Everyone from our own pages: exchanging the token for a session.
    OwnPages,
    /// Who knows the token, from our own pages or no page at all.
    Token,
}

/// Refuses requests that are meant for someone else.
///
/// # Errors
/// 421 with the name that was used; 400 where there is none, or several (RFC 9112, section 3.2): a proxy may have gone by another one.
pub(crate) fn host(config: &Config, head: &Head) -> Result<(), Refusal> {
    if head.headers.get_all(HOST).iter().count() > 1 {
        return Err(Refusal::bad("the request has more than one Host header"));
    }
    let Some(authority) = &head.authority else {
        return Err(Refusal::bad("the request has no (valid) Host header"));
    };
    let name = host_of(authority);
    if is_ours(config, name) {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::BadHost,
        format!("`{name}` is not one of this daemon's names"),
    )
    .hint("use localhost or 127.0.0.1, or list the name under `hosts` in the configuration"))
}

fn is_ours(config: &Config, name: &str) -> bool {
    if name.eq_ignore_ascii_case("localhost")
        || config
            .hosts
            .iter()
            .any(|host| host.eq_ignore_ascii_case(name))
    {
        return true;
    }
    let bound = config.listen.ip();
    name.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_loopback() || ip == bound || bound.is_unspecified())
}

/// The host of `host[:port]`. What else may stand in an authority (`user@`) is not for a Host (RFC 9110, section 7.2).
fn host_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon)
            if authority[colon + 1..]
                .bytes()
                .all(|byte| byte.is_ascii_digit()) =>
        {
            &authority[..colon]
        }
        _ => authority,
    }
}

/// Refuses what pages of other sites ask for.
///
/// # Errors
/// 403 with the origin.
pub(crate) fn origin(config: &Config, head: &Head, entry: Entry) -> Result<(), Refusal> {
    if entry == Entry::Free {
        return Ok(());
    }
    let refuse = |who: &str| {
        Err(Refusal::new(
            Kind::ForbiddenOrigin,
            format!("a page of `{who}` may not use this daemon"),
        )
        .hint("if it should, list its origin under `origins` in the configuration"))
    };
    match head.text(ORIGIN) {
        Some(origin) if is_own(head, origin) || is_listed(config, origin) => Ok(()),
        Some(origin) => refuse(origin),
        None if head.headers.contains_key(ORIGIN) => refuse("an unreadable origin"),
        None => match head.text("sec-fetch-site") {
            None | Some("same-origin" | "none") => Ok(()),
            // A link that a person follows: it reads, and only she sees it.
            Some(_)
                if head.method == Method::GET
                    && head.text("sec-fetch-mode") == Some("navigate")
                    && head.text("sec-fetch-dest") == Some("document") =>
            {
                Ok(())
            }
            Some(_) => refuse("another site"),
        },
    }
}

/// Our own pages have the origin that the client calls us by; whether that name is ours has been checked.
fn is_own(head: &Head, origin: &str) -> bool {
    let host = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    match (host, &head.authority) {
        (Some(host), Some(authority)) => host.eq_ignore_ascii_case(authority),
        _ => false,
    }
}

fn is_listed(config: &Config, origin: &str) -> bool {
    config
        .origins
        .iter()
        .any(|listed| listed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Refuses who does not know the token.
///
/// # Errors
/// 401, and what would do.
pub(crate) fn token(
    config: &Config,
    head: &Head,
    entry: Entry,
    sessions: &Sessions,
) -> Result<(), Refusal> {
    let Some(token) = &config.token else {
        return Ok(());
    };
    if entry != Entry::Token || knows(token, head, sessions) {
        return Ok(());
    }
    let detail = if head.headers.contains_key(AUTHORIZATION) {
        "the token in the Authorization header is not the daemon's"
    } else {
        "this daemon answers only with its token"
    };
    Err(Refusal::new(Kind::Unauthorized, detail)
        .hint("send `Authorization: Bearer TOKEN`, or log in on the page; the token is in the daemon's configuration")
        .header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"dropleaf\""),
        ))
}

/// Whether a request carries the token or a session made from it.
pub(crate) fn knows(token: &str, head: &Head, sessions: &Sessions) -> bool {
    bears(token, head) || sessions.is_valid(token, &head.headers)
}

/// Whether a request carries the token itself.
fn bears(token: &str, head: &Head) -> bool {
    let bearer = head.text(AUTHORIZATION).and_then(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(rest.trim())
    });
    bearer.is_some_and(|given| session::same(given, token))
}

/// The session without which a request would not have been let in.
pub(crate) fn session<'a>(config: &Config, head: &'a Head, sessions: &Sessions) -> Option<&'a str> {
    let token = config.token.as_deref()?;
    match bears(token, head) {
        true => None,
        false => sessions.valid(token, &head.headers),
    }
}

/// What an answer must carry so that a page of a listed origin may read it. None by default.
pub(crate) fn cors(config: &Config, head: &Head) -> Vec<(HeaderName, HeaderValue)> {
    let Some(origin) = head.headers.get(ORIGIN) else {
        return Vec::new();
    };
    if !head
        .text(ORIGIN)
        .is_some_and(|text| is_listed(config, text))
    {
        return Vec::new();
    }
    let mut headers = vec![
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        ),
        (VARY, HeaderValue::from_static("origin")),
        (
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "etag, location, retry-after, content-disposition, content-range, accept-ranges, x-request-id, dropleaf-home",
            ),
        ),
    ];
    if head.method == Method::OPTIONS {
        headers.push((
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE"),
        ));
        headers.push((
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, if-match, if-none-match, if-range, last-event-id, range",
            ),
        ));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn head(method: Method, authority: &str, headers: &[(&'static str, &str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        Head {
            method,
            path: "/api/v1/jobs".into(),
            query: String::new(),
            headers: map,
            authority: Some(authority.to_owned()),
            peer: None,
        }
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let config = Config {
            hosts: vec!["scans.example".into()],
            ..Config::default()
        };
        let open = Config {
            listen: "0.0.0.0:7311".parse().expect("an address"),
            ..Config::default()
        };
        let check = |config: &Config, authority: &str, expected: bool| {
            let outcome = host(config, &head(Method::GET, authority, &[]));
            assert_eq!(outcome.is_ok(), expected, "{authority}");
        };
        for ours in [
            "localhost",
            "LOCALHOST:7311",
            "127.0.0.1",
            "127.0.0.1:9",
            "127.1.2.3",
            "[::1]:7311",
            "[::1]",
            "Scans.Example:80",
        ] {
            check(&config, ours, true);
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.5:7311",
            "localhost@evil.example",
            "user@localhost",
            "evil.example@localhost:7311",
            "",
        ] {
            check(&config, foreign, false);
        }
        check(&open, "192.168.1.5:7311", true);
        check(&open, "evil.example", false);
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let config = Config {
            origins: vec!["https://wiki.example".into()],
            ..Config::default()
        };
        let check = |method: Method, headers: &[(&'static str, &str)], expected: bool| {
            let request = head(method.clone(), "localhost:7311", headers);
            let outcome = origin(&config, &request, Entry::Token);
            assert_eq!(outcome.is_ok(), expected, "{method} {headers:?}");
        };
        check(Method::POST, &[], true);
        check(Method::POST, &[("origin", "http://localhost:7311")], true);
        check(Method::POST, &[("origin", "http://LOCALHOST:7311")], true);
        check(Method::POST, &[("origin", "https://wiki.example")], true);
        check(Method::POST, &[("origin", "https://evil.example")], false);
        check(Method::POST, &[("origin", "http://localhost:3000")], false);
        check(Method::POST, &[("origin", "null")], false);
        check(Method::GET, &[("origin", "https://evil.example")], false);
        check(Method::GET, &[("sec-fetch-site", "same-origin")], true);
        check(Method::GET, &[("sec-fetch-site", "none")], true);
        check(Method::GET, &[("sec-fetch-site", "cross-site")], false);
        check(Method::GET, &[("sec-fetch-site", "same-site")], false);
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        check(Method::GET, &link, true);
        check(Method::POST, &link, false);
        let frame = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ];
        check(Method::GET, &frame, false);
    }

    #[test]
    fn the_token_is_asked_for_where_it_is_set() {
        let secret = "0123456789abcdef0123";
        let config = Config {
            token: Some(secret.into()),
            ..Config::default()
        };
        let check = |authorization: Option<&str>, expected: bool| {
            let headers: Vec<_> = authorization
                .map(|value| ("authorization", value))
                .into_iter()
                .collect();
            let request = head(Method::GET, "localhost", &headers);
            let outcome = token(&config, &request, Entry::Token, &Sessions::default());
            assert_eq!(outcome.is_ok(), expected, "{authorization:?}");
            assert!(token(&config, &request, Entry::Free, &Sessions::default()).is_ok());
            assert!(
                token(
                    &Config::default(),
                    &request,
                    Entry::Token,
                    &Sessions::default()
                )
                .is_ok()
            );
        };
        check(None, false);
        check(Some("Bearer 0123456789abcdef0123"), true);
        check(Some("bearer  0123456789abcdef0123"), true);
        check(Some("Bearer 0123456789abcdef012"), false);
        check(Some("Bearer 0123456789abcdef01234"), false);
        check(Some("Basic 0123456789abcdef0123"), false);
        check(Some("0123456789abcdef0123"), false);
    }
}
