//! One library: from a file that has settled to an installed plugin, or to the reason why not.

use crate::plugin::catalog::Installed;
use crate::plugin::manifest::Manifest;
use crate::pool::{DescribeError, Pool};
use crate::registry::folder::{Stamp, check_header};
use crate::registry::keep::{Finding, Store};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// What became of a file.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It is a plugin.
    Good(Arc<Installed>),
    /// It is none, until it changes.
    Broken(String),
    /// It could not be asked now; a later look tries again.
    Later(String),
    /// It changed while it was copied, so it has not settled after all.
    Moving,
}

impl Outcome {
    /// Whether the same file need not be asked again.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Later(_) | Self::Moving)
    }
}

/// Copies it into the store and asks it, unless that very content was asked before.
pub(crate) async fn examine(store: &Store, pool: &Pool, path: &Path, stamp: Stamp) -> Outcome {
    let (kept_in, from) = (store.clone(), path.to_path_buf());
    let kept = tokio::task::spawn_blocking(move || keep(&kept_in, &from, stamp)).await;
    let blake3 = match kept {
        Ok(Ok(blake3)) => blake3,
        Ok(Err(outcome)) => return outcome,
        Err(_) => return Outcome::Later("it could not be read".into()),
    };
    describe(store, pool, blake3).await
}

/// Asks a library that is in the store, unless it was asked before.
pub(crate) async fn describe(store: &Store, pool: &Pool, blake3: String) -> Outcome {
    let found = match store.note(&blake3) {
        Some(found) => found,
        None => match ask(store, pool, &blake3).await {
            Ok(found) => found,
            Err(outcome) => return outcome,
        },
    };
    match found {
        Finding::Broken { reason } => Outcome::Broken(reason),
        Finding::Described {
            manifest,
            toolchain,
        } => install(store, blake3, &manifest, toolchain),
    }
}

fn keep(store: &Store, path: &Path, stamp: Stamp) -> Result<String, Outcome> {
    let later =
        |error: String| Outcome::Later(format!("`{}` cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(|error| later(error.to_string()))?;
    check_header(&file).map_err(Outcome::Broken)?;
    let blake3 = store
        .keep(&file, path)
        .map_err(|error| Outcome::Later(crate::problem::chain(&error)))?;
    match file.metadata() {
        Ok(metadata) if Stamp::of(&metadata) == stamp => Ok(blake3),
        _ => Err(Outcome::Moving),
    }
}

async fn ask(store: &Store, pool: &Pool, blake3: &str) -> Result<Finding, Outcome> {
    let library = store.library(blake3);
    let found = match pool.describe(&library).await {
        Ok(described) => Finding::Described {
            manifest: described.manifest,
            toolchain: described.toolchain,
        },
        Err(error @ DescribeError::Worker(_)) => {
            return Err(Outcome::Later(crate::problem::chain(&error)));
        }
        // A busy machine can make any library slow, so this is not held against it for ever.
        Err(error @ DescribeError::Slow(_)) => return Err(Outcome::Broken(error.to_string())),
        Err(error) => Finding::Broken {
            reason: error.to_string(),
        },
    };
    if let Err(error) = store.remember(blake3, &found) {
        tracing::warn!(%error, "failed to note what a plugin said; it will be asked again");
    }
    Ok(found)
}

fn install(store: &Store, blake3: String, text: &str, toolchain: String) -> Outcome {
    let manifest = match Manifest::read(text) {
        Ok(manifest) => manifest,
        Err(why) => return Outcome::Broken(format!("its manifest cannot be read: {why}")),
    };
    let faults = manifest.check();
    if !faults.is_empty() {
        return Outcome::Broken(format!("its manifest is not sound: {}", faults.join("; ")));
    }
    let library = store.library(&blake3);
    Outcome::Good(Arc::new(Installed {
        manifest,
        blake3,
        library,
        toolchain,
    }))
}
