//! What a run works on: its pipelines, and files of which no two are the same.

use crate::daemon::TestHome;
use crate::{many, plugins, sample};
use std::time::Duration;

/// Jobs that an aged home keeps: more than a recorded load brings.
const KEPT: u32 = 500;

/// The pipelines of a run.
pub(super) const PIPELINES: [Pipeline; 4] = [
    Pipeline {
        id: "turn",
        outputs: Outputs::One,
        original: true,
        steps: "  - uses: rotate
    with: { angle: 90 }
  - uses: set-metadata
    with: { title: \"{{ input.stem }}\" }
",
        rest: "output: { if_exists: number }\n",
    },
    Pipeline {
        id: "burst",
        outputs: Outputs::OneAPage,
        original: true,
        steps: "  - uses: split\n    with: { every: 1 }\n",
        rest: "output: { if_exists: number }\n",
    },
    Pipeline {
        id: "gone",
        outputs: Outputs::One,
        original: false,
        steps: "  - uses: optimize\n",
        rest: "original: delete\noutput: { if_exists: number }\n",
    },
    Pipeline {
        id: "crash",
        outputs: Outputs::None,
        original: true,
        steps: "  - uses: misbehave\n    with: { mode: segv }\n",
        rest: "",
    },
];

/// One of them.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// Its name.
    pub(super) id: &'static str,
    /// What it makes of a sound file.
    pub(super) outputs: Outputs,
    /// Whether it keeps the originals.
    pub(super) original: bool,
    steps: &'static str,
    rest: &'static str,
}

/// What a pipeline makes of a sound file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outputs {
    /// One document with all pages.
    One,
    /// One document a page.
    OneAPage,
    /// Nothing: every file fails.
    None,
}

impl Pipeline {
    /// Its text; `revision` makes it another one that does the same.
    pub(super) fn yaml(&self, revision: u32) -> String {
        // A crash is tried again soon and often: workers are killed all the time, and a sound file is to come through.
        let retry = if self.outputs == Outputs::None {
            "retry: { attempts: 2, backoff: 20ms }"
        } else {
            "retry: { attempts: 50, backoff: 20ms, max_backoff: 100ms }"
        };
        format!(
            "# revision {revision}\nwatch: {{ folder: inbox/{}, quiet: 0s }}\n{retry}\nsteps:\n{}{}",
            self.id, self.steps, self.rest
        )
    }
}

/// A file as it was given.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// What its pages say they belong to; no two files have the same.
    pub(super) mark: String,
    /// Where it was given.
    pub(super) pipeline: &'static str,
    /// Its pages; none where it is no PDF.
    pub(super) pages: u32,
    /// The hash of its content.
    pub(super) blake3: String,
    /// False while it is not known whether the daemon has it: an upload without an answer.
    pub(super) certain: bool,
}

/// Makes file number `number` for a pipeline, one in ten of them no PDF at all.
pub(super) fn make(random: &mut fastrand::Rng, number: usize) -> (Input, Vec<u8>) {
    let pipeline = &PIPELINES[random
        .choice(&[0, 0, 0, 1, 1, 2, 2, 3])
        .copied()
        .unwrap_or(0)];
    let mark = format!("f{number:06}");
    let broken = random.u8(..10) == 0;
    let pages = if broken { 0 } else { random.u32(1..=4) };
    let bytes = if broken {
        format!("This is no PDF, it is {mark}.").into_bytes()
    } else {
        sample::Sample::new(&mark, pages).bytes()
    };
    let blake3 = blake3::hash(&bytes).to_hex().to_string();
    let input = Input {
        mark,
        pipeline: pipeline.id,
        pages,
        blake3,
        certain: true,
    };
    (input, bytes)
}

/// A client that waits so long for an answer.
pub(super) fn agent(patience: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(patience));
    config.build().into()
}

/// Uploads a file; true where the daemon says that it has it.
pub(super) fn upload(agent: &ureq::Agent, url: &str, bytes: &[u8]) -> bool {
    let sent = agent
        .post(url)
        .header("content-type", "application/pdf")
        .send(bytes);
    sent.is_ok_and(|answer| answer.status().as_u16() == 202)
}

/// Makes a bare home one that no daemon has worked on, but for the copies of its plugins: they are large.
pub(super) fn prepare_unused(home: &TestHome) -> Result<(), String> {
    for name in ["pages", "split", "optimize", "metadata"] {
        plugins::install(name, &home.path("plugins"));
    }
    prepare(home);
    let daemon = home
        .try_serve(|_| {})
        .map_err(|(status, log)| format!("the daemon does not start ({status:?}):\n{log}"))?;
    daemon.stop();
    let mut next = vec![home.path("")];
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(&folder)
            .expect("the home is ours")
            .flatten()
        {
            let path = entry.path();
            if entry.file_name() == ".dropleaf" {
                std::fs::remove_dir_all(&path).expect("the home is ours");
            } else if path.is_dir() {
                next.push(path);
            } else if folder.ends_with("state") {
                std::fs::remove_file(&path).expect("the home is ours");
            }
        }
    }
    Ok(())
}

/// Makes a bare home one whose journal has so many old jobs, most of which the next start removes. Gives the number of its last event.
pub(super) fn prepare_aged(home: &TestHome, jobs: u32) -> Result<u64, String> {
    prepare_unused(home)?;
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/gone", "old.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    daemon.stop();
    // The output is no file's that is given later, and the reserve is made anew by each start that finds none.
    for spent in ["outbox/gone/old.pdf", "state/ballast"] {
        std::fs::remove_file(home.path(spent)).map_err(|error| format!("{spent}: {error}"))?;
    }
    many::add(&home.path(""), jobs)?;
    configure(home, KEPT);
    crate::journal(&home.path("state/journal.db"))
        .query_row("SELECT MAX(seq) FROM event", [], |row| row.get::<_, u32>(0))
        .map(u64::from)
        .map_err(|error| error.to_string())
}

fn configure(home: &TestHome, jobs: u32) {
    // Lives are shorter than the time after which a file that is no PDF is taken: hundreds would wait, be told of again at each start,
    // and be too much to replay.
    home.write(
        "config.yaml",
        format!("retention: {{ jobs: {jobs} }}\nsettling: {{ not_pdf_seconds: 0 }}\n"),
    );
}

/// Puts pipelines and plugins into a home.
pub(super) fn prepare(home: &TestHome) {
    // The journal is compared whole: a long run has more events than are kept by default.
    configure(home, 100_000_000);
    plugins::install("faulty", &home.path("plugins"));
    for pipeline in &PIPELINES {
        home.pipeline(pipeline.id, &pipeline.yaml(0));
        for folder in super::folders(home, pipeline.id) {
            std::fs::create_dir_all(folder).expect("the home is writable");
        }
    }
}
