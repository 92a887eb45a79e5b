//! What `dropleaf new plugin` writes compiles as it stands: the places for the name are texts.

#[path = "../../../src/command/new/plugin.rs.txt"]
mod written;

#[test]
fn the_new_plugin_has_its_entry() {
    let manifest = written::dropleaf_entry().manifest;
    assert!(!manifest.is_null());
}
