//! Other programs' opinion of a file: qpdf and mutool, each for a bounded time.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long another program may think.
const PATIENCE: Duration = Duration::from_secs(20);

/// What qpdf and mutool say of a file.
#[derive(Clone, Debug)]
pub(super) struct Opinion {
    /// 0 sound, 3 with warnings, 2 with errors; nothing where it took too long or died.
    pub(super) qpdf: Option<i32>,
    /// Pages by qpdf's count.
    pub(super) qpdf_pages: Option<u64>,
    /// Pages by mutool's count.
    pub(super) mutool_pages: Option<u64>,
    /// Whether mutool complained.
    pub(super) mutool_warned: bool,
    /// Whether qpdf says that it is encrypted.
    pub(super) encrypted: bool,
    /// Content streams that qpdf cannot decode; nothing where it has other errors.
    broken_contents: Option<Vec<String>>,
}

impl Opinion {
    /// Both read it without a word.
    pub(super) fn is_sound(&self) -> bool {
        self.qpdf == Some(0)
            && !self.mutool_warned
            && self.qpdf_pages.is_some_and(|pages| pages > 0)
            && self.mutool_pages == self.qpdf_pages
    }

    /// Whether all errors of this `output` are of content streams that lie in its `original`, byte by byte.
    pub(super) fn is_as_broken(&self, output: &Path, original: &Path, before: &Self) -> bool {
        let mut came = vec![std::fs::read(original).unwrap_or_default()];
        if before.encrypted {
            came.extend(decrypted(original));
        }
        let is_among = |stream: Vec<u8>| {
            !stream.is_empty()
                && came
                    .iter()
                    .any(|file| file.windows(stream.len()).any(|part| part == stream))
        };
        let broken = self.broken_contents.as_ref();
        broken.is_some_and(|broken| {
            let came_so = |object: &String| raw_stream(output, object).is_some_and(is_among);
            !broken.is_empty() && broken.iter().all(came_so)
        })
    }
}

/// Whether the programs are there.
///
/// # Errors
/// Which is not.
pub(super) fn are_there() -> Result<(), String> {
    for program in ["qpdf", "mutool"] {
        if ask(program, &["-v"], Path::new("--version")).is_none() {
            return Err(format!("`{program}` is needed here; install it"));
        }
    }
    Ok(())
}

/// Asks both.
pub(super) fn opinion(file: &Path) -> Opinion {
    let check = ask("qpdf", &["--check"], file);
    let pages = ask("qpdf", &["--show-npages"], file);
    let info = ask("mutool", &["info"], file);
    let mutool = info.as_ref().map_or("", |(_, out, _)| out);
    let count = mutool.lines().find_map(|line| line.strip_prefix("Pages: "));
    let said = check
        .as_ref()
        .map(|(_, out, err)| format!("{out}{err}"))
        .unwrap_or_default();
    // Where the two do not take the same trailer for the file's.
    let is_locked = info
        .as_ref()
        .is_some_and(|(_, _, err)| err.contains("cannot authenticate password"));
    Opinion {
        qpdf_pages: pages.and_then(|(_, out, _)| out.trim().parse().ok()),
        mutool_pages: count.and_then(|count| count.trim().parse().ok()),
        mutool_warned: info
            .as_ref()
            .is_none_or(|(code, _, err)| *code != Some(0) || !err.trim().is_empty()),
        broken_contents: broken_contents(check.as_ref().map_or("", |(_, _, err)| err)),
        qpdf: check.and_then(|(code, ..)| code),
        encrypted: !said.contains("File is not encrypted")
            || mutool.contains("Encryption object")
            || is_locked,
    }
}

/// How lines begin that tell no error of the file's structure; the second is a picture decoder's.
const PASSED_OVER: [&str; 2] = ["WARNING: ", "Corrupt JPEG data: "];

/// The content streams that qpdf's errors are of, as `--show-object` takes them; nothing where it has other errors.
fn broken_contents(said: &str) -> Option<Vec<String>> {
    let object = |line: &str| {
        let (_, line) = line
            .strip_prefix("ERROR: page ")?
            .split_once(": content stream (content stream object ")?;
        let object = line.strip_suffix("): errors while decoding content stream")?;
        Some(object.replace(' ', ","))
    };
    said.lines()
        .filter(|line| *line != "qpdf: errors detected")
        .filter(|line| !PASSED_OVER.iter().any(|said| line.starts_with(said)))
        .map(object)
        .collect()
}

/// What an encrypted file is without its encryption.
fn decrypted(file: &Path) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().ok()?;
    let plain = folder.path().join("plain.pdf");
    let file = file.to_string_lossy();
    let arguments = [
        "--decrypt",
        "--stream-data=preserve",
        "--preserve-unreferenced",
        &file,
    ];
    // The new file's name comes last, which is where `run` puts the file.
    run("qpdf", &arguments, &plain)?;
    std::fs::read(plain).ok()
}

/// The bytes of a stream as they lie in a file.
fn raw_stream(file: &Path, object: &str) -> Option<Vec<u8>> {
    let show = format!("--show-object={object}");
    let (code, out, _) = run("qpdf", &[&show, "--raw-stream-data"], file)?;
    matches!(code, Some(0 | 3)).then_some(out)
}

/// Runs a program on a file; nothing where it is not there or takes too long.
pub(super) fn ask(
    program: &str,
    arguments: &[&str],
    file: &Path,
) -> Option<(Option<i32>, String, String)> {
    let text = |said: Vec<u8>| String::from_utf8_lossy(&said).into_owned();
    run(program, arguments, file).map(|(code, out, err)| (code, text(out), text(err)))
}

/// The same, with what it says as bytes.
fn run(program: &str, arguments: &[&str], file: &Path) -> Option<(Option<i32>, Vec<u8>, Vec<u8>)> {
    let mut child = Command::new(program)
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let readers = [
        read(child.stdout.take().expect("it is piped")),
        read(child.stderr.take().expect("it is piped")),
    ];
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => {
                std::thread::park_timeout(Duration::from_millis(3))
            }
            _ => break None,
        }
    };
    if status.is_none() {
        // It may have ended just now.
        let _ = child.kill();
        let _ = child.wait();
    }
    let [out, err] = readers.map(|reader| reader.join().unwrap_or_default());
    status.map(|status| (status.code(), out, err))
}

/// Reads what a program says, and keeps the beginning.
fn read(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // A pipe of a killed program ends like any other.
        let _ = pipe.by_ref().take(1 << 20).read_to_end(&mut said);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        said
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_of_contents_or_of_something_else() {
        fn check(said: &str, expected: Option<&[&str]>) {
            let expected: Option<Vec<String>> =
                expected.map(|objects| objects.iter().map(|object| (*object).to_owned()).collect());
            assert_eq!(broken_contents(said), expected, "{said}");
        }
        let content = "ERROR: page 2: content stream (content stream object 4 0): errors while decoding content stream\n";
        check("", Some(&[]));
        check(
            &format!(
                "WARNING: a.pdf (offset 1): odd\nCorrupt JPEG data: cut\n{content}qpdf: errors detected\n"
            ),
            Some(&["4,0"]),
        );
        check(&format!("{content}qpdf: a.pdf: no trailer\n"), None);
        check("ERROR: page 1: a page without contents\n", None);
    }
}
