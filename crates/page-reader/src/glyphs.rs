//! Fonts whose glyphs show text in themselves: content of the document (Type 3, ISO 32000-2, 9.6.4) that takes its resources
//! from where the text stands, and so finds its own font there. The renderer would go on until its stack is used up.

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, Name, Stream};

use crate::bounds;
use crate::tags::is_regular;

/// The operators that choose a font (ISO 32000-2, tables 56 and 103).
const CHOOSING: [&[u8]; 2] = [b"Tf", b"gs"];

/// Whether there may be such a font. Only for documents whose streams are within [`bounds`]: they are read.
pub(crate) fn any(pdf: &Pdf) -> bool {
    bounds::is_among(pdf, |font, _| is_endless(font))
}

fn is_endless(font: &Dict<'_>) -> bool {
    let leans = |dict: &Dict<'_>| dict.get::<Dict<'_>>("Resources").is_none();
    let subtype = font.get::<Name<'_>>("Subtype");
    if subtype.is_none_or(|subtype| &*subtype != b"Type3") || !leans(font) {
        return false;
    }
    let glyphs = font.get::<Dict<'_>>("CharProcs").unwrap_or_default();
    let mut glyphs = glyphs
        .keys()
        .filter_map(|name| glyphs.get::<Stream<'_>>(&*name));
    glyphs.any(|glyph| {
        leans(glyph.dict()) && glyph.decoded_data().is_ok_and(|it| chooses_a_font(&it))
    })
}

/// Gives such fonts resources of their own, in which there are no fonts like them; gives how many there were.
pub(crate) fn cut(document: &Document<'_>) -> Result<usize> {
    let mut changed = 0;
    for reference in document.objects()? {
        // What cannot be read is not drawn either.
        let object = document.object(reference).ok();
        let Some(object) = object.and_then(|value| value.as_object()) else {
            continue;
        };
        if let Some(resources) = object.object("Resources").ok().flatten() {
            changed += cut_in(document, &resources)?;
        }
        object.release()?;
    }
    Ok(changed)
}

/// The same for the fonts that stand in these resources.
fn cut_in(document: &Document<'_>, resources: &Object<'_>) -> Result<usize> {
    let mut changed = 0;
    for (_, font) in entries(document, resources, "Font") {
        if !is_type3(&font) || !leans(&font) || !glyphs_choose_a_font(document, &font) {
            continue;
        }
        let own = document.parse(b"<<>>")?;
        for (category, all) in resources.entries()? {
            let choosing = match &category[..] {
                b"Font" => is_type3,
                b"ExtGState" => has_font,
                _ => {
                    own.put(&category, all)?;
                    continue;
                }
            };
            let kept = document.parse(b"<<>>")?;
            if let Some(all) = document.resolve(all)?.as_dict() {
                for (name, value) in all.entries()? {
                    let one = document.resolve(value.clone())?.as_dict();
                    if one.is_some_and(|one| !choosing(&one)) {
                        kept.put(&name, value)?;
                    }
                }
            }
            own.put(&category, kept)?;
        }
        font.put("Resources", own)?;
        changed += 1;
    }
    Ok(changed)
}

/// The dictionaries and streams that resources name in one category.
fn entries<'r>(
    document: &Document<'r>,
    resources: &Object<'r>,
    category: &str,
) -> Vec<(Vec<u8>, Object<'r>)> {
    let all = resources.object(category).ok().flatten();
    let all = all.and_then(|all| all.entries().ok()).unwrap_or_default();
    let resolved = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, document.resolve(value).ok()?.as_object()?)));
    resolved.collect()
}

fn is_type3(font: &Object<'_>) -> bool {
    let subtype = font.get("Subtype").ok().flatten();
    subtype.is_some_and(|subtype| subtype.is_name("Type3"))
}

/// Whether a graphics state chooses a font.
fn has_font(state: &Object<'_>) -> bool {
    state.has("Font").unwrap_or(true)
}

/// Whether this has no resources of its own, or something else in their place.
fn leans(object: &Object<'_>) -> bool {
    let own = object.get("Resources").ok().flatten();
    own.and_then(|own| own.as_dict()).is_none()
}

fn glyphs_choose_a_font(document: &Document<'_>, font: &Object<'_>) -> bool {
    let glyphs = entries(document, font, "CharProcs");
    glyphs
        .iter()
        .any(|(_, glyph)| leans(glyph) && glyph.decoded().is_ok_and(|it| chooses_a_font(&it)))
}

fn chooses_a_font(content: &[u8]) -> bool {
    let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| !is_regular(*byte));
    let is_name = |byte: Option<&u8>| byte == Some(&b'/');
    content.windows(2).enumerate().any(|(at, word)| {
        let before = at.checked_sub(1).and_then(|before| content.get(before));
        CHOOSING.contains(&word)
            && is_apart(before)
            && !is_name(before)
            && is_apart(content.get(at + 2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_operators_choose_a_font() {
        for content in ["/F 9 Tf", "Tf", "/F 9\nTf(a)Tj", "/G gs", "[1]gs%"] {
            assert!(chooses_a_font(content.as_bytes()), "{content}");
        }
        for content in [
            "",
            "T",
            "1 0 d0 0 0 9 9 re f",
            "xTf",
            "Tfx 9",
            "/gsy",
            "ags",
        ] {
            assert!(!chooses_a_font(content.as_bytes()), "{content}");
        }
    }
}
