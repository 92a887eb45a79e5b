//! Pages whose boxes the reader would not take as viewers do: it takes A4 where there is no box, and shows nothing where the
//! crop box leaves nothing.

use dropleaf_plugin_sdk::prelude::*;
use dropleaf_plugin_sdk::visible_box;
use hayro_syntax::Pdf;
use hayro_syntax::page::A4;

/// What the reader takes for no size at all.
const LEAST: f64 = 1.0 / 4096.0;

/// Whether there is such a page.
pub(crate) fn any(pdf: &Pdf) -> bool {
    pdf.pages().iter().any(|page| {
        let (media, shown) = (page.media_box(), page.intersected_crop_box());
        // Numbers of a file have fewer digits than this size.
        let is_unsaid = (media.x1, media.y1) == (A4.x1, A4.y1);
        is_unsaid || shown.width() <= LEAST || shown.height() <= LEAST
    })
}

/// Gives such pages of `document` the boxes that they are taken to have.
pub(crate) fn mend(document: &Document<'_>) -> Result<()> {
    for page in document.pages() {
        let page = page?;
        let (media, crop) = (corners(&page, "MediaBox"), corners(&page, "CropBox"));
        let visible = visible_box(media, crop);
        let whole = visible_box(media, None);
        let is_cropped = crop.is_some_and(|crop| sorted(crop) != visible);
        if is_cropped || media.map(sorted) != Some(whole) {
            page.put("MediaBox", document.array(visible)?)?;
            page.put("CropBox", document.array(visible)?)?;
        }
        page.release()?;
    }
    Ok(())
}

fn corners(page: &Object<'_>, key: &str) -> Option<[f64; 4]> {
    let array = page.attr(key).ok().flatten()?.as_array()?;
    array.numbers().ok()?.try_into().ok()
}

fn sorted([a, b, c, d]: [f64; 4]) -> [f64; 4] {
    [a.min(c), b.min(d), a.max(c), b.max(d)]
}
