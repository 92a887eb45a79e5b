//! The pipelines that are current: reloaded when their files or the installed operations change; a bad file leaves the last
//! good revision running, across restarts too.

use crate::durable;
use crate::event::{Draft, Event, PipelineEvent};
use crate::pipeline::check;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::folders;
use crate::pipeline::load;
use crate::pipeline::surroundings::Surroundings;
use crate::plugin::catalog::Catalog;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// One pipeline file as it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file's stem.
    pub id: String,
    /// The file.
    pub file: PathBuf,
    /// What runs: the newest revision without faults.
    pub current: Option<Arc<Pipeline>>,
    /// What is wrong with the file as it is now.
    pub faults: Vec<Fault>,
    /// The folder that the file as it is now names for its inbox, as far as that can be read.
    pub inbox: Option<PathBuf>,
    /// Why the last good revision cannot go on, where there is one and it does not.
    pub stuck: Option<Fault>,
}

/// The last revision of a pipeline that had no faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// Its number.
    pub revision: String,
    /// Its text.
    pub yaml: String,
}

impl Entry {
    /// The file's name, for faults.
    fn label(&self) -> String {
        self.file.to_string_lossy().into_owned()
    }
}

/// Every pipeline file, and how to read them again.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    surroundings: Surroundings,
    entries: BTreeMap<String, Entry>,
    last_good: BTreeMap<String, LastGood>,
}

/// How long a new inbox is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The [`tag`] of a file that is not there.
pub const NO_FILE: &str = "none";

/// Every choice of some of these names; of more than six, of the first six.
fn subsets(names: &[&str]) -> impl Iterator<Item = Vec<String>> {
    let names: Vec<String> = names.iter().take(6).map(|&name| name.to_owned()).collect();
    (1u32..1 << names.len()).map(move |choice| {
        let chosen = names.iter().enumerate();
        let chosen = chosen.filter(|(place, _)| choice & (1 << place) != 0);
        chosen.map(|(_, name)| name.clone()).collect()
    })
}

/// What changes whenever a pipeline's text does.
#[must_use]
pub fn tag(text: &[u8]) -> String {
    blake3::hash(text).to_hex()[..16].to_owned()
}

/// What a reload brought.
#[derive(Debug)]
pub struct Reloaded {
    /// What changed, for the journal.
    pub events: Vec<Draft>,
    /// Every entry.
    pub entries: Vec<Entry>,
    /// Pipelines that were not known before.
    pub new: Vec<String>,
}

/// A pipeline was not saved.
#[derive(Debug)]
pub enum Unsaved {
    /// It has faults.
    Faults(Vec<Fault>),
    /// Somebody changed it since.
    Conflict(String),
    /// The id cannot be a file name.
    BadId(String),
    /// The file cannot be written.
    Io(String),
}

/// What a text would be.
#[derive(Debug)]
pub struct Checked {
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// The pipeline, where nothing is wrong with the text alone.
    pub pipeline: Option<Arc<Pipeline>>,
}

/// Makes an inbox where there is none. What lies below it may be a mount that hangs: nobody waits for that.
fn make_inbox(folder: PathBuf) {
    let (done, is_done) = mpsc::channel();
    let making = std::thread::Builder::new().name("inbox".to_owned());
    let made = making.spawn(move || {
        if !folder.exists()
            && let Err(error) = fs::create_dir_all(&folder)
        {
            tracing::warn!(folder = %folder.display(), %error, "the inbox of a new pipeline cannot be made");
        }
        // Nobody may be waiting any more.
        let _ = done.send(());
    });
    match made {
        Ok(_) => _ = is_done.recv_timeout(PATIENCE),
        Err(error) => tracing::warn!(%error, "the inbox of a new pipeline cannot be made"),
    }
}

impl Shelf {
    /// An empty shelf. `last_good` has each pipeline's last good revision of an earlier life.
    #[must_use]
    pub fn new(
        folder: PathBuf,
        surroundings: Surroundings,
        last_good: BTreeMap<String, LastGood>,
    ) -> Self {
        Self {
            folder,
            surroundings,
            entries: BTreeMap::new(),
            last_good,
        }
    }

    /// Reads every file again. Events tell only what changed.
    pub fn reload(&mut self, catalog: &Catalog) -> Reloaded {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let listed = self.list(catalog);
        let is_listed = listed.is_some();
        for loaded in listed.unwrap_or_else(|| self.unlisted(catalog)) {
            let mut entry = Entry {
                id: loaded.id.clone(),
                file: loaded.file,
                current: None,
                faults: Vec::new(),
                inbox: loaded.inbox,
                stuck: None,
            };
            match loaded.result {
                Ok(pipeline) => entry.current = Some(Arc::new(pipeline)),
                Err(faults) => entry.faults = faults,
            }
            // Two files of one stem: the faults of both count, the pipeline of neither.
            if let Some(twin) = entries.get_mut(&loaded.id) {
                twin.faults.append(&mut entry.faults);
                twin.current = None;
            } else {
                entries.insert(loaded.id, entry);
            }
        }
        let gone = self.gone(&entries, is_listed);
        // What a file said that is gone is no pipeline any more, and one that comes later has nothing to do with it.
        self.last_good.retain(|id, _| !gone.contains(id));
        self.refuse_loops(&mut entries);
        self.make_new_inboxes(&entries);
        self.keep_last_good(&mut entries, catalog);
        let events = self.changes(&entries, &gone);
        let new = entries
            .keys()
            .filter(|id| !self.entries.contains_key(*id))
            .cloned()
            .collect();
        self.entries = entries;
        Reloaded {
            events,
            entries: self.entries.values().cloned().collect(),
            new,
        }
    }

    /// A new pipeline's inbox is made where it lies in the home's `inbox/`. Never again after that: a folder that was there and
    /// is gone has been moved or unmounted, and an empty one in its place would hide that. Folders elsewhere are their owners'.
    fn make_new_inboxes(&self, entries: &BTreeMap<String, Entry>) {
        let own = self.surroundings.home.join("inbox");
        let is_known = |id: &str, folder: &Path| match self.entries.get(id) {
            Some(Entry {
                current: Some(now), ..
            }) => now.watch.folder == folder,
            _ => self.last_good.contains_key(id),
        };
        for pipeline in entries.values().filter_map(|entry| entry.current.as_ref()) {
            let folder = &pipeline.watch.folder;
            if !folder.starts_with(&own) || is_known(&pipeline.id, folder) {
                continue;
            }
            make_inbox(folder.clone());
        }
    }

    /// Where a faulty file has a good revision before it, that one goes on.
    fn keep_last_good(&mut self, entries: &mut BTreeMap<String, Entry>, catalog: &Catalog) {
        for entry in entries.values_mut() {
            match &entry.current {
                Some(pipeline) => {
                    let good = LastGood {
                        revision: pipeline.revision.clone(),
                        yaml: pipeline.yaml.clone(),
                    };
                    self.last_good.insert(entry.id.clone(), good);
                }
                None => {
                    let earlier = self
                        .entries
                        .get(&entry.id)
                        .and_then(|earlier| earlier.current.clone());
                    let again = || self.recheck_last_good(&entry.id, catalog);
                    match earlier.map(Ok).or_else(again) {
                        Some(Ok(pipeline)) => entry.current = Some(pipeline),
                        Some(Err(fault)) => entry.stuck = Some(fault),
                        None => {}
                    }
                }
            }
        }
    }

    /// Where failed originals of a pipeline go that is gone: where its last text says, else into the home's folder of its name;
    /// neither where by now somebody would take them as new files.
    #[must_use]
    pub fn failed_of_gone(
        &self,
        id: &str,
        yaml: Option<&str>,
        catalog: &Catalog,
    ) -> Option<PathBuf> {
        let told = |yaml: &str| check::failed(id, yaml.as_bytes(), catalog, &self.surroundings);
        let own = self.surroundings.home.join("failed").join(id);
        let inboxes = self
            .entries
            .values()
            .filter_map(|entry| entry.current.as_ref());
        let inboxes: Vec<_> = inboxes
            .map(|other| folders::real(&other.watch.folder))
            .collect();
        let is_free = |folder: &PathBuf| {
            let folder = folders::real(folder);
            !inboxes.iter().any(|inbox| folders::lies_in(&folder, inbox))
        };
        let told = yaml.and_then(told).filter(is_free);
        told.or_else(|| Some(own).filter(is_free))
    }

    /// Every pipeline file; `None` where the folder cannot be listed.
    fn list(&self, catalog: &Catalog) -> Option<Vec<load::Loaded>> {
        load::load(&self.folder, catalog, &self.surroundings)
            .inspect_err(|error| {
                tracing::error!(folder = %self.folder.display(), %error, "the pipelines cannot be listed");
            })
            .ok()
    }

    /// A folder that cannot be listed changes nothing: what was current stays.
    fn unlisted(&self, catalog: &Catalog) -> Vec<load::Loaded> {
        let again = |entry: &Entry| load::load_file(&entry.file, catalog, &self.surroundings);
        self.entries.values().map(again).collect()
    }

    /// The pipelines whose files are gone since the last look, or since an earlier life.
    fn gone(&self, entries: &BTreeMap<String, Entry>, is_listed: bool) -> BTreeSet<String> {
        let earlier = self.last_good.keys().filter(|_| is_listed);
        let known = self.entries.keys().chain(earlier);
        let gone = known.filter(|id| !entries.contains_key(*id));
        gone.cloned().collect()
    }

    /// The last good revision with the plugins that are installed now; `None` where there never was one. An operation's name
    /// that several plugins offer by now means what it meant then, which the revision tells.
    fn recheck_last_good(
        &self,
        id: &str,
        catalog: &Catalog,
    ) -> Option<Result<Arc<Pipeline>, Fault>> {
        let good = self.last_good.get(id)?;
        let label = format!("{id} (last good revision)");
        let yaml = good.yaml.as_bytes();
        let check = |catalog: &Catalog| check::check(id, &label, yaml, catalog, &self.surroundings);
        let mut faults = match check(catalog) {
            Ok(pipeline) => return Some(Ok(Arc::new(pipeline))),
            Err(faults) => faults,
        };
        for newer in subsets(&catalog.contested()) {
            let as_then = catalog.clone().with_behind(newer);
            match check(&as_then) {
                Ok(pipeline) if pipeline.revision == good.revision => {
                    return Some(Ok(Arc::new(pipeline)));
                }
                _ => {}
            }
        }
        Some(Err(faults.swap_remove(0)))
    }

    /// Pipelines that would feed each other, or share a folder, get a fault. Those at work have right of way.
    fn refuse_loops(&self, entries: &mut BTreeMap<String, Entry>) {
        let mut all: Vec<(Arc<Pipeline>, String)> = entries
            .values()
            .filter_map(|entry| Some((entry.current.clone()?, entry.label())))
            .collect();
        let at_work = |pipeline: &Pipeline| {
            self.entries
                .get(&pipeline.id)
                .is_some_and(|entry| entry.current.is_some())
        };
        all.sort_by_key(|(pipeline, _)| !at_work(pipeline));
        let beside: Vec<folders::Entry<'_>> = all
            .iter()
            .map(|(pipeline, file)| folders::Entry { pipeline, file })
            .collect();
        for (id, fault) in folders::folders(&beside) {
            if let Some(entry) = entries.get_mut(&id) {
                entry.current = None;
                entry.faults.push(fault);
            }
        }
    }

    fn changes(&self, entries: &BTreeMap<String, Entry>, gone: &BTreeSet<String>) -> Vec<Draft> {
        let mut changes = Vec::new();
        let mut say = |pipeline: &str, what| {
            changes.push(Draft::now(Event::Pipeline {
                pipeline: pipeline.to_owned(),
                what,
            }))
        };
        for entry in entries.values() {
            let before = self.entries.get(&entry.id);
            let revision = |entry: &Entry| {
                entry
                    .current
                    .as_ref()
                    .map(|pipeline| pipeline.revision.clone())
            };
            let faults: Vec<String> = entry.faults.iter().map(ToString::to_string).collect();
            if !faults.is_empty() {
                let said: Vec<String> = before
                    .map(|before| before.faults.iter().map(ToString::to_string).collect())
                    .unwrap_or_default();
                if said != faults {
                    say(&entry.id, PipelineEvent::Invalid { faults });
                }
            } else if let Some(pipeline) = &entry.current
                && (before.and_then(revision).as_ref() != Some(&pipeline.revision)
                    || before.is_some_and(|before| !before.faults.is_empty()))
            {
                say(
                    &entry.id,
                    PipelineEvent::Loaded {
                        revision: pipeline.revision.clone(),
                        yaml: pipeline.yaml.clone(),
                    },
                );
            }
        }
        for id in gone {
            say(id, PipelineEvent::Removed);
        }
        changes
    }

    /// Checks and saves a pipeline's YAML; `Some(tag)` must still be the [`tag`] of its file, or [`NO_FILE`].
    ///
    /// # Errors
    /// It has faults, somebody changed it, or the file cannot be written.
    pub fn save(
        &self,
        id: &str,
        yaml: &str,
        expected: Option<&str>,
        catalog: &Catalog,
    ) -> Result<bool, Unsaved> {
        let known = self.entries.get(id);
        let file = known.map_or_else(
            || self.folder.join(format!("{id}.yaml")),
            |entry| entry.file.clone(),
        );
        let label = file
            .file_name()
            .map_or_else(|| id.to_owned(), |name| name.to_string_lossy().into_owned());
        let pipeline = check::check(id, &label, yaml.as_bytes(), catalog, &self.surroundings)
            .map_err(Unsaved::Faults)?;
        let faults = self.beside_others(&pipeline, &label);
        if !faults.is_empty() {
            return Err(Unsaved::Faults(faults));
        }
        // Last, so that next to no time is left for others to come between.
        unchanged(id, &file, expected)?;
        durable::alike::replace(&file, yaml.as_bytes())
            .map_err(|error| Unsaved::Io(error.to_string()))?;
        Ok(known.is_none())
    }

    /// What keeps a pipeline from being used beside the others.
    fn beside_others(&self, pipeline: &Pipeline, file: &str) -> Vec<Fault> {
        let others = self
            .entries
            .values()
            .filter(|entry| entry.id != pipeline.id);
        let others: Vec<(Arc<Pipeline>, String)> = others
            .filter_map(|entry| Some((entry.current.clone()?, entry.label())))
            .collect();
        let mut all: Vec<folders::Entry<'_>> = others
            .iter()
            .map(|(pipeline, file)| folders::Entry { pipeline, file })
            .collect();
        all.push(folders::Entry { pipeline, file });
        folders::folders(&all)
            .into_iter()
            .filter(|(of, _)| *of == pipeline.id)
            .map(|(_, fault)| fault)
            .collect()
    }

    /// What a text would be as the pipeline `id`, alone and beside the others.
    #[must_use]
    pub fn check(&self, id: &str, yaml: &[u8], catalog: &Catalog) -> Checked {
        let file = format!("{id}.yaml");
        match check::check(id, &file, yaml, catalog, &self.surroundings) {
            Err(faults) => Checked {
                faults,
                pipeline: None,
            },
            Ok(pipeline) => Checked {
                faults: self.beside_others(&pipeline, &file),
                pipeline: Some(Arc::new(pipeline)),
            },
        }
    }

    /// Removes a pipeline's file.
    ///
    /// # Errors
    /// There is none (`Ok(false)`), or it cannot be removed.
    pub fn delete(&mut self, id: &str, expected: Option<&str>) -> Result<bool, Unsaved> {
        let Some(entry) = self.entries.get(id) else {
            return Ok(false);
        };
        unchanged(id, &entry.file, expected)?;
        durable::remove(&entry.file).map_err(|error| Unsaved::Io(error.to_string()))?;
        self.last_good.remove(id);
        Ok(true)
    }

    /// The folder with the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What surrounds a pipeline file.
    #[must_use]
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }
}
/// Whether the file of a pipeline is still the one that somebody looked at.
fn unchanged(id: &str, file: &Path, expected: Option<&str>) -> Result<(), Unsaved> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let now = fs::read(file).map_or_else(|_| NO_FILE.to_owned(), |bytes| tag(&bytes));
    if now == expected {
        return Ok(());
    }
    let why = format!("the file of pipeline `{id}` was changed since");
    Err(Unsaved::Conflict(why))
}

#[cfg(test)]
mod tests;
