//! The work of `stamp-text`: set the text, embed what it needs, put it on each page.

use dropleaf_plugin_sdk::prelude::*;
use rustybuzz::Face;

use crate::StampText;
use crate::embed::{add_font, add_form, add_state};
use crate::font::Codes;
use crate::layout::{Block, Style, lay_out};
use crate::page::{Stamped, Stamper, frame};
use crate::shape;

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
    let face = shape::face();
    let mut codes = Codes::default();
    let style = Style {
        size: operation.size,
        color: operation.color.parts(),
        align: operation.position.align(),
    };
    let drawn = set(operation, run, &face, &mut codes, &style, &pages, count)?;

    let program = codes
        .program(&face)
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
    for (done, index) in pages.iter().enumerate() {
        let page = document.page(*index)?;
        let block = match &drawn {
            Drawn::Form(block) => block,
            Drawn::Blocks(blocks) => &blocks[done],
        };
        let matrix = frame(&page)?.place(
            (block.width, block.height),
            operation.position,
            operation.margin,
            operation.angle,
        );
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
        run.progress(done + 1, pages.len())?;
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
    face: &Face<'_>,
    codes: &mut Codes,
    style: &Style,
    pages: &[u32],
    count: u32,
) -> Result<Drawn> {
    let mut block = |page: u32| {
        let text = operation.text.render(page, count);
        let lines = shape::shape(face, &text)
            .map_err(|missing| Error::parameters(format!("the stamp's font lacks {missing:?}")))?;
        Ok(lay_out(face, codes, &lines, style))
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
