//! Pipeline files, as an editor or a client leaves them.

use dropleaf::pipeline::check;
use dropleaf::pipeline::surroundings::Surroundings;
use dropleaf::plugin::catalog::{Catalog, Installed};
use dropleaf::plugin::manifest::Manifest;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// The manifests of the standard plugins, which are seeds of their own target too.
const MANIFESTS: [&str; 8] = [
    include_str!("../../../fuzz/seeds/manifest/extract-text.json"),
    include_str!("../../../fuzz/seeds/manifest/merge.json"),
    include_str!("../../../fuzz/seeds/manifest/metadata.json"),
    include_str!("../../../fuzz/seeds/manifest/optimize.json"),
    include_str!("../../../fuzz/seeds/manifest/pages.json"),
    include_str!("../../../fuzz/seeds/manifest/repair.json"),
    include_str!("../../../fuzz/seeds/manifest/split.json"),
    include_str!("../../../fuzz/seeds/manifest/stamp.json"),
];

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::new(MANIFESTS.map(|text| {
        Arc::new(Installed {
            manifest: serde_json::from_str::<Manifest>(text).expect("a manifest"),
            blake3: "00".to_owned(),
            library: PathBuf::from("plugin.so"),
            toolchain: String::new(),
        })
    }))
});

static SURROUNDINGS: LazyLock<Surroundings> = LazyLock::new(|| Surroundings {
    home: PathBuf::from("/nowhere/dropleaf"),
    user_home: Some(PathBuf::from("/nowhere/someone")),
    env: Some(["SCAN_PASSWORD".to_owned()].into()),
});

/// `data` is the text of a pipeline.
///
/// # Panics
/// The check is not the same twice; a pipeline has a relative folder or no step; a fault has no words, too many
/// companions, or a place outside of the text.
pub fn check(data: &[u8]) {
    let look = || check::check("scan", "scan.yaml", data, &CATALOG, &SURROUNDINGS);
    let found = look();
    assert_eq!(found, look(), "a check gives one answer");
    match found {
        Ok(pipeline) => {
            assert!(!pipeline.steps.is_empty());
            assert!(pipeline.watch.folder.is_absolute() && pipeline.failed.is_absolute());
            assert!(pipeline.output.root.is_absolute());
            assert!(data.ends_with(pipeline.yaml.as_bytes()));
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.len() <= 100);
            let lines = String::from_utf8_lossy(data).split(['\n', '\r']).count() + 1;
            for fault in faults {
                assert!(!fault.message.is_empty(), "{fault:?}");
                assert!(fault.line as usize <= lines, "{fault:?} of {lines} lines");
                assert_eq!(fault.line == 0, fault.column == 0, "{fault:?}");
            }
        }
    }
}
