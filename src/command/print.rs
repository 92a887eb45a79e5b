//! What goes to the terminal.

use crate::telemetry::{escaped, is_harmful, within_line};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::OnceLock;

/// The longest name of a file in a table on a terminal, in characters.
const NAME: usize = 48;

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

/// A text of one line or several in which nothing is harmful.
fn plain(text: &str) -> String {
    escaped(text, |c| is_harmful(c) && !matches!(c, '\n' | '\t'))
}

/// A path within a line.
pub(crate) fn path(path: &Path) -> String {
    within_line(&path.to_string_lossy())
}

/// A name of a file for a column: a long one is shortened where people read it, not where programs do.
pub(crate) fn name(text: &str) -> String {
    let told = within_line(text);
    match io::stdout().is_terminal() {
        true => shortened(&told, NAME),
        false => told,
    }
}

/// A text of at most so many characters, without its middle where it is longer: both ends of a name tell something.
fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let head = most / 2;
    let tail = length - (most - 1 - head);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(tail).collect();
    format!("{head}…{tail}")
}

/// A value as JSON on standard output.
pub(crate) fn json(value: &serde_json::Value) {
    // A JSON value always serialises.
    json_text(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A value as JSON in one line.
pub(crate) fn json_line(value: &serde_json::Value) {
    json_text(&value.to_string());
}

fn json_text(json: &str) {
    script(&format!("{}\n", plain_json(json)));
}

/// The same JSON in which nothing is harmful: such characters stand in strings only, and there they may be written by their numbers.
fn plain_json(json: &str) -> String {
    let mut told = String::with_capacity(json.len());
    for c in json.chars() {
        match is_harmful(c) && c != '\n' {
            true => told.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => told.push(c),
        }
    }
    told
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

/// No column is wider; what a cell has beyond that shifts its row.
const WIDEST: usize = 200;

/// Rows under headings, in columns as wide as they need.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let cell = |cell: &String| within_line(&cell.replace(['\n', '\t'], " "));
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        let longest = cells.chain([headings[column].len()]).max();
        longest.unwrap_or(0).min(WIDEST)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let format = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    line(format(headings.to_vec()));
    for row in &rows {
        line(format(row.iter().map(String::as_str).collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_turns_round_is_shown_by_its_number() {
        let name = "a\u{1b}[31m\u{202e}fdp.\u{9b}pdf";
        let told = "a\\u{1b}[31m\\u{202e}fdp.\\u{9b}pdf";
        assert_eq!(within_line(name), told);
        assert_eq!(plain(name), told, "one way for all");
        assert_eq!(plain("two\nlines\tä"), "two\nlines\tä");
        assert_eq!(within_line("two\nlines\u{2028}"), "two\\nlines\\u{2028}");
        assert_eq!(path(Path::new("/in/a\nok.pdf")), "/in/a\\nok.pdf");
    }

    #[test]
    fn json_keeps_every_name_whole() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{202e}\u{7f}\n.pdf", "more": ["ä"] });
        for json in [
            value.to_string(),
            serde_json::to_string_pretty(&value).expect("JSON"),
        ] {
            let told = plain_json(&json);
            assert!(!told.contains(|c| is_harmful(c) && c != '\n'), "{told}");
            let read: serde_json::Value = serde_json::from_str(&told).expect("JSON");
            assert_eq!(read, value);
        }
    }

    #[test]
    fn a_long_name_keeps_both_its_ends() {
        assert_eq!(shortened("short.pdf", 9), "short.pdf");
        assert_eq!(shortened("a-long-näme.pdf", 10), "a-lon….pdf");
        let long = format!("{}.pdf", "x".repeat(251));
        assert_eq!(shortened(&long, NAME).chars().count(), NAME);
    }
}
