//! Many files, most of them hostile, through a real daemon, and everything that can be checked from outside.
//!
//! *Theory of operation.* [`feeding`] keeps a bounded number of files under way and hears from the daemon's feed how each
//! of them ended ([`ends`]). [`judge`] then looks at what lies in the folders, with qpdf and mutool as those who know
//! better. Meanwhile [`gauges`] measures the daemon, and how long a small sound file takes. [`mutants`] brings hostile
//! files to one pipeline for each operation, [`corpus`] a folder of files to the shipped pipelines, and [`soak`] brings so
//! many that only their number is hostile.

pub mod corpus;
mod ends;
mod feeding;
mod gauges;
mod judge;
mod lone;
pub mod mutants;
mod operations;
mod pictures;
pub mod soak;

use std::path::{Path, PathBuf};

pub use gauges::Gauge;
pub use lone::Phase;

/// Where an ordeal takes place.
#[derive(Clone, Debug)]
pub struct Place {
    /// The daemon's executable.
    pub program: PathBuf,
    /// Where homes are made; the system's temporary folder where it is `None`.
    pub folder: Option<PathBuf>,
    /// Where files are kept that something was found with.
    pub findings: PathBuf,
}

/// Something that is not as promised, and with which file.
#[derive(Clone, Debug)]
pub struct Finding {
    /// A word for the kind.
    pub kind: &'static str,
    /// The file's name and pipeline, and what is wrong.
    pub text: String,
}

impl Place {
    fn home(&self) -> crate::daemon::TestHome {
        let program = self.program.to_string_lossy();
        match &self.folder {
            None => crate::daemon::TestHome::new(&program),
            Some(folder) => crate::daemon::TestHome::new_in(&program, folder),
        }
    }

    /// Keeps a file that something was found with.
    fn keep(&self, kind: &str, name: &str, bytes: &[u8]) {
        let folder = self.findings.join(kind);
        let kept = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(name), bytes));
        kept.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
}

/// Panics that the daemon's log tells of.
fn panics(daemon: &crate::daemon::TestDaemon) -> Vec<Finding> {
    let log = daemon.log();
    let panics = log.lines().filter(|line| line.contains("panicked"));
    let finding = |line: &str| Finding {
        kind: "panic",
        text: line.to_owned(),
    };
    panics.map(finding).collect()
}

/// Every PDF below a folder, sorted.
///
/// # Errors
/// There is no PDF.
pub fn pdfs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let found: Vec<PathBuf> = crate::folder::files(folder)
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"))
        })
        .map(|path| folder.join(path))
        .collect();
    if found.is_empty() {
        return Err(format!("there is no PDF in `{}`", folder.display()));
    }
    Ok(found)
}
