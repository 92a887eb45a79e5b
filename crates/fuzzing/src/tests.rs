//! The committed seeds, and what was found once, over the same functions as the fuzzer's bytes.

use crate::{document, http, manifest, open, pipeline, wire};
use std::fs;
use std::path::Path;

fn all(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let listed = fs::read_to_string(folder.join("Cargo.toml")).expect("the fuzz crate is there");
    assert!(
        listed.contains(&format!("name = \"{target}\"")),
        "`{target}` is no target"
    );
    let seeds = folder.join("seeds").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&seeds).expect("seeds") {
        let path = entry.expect("a seed").path();
        let bytes = fs::read(&path).expect("a seed");
        assert!(bytes.len() < 64 << 10, "{} is large", path.display());
        println!("{}", path.display());
        check(&bytes);
        count += 1;
    }
    assert!(count > 2, "`{target}` has {count} seeds");
}

#[test]
fn the_seeds_of_the_document_find_nothing() {
    all("document", document::check);
}

#[test]
fn the_seeds_of_requests_find_nothing() {
    all("http", http::check);
}

#[test]
fn the_seeds_of_manifests_find_nothing() {
    all("manifest", manifest::check);
}

#[test]
fn the_seeds_of_files_find_nothing() {
    all("open", open::check);
}

#[test]
fn the_seeds_of_pipelines_find_nothing() {
    all("pipeline", pipeline::check);
}

#[test]
fn the_seeds_of_frames_find_nothing() {
    all("wire", wire::check);
}
