//! A daemon that only pretends: the other implementation of [`Backend`], for tests of routes and of the page.

use crate::event::{Draft, Event};
use crate::http::api::{
    Answer, Backend, BrokenPlugin, Checked, CurrentText, Explanation, Fault, FolderEntry, Health,
    KeptTrial, Link, Metric, MetricKind, OperationEntry, PipelineEntry, PluginEntry, Precondition,
    Put, PutRefused, Refused, Restored, Trial, TryOutcome, TryOutput, WaitingFile,
};
use crate::http::picture::{Picture, Undrawn};
use crate::http::slot::Slot;
use crate::job::attempt::Bill;
use crate::job::event::{Accepted, Identity, JobEvent, Origin, StepName};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::plugin::manifest::{Example, Manifest, Operation};
use crate::problem::{Code, Problem};
use crate::raw_path::RawPath;
use crate::store::Store;
use crate::time::Timestamp;
use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Everything happens in this minute.
pub(crate) const AT: Timestamp = Timestamp(1_763_788_211_123);

pub(crate) struct Fake {
    pub(crate) home: tempfile::TempDir,
    state: Mutex<State>,
    store: Store,
}

#[derive(Default)]
struct State {
    pipelines: BTreeMap<String, PipelineEntry>,
    uploads: u64,
    trials: BTreeMap<String, Arc<KeptTrial>>,
    draws_nothing: bool,
}

pub(crate) fn id(number: u128) -> JobId {
    JobId(ulid::Ulid::from(number))
}

pub(crate) fn accepted(home: &Path, name: &str) -> Accepted {
    let inbox = home.join("inbox/receive");
    Accepted {
        pipeline: "receive".into(),
        revision: "0011223344556677".into(),
        path: inbox.join(name).into(),
        folder: inbox.clone().into(),
        relative: RawPath::decode(name),
        held: inbox.join(".dropleaf/claimed").join(name).into(),
        identity: Identity {
            device: 1,
            inode: 2,
            size: 1_834_221,
            mtime_ns: 0,
            ctime_ns: 0,
        },
        origin: Origin::Watch,
        priority: 0,
        steps: vec![
            StepName {
                id: "stamp".into(),
                uses: "stamp/stamp-text".into(),
            },
            StepName {
                id: "optimize".into(),
                uses: "optimize/optimize".into(),
            },
        ],
    }
}

impl Fake {
    pub(crate) fn new(home: tempfile::TempDir, store: Store) -> Arc<Self> {
        let mut state = State::default();
        let entry = PipelineEntry {
            id: "receive".into(),
            file: home.path().join("pipelines/receive.yaml").into(),
            rev: 1,
            yaml: "watch: { folder: inbox/receive }\nsteps: [{ uses: stamp-text }]\n".into(),
            tag: "t1".into(),
            current: None,
            faults: Vec::new(),
            paused: None,
            folder: Some(FolderEntry {
                folder: home.path().join("inbox/receive").into(),
                state: "online".into(),
                mode: "events".into(),
                reason: "a local file system".into(),
                settling: 0,
                ignored: 0,
                changes: 0,
                last_scan: Some(AT),
            }),
            counts: BTreeMap::new(),
        };
        state.pipelines.insert("receive".into(), entry);
        Arc::new(Self {
            home,
            state: Mutex::new(state),
            store,
        })
    }

    /// From now on no plugin draws pages.
    pub(crate) fn draw_nothing(&self) {
        self.state().draws_nothing = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while holding it")
    }

    fn pipeline(&self, id: &str) -> Result<PipelineEntry, Refused> {
        self.state()
            .pipelines
            .get(id)
            .cloned()
            .ok_or_else(|| Refused::NotFound(format!("there is no pipeline `{id}`")))
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut PipelineEntry)) -> Result<(), Refused> {
        self.pipeline(id)?;
        change(self.state().pipelines.get_mut(id).expect("just seen"));
        Ok(())
    }

    fn slot(&self, name: &str) -> Slot {
        let mut state = self.state();
        state.uploads += 1;
        let path = self.home.path().join(format!("{name}-{}", state.uploads));
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .expect("a new file");
        Slot::new(path, file)
    }

    /// Does nothing if the job is in one of these states.
    fn job_in(&self, id: JobId, states: &'static [&'static str]) -> Answer<'_, Job> {
        Box::pin(async move {
            let found = self.store.job(id).await;
            let found = found.map_err(|error| Refused::Failed(error.to_string()))?;
            let job = found.ok_or_else(|| Refused::NotFound(format!("there is no job `{id}`")))?;
            if states.contains(&job.state.word()) {
                return Ok(job);
            }
            let state = job.state.word();
            Err(Refused::Conflict(format!("job `{id}` is {state}")))
        })
    }
}

fn faults(file: &str, yaml: &[u8]) -> Vec<Fault> {
    let text = String::from_utf8_lossy(yaml);
    if text.contains("steps:") {
        return Vec::new();
    }
    vec![Fault {
        file: file.into(),
        line: 1,
        column: 1,
        pointer: String::new(),
        message: "`steps` is missing".into(),
        hint: Some("every pipeline has at least one step".into()),
    }]
}

fn now<'a, T: Send + 'a, E: Send + 'a>(value: Result<T, E>) -> Answer<'a, T, E> {
    Box::pin(std::future::ready(value))
}

impl Backend for Fake {
    fn cancel(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move {
            let open = &["claiming", "queued", "running"];
            self.job_in(id, open).await.map(drop)
        })
    }

    fn retry(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { self.job_in(id, &["failed", "cancelled"]).await.map(drop) })
    }

    fn restore(&self, id: JobId) -> Answer<'_, Restored> {
        Box::pin(async move {
            let job = self.job_in(id, &["failed", "cancelled"]).await?;
            Ok(Restored {
                path: job.accepted.path,
                note: None,
            })
        })
    }

    fn pipelines(&self) -> Answer<'_, Vec<PipelineEntry>> {
        let pipelines = { self.state().pipelines.values().cloned().collect() };
        Box::pin(async move { Ok(pipelines) })
    }

    fn folders(&self) -> BTreeMap<String, FolderEntry> {
        let state = self.state();
        let folder =
            |(id, entry): (&String, &PipelineEntry)| Some((id.clone(), entry.folder.clone()?));
        state.pipelines.iter().filter_map(folder).collect()
    }

    fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Answer<'_, Checked> {
        now(Ok(Checked {
            faults: faults(&format!("{id}.yaml"), &yaml),
            pipeline: None,
        }))
    }

    fn put_pipeline(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: Precondition,
    ) -> Answer<'_, Put, PutRefused> {
        let current = self.pipeline(id).ok().map(|entry| CurrentText {
            yaml: entry.yaml,
            tag: entry.tag,
        });
        let known = current.as_ref().map(|current| current.tag.clone());
        let holds = match &condition {
            Precondition::None => true,
            Precondition::Exists => known.is_some(),
            Precondition::Absent => known.is_none(),
            Precondition::Tag(tags) => known.as_ref().is_some_and(|tag| tags.contains(tag)),
        };
        if !holds {
            return now(Err(PutRefused::Precondition(current)));
        }
        let faults = faults(&format!("{id}.yaml"), &yaml);
        if !faults.is_empty() {
            return now(Err(PutRefused::Faults(faults)));
        }
        let mut entry = self.pipeline("receive").expect("it is always there");
        entry.id = id.into();
        entry.yaml = String::from_utf8(yaml).expect("the tests send text");
        entry.tag = format!("{}x", entry.tag);
        let put = Put {
            created: known.is_none(),
            revision: "r".into(),
            tag: entry.tag.clone(),
        };
        self.state().pipelines.insert(id.into(), entry);
        now(Ok(put))
    }

    fn delete_pipeline(&self, id: &str, _condition: Precondition) -> Answer<'_, (), PutRefused> {
        match self.state().pipelines.remove(id) {
            Some(_) => now(Ok(())),
            None => now(Err(Refused::NotFound(format!(
                "there is no pipeline `{id}`"
            ))
            .into())),
        }
    }

    fn pause(&self, id: &str, reason: String) -> Answer<'_, ()> {
        now(self.change(id, |entry| entry.paused = Some(reason)))
    }

    fn resume(&self, id: &str) -> Answer<'_, ()> {
        now(self.change(id, |entry| entry.paused = None))
    }

    fn scan(&self, id: &str) -> Answer<'_, ()> {
        now(self.pipeline(id).map(drop))
    }

    fn try_pipeline(&self, trial: Trial) -> Answer<'_, Arc<KeptTrial>, PutRefused> {
        if let Some(yaml) = &trial.yaml {
            let faults = faults("sample.yaml", yaml);
            if !faults.is_empty() {
                return now(Err(PutRefused::Faults(faults)));
            }
        }
        let mut content = Vec::new();
        let path = trial.sample.path();
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut content))
            .expect("the sample is on disk");
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"another's").expect("it takes the bytes");
        file.write_all(&content).expect("it takes the bytes");
        let mut input = tempfile::tempfile().expect("a temporary file");
        input.write_all(&content).expect("it takes the bytes");
        let size = content.len() as u64;
        let kept = Arc::new(KeptTrial {
            id: "01K4TRIAL".into(),
            expires: AT,
            name: trial.name.clone(),
            input,
            size,
            outcome: TryOutcome {
                pages: Some(1),
                steps: Vec::new(),
                warnings: Vec::new(),
                problem: None,
                bill: Bill::default(),
                outputs: vec![TryOutput {
                    name: trial.name,
                    mime: "application/pdf".into(),
                    pages: Some(1),
                    size,
                    start: b"another's".len() as u64,
                    file: Arc::new(file),
                }],
            },
        });
        let trials = &mut self.state().trials;
        trials.insert(kept.id.clone(), Arc::clone(&kept));
        now(Ok(kept))
    }

    fn trial(&self, id: &str) -> Option<Arc<KeptTrial>> {
        self.state().trials.get(id).cloned()
    }

    fn forget_trial(&self, id: &str) -> bool {
        self.state().trials.remove(id).is_some()
    }

    fn renderer(&self) -> Result<String, Undrawn> {
        match self.state().draws_nothing {
            true => Err(Undrawn::NotInstalled(None)),
            false => Ok("5f1c2a9e00".into()),
        }
    }

    fn picture(&self, picture: Picture) -> Answer<'_, Bytes, Undrawn> {
        now(match picture.page {
            1 => Ok(format!("a picture, {} wide", picture.width).into()),
            2 => Err(Undrawn::Impossible(Problem::new(
                Code::PdfEncrypted,
                "the file needs a password",
            ))),
            _ => Err(Undrawn::Beyond { pages: 2 }),
        })
    }

    fn spelled(&self, path: &Path) -> Answer<'_, PathBuf> {
        now(Ok(path.to_path_buf()))
    }

    fn upload_slot(&self, pipeline: &str) -> Answer<'_, Slot> {
        now(self.pipeline(pipeline).map(|_| self.slot("upload")))
    }

    fn scratch_slot(&self) -> Answer<'_, Slot> {
        now(Ok(self.slot("scratch")))
    }

    fn submit(&self, pipeline: &str, name: String, slot: Slot) -> Answer<'_, Job> {
        let (path, _file) = slot.keep();
        let id = id(u128::from(1000 + self.state().uploads));
        let mut accepted = accepted(self.home.path(), &name);
        accepted.pipeline = pipeline.into();
        accepted.origin = Origin::Upload;
        accepted.identity.size = std::fs::metadata(&path).expect("it was received").len();
        accepted.held = path.into();
        Box::pin(async move {
            let what = JobEvent::Accepted(Box::new(accepted));
            let event = Event::Job { job: id, what };
            self.store
                .append(vec![Draft { at: AT, event }])
                .await
                .expect("a new job");
            let job = self.store.job(id).await.expect("a journal");
            Ok(job.expect("just accepted"))
        })
    }

    fn files(&self, pipeline: &str, _limit: usize) -> Answer<'_, Vec<WaitingFile>> {
        let file = |name: &str, state: &str| WaitingFile {
            pipeline: pipeline.into(),
            path: self.home.path().join("inbox").join(name).into(),
            state: state.into(),
            reason: "it is still being written".into(),
        };
        now(Ok(vec![
            file("a.pdf", "settling"),
            file("b.txt", "ignored"),
        ]))
    }

    fn explain(&self, path: &Path) -> Answer<'_, Explanation> {
        now(Ok(Explanation {
            path: path.into(),
            chain: vec![
                Link {
                    ok: true,
                    text: "it lies in the inbox of `receive`".into(),
                },
                Link {
                    ok: false,
                    text: "it is still being written: settling, 2 s left".into(),
                },
            ],
            job: None,
        }))
    }

    fn plugins(&self) -> Vec<PluginEntry> {
        vec![PluginEntry {
            manifest: Manifest {
                name: "stamp".into(),
                version: "0.1.0".into(),
                description: "Puts text on pages".into(),
                license: "MIT".into(),
                vendor: String::new(),
                operations: vec![operation()],
            },
            blake3: "aa".into(),
            file: RawPath::decode("/plugins/libstamp.so"),
            toolchain: "rustc 1.95".into(),
        }]
    }

    fn broken_plugins(&self) -> Vec<BrokenPlugin> {
        vec![BrokenPlugin {
            file: RawPath::decode("/plugins/bad.so"),
            reason: "it has no `dropleaf_plugin_v1`".into(),
        }]
    }

    fn operations(&self) -> Vec<OperationEntry> {
        vec![OperationEntry {
            plugin: "stamp".into(),
            version: "0.1.0".into(),
            operation: operation(),
            unavailable: None,
        }]
    }

    fn pipeline_schema(&self) -> serde_json::Value {
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object" })
    }

    fn health(&self) -> Answer<'_, Health> {
        now(Ok(Health {
            ready: true,
            sandbox: "full".into(),
            workers_limit: 2,
            ..Health::default()
        }))
    }

    fn metrics(&self) -> Answer<'_, Vec<Metric>> {
        now(Ok(vec![Metric {
            name: "dropleaf_jobs",
            help: "Jobs.",
            kind: MetricKind::Gauge,
            samples: vec![(vec![("state", "queued".into())], 0.0)],
        }]))
    }
}

fn operation() -> Operation {
    Operation {
        name: "stamp-text".into(),
        summary: "Puts a text on every page".into(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
        needs: Vec::new(),
        inputs: crate::plugin::manifest::Inputs::Each,
        permissions: crate::plugin::manifest::Permissions::default(),
        limits: crate::plugin::manifest::Limits::default(),
        examples: vec![Example {
            title: "A date".into(),
            with: json!({ "text": "today" }),
        }],
    }
}
