//! The table of attempts in `docs/security.md`: what is tested is what stands there.

use std::collections::BTreeMap;
use std::path::Path;

/// How each attempt is answered, and as which call it is counted.
pub(crate) struct Table(BTreeMap<String, Row>);

struct Row {
    answers: Vec<i64>,
    counted: Option<String>,
}

/// What an attempt may be answered with, as the table writes it.
const ANSWERS: &[(&str, i64)] = &[
    ("open", 0),
    ("EPERM", 1),
    ("ENOENT", 2),
    ("ENXIO", 6),
    ("EACCES", 13),
    ("ENODEV", 19),
    ("ENOSYS", 38),
];

impl Table {
    /// The table as it stands in the documentation.
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
        let text = std::fs::read_to_string(path).expect("the documentation is there");
        let rows = text
            .lines()
            .skip_while(|line| !line.starts_with("| tried | answer | counted as |"))
            .skip(2)
            .take_while(|line| line.starts_with("| "));
        let table: BTreeMap<_, _> = rows.map(row).collect();
        assert!(table.len() > 100, "{} rows", table.len());
        Self(table)
    }

    /// That these are all attempts of the table, and that each was answered as it says there.
    pub(crate) fn hold_errors<'e>(&self, errors: impl Iterator<Item = (&'e str, i64)>) {
        let mut left: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let mut wrong = Vec::new();
        for (way, error) in errors {
            let name = in_the_table(way);
            left.retain(|known| *known != name);
            match self.0.get(&name) {
                Some(row) if row.answers.contains(&error) => {}
                Some(row) => wrong.push(format!("{way}: {error} and not {:?}", row.answers)),
                None => wrong.push(format!("{way}: {error}, and it is not in the table")),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(left.is_empty(), "in the table and not tried: {left:?}");
    }

    /// As which call an attempt is counted, once.
    pub(crate) fn counts(&self, way: &str) -> Option<&str> {
        self.0.get(&in_the_table(way))?.counted.as_deref()
    }
}

fn row(line: &str) -> (String, Row) {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [way, answers, counted] = cells[..] else {
        panic!("a row of the table has three cells: {line}");
    };
    let number = |word: &str| {
        let known = ANSWERS.iter().find(|(name, _)| *name == word);
        known.unwrap_or_else(|| panic!("no such answer: {line}")).1
    };
    let answers = answers
        .split(" or ")
        .map(|word| number(word.trim_matches('`')));
    let row = Row {
        answers: answers.collect(),
        counted: (counted != "no").then(|| counted.trim_matches('`').to_owned()),
    };
    (way.to_owned(), row)
}

/// Processes and files have numbers in an attempt's name and words in the table.
fn in_the_table(way: &str) -> String {
    match way.split_once(": ") {
        Some((who, what)) if who.starts_with("process-") => format!("nursery or neighbour: {what}"),
        Some(("file-0", what)) => format!("journal: {what}"),
        Some(("file-1", what)) => format!("plugin copy: {what}"),
        _ => way.to_owned(),
    }
}
