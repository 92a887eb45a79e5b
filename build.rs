//! Puts the built page (`dashboard/dist`) into the binary: every file as it is and, where that makes it smaller, as brotli
//! and gzip, so that serving it costs no work. Never runs Node: the built page is part of the sources, and
//! `cargo xtask dashboard` makes it anew. Without it the daemon serves its plain page.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let dist = root.join("dashboard/dist");
    println!("cargo::rerun-if-changed=build.rs");
    // Where it is missing, every build looks for it again.
    println!("cargo::rerun-if-changed=dashboard/dist");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        find(&dist, &mut files)?;
        files.sort();
    } else {
        println!(
            "cargo::warning=`dashboard/dist` holds no page, so the plain one is built in; `cargo xtask dashboard` makes it (needs Node)"
        );
    }
    fs::write(out.join("page.rs"), embed(&dist, &files, &out)?)
}

/// All files below a folder.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The Rust source of the table of files, and the hash of them all.
fn embed(dist: &Path, files: &[PathBuf], out: &Path) -> io::Result<String> {
    let mut table = String::from("pub(crate) static FILES: &[Asset] = &[\n");
    let mut all = blake3::Hasher::new();
    for (number, file) in files.iter().enumerate() {
        let name = file
            .strip_prefix(dist)
            .expect("it was found there")
            .to_str()
            .ok_or_else(|| io::Error::other(format!("{} is not UTF-8", file.display())))?;
        let content = fs::read(file)?;
        let hash = blake3::hash(&content).to_hex();
        all.update(name.as_bytes()).update(hash.as_bytes());
        let mime = mime(file);
        let (brotli, gzip) = if is_text(&mime) {
            (
                smaller(&content, brotli(&content)?, out, number, "br")?,
                smaller(&content, gzip(&content)?, out, number, "gz")?,
            )
        } else {
            (None, None)
        };
        writeln!(
            table,
            "    Asset {{ path: {:?}, mime: {mime:?}, hash: {:?}, plain: include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?})), brotli: {}, gzip: {} }},",
            format!("/{name}"),
            &hash[..16],
            // Of this build's own folder: a checkout may be moved with its `target`.
            format!("/dashboard/dist/{name}"),
            included(brotli),
            included(gzip),
        )
        .expect("a string takes any text");
    }
    table.push_str("];\n");
    let build = if files.is_empty() {
        "plain".to_owned()
    } else {
        all.finalize().to_hex()[..16].to_owned()
    };
    writeln!(table, "pub(crate) const BUILD: &str = {build:?};").expect("a string takes any text");
    Ok(table)
}

/// A packed form lies beside the table.
fn included(file: Option<String>) -> String {
    file.map_or_else(
        || "None".to_owned(),
        |file| format!("Some(include_bytes!({file:?}))"),
    )
}

/// Writes the packed form where it is worth it (less than nine tenths), and answers its name.
fn smaller(
    content: &[u8],
    packed: Vec<u8>,
    out: &Path,
    number: usize,
    ending: &str,
) -> io::Result<Option<String>> {
    if packed.len() * 10 >= content.len() * 9 {
        return Ok(None);
    }
    let name = format!("{number}.{ending}");
    fs::write(out.join(&name), packed)?;
    Ok(Some(name))
}

fn mime(file: &Path) -> String {
    let mime = mime_guess::from_path(file).first_or_octet_stream();
    let text = mime.type_() == mime_guess::mime::TEXT;
    let utf8 = if text { "; charset=utf-8" } else { "" };
    format!("{mime}{utf8}")
}

/// Whether there is something to gain: images and fonts are packed already.
fn is_text(mime: &str) -> bool {
    let packed = ["image/png", "image/jpeg", "image/webp", "font/woff"];
    !packed.iter().any(|kind| mime.starts_with(kind))
}

/// Beyond this many bytes the best packing takes seconds for one file; only parts that load later are as large.
const LARGE: usize = 200 << 10;

/// The best there is in release, but for large files; else a tenth of the time for a tenth more bytes.
fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let (quality, window) = if release && content.len() < LARGE {
        (11, 22)
    } else {
        (9, 22)
    };
    let mut packer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, window);
    packer.write_all(content)?;
    Ok(packer.into_inner())
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content)?;
    packer.finish()
}
