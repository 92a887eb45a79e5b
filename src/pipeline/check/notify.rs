//! Whom to tell how jobs ended: addresses that can be called.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::checked::{Notify, Outcome};
use crate::pipeline::spec::NotifySpec;
use http::Uri;

const EVERY_END: &[Outcome] = &[Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled];

impl Checker<'_> {
    pub(super) fn notify(&mut self, specs: &[NotifySpec]) -> Vec<Notify> {
        let mut checked = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            // Where it is missing there is a fault already.
            let Some(webhook) = &spec.webhook else {
                continue;
            };
            if let Err(why) = address(webhook) {
                self.fault(
                    &format!("/notify/{index}/webhook"),
                    format!("`webhook` {why}"),
                    "write for example `https://example.org/hook`",
                );
            }
            checked.push(Notify {
                webhook: webhook.clone(),
                when: spec.when.clone().unwrap_or_else(|| EVERY_END.to_vec()),
            });
        }
        checked
    }
}

fn address(webhook: &str) -> Result<(), &'static str> {
    let uri: Uri = webhook.parse().map_err(|_| "is not an address")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must begin with `https://` or `http://`");
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("must not hold a user or password")
        }
        Some(authority) if authority.host().is_empty() => Err("names no host"),
        Some(authority) => match authority.as_str().strip_prefix(authority.host()) {
            Some("" | ":") => Ok(()),
            Some(port) if is_port(port) => Ok(()),
            _ => Err("has a port that is none: they go from 1 to 65535"),
        },
        None => Err("names no host"),
    }
}

/// Whether this is `:` and a number that a port can have.
fn is_port(text: &str) -> bool {
    let number = text
        .strip_prefix(':')
        .and_then(|digits| digits.parse().ok());
    number.is_some_and(|number: u16| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_called_pass() {
        for (webhook, expected) in [
            ("https://example.org/hook", ""),
            ("http://127.0.0.1:8080", ""),
            ("http://[::1]:80/a?b=c", ""),
            ("http://a:65535/", ""),
            ("http://a:/", ""),
            ("http://a:99999/", "a port that is none"),
            ("http://a:0/", "a port that is none"),
            ("http://[::1]:70000", "a port that is none"),
            ("ftp://example.org/", "must begin with"),
            ("file:///etc/passwd", "is not an address"),
            ("example.org/hook", "is not an address"),
            ("/hook", "must begin with"),
            ("https://user:word@example.org/", "user or password"),
            ("not an address", "is not an address"),
        ] {
            let why = address(webhook).err().unwrap_or_default();
            assert!(
                why.contains(expected) && why.is_empty() == expected.is_empty(),
                "{webhook}: {why}"
            );
        }
    }
}
