//! What each verb of the command line does.

mod check;
mod home;
mod local;
mod named;
mod new;
mod operations;
mod print;
mod remote;
mod results;
mod run;
mod serve;
mod submit;
mod troubles;
mod whom;

use crate::cli::{Cli, Verb, exit};
use crate::config::home::Home;
use crate::http::openapi;
use crate::http::routes::ROUTES;
use anyhow::Result;
use clap::CommandFactory as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Exit(pub(crate) u8);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// Does it and prints the one error chain, if there is one.
#[must_use]
pub fn run(home: Option<&Path>, verb: Verb) -> ExitCode {
    let done = act(home, verb);
    let unprinted = print::failure();
    if let Some(error) = unprinted {
        print::note(format_args!(
            "error: failed to write to standard output: {error}"
        ));
    }
    match done {
        Ok(()) if unprinted.is_some() => ExitCode::from(exit::FAILED),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error
                .downcast_ref::<Exit>()
                .map_or(exit::FAILED, |exit| exit.0);
            // An `Exit` alone has said everything already.
            if error.chain().count() > 1 || !error.is::<Exit>() {
                print::error(&error);
            }
            ExitCode::from(code)
        }
    }
}

/// Prints what the command line alone is answered with: help, the version, or what is wrong with it.
#[must_use]
pub fn tell(told: &clap::Error) -> ExitCode {
    let printed = told.print().and_then(|()| io::stdout().flush());
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
        && !told.use_stderr()
    {
        print::note(format_args!(
            "error: failed to write to standard output: {error}"
        ));
        return ExitCode::from(exit::FAILED);
    }
    match told.use_stderr() {
        true => ExitCode::from(exit::USAGE),
        false => ExitCode::SUCCESS,
    }
}

fn act(home: Option<&Path>, verb: Verb) -> Result<()> {
    if let Verb::Completions { shell } = verb {
        // It panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "dropleaf", &mut script);
        print::script(&String::from_utf8(script)?);
        return Ok(());
    }
    let is_named = home.is_some();
    let home = Home::find(home)?;
    // Where a home was named, its daemon is meant, and not one on the usual address.
    if is_named && verb.remote().is_some_and(|remote| remote.daemon.is_none()) {
        home.must_be_there()
            .map_err(|error| anyhow::Error::new(error).context(Exit(exit::NO_DAEMON)))?;
    }
    match verb {
        Verb::Serve(flags) => serve::serve(home, flags),
        Verb::Run(flags) => run::run(home, &flags),
        Verb::Try(flags) => run::try_one(home, &flags),
        Verb::Check(flags) => check::check(home, &flags),
        Verb::Schema => check::schema(home),
        Verb::Openapi => {
            print::json(&openapi::document(ROUTES));
            Ok(())
        }
        Verb::Init(flags) => home::init(&home, &flags),
        Verb::Doctor(flags) => home::doctor(home, &flags),
        Verb::Plugins(flags) => operations::plugins(home, &flags),
        Verb::Operations(flags) => operations::operations(home, &flags),
        Verb::New(flags) => new::new(&home, &flags),
        Verb::Explain(flags) => remote::explain(&home, &flags),
        Verb::Follow(flags) => remote::follow(&home, &flags),
        Verb::Status(flags) => remote::status(&home, &flags),
        Verb::Jobs(flags) => remote::jobs(&home, &flags),
        Verb::Retry(flags) => named::retry(&home, &flags),
        Verb::Cancel(flags) => named::cancel(&home, &flags),
        Verb::Restore(flags) => named::restore(&home, &flags),
        Verb::Submit(flags) => submit::submit(&home, &flags),
        Verb::Completions { .. } => Ok(()),
    }
}
