//! A daemon that only pretends: the other implementation of [`Backend`], for tests of routes and of the page.

use crate::event::{Event, Stored, WatchEvent};
use crate::http::api::{
    Answer, Api, Backend, BrokenPlugin, Explanation, Fault, FolderEntry, Health, History,
    HistoryQuery, Link, Metric, MetricKind, OperationEntry, PipelineEntry, PluginEntry,
    Precondition, Put, PutRefused, Refused, Slot, Subscribed, Topics, Trial, TryOutcome, TryOutput,
};
use crate::http::config::Config;
use crate::http::view;
use crate::job::event::{Accepted, Identity, JobEvent, Origin, StepName};
use crate::job::id::JobId;
use crate::job::state::Job;
use crate::plugin::manifest::{Example, Manifest, Operation};
use crate::raw_path::RawPath;
use crate::store::log::{LogLine, NumberedLine};
use crate::store::query::{JobPage, JobQuery, PipelineRow, Scope, Snapshot};
use crate::time::Timestamp;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::broadcast;

/// Everything happens in this minute.
pub(crate) const AT: Timestamp = Timestamp(1_763_788_211_123);

pub(crate) struct Fake {
    pub(crate) home: tempfile::TempDir,
    state: Mutex<State>,
    feed: broadcast::Sender<Bytes>,
}

#[derive(Default)]
struct State {
    seq: u64,
    jobs: BTreeMap<JobId, Job>,
    events: Vec<Arc<Stored>>,
    pipelines: BTreeMap<String, PipelineEntry>,
    log: Vec<NumberedLine>,
    uploads: u64,
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
    pub(crate) fn new() -> Arc<Self> {
        let home = tempfile::tempdir().expect("a temporary folder");
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
                last_scan: Some(AT),
            }),
            counts: BTreeMap::new(),
        };
        state.pipelines.insert("receive".into(), entry);
        Arc::new(Self {
            home,
            state: Mutex::new(state),
            feed: broadcast::channel(256).0,
        })
    }

    pub(crate) fn api(self: &Arc<Self>, config: Config) -> Arc<Api> {
        let home = self.home.path().to_path_buf();
        Api::new(Arc::clone(self) as Arc<dyn Backend>, config, home)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while holding it")
    }

    /// A fact about a job: kept, applied, and told.
    pub(crate) fn tell(&self, job: JobId, what: JobEvent) {
        let mut state = self.state();
        state.seq += 1;
        match &what {
            JobEvent::Accepted(accepted) => {
                let new = Job::new(job, AT, (**accepted).clone());
                state.jobs.insert(job, new);
            }
            other => {
                let known = state.jobs.get_mut(&job).expect("accepted before");
                known.apply(AT, other).expect("a possible event");
            }
        }
        let known = &state.jobs[&job];
        let stored = Arc::new(Stored {
            seq: state.seq,
            at: AT,
            rev: Some(known.rev),
            pipeline: Some(known.accepted.pipeline.clone()),
            path: Some(known.accepted.path.clone()),
            event: Event::Job { job, what },
        });
        let (name, data) = view::event::event(&stored);
        let frame = format!("id: e-{}\nevent: {name}\ndata: {data}\n\n", state.seq);
        state.events.push(stored);
        drop(state);
        // Nobody may be listening.
        let _ = self.feed.send(frame.into());
    }

    pub(crate) fn say(&self, frame: &str) {
        // Nobody may be listening.
        let _ = self.feed.send(Bytes::copy_from_slice(frame.as_bytes()));
    }

    pub(crate) fn listeners(&self) -> usize {
        self.feed.receiver_count()
    }

    pub(crate) fn write_log(&self, level: &str, step: Option<&str>, message: &str) {
        let mut state = self.state();
        let n = state.log.len() as u64;
        state.log.push(NumberedLine {
            n,
            line: LogLine {
                at: AT,
                level: level.into(),
                step: step.map(str::to_owned),
                message: message.into(),
            },
        });
    }

    fn snapshot(&self) -> String {
        let state = self.state();
        let pipelines = state.pipelines.values().map(|entry| PipelineRow {
            id: entry.id.clone(),
            changed: entry.rev,
            updated: AT,
            revision: Some("r".into()),
            faults: Vec::new(),
            removed: false,
            paused: entry.paused.clone(),
            folder: Some(WatchEvent::Online {
                folder: self.home.path().join("inbox/receive").into(),
                mode: "events".into(),
                reason: "ext4 is local".into(),
            }),
        });
        let (ended, open) = state
            .jobs
            .values()
            .rev()
            .cloned()
            .partition(|job| job.state.is_terminal());
        let mut data = view::snapshot::snapshot(&Snapshot {
            scope: Scope::Everything,
            seq: state.seq,
            pipelines: pipelines.collect(),
            open,
            more_open: false,
            ended,
            file: None,
            counts: BTreeMap::new(),
        });
        let cursor = self.cursor(state.seq);
        data["cursor"] = json!(cursor);
        format!(
            "retry: 500\n\nevent: hello\ndata: {{\"protocol\":1,\"heartbeatMs\":15000}}\n\nid: {cursor}\nevent: snapshot\ndata: {data}\n\n"
        )
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

    fn job_in(&self, id: JobId, states: &[&str]) -> Result<Job, Refused> {
        let job = self.state().jobs.get(&id).cloned();
        let job = job.ok_or_else(|| Refused::NotFound(format!("there is no job `{id}`")))?;
        if states.contains(&job.state.word()) {
            Ok(job)
        } else {
            Err(Refused::Conflict(format!(
                "job `{id}` is {}",
                job.state.word()
            )))
        }
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
    fn subscribe(&self, topics: Topics, last_event_id: Option<String>) -> Answer<'_, Subscribed> {
        if let Scope::Job(job) = topics.scope {
            match self.state().jobs.get(&job) {
                None => return now(Err(Refused::NotFound(format!("there is no job `{job}`")))),
                Some(job) if job.state.is_terminal() && last_event_id.is_some() => {
                    return now(Ok(Subscribed::Over));
                }
                Some(_) => {}
            }
        }
        if let Scope::Pipeline(pipeline) = &topics.scope
            && let Err(refused) = self.pipeline(pipeline)
        {
            return now(Err(refused));
        }
        let receiver = self.feed.subscribe();
        let first = stream::once(std::future::ready(Bytes::from(self.snapshot())));
        let tail = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.ok().map(|frame| (frame, receiver))
        });
        now(Ok(Subscribed::Stream(Box::pin(first.chain(tail)))))
    }

    fn cursor(&self, seq: u64) -> String {
        format!("e-{seq}")
    }

    fn history(&self, query: HistoryQuery) -> Answer<'_, History> {
        let after = match query
            .after
            .as_deref()
            .map(|cursor| cursor.strip_prefix("e-"))
        {
            Some(Some(seq)) => seq.parse().unwrap_or(0),
            Some(None) => return now(Ok(History::Reset("it is of another journal".into()))),
            None => 0,
        };
        let events: Vec<_> = self
            .state()
            .events
            .iter()
            .filter(|stored| stored.seq > after)
            .take(query.limit as usize)
            .cloned()
            .collect();
        let last = events.last().map_or(after, |stored| stored.seq);
        now(Ok(History::Events {
            events,
            cursor: format!("e-{last}"),
        }))
    }

    fn job(&self, id: JobId) -> Answer<'_, Option<Job>> {
        now(Ok(self.state().jobs.get(&id).cloned()))
    }

    fn jobs(&self, query: JobQuery) -> Answer<'_, JobPage> {
        let state = self.state();
        let mut jobs: Vec<Job> = state
            .jobs
            .values()
            .rev()
            .filter(|job| {
                query
                    .before
                    .as_ref()
                    .is_none_or(|before| job.id.to_string() < *before)
            })
            .filter(|job| {
                query.states.is_empty() || query.states.iter().any(|word| word == job.state.word())
            })
            .filter(|job| {
                query
                    .pipeline
                    .as_ref()
                    .is_none_or(|id| *id == job.accepted.pipeline)
            })
            .cloned()
            .collect();
        let more = jobs.len() > query.limit as usize;
        jobs.truncate(query.limit as usize);
        let next = more.then(|| jobs.last().expect("a limit of at least one").id.to_string());
        now(Ok(JobPage {
            jobs,
            next,
            seq: state.seq,
        }))
    }

    fn log(&self, _id: JobId, from: u64, limit: u32) -> Answer<'_, Vec<NumberedLine>> {
        let lines = self.state().log.clone().into_iter();
        now(Ok(lines
            .filter(|line| line.n >= from)
            .take(limit as usize)
            .collect()))
    }

    fn cancel(&self, id: JobId) -> Answer<'_, ()> {
        now(self
            .job_in(id, &["claiming", "queued", "running"])
            .map(drop))
    }

    fn retry(&self, id: JobId) -> Answer<'_, ()> {
        now(self.job_in(id, &["failed", "cancelled"]).map(drop))
    }

    fn restore(&self, id: JobId) -> Answer<'_, RawPath> {
        now(self
            .job_in(id, &["failed", "cancelled"])
            .map(|job| job.accepted.path))
    }

    fn pipelines(&self) -> Vec<PipelineEntry> {
        self.state().pipelines.values().cloned().collect()
    }

    fn check_pipeline(&self, id: &str, yaml: Vec<u8>) -> Answer<'_, Vec<Fault>> {
        now(Ok(faults(&format!("{id}.yaml"), &yaml)))
    }

    fn put_pipeline(
        &self,
        id: &str,
        yaml: Vec<u8>,
        condition: Precondition,
    ) -> Answer<'_, Put, PutRefused> {
        let known = self.pipeline(id).ok().map(|entry| entry.tag);
        let holds = match &condition {
            Precondition::None => true,
            Precondition::Exists => known.is_some(),
            Precondition::Absent => known.is_none(),
            Precondition::Tag(tags) => known.as_ref().is_some_and(|tag| tags.contains(tag)),
        };
        if !holds {
            return now(Err(PutRefused::Precondition(known)));
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

    fn try_pipeline(&self, trial: Trial) -> Answer<'_, TryOutcome, PutRefused> {
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
        file.write_all(&content).expect("it takes the bytes");
        now(Ok(TryOutcome {
            pages: Some(1),
            steps: Vec::new(),
            warnings: Vec::new(),
            problem: None,
            outputs: vec![TryOutput {
                name: trial.name,
                mime: "application/pdf".into(),
                pages: Some(1),
                size: content.len() as u64,
                file,
            }],
        }))
    }

    fn upload_slot(&self, pipeline: &str) -> Answer<'_, Slot> {
        now(self.pipeline(pipeline).map(|_| self.slot("upload")))
    }

    fn scratch_slot(&self) -> Answer<'_, Slot> {
        now(Ok(self.slot("scratch")))
    }

    fn submit(&self, pipeline: &str, name: String, slot: Slot) -> Answer<'_, Job> {
        let (path, _file) = slot.keep();
        let number = 1000 + self.state().uploads;
        let size = std::fs::metadata(&path).expect("it was received").len();
        let mut accepted = accepted(self.home.path(), &name);
        accepted.pipeline = pipeline.into();
        accepted.origin = Origin::Upload;
        accepted.identity.size = size;
        accepted.held = path.into();
        self.tell(
            id(u128::from(number)),
            JobEvent::Accepted(Box::new(accepted)),
        );
        let job = self.state().jobs[&id(u128::from(number))].clone();
        now(Ok(job))
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
            cursor: format!("e-{}", self.state().seq),
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
