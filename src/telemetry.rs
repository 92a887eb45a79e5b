//! Where the daemon's own log lines go.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

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
        Format::Text => lines.with_target(false).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
