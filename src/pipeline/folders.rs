//! Pipelines side by side: no two take from one inbox, and none feeds another by accident.

mod real;

use crate::pipeline::checked::{Original, Pipeline};
use crate::pipeline::fault::Fault;
pub(crate) use crate::pipeline::folders::real::real;
use crate::pipeline::yaml::build;
use std::path::{Path, PathBuf};

/// The folder that the daemon keeps in each inbox and outbox: claimed originals, staged outputs, uploads and marks lie in it.
pub const OUR_FOLDER: &str = ".dropleaf";

/// A checked pipeline and what its file is called in faults.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// Its file.
    pub file: &'a str,
}

/// What keeps pipelines from being used together, each with the id of the pipeline at fault.
///
/// The order of `entries` is their right of way: of two that do not go together the later one is at fault. So put those first
/// that are already at work.
#[must_use]
pub fn folders(entries: &[Entry<'_>]) -> Vec<(String, Fault)> {
    let sites: Vec<Site<'_>> = entries.iter().map(Site::new).collect();
    let mut faults = Vec::new();
    for (index, later) in sites.iter().enumerate() {
        let before = &sites[..index];
        // One is enough: whoever moves the inbox away from it has moved it away from the others that share it.
        faults.extend(before.iter().find_map(|site| shared_inbox(site, later)));
        for earlier in before {
            feeds(earlier, later, &mut faults);
        }
        endless(&sites[..=index], &mut faults);
    }
    faults
}

/// A pipeline's folders with symbolic links resolved.
struct Site<'a> {
    entry: &'a Entry<'a>,
    inbox: PathBuf,
    /// Pointer, what lies there, where, and whether it spreads into folders below.
    targets: Vec<(&'static str, &'static str, PathBuf, bool)>,
}

impl<'a> Site<'a> {
    fn new(entry: &'a Entry<'a>) -> Self {
        let pipeline = entry.pipeline;
        let mut targets = vec![(
            "/output/folder",
            "results",
            real(&pipeline.output.root),
            spreads(pipeline),
        )];
        if let Original::Archive(folder) = &pipeline.original {
            targets.push(("/original", "originals", real(folder), false));
        }
        targets.push(("/failed", "failed originals", real(&pipeline.failed), false));
        Self {
            entry,
            inbox: real(&pipeline.watch.folder),
            targets,
        }
    }

    fn id(&self) -> &str {
        &self.entry.pipeline.id
    }

    /// The first of this pipeline's folders whose files the other one would take.
    fn feeds(&self, other: &Site<'_>) -> Option<&(&'static str, &'static str, PathBuf, bool)> {
        self.targets.iter().find(|(_, _, folder, spreads)| {
            lies_in(folder, &other.inbox) || *spreads && other.inbox.starts_with(folder)
        })
    }

    fn fault(&self, pointer: &str, message: String, hint: &str) -> (String, Fault) {
        let place = build::parse(&self.entry.pipeline.yaml).map(|parsed| {
            if parsed.tree.has(pointer) {
                parsed.tree.value_at(pointer)
            } else {
                parsed.tree.value_at("/watch/folder")
            }
        });
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        let fault = Fault {
            line,
            column,
            pointer: pointer.to_owned(),
            ..Fault::of_file(self.entry.file, message).hint(hint)
        };
        (self.id().to_owned(), fault)
    }
}

/// Why the files of one would be taken by the other, too.
fn shared_inbox(earlier: &Site<'_>, later: &Site<'_>) -> Option<(String, Fault)> {
    const HINT: &str = "every file has one pipeline: give each an inbox of its own";
    let other = earlier.id();
    let message = if earlier.inbox == later.inbox {
        format!("the pipeline `{other}` already watches this folder")
    } else if later.inbox.starts_with(&earlier.inbox) && earlier.entry.pipeline.watch.recursive {
        format!(
            "this folder lies in the inbox of the pipeline `{other}`, which takes files from folders below too"
        )
    } else if earlier.inbox.starts_with(&later.inbox) && later.entry.pipeline.watch.recursive {
        format!(
            "the inbox of the pipeline `{other}` lies below this folder, whose folders are watched too (`recursive`)"
        )
    } else {
        return None;
    };
    Some(later.fault("/watch/folder", message, HINT))
}

fn feeds(earlier: &Site<'_>, later: &Site<'_>, faults: &mut Vec<(String, Fault)>) {
    if !later.entry.pipeline.allow_chain
        && let Some((pointer, what, folder, _)) = later.feeds(earlier)
    {
        let message = format!(
            "{what} of this pipeline ({}) would come into the inbox of the pipeline `{}`",
            folder.display(),
            earlier.id()
        );
        faults.push(later.fault(
            pointer,
            message,
            "write `allow_chain: true` if that is meant",
        ));
    }
    if !earlier.entry.pipeline.allow_chain
        && let Some((_, what, folder, _)) = earlier.feeds(later)
    {
        let message = format!(
            "{what} of the pipeline `{}` ({}) would come into this inbox",
            earlier.id(),
            folder.display()
        );
        let hint = format!(
            "write `allow_chain: true` into `{}` if that is meant",
            earlier.entry.file
        );
        faults.push(later.fault("/watch/folder", message, &hint));
    }
}

/// A chain that comes back to the last of `sites`: allowed or not, it would never end.
fn endless(sites: &[Site<'_>], faults: &mut Vec<(String, Fault)>) {
    let Some(last) = sites.len().checked_sub(1) else {
        return;
    };
    let mut queue = vec![vec![last]];
    let mut seen = vec![false; sites.len()];
    while let Some(chain) = queue.pop() {
        let from = chain.last().copied().unwrap_or(last);
        for (to, other) in sites.iter().enumerate() {
            if to == from
                || !sites[from].entry.pipeline.allow_chain
                || sites[from].feeds(other).is_none()
            {
                continue;
            }
            let mut longer = chain.clone();
            longer.push(to);
            if to == last {
                let names: Vec<&str> = longer.iter().map(|index| sites[*index].id()).collect();
                let message = format!("the chain {} never ends", names.join(" -> "));
                faults.push(sites[last].fault(
                    "/output/folder",
                    message,
                    "let one of them put its files elsewhere",
                ));
                return;
            }
            if !std::mem::replace(&mut seen[to], true) {
                queue.push(longer);
            }
        }
    }
}

/// Whether results go into folders below the outbox.
pub(crate) fn spreads(pipeline: &Pipeline) -> bool {
    Path::new(&pipeline.output.folder) != pipeline.output.root
}

/// Whether `folder` is `inbox` or lies below it.
pub(crate) fn lies_in(folder: &Path, inbox: &Path) -> bool {
    folder.starts_with(inbox)
}

#[cfg(test)]
mod tests;
