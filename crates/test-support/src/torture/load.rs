//! The load on a daemon that is going to be killed: whatever people and programs do to it, as fast as it can be done.

use super::input::{self, Input, PIPELINES};
use crate::daemon::TestHome;
use crate::plugins;
use rustix::fs::{CWD, RenameFlags};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything that was given to the daemon.
#[derive(Debug, Default)]
pub(super) struct Given {
    inputs: Vec<Input>,
}

impl Given {
    /// These.
    pub(super) fn of(inputs: Vec<Input>) -> Self {
        Self { inputs }
    }

    /// How many files.
    pub(super) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Each of them.
    pub(super) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn add(&mut self, input: Input) -> usize {
        self.inputs.push(input);
        self.inputs.len() - 1
    }
}

/// What one life is loaded with.
#[derive(Debug)]
pub(super) struct Load {
    random: fastrand::Rng,
    home: PathBuf,
    given: Arc<Mutex<Given>>,
    agent: ureq::Agent,
}

impl Load {
    pub(super) fn new(seed: u64, home: &TestHome, given: Arc<Mutex<Given>>) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            home: home.path(""),
            given,
            agent: input::agent(Duration::from_secs(10)),
        }
    }

    /// Puts a few files into the inboxes while nobody looks.
    pub(super) fn before_start(&mut self) {
        for _ in 0..self.random.u8(..3) {
            self.drop_by_rename();
        }
    }

    /// Goes on until `stop`; gives how many workers it killed.
    pub(super) fn go_on(mut self, address: &str, daemon: u32, stop: &AtomicBool) -> u32 {
        let mut workers = 0;
        while !stop.load(Ordering::Relaxed) {
            match self.random.u8(..100) {
                0..35 => self.drop_by_rename(),
                35..45 => self.drop_in_pieces(),
                45..60 => self.upload(address),
                60..68 => self.ask(address, "failed", "retry"),
                68..76 => self.ask(address, "queued", "cancel"),
                76..82 => self.change_pipeline(),
                82..86 => self.replace_plugin(),
                _ => workers += self.kill_worker(daemon),
            }
            std::thread::park_timeout(Duration::from_millis(self.random.u64(..12)));
        }
        workers
    }

    /// Notes a file before it can be seen, and gives its name in the inbox and its content.
    fn give(&mut self, certain: bool) -> (usize, PathBuf, String, Vec<u8>) {
        let mut given = self.given.lock().expect("no load panics");
        let (mut input, bytes) = input::make(&mut self.random, given.len());
        input.certain = certain;
        let inbox = self.home.join("inbox").join(input.pipeline);
        // The same few names again and again, so that they collide everywhere.
        let name = format!("scan-{}.pdf", self.random.u8(..40));
        (given.add(input), inbox, name, bytes)
    }

    fn drop_by_rename(&mut self) {
        let (number, inbox, name, bytes) = self.give(true);
        self.drop_whole(number, &inbox, &name, &bytes);
    }

    /// Writes into the inbox itself, as a scanner does. Half a PDF is not taken; half of anything else might be.
    fn drop_in_pieces(&mut self) {
        let (number, inbox, name, bytes) = self.give(true);
        if !bytes.starts_with(b"%PDF") {
            return self.drop_whole(number, &inbox, &name, &bytes);
        }
        let path = inbox.join(format!("slow-{number}.pdf"));
        let mut file = std::fs::File::create(path).expect("the inbox is writable");
        // At least its first line, at most all but its last ones.
        let middle = self.random.usize(16..bytes.len() - 32);
        file.write_all(&bytes[..middle])
            .expect("the inbox is writable");
        std::thread::park_timeout(Duration::from_millis(self.random.u64(..10)));
        file.write_all(&bytes[middle..])
            .expect("the inbox is writable");
    }

    /// By rename, and never over a file that waits there: a person would be asked.
    fn drop_whole(&mut self, number: usize, inbox: &Path, name: &str, bytes: &[u8]) {
        let temp = inbox.join(format!(".{number}.tmp"));
        std::fs::write(&temp, bytes).expect("the inbox is writable");
        let mut target = inbox.join(name);
        let mut more = 0;
        while let Err(error) =
            rustix::fs::renameat_with(CWD, &temp, CWD, &target, RenameFlags::NOREPLACE)
        {
            assert_eq!(error, rustix::io::Errno::EXIST, "a rename in one folder");
            more += 1;
            target = inbox.join(format!("{more}-{name}"));
        }
    }

    fn upload(&mut self, address: &str) {
        let (number, inbox, name, bytes) = self.give(false);
        let pipeline = inbox
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let url = format!("http://{address}/api/v1/pipelines/{pipeline}/jobs?name={name}");
        if input::upload(&self.agent, &url, &bytes) {
            self.given.lock().expect("no load panics").inputs[number].certain = true;
        }
    }

    /// Retries or cancels a job of a state; that it has moved on since, or that the daemon is gone, does not matter.
    fn ask(&mut self, address: &str, state: &str, wish: &str) {
        let url = format!("http://{address}/api/v1/jobs?state={state}&limit=20");
        let Ok(mut answer) = self.agent.get(&url).call() else {
            return;
        };
        let Ok(text) = answer.body_mut().read_to_string() else {
            return;
        };
        let list: Value = serde_json::from_str(&text).unwrap_or_default();
        let jobs = list["jobs"].as_array().cloned().unwrap_or_default();
        let Some(job) = self.random.choice(&jobs).and_then(|job| job["id"].as_str()) else {
            return;
        };
        let url = format!("http://{address}/api/v1/jobs/{job}/{wish}");
        // Refused or cut off: both may be.
        let _ = self.agent.post(&url).send_empty();
    }

    fn change_pipeline(&mut self) {
        let pipeline = &PIPELINES[self.random.usize(..PIPELINES.len())];
        let text = if self.random.u8(..4) == 0 {
            "watch: { folder: nowhere\nsteps: [".to_owned()
        } else {
            pipeline.yaml(self.random.u32(..))
        };
        let path = self.home.join(format!("pipelines/{}.yaml", pipeline.id));
        self.replace(&path, text.as_bytes());
    }

    /// Another build of the same plugin: what follows the end of a library does not matter to the loader.
    fn replace_plugin(&mut self) {
        let name = ["pages", "split", "optimize"][self.random.usize(..3)];
        let library = plugins::library(name);
        let mut bytes = std::fs::read(&library).expect("the library was built");
        bytes.extend(std::iter::repeat_n(0, self.random.usize(1..64)));
        let name = library
            .file_name()
            .expect("a library has a name")
            .to_owned();
        self.replace(&self.home.join("plugins").join(name), &bytes);
    }

    #[expect(clippy::disallowed_methods, reason = "an editor does not sync either")]
    fn replace(&self, path: &Path, content: &[u8]) {
        let temp = path.with_extension("tmp");
        std::fs::write(&temp, content).expect("the home is writable");
        std::fs::rename(&temp, path).expect("a rename in one folder");
    }

    fn kill_worker(&mut self, daemon: u32) -> u32 {
        let workers = descendants(daemon);
        let Some(&worker) = self.random.choice(&workers) else {
            return 0;
        };
        u32::from(kill(worker))
    }
}

/// SIGKILL; false where the process has gone.
fn kill(process: u32) -> bool {
    let status = Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The process ids of everything below a process.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![process];
    while let Some(process) = next.pop() {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else {
            continue;
        };
        for task in tasks.flatten() {
            let children =
                std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children = children
                .split_ascii_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok());
            for child in children {
                found.push(child);
                next.push(child);
            }
        }
    }
    found
}
