//! Where `dropleaf run` puts what came out: under the first free name of its folder, with a receipt where the pipeline asks for one.
//! Nothing is replaced.

use crate::durable;
use crate::job::attempt::Bill;
use crate::job::event::PluginUse;
use crate::pipeline::checked::Pipeline;
use crate::plugin::catalog::Catalog;
use crate::scheduler::sample::Piece;
use crate::spool::name;
use crate::spool::plan::companion;
use crate::time::Timestamp;
use anyhow::Result;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};

const RECEIPT: &str = ".json";

/// A file that was written, or would be.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) pages: Option<u64>,
    pub(super) size: u64,
}

impl Written {
    /// Where the pipeline would put it beside those that come `before` it.
    ///
    /// # Errors
    /// It has no size.
    pub(super) fn imagined(piece: &Piece, before: &[Self]) -> Result<Self> {
        let wanted = Path::new(&piece.folder).join(&piece.name);
        let is_taken = |path: &Path| before.iter().any(|other| other.path == path);
        let (mut path, mut number) = (wanted.clone(), 0);
        while is_taken(&path) {
            number += 1;
            let name = wanted.file_name().unwrap_or_default();
            path = wanted.with_file_name(name::numbered(name, number, 0));
        }
        Ok(Self {
            path,
            pages: piece.pages,
            size: piece.file.metadata()?.len(),
        })
    }
}

/// What a receipt tells besides the output itself; all of a job's but what only a daemon's job has.
pub(super) struct About(Value);

impl About {
    /// Reads the input once more, for its hash.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn new(
        pipeline: &Pipeline,
        catalog: &Catalog,
        (input, path): (&File, &Path),
        bill: &Bill,
    ) -> Result<Self> {
        let content = durable::content(input, path)?;
        let mut plugins: Vec<PluginUse> = Vec::new();
        for step in &pipeline.steps {
            // It has been run just now.
            let Ok(found) = catalog.find(&step.uses()) else {
                continue;
            };
            let used = PluginUse {
                name: found.plugin.manifest.name.clone(),
                version: found.plugin.manifest.version.clone(),
                blake3: found.plugin.blake3.clone(),
            };
            if !plugins.contains(&used) {
                plugins.push(used);
            }
        }
        Ok(Self(json!({
            "pipeline": { "id": pipeline.id, "revision": pipeline.revision },
            "input": { "path": path.display().to_string(), "size": content.size, "blake3": content.blake3 },
            "plugins": plugins,
            "parses": bill.parses,
            "saves": bill.saves,
            "processorMs": bill.cpu_ms,
        })))
    }

    fn write(&self, path: &Path, content: &durable::Content, pages: u64) -> Result<()> {
        let mut told = self.0.clone();
        told["output"] = json!({
            "path": path.to_string_lossy(), "size": content.size, "blake3": content.blake3, "pages": pages,
        });
        told["writtenAt"] = Timestamp::now().rfc3339().into();
        let text = format!("{told:#}\n");
        Ok(durable::write_new(
            &companion(path, RECEIPT),
            text.as_bytes(),
        )?)
    }
}

/// Writes one result under the first free name; a document's receipt beside it.
///
/// # Errors
/// The name cannot be used, or the folder cannot be written.
pub(super) fn write(folder: &Path, piece: &Piece, about: Option<&About>) -> Result<Written> {
    let receipt = about.zip(piece.pages);
    let room = receipt.map_or(0, |_| RECEIPT.len());
    let wanted = folder.join(name::below(&piece.name, room)?);
    let temp = folder.join(format!(".dropleaf-{}.tmp", ulid::Ulid::generate()));
    let content = durable::copy_new(&piece.file, &temp)?;
    let path = place(&temp, &wanted, receipt.is_some())?;
    if let Some((about, pages)) = receipt {
        about.write(&path, &content, pages)?;
    }
    durable::sync::folder(folder)?;
    Ok(Written {
        path,
        pages: piece.pages,
        size: content.size,
    })
}

fn place(temp: &Path, wanted: &Path, with_receipt: bool) -> Result<PathBuf> {
    let room = if with_receipt { RECEIPT.len() } else { 0 };
    let mut path = wanted.to_path_buf();
    let mut number = 0;
    loop {
        // A document and its receipt take the same number.
        let is_taken = with_receipt && companion(&path, RECEIPT).symlink_metadata().is_ok();
        let moved = match is_taken {
            true => None,
            false => Some(durable::rename_noreplace(temp, &path)),
        };
        match moved {
            Some(Ok(())) => return Ok(path),
            Some(Err(error)) if error.kind() != durable::Kind::Exists => {
                // The temp is of no use to anybody.
                let _ = durable::remove(temp);
                return Err(error.into());
            }
            _ => {
                number += 1;
                let name = wanted.file_name().unwrap_or_default();
                path = wanted.with_file_name(name::numbered(name, number, room));
            }
        }
    }
}
