//! PDFs from anywhere.

use dropleaf_plugin_host::{Bill, Document, Limits};

/// `data` is a file.
///
/// # Panics
/// A document that opened cannot be written anew and opened again with the same pages, unless it says why.
pub fn check(data: &[u8]) {
    let limits = Limits {
        max_decoded: 4 << 20,
        ..Limits::default()
    };
    let open = |bytes: Vec<u8>| Document::open(bytes, &[], &limits, &Bill::new());
    let Ok((mut document, _)) = open(data.to_vec()) else {
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
    let (mut again, warnings) = open(bytes).expect("what was written opens");
    assert_eq!(again.facts().expect("it is open").pages, facts.pages);
    assert!(
        warnings.iter().all(|warning| warning.code != "repaired"),
        "what was written needs no repair: {warnings:?}"
    );
}
