//! What the operator grants plugins beyond the sandbox. What a manifest asks for is a request and grants nothing.

use crate::plugin::catalog::Installed;
use crate::plugin::manifest::Permissions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `grants` in `config.yaml` says: by plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeMap<String, Grant>);

/// What one plugin may do; also, what all plugins of one attempt may do together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grant {
    /// Write into a scratch folder of its own, which goes after the attempt.
    pub temp: bool,
    /// Start these programs: absolute paths, whose last part is the name that the manifest asks for.
    pub programs: Vec<PathBuf>,
    /// Files and folders that these programs need to read, besides the system's libraries.
    pub read: Vec<PathBuf>,
    /// Connect to these TCP ports, of any machine.
    pub network: Vec<u16>,
}

impl Grant {
    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it lets a plugin reach out of its worker, and not only into a folder of its own.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        !self.programs.is_empty() || !self.network.is_empty()
    }

    /// The same and more.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.temp |= more.temp;
        add(&mut self.programs, more.programs);
        add(&mut self.read, more.read);
        add(&mut self.network, more.network);
        self
    }
}

/// Nothing twice: the steps of one plugin all bring the same.
fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

impl Grants {
    /// What an operation of `plugin` gets: it has to ask for it, and the operator has to grant it.
    #[must_use]
    pub fn given(&self, plugin: &str, asked: &Permissions) -> Grant {
        let granted = self.0.get(plugin).cloned().unwrap_or_default();
        let is_asked = |path: &PathBuf| asked.programs.iter().any(|name| is_called(path, name));
        let programs: Vec<PathBuf> = granted.programs.into_iter().filter(is_asked).collect();
        Grant {
            temp: asked.temp && granted.temp,
            read: match programs.is_empty() {
                true => Vec::new(),
                false => granted.read,
            },
            programs,
            network: match asked.network {
                true => granted.network,
                false => Vec::new(),
            },
        }
    }

    /// Why an operation cannot be used here: what it asks for and is not granted. A scratch folder that is not granted is
    /// told to it when it asks for it, and it may go on without.
    #[must_use]
    pub fn refused(&self, plugin: &str, operation: &str, asked: &Permissions) -> Option<String> {
        let given = self.given(plugin, asked);
        let is_given = |name: &String| given.programs.iter().any(|path| is_called(path, name));
        let missing: Vec<&String> = asked
            .programs
            .iter()
            .filter(|name| !is_given(name))
            .collect();
        let network = asked.network && given.network.is_empty();
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let wish = match (names.is_empty(), network) {
            (false, true) => format!("to run {} and to use the network", names.join(", ")),
            (false, false) => format!("to run {}", names.join(", ")),
            (true, true) => "to use the network".to_owned(),
            (true, false) => return None,
        };
        let mut grant = Vec::new();
        if !missing.is_empty() {
            let paths: Vec<String> = missing
                .iter()
                .map(|name| format!("/usr/bin/{name}"))
                .collect();
            grant.push(format!("programs: [{}]", paths.join(", ")));
        }
        if network {
            grant.push("network: [443]".to_owned());
        }
        Some(format!(
            "`{plugin}/{operation}` asks {wish}, which is not granted; to grant it, config.yaml may say `grants: {{ {plugin}: {{ {} }} }}`",
            grant.join(", ")
        ))
    }

    /// The plugins that are granted something and are not installed.
    #[must_use]
    pub fn missing(&self, installed: &[Arc<Installed>]) -> Vec<&str> {
        let is_there = |name: &str| installed.iter().any(|plugin| plugin.manifest.name == name);
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| !is_there(name)).collect()
    }

    /// What cannot be meant, as sentences.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (plugin, grant) in &self.0 {
            let mut paths = |key: &str, paths: &[PathBuf], folder: &str| {
                for path in paths.iter().filter(|path| !path.is_absolute()) {
                    let last = path.file_name().unwrap_or_default().to_string_lossy();
                    faults.push(format!(
                        "`grants.{plugin}.{key}` has `{}`; paths are absolute there, such as `{folder}/{last}`",
                        path.display()
                    ));
                }
            };
            paths("programs", &grant.programs, "/usr/bin");
            paths("read", &grant.read, "/usr/share");
            if grant.network.contains(&0) {
                faults.push(format!(
                    "`grants.{plugin}.network` has the port 0, which is none; ports are numbers from 1 to 65535"
                ));
            }
        }
        faults
    }
}

fn is_called(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|last| last == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Grants {
        serde_yaml::from_str(text).expect("grants")
    }

    fn asked(temp: bool, programs: &[&str], network: bool) -> Permissions {
        Permissions {
            temp,
            programs: programs.iter().map(|&name| name.to_owned()).collect(),
            network,
        }
    }

    #[test]
    fn only_what_is_both_asked_for_and_granted_is_given() {
        for (temp, granted, given) in [
            (true, "ocr: { temp: true }", true),
            (true, "ocr: { temp: false }", false),
            (true, "other: { temp: true }", false),
            (true, "{}", false),
            (false, "ocr: { temp: true }", false),
        ] {
            let asked = asked(temp, &[], false);
            let grants = grants(granted);
            assert_eq!(grants.given("ocr", &asked).temp, given, "{temp} {granted}");
            assert_eq!(grants.refused("ocr", "read", &asked), None);
        }
        let all = grants("ocr: { programs: [/usr/bin/a, /opt/b], read: [/data], network: [443] }");
        let given = all.given("ocr", &asked(false, &["b"], false));
        assert_eq!(given.programs, [PathBuf::from("/opt/b")]);
        assert_eq!(given.read, [PathBuf::from("/data")]);
        assert!(given.network.is_empty());
        assert!(all.given("ocr", &asked(false, &[], false)).is_nothing());
        let given = all.given("ocr", &asked(false, &[], true));
        assert!(given.network == [443] && given.read.is_empty() && given.reaches_out());
        assert_eq!(given.clone().and(given.clone()), given);
    }

    #[test]
    fn what_is_not_granted_is_refused_by_name() {
        let asked = asked(false, &["tesseract"], true);
        let why = |text: &str| grants(text).refused("ocr", "read", &asked);
        let nothing = why("{}").expect("it is refused");
        assert!(
            nothing.contains("`ocr/read` asks to run `tesseract` and to use the network")
                && nothing.contains("{ ocr: { programs: [/usr/bin/tesseract], network: [443] } }"),
            "{nothing}"
        );
        let program = why("ocr: { programs: [/usr/bin/tesseract] }").expect("it is refused");
        assert!(
            program.contains("asks to use the network, which"),
            "{program}"
        );
        let both = "ocr: { programs: [/usr/bin/tesseract], network: [443] }";
        assert_eq!(why(both), None);
    }

    #[test]
    fn a_grant_that_cannot_be_meant_is_a_fault() {
        assert!(serde_yaml::from_str::<Grants>("ocr: { netwrk: [1] }").is_err());
        assert!(serde_yaml::from_str::<Grants>("ocr: { network: true }").is_err());
        let faults = grants("ocr: { programs: [qpdf], network: [0] }").faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
