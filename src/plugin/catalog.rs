//! The operations of all installed plugins, found by the name that `uses` gives them.

use crate::plugin::grants::{Grant, Grants};
use crate::plugin::manifest::{Manifest, Operation};
use crate::plugin::trust::Untrusted;
use crate::plugin::words::nearest;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// All installed plugins.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In the order of their names, one of each name.
    plugins: Vec<Arc<Installed>>,
    /// What they may do.
    grants: Grants,
    untrusted: Untrusted,
    /// Plugins that stand back, see [`Catalog::with_behind`].
    behind: Vec<String>,
}

/// One installed plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// What it says about itself.
    pub manifest: Manifest,
    /// BLAKE3 of the library, in hex.
    pub blake3: String,
    /// The content-addressed copy.
    pub library: PathBuf,
    /// What it was built with, as it says.
    pub toolchain: String,
}

/// An operation and the plugin that offers it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The plugin.
    pub plugin: &'a Arc<Installed>,
    /// The operation.
    pub operation: &'a Operation,
}

/// Why `uses` names no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// It is not of the form `operation` or `plugin/operation`.
    Malformed,
    /// No plugin is installed at all.
    NothingInstalled,
    /// No plugin offers it.
    Unknown {
        /// An operation that may be meant.
        nearest: Option<String>,
    },
    /// Several plugins offer it.
    Ambiguous {
        /// Each as `plugin/operation`.
        choices: Vec<String>,
    },
    /// There is no such plugin.
    NoPlugin {
        /// A plugin that may be meant.
        nearest: Option<String>,
    },
    /// The plugin does not offer it.
    NotOffered {
        /// What it offers.
        offered: Vec<String>,
        /// What may be meant, as `uses` would name it.
        nearest: Option<String>,
    },
}

/// What to do where no plugin is installed.
pub const INSTALL: &str = "put plugin libraries into the home's `plugins/`, or name their folder under `plugins` in `config.yaml`";

impl Catalog {
    /// A catalog of `plugins`. Of two with one name the later counts.
    #[must_use]
    pub fn new(plugins: impl IntoIterator<Item = Arc<Installed>>) -> Self {
        let mut kept: Vec<Arc<Installed>> = Vec::new();
        for plugin in plugins {
            match kept
                .iter_mut()
                .find(|known| known.manifest.name == plugin.manifest.name)
            {
                Some(known) => *known = plugin,
                None => kept.push(plugin),
            }
        }
        kept.sort_by(|a, b| a.manifest.name.cmp(&b.manifest.name));
        Self {
            plugins: kept,
            grants: Grants::default(),
            untrusted: Untrusted::default(),
            behind: Vec::new(),
        }
    }

    /// The same, but where several plugins offer an operation, its name alone does not mean that of these plugins.
    #[must_use]
    pub fn with_behind(mut self, plugins: Vec<String>) -> Self {
        self.behind = plugins;
        self
    }

    /// The plugins that offer an operation which another one offers, too.
    #[must_use]
    pub fn contested(&self) -> Vec<&str> {
        let offers = |plugin: &Installed, name: &str| {
            let mut operations = plugin.manifest.operations.iter();
            operations.any(|operation| operation.name == name)
        };
        let is_contested = |plugin: &Arc<Installed>| {
            let mut names = plugin.manifest.operations.iter().map(|one| &one.name);
            names.any(|name| self.plugins.iter().filter(|one| offers(one, name)).count() > 1)
        };
        let contested = self.plugins.iter().filter(|plugin| is_contested(plugin));
        contested
            .map(|plugin| plugin.manifest.name.as_str())
            .collect()
    }

    /// The same, with what the operator grants.
    #[must_use]
    pub fn with_grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// The same, with whom the operator does not trust.
    #[must_use]
    pub fn with_untrusted(mut self, untrusted: Untrusted) -> Self {
        self.untrusted = untrusted;
        self
    }

    /// What an operation is given of what it asks for.
    #[must_use]
    pub fn given(&self, found: &Found<'_>) -> Grant {
        let plugin = &found.plugin.manifest.name;
        self.grants.given(plugin, &found.operation.permissions)
    }

    /// Why an operation cannot be used here: what it asks for and is not granted.
    #[must_use]
    pub fn refused(&self, found: &Found<'_>) -> Option<String> {
        let (plugin, operation) = (&found.plugin.manifest.name, found.operation);
        self.grants
            .refused(plugin, &operation.name, &operation.permissions)
    }

    /// Whether results that an operation had its hands on are to be looked at before they are delivered.
    #[must_use]
    pub fn distrusts(&self, found: &Found<'_>) -> bool {
        self.untrusted.has(&found.plugin.manifest.name)
    }

    /// The plugins in the order of their names.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<Installed>] {
        &self.plugins
    }

    /// Every operation, plugin by plugin.
    pub fn operations(&self) -> impl Iterator<Item = Found<'_>> {
        self.plugins.iter().flat_map(|plugin| {
            let operations = plugin.manifest.operations.iter();
            operations.map(move |operation| Found { plugin, operation })
        })
    }

    /// The shortest `uses` that means this operation: its name, or `plugin/operation` where two plugins offer it.
    #[must_use]
    pub fn shortest_name(&self, found: &Found<'_>) -> String {
        let name = &found.operation.name;
        let offers = self
            .operations()
            .filter(|other| other.operation.name == *name)
            .count();
        if offers > 1 {
            found.full_name()
        } else {
            name.clone()
        }
    }

    /// The operation that `uses` names.
    ///
    /// # Errors
    /// Why there is none, with what may be meant.
    pub fn find(&self, uses: &str) -> Result<Found<'_>, NotFound> {
        let parts: Vec<&str> = uses.split('/').collect();
        match parts.as_slice() {
            [operation] if is_name(operation) => self.find_anywhere(operation),
            [plugin, operation] if is_name(plugin) && is_name(operation) => {
                self.find_in(plugin, operation)
            }
            [operation] => Err(match self.nearest_operation(operation) {
                Some(near) => NotFound::Unknown {
                    nearest: Some(near),
                },
                None => NotFound::Malformed,
            }),
            _ => Err(NotFound::Malformed),
        }
    }

    fn find_anywhere(&self, operation: &str) -> Result<Found<'_>, NotFound> {
        let offers: Vec<Found<'_>> = self
            .operations()
            .filter(|found| found.operation.name == operation)
            .collect();
        match offers.as_slice() {
            [one] => Ok(*one),
            [] if self.plugins.is_empty() => Err(NotFound::NothingInstalled),
            [] => Err(NotFound::Unknown {
                nearest: self.nearest_operation(operation),
            }),
            several => {
                let behind = |found: &&Found<'_>| self.behind.contains(&found.plugin.manifest.name);
                let mut first = several.iter().filter(|found| !behind(found));
                match (first.next(), first.next()) {
                    (Some(one), None) => Ok(*one),
                    _ => Err(NotFound::Ambiguous {
                        choices: several.iter().map(Found::full_name).collect(),
                    }),
                }
            }
        }
    }

    fn find_in(&self, plugin: &str, operation: &str) -> Result<Found<'_>, NotFound> {
        let Some(installed) = self
            .plugins
            .iter()
            .find(|known| known.manifest.name == plugin)
        else {
            if self.plugins.is_empty() {
                return Err(NotFound::NothingInstalled);
            }
            let names = self
                .plugins
                .iter()
                .map(|known| known.manifest.name.as_str());
            return Err(NotFound::NoPlugin {
                nearest: nearest(plugin, names).map(str::to_owned),
            });
        };
        let operations = &installed.manifest.operations;
        if let Some(found) = operations.iter().find(|known| known.name == operation) {
            return Ok(Found {
                plugin: installed,
                operation: found,
            });
        }
        let offered: Vec<String> = operations.iter().map(|known| known.name.clone()).collect();
        let near = nearest(operation, offered.iter().map(String::as_str))
            .map(|near| format!("{plugin}/{near}"))
            .or_else(|| {
                self.find_anywhere(operation)
                    .ok()
                    .map(|found| found.full_name())
            });
        Err(NotFound::NotOffered {
            offered,
            nearest: near,
        })
    }

    fn nearest_operation(&self, wrong: &str) -> Option<String> {
        let names = self.operations().map(|found| found.operation.name.as_str());
        let near = nearest(wrong, names)?;
        let found = self
            .operations()
            .find(|found| found.operation.name == near)?;
        Some(self.shortest_name(&found))
    }
}

impl Found<'_> {
    /// `plugin/operation`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.plugin.manifest.name, self.operation.name)
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("is not the name of an operation"),
            Self::NothingInstalled => {
                f.write_str("is an operation of a plugin, and no plugin is installed")
            }
            Self::Unknown { .. } => f.write_str("is an operation that no installed plugin offers"),
            Self::Ambiguous { choices } => write!(f, "is offered by {} plugins", choices.len()),
            Self::NoPlugin { .. } => f.write_str("names a plugin that is not installed"),
            Self::NotOffered { .. } => {
                f.write_str("names an operation that this plugin does not offer")
            }
        }
    }
}

impl NotFound {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed => Some("write `operation` or `plugin/operation`".to_owned()),
            Self::NothingInstalled => Some(INSTALL.to_owned()),
            Self::Unknown {
                nearest: Some(near),
            }
            | Self::NoPlugin {
                nearest: Some(near),
            }
            | Self::NotOffered {
                nearest: Some(near),
                ..
            } => Some(format!("did you mean `{near}`?")),
            Self::Unknown { nearest: None } => {
                Some("`dropleaf operations` lists those installed".to_owned())
            }
            Self::NoPlugin { nearest: None } => {
                Some("`dropleaf plugins` lists those installed".to_owned())
            }
            Self::Ambiguous { choices } => {
                let choices: Vec<String> = choices.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("write {}", choices.join(" or ")))
            }
            Self::NotOffered {
                offered,
                nearest: None,
            } => Some(format!("it offers: {}", offered.join(", "))),
        }
    }
}

/// Lower-case letters, digits and `-`, starting with a letter; at most 64.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plugin(name: &str, operations: &[&str]) -> Arc<Installed> {
        let operations: Vec<_> = operations
            .iter()
            .map(|name| json!({"name": name, "summary": "x", "parameters": {"type": "object"}}))
            .collect();
        let manifest = json!({"name": name, "version": "1.0.0", "operations": operations});
        Arc::new(Installed {
            manifest: serde_json::from_value(manifest).expect("a manifest"),
            blake3: format!("hash of {name}"),
            library: PathBuf::from("x.so"),
            toolchain: String::new(),
        })
    }

    fn catalog() -> Catalog {
        Catalog::new([
            plugin("stamp", &["stamp-text"]),
            plugin("pages", &["rotate", "reverse"]),
            plugin("other", &["rotate"]),
            plugin("stamp", &["stamp-text", "stamp-image"]),
        ])
    }

    #[test]
    fn operations_are_found_by_either_name() {
        let catalog = catalog();
        for (uses, expected) in [
            ("stamp-text", "stamp/stamp-text"),
            ("stamp-image", "stamp/stamp-image"),
            ("other/rotate", "other/rotate"),
        ] {
            let found = catalog.find(uses).expect("installed");
            assert_eq!(found.full_name(), expected);
        }
    }

    #[test]
    fn who_stands_back_is_found_by_the_full_name_and_where_nobody_else_offers_it() {
        let catalog = catalog();
        assert_eq!(catalog.contested(), ["other", "pages"]);
        let catalog = catalog.with_behind(vec!["pages".to_owned()]);
        for (uses, expected) in [
            ("rotate", "other/rotate"),
            ("pages/rotate", "pages/rotate"),
            ("reverse", "pages/reverse"),
        ] {
            let found = catalog.find(uses).expect("installed");
            assert_eq!(found.full_name(), expected);
        }
        let both = catalog.with_behind(vec!["pages".to_owned(), "other".to_owned()]);
        assert!(both.find("rotate").is_err());
    }

    #[test]
    fn where_nothing_is_installed_that_is_what_is_said() {
        let nothing = Catalog::new([]);
        let found = nothing.find("rotate").expect_err("nothing");
        assert_eq!(
            (found.to_string().as_str(), found.hint().as_deref()),
            (
                "is an operation of a plugin, and no plugin is installed",
                Some(INSTALL)
            )
        );
    }

    #[test]
    fn what_is_not_found_says_what_may_be_meant() {
        let catalog = catalog();
        for (uses, message, hint) in [
            (
                "stamptext",
                "is an operation that no installed plugin offers",
                "did you mean `stamp-text`?",
            ),
            (
                "Reverse",
                "is an operation that no installed plugin offers",
                "did you mean `reverse`?",
            ),
            (
                "xyzzy",
                "is an operation that no installed plugin offers",
                "`dropleaf operations` lists those installed",
            ),
            (
                "rotate",
                "is offered by 2 plugins",
                "write `other/rotate` or `pages/rotate`",
            ),
            (
                "rotates",
                "is an operation that no installed plugin offers",
                "did you mean `other/rotate`?",
            ),
            (
                "page/rotate",
                "names a plugin that is not installed",
                "did you mean `pages`?",
            ),
            (
                "pages/stamp-text",
                "names an operation that this plugin does not offer",
                "did you mean `stamp/stamp-text`?",
            ),
            (
                "pages/zzzz",
                "names an operation that this plugin does not offer",
                "it offers: rotate, reverse",
            ),
            (
                "a/b/c",
                "is not the name of an operation",
                "write `operation` or `plugin/operation`",
            ),
            (
                "",
                "is not the name of an operation",
                "write `operation` or `plugin/operation`",
            ),
        ] {
            let not_found = catalog.find(uses).expect_err("not installed");
            assert_eq!(not_found.to_string(), message, "{uses}");
            assert_eq!(not_found.hint().as_deref(), Some(hint), "{uses}");
        }
    }
}
