//! The options of a command, each with a value, and the daemon that it is about.

use crate::machine;
use anyhow::{Context as _, Result, anyhow, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

/// What was given, by name; of one that was given twice, the last.
#[derive(Debug)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads `--name value` again and again.
    ///
    /// # Errors
    /// A name that `command` does not know, or one without a value.
    pub fn read(command: &str, known: &[&str], arguments: &[&str]) -> Result<Self> {
        let mut options = BTreeMap::new();
        for pair in arguments.chunks(2) {
            let plain = pair[0].strip_prefix("--");
            let Some(name) = plain.filter(|name| known.contains(name)) else {
                bail!(
                    "`{command}` has no option `{}`; it has --{}",
                    pair[0],
                    known.join(", --")
                );
            };
            let [_, value] = pair else {
                bail!("`--{name}` needs a value");
            };
            options.insert(name.to_owned(), (*value).to_owned());
        }
        Ok(Self(options))
    }

    /// What was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is none, or too large for this one.
    pub fn number<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T> {
        self.text(name).map_or(Ok(otherwise), |value| {
            let wrong = |_| anyhow!("`--{name}` needs a whole number, not `{value}`");
            value.parse().map_err(wrong)
        })
    }

    /// A path, made absolute: who uses it may stand in another folder.
    ///
    /// # Errors
    /// It is empty, or there is no current folder.
    pub fn path(&self, name: &str) -> Result<Option<PathBuf>> {
        let absolute = |value: &str| {
            std::path::absolute(value).with_context(|| format!("`--{name}` cannot be `{value}`"))
        };
        self.text(name).map(absolute).transpose()
    }

    /// The daemon that `--program` names, else one that is built here: a debug build, which has failpoints and checks its
    /// arithmetic.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn program(&self) -> Result<PathBuf> {
        match self.path("program")? {
            Some(program) => Ok(program),
            None => machine::debug_daemon(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_read_and_what_is_wrong_is_named() {
        let read = |arguments: &[&str]| Options::read("try", &["seed", "home"], arguments);
        let options = read(&["--seed", "7", "--home", "/h", "--seed", "8"]).expect("known");
        assert_eq!(options.number("seed", 1_u64).expect("a number"), 8);
        assert_eq!(options.number("other", 5_u32).expect("not given"), 5);
        assert_eq!(
            options.path("home").expect("a path"),
            Some(PathBuf::from("/h"))
        );
        assert_eq!(options.text("other"), None);
        for (arguments, text) in [
            (&["--seed"][..], "`--seed` needs a value"),
            (
                &["--sed", "1"][..],
                "`try` has no option `--sed`; it has --seed, --home",
            ),
            (
                &["seed", "1"][..],
                "`try` has no option `seed`; it has --seed, --home",
            ),
        ] {
            assert_eq!(read(arguments).expect_err("wrong").to_string(), text);
        }
        let many = read(&["--seed", "many"]).expect("known");
        let error = many.number("seed", 1_u64).expect_err("no number");
        assert_eq!(
            error.to_string(),
            "`--seed` needs a whole number, not `many`"
        );
    }
}
