//! Which names a watched folder takes, and by which rule it leaves the others.
//!
//! What is ignored stays where it is. User patterns only ever add to the built-in ones.

use globset::{GlobBuilder, GlobMatcher};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Names that are never a finished document, without regard to case, with what they are.
const FILES: &[(&str, &str)] = &[
    ("~$*", "a lock file of an office program"),
    ("*.part", "a half-written file"),
    ("*.partial", "a half-written file"),
    ("*.tmp", "a temporary file"),
    ("*.crdownload", "a half-written download"),
    ("*.download", "a half-written download"),
    ("*.filepart", "a half-written transfer"),
    ("*~", "a backup copy of an editor"),
    ("Thumbs.db", "system litter"),
    ("desktop.ini", "system litter"),
];

/// Folders that are never looked into, without regard to case, with what they are.
const FOLDERS: &[(&str, &str)] = &[
    ("@eaDir", "a folder of the NAS"),
    ("@Recycle", "a recycle bin of the NAS"),
    ("#recycle", "a recycle bin of the NAS"),
    ("#snapshot", "snapshots of the NAS"),
    ("@Recently-Snapshot", "snapshots of the NAS"),
    ("$RECYCLE.BIN", "a recycle bin"),
    ("System Volume Information", "a folder of Windows"),
    ("lost+found", "a folder of the file system"),
    ("__MACOSX", "a folder of macOS"),
];

/// What the rules say about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Take,
    /// It stays, by this rule.
    Leave(Cow<'static, str>),
}

/// A pattern that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("failed to understand the pattern `{pattern}`")]
pub struct BadPattern {
    pattern: String,
    source: globset::Error,
}

/// The rules of one folder.
#[derive(Debug)]
pub struct Rules {
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    files: Vec<(Pattern, &'static str)>,
    folders: Vec<(Pattern, &'static str)>,
}

/// A glob: one with a `/` is held against the path below the folder, one without against the name alone.
#[derive(Debug)]
struct Pattern {
    text: String,
    whole: bool,
    matcher: GlobMatcher,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, BadPattern> {
        let glob = GlobBuilder::new(text.trim_start_matches('/'))
            .case_insensitive(true)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        match glob {
            Ok(glob) => Ok(Self {
                text: text.to_owned(),
                whole: text.contains('/'),
                matcher: glob.compile_matcher(),
            }),
            Err(source) => Err(BadPattern {
                pattern: text.to_owned(),
                source,
            }),
        }
    }

    fn matches(&self, relative: &Path, name: &OsStr) -> bool {
        let held_against = if self.whole {
            relative
        } else {
            Path::new(name)
        };
        self.matcher.is_match(held_against)
    }
}

/// Whether a pattern of `include` or `exclude` can be understood.
///
/// # Errors
/// It cannot.
pub fn check_pattern(pattern: &str) -> Result<(), BadPattern> {
    Pattern::new(pattern).map(|_| ())
}

impl Rules {
    /// The built-in rules with these added.
    ///
    /// # Errors
    /// A pattern cannot be understood.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, BadPattern> {
        let all = |texts: &[String]| -> Result<Vec<_>, _> {
            texts.iter().map(|text| Pattern::new(text)).collect()
        };
        let built_in = |table: &[(&str, &'static str)]| -> Result<Vec<_>, _> {
            let rows = table.iter();
            rows.map(|(text, what)| Pattern::new(text).map(|pattern| (pattern, *what)))
                .collect()
        };
        Ok(Self {
            include: all(include)?,
            exclude: all(exclude)?,
            files: built_in(FILES)?,
            folders: built_in(FOLDERS)?,
        })
    }

    /// What becomes of a file with this path below the folder.
    #[must_use]
    pub fn file(&self, relative: &Path) -> Verdict {
        let name = relative.file_name().unwrap_or_default();
        if let Some(what) = hidden(name) {
            return Verdict::Leave(what.into());
        }
        for (pattern, what) in &self.files {
            if pattern.matches(relative, name) {
                return Verdict::Leave(
                    format!("{what} (built-in pattern `{}`)", pattern.text).into(),
                );
            }
        }
        for pattern in &self.exclude {
            if pattern.matches(relative, name) {
                return Verdict::Leave(
                    format!("excluded by the pattern `{}`", pattern.text).into(),
                );
            }
        }
        if self.include.iter().any(|one| one.matches(relative, name)) {
            return Verdict::Take;
        }
        let patterns: Vec<_> = self
            .include
            .iter()
            .map(|one| format!("`{}`", one.text))
            .collect();
        Verdict::Leave(format!("no include pattern matches ({})", patterns.join(", ")).into())
    }

    /// Whether a folder with this path below the watched one is looked into.
    #[must_use]
    pub fn folder(&self, relative: &Path) -> Verdict {
        let name = relative.file_name().unwrap_or_default();
        if let Some(what) = hidden(name) {
            return Verdict::Leave(what.into());
        }
        for (pattern, what) in &self.folders {
            if pattern.matches(relative, name) {
                return Verdict::Leave(
                    format!("{what} (built-in pattern `{}`)", pattern.text).into(),
                );
            }
        }
        for pattern in &self.exclude {
            if pattern.matches(relative, name) {
                return Verdict::Leave(
                    format!("excluded by the pattern `{}`", pattern.text).into(),
                );
            }
        }
        Verdict::Take
    }
}

/// Whether a name is hidden: such files and folders are nobody's finished documents, and our own folder is one of them.
#[must_use]
pub fn hidden(name: &OsStr) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if bytes.starts_with(b"._") {
        Some("a resource fork of macOS (built-in pattern `._*`)")
    } else if bytes.starts_with(b".") {
        Some("a hidden file (built-in pattern `.*`)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(include: &[&str], exclude: &[&str]) -> Rules {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        Rules::new(&owned(include), &owned(exclude)).expect("good patterns")
    }

    #[track_caller]
    fn check(rules: &Rules, path: &str, expected: Option<&str>) {
        match (rules.file(Path::new(path)), expected) {
            (Verdict::Take, None) => {}
            (Verdict::Leave(reason), Some(part)) => {
                assert!(reason.contains(part), "{path}: {reason}");
            }
            (verdict, _) => panic!("{path}: {verdict:?}, not {expected:?}"),
        }
    }

    #[test]
    fn files_are_taken_by_name_without_regard_to_case() {
        let rules = rules(&["*.pdf"], &["draft-*", "sub/private/*.pdf"]);
        check(&rules, "a.pdf", None);
        check(&rules, "A.PDF", None);
        check(&rules, "ünï cödé [1] {x}.Pdf", None);
        check(&rules, "sub/deep/a.pdf", None);
        check(
            &rules,
            "a.pdf.txt",
            Some("no include pattern matches (`*.pdf`)"),
        );
        check(&rules, "pdf", Some("no include"));
        check(&rules, ".a.pdf", Some("hidden"));
        check(&rules, "._a.pdf", Some("resource fork"));
        check(&rules, "~$a.pdf", Some("`~$*`"));
        check(&rules, "a.pdf.part", Some("`*.part`"));
        check(&rules, "a.PDF.CRDOWNLOAD", Some("half-written download"));
        check(
            &rules,
            "Draft-1.pdf",
            Some("excluded by the pattern `draft-*`"),
        );
        check(&rules, "sub/draft-1.pdf", Some("`draft-*`"));
        check(&rules, "sub/private/a.pdf", Some("`sub/private/*.pdf`"));
        check(&rules, "other/private/a.pdf", None);
    }

    #[test]
    fn user_patterns_never_bring_half_written_files_back() {
        let rules = rules(&["*"], &[]);
        check(&rules, "a.tmp", Some("`*.tmp`"));
        check(&rules, "thumbs.db", Some("system litter"));
        check(&rules, "a.jpg", None);
    }

    #[test]
    fn names_that_are_not_utf8_are_names_too() {
        let rules = rules(&["*.pdf"], &[]);
        let name = OsStr::from_bytes(b"\xff\xfe.pdf");
        assert_eq!(rules.file(Path::new(name)), Verdict::Take);
    }

    #[test]
    fn litter_folders_are_not_looked_into() {
        let rules = rules(&["*.pdf"], &["old"]);
        for name in [
            ".dropleaf",
            ".stfolder",
            "@EADIR",
            "#recycle",
            "a/@eaDir",
            "old",
            "a/OLD",
        ] {
            let verdict = rules.folder(Path::new(name));
            assert!(matches!(verdict, Verdict::Leave(_)), "{name}: {verdict:?}");
        }
        assert_eq!(rules.folder(Path::new("2026/march")), Verdict::Take);
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = check_pattern("[a").expect_err("a class without an end");
        assert!(error.to_string().contains("`[a`"), "{error}");
    }
}
