//! Whose results are looked at in a clean worker before anybody gets them.

use serde::{Deserialize, Serialize};

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
