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
}

impl Opinion {
    /// Both read it without a word.
    pub(super) fn is_sound(&self) -> bool {
        self.qpdf == Some(0)
            && !self.mutool_warned
            && self.qpdf_pages.is_some_and(|pages| pages > 0)
            && self.mutool_pages == self.qpdf_pages
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
    Opinion {
        qpdf: check.and_then(|(code, ..)| code),
        qpdf_pages: pages.and_then(|(_, out, _)| out.trim().parse().ok()),
        mutool_pages: count.and_then(|count| count.trim().parse().ok()),
        mutool_warned: info
            .as_ref()
            .is_none_or(|(code, _, err)| *code != Some(0) || !err.trim().is_empty()),
        encrypted: !said.contains("File is not encrypted") || mutool.contains("Encryption object"),
    }
}

/// Runs a program on a file; nothing where it is not there or takes too long.
pub(super) fn ask(
    program: &str,
    arguments: &[&str],
    file: &Path,
) -> Option<(Option<i32>, String, String)> {
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
fn read(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // A pipe of a killed program ends like any other.
        let _ = pipe.by_ref().take(1 << 20).read_to_end(&mut text);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        String::from_utf8_lossy(&text).into_owned()
    })
}
