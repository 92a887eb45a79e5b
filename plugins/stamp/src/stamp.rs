//! The work of `stamp-text`: set the text, embed what it needs, put it on each page.

use dropleaf_plugin_sdk::prelude::*;

use crate::StampText;
use crate::claims;
use crate::embed::{add_font, add_form, add_state};
use crate::font::Codes;
use crate::layout::{Block, Style, ink, lay_out};
use crate::page::{Drawing, Stamped, Stamper};
use crate::shape::Shaper;

/// So many pages are read at once.
const BATCH: usize = 256;
/// A stamp of which less than this is on its page can hardly be read.
const LEAST_SHOWN: f64 = 0.25;

/// What the pages get.
enum Drawn {
    /// One form for all, with the box of its ink.
    Form(Block, [f64; 4]),
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
    claims::withdraw(run, &document, operation.opacity < 1.0)?;
    let state = match operation.opacity < 1.0 {
        true => Some(add_state(&document, operation.opacity)?),
        false => None,
    };
    let needed = match &drawn {
        Drawn::Form(block, ink) => vec![(
            "XObject",
            add_form(&document, (block, *ink), &style, font, state)?,
        )],
        Drawn::Blocks(_) => std::iter::once(("Font", font))
            .chain(state.map(|state| ("ExtGState", state)))
            .collect(),
    };

    let mut stamper = Stamper::new(document, needed);
    let mut openings = Openings::new(&style);
    let (mut unread, mut astray) = (Vec::new(), Vec::new());
    let mut done = 0;
    for batch in pages.chunks(BATCH) {
        for (sheet, index) in stamper.read(batch)?.into_iter().zip(batch) {
            let block = match &drawn {
                Drawn::Form(block, _) => block,
                Drawn::Blocks(blocks) => &blocks[done],
            };
            let size = (block.width, block.height);
            let (position, margin) = (operation.position, operation.margin);
            let frame = sheet.frame;
            let matrix = frame.place(size, position, margin, operation.angle);
            let stamped = match &drawn {
                Drawn::Form(..) => {
                    stamper.stamp(sheet, &matrix, Drawing::Shared, |resources, content| {
                        content.push('/');
                        content.push_str(&resources.names[0]);
                        content.push_str(" Do");
                    })?
                }
                Drawn::Blocks(_) => {
                    stamper.stamp(sheet, &matrix, Drawing::Single, |resources, content| {
                        content.push_str(openings.of(&resources.names));
                        block.draw(content);
                    })?
                }
            };
            if stamped != Stamped::Again
                && frame.shown(size, position, margin, operation.angle) < LEAST_SHOWN
            {
                astray.push(index + 1);
            }
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
    if let [first, others @ ..] = &astray[..] {
        let more = match others.len() {
            0 => String::new(),
            1 => ", and off 1 more".to_owned(),
            more => format!(", and off {more} more"),
        };
        run.warn(format!(
            "the stamp lies off page {first}, wholly or for the most part{more}: a smaller `size` or `margin` keeps it there"
        ));
    }
    run.result("stamped", pages.len())
}

/// How blocks begin: nearly all pages have the same names for their resources.
struct Openings<'a> {
    style: &'a Style,
    last: (Vec<String>, String),
}

impl<'a> Openings<'a> {
    fn new(style: &'a Style) -> Self {
        Self {
            style,
            last: (Vec::new(), String::new()),
        }
    }

    /// With these names: the font's and, if there is one, the graphics state's.
    fn of(&mut self, names: &[String]) -> &str {
        if self.last.0 != names {
            let state = names.get(1).map(String::as_str);
            self.last = (names.to_vec(), self.style.opening(&names[0], state));
        }
        &self.last.1
    }
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
    let lines = |shaper: &mut Shaper, page: u32| {
        let text = operation.text.render(page, count);
        shaper
            .shape(&text)
            .map_err(|missing| Error::parameters(format!("the stamp's font lacks {missing:?}")))
    };
    if operation.text.is_constant() {
        let lines = lines(shaper, 1)?;
        let block = lay_out(&shaper.face, codes, &lines, style);
        return Ok(Drawn::Form(block, ink(&shaper.face, &lines, style)));
    }
    let mut blocks = Vec::with_capacity(pages.len());
    for index in pages {
        if run.cancelled() {
            return Err(Error::cancelled());
        }
        let lines = lines(shaper, index + 1)?;
        blocks.push(lay_out(&shaper.face, codes, &lines, style));
    }
    Ok(Drawn::Blocks(blocks))
}
