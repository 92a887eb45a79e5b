//! The second peer: a program that does the three steps on lopdf itself, with the least that they ask for.
//!
//! It embeds no font, looks at no content, and wraps none: what it takes is a floor for doing the steps on this engine.

use anyhow::{Context as _, Result};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use std::collections::HashSet;

/// Loads, turns every page, puts its number on it, sets the title, and saves into memory.
pub fn rotate_stamp_title(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut document = Document::load_mem(bytes)?;
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let pages: Vec<ObjectId> = document.page_iter().collect();
    let (count, mut done) = (pages.len(), HashSet::new());
    for (index, page) in pages.into_iter().enumerate() {
        let text = format!(
            "q BT /Number 12 Tf 0 1 -1 0 24 300 Tm (Page {} of {count}) Tj ET Q",
            index + 1
        );
        let stamp = document.add_object(Stream::new(Dictionary::new(), text.into_bytes()));
        add_font(&mut document, page, font, &mut done)?;
        let page = document.get_dictionary_mut(page)?;
        page.set("Rotate", 90);
        let contents = match page.get(b"Contents") {
            Ok(Object::Array(parts)) => [&parts[..], &[stamp.into()]].concat(),
            Ok(content) => vec![content.clone(), stamp.into()],
            Err(_) => vec![stamp.into()],
        };
        page.set("Contents", contents);
    }
    let info = document.add_object(dictionary! { "Title" => Object::string_literal("A title") });
    document.trailer.set("Info", info);
    let mut out = Vec::new();
    document.save_to(&mut out)?;
    Ok(out)
}

/// Adds `font` to the resources that `page` has or inherits; a dictionary that several pages share gets it once.
fn add_font(
    document: &mut Document,
    page: ObjectId,
    font: ObjectId,
    done: &mut HashSet<ObjectId>,
) -> Result<()> {
    let mut holder = page;
    while !document.get_dictionary(holder)?.has(b"Resources") {
        holder = document
            .get_dictionary(holder)?
            .get(b"Parent")
            .and_then(Object::as_reference)
            .context("the page has no resources")?;
    }
    let elsewhere = document.get_dictionary(holder)?.get(b"Resources")?;
    let place = elsewhere.as_reference().unwrap_or(holder);
    if !done.insert(place) {
        return Ok(());
    }
    let resources = match document.get_dictionary_mut(place)? {
        dictionary if place == holder => dictionary.get_mut(b"Resources")?.as_dict_mut()?,
        dictionary => dictionary,
    };
    match resources.get_mut(b"Font") {
        Ok(Object::Dictionary(fonts)) => fonts.set("Number", font),
        _ => resources.set("Font", dictionary! { "Number" => font }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_turned_and_numbered() -> Result<()> {
        for bytes in [crate::documents::tiny(3), crate::documents::realistic(3)?] {
            let document = Document::load_mem(&rotate_stamp_title(&bytes)?)?;
            for (number, page) in document.get_pages() {
                let rotation = document.get_dictionary(page)?.get(b"Rotate")?;
                assert_eq!(rotation.as_i64()?, 90);
                let text = String::from_utf8_lossy(&document.get_page_content(page)).into_owned();
                assert!(text.contains(&format!("(Page {number} of 3) Tj")), "{text}");
                let fonts = document.get_page_fonts(page)?;
                assert!(fonts.contains_key(&b"Number"[..]), "page {number}");
            }
        }
        Ok(())
    }
}
