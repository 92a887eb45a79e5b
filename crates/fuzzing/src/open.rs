//! PDFs from anywhere.

use dropleaf_plugin_host::{Bill, Document, Limits};

/// `data` is a file.
///
/// # Panics
/// A document that opened cannot be written anew and opened again with the same pages, unless it says why; a sound one then
/// needs repair.
pub fn check(data: &[u8]) {
    let limits = Limits {
        max_decoded: 4 << 20,
        ..Limits::default()
    };
    let open = |bytes: Vec<u8>| Document::open(bytes, &[], &limits, &Bill::new());
    let Ok((mut document, before)) = open(data.to_vec()) else {
        return;
    };
    let facts = document.facts().expect("it is open");
    document.rewrite();
    let mut bytes = Vec::new();
    let Ok(saved) = document.save(&mut bytes) else {
        return;
    };
    assert_eq!(saved.pages, facts.pages);
    if facts.encrypted {
        return;
    }
    let (mut again, after) = open(bytes).expect("what was written opens");
    assert_eq!(again.facts().expect("it is open").pages, facts.pages);
    // What a repair could not find is missing for good, and is told of again.
    if before.is_empty() {
        assert_eq!(after, [], "what was written needs no repair");
    }
}
