//! How large images are drawn: the pages' contents are followed through their forms.
//!
//! An image may be made smaller only if every way to it is known. So whatever is also used where contents are not followed
//! (patterns, Type 3 glyphs, soft masks, annotations, thumbnails) counts as not known. What of these has no images of its own
//! and draws by name may draw those of any page: then nothing is known.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

use crate::content::{IDENTITY, Matrix, draws, multiply};
use crate::graph::Graph;

/// Forms inside forms deeper than this are not followed.
const MAX_DEPTH: usize = 16;
/// More draws than this in one form or on one page, its forms' included, are not followed.
const MAX_DRAWS: usize = 20_000;
/// Draws in all, and kilobytes of contents, of forms that are followed again: those without resources of their own, which may
/// draw something else each time.
const MAX_AGAIN: usize = 1_000_000;

/// Width and height in points.
pub(crate) type Extent = (f64, f64);

/// The largest extent at which each image is drawn, for those whose every use is known.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<Ref, Extent>);

impl Places {
    /// The extent of `image`, if every use of it is known and it is drawn at all.
    pub(crate) fn extent(&self, image: Ref) -> Option<Extent> {
        self.0
            .get(&image)
            .copied()
            .filter(|(width, height)| *width > 0.0 && *height > 0.0)
    }

    /// Follows the contents of all pages.
    pub(crate) fn find(document: &Document<'_>, graph: &Graph, run: &Run<'_>) -> Result<Self> {
        let mut walk = Walk {
            document,
            run,
            forms: HashMap::new(),
            followed: HashSet::new(),
            again: MAX_AGAIN,
            given_up: false,
        };
        let mut extents: HashMap<Ref, Extent> = HashMap::new();
        for page in document.pages() {
            let page = page?;
            let unit = page
                .get("UserUnit")?
                .and_then(|value| value.as_f64())
                .unwrap_or(1.0)
                .max(1e-3);
            for (image, matrix) in walk.page(&page)? {
                let extent = extents.entry(image).or_default();
                extent.0 = extent.0.max(matrix[0].hypot(matrix[1]) * unit);
                extent.1 = extent.1.max(matrix[2].hypot(matrix[3]) * unit);
            }
            page.release()?;
            if run.cancelled() {
                return Err(Error::cancelled());
            }
        }
        if walk.given_up || walk.draws_from_pages(graph, run)? {
            return Ok(Self::default());
        }
        let elsewhere = walk.used_elsewhere(graph)?;
        extents.retain(|image, _| !elsewhere.contains(image));
        Ok(Self(extents))
    }
}

/// Images with the matrix from their unit square to the space of what draws them.
type Drawn = Vec<(Ref, Matrix)>;

struct Walk<'w, 'r> {
    document: &'w Document<'r>,
    run: &'w Run<'r>,
    forms: HashMap<Ref, Drawn>,
    /// Objects whose `XObject` entries were looked up by a content that was followed.
    followed: HashSet<Ref>,
    /// What is left of [`MAX_AGAIN`].
    again: usize,
    given_up: bool,
}

impl<'r> Walk<'_, 'r> {
    fn page(&mut self, page: &Object<'r>) -> Result<Drawn> {
        self.followed.extend(page.id()?);
        let mut content = Vec::new();
        for stream in contents(page)? {
            match stream.decoded() {
                Ok(bytes) => {
                    content.extend(bytes);
                    content.push(b'\n');
                }
                Err(error) if error.is_cancelled() => return Err(error),
                Err(_) => self.given_up = true,
            }
        }
        let resources = page.attr("Resources")?.and_then(|value| value.as_object());
        self.drawn(&content, resources.as_ref(), 0)
    }

    fn drawn(
        &mut self,
        content: &[u8],
        resources: Option<&Object<'r>>,
        depth: usize,
    ) -> Result<Drawn> {
        let mut found = Drawn::new();
        let Some(resources) = resources else {
            return Ok(found);
        };
        self.followed.extend(resources.id()?);
        let named = resources
            .object("XObject")?
            .filter(|object| object.kind() == Kind::Dict);
        // On a page nothing is drawn then; a form may draw what its page has.
        if named.is_none() && depth == 0 {
            return Ok(found);
        }
        let Some(draws) = draws(content) else {
            self.given_up = true;
            return Ok(found);
        };
        let Some(named) = named else {
            self.given_up |= !draws.is_empty();
            return Ok(found);
        };
        self.followed.extend(named.id()?);
        for draw in draws {
            if found.len() > MAX_DRAWS || depth > MAX_DEPTH {
                self.given_up = true;
            }
            if self.given_up {
                break;
            }
            let Some(Value::Ref(reference)) = named.get_raw(&draw.name)? else {
                self.given_up |= depth > 0;
                continue;
            };
            let Value::Stream(object) = self.document.object(reference)? else {
                continue;
            };
            let kind = object.get("Subtype")?;
            if kind.as_ref().is_some_and(|kind| kind.is_name("Image")) {
                found.push((reference, draw.matrix));
            } else if kind.is_some_and(|kind| kind.is_name("Form")) {
                let inner = self.form(reference, &object, resources, depth)?;
                found.extend(
                    inner
                        .iter()
                        .map(|(image, matrix)| (*image, multiply(matrix, &draw.matrix))),
                );
            }
        }
        Ok(found)
    }

    /// What a form draws, in the space of whoever draws the form.
    fn form(
        &mut self,
        id: Ref,
        form: &Object<'r>,
        around: &Object<'r>,
        depth: usize,
    ) -> Result<Drawn> {
        if let Some(known) = self.forms.get(&id) {
            return Ok(known.clone());
        }
        // A form that draws itself draws nothing more.
        self.forms.insert(id, Drawn::new());
        let again = !self.followed.insert(id);
        if self.run.cancelled() {
            return Err(Error::cancelled());
        }
        let matrix = match form.object("Matrix")? {
            Some(array) => array
                .numbers()
                .ok()
                .and_then(|numbers| numbers.try_into().ok())
                .unwrap_or(IDENTITY),
            None => IDENTITY,
        };
        let content = match form.decoded() {
            Ok(content) => content,
            Err(error) if error.is_cancelled() => return Err(error),
            Err(_) => {
                self.given_up = true;
                return Ok(Drawn::new());
            }
        };
        if again && !self.may_follow_again(&content) {
            self.given_up = true;
            return Ok(Drawn::new());
        }
        let own = form.object("Resources")?;
        let mut drawn = self.drawn(&content, Some(own.as_ref().unwrap_or(around)), depth + 1)?;
        for (_, inner) in &mut drawn {
            *inner = multiply(inner, &matrix);
        }
        if own.is_some() {
            self.forms.insert(id, drawn.clone());
        } else {
            // Of old, forms took the resources of what drew them: such a one may draw something else next time.
            self.forms.remove(&id);
        }
        Ok(drawn)
    }

    /// Whether something that was not followed draws by name and has no names of its own: most viewers look in the page's
    /// resources then.
    fn draws_from_pages(&self, graph: &Graph, run: &Run<'_>) -> Result<bool> {
        for drawing in &graph.drawings {
            // A form that was followed may be an appearance too, on another page.
            if self.followed.contains(drawing) && !graph.pinned.contains(drawing) {
                continue;
            }
            if run.cancelled() {
                return Err(Error::cancelled());
            }
            let Some(drawing) = self.document.object(*drawing)?.as_object() else {
                continue;
            };
            let own = match drawing.object("Resources")? {
                Some(resources) => resources.object("XObject")?,
                None => None,
            };
            if own.is_some_and(|own| own.len().is_ok_and(|count| count > 0)) {
                continue;
            }
            let glyphs = match drawing.object("CharProcs")? {
                Some(glyphs) => glyphs
                    .entries()?
                    .into_iter()
                    .map(|(_, glyph)| glyph)
                    .collect(),
                None => vec![drawing.into()],
            };
            for content in glyphs {
                let Some(content) = self.stream(&content)? else {
                    continue;
                };
                let content = match content.decoded() {
                    Ok(content) => content,
                    Err(error) if error.is_cancelled() => return Err(error),
                    Err(_) => return Ok(true),
                };
                if draws(&content).is_none_or(|draws| !draws.is_empty()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn stream(&self, value: &Value<'r>) -> Result<Option<Object<'r>>> {
        Ok(match value {
            Value::Ref(reference) => self.document.object(*reference)?.as_stream(),
            value => value.as_stream(),
        })
    }

    fn may_follow_again(&mut self, content: &[u8]) -> bool {
        let draws = content.windows(2).filter(|word| *word == b"Do").count();
        let left = self.again.checked_sub(1 + draws + content.len() / 1024);
        self.again = left.unwrap_or(0);
        left.is_some()
    }

    /// Everything that is reached by a way that no followed content takes.
    fn used_elsewhere(&self, graph: &Graph) -> Result<HashSet<Ref>> {
        let mut entries = Vec::new();
        for (holder, references) in &graph.references {
            let may = |reference: &&Ref| graph.streams.binary_search(reference).is_ok();
            if !references.iter().any(|reference| may(&reference)) {
                continue;
            }
            let Some(object) = self.document.object(*holder)?.as_object() else {
                continue;
            };
            let tree = object.tree()?;
            object.release()?;
            let followed = self.followed.contains(holder) || graph.pages.contains(holder);
            let known = if followed {
                known_ways(&tree)
            } else {
                Vec::new()
            };
            let mut unknown = tree.references();
            for way in known {
                if let Some(at) = unknown.iter().position(|reference| *reference == way) {
                    unknown.swap_remove(at);
                }
            }
            entries.extend(unknown.into_iter().filter(|reference| may(&reference)));
        }
        Ok(graph.led_to(entries))
    }
}

/// The references by which contents find what they draw: in the `XObject` entry of a resource dictionary.
fn known_ways(tree: &Tree) -> Vec<Ref> {
    let direct = |tree: Option<&Tree>| match tree {
        Some(Tree::Dict(entries)) => entries
            .iter()
            .filter_map(|(_, value)| match value {
                Tree::Ref(reference) => Some(*reference),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut ways = direct(
        tree.get("Resources")
            .and_then(|resources| resources.get("XObject")),
    );
    // A resource dictionary of its own, or its `XObject` dictionary of its own.
    if tree.get("Type").is_none() && matches!(tree, Tree::Dict(_)) {
        ways.extend(direct(tree.get("XObject")));
        ways.extend(direct(Some(tree)));
    }
    ways
}

/// The streams of a page's content.
fn contents<'r>(page: &Object<'r>) -> Result<Vec<Object<'r>>> {
    Ok(match page.get("Contents")? {
        Some(Value::Stream(stream)) => vec![stream],
        Some(Value::Array(array)) => array
            .items()?
            .into_iter()
            .filter_map(|item| match item {
                Value::Stream(stream) => Some(stream),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    })
}
