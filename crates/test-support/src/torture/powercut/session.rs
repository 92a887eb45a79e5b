//! A load on a traced daemon, recorded: files given and uploaded, jobs retried and cancelled, the daemon killed in between.

use super::super::input::{self, Input};
use super::super::traced::Daemon;
use super::record::{FileId, Op, Record, Recorder, Shared};
use crate::daemon::TestHome;
use crate::feed::Feed;
use crate::folder::copy;
use rustix::fs::{CWD, RenameFlags};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Lives of the daemon in one session.
const LIVES: u32 = 3;
/// Things that people do in one life.
const DEEDS: u32 = 8;

/// What was recorded.
pub(super) struct Session {
    pub(super) record: Record,
    pub(super) inputs: Vec<Input>,
    /// Where the files of the beginning lie for good.
    pub(super) base: HashMap<FileId, PathBuf>,
    /// The number of the last event before it.
    pub(super) from: u64,
}

impl Session {
    /// Records one in a bare home, with so many old jobs in its journal. What lies there at the beginning is copied to `base`.
    pub(super) fn record(
        home: &TestHome,
        old_jobs: u32,
        base: &Path,
        random: &mut fastrand::Rng,
    ) -> Result<Self, String> {
        let from = match old_jobs {
            0 => input::prepare_unused(home).map(|()| 0),
            jobs => input::prepare_aged(home, jobs),
        }?;
        copy(&home.path(""), base);
        let record = Record::of(&home.path(""));
        let root = home.path("");
        let lies = |(file, path): &(FileId, PathBuf)| {
            let below = path.strip_prefix(&root).expect("it lies in the home");
            (*file, base.join(below))
        };
        let base = record.base.iter().map(lies).collect();
        let shared: Shared = Arc::new(Mutex::new(record));
        let mut people = People {
            shared: Arc::clone(&shared),
            home: root,
            inputs: Vec::new(),
            random: fastrand::Rng::with_seed(random.u64(..)),
            agent: input::agent(Duration::from_secs(20)),
        };
        let mut last = None;
        for life in 0..LIVES {
            last = one_life(home, &mut people, last, life + 1 == LIVES)?;
        }
        let inputs = std::mem::take(&mut people.inputs);
        drop(people);
        let record = Arc::into_inner(shared)
            .ok_or("somebody still records")?
            .into_inner()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            record,
            inputs,
            base,
            from,
        })
    }

    /// Changes of files.
    pub(super) fn operations(&self) -> usize {
        let notes = |op: &&Op| {
            !matches!(
                op,
                Op::Heard { .. } | Op::Took { .. } | Op::Sends { .. } | Op::Snapshot { .. }
            )
        };
        self.record.ops.iter().filter(notes).count()
    }

    pub(super) fn syncs(&self) -> usize {
        let is_sync = |op: &&Op| {
            matches!(
                op,
                Op::SyncFile { .. } | Op::SyncFolder { .. } | Op::SyncAll { .. }
            )
        };
        self.record.ops.iter().filter(is_sync).count()
    }

    /// How often the journal's file got a new length: each time it gave pages back.
    pub(super) fn cuts_of_the_journal(&self) -> usize {
        let is_journal = |path: &PathBuf| path.ends_with("state/journal.db");
        let journal = self.record.base.iter().find(|(_, path)| is_journal(path));
        let Some((journal, _)) = journal else {
            return 0;
        };
        let is_cut = |op: &&Op| matches!(op, Op::Resize { file, .. } if file == journal);
        self.record.ops.iter().filter(is_cut).count()
    }

    /// The last things that happened before a moment, for people.
    pub(super) fn around(&self, moment: usize) -> String {
        let ops = self.record.ops.iter().enumerate();
        let some = ops.take(moment).skip(moment.saturating_sub(40));
        let line = |(number, op): (usize, &Op)| match op {
            Op::Write { file, at, bytes } => {
                format!(
                    "  {number} write file {file} at {at}, {} bytes",
                    bytes.len()
                )
            }
            Op::Given { path, file, .. } => {
                format!("  {number} given {} (file {file})", path.display())
            }
            Op::Heard { event, .. } => {
                format!(
                    "  {number} heard {} {} {}",
                    event["seq"], event["event"], event["job"]
                )
            }
            other => format!("  {number} {other:?}"),
        };
        some.map(line).collect::<Vec<_>>().join("\n")
    }
}

type Cursor = Option<String>;

/// Starts the daemon under trace, lets people do their deeds, and kills it; the last one may finish what it has.
fn one_life(
    home: &TestHome,
    people: &mut People,
    last: Cursor,
    is_last: bool,
) -> Result<Cursor, String> {
    let daemon = Daemon::start(home, Recorder::new(&people.shared)).map_err(|ended| {
        format!(
            "a traced daemon did not start ({:?}):\n{}",
            ended.code, ended.log
        )
    })?;
    let address = daemon.address.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let listener = Listener {
        shared: Arc::clone(&people.shared),
        address: address.clone(),
        stop: Arc::clone(&stop),
        last,
    };
    let listening = std::thread::spawn(move || listener.listen());
    for _ in 0..DEEDS {
        people.deed(&address);
        std::thread::park_timeout(Duration::from_millis(people.random.u64(..120)));
    }
    if is_last {
        people.wait_for_the_end(&address);
    } else {
        std::thread::park_timeout(Duration::from_millis(people.random.u64(..400)));
    }
    let log = daemon.kill();
    stop.store(true, Ordering::Relaxed);
    let last = listening.join().map_err(|_| "a listener panicked")?;
    if log.contains("panicked at") {
        return Err(format!("the daemon panicked:\n{log}"));
    }
    Ok(last)
}

/// Those who give files and ask for things.
struct People {
    shared: Shared,
    home: PathBuf,
    inputs: Vec<Input>,
    random: fastrand::Rng,
    agent: ureq::Agent,
}

impl People {
    fn deed(&mut self, address: &str) {
        match self.random.u8(..10) {
            0..5 => self.give(),
            5..8 => self.upload(address),
            8 => self.ask(address, "failed", "retry"),
            _ => self.ask(address, "queued", "cancel"),
        }
    }

    fn make(&mut self) -> (usize, PathBuf, Vec<u8>) {
        let (input, bytes) = input::make(&mut self.random, self.inputs.len());
        let inbox = self.home.join("inbox").join(input.pipeline);
        self.inputs.push(input);
        (self.inputs.len() - 1, inbox, bytes)
    }

    /// Puts a file into an inbox, and goes away once it is there for good.
    fn give(&mut self) {
        let (input, inbox, bytes) = self.make();
        // Nothing is noted meanwhile: what the daemon does with the file is noted after it.
        let mut record = self.shared.lock().expect("nobody panics");
        let names: Vec<PathBuf> = (0..40)
            .map(|number| inbox.join(format!("scan-{number}.pdf")))
            .filter(|path| !record.lies_there(path))
            .take(5)
            .collect();
        let path = self
            .random
            .choice(&names)
            .expect("40 names are enough")
            .clone();
        let temp = inbox.join(format!(".{input}.tmp"));
        let mut file = File::create(&temp).expect("the inbox is writable");
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .expect("the inbox is writable");
        rustix::fs::renameat_with(CWD, &temp, CWD, &path, RenameFlags::NOREPLACE)
            .expect("the name is free");
        File::open(&inbox)
            .and_then(|folder| folder.sync_all())
            .expect("the inbox can be synced");
        record.given(&path, bytes, input);
    }

    fn note(&self, op: Op) {
        self.shared.lock().expect("nobody panics").ops.push(op);
    }

    fn upload(&mut self, address: &str) {
        let (input, _, bytes) = self.make();
        let pipeline = self.inputs[input].pipeline;
        let name = self.random.u8(..6);
        let url = format!("http://{address}/api/v1/pipelines/{pipeline}/jobs?name=scan-{name}.pdf");
        self.note(Op::Sends { input });
        if input::upload(&self.agent, &url, &bytes) {
            self.note(Op::Took { input });
        }
    }

    fn jobs(&self, address: &str, states: &str) -> Vec<String> {
        let url = format!("http://{address}/api/v1/jobs?state={states}&limit=20");
        let answer = self.agent.get(&url).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        let list: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
        let jobs = list["jobs"].as_array().cloned().unwrap_or_default();
        let id = |job: &Value| job["id"].as_str().map(str::to_owned);
        jobs.iter().filter_map(id).collect()
    }

    fn ask(&mut self, address: &str, state: &str, wish: &str) {
        let jobs = self.jobs(address, state);
        if let Some(job) = self.random.choice(&jobs) {
            let url = format!("http://{address}/api/v1/jobs/{job}/{wish}");
            // That it has moved on meanwhile does not matter.
            let _ = self.agent.post(&url).send_empty();
        }
    }

    fn wait_for_the_end(&self, address: &str) {
        for _ in 0..400 {
            if self
                .jobs(address, "claiming,queued,running,waiting,delivering")
                .is_empty()
            {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// A client that notes what it hears.
struct Listener {
    shared: Shared,
    address: String,
    stop: Arc<AtomicBool>,
    last: Cursor,
}

impl Listener {
    fn listen(mut self) -> Cursor {
        while !self.stop.load(Ordering::Relaxed) {
            let mut request = agent_without_end()
                .get(format!("http://{}/api/v1/events", self.address))
                .header("accept", "text/event-stream");
            if let Some(last) = &self.last {
                request = request.header("last-event-id", last);
            }
            if let Ok(answer) = request.call() {
                self.hear(Feed::read(answer.into_body().into_reader()));
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self.last
    }

    fn hear(&mut self, mut feed: Feed) {
        use std::sync::mpsc::RecvTimeoutError::Disconnected;
        loop {
            let event = match feed.try_next(Duration::from_millis(100)) {
                Ok(event) => event,
                Err(Disconnected) => return,
                Err(_) if self.stop.load(Ordering::Relaxed) => return,
                Err(_) => continue,
            };
            let Some(id) = event.id else { continue };
            let op = if event.name == "snapshot" {
                let seq = event.data["seq"].as_u64().unwrap_or(0);
                Op::Snapshot {
                    id: id.clone(),
                    seq,
                }
            } else {
                let mut data = event.data;
                data["event"] = event.name.into();
                Op::Heard {
                    id: id.clone(),
                    event: data,
                }
            };
            self.shared.lock().expect("nobody panics").ops.push(op);
            self.last = Some(id);
        }
    }
}

fn agent_without_end() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_connect(Some(Duration::from_secs(2)));
    config.build().into()
}
