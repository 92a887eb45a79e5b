//! The objects that a stamp needs in a document: its font, its graphics state, its form.

use dropleaf_plugin_sdk::prelude::*;

use crate::font::Program;
use crate::layout::{Block, Style};
use crate::number::number;

/// Puts the font in: a Type 0 font over a subset TrueType program (ISO 32000-2, 9.7).
pub(crate) fn add_font(document: &Document<'_>, program: &Program) -> Result<Ref> {
    let file = document.stream(None, Mode::Decoded, &program.file)?;
    file.put("Length1", program.file.len() as i64)?;
    let file = identity(&file)?;
    let to_unicode = document.stream(None, Mode::Decoded, program.to_unicode.as_bytes())?;
    let to_unicode = identity(&to_unicode)?;
    let glyph_map = match &program.glyph_map {
        None => "/Identity".to_owned(),
        Some(map) => identity(&document.stream(None, Mode::Decoded, map)?)?.to_string(),
    };
    let name = &program.name;
    let bounds = program.bounds.map(number).join(" ");
    let (ascent, descent) = (number(program.ascent), number(program.descent));
    let cap_height = number(program.cap_height);
    // Flags 4: symbolic, as a font addressed by glyph has to be. StemV 80 is that of DejaVu Sans, to be near enough.
    let descriptor = add(
        document,
        &format!(
            "<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[{bounds}]/ItalicAngle 0/Ascent {ascent}\
             /Descent {descent}/CapHeight {cap_height}/StemV 80/FontFile2 {file}>>"
        ),
    )?;
    let widths: Vec<String> = program.widths.iter().map(|width| number(*width)).collect();
    let widths = widths.join(" ");
    let descendant = add(
        document,
        &format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>\
             /FontDescriptor {descriptor}/W[1[{widths}]]/CIDToGIDMap {glyph_map}>>"
        ),
    )?;
    add(
        document,
        &format!(
            "<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H\
             /DescendantFonts[{descendant}]/ToUnicode {to_unicode}>>"
        ),
    )
}

/// Puts a graphics state of this opacity in.
pub(crate) fn add_state(document: &Document<'_>, opacity: f64) -> Result<Ref> {
    let opacity = number(opacity);
    add(
        document,
        &format!("<</Type/ExtGState/ca {opacity}/CA {opacity}>>"),
    )
}

/// Puts a form in that draws a block with this box of ink.
pub(crate) fn add_form(
    document: &Document<'_>,
    (block, ink): (&Block, [f64; 4]),
    style: &Style,
    font: Ref,
    state: Option<Ref>,
) -> Result<Ref> {
    // A point of room: what a viewer paints at an edge is not cut off.
    let [x0, y0, x1, y1] = ink;
    let bounds = [x0 - 1.0, y0 - 1.0, x1 + 1.0, y1 + 1.0]
        .map(number)
        .join(" ");
    let states = state.map_or_else(String::new, |state| format!("/ExtGState<</G {state}>>"));
    let dict = document.parse(format!(
        "<</Type/XObject/Subtype/Form/BBox[{bounds}]/Resources<</Font<</F {font}>>{states}>>>>"
    ))?;
    let content = block.content(style, "F", state.map(|_| "G"));
    identity(&document.stream(Some(&dict), Mode::Decoded, content.as_bytes())?)
}

/// Puts a stream of content in.
pub(crate) fn add_content(document: &Document<'_>, content: &[u8]) -> Result<Ref> {
    document.add_stream("", Mode::Decoded, content)
}

fn add(document: &Document<'_>, syntax: &str) -> Result<Ref> {
    document.add(document.parse(syntax)?)
}

fn identity(object: &Object<'_>) -> Result<Ref> {
    object
        .id()?
        .ok_or_else(|| Error::failed("the host made a stream without an identity"))
}
