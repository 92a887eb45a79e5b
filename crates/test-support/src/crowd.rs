//! Very many clients of one daemon's feed, some of whom never read: what they cost, and whether the others notice.

use crate::daemon::{TestDaemon, TestHome};
use crate::sample;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The daemon.
    pub program: PathBuf,
    /// Clients that ask for the feed of everything.
    pub clients: usize,
    /// How many of them never read.
    pub deaf: usize,
    /// Files that are dropped while they listen.
    pub files: usize,
    /// Whether the daemon's limits are as they come, so that most clients are turned away.
    pub usual_limits: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Clients that got a stream.
    pub let_in: usize,
    /// Clients that were told that there is no room.
    pub turned_away: usize,
    /// The daemon's resident memory in KiB: alone, with all clients idle, at most, and at the end.
    pub memory: [u64; 4],
    /// Processor time of the daemon in milliseconds while files were worked on.
    pub cpu_ms: u64,
    /// Bytes that all readers got.
    pub bytes: u64,
    /// The fewest and the most ends of jobs that a reader heard of.
    pub ends: [usize; 2],
    /// Between the first reader and the last one who heard of all ends, in milliseconds.
    pub spread_ms: u64,
    /// The longest that another client waited for `GET /healthz` meanwhile, in milliseconds; none where it was turned away.
    pub slowest_ms: Option<u64>,
    /// Streams that the daemon still had at the end, after those who never read had their time.
    pub left: usize,
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// A client that does not read is let go by then: twice the daemon's own limit.
const DEAF_WITHIN: Duration = Duration::from_secs(40);

/// Lets the crowd in and works on the files.
///
/// # Errors
/// The machine cannot hold that many connections, or something took far too long.
///
/// # Panics
/// The daemon does not start.
pub fn run(plan: &Plan) -> Result<Report, String> {
    allow(plan.clients as u64 + 200)?;
    let home = TestHome::new(&plan.program.display().to_string());
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    if !plan.usual_limits {
        // One machine may have a quarter of all streams.
        let config = format!(
            "max_streams: {}\nmax_connections: {}\nmax_client_connections: {}\n",
            plan.clients * 4,
            plan.clients + 100,
            plan.clients + 100
        );
        home.write("config.yaml", config);
    }
    let daemon = home.serve();
    let mut crowd = Crowd {
        pid: daemon.pid(),
        report: Report::default(),
        clients: Vec::new(),
        deaf: Vec::new(),
    };
    crowd.report.memory[0] = crowd.memory();
    crowd.come(&daemon, plan)?;
    crowd.report.memory[1] = crowd.memory();
    if plan.files > 0 {
        let before = cpu_ms(crowd.pid);
        for number in 0..plan.files {
            home.drop_file("inbox/p", &format!("{number}.pdf"), sample::pdf(1));
        }
        crowd.listen(plan.files)?;
        crowd.report.cpu_ms = cpu_ms(crowd.pid) - before;
    }
    crowd.report.slowest_ms = slowest(&daemon);
    if plan.files > 0 {
        crowd.wait_for_the_deaf(&daemon, plan)?;
    }
    crowd.report.memory[3] = crowd.memory();
    Ok(crowd.report)
}

struct Crowd {
    pid: u32,
    report: Report,
    clients: Vec<Client>,
    /// Held open, and never read.
    deaf: Vec<TcpStream>,
}

struct Client {
    stream: TcpStream,
    tail: Vec<u8>,
    ends: usize,
    done: Option<Instant>,
}

impl Crowd {
    fn memory(&mut self) -> u64 {
        let memory = memory_kib(self.pid);
        self.report.memory[2] = self.report.memory[2].max(memory);
        memory
    }

    fn come(&mut self, daemon: &TestDaemon, plan: &Plan) -> Result<(), String> {
        let request = b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        for number in 0..plan.clients {
            let mut stream = TcpStream::connect(daemon.address())
                .map_err(|error| format!("client {number} cannot connect: {error}"))?;
            // One who is turned away may be so before he has said anything.
            let _ = stream.write_all(request);
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .map_err(|error| error.to_string())?;
            match first_line(&mut stream).as_str() {
                line if line.starts_with("HTTP/1.1 200 ") => self.report.let_in += 1,
                line if line.starts_with("HTTP/1.1 503 ") => self.report.turned_away += 1,
                line => return Err(format!("client {number} was told `{line}`")),
            }
            if number < plan.deaf {
                self.deaf.push(stream);
                continue;
            }
            stream
                .set_nonblocking(true)
                .map_err(|error| error.to_string())?;
            self.clients.push(Client {
                stream,
                tail: Vec::new(),
                ends: 0,
                done: None,
            });
        }
        Ok(())
    }

    /// Reads until every reader has heard of all ends.
    fn listen(&mut self, files: usize) -> Result<(), String> {
        let begun = Instant::now();
        let mut looked = begun;
        while self.clients.iter().any(|client| client.done.is_none()) {
            if begun.elapsed() > PATIENCE {
                let slow = self.clients.iter().filter(|client| client.done.is_none());
                return Err(format!(
                    "{} readers have not heard of all ends",
                    slow.count()
                ));
            }
            self.read_once(files)?;
            if looked.elapsed() > Duration::from_millis(100) {
                self.memory();
                looked = Instant::now();
            }
        }
        let ends = self.clients.iter().map(|client| client.ends);
        self.report.ends = [ends.clone().min().unwrap_or(0), ends.max().unwrap_or(0)];
        let times = self.clients.iter().filter_map(|client| client.done);
        if let (Some(first), Some(last)) = (times.clone().min(), times.max()) {
            self.report.spread_ms = (last - first).as_millis() as u64;
        }
        Ok(())
    }

    fn read_once(&mut self, files: usize) -> Result<(), String> {
        let mut waited: Vec<PollFd<'_>> = self
            .clients
            .iter()
            .map(|client| PollFd::new(&client.stream, PollFlags::IN))
            .collect();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        poll(&mut waited, Some(&timeout)).map_err(|error| error.to_string())?;
        let ready: Vec<bool> = waited.iter().map(|one| !one.revents().is_empty()).collect();
        for (client, _) in self
            .clients
            .iter_mut()
            .zip(ready)
            .filter(|(_, ready)| *ready)
        {
            self.report.bytes += client.read(files)?;
        }
        Ok(())
    }

    fn wait_for_the_deaf(&mut self, daemon: &TestDaemon, plan: &Plan) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            self.report.left = streams(daemon);
            if self.report.left <= plan.clients.saturating_sub(plan.deaf)
                || begun.elapsed() > DEAF_WITHIN
            {
                return Ok(());
            }
            self.read_once(usize::MAX)?;
            self.memory();
        }
    }
}

impl Client {
    fn read(&mut self, files: usize) -> Result<u64, String> {
        const END: &str = "event: job.succeeded\n";
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err("a reader was cut off".to_owned()),
            Ok(count) => {
                self.tail.extend_from_slice(&chunk[..count]);
                // The library's search is fast in debug builds, too.
                self.ends += String::from_utf8_lossy(&self.tail).matches(END).count();
                let keep = self.tail.len().min(END.len() - 1);
                self.tail.drain(..self.tail.len() - keep);
                if self.ends >= files && self.done.is_none() {
                    self.done = Some(Instant::now());
                }
                Ok(count as u64)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(format!("a reader was cut off: {error}")),
        }
    }
}

fn first_line(stream: &mut TcpStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).trim().to_owned()
}

/// Ten questions of one more client.
fn slowest(daemon: &TestDaemon) -> Option<u64> {
    let times = (0..10).map(|_| {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(daemon.address()).ok()?;
        let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(request);
        first_line(&mut stream)
            .starts_with("HTTP/1.1 200 ")
            .then(|| begun.elapsed().as_millis() as u64)
    });
    times.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

fn streams(daemon: &TestDaemon) -> usize {
    let (_, text) = daemon.bytes("/metrics");
    let text = String::from_utf8_lossy(&text);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("dropleaf_feed_streams "));
    line.and_then(|number| number.trim().parse::<f64>().ok())
        .map_or(0, |number| number as usize)
}

fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}

/// Ticks are hundredths of a second on every Linux that we run on.
fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let words = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace());
    let ticks = words.into_iter().flatten().skip(11).take(2);
    ticks
        .filter_map(|word| word.parse::<u64>().ok())
        .sum::<u64>()
        * 10
}

fn allow(files: u64) -> Result<(), String> {
    let hard = getrlimit(Resource::Nofile).maximum;
    if hard.is_some_and(|hard| hard < files) {
        return Err(format!(
            "this needs {files} open files; raise the limit (`ulimit -Hn`)"
        ));
    }
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).map_err(|error| error.to_string())
}
