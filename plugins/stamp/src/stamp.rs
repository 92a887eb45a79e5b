//! The work of `stamp-text`: set the text, embed what it needs, put it on each page.

use dropleaf_plugin_sdk::prelude::*;

use crate::StampText;
use crate::embed::{add_font, add_form, add_state};
use crate::font::Codes;
use crate::layout::{Block, Style, lay_out};
use crate::page::{Stamped, Stamper, frame};
use crate::shape::Shaper;

/// So many pages are read at once.
const BATCH: usize = 256;

/// What the pages get.
enum Drawn {
    /// One form for all.
    Form(Block),
    /// A block each, in the page's own content: a form each would be two more objects a page.
    Blocks(Vec<Block>),
}

/// Stamps the document of `run`.
pub(crate) fn stamp(operation: &StampText, run: &mut Run<'_>) -> Result<()> {
    let document = run.document();
    let count = document.page_count()?;
    let pages = operation.pages.select(count)?;
    if pages.is_empty() {
        return run.result("stamped", 0);
    }
    let mut shaper = Shaper::new();
    let mut codes = Codes::default();
    let style = Style {
        size: operation.size,
        color: operation.color.parts(),
        align: operation.position.align(),
    };
    let drawn = set(
        operation,
        run,
        &mut shaper,
        &mut codes,
        &style,
        &pages,
        count,
    )?;

    let program = codes
        .program(&shaper.face)
        .map_err(|error| Error::failed(format!("failed to subset the font: {error}")))?;
    let font = add_font(&document, &program)?;
    let state = (operation.opacity < 1.0)
        .then(|| add_state(&document, operation.opacity))
        .transpose()?;
    let needed = match &drawn {
        Drawn::Form(block) => vec![("XObject", add_form(&document, block, &style, font, state)?)],
        Drawn::Blocks(_) => std::iter::once(("Font", font))
            .chain(state.map(|state| ("ExtGState", state)))
            .collect(),
    };

    let mut stamper = Stamper::new(document, needed);
    let mut unread = Vec::new();
    let mut done = 0;
    for batch in pages.chunks(BATCH) {
        let objects: Vec<Object<'_>> = batch
            .iter()
            .map(|index| document.page(*index))
            .collect::<Result<_>>()?;
        stamper.prepare(&objects)?;
        for (page, index) in objects.into_iter().zip(batch) {
            let block = match &drawn {
                Drawn::Form(block) => block,
                Drawn::Blocks(blocks) => &blocks[done],
            };
            let size = (block.width, block.height);
            let matrix =
                frame(&page)?.place(size, operation.position, operation.margin, operation.angle);
            let stamped = stamper.stamp(&page, &matrix, |resources| match &drawn {
                Drawn::Form(_) => format!("/{} Do", resources.names[0]),
                Drawn::Blocks(_) => block.content(
                    &style,
                    &resources.names[0],
                    resources.names.get(1).map(String::as_str),
                ),
            })?;
            match stamped {
                Stamped::Done => {}
                Stamped::Unread => unread.push((index + 1).to_string()),
                Stamped::Again => run.log(
                    log::Level::Info,
                    format!(
                        "page {} is the same object as an earlier page and has its stamp already",
                        index + 1
                    ),
                ),
            }
            page.release()?;
            done += 1;
            run.progress(done, pages.len())?;
        }
    }
    if !unread.is_empty() {
        run.warn(format!(
            "the content of page {} could not be read, the stamp may be misplaced there",
            unread.join(", ")
        ));
    }
    run.result("stamped", pages.len())
}

/// Sets every text of the run, so that the font is subset once, for all of them.
fn set(
    operation: &StampText,
    run: &Run<'_>,
    shaper: &mut Shaper,
    codes: &mut Codes,
    style: &Style,
    pages: &[u32],
    count: u32,
) -> Result<Drawn> {
    let mut block = |page: u32| {
        let text = operation.text.render(page, count);
        let lines = shaper
            .shape(&text)
            .map_err(|missing| Error::parameters(format!("the stamp's font lacks {missing:?}")))?;
        Ok(lay_out(&shaper.face, codes, &lines, style))
    };
    if operation.text.is_constant() {
        return block(1).map(Drawn::Form);
    }
    let mut blocks = Vec::with_capacity(pages.len());
    for index in pages {
        if run.cancelled() {
            return Err(Error::cancelled());
        }
        blocks.push(block(index + 1)?);
    }
    Ok(Drawn::Blocks(blocks))
}
