//! The last thing an attempt does: every document is named, saved once and handed to the daemon.

use crate::pipeline::template::engine::Engine;
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
/// Bytes of an original's name that are left of it at the least. With fewer, one could not tell whose result it is.
const LEAST_STEM: usize = 16;

/// Sends every document with its artifacts; gives the pages of all of them.
pub(crate) fn send(attempt: &Attempt<'_>, parts: Vec<Part>) -> Result<u64, End> {
    let count = parts.len();
    let mut all = 0;
    let mut shortened = Shortened::default();
    for (index, mut part) in parts.into_iter().enumerate() {
        attempt.check_cancelled()?;
        let values = attempt.values(&mut part, index, count)?;
        let (folder, name) = destination(attempt, &values, &mut shortened)?;
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
    shortened.tell(attempt);
    Ok(all)
}

/// Results whose names were too long.
#[derive(Default)]
struct Shortened {
    count: usize,
    /// What the first was to be called, and what it is called.
    first: Option<(String, String)>,
}

impl Shortened {
    fn one(&mut self, wanted: &str, name: &str) {
        self.count += 1;
        let first = || (wanted.to_owned(), name.to_owned());
        self.first.get_or_insert_with(first);
    }

    /// Once for all: a split may make thousands.
    fn tell(&self, attempt: &Attempt<'_>) {
        let Some((wanted, name)) = &self.first else {
            return;
        };
        let others = match self.count - 1 {
            0 => String::new(),
            1 => "; so was the name of 1 more result".to_owned(),
            more => format!("; so were the names of {more} more results"),
        };
        let text = format!(
            "the name `{wanted}` is longer than the {} bytes that one may have: the input's name in it was shortened, and the result is \
             called `{name}`{others}",
            paths::MAX_NAME
        );
        attempt.warn(None, "name-shortened", text);
    }
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
            "no file can be opened for a result: the steps have left too many open, or have made as many memory files as an attempt may",
        )
        .hint("tell the author of the plugin: files are to be closed, and an attempt may make eight memory files in all, closed ones too");
    }
    Problem::new(
        Code::MemoryLimit,
        format!("failed to write a result: {error}"),
    )
}

/// The folder and the name that the pipeline's templates give a document.
fn destination(
    attempt: &Attempt<'_>,
    values: &Values,
    shortened: &mut Shortened,
) -> Result<(String, String), Problem> {
    let (context, plan) = (values.context(), attempt.plan);
    let template = &plan.output_name;
    let name = match paths::output_name(attempt.engine, template, &context) {
        Err(paths::Error::TooLong {
            name: wanted,
            bytes,
        }) => match fitting_name(attempt.engine, template, values) {
            Some(name) => {
                shortened.one(&wanted, &name);
                Ok(name)
            }
            None => Err(paths::Error::TooLong {
                name: wanted,
                bytes,
            }),
        },
        named => named,
    };
    let name = name.map_err(|error| path_problem(&error, "output.name"))?;
    let folder = paths::output_folder(attempt.engine, &plan.output_folder, &context)
        .map_err(|error| path_problem(&error, "output.folder"))?;
    // It was made of text, so it is text.
    Ok((folder.to_string_lossy().into_owned(), name))
}

/// The name with as much of the original's name as fits, if that is enough to know it by. What comes from the original's name is made to
/// fit; what the template adds tells documents apart. Templates may use it more than once, or make more of it, so this is tried out.
fn fitting_name(engine: &Engine, template: &str, values: &Values) -> Option<String> {
    let ends = values.stem_ends(LEAST_STEM);
    let name = |end: usize| {
        let shorter = values.with_stem_of(end).context();
        paths::output_name(engine, template, &shorter).ok()
    };
    let fitting = ends.partition_point(|end| name(*end).is_some());
    name(*ends.get(fitting.checked_sub(1)?)?)
}

fn path_problem(error: &paths::Error, key: &str) -> Problem {
    match error {
        paths::Error::Template(error) => template_problem(error),
        paths::Error::Unfit { .. } | paths::Error::TooLong { .. } => {
            Problem::new(Code::OutputName, error.to_string()).hint(format!("change `{key}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn name(template: &str, stem: &str) -> Option<String> {
        let input = ("input".to_owned(), json!({ "stem": stem }));
        let values = Values::from(BTreeMap::from([input]));
        fitting_name(&Engine::new(), template, &values)
    }

    #[test]
    fn of_a_name_that_is_too_long_as_much_is_kept_as_fits() {
        let twice = "{{ input.stem }}-{{ input.stem }}.pdf";
        for (template, stem, bytes) in [
            ("{{ input.stem }}-00017.pdf", 250, 255),
            (twice, 200, 255),
            (twice, 251, 255),
            (
                "{{ input.stem }}-{{ input.stem }}-{{ input.stem }}.pdf",
                132,
                255,
            ),
            ("{{ input.stem | replace('a', 'bb') }}.pdf", 251, 254),
        ] {
            let name = name(template, &"a".repeat(stem)).expect("it fits");
            assert_eq!(name.len(), bytes, "{template}: {name}");
        }
        // No character is cut in two.
        let name = name(twice, &"\u{e9}".repeat(120)).expect("it fits");
        assert_eq!(name.len(), 253, "{name}");
    }

    #[test]
    fn a_name_is_not_shortened_to_nothing() {
        for template in ["{{ input.stem * 100 }}.pdf", &"x".repeat(256)] {
            assert_eq!(name(template, &"a".repeat(251)), None, "{template}");
        }
        let long = format!("{{{{ input.stem }}}}{}", "x".repeat(250));
        assert_eq!(name(&long, "a short one"), None);
    }
}
