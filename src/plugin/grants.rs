//! What the operator grants plugins beyond the sandbox. What a manifest asks for is a request and grants nothing.

use crate::plugin::manifest::Permissions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `grants` in `config.yaml` says: by plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeMap<String, Grant>);

/// What one plugin may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grant {
    /// Write into a scratch folder of its own, which is emptied after the attempt.
    pub temp: bool,
}

impl Grants {
    /// Whether an operation of `plugin` gets a scratch folder: it has to ask for it, and the operator has to grant it.
    #[must_use]
    pub fn temp(&self, plugin: &str, asked: &Permissions) -> bool {
        asked.temp && self.0.get(plugin).is_some_and(|granted| granted.temp)
    }
}

/// Why the operation of this name cannot be used here, whatever is granted: what it asks for and no worker may do.
#[must_use]
pub fn refused(name: &str, asked: &Permissions) -> Option<String> {
    let programs: Vec<String> = asked
        .programs
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let wish = match (programs.is_empty(), asked.network) {
        (false, true) => format!("to run {} and to use the network", programs.join(", ")),
        (false, false) => format!("to run {}", programs.join(", ")),
        (true, true) => "to use the network".to_owned(),
        (true, false) => return None,
    };
    Some(format!(
        "`{name}` asks {wish}, which this version of Dropleaf lets no plugin do"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Grants {
        serde_yaml::from_str(text).expect("grants")
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
            let asked = Permissions {
                temp,
                ..Permissions::default()
            };
            let answer = grants(granted).temp("ocr", &asked);
            assert_eq!(answer, given, "{temp} {granted}");
            assert_eq!(refused("ocr/read", &asked), None);
        }
    }

    #[test]
    fn programs_and_the_network_are_refused_by_name() {
        let asked = Permissions {
            programs: vec!["tesseract".into()],
            network: true,
            ..Permissions::default()
        };
        let why = refused("ocr/read", &asked).expect("it is refused");
        assert!(
            why.contains("`ocr/read` asks to run `tesseract` and to use the network"),
            "{why}"
        );
    }

    #[test]
    fn a_grant_that_does_not_exist_is_a_fault() {
        assert!(serde_yaml::from_str::<Grants>("ocr: { network: true }").is_err());
    }
}
