//! How plugins open a document whose pages they read or draw: with a reader of their own, which sees what the host sees, is
//! kept from what it does not bound itself, and is told in its own words what it would not understand.

mod bounds;
mod boxes;
mod glyphs;
mod layers;
mod patterns;
mod repeats;
mod tags;
mod upright;

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;

/// What the pages are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They are drawn.
    Drawing,
    /// Their text is read.
    Text,
}

/// Opens the document of `run`, which has `count` pages.
///
/// Where the reader does not see the pages that the host sees (a password, a damaged page tree), where it would go on
/// without end, and where it does not know the words for what is shown, it is given a plain copy of the pages that it reads
/// as they are meant.
///
/// # Errors
/// The pages cannot be read, or the run has ended.
pub fn open(run: &Run<'_>, count: u32, purpose: Purpose) -> Result<Pdf> {
    let document = run.document();
    let bytes = document.bytes()?;
    let draws = purpose == Purpose::Drawing;
    let has_layers = layers::exist(&document)?;
    let is_unread =
        draws && patterns::any(&document, &bytes)? || has_layers && layers::any(&document)?;
    if !is_unread
        && let Ok(pdf) = Pdf::new(bytes)
        && pdf.pages().len() == count as usize
        && !bounds::any(&pdf)
        && !boxes::any(&pdf)
        && !upright::any(&pdf)
        && !(draws && (repeats::any(&pdf) || glyphs::any(&pdf)))
        && !(has_layers && tags::any(&pdf))
    {
        return Ok(pdf);
    }
    let copy = run.create(None)?;
    copy.import_pages(0, &document, 0, count)?;
    layers::settle(&copy)?;
    boxes::mend(&copy)?;
    upright::turn(&copy)?;
    if has_layers {
        tags::mend(&copy)?;
    }
    if draws && patterns::cut(&copy)? > 0 {
        run.warn("a pattern whose cells lie over one another without end is drawn in part");
    }
    if draws && repeats::cut(&copy)? > 0 {
        run.warn("a page that names one content again and again is drawn in part");
    }
    let dropped = bounds::drop_excessive(&copy)?;
    if dropped.widths > 0 {
        run.warn(
            "a font gives widths to more characters than a font can have; they are passed over",
        );
    }
    if dropped.rows > 0 {
        run.warn("a stream speaks of rows beyond all measure, or of none; it is read without them");
    }
    if draws && glyphs::cut(&copy)? > 0 {
        run.warn("a font whose glyphs show text is drawn without what they show in fonts like it");
    }
    let pdf = Pdf::new(copy.bytes()?).map_err(|_| {
        let what = if draws { "drawing" } else { "their text" };
        Error::rejected(format!("the document's pages cannot be read for {what}"))
    })?;
    if bounds::any(&pdf) {
        let text = "the widths of a font or the rows of a stream are beyond all measure";
        return Err(Error::rejected(text));
    }
    Ok(pdf)
}
