//! `log`: a filter that would log nothing because of a slip is a fault.

use crate::config::place::Text;
use crate::config::spec::Error;
use crate::plugin::words::nearest;
use tracing_subscriber::EnvFilter;

/// What may stand where a level is expected. `tracing` takes numbers, too.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Why this filter cannot be meant, and what to write. `tracing` takes a word that is no level for the name of a module, logs
/// that one, which there is not, and nothing else.
pub(crate) fn fault(filter: &str) -> Option<String> {
    let slip = filter.split(',').find_map(slip);
    slip.or_else(|| {
        let error = EnvFilter::try_new(filter).err()?;
        Some(format!(
            "it cannot be read: {error}; write a level, or levels by module such as `info,dropleaf=debug`"
        ))
    })
}

/// Refuses the `log` of a `config.yaml`.
pub(crate) fn check(filter: &str, text: &Text) -> Result<(), Error> {
    match fault(filter) {
        None => Ok(()),
        Some(why) => Err(Error::Log {
            place: text.place("/log"),
            filter: filter.to_owned(),
            why,
        }),
    }
}

/// What is wrong with the level of one directive. Those of spans (`[job]=debug`) are left to `tracing`.
fn slip(directive: &str) -> Option<String> {
    if directive.is_empty() || directive.contains(['[', '{', ']', '}']) {
        return None;
    }
    if directive.contains(char::is_whitespace) {
        return Some(format!("write `{}` without spaces", directive.trim()));
    }
    let (module, level) = match directive.split_once('=') {
        Some((module, level)) => (Some(module), level),
        None => (None, directive),
    };
    if is_level(level) {
        return None;
    }
    let advice = match (nearest(level, LEVELS), module) {
        (Some(near), None) => format!("did you mean `{near}`?"),
        (Some(near), Some(module)) => format!("did you mean `{module}={near}`?"),
        (None, None) if is_module(level) => format!("of a module write `{level}=debug`"),
        (None, _) => format!("levels are `{}`", LEVELS.join("`, `")),
    };
    Some(format!("`{level}` is no level; {advice}"))
}

fn is_level(word: &str) -> bool {
    // No level after a `=` is the finest one.
    word.is_empty() || word.parse::<tracing::level_filters::LevelFilter>().is_ok()
}

fn is_module(word: &str) -> bool {
    word == "dropleaf" || word.contains("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_would_log_nothing_are_told_apart() {
        for (filter, expected) in [
            ("", ""),
            ("info", ""),
            ("WARN", ""),
            ("off", ""),
            ("4", ""),
            ("info,dropleaf=debug", ""),
            ("warn,dropleaf::pool=trace,", ""),
            ("warn, dropleaf::pool=trace", "without spaces"),
            ("info,[job{id=7}]=debug", ""),
            ("dropleaf=", ""),
            ("wrn", "`wrn` is no level; did you mean `warn`?"),
            ("info,debgu", "`debgu` is no level; did you mean `debug`?"),
            ("loud", "`loud` is no level; levels are `error`, `warn`,"),
            (
                "info,dropleaf=wran",
                "`wran` is no level; did you mean `dropleaf=warn`?",
            ),
            ("dropleaf::pool", "of a module write `dropleaf::pool=debug`"),
            ("info,[job", "it cannot be read"),
        ] {
            let said = fault(filter).unwrap_or_default();
            assert!(
                said.contains(expected) && said.is_empty() == expected.is_empty(),
                "{filter}: {said}"
            );
        }
    }
}
