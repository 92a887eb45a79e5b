//! Puts the compiler's version into the crate: it stands in every plugin's entry, for crash reports.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version
        .as_deref()
        .and_then(|text| text.split_whitespace().nth(1))
        .unwrap_or("unknown");
    println!("cargo::rustc-env=DROPLEAF_RUSTC={version}");
}
