//! Marked content that names a layer under a tag other than `OC`: that is no optional content (ISO 32000-2, 8.11.3.2), but the
//! reader takes any property list that is a layer for one. So the name is taken out.

use std::ops::Range;

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::{self, Dict, Stream};

/// The types of layers.
const LAYERS: [&str; 2] = ["OCG", "OCMD"];

/// Whether some page or form has such content.
pub(crate) fn any(pdf: &Pdf) -> bool {
    let of_pages = pdf.pages().iter().any(|page| {
        let properties = &page.resources().properties;
        names_layers(properties) && is_misused(page.page_stream().unwrap_or_default(), properties)
    });
    let mut objects = pdf.objects().into_iter();
    of_pages || objects.any(|object| is_misusing_form(&object).unwrap_or(false))
}

fn is_misusing_form(object: &object::Object<'_>) -> Option<bool> {
    let object::Object::Stream(form) = object else {
        return None;
    };
    let resources = form.dict().get::<Dict<'_>>("Resources")?;
    let properties = resources.get::<Dict<'_>>("Properties")?;
    let content = |form: &Stream<'_>| Some(form.decoded_data().ok()?.into_owned());
    Some(names_layers(&properties) && is_misused(&content(form)?, &properties))
}

fn names_layers(properties: &Dict<'_>) -> bool {
    let mut names = properties.entries().map(|(name, _)| name);
    names.any(|name| is_layer(properties, &name))
}

fn is_misused(content: &[u8], properties: &Dict<'_>) -> bool {
    !misuses(content, |name| is_layer(properties, name)).is_empty()
}

fn is_layer(properties: &Dict<'_>, name: &[u8]) -> bool {
    let list = properties.get::<Dict<'_>>(name);
    let kind = list.and_then(|list| list.get::<object::Name<'_>>("Type"));
    kind.is_some_and(|kind| LAYERS.contains(&kind.as_str()))
}

/// Takes such names out of the contents of `document`.
pub(crate) fn mend(document: &Document<'_>) -> Result<()> {
    for page in document.pages() {
        let page = page?;
        let resources = page.attr("Resources").ok().flatten();
        if let Some(properties) = resources.and_then(|all| properties(&all.as_object()?)) {
            let contents = match page.get("Contents")? {
                Some(Value::Array(parts)) => parts.items()?,
                one => one.into_iter().collect(),
            };
            for content in contents.iter().filter_map(Value::as_stream) {
                take_out(&content, &properties)?;
            }
        }
        page.release()?;
    }
    for reference in document.objects()? {
        let form = document.object(reference).ok();
        let Some(form) = form.and_then(|value| value.as_stream()) else {
            continue;
        };
        let resources = form.object("Resources").ok().flatten();
        if let Some(properties) = resources.and_then(|resources| properties(&resources)) {
            take_out(&form, &properties)?;
        }
        form.release()?;
    }
    Ok(())
}

/// The property lists among `resources`, if some are layers.
fn properties<'r>(resources: &Object<'r>) -> Option<Object<'r>> {
    let properties = resources.object("Properties").ok().flatten()?;
    let entries = properties.entries().ok()?;
    let mut names = entries.iter().map(|(name, _)| name);
    names
        .any(|name| is_named_layer(&properties, name))
        .then_some(properties)
}

fn is_named_layer(properties: &Object<'_>, name: &[u8]) -> bool {
    let list = properties.object(name).ok().flatten();
    let kind = list.and_then(|list| list.get("Type").ok().flatten());
    kind.is_some_and(|kind| LAYERS.iter().any(|layer| kind.is_name(layer)))
}

fn take_out(content: &Object<'_>, properties: &Object<'_>) -> Result<()> {
    // What cannot be read is not looked at by the reader either.
    let Ok(mut bytes) = content.decoded() else {
        return Ok(());
    };
    let found = misuses(&bytes, |name| is_named_layer(properties, name));
    for Misuse { name, operator } in &found {
        bytes[name.clone()].fill(b' ');
        bytes[operator.clone()].copy_from_slice(b"BMC");
    }
    match found.is_empty() {
        true => Ok(()),
        false => content.set_decoded(&bytes),
    }
}

/// Where the name of a layer stands that means none, and the operator behind it.
#[derive(Debug, PartialEq, Eq)]
struct Misuse {
    name: Range<usize>,
    operator: Range<usize>,
}

fn misuses(content: &[u8], is_layer: impl Fn(&[u8]) -> bool) -> Vec<Misuse> {
    let mut found = Vec::new();
    // The last two operands, where they are names.
    let mut names: [Option<Range<usize>>; 2] = [None, None];
    let mut at = 0;
    while let Some(&byte) = content.get(at) {
        let start = at;
        at += 1;
        match byte {
            b if is_white(b) => {}
            b'%' => at += length(&content[at..], |b| !matches!(b, b'\r' | b'\n')),
            b'/' => {
                at += length(&content[at..], is_regular);
                let [_, last] = names;
                names = [last, Some(start..at)];
            }
            b if is_regular(b) => {
                at += length(&content[at..], is_regular);
                match (&content[start..at], &names) {
                    (b"BDC", [Some(tag), Some(name)])
                        if content[tag.clone()] != *b"/OC"
                            && is_layer(&content[name.start + 1..name.end]) =>
                    {
                        found.push(Misuse {
                            name: name.clone(),
                            operator: start..at,
                        });
                    }
                    (b"ID", _) => at += image(&content[at..]),
                    _ => {}
                }
                names = [None, None];
            }
            _ => {
                at += match byte {
                    b'(' => string(&content[at..]),
                    b'<' if content.get(at) != Some(&b'<') => length(&content[at..], |b| b != b'>'),
                    _ => 0,
                };
                names = [None, None];
            }
        }
    }
    found
}

fn length(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    end.unwrap_or(bytes.len())
}

/// How long the rest of a string is.
fn string(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (1, 0);
    while let Some(byte) = bytes.get(at).filter(|_| depth > 0) {
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// How long the data of an inline image are, with the operator that ends them.
fn image(bytes: &[u8]) -> usize {
    let is_end = |window: &[u8]| {
        is_white(window[0]) && window[1..3] == *b"EI" && window.get(3).is_none_or(|b| is_white(*b))
    };
    let mut ends = (0..bytes.len().saturating_sub(2)).filter(|at| is_end(&bytes[*at..]));
    ends.next().map_or(bytes.len(), |at| at + 3)
}

fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

pub(crate) fn is_regular(byte: u8) -> bool {
    !is_white(byte) && !b"()<>[]{}/%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_under_other_tags_are_found() {
        let found = |content: &str| {
            let found = misuses(content.as_bytes(), |name| name == b"A");
            let parts = found.iter().map(|misuse| {
                let part = |range: &Range<usize>| content[range.clone()].to_owned();
                part(&misuse.name) + &part(&misuse.operator)
            });
            parts.collect::<Vec<String>>()
        };
        for content in [
            "/OC /A BDC",
            "/Foo /B BDC",
            "/Foo BMC /A Do",
            "/Foo <</X /A>> BDC",
            "(/Foo /A BDC) Tj",
            "(\\)(/Foo /A BDC)",
            "% /Foo /A BDC\n",
            "BI /W 1 ID x/Foo /A BDC EI /OC /A BDC",
            "/A BDC",
            "",
        ] {
            assert_eq!(found(content), Vec::<String>::new(), "{content}");
        }
        for content in [
            "/Foo /A BDC",
            "q/Foo/A BDC",
            "[(a)1]TJ % it\n/Foo\n/A\nBDC",
            "(\\() Tj <28> Tj /Foo /A BDC",
            "BI ID (EI\nEI /Foo /A BDC",
        ] {
            assert_eq!(found(content), ["/ABDC"], "{content}");
        }
    }
}
