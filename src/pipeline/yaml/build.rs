//! From a parser's events to a tree, with every limit and every flaw of the structure.

use crate::pipeline::yaml::flaw::{Flaw, Place, escape};
use crate::pipeline::yaml::plain_words;
use crate::pipeline::yaml::scalar::Scalar;
use crate::pipeline::yaml::tree::{Kind, Node, Tree};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashSet;

/// Values that a pipeline may have in all; far more than any, far less than would cost memory.
const MAX_VALUES: usize = 50_000;
/// How deeply values may be nested.
const MAX_DEPTH: usize = 64;
/// Bytes that a key may have.
const MAX_KEY: usize = 256;
/// After this many flaws reading ends.
const MAX_FLAWS: usize = 100;

/// A text whose structure is known.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    pub(super) flaws: Vec<Flaw>,
    /// Whether some values cannot be told (aliases, tags, keys that are lists).
    pub(super) hides_values: bool,
    /// Pointers of values that have a flaw and are lost: they would read as if nothing were written.
    pub(super) lost: HashSet<String>,
}

/// The tree of `text` and the flaws that do not keep it from being read on.
pub(crate) fn parse(text: &str) -> Result<Parsed, Flaw> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| plain_words::flaw(text, &error))?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        builder.take(event, span)?;
    }
    Ok(Parsed {
        tree: Tree { root: builder.root },
        flaws: builder.flaws,
        hides_values: builder.hides_values,
        lost: builder.lost,
    })
}

/// A list or map whose end has not been seen yet.
enum Open {
    List(Place, Vec<Node>),
    Map {
        place: Place,
        entries: Vec<(String, Place, Node)>,
        seen: HashSet<String>,
        key: Option<(String, Place)>,
    },
    /// A list or map in the place of a key: reported once, then only skipped.
    KeyInstead,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    values: usize,
    documents: usize,
    flaws: Vec<Flaw>,
    hides_values: bool,
    lost: HashSet<String>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaw> {
        let place = Place::of(&span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Flaw::new(place, "a second document starts here (`---`)")
                        .hint("one pipeline a file: move it into a file of its own"));
                }
            }
            Event::Alias(_) => {
                self.hiding(
                    place,
                    "aliases (`*name`) are not supported here",
                    "write the value out, or put a text that starts with `*` in quotes",
                )?;
                self.value(Node {
                    place,
                    kind: Kind::Scalar(Scalar::empty()),
                })?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.decorations(place, anchor, tag.is_some())?;
                if self.wants_key() {
                    self.key(text.into_owned(), place)?;
                } else {
                    if style == ScalarStyle::Plain && is_not_finite(&text) {
                        self.not_finite(place, &text)?;
                    }
                    self.value(Node {
                        place,
                        kind: Kind::Scalar(Scalar::new(&text, style, &span)),
                    })?;
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.decorations(place, anchor, tag.is_some())?;
                self.open(place, Open::List(place, Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.decorations(place, anchor, tag.is_some())?;
                let map = Open::Map {
                    place,
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                };
                self.open(place, map)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn flaw(&mut self, place: Place, message: &str, hint: &str) -> Result<(), Flaw> {
        let pointer = self.pointer();
        let mut flaw = Flaw::new(place, message).hint(hint);
        flaw.pointer = pointer;
        if self.flaws.len() >= MAX_FLAWS {
            return Err(flaw);
        }
        self.flaws.push(flaw);
        Ok(())
    }

    /// A flaw behind which values cannot be told.
    fn hiding(&mut self, place: Place, message: &str, hint: &str) -> Result<(), Flaw> {
        self.hides_values = true;
        self.flaw(place, message, hint)
    }

    /// A number that JSON has no word for, so that it would count as not given.
    fn not_finite(&mut self, place: Place, text: &str) -> Result<(), Flaw> {
        self.lost.insert(self.pointer());
        self.flaw(
            place,
            &format!("`{text}` is no finite number"),
            "write a number, or put it in quotes if it is a text",
        )
    }

    fn decorations(&mut self, place: Place, anchor: usize, tagged: bool) -> Result<(), Flaw> {
        if anchor != 0 {
            self.hiding(place, "anchors (`&name`) are not supported here", "write the value out where it is needed, or put a text that starts with `&` in quotes")?;
        }
        if tagged {
            self.hiding(
                place,
                "tags (`!name`) are not supported here",
                "put a text that starts with `!` in quotes",
            )?;
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn key(&mut self, text: String, place: Place) -> Result<(), Flaw> {
        if text.len() > MAX_KEY {
            return Err(Flaw::new(
                place,
                format!("this key has more than {MAX_KEY} characters"),
            )
            .hint("is a line break or a quote missing?"));
        }
        let Some(Open::Map { seen, key, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        let merge = text == "<<";
        let twice = !seen.insert(text.clone());
        let message = format!("the key `{text}` is given twice");
        *key = Some((text, place));
        if merge {
            self.hiding(
                place,
                "merge keys (`<<`) are not supported here",
                "write the values out",
            )?;
        } else if twice {
            self.flaw(place, &message, "keep one of the two")?;
        }
        Ok(())
    }

    fn open(&mut self, place: Place, open: Open) -> Result<(), Flaw> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Flaw::new(
                place,
                format!("this is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        if self.wants_key() {
            self.hiding(
                place,
                "a key must be plain text, not a list or a map",
                "put a text that starts with `{` or `[`, such as a template, in double quotes",
            )?;
            self.open.push(Open::KeyInstead);
            return Ok(());
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Flaw> {
        match self.open.pop() {
            Some(Open::List(place, items)) => self.value(Node {
                place,
                kind: Kind::List(items),
            }),
            Some(Open::Map { place, entries, .. }) => self.value(Node {
                place,
                kind: Kind::Map(entries),
            }),
            Some(Open::KeyInstead) => {
                if self.wants_key() {
                    self.key(String::new(), Place::START)?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn value(&mut self, node: Node) -> Result<(), Flaw> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Flaw::new(
                node.place,
                format!("the file has more than {MAX_VALUES} values"),
            ));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map {
                entries,
                key: key @ Some(_),
                ..
            }) => {
                if let Some((key, place)) = key.take() {
                    entries.push((key, place, node));
                }
            }
            // A key that is an alias.
            Some(Open::Map { key, .. }) => *key = Some((String::new(), node.place)),
            Some(Open::KeyInstead) => {}
        }
        Ok(())
    }

    /// The pointer of what is being read.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match open {
                Open::List(_, items) => pointer.push_str(&format!("/{}", items.len())),
                Open::Map {
                    key: Some((key, _)),
                    ..
                } => {
                    pointer.push('/');
                    pointer.push_str(&escape(key));
                }
                Open::Map { key: None, .. } | Open::KeyInstead => {}
            }
        }
        pointer
    }
}

/// Whether YAML takes this text without quotes for an infinite number, or for none at all.
fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}
