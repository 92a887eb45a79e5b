//! Which variables a template may name, by the place it stands in.

use crate::pipeline::template::found::Kind;
use std::collections::BTreeSet;

/// A group of variables with one name each and what they are.
pub struct Group {
    /// `input` in `input.stem`.
    pub name: &'static str,
    /// What the group is about.
    pub about: &'static str,
    /// The variables: name and meaning.
    pub variables: &'static [(&'static str, &'static str)],
}

/// The groups whose variables are known by name. Beside them: `steps.<id>.<result>`, `env.<NAME>` and `now`.
pub const GROUPS: &[Group] = &[
    Group {
        name: "input",
        about: "the file as it arrived",
        variables: &[
            ("name", "file name: `scan.pdf`"),
            ("stem", "file name without its extension: `scan`"),
            ("extension", "extension without the dot: `pdf`"),
            ("path", "path below the inbox: `2026/scan.pdf`"),
            ("folder", "folder below the inbox: `2026`, empty at its top"),
            ("size", "bytes"),
            ("modified", "when the file was last changed"),
        ],
    },
    Group {
        name: "job",
        about: "the job",
        variables: &[
            ("id", "its id"),
            ("pipeline", "id of the pipeline"),
            ("received", "when the file was taken"),
            ("attempt", "1 for the first attempt"),
        ],
    },
    Group {
        name: "pdf",
        about: "the PDF as it arrived, before the first step",
        variables: &[
            ("pages", "number of pages"),
            ("signed", "whether it is signed"),
            ("encrypted", "whether it is encrypted"),
            ("version", "PDF version, a text: `1.7`"),
            ("title", "title, empty where there is none"),
            ("author", "author"),
            ("subject", "subject"),
            ("keywords", "keywords"),
            ("creator", "the program that the text was written in"),
            ("producer", "the program that made the PDF"),
        ],
    },
    Group {
        name: "part",
        about: "the document at hand; a split makes several of one",
        variables: &[
            ("index", "which one, from 1"),
            ("count", "of how many"),
            ("pages", "its number of pages"),
            (
                "label",
                "the name that the step which made it gave it, else empty",
            ),
        ],
    },
];

/// The variables of [`GROUPS`] that are numbers.
const NUMBERS: [(&str, &str); 6] = [
    ("input", "size"),
    ("job", "attempt"),
    ("pdf", "pages"),
    ("part", "index"),
    ("part", "count"),
    ("part", "pages"),
];
/// Those that are `true` or `false`. All others are texts.
const FLAGS: [(&str, &str); 2] = [("pdf", "signed"), ("pdf", "encrypted")];

/// What the variable is, where it is a text or a number and that is known: what steps find out is not.
pub(crate) fn kind_of(root: &str, members: &[String]) -> Option<Kind> {
    match (root, members) {
        ("now", []) | ("env", [_]) => Some(Kind::Text),
        (_, [member]) => {
            let variables = group(root)?.variables;
            let name = (root, member.as_str());
            if !variables.iter().any(|(known, _)| known == member) || FLAGS.contains(&name) {
                None
            } else if NUMBERS.contains(&name) {
                Some(Kind::Number)
            } else {
                Some(Kind::Text)
            }
        }
        _ => None,
    }
}

/// What a template may name in its place.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Why `pdf`, `part` and `steps` are not known, where they are not.
    pub(crate) without: &'a [(&'static str, &'static str)],
    /// Ids of the steps that come before.
    pub(crate) earlier: &'a [String],
    /// Ids of all steps.
    pub(crate) all: &'a [String],
    /// Variables that the operation fills in itself.
    pub(crate) own: &'a [String],
    /// The environment variables that are set; `None` where they are not known.
    pub(crate) env: Option<&'a BTreeSet<String>>,
}

impl Scope<'_> {
    /// Why the group is not known here.
    pub(crate) fn missing(&self, group: &str) -> Option<&'static str> {
        let found = self.without.iter().find(|(name, _)| *name == group);
        found.map(|(_, why)| *why)
    }
}

/// The group of this name.
pub(crate) fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}
