//! The plugins as shared libraries, built when a test first needs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Packages whose libraries the tests load.
const STANDARD: &[&str] = &[
    "pages",
    "split",
    "merge",
    "stamp",
    "metadata",
    "optimize",
    "extract-text",
    "repair",
    "render",
];

/// The workspace's root.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The folder that the workspace's libraries are built into.
///
/// # Panics
/// They do not build.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(folder) = std::env::var_os("DROPLEAF_TEST_PLUGINS") {
            return PathBuf::from(folder);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(workspace()).args([
            "build",
            "--quiet",
            "--package",
            "dropleaf-plugin-faulty",
        ]);
        for name in STANDARD {
            build
                .arg("--package")
                .arg(format!("dropleaf-plugin-{name}"));
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the plugins do not build");
        target().join("debug")
    })
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("target"),
    }
}

/// The library of the plugin `name`.
#[must_use]
pub fn library(name: &str) -> PathBuf {
    built().join(format!("libdropleaf_plugin_{}.so", name.replace('-', "_")))
}

/// Puts the libraries of the standard plugins into `folder`.
///
/// # Panics
/// The folder cannot be written.
pub fn install_standard(folder: &Path) {
    for name in STANDARD {
        install(name, folder);
    }
}

/// Puts the library of the plugin `name` into `folder`.
///
/// # Panics
/// The folder cannot be written.
pub fn install(name: &str, folder: &Path) {
    let from = library(name);
    let to = folder.join(from.file_name().expect("a library has a name"));
    // A copy, not a link: the registry may read it while a build replaces the original.
    std::fs::copy(&from, &to).unwrap_or_else(|error| {
        panic!(
            "failed to copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    });
}
