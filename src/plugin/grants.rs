//! What the operator grants plugins beyond the sandbox. What a manifest asks for is a request and grants nothing.

use crate::plugin::catalog::Found;
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
    /// Whether an operation gets a scratch folder: it has to ask for it, and the operator has to grant it.
    #[must_use]
    pub fn temp(&self, found: &Found<'_>) -> bool {
        let granted = self.0.get(&found.plugin.manifest.name);
        found.operation.permissions.temp && granted.is_some_and(|granted| granted.temp)
    }
}

/// Why an operation cannot be used here, whatever is granted: what it asks for and no worker may do.
#[must_use]
pub fn refused(found: &Found<'_>) -> Option<String> {
    let asked = &found.operation.permissions;
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
        "`{}` asks {wish}, which this version of Dropleaf lets no plugin do",
        found.full_name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::catalog::{Catalog, Installed};
    use crate::plugin::manifest::Permissions;
    use serde_json::json;
    use std::sync::Arc;

    fn catalog(permissions: Permissions) -> Catalog {
        let manifest = json!({
            "name": "ocr", "version": "1.0.0", "operations": [
                { "name": "read", "summary": "Read", "parameters": {}, "permissions": permissions },
            ],
        });
        Catalog::new([Arc::new(Installed {
            manifest: serde_json::from_value(manifest).expect("a manifest"),
            blake3: "00".repeat(32),
            library: "/store/00.so".into(),
        })])
    }

    fn grants(text: &str) -> Grants {
        serde_yaml::from_str(text).expect("grants")
    }

    #[test]
    fn only_what_is_both_asked_for_and_granted_is_given() {
        let temp = |temp| Permissions {
            temp,
            ..Permissions::default()
        };
        for (asked, granted, given) in [
            (true, "ocr: { temp: true }", true),
            (true, "ocr: { temp: false }", false),
            (true, "other: { temp: true }", false),
            (true, "{}", false),
            (false, "ocr: { temp: true }", false),
        ] {
            let catalog = catalog(temp(asked));
            let found = catalog.find("read").expect("it is there");
            assert_eq!(grants(granted).temp(&found), given, "{asked} {granted}");
            assert_eq!(refused(&found), None);
        }
    }

    #[test]
    fn programs_and_the_network_are_refused_by_name() {
        let asked = Permissions {
            programs: vec!["tesseract".into()],
            network: true,
            ..Permissions::default()
        };
        let catalog = catalog(asked);
        let found = catalog.find("read").expect("it is there");
        let why = refused(&found).expect("it is refused");
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
