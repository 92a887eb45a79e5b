//! Where the daemon's own log lines go.

use std::fmt;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{self, FmtSpan, Writer};

/// How log lines look.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The environment variable with a filter that goes before all others.
pub const VARIABLE: &str = "DROPLEAF_LOG";

/// The filter that the environment asks for.
#[must_use]
pub fn from_environment() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|text| !text.is_empty())
}

/// Sends log lines to standard error. `filter` is in `tracing`'s syntax (`info`, `dropleaf::pool=debug`), `from` says where it
/// stands; the environment variable `DROPLEAF_LOG` goes first.
///
/// # Errors
/// The filter cannot be read; nothing is set up then.
pub fn start(filter: &str, from: &str, format: Format) -> Result<(), String> {
    let (text, from) = match from_environment() {
        Some(text) => (text, VARIABLE),
        None => (filter.to_owned(), from),
    };
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| format!("failed to read the log filter `{text}` from {from}: {error}"))?;
    let ansi = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_span_events(FmtSpan::NONE)
        // They would be told on standard error, too, and end who logs where that is gone with its terminal.
        .log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let _already = match format {
        Format::Text => lines.with_target(false).fmt_fields(fields()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Names of files may hold anything: a terminal obeys control characters, and characters that turn the direction of writing make one
/// name look like another. Both are shown by their numbers.
pub(crate) fn is_harmful(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || turns
}

/// A text in which nothing ends the line that it stands in.
pub(crate) fn within_line(text: &str) -> String {
    escaped(text, |c| {
        is_harmful(c) || matches!(c, '\u{2028}' | '\u{2029}')
    })
}

/// A text in which such characters are shown by their numbers.
pub(crate) fn escaped(text: &str, which: impl Fn(char) -> bool) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        match which(c) {
            true => told.extend(c.escape_default()),
            false => told.push(c),
        }
    }
    told
}

/// As the usual ones, but no value begins a line or commands a terminal. In JSON the format does that by itself.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    format::debug_fn(one_field).delimited(" ")
}

fn one_field(to: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = within_line(&format!("{value:?}"));
    match field.name() {
        "message" => to.write_str(&value),
        name if to.has_ansi_escapes() => {
            write!(to, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
        }
        name => write!(to, "{name}={value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_name_begins_a_line_of_its_own_or_commands_a_terminal() {
        let lines = Lines::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || to.clone())
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .fmt_fields(fields())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let path = Path::new("in/a\n ERROR forged\x1b[2J\u{202e}.pdf");
            tracing::warn!(path = %path.display(), tries = 2, word = "a b", "it stays");
            tracing::info!("as told by {}", path.display());
        });
        let told = lines.0.lock().expect("whole").clone();
        let told = String::from_utf8(told).expect("text");
        let path = r"in/a\n ERROR forged\u{1b}[2J\u{202e}.pdf";
        let expected =
            format!(" WARN it stays path={path} tries=2 word=\"a b\"\n INFO as told by {path}\n");
        assert_eq!(told, expected);
    }
}
