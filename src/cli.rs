//! The command line: verbs and flags, nothing about what they do.

use crate::telemetry::Format;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, Resettable};
use clap::{ArgGroup, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The environment variable that names a home.
const HOME: &str = "DROPLEAF_HOME";

/// What `dropleaf jobs --state` takes: what the daemon does.
pub const STATES: [&str; 10] = [
    "claiming",
    "queued",
    "running",
    "waiting",
    "delivering",
    "succeeded",
    "failed",
    "cancelled",
    "open",
    "ended",
];

/// Exit codes, as `dropleaf help` and `docs/cli.md` list them.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// It could not be done; the message says why.
    pub const FAILED: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// A pipeline, a configuration or a file has faults; each is listed.
    pub const FAULTS: u8 = 3;
    /// At least one file failed.
    pub const JOBS_FAILED: u8 = 4;
    /// No daemon answers.
    pub const NO_DAEMON: u8 = 5;
    /// Another daemon has this home, or the port is in use.
    pub const IN_USE: u8 = 6;
    /// Interrupted by a signal.
    pub const INTERRUPTED: u8 = 130;
}

/// Drop PDFs into a folder; pipelines written in YAML take them through plugin steps; watch every file live.
#[derive(Debug, Parser)]
#[command(
    name = "dropleaf",
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 faults found, 4 a file failed, 5 no daemon answers, 6 home or port in use, 130 interrupted"
)]
pub struct Cli {
    /// Where everything lies: config.yaml, pipelines/, plugins/, inbox/, outbox/, archive/, failed/, work/, state/ [default: the platform's data folder]
    #[arg(long, global = true, env = HOME, value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watch the folders, run the pipelines, serve the feeds
    Serve(Serve),
    /// Run a pipeline over files, without a daemon
    Run(Run),
    /// Check pipeline files; every fault as file:line:column
    Check(Check),
    /// Run a pipeline file on one sample without touching any folder, and tell what would happen
    Try(Try),
    /// Write the JSON Schema of pipeline files, for editors
    Schema,
    /// Make a home with example pipelines
    Init(Init),
    /// Look for what would keep this machine from working well
    Doctor(Data),
    /// Tell why a file has (not) been processed
    Explain(Explain),
    /// Follow the live feed: everything, a pipeline, a job or a file
    Follow(Follow),
    /// Tell how the daemon is
    Status(Remote),
    /// List jobs
    Jobs(Jobs),
    /// Run failed or cancelled jobs again
    Retry(JobsNamed),
    /// Cancel jobs
    Cancel(JobsNamed),
    /// Put the originals of ended jobs back into their inboxes
    Restore(JobsNamed),
    /// Hand files to a running daemon
    Submit(Submit),
    /// List the installed plugins
    Plugins(Data),
    /// List the installed operations, or show one
    Operations(Operations),
    /// Write a new plugin or pipeline to start from
    New(New),
    /// Write the shell's completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the description of the HTTP API (OpenAPI 3.1), as the daemon serves it
    Openapi,
}

impl Cli {
    /// The command line as it was given.
    ///
    /// # Errors
    /// It is wrong, or asks for help only; the text is in the error.
    pub fn of_process() -> Result<Self, clap::Error> {
        let is_empty = std::env::var_os(HOME).is_some_and(|value| value.is_empty());
        let command = match is_empty {
            // As for other programs, a variable without a value is none.
            true => Self::command().mut_arg("home", |home| home.env(Resettable::Reset)),
            false => Self::command(),
        };
        Self::from_arg_matches(&command.try_get_matches()?)
    }
}

impl Verb {
    /// Whom a command asks that asks a daemon.
    #[must_use]
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Status(remote) => Some(remote),
            Self::Explain(flags) => Some(&flags.remote),
            Self::Follow(flags) => Some(&flags.remote),
            Self::Jobs(flags) => Some(&flags.remote),
            Self::Retry(flags) | Self::Cancel(flags) | Self::Restore(flags) => Some(&flags.remote),
            Self::Submit(flags) => Some(&flags.remote),
            _ => None,
        }
    }
}

/// `dropleaf serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; any address but this machine's own needs `token` in config.yaml
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// What to log: error, warn, info, debug, trace, off, or levels by module (info,dropleaf::pool=debug); the environment variable DROPLEAF_LOG goes before it [default: `log` of config.yaml, else info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look
    #[arg(long, value_enum)]
    pub log_format: Option<Format>,
}

/// `dropleaf run`.
#[derive(Debug, Args)]
pub struct Run {
    /// A pipeline's id, or a pipeline file
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub pipeline: String,
    /// PDFs
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where results go [default: the current folder]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// How many at once [default: the cores]
    #[arg(long, short)]
    pub jobs: Option<NonZeroUsize>,
    /// One JSON object a file instead of lines for people
    #[arg(long)]
    pub json: bool,
}

/// `dropleaf check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Pipeline files, or folders of them [default: all of the home]
    pub files: Vec<PathBuf>,
    /// Faults as JSON
    #[arg(long)]
    pub json: bool,
}

/// `dropleaf try`.
#[derive(Debug, Args)]
pub struct Try {
    /// A pipeline's id, or a pipeline file
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub pipeline: String,
    /// A PDF
    pub file: PathBuf,
    /// Keep the results in this folder
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// One JSON object instead of lines for people
    #[arg(long)]
    pub json: bool,
}

/// `dropleaf init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Replace example pipelines that were changed
    #[arg(long)]
    pub force: bool,
}

/// A command that prints data.
#[derive(Debug, Args)]
pub struct Data {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// A command that asks a daemon.
#[derive(Debug, Args)]
pub struct Remote {
    /// The daemon's address, `https://` before it where it speaks TLS [default: what the home's daemon listens on, else 127.0.0.1:7311]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub daemon: Option<String>,
    /// A certificate to trust besides those of the system: the daemon's own, or one that vouches for it (PEM) [default: the home's]
    #[arg(long, value_name = "FILE", env = "DROPLEAF_CA")]
    pub ca: Option<PathBuf>,
    /// The daemon's token [default: the home's]
    #[arg(long, env = "DROPLEAF_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// As JSON: of commands that do something, one object a line for each file or job
    #[arg(long)]
    pub json: bool,
}

/// `dropleaf explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The file
    pub path: PathBuf,
    /// Where to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// `dropleaf follow`.
#[derive(Debug, Args)]
pub struct Follow {
    /// Only this pipeline
    #[arg(long, conflicts_with_all = ["job", "file"], value_parser = NonEmptyStringValueParser::new())]
    pub pipeline: Option<String>,
    /// Only this job; ends with it
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub job: Option<String>,
    /// Only this file, from before it exists
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Where to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// Which jobs, by what they are.
#[derive(Debug, Args)]
pub struct JobsWhere {
    /// Only this pipeline
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub pipeline: Option<String>,
    /// Only these states, with commas between; `open` are all that have not ended, `ended` all others
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(STATES))]
    pub state: Vec<String>,
    /// Only names that contain this
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
}

/// `dropleaf jobs`.
#[derive(Debug, Args)]
pub struct Jobs {
    /// Which.
    #[command(flatten)]
    pub wanted: JobsWhere,
    /// How many, from 1 to 500
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
    /// Where to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// Commands that do something to jobs.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["jobs", "state"]).required(true).multiple(true))]
pub struct JobsNamed {
    /// Their ids; or instead all that `jobs` would list with `--state`, and perhaps `--pipeline` and `--name`
    #[arg(conflicts_with_all = ["state", "pipeline", "name"], value_parser = NonEmptyStringValueParser::new())]
    pub jobs: Vec<String>,
    /// Which, where none is named.
    #[command(flatten)]
    pub wanted: JobsWhere,
    /// Where to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// `dropleaf submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// The pipeline's id
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub pipeline: String,
    /// PDFs
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Wait until they are done; exit code 4 if one fails
    #[arg(long, short)]
    pub wait: bool,
    /// Where to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// `dropleaf operations`.
#[derive(Debug, Args)]
pub struct Operations {
    /// Only this one, in full
    pub name: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `dropleaf new`.
#[derive(Debug, Args)]
pub struct New {
    /// What
    #[command(subcommand)]
    pub what: NewWhat,
}

/// What to write.
#[derive(Debug, Subcommand)]
pub enum NewWhat {
    /// A plugin crate in a new folder
    Plugin {
        /// Its name.
        name: String,
        /// In C instead of Rust.
        #[arg(long)]
        c: bool,
    },
    /// A pipeline file in the home's pipelines/
    Pipeline {
        /// Its id.
        id: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_can_be_asked_for_is_in_the_help() {
        let mut command = Cli::command();
        let all = command.render_help().to_string();
        assert!(all.contains("  openapi  "), "{all}");
        let serve = command.find_subcommand_mut("serve").expect("it is a verb");
        let serve = serve.render_help().to_string();
        assert!(serve.contains(crate::telemetry::VARIABLE), "{serve}");
    }

    #[test]
    fn what_the_daemon_would_refuse_is_wrong_usage() {
        let check = |line: &str, expected: bool| {
            let taken = Cli::try_parse_from(line.split(' '));
            assert_eq!(taken.is_ok(), expected, "{line}");
        };
        check("dropleaf jobs -n 1 --state open,failed", true);
        check("dropleaf jobs -n 500", true);
        check("dropleaf jobs -n 0", false);
        check("dropleaf jobs -n 501", false);
        check("dropleaf jobs --state foo", false);
        check("dropleaf run p a.pdf -j 1", true);
        check("dropleaf run p a.pdf -j 0", false);
        let mut jobs = Cli::command();
        let jobs = jobs.find_subcommand_mut("jobs").expect("it is a verb");
        let help = jobs.render_help().to_string();
        for word in ["500", "open", "ended"] {
            assert!(help.contains(word), "{help}");
        }
    }

    #[test]
    fn the_role_of_a_worker_is_in_no_list() {
        let told = Cli::try_parse_from(["dropleaf", "--home", "/h"]).expect_err("no verb");
        let text = told.to_string();
        assert!(text.contains("serve") && !text.contains("worker"), "{text}");
    }

    #[test]
    fn home_goes_before_or_after_the_verb() {
        for line in [
            ["dropleaf", "--home", "/h", "serve"],
            ["dropleaf", "serve", "--home", "/h"],
        ] {
            let cli = Cli::try_parse_from(line).expect("both orders are allowed");
            assert_eq!(cli.home, Some(PathBuf::from("/h")));
        }
    }
}
