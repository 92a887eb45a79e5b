//! What is current and what is broken, as everybody is told.

use crate::event::PluginEvent;
use crate::plugin::catalog::{Catalog, Installed};
use crate::plugin::manifest::Manifest;
use crate::registry::folder::Look;
use crate::registry::lasting::Good;
use crate::registry::library::Outcome;
use crate::registry::{Broken, Scanner, Snapshot};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Scanner {
    /// Publishes what is current now, and notes what is news about it.
    pub(super) fn show(&mut self, look: &Look) {
        let mut good: BTreeMap<String, (&PathBuf, Good, bool)> = BTreeMap::new();
        let mut reasons: BTreeMap<PathBuf, String> = look.refused.iter().cloned().collect();
        for (path, known) in &self.known {
            if let Outcome::Broken(reason) | Outcome::Later(reason) = &known.outcome {
                reasons.insert(path.clone(), reason.clone());
            }
            let Some((offered, as_it_is)) = known.good() else {
                continue;
            };
            let name = offered.plugin.manifest.name.clone();
            let newcomer = (path, offered, as_it_is);
            let Some(rival) = good.remove(&name) else {
                good.insert(name, newcomer);
                continue;
            };
            let (newer, older) = if newcomer.1.written > rival.1.written {
                (newcomer, rival)
            } else {
                (rival, newcomer)
            };
            if older.2 {
                reasons.insert(older.0.clone(), hidden(&name, newer.0));
            }
            good.insert(name, newer);
        }
        let mut current = Vec::with_capacity(good.len());
        for (path, Good { plugin, .. }, as_it_is) in good.into_values() {
            if !as_it_is && let Some(reason) = reasons.get_mut(path) {
                reason.push_str(&goes_on(&plugin));
            }
            current.push((path.clone(), plugin));
        }
        self.note_news(&current, &reasons);
        self.publish(current, reasons);
    }

    fn note_news(
        &mut self,
        current: &[(PathBuf, Arc<Installed>)],
        reasons: &BTreeMap<PathBuf, String>,
    ) {
        let mut told = BTreeMap::new();
        for (path, plugin) in current {
            let Installed {
                manifest, blake3, ..
            } = plugin.as_ref();
            if self.told.get(path) != Some(blake3) {
                tracing::info!(
                    plugin = manifest.name,
                    version = manifest.version,
                    blake3,
                    "plugin is current"
                );
                self.pending.push(PluginEvent::Loaded {
                    name: manifest.name.clone(),
                    version: manifest.version.clone(),
                    blake3: blake3.clone(),
                });
            }
            told.insert(path.clone(), blake3.clone());
        }
        for (path, reason) in reasons {
            if self.told_reasons.get(path) != Some(reason) {
                tracing::warn!(file = %path.display(), reason, "plugin cannot be used");
                self.pending.push(PluginEvent::Failed {
                    file: path.as_path().into(),
                    reason: reason.clone(),
                });
            }
        }
        self.told = told;
        self.told_reasons.clone_from(reasons);
    }

    fn publish(&self, current: Vec<(PathBuf, Arc<Installed>)>, reasons: BTreeMap<PathBuf, String>) {
        let origins = current
            .iter()
            .map(|(path, plugin)| (plugin.manifest.name.clone(), path.clone()))
            .collect();
        let catalog = Catalog::new(current.into_iter().map(|(_, plugin)| plugin))
            .with_grants(self.config.grants.clone())
            .with_untrusted(self.config.untrusted.clone());
        let broken: Vec<Broken> = reasons
            .into_iter()
            .map(|(file, reason)| Broken {
                file: file.into(),
                reason,
            })
            .collect();
        self.publish.send_if_modified(|now| {
            let same = now.broken == broken
                && now.origins == origins
                && now.catalog.plugins() == catalog.plugins();
            if !same {
                *now = Arc::new(Snapshot {
                    catalog: Arc::new(catalog),
                    origins,
                    broken,
                });
            }
            !same
        });
    }
}

fn goes_on(plugin: &Installed) -> String {
    let Manifest { name, version, .. } = &plugin.manifest;
    format!(
        "; `{name}` {version}, the last good build in its place, goes on until the file is good again or removed"
    )
}

fn hidden(name: &str, newer: &Path) -> String {
    format!(
        "`{}` is newer and offers the same plugin `{name}`; remove one of the two",
        newer.display()
    )
}
