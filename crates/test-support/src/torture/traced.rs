//! A daemon under trace: where it listens, and what it said.

use super::input;
use crate::daemon::TestHome;
use crate::trace::{self, Observer, Traced};
use std::io::{BufRead as _, BufReader, Read as _};
use std::thread::JoinHandle;

/// A running one.
#[derive(Debug)]
pub struct Daemon {
    pub(super) traced: Traced,
    pub(super) address: String,
    log: JoinHandle<String>,
}

/// One that has ended: its exit code, or nothing where it was killed, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said.
    pub log: String,
}

impl Daemon {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It ends before, or cannot be traced.
    pub fn start(home: &TestHome, observer: impl Observer) -> Result<Self, Ended> {
        let command = home.command(&["serve", "--listen", "127.0.0.1:0", "--log", "info"]);
        let started = trace::start(command, &home.path(""), observer);
        let (traced, out, mut err) = started.map_err(|log| Ended { code: None, log })?;
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            // What was said until it was killed.
            let _ = err.read_to_end(&mut log);
            String::from_utf8_lossy(&log).into_owned()
        });
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split("://").nth(1).map(str::to_owned));
        let Some(address) = address else {
            let code = traced.wait();
            let log = log.join().unwrap_or_default();
            return Err(Ended { code, log });
        };
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.trim().trim_end_matches('/').to_owned();
        Ok(Self {
            traced,
            address,
            log,
        })
    }

    /// Uploads a file; whether it was taken.
    #[must_use]
    pub fn upload(&self, pipeline: &str, name: &str, bytes: &[u8]) -> bool {
        let agent = ureq::Agent::new_with_defaults();
        let url = format!(
            "http://{}/api/v1/pipelines/{pipeline}/jobs?name={name}",
            self.address
        );
        input::upload(&agent, &url, bytes)
    }

    /// SIGKILL; gives what it said.
    pub fn kill(self) -> String {
        self.traced.kill();
        self.log.join().unwrap_or_default()
    }

    /// SIGTERM, where it has not ended by itself.
    pub(super) fn stop(self) -> Ended {
        let code = self.traced.stop();
        let log = self.log.join().unwrap_or_default();
        Ended { code, log }
    }
}
