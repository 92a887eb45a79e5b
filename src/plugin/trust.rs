//! Whose results are looked at in a clean worker before anybody gets them.

use crate::plugin::catalog::Installed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What `untrusted` in `config.yaml` says: names of plugins, or `*` for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(Vec<String>);

impl Untrusted {
    /// Whether this plugin's results are looked at.
    #[must_use]
    pub fn has(&self, plugin: &str) -> bool {
        self.0.iter().any(|name| name == plugin || name == "*")
    }

    /// The names that none of the installed plugins has.
    #[must_use]
    pub fn missing(&self, installed: &[Arc<Installed>]) -> Vec<&str> {
        let is_there = |name: &str| installed.iter().any(|plugin| plugin.manifest.name == name);
        let names = self.0.iter().map(String::as_str);
        names
            .filter(|name| *name != "*" && !is_there(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_named_or_all_meant() {
        let of = |text: &str| serde_yaml::from_str::<Untrusted>(text).expect("a list");
        assert!(of("[ocr]").has("ocr"));
        assert!(!of("[ocr]").has("stamp"));
        assert!(of("['*']").has("stamp"));
        assert!(!of("[]").has("stamp"));
    }
}
