//! What `dropleaf doctor` finds out about the folders of the pipelines: whether the daemon could use them, and how much room there is.

use crate::command::home::Finding;
use crate::config::spec::Config;
use crate::durable::{self, probe};
use crate::mounts::Mounts;
use crate::owner::Owner;
use crate::pipeline::checked::{Original, Pipeline};
use crate::pipeline::folders::OUR_FOLDER;
use rustix::fs::{Access, AtFlags, CWD};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// A folder that says nothing for so long is on a mount that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at every folder that these pipelines use, as this user, and at the room on all disks in use.
pub(super) fn look(config: &Config, pipelines: &[Pipeline]) -> Vec<Finding> {
    let mut bad = Vec::new();
    let mut all = config.home.own();
    for pipeline in pipelines {
        for (use_of, folder) in used(pipeline) {
            let ask = Question {
                inbox: use_of == Use::Inbox,
                folder: folder.clone(),
                home: config.home.clone(),
            };
            if let Err(reason) = patiently(&folder, move || ask.answer()) {
                bad.push(Finding::bad(
                    "folder",
                    format!("{} of pipeline `{}`: {reason}", use_of.word(), pipeline.id),
                    format!(
                        "put it right, or name another folder in {}.yaml",
                        pipeline.id
                    ),
                ));
            }
            all.push(folder);
        }
    }
    if bad.is_empty() && !pipelines.is_empty() {
        let found = format!(
            "those of {} can be used by {}",
            match pipelines.len() {
                1 => "1 pipeline".to_owned(),
                several => format!("{several} pipelines"),
            },
            probe::who_we_are()
        );
        bad.push(Finding::good("folders", found));
    }
    bad.extend(room(all, config.spec.min_free_mb));
    bad
}

/// What a pipeline does with a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Inbox,
    Outbox,
    Failed,
    Archive,
}

impl Use {
    fn word(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Outbox => "outbox",
            Self::Failed => "failed folder",
            Self::Archive => "archive",
        }
    }
}

fn used(pipeline: &Pipeline) -> Vec<(Use, PathBuf)> {
    let mut used = vec![
        (Use::Inbox, pipeline.watch.folder.clone()),
        (Use::Outbox, pipeline.output.root.clone()),
        (Use::Failed, pipeline.failed.clone()),
    ];
    if let Original::Archive(folder) = &pipeline.original {
        used.push((Use::Archive, folder.clone()));
    }
    used
}

/// Whether a daemon of this home could use a folder.
struct Question {
    inbox: bool,
    folder: PathBuf,
    home: crate::config::home::Home,
}

impl Question {
    fn answer(&self) -> Result<(), String> {
        let folder = &self.folder;
        let mounts = Mounts::load(self.home.mounts());
        mounts
            .require(folder)
            .map_err(|missed| missed.to_string())?;
        match std::fs::metadata(folder) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // All but inboxes elsewhere are made when they are needed.
                if self.inbox && !folder.starts_with(self.home.inbox()) {
                    return Err(probe::blocked(folder, &error).reason);
                }
                return may_be_made(folder);
            }
            Err(error) => return Err(probe::blocked(folder, &error).reason),
        }
        if self.inbox {
            let owner = Owner::of(self.home.root(), self.home.id());
            let owner = owner.map_err(|error| error.to_string())?;
            let ours = owner.may_take(&folder.join(OUR_FOLDER));
            ours.map_err(|refused| crate::problem::chain(&refused))?;
        }
        probe::folder(folder).map_err(|blocked| blocked.reason)
    }
}

fn may_be_made(folder: &Path) -> Result<(), String> {
    let needed = Access::WRITE_OK | Access::EXEC_OK;
    let asked = rustix::fs::accessat(CWD, there(folder), needed, AtFlags::EACCESS);
    asked.map_err(|errno| probe::blocked(folder, &io::Error::from(errno)).reason)
}

/// The folder, or the nearest one above it that is there.
fn there(folder: &Path) -> &Path {
    let mut above = folder.ancestors();
    above.find(|path| path.exists()).unwrap_or(folder)
}

/// Asks on a thread of its own, which stays behind where the file system never answers.
fn patiently<T: Send + 'static>(
    folder: &Path,
    ask: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Who asked may have given up.
        let _ = tell.send(ask());
    });
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        Err(format!(
            "`{}` does not answer (a network mount that hangs?)",
            folder.display()
        ))
    })
}

/// The disks that have too little room; where all have enough, the one that has least.
pub(super) fn room(mut folders: Vec<PathBuf>, wanted: u64) -> Vec<Finding> {
    folders.sort();
    folders.dedup();
    let (mut low, mut least) = (Vec::new(), None);
    for folder in folders {
        let asked = folder.clone();
        let free = patiently(&folder, move || {
            let free = durable::free_space(there(&asked));
            free.map_err(|error| error.to_string())
        });
        let shown = folder.display();
        match free {
            Ok(free) if free >> 20 < wanted => low.push(Finding::bad(
                "disk",
                format!("{} MiB free at `{shown}`", free >> 20),
                format!(
                    "free some space: below {wanted} MiB no new files are taken (`min_free_mb`)"
                ),
            )),
            Ok(free) if least.as_ref().is_none_or(|(least, _)| free < *least) => {
                least = Some((free, folder));
            }
            Ok(_) => {}
            Err(error) => low.push(Finding::bad("disk", error, "look at its file system")),
        }
    }
    match least {
        Some((free, folder)) if low.is_empty() => {
            let found = format!(
                "{} MiB free at least, at `{}`",
                free >> 20,
                folder.display()
            );
            vec![Finding::good("disk", found)]
        }
        _ => low,
    }
}
