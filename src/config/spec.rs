//! What `config.yaml` may say, and the checked form of it.

use crate::config::home::Home;
use crate::config::place::Text;
use crate::config::{bounds, log_filter, names, words};
use crate::plugin::grants::Grants;
use crate::plugin::trust::Untrusted;
use crate::telemetry::Format;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes that `config.yaml` may have.
const MAX_FILE: u64 = 64 << 10;
/// Attempts at once, and so processes that wait for one. Where a machine has more cores, it may have a worker for each.
const MOST_WORKERS: usize = 256;

/// `config.yaml`. Every key has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigSpec {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// What clients must say (`Authorization: Bearer ...`); needed for any address but this machine's own.
    pub token: Option<String>,
    /// Listen on other addresses without a token.
    pub insecure: bool,
    /// What TLS is spoken with; without it nothing is encrypted.
    pub tls: Option<TlsSpec>,
    /// Host names that clients may use besides `localhost` and the addresses of this machine.
    pub hosts: Vec<String>,
    /// Web origins besides the daemon's own whose pages may use the API: `https://wiki.example`.
    pub origins: Vec<String>,
    /// Attempts at once; 0 = as many as cores. At most 256, or as many as cores where that is more.
    pub workers: usize,
    /// Whether workers must be sandboxed.
    pub sandbox: Sandbox,
    /// MiB of memory that one worker may take.
    pub worker_memory_mb: u64,
    /// Seconds of processor time that one attempt may take.
    pub worker_cpu_seconds: u64,
    /// Attempts that one worker may run, one after the other, where they are of the same pipeline; 1 = each has its own.
    pub worker_reuse: u32,
    /// Where the daemon is root: the first of the user ids that workers run under, one for each; not 0, which is root.
    pub worker_first_uid: u32,
    /// Folders with plugins besides the home's `plugins/` and those that came with the program.
    pub plugins: Vec<PathBuf>,
    /// What plugins may do beyond the sandbox, by plugin: `{ ocr: { temp: true, programs: [/usr/bin/tesseract] } }`.
    pub grants: Grants,
    /// Plugins whose results are looked at in a clean worker before they are delivered; `*` means all.
    pub untrusted: Untrusted,
    /// MiB that an input may have.
    pub max_input_mb: u64,
    /// MiB that one stream may have that the host decodes: tables, object streams, and what a plugin asks for decoded.
    pub max_decoded_mb: u64,
    /// MiB that must be free on the work and output disks; below it no new files are taken.
    pub min_free_mb: u64,
    /// How long jobs and events are kept.
    pub retention: RetentionSpec,
    /// Seconds that running attempts get when the daemon stops.
    pub shutdown_seconds: u64,
    /// Seconds between full scans of watched folders on local disks.
    pub rescan_seconds: u64,
    /// How long files in inboxes are waited for.
    pub settling: SettlingSpec,
    /// Milliseconds between `ping` events.
    pub heartbeat_ms: u64,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections at once of one machine (one network of IPv6); a quarter of all, at least 16, where it is not said.
    pub max_client_connections: Option<usize>,
    /// SSE streams at once.
    pub max_streams: usize,
    /// What to log, in `tracing`'s syntax.
    pub log: String,
    /// How log lines look.
    pub log_format: Format,
}

/// How long finished jobs and their events are kept: until either number is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSpec {
    /// Days.
    pub days: u32,
    /// Jobs.
    pub jobs: u64,
}

/// A certificate and its key, in PEM form; relative paths start at the home.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// The certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How long files are waited for whose content is not (yet) a whole PDF.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettlingSpec {
    /// Seconds without a change after which a file without a PDF header is taken as it is, and fails.
    pub not_pdf_seconds: u64,
    /// Seconds without a change after which a PDF without an end is taken as it is.
    pub truncated_seconds: u64,
    /// Seconds after which a file that is still waited for is reported as incomplete.
    pub incomplete_seconds: u64,
}

/// Whether workers must be sandboxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// No attempt runs without every layer.
    Require,
    /// Every layer that the kernel has.
    BestEffort,
    /// None.
    Off,
}

impl Default for ConfigSpec {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7311)),
            token: None,
            insecure: false,
            tls: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            workers: 0,
            sandbox: Sandbox::BestEffort,
            worker_memory_mb: 2048,
            worker_cpu_seconds: 600,
            worker_reuse: 1,
            worker_first_uid: 60_700,
            plugins: Vec::new(),
            grants: Grants::default(),
            untrusted: Untrusted::default(),
            max_input_mb: 512,
            max_decoded_mb: 256,
            min_free_mb: 256,
            retention: RetentionSpec::default(),
            shutdown_seconds: 30,
            rescan_seconds: 60,
            settling: SettlingSpec::default(),
            heartbeat_ms: 15_000,
            max_connections: 1024,
            max_client_connections: None,
            max_streams: 256,
            log: "info".to_owned(),
            log_format: Format::Text,
        }
    }
}

impl Default for SettlingSpec {
    fn default() -> Self {
        Self {
            not_pdf_seconds: 10,
            truncated_seconds: 60,
            incomplete_seconds: 600,
        }
    }
}

impl Default for RetentionSpec {
    fn default() -> Self {
        Self {
            days: 90,
            jobs: 100_000,
        }
    }
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The home.
    pub home: Home,
    /// What the file and the flags said.
    pub spec: ConfigSpec,
    /// Attempts at once.
    pub workers: usize,
    /// Memory for all attempts together.
    pub memory: u64,
    /// Folders with plugins, the home's first.
    pub plugin_folders: Vec<PathBuf>,
}

/// What flags say over the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--log`.
    pub log: Option<String>,
    /// `--log-format`.
    pub log_format: Option<Format>,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("failed to read the configuration `{path}`")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is far too large to be a configuration.
    #[error("failed to read the configuration `{path}`: it has {size} bytes, more than {MAX_FILE}")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// The file has a fault.
    #[error("{path}:{fault}")]
    Fault {
        /// Which.
        path: String,
        /// `line:column: text`.
        fault: String,
    },
    /// The address is open to others and no token is set.
    #[error(
        "refused to listen on {0} without a token: other machines could reach it; set `token` in config.yaml (or `insecure: true`)"
    )]
    Open(SocketAddr),
    /// A log filter cannot be meant.
    #[error("{place}: `log` is `{filter}`; {why}")]
    Log {
        /// The file, with line and column.
        place: String,
        /// It.
        filter: String,
        /// Why, and what it should be.
        why: String,
    },
    /// A grant cannot be meant.
    #[error("{place}: {fault}")]
    Grant {
        /// The file, with line and column.
        place: String,
        /// Where in it, and what is wrong.
        fault: String,
    },
    /// A value makes no sense.
    #[error("{place}: `{key}` is {value}; {rule}")]
    Value {
        /// The file, with line and column.
        place: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        rule: String,
    },
    /// An entry of a list can never count.
    #[error("{place}: item {number} of `{key}` is `{entry}`; {why}")]
    Entry {
        /// The file, with line and column.
        place: String,
        /// The list's key.
        key: &'static str,
        /// Which, from 1.
        number: usize,
        /// It.
        entry: String,
        /// Why, and what it should be.
        why: String,
    },
}

impl Config {
    /// Reads the home's `config.yaml` (if there is one), puts the flags over it and checks the sum.
    ///
    /// # Errors
    /// The file cannot be read or has a fault, or a value makes no sense.
    pub fn load(home: Home, flags: Flags) -> Result<Self, Error> {
        let path = home.config();
        let (mut spec, text) = read(&path)?;
        let text = Text {
            path: path.display().to_string(),
            text,
        };
        // Whoever gives the flag answers for that one.
        if flags.log.is_none() {
            log_filter::check(&spec.log, &text)?;
        }
        if let Some(listen) = flags.listen {
            spec.listen = listen;
        }
        if let Some(log) = flags.log {
            spec.log = log;
        }
        if let Some(format) = flags.log_format {
            spec.log_format = format;
        }
        check(home, spec, &text)
    }
}

/// What the file says, and its text.
fn read(path: &std::path::Path) -> Result<(ConfigSpec, String), Error> {
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((ConfigSpec::default(), String::new()));
        }
        Err(source) => {
            return Err(Error::Unreadable {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    if size > MAX_FILE {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
            size,
        });
    }
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok((ConfigSpec::default(), text));
    }
    match serde_yaml::from_str(&text) {
        Ok(spec) => Ok((spec, text)),
        Err(error) => {
            let place = error
                .location()
                .map_or_else(String::new, |at| format!("{}:{}: ", at.line(), at.column()));
            Err(Error::Fault {
                path: path.display().to_string(),
                fault: format!("{place}{}", words::plain(&error.to_string())),
            })
        }
    }
}

fn check(home: Home, spec: ConfigSpec, text: &Text) -> Result<Config, Error> {
    let local = spec.listen.ip().is_loopback();
    if !local && spec.token.is_none() && !spec.insecure {
        return Err(Error::Open(spec.listen));
    }
    let value = |key, value: String, rule: &str| Error::Value {
        place: text.place(&format!("/{key}")),
        key,
        value,
        rule: rule.to_owned(),
    };
    if spec.token.as_ref().is_some_and(|token| token.len() < 16) {
        return Err(value(
            "token",
            "shorter than 16 characters".to_owned(),
            "take one that cannot be guessed: `openssl rand -hex 32`",
        ));
    }
    bounds::check(&spec, text)?;
    entries("hosts", &spec.hosts, names::host_fault, text)?;
    entries("origins", &spec.origins, names::origin_fault, text)?;
    if let Some(fault) = spec.grants.faults().into_iter().next() {
        let place = text.place("/grants");
        return Err(Error::Grant { place, fault });
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if spec.workers > MOST_WORKERS.max(cores) {
        return Err(value(
            "workers",
            spec.workers.to_string(),
            "it must be from 0 (as many as cores) to 256; only a machine with more cores may have one for each",
        ));
    }
    let workers = if spec.workers == 0 {
        cores
    } else {
        spec.workers
    };
    let mut plugin_folders = vec![home.plugins()];
    plugin_folders.extend(shipped_plugins());
    plugin_folders.extend(spec.plugins.iter().map(|folder| home.root().join(folder)));
    Ok(Config {
        memory: machine_memory() / 10 * 6,
        home,
        workers,
        plugin_folders,
        spec,
    })
}

/// Refuses the first entry of a list that has a fault.
fn entries(
    key: &'static str,
    list: &[String],
    fault: impl Fn(&str) -> Option<String>,
    text: &Text,
) -> Result<(), Error> {
    let found = list
        .iter()
        .enumerate()
        .find_map(|(index, entry)| Some((index, entry, fault(entry)?)));
    match found {
        None => Ok(()),
        Some((index, entry, why)) => Err(Error::Entry {
            place: text.place(&format!("/{key}/{index}")),
            key,
            number: index + 1,
            entry: entry.clone(),
            why,
        }),
    }
}

/// Plugins that came with the program: `plugins/` beside the executable, or `../lib/dropleaf/plugins`.
fn shipped_plugins() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let folder = executable.parent()?;
    [
        folder.join("plugins"),
        folder.join("../lib/dropleaf/plugins"),
    ]
    .into_iter()
    .find(|place| place.is_dir())
}

fn machine_memory() -> u64 {
    let pages = rustix::system::sysinfo();
    let unit = u64::from(pages.mem_unit.max(1));
    #[expect(
        clippy::useless_conversion,
        reason = "the field's width differs between platforms"
    )]
    u64::from(pages.totalram).saturating_mul(unit)
}

impl Config {
    /// How long finished jobs are kept.
    #[must_use]
    pub fn retention(&self) -> (Duration, u64) {
        (
            Duration::from_secs(u64::from(self.spec.retention.days) * 86_400),
            self.spec.retention.jobs,
        )
    }
}

#[cfg(test)]
mod tests;
