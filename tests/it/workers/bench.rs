//! A pool over a store of its own, and attempts to run in it.

use dropleaf::job::attempt::{Bill, Ending, Failure};
use dropleaf::job::event::WorkerCrashed;
use dropleaf::plugin::grants::Grant;
use dropleaf::pool::update::{Attempt, Limits, Update};
use dropleaf::pool::{Config, Pool};
use dropleaf::problem::Code;
use dropleaf::wire::message::{Plan, PlanStep};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// No test takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) pool: Pool,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let store = home.path().join("store");
        fs::create_dir(&store).expect("made");
        place(&built("faulty"), &store.join("faulty.so"));
        let mut config = Config::new(&store);
        config.executable = PathBuf::from(env!("CARGO_BIN_EXE_dropleaf"));
        config.spare = 1;
        config.scratch = Some(home.path().join("scratch"));
        config.limits.memory = 1 << 30;
        adjust(&mut config);
        let pool = Pool::start(config).expect("the pool starts");
        Self { home, pool }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// The nursery and all workers of this pool.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let store = self.store().to_string_lossy().into_owned();
        let entries = fs::read_dir("/proc").expect("it can be listed");
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let ours = |id: &u32| {
            let words = fs::read_to_string(format!("/proc/{id}/cmdline"));
            words.is_ok_and(|words| words.contains(&store))
        };
        numbers.filter(ours).collect()
    }

    /// A step of the faulty plugin.
    pub(crate) fn misbehave(&self, mode: &str) -> PlanStep {
        self.step("misbehave", json!({ "mode": mode }))
    }

    pub(crate) fn step(&self, operation: &str, with: Value) -> PlanStep {
        PlanStep {
            id: "bad".into(),
            plugin: "faulty".into(),
            version: "0.1.0".into(),
            blake3: "00ff".repeat(16),
            library: self
                .store()
                .join("faulty.so")
                .to_string_lossy()
                .into_owned(),
            operation: operation.into(),
            takes_all: operation == "count",
            condition: None,
            with,
            own_variables: BTreeMap::new(),
            timeout_ms: None,
            continue_on_error: false,
            given_up: Vec::new(),
            temp: false,
        }
    }

    /// The same step of a plugin written in C.
    pub(crate) fn fault(&self, source: &str) -> PlanStep {
        let library = self.store().join(format!("{source}.so"));
        compile(source, &library);
        PlanStep {
            plugin: source.into(),
            library: library.to_string_lossy().into_owned(),
            ..self.step("fault", json!({}))
        }
    }

    /// Begins an attempt on three pages.
    pub(crate) fn begin(&self, steps: Vec<PlanStep>) -> Attempt {
        self.begin_on(steps, &dropleaf_test_support::sample::pdf(3), limits())
    }

    pub(crate) fn begin_on(&self, steps: Vec<PlanStep>, pdf: &[u8], limits: Limits) -> Attempt {
        self.begin_plan(plan(steps), pdf, limits)
    }

    pub(crate) fn begin_plan(&self, plan: Plan, pdf: &[u8], limits: Limits) -> Attempt {
        let path = self.home.path().join("input.pdf");
        fs::write(&path, pdf).expect("written");
        let input = File::open(&path).expect("opened");
        let grant = Grant {
            temp: plan.steps.iter().any(|step| step.temp),
            ..Grant::default()
        };
        self.pool.run(plan, input, grant, limits)
    }

    pub(crate) async fn run(&self, steps: Vec<PlanStep>) -> Ran {
        finish(self.begin(steps)).await
    }

    pub(crate) async fn run_mode(&self, mode: &str) -> Ran {
        self.run(vec![self.misbehave(mode)]).await
    }

    /// The pool still does honest work, and no worker is left behind.
    pub(crate) async fn is_well(&self) {
        let ran = self.run_mode("behave").await;
        assert_eq!(ran.bill().pages_out, 3);
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        deadline: Duration::from_secs(60),
        stall: Duration::from_secs(60),
    }
}

pub(crate) fn plan(steps: Vec<PlanStep>) -> Plan {
    let variables = BTreeMap::from([
        (
            "input".to_owned(),
            json!({ "name": "scan.pdf", "stem": "scan", "folder": "" }),
        ),
        ("job".to_owned(), json!({ "id": "01JOB" })),
        (
            "env".to_owned(),
            json!({ "SECRET": "hidden", "PASSWORD": "sesame" }),
        ),
        ("now".to_owned(), json!("2026-11-22T12:00:00.000+01:00")),
    ]);
    Plan {
        job: "01JOB".into(),
        steps,
        variables,
        output_name: "{{ input.stem }}-{{ part.index }}.pdf".into(),
        output_folder: "/out/{{ part.count }}".into(),
        passwords: Vec::new(),
        refuse_signed: true,
        max_decoded: 64 << 20,
        max_input: 64 << 20,
        rests: false,
    }
}

/// Everything an attempt told.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) updates: Vec<Update>,
    pub(crate) ended: Result<Bill, Failure>,
}

pub(crate) async fn finish(mut attempt: Attempt) -> Ran {
    let mut updates = Vec::new();
    let collect = async {
        while let Some(update) = attempt.updates.recv().await {
            match update {
                Update::Ended(ended) => {
                    assert!(attempt.updates.recv().await.is_none(), "`Ended` comes last");
                    return ended;
                }
                update => updates.push(update),
            }
        }
        panic!("the attempt ended without `Ended`");
    };
    let ended = tokio::time::timeout(PATIENCE, collect)
        .await
        .expect("the attempt ends");
    Ran { updates, ended }
}

impl Ran {
    pub(crate) fn bill(&self) -> &Bill {
        self.ended
            .as_ref()
            .unwrap_or_else(|failure| panic!("{failure:?} after {:?}", self.updates))
    }

    pub(crate) fn failure(&self) -> &Failure {
        match &self.ended {
            Err(failure) => failure,
            Ok(bill) => panic!("it succeeded: {bill:?} after {:?}", self.updates),
        }
    }

    /// That it failed in this way, with this text.
    #[track_caller]
    pub(crate) fn failed(&self, ending: Ending, code: Code, text: &str) {
        let failure = self.failure();
        assert_eq!(
            (failure.ending, failure.problem.code),
            (ending, code),
            "{failure:?} after {:?}",
            self.updates
        );
        assert!(
            failure.problem.detail.contains(text),
            "{:?} lacks {text:?}",
            failure.problem.detail
        );
    }

    pub(crate) fn crash(&self) -> &WorkerCrashed {
        let found = self.updates.iter().find_map(|update| match update {
            Update::Crashed(crash) => Some(crash),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("nothing crashed: {:?}", self.updates))
    }

    fn picked<'a, T: 'a>(&'a self, pick: impl Fn(&'a Update) -> Option<T>) -> Vec<T> {
        self.updates.iter().filter_map(pick).collect()
    }

    pub(crate) fn logs(&self) -> Vec<&str> {
        self.picked(|update| match update {
            Update::Log { message, .. } => Some(message.as_str()),
            _ => None,
        })
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.picked(|update| match update {
            Update::Warning(warned) => Some(warned.code.as_str()),
            _ => None,
        })
    }

    /// Names and contents of the outputs.
    pub(crate) fn outputs(&self) -> Vec<(String, Vec<u8>)> {
        self.picked(|update| match update {
            Update::Output {
                folder, name, file, ..
            } => Some((format!("{folder}/{name}"), read(file))),
            _ => None,
        })
    }

    pub(crate) fn artifacts(&self) -> Vec<(String, u32, Vec<u8>)> {
        self.picked(|update| match update {
            Update::Artifact {
                name, part, file, ..
            } => Some((name.clone(), *part, read(file))),
            _ => None,
        })
    }

    /// What the first step that ended well published.
    pub(crate) fn results(&self) -> BTreeMap<String, Value> {
        let mut results = self.picked(|update| match update {
            Update::StepFinished(finished) => Some(finished.results.clone()),
            _ => None,
        });
        assert!(!results.is_empty(), "no step finished: {self:?}");
        results.swap_remove(0)
    }
}

fn read(file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    File::open(path)
        .expect("opened again")
        .read_to_end(&mut bytes)
        .expect("read");
    bytes
}

/// A plugin of this workspace, as cargo built it beside this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let folder = test.parent().expect("in a folder");
    let file = format!("libdropleaf_plugin_{name}{}", std::env::consts::DLL_SUFFIX);
    folder.join(file)
}

/// Links or copies a library to where it is wanted.
pub(crate) fn place(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to)
            .unwrap_or_else(|error| panic!("{} to {}: {error}", from.display(), to.display()));
    }
}

/// Compiles one of the plugins in C.
pub(crate) fn compile(source: &str, to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-pthread", "-o"])
        .arg(to)
        .arg("-I")
        .arg(root.join("include"))
        .arg(root.join(format!("tests/plugins/{source}.c")))
        .status()
        .expect("a C compiler is there: cargo links with it");
    assert!(status.success(), "{source}.c compiles");
}
