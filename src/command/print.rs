//! What goes to the terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

/// Why standard output took no more, once it has not.
static ENDED: OnceLock<io::Error> = OnceLock::new();

/// One line on standard output. Whether it got there is asked at the end.
pub(crate) fn line(text: impl std::fmt::Display) {
    script(&format!("{}\n", plain(&text.to_string())));
}

/// Lines on standard output just as they are.
pub(crate) fn script(text: &str) {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        // The first one tells why.
        let _known = ENDED.set(error);
    }
}

/// Whether nobody gets what is printed from now on.
pub(crate) fn is_over() -> bool {
    ENDED.get().is_some()
}

/// Why not all was printed. A closed pipe is no failure: whoever read has seen enough.
pub(crate) fn failure() -> Option<&'static io::Error> {
    ENDED
        .get()
        .filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
}

/// Names of files may hold anything, and a terminal obeys control characters.
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(harmful) {
        text.replace(harmful, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// A text in which nothing ends the line that it stands in: a name of a file may hold anything.
pub(crate) fn within_line(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            true => told.extend(c.escape_default()),
            false => told.push(c),
        }
    }
    told
}

/// A value as JSON on standard output.
pub(crate) fn json(value: &serde_json::Value) {
    // A JSON value always serialises.
    line(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// One line on standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _closed = writeln!(io::stderr().lock(), "{}", plain(&text.to_string()));
}

/// The one error chain; an exit code at its head is for the shell alone.
pub(crate) fn error(error: &anyhow::Error) {
    let head = usize::from(error.downcast_ref::<super::Exit>().is_some());
    let causes: Vec<String> = error.chain().skip(head).map(ToString::to_string).collect();
    note(format_args!("error: {}", causes.join(": ")));
}

/// Whether standard error shows colours and moving bars.
pub(crate) fn is_lively() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !plain
}

/// Rows under headings, in columns as wide as they need.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let format = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{:width$}", cell.replace(['\n', '\t'], " ")))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    line(format(headings.to_vec()));
    for row in rows {
        line(format(row.iter().map(String::as_str).collect()));
    }
}
