//! A fault: one thing wrong in a pipeline file, with its place and what to do about it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing wrong in a pipeline file.
///
/// Displayed it is one line, `file:line:column: message (hint)`; the alternate form (`{:#}`) puts the hint on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The file, as the one who asked named it.
    pub file: String,
    /// From 1; 0 where no place in the text is to blame (the file cannot be read).
    pub line: u32,
    /// From 1, in characters; 0 where no place in the text is to blame.
    pub column: u32,
    /// RFC 6901 JSON pointer of the value or key: `/steps/0/with/angle`. Empty for the whole file.
    pub pointer: String,
    /// What is wrong with which key, in plain words.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of a whole file: no place in its text is to blame.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            pointer: String::new(),
            message: message.into(),
            hint: None,
        }
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts faults into the order in which a reader of the file meets them, each once.
    pub fn sort(faults: &mut Vec<Self>) {
        faults.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.pointer, &a.message)
                .cmp(&(&b.file, b.line, b.column, &b.pointer, &b.message))
        });
        faults.dedup();
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match (&self.hint, f.alternate()) {
            (Some(hint), true) => write!(f, "\n    {hint}"),
            (Some(hint), false) => write!(f, " ({hint})"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u32, message: &str) -> Fault {
        Fault {
            line,
            column: 3,
            ..Fault::of_file("scan.yaml", message)
        }
    }

    #[test]
    fn one_line_each_unless_asked_otherwise() {
        let fault = fault(4, "unknown key `foldr`").hint("did you mean `folder`?");
        assert_eq!(
            fault.to_string(),
            "scan.yaml:4:3: unknown key `foldr` (did you mean `folder`?)"
        );
        assert_eq!(
            format!("{fault:#}"),
            "scan.yaml:4:3: unknown key `foldr`\n    did you mean `folder`?"
        );
        assert_eq!(Fault::of_file("a.yaml", "gone").to_string(), "a.yaml: gone");
    }

    #[test]
    fn faults_come_in_the_order_of_the_text_and_once() {
        let mut faults = vec![fault(10, "b"), fault(2, "z"), fault(10, "a"), fault(2, "z")];
        Fault::sort(&mut faults);
        let order: Vec<_> = faults.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(order, ["z", "a", "b"]);
    }
}
