//! The last thing an attempt does: every document is named, saved once and handed to the daemon.

use crate::pipeline::template::paths;
use crate::problem::{Code, Problem};
use crate::wire::message::ToDaemon;
use crate::worker::attempt::{Attempt, End, Part, Values, template_problem};
use crate::worker::onlooker::Artifact;
use crate::worker::sealed;
use dropleaf_plugin_host::{Document, SaveError, Saved};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::fd::AsFd as _;

/// What small writes are gathered in. Documents are written in pieces of this size and larger ones; a buffer above 128 KiB is a
/// mapping of its own for the C library, which costs more than writing a small document.
const BUFFER: usize = 64 << 10;

/// Sends every document with its artifacts; gives the pages of all of them.
pub(crate) fn send(attempt: &Attempt<'_>, parts: Vec<Part>) -> Result<u64, End> {
    let count = parts.len();
    let mut all = 0;
    for (index, mut part) in parts.into_iter().enumerate() {
        attempt.check_cancelled()?;
        let values = attempt.values(&mut part, index, count)?;
        let (folder, name) = destination(attempt, &values)?;
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let (file, saved) = save(&mut part.document)?;
        // From here on its objects are not needed any more. The last document's go with the process, which is at once,
        // where freeing them one by one takes as long as writing them; unless the process stays.
        if index + 1 == count && !attempt.plan.rests {
            std::mem::forget(part.document);
        } else {
            drop(part.document);
        }
        all += u64::from(saved.pages);
        let output = ToDaemon::Output {
            part: number,
            pages: u64::from(saved.pages),
            name,
            folder: folder.clone(),
        };
        attempt.line.say(&output, Some(file.as_fd()))?;
        for artifact in part.about.artifacts {
            send_artifact(attempt, artifact, number, folder.clone())?;
        }
    }
    Ok(all)
}

fn send_artifact(
    attempt: &Attempt<'_>,
    artifact: Artifact,
    part: u32,
    folder: String,
) -> Result<(), End> {
    let Artifact {
        step,
        name,
        mime,
        bytes,
    } = artifact;
    let fill = |file: &mut File| file.write_all(&bytes);
    let file = fill_and_seal(fill).map_err(|error| memory_problem(&error).in_step(&step))?;
    let artifact = ToDaemon::Artifact {
        step,
        name,
        mime,
        part,
        folder,
    };
    attempt.line.say(&artifact, Some(file.as_fd()))?;
    Ok(())
}

fn save(document: &mut Document) -> Result<(File, Saved), Problem> {
    let mut saved = None;
    let file = fill_and_seal(|file| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        let result = document.save(&mut out);
        out.flush()?;
        saved = Some(result);
        Ok(())
    });
    match (saved, file) {
        (Some(Err(SaveError::Io(error))), _) | (_, Err(error)) => Err(memory_problem(&error)),
        (Some(Err(error)), _) => {
            let text = crate::problem::chain(&error);
            Err(Problem::new(Code::ResultInvalid, text)
                .hint("one of the steps has broken the document"))
        }
        (Some(Ok(saved)), Ok(file)) => Ok((file, saved)),
        (None, Ok(_)) => Err(Problem::new(Code::Internal, "the document was not saved")),
    }
}

fn fill_and_seal(fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let mut file = sealed::create()?;
    fill(&mut file)?;
    sealed::seal(&file)?;
    Ok(file)
}

fn memory_problem(error: &io::Error) -> Problem {
    if error.raw_os_error() == Some(libc::EMFILE) {
        return Problem::new(
            Code::StepFailed,
            "no file can be opened for a result: the steps have left too many open",
        )
        .hint("tell the author of the plugin that its files, memory files too, are to be closed");
    }
    Problem::new(
        Code::MemoryLimit,
        format!("failed to write a result: {error}"),
    )
}

/// The folder and the name that the pipeline's templates give a document.
fn destination(attempt: &Attempt<'_>, values: &Values) -> Result<(String, String), Problem> {
    let (context, plan) = (values.context(), attempt.plan);
    let name = match paths::output_name(attempt.engine, &plan.output_name, &context) {
        // What comes from the original's name is made to fit; what the template adds tells documents apart.
        Err(paths::Error::TooLong { over, .. }) => {
            let shorter = values.with_shorter_stem(over).context();
            paths::output_name(attempt.engine, &plan.output_name, &shorter)
        }
        named => named,
    };
    let name = name.map_err(|error| path_problem(&error, "output.name"))?;
    let folder = paths::output_folder(attempt.engine, &plan.output_folder, &context)
        .map_err(|error| path_problem(&error, "output.folder"))?;
    // It was made of text, so it is text.
    Ok((folder.to_string_lossy().into_owned(), name))
}

fn path_problem(error: &paths::Error, key: &str) -> Problem {
    match error {
        paths::Error::Template(error) => template_problem(error),
        paths::Error::Unfit { .. } | paths::Error::TooLong { .. } => {
            Problem::new(Code::OutputName, error.to_string()).hint(format!("change `{key}`"))
        }
    }
}
