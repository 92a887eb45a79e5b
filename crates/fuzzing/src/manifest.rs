//! Manifests of plugins, which anybody can have written.

use dropleaf::pipeline::schema;
use dropleaf::plugin::catalog::{Catalog, Installed};
use dropleaf::plugin::manifest::Manifest;
use dropleaf::plugin::parameters::Schema;
use serde_json::{Value, json};
use std::sync::Arc;

/// `data` is a manifest's text.
///
/// # Panics
/// A manifest that passed the check cannot be used: an operation is not found by its names, its schema does not compile
/// or changes what fits.
pub fn check(data: &[u8]) {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else {
        return;
    };
    let reasons = manifest.check();
    assert!(reasons.iter().all(|reason| !reason.is_empty()));
    if !reasons.is_empty() {
        return;
    }
    for operation in &manifest.operations {
        let schema = Schema::of_parameters(&operation.parameters).expect("it passed the check");
        for example in &operation.examples {
            let objections = schema.objections("the example", &example.with);
            assert!(objections.is_empty(), "it passed the check");
            let fitted = schema.fit(&example.with, example.with.clone());
            assert!(
                fitted == example.with || holds_template(&example.with),
                "{fitted}"
            );
        }
        for value in [json!({}), json!([]), json!({"a": {"b": [1, "{{ x }}"]}})] {
            drop(schema.objections("the parameters", &value));
            drop(schema.own_variables(&value));
        }
    }
    find_all(Arc::new(Installed {
        manifest,
        blake3: "00".to_owned(),
        library: "plugin.so".into(),
        toolchain: String::new(),
    }));
}

fn find_all(installed: Arc<Installed>) {
    let catalog = Catalog::new([installed]);
    for found in catalog.operations() {
        for name in [found.full_name(), catalog.shortest_name(&found)] {
            let again = catalog.find(&name).expect("it is in the catalogue");
            assert!(std::ptr::eq(again.operation, found.operation), "{name}");
        }
    }
    assert!(schema::pipeline(&catalog).is_object());
}

fn holds_template(value: &Value) -> bool {
    value.to_string().contains("{{") || value.to_string().contains("{%")
}
