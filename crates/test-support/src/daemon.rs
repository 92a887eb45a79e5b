//! A real daemon in a temporary home, on a free port, with a clean environment; killed when dropped.

mod requests;

use crate::feed::Feed;
use crate::plugins;
use crate::process::copy_program;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub use requests::Answer;

/// The user id that owns nothing.
const NOBODY: u32 = 65_534;

/// A home with the standard plugins, and the program to run on it.
#[derive(Debug)]
pub struct TestHome {
    folder: TempDir,
    program: PathBuf,
}

/// A running daemon.
#[derive(Debug)]
pub struct TestDaemon {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

impl TestHome {
    /// A home for `program` (`env!("CARGO_BIN_EXE_dropleaf")`), with the standard plugins.
    ///
    /// # Panics
    /// The temporary folder cannot be written.
    #[must_use]
    pub fn new(program: &str) -> Self {
        let home = Self::bare(program);
        plugins::install_standard(&home.path("plugins"));
        home
    }

    /// A home without plugins.
    ///
    /// # Panics
    /// The temporary folder cannot be written.
    #[must_use]
    pub fn bare(program: &str) -> Self {
        Self::bare_in(program, &std::env::temp_dir())
    }

    /// A home with the standard plugins below a folder of the caller's choice: another file system, perhaps.
    ///
    /// # Panics
    /// The folder cannot be written.
    #[must_use]
    pub fn new_in(program: &str, place: &Path) -> Self {
        let home = Self::bare_in(program, place);
        plugins::install_standard(&home.path("plugins"));
        home
    }

    pub(crate) fn bare_in(program: &str, place: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dropleaf-test-")
            .tempdir_in(place)
            .expect("a temporary folder");
        // Workers that gave up root must reach the plugin copies below the home.
        open_to_all(folder.path());
        let home = Self {
            folder,
            program: PathBuf::from(program),
        };
        for name in ["plugins", "pipelines", "inbox"] {
            std::fs::create_dir(home.path(name)).expect("the home is writable");
        }
        home
    }

    /// A path below the home.
    #[must_use]
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file below the home; folders are made.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("it lies below the home"))
            .expect("the home is writable");
        std::fs::write(path, content).expect("the home is writable");
    }

    /// Keeps the home for somebody to look at, and says where it is.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// Writes the pipeline `id`.
    pub fn pipeline(&self, id: &str, yaml: &str) {
        self.write(&format!("pipelines/{id}.yaml"), yaml);
    }

    /// Puts a file into a folder of the home the safe way: whole, by rename.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn drop_file(&self, folder: &str, name: &str, content: impl AsRef<[u8]>) {
        // The temporary name must not be too long where the name is as long as can be.
        let short: String = name.chars().take(50).collect();
        let temp = format!("{folder}/.{short}.tmp");
        self.write(&temp, content);
        #[expect(
            clippy::disallowed_methods,
            reason = "a person's file manager does not sync either"
        )]
        std::fs::rename(self.path(temp), self.path(format!("{folder}/{name}")))
            .expect("a rename in one folder");
    }

    /// A command of the program on this home with a clean environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .arg("--home")
            .arg(self.folder.path())
            .args(arguments)
            .current_dir(self.folder.path());
        command
    }

    /// Runs a command of the program to its end: exit code, standard output, standard error.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Starts the daemon and waits until it listens.
    ///
    /// # Panics
    /// It does not start; the message has its log.
    #[must_use]
    pub fn serve(&self) -> TestDaemon {
        self.serve_with(&[])
    }

    /// Starts the daemon with more arguments and waits until it listens.
    ///
    /// # Panics
    /// It does not start; the message has its log.
    #[must_use]
    pub fn serve_with(&self, arguments: &[&str]) -> TestDaemon {
        self.serve_by(|command| {
            command.args(arguments);
        })
    }

    /// Starts the daemon as the user that has no rights (where we are root; else we are an ordinary user already) and waits
    /// until it listens. The home becomes his.
    ///
    /// # Panics
    /// It does not start; the message has its log.
    #[must_use]
    pub fn serve_as_nobody(&mut self) -> TestDaemon {
        if !is_root() {
            return self.serve();
        }
        // The program may lie where only root can look.
        let program = self.path("dropleaf");
        copy_program(self.program.as_ref(), &program);
        self.program = program;
        give(self.folder.path(), NOBODY);
        self.serve_by(|command| {
            command.uid(NOBODY).gid(NOBODY);
        })
    }

    /// Starts the daemon by a command that `adjust` may change first, and waits until it listens.
    ///
    /// # Panics
    /// It does not start; the message has its log.
    #[must_use]
    pub fn serve_by(&self, adjust: impl FnOnce(&mut Command)) -> TestDaemon {
        self.try_serve(adjust)
            .unwrap_or_else(|(status, log)| panic!("the daemon did not start ({status:?}):\n{log}"))
    }

    /// The same, where it may end before it listens.
    ///
    /// # Errors
    /// It ended: its exit status and its log.
    ///
    /// # Panics
    /// The program cannot be run at all.
    pub fn try_serve(
        &self,
        adjust: impl FnOnce(&mut Command),
    ) -> Result<TestDaemon, (Option<ExitStatus>, String)> {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        adjust(&mut command);
        if command.get_args().all(|argument| argument != "--log") {
            command.args(["--log", "debug"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stderr
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                kept.lock()
                    .expect("no reader panics")
                    .push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split("://").nth(1).map(str::to_owned));
        let Some(address) = address else {
            let status = child.wait().ok();
            let log = log.lock().expect("no reader panics").clone();
            return Err((status, log));
        };
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(crate::feed::PATIENCE));
        let address = address.trim().trim_end_matches('/').to_owned();
        Ok(TestDaemon {
            child,
            address,
            log,
            agent: config.build().into(),
        })
    }
}

/// Whether the tests run as root, whom no mode keeps out.
#[must_use]
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Gives everything below `path` to a user.
fn give(path: &Path, user: u32) {
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("the home is ours") {
            give(&entry.expect("the home is ours").path(), user);
        }
    }
    lchown(path, Some(user), Some(user)).expect("root may do that");
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .expect("the folder is ours");
}

impl TestDaemon {
    /// `http://127.0.0.1:PORT/api/v1` and `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let base = if path.starts_with("/api/") || !path.starts_with('/') {
            ""
        } else {
            "/api/v1"
        };
        format!("http://{}{base}{path}", self.address)
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The daemon's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether its process has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        crate::process::ended(self.child.id())
    }

    /// What it logged so far.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// Opens a feed.
    ///
    /// # Panics
    /// The daemon does not answer with a stream.
    #[must_use]
    pub fn follow(&self, path: &str) -> Feed {
        self.follow_from(path, None)
    }

    /// Opens a feed after an event id.
    ///
    /// # Panics
    /// The daemon does not answer with a stream.
    #[must_use]
    pub fn follow_from(&self, path: &str, last: Option<&str>) -> Feed {
        let mut request = self
            .agent
            .get(self.url(path))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.call().expect("the daemon answers");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Feed::read(response.into_body().into_reader())
    }

    /// SIGKILL, at once.
    ///
    /// # Panics
    /// The process cannot be waited for.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// SIGTERM, and the wait for a clean end.
    ///
    /// # Panics
    /// The process cannot be signalled or waited for.
    pub fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// Sends it this signal.
    ///
    /// # Panics
    /// It cannot be signalled.
    pub fn signal(&self, name: &str) {
        let signalled = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(signalled.is_ok_and(|status| status.success()), "kill runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It cannot be waited for.
    #[must_use]
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("it is our child")
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        // Already reaped by `kill` or `stop`: then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            #[expect(
                clippy::print_stdout,
                reason = "the test runner shows it with the failed test"
            )]
            for line in tail.iter().rev() {
                println!("daemon: {line}");
            }
        }
    }
}
