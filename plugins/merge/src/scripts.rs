//! Whether form fields have scripts (ISO 32000-2, 12.6.4.17), which call fields by names that nobody can tell from other words.

use std::collections::HashSet;

use dropleaf_plugin_sdk::prelude::*;

/// Objects that are looked at.
const MAX_OBJECTS: usize = 100_000;

/// Whether a field of the document, or a widget of one, has a script.
pub(crate) fn has_any(document: &Document<'_>) -> Result<bool> {
    let Some(form) = document.catalog()?.object("AcroForm")? else {
        return Ok(false);
    };
    let fields = form.tree()?.get("Fields").cloned();
    let mut waiting: Vec<Tree> = fields.into_iter().collect();
    let mut seen = HashSet::new();
    while let Some(value) = waiting.pop() {
        let value = match value {
            Tree::Ref(id) if seen.len() < MAX_OBJECTS && seen.insert(id) => {
                let Some(object) = document.object(id)?.as_object() else {
                    continue;
                };
                let tree = object.tree()?;
                object.release()?;
                tree
            }
            direct => direct,
        };
        match value {
            Tree::Array(items) => waiting.extend(items),
            Tree::Dict(entries) => {
                let is_script = |(key, value): &(Vec<u8>, Tree)| {
                    key == b"S" && matches!(value, Tree::Name(kind) if kind == b"JavaScript")
                };
                if entries.iter().any(is_script) {
                    return Ok(true);
                }
                waiting.extend(entries.into_iter().filter(leads_on).map(|(_, value)| value));
            }
            _ => {}
        }
    }
    Ok(false)
}

/// Whether what is under a key of a field or an action is a field or an action, or what triggers one.
fn leads_on((key, _): &(Vec<u8>, Tree)) -> bool {
    // The additional actions of fields (table 199) and annotations (table 197).
    let triggers = [
        "K", "F", "V", "C", "E", "X", "D", "U", "Fo", "Bl", "PO", "PC", "PV", "PI",
    ];
    let others = ["Kids", "A", "AA", "Next"];
    let is_one_of = |keys: &[&str]| keys.iter().any(|known| known.as_bytes() == key.as_slice());
    is_one_of(&triggers) || is_one_of(&others)
}
