//! Where a daemon is.

use std::fmt;
use std::str::FromStr;

const PORT: u16 = 7311;

/// Not an address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It has no such form.
    #[error("`{0}` is not a daemon's address; one looks like 127.0.0.1:7311")]
    Form(String),
}

/// A host and a port, and whether TLS is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    secure: bool,
}

impl Address {
    /// The host, as a name or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it was given as `https://`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
}

impl Default for Address {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: PORT,
            secure: false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    /// `host:port`, `[::1]:port`, a bare host, a bare `:port`, with or without `http://` or `https://`. An unspecified address, which is
    /// one to listen on, stands for this machine.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress::Form(text.to_owned());
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://").unwrap_or(text)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split(rest).ok_or_else(wrong)?;
        let port = match port {
            None => PORT,
            Some(port) => port.parse().map_err(|_| wrong())?,
        };
        if port == 0 || host.contains(['/', '@', ' ', '[', ']']) {
            return Err(wrong());
        }
        let host = match host {
            "" | "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            secure,
        })
    }
}

fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            rest => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        // More than one colon without brackets: an IPv6 address.
        Some((_, rest)) if rest.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
        None if text.is_empty() => None,
        None => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_many_forms() {
        let check = |text: &str, expected: &str| {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), expected, "{text}");
        };
        check("127.0.0.1:7311", "127.0.0.1:7311");
        check("localhost", "localhost:7311");
        check(":8000", "127.0.0.1:8000");
        check("http://scans.example:80/", "scans.example:80");
        check("[::1]:9", "[::1]:9");
        check("::1", "[::1]:7311");
        check("0.0.0.0:7311", "127.0.0.1:7311");
        check("[::]:7311", "[::1]:7311");
        for bad in [
            "",
            "a:b",
            "a:0",
            "a:70000",
            "http://a/b",
            "[::1",
            "x y",
            "u@h:1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let secure: Address = "https://scans.example".parse().expect("an address");
        assert!(secure.is_secure());
        assert_eq!(secure.to_string(), "scans.example:7311");
    }
}
