//! What goes wrong with a file of `dropleaf run` and `try`, in the daemon's words: there is no job, and nothing goes on by itself.

use crate::durable::{self, Kind};
use crate::problem::{Code, Problem};
use crate::spool::name::BadName;

/// Where the lines of a log are that no job keeps.
const LINES: &str = "what the operation said last is told beside this";

/// A problem of an attempt, with advice that speaks of no job.
pub(super) fn without_job(mut problem: Problem) -> Problem {
    let words = |hint: String| {
        hint.replace("retry the job", "run it again")
            .replace("look into the job's log for what the operation said", LINES)
            .replace("what it said stands in the job's log", LINES)
    };
    problem.hint = problem.hint.map(words);
    problem
}

/// The file that was named cannot be read.
pub(super) fn of_input(error: &anyhow::Error) -> Box<Problem> {
    let problem = Problem::new(Code::Unreadable, format!("{error:#}"));
    Box::new(without_job(problem))
}

/// What came out cannot be written.
pub(super) fn of_results(error: &anyhow::Error) -> Box<Problem> {
    let detail = format!("{error:#}");
    let disk = error.downcast_ref::<durable::Error>();
    let problem = match disk {
        _ if error.is::<BadName>() => Problem::new(Code::OutputName, detail)
            .hint("look at `output.name` of the pipeline, then run it again"),
        Some(full) if full.kind() == Kind::NoSpace => {
            let lack = durable::lack(full.io());
            Problem::new(Code::DiskFull, detail)
                .hint(format!("free some space ({lack}), then run it again"))
        }
        Some(other) => Problem::new(Code::FolderBlocked, detail).hint(format!(
            "{}, or name another folder with `--output DIR`",
            durable::remedy(other.io())
        )),
        None => without_job(Problem::new(Code::Internal, detail)),
    };
    Box::new(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use std::io;
    use std::path::Path;

    #[test]
    fn troubles_have_the_words_that_the_daemon_has_for_them() {
        let check = |error: anyhow::Error, expected: Code| {
            let problem = of_results(&error);
            assert_eq!(problem.code, expected, "{error:#}");
            let hint = problem.hint.unwrap_or_default();
            assert!(!hint.contains("the job"), "{hint}");
        };
        let disk = |kind: rustix::io::Errno| {
            let error = durable::Error::at("write", Path::new("/o/a.pdf"), io::Error::from(kind));
            anyhow::Error::new(error)
        };
        check(disk(rustix::io::Errno::NOSPC), Code::DiskFull);
        check(disk(rustix::io::Errno::DQUOT), Code::DiskFull);
        check(disk(rustix::io::Errno::ACCESS), Code::FolderBlocked);
        check(disk(rustix::io::Errno::IO), Code::FolderBlocked);
        check(BadName::Empty(".pdf".into()).into(), Code::OutputName);
        check(anyhow::anyhow!("a task panicked"), Code::Internal);
        let missing = Err::<(), _>(io::Error::from(io::ErrorKind::NotFound));
        let missing = missing.context("failed to open `a.pdf`");
        let problem = of_input(&missing.expect_err("it is one"));
        assert_eq!(problem.code, Code::Unreadable);
        assert!(problem.detail.starts_with("failed to open `a.pdf`: "));
    }

    #[test]
    fn advice_speaks_of_no_job_where_there_is_none() {
        let told = without_job(Problem::new(Code::PdfEncrypted, "it is encrypted"));
        let hint = told.hint.expect("the advice of its kind");
        assert!(hint.ends_with("then run it again"), "{hint}");
        let hint = |code: Code| without_job(Problem::new(code, "it failed")).hint;
        for code in Code::ALL {
            let hint = hint(*code).unwrap_or_default();
            assert!(!hint.contains("job's log"), "{hint}");
        }
        assert!(hint(Code::StepFailed).is_some_and(|hint| hint.starts_with(LINES)));
    }
}
