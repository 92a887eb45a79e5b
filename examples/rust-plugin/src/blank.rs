//! The making of blank pages.

use dropleaf_plugin_sdk::prelude::*;

/// Puts `count` blank pages after each page of `after` (from 0, in order, each once); answers how many there are now.
pub(crate) fn add(run: &Run<'_>, after: &[u32], count: u32) -> Result<u32> {
    let document = run.document();
    // From the back, so that the numbers of the pages before stay right.
    for (done, &index) in after.iter().rev().enumerate() {
        let model = document.page(index)?;
        for _ in 0..count {
            document.page_insert(index + 1, &blank(&document, &model)?)?;
        }
        run.progress(done + 1, after.len())?;
    }
    u32::try_from(after.len())
        .ok()
        .and_then(|places| places.checked_mul(count))
        .ok_or_else(|| Error::rejected("the document would have too many pages"))
}

/// A page without contents, of the size and rotation of `model`.
fn blank<'r>(document: &Document<'r>, model: &Object<'r>) -> Result<Object<'r>> {
    let page = document.parse("<< /Type /Page /Resources << >> >>")?;
    for key in ["MediaBox", "CropBox", "Rotate"] {
        if let Some(value) = model.attr(key)? {
            page.put(key, value)?;
        }
    }
    Ok(page)
}
