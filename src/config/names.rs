//! `hosts` and `origins`: entries that no client can ever send are faults, and not names that nobody comes by.

use std::net::Ipv6Addr;

/// Why no client can call the daemon by this entry of `hosts`.
pub(crate) fn host_fault(entry: &str) -> Option<String> {
    let without_port = entry.rsplit_once(':').map(|(host, _)| host);
    let advice = match without_port.filter(|host| is_host(host)) {
        _ if is_host(entry) => return None,
        _ if entry.contains("://") => "it is a name without `http://` or a path".to_owned(),
        _ if entry.contains('*') => "each name is listed in full".to_owned(),
        _ if entry.parse::<Ipv6Addr>().is_ok() => {
            format!("an address of this kind has brackets: `[{entry}]`")
        }
        Some(host) => format!("it is a name without a port: `{host}`"),
        None => "it is a host name as clients send it, such as `scans.example`".to_owned(),
    };
    Some(format!("no client comes by that name; {advice}"))
}

/// Why no page can have this entry of `origins`.
pub(crate) fn origin_fault(entry: &str) -> Option<String> {
    const FORM: &str = "an origin is `https://` and a host, such as `https://wiki.example`";
    let fault = |advice: &str| Some(format!("no page has that origin; {advice}"));
    // Pages without an origin of their own send this word.
    if entry == "null" {
        return None;
    }
    let Some((scheme, rest)) = entry.split_once("://") else {
        return fault(FORM);
    };
    // One at the end is not looked at.
    let rest = rest.trim_end_matches('/');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if let Some((host, _)) = rest.split_once(['/', '?', '#'])
        && is_scheme
    {
        return fault(&format!("it has no path: `{scheme}://{host}`"));
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if is_host(host) => (host, Some(port)),
        _ => (rest, None),
    };
    if !is_scheme || !is_host(host) {
        return fault(FORM);
    }
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => "",
    };
    match port {
        None => None,
        Some(port) if port == usual => fault(&format!(
            "browsers leave out the usual port: `{scheme}://{host}`"
        )),
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => None,
        Some(_) => fault("ports go from 1 to 65535"),
    }
}

/// A host as it stands in a request: a name, an address, an IPv6 address in brackets. Names with other letters are sent in their ASCII form.
fn is_host(text: &str) -> bool {
    if let Some(inside) = text.strip_prefix('[') {
        let address = inside.strip_suffix(']').map(str::parse::<Ipv6Addr>);
        return address.is_some_and(|parsed| parsed.is_ok());
    }
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.len() <= 253
        && text
            .strip_suffix('.')
            .unwrap_or(text)
            .split('.')
            .all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That the fault says this, or that there is none where nothing is expected.
    fn hold(entry: &str, fault: Option<String>, expected: &str) {
        let said = fault.unwrap_or_default();
        assert!(
            said.contains(expected) && said.is_empty() == expected.is_empty(),
            "{entry}: {said}"
        );
    }

    #[test]
    fn hosts_that_no_client_sends_are_told_apart() {
        for (entry, expected) in [
            ("scans.example", ""),
            ("Scans_1.example.", ""),
            ("192.168.1.5", ""),
            ("[fe80::1]", ""),
            ("*", "each name is listed in full"),
            ("*.example", "each name is listed in full"),
            ("a b", "as clients send it"),
            ("", "as clients send it"),
            ("bücher.example", "as clients send it"),
            ("scans.example:7311", "without a port: `scans.example`"),
            ("fe80::1", "brackets: `[fe80::1]`"),
            ("https://scans.example", "without `http://`"),
        ] {
            hold(entry, host_fault(entry), expected);
        }
    }

    #[test]
    fn origins_that_no_page_has_are_told_apart() {
        for (entry, expected) in [
            ("https://wiki.example", ""),
            ("https://wiki.example/", ""),
            ("http://127.0.0.1:3000", ""),
            ("http://[::1]:3000", ""),
            ("chrome-extension://abcdef", ""),
            ("null", ""),
            ("*", "an origin is"),
            ("wiki.example", "an origin is"),
            ("https://*.example", "an origin is"),
            ("https://", "an origin is"),
            ("http://x/y", "no path: `http://x`"),
            ("https://x:443", "usual port: `https://x`"),
            ("http://x:99999", "from 1 to 65535"),
        ] {
            hold(entry, origin_fault(entry), expected);
        }
    }
}
