//! The pipelines folder: every `.yaml` and `.yml` file in it, checked.

use crate::pipeline::check::names::pipeline_id;
use crate::pipeline::check::{check, inbox};
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::surroundings::Surroundings;
use crate::pipeline::yaml::text::{self, MAX_BYTES};
use crate::plugin::catalog::Catalog;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// One file of the pipelines folder.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file's stem.
    pub id: String,
    /// The file.
    pub file: PathBuf,
    /// BLAKE3 of its text in hex; `None` where it could not be read.
    pub text_hash: Option<String>,
    /// The folder that it would watch, as far as that can be read.
    pub inbox: Option<PathBuf>,
    /// The pipeline, or all its faults.
    pub result: Result<Pipeline, Vec<Fault>>,
}

/// Loads every pipeline in `dir`, in the order of their names. Hidden files and other endings are left alone.
///
/// # Errors
/// `dir` itself cannot be listed. A file that cannot be read is a `Loaded` with a fault.
pub fn load(dir: &Path, catalog: &Catalog, surroundings: &Surroundings) -> io::Result<Vec<Loaded>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path.extension().is_some_and(|ending| {
            ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")
        });
        if yaml && !hidden {
            files.push(path);
        }
    }
    files.sort();
    let mut loaded: Vec<Loaded> = Vec::new();
    for file in files {
        let mut next = load_file(&file, catalog, surroundings);
        if let Some(first) = loaded.iter().find(|known| known.id == next.id) {
            let other = first
                .file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let message = format!("the pipeline `{}` is already in `{other}`", next.id);
            next.result = Err(vec![
                Fault::of_file(&file.to_string_lossy(), message)
                    .hint("rename or remove one of the two"),
            ]);
        }
        loaded.push(next);
    }
    Ok(loaded)
}

/// Loads one file; its stem is the pipeline's id.
#[must_use]
pub fn load_file(file: &Path, catalog: &Catalog, surroundings: &Surroundings) -> Loaded {
    let id = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let name = file.to_string_lossy();
    let bytes = match read_bounded(file) {
        Ok(bytes) => bytes,
        Err(why) => {
            let mut faults: Vec<Fault> = pipeline_id(&name, &id).into_iter().collect();
            faults.push(Fault::of_file(&name, why));
            return Loaded {
                id,
                file: file.to_path_buf(),
                text_hash: None,
                inbox: None,
                result: Err(faults),
            };
        }
    };
    let result = check(&id, &name, &bytes, catalog, surroundings);
    Loaded {
        inbox: match &result {
            Ok(pipeline) => Some(pipeline.watch.folder.clone()),
            Err(_) => inbox(&id, &bytes, catalog, surroundings),
        },
        result,
        text_hash: Some(blake3::hash(&bytes).to_hex().to_string()),
        file: file.to_path_buf(),
        id,
    }
}

/// The bytes of a pipeline file: a regular file that is not too large.
///
/// # Errors
/// It is something else, too large, or cannot be read: a sentence for people.
pub fn read_bounded(file: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("the file cannot be read: {error}");
    // Looked at before it is opened: a pipe would block.
    let metadata = fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        return Err("this is not a regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(text::too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows meanwhile is refused by `check`.
    File::open(file)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
