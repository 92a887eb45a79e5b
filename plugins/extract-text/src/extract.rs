//! The work of `extract-text`: read the pages with the interpreter, write them down as one artifact.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dropleaf_page_reader::{self as page_reader, Purpose};
use dropleaf_plugin_sdk::prelude::*;
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};
use hayro_syntax::Pdf;
use hayro_syntax::page::Page;

use crate::fonts::Fonts;
use crate::glyphs::Collector;
use crate::page::{Layout, text};
use crate::{ExtractText, Format};

/// One page of the JSON form.
#[derive(Serialize)]
struct PageText {
    page: u32,
    text: String,
}

/// What a page gave.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    pub(crate) text: String,
    pub(crate) known: usize,
    pub(crate) unknown: usize,
    pub(crate) cut: bool,
}

/// Extracts the text of `run`'s document.
pub(crate) fn extract(operation: &ExtractText, run: &mut Run<'_>) -> Result<()> {
    let count = run.document().page_count()?;
    let selected = operation.pages.select(count)?;
    let pdf = page_reader::open(run, count, Purpose::Text)?;
    let reporter = run.reporter();
    let cancelled = || reporter.cancelled();
    let mut cache = InterpreterCache::new();
    let mut fonts = Fonts::new(&pdf);
    let mut pages = Vec::with_capacity(selected.len());
    let (mut known, mut unknown) = (0, 0);
    for (done, index) in selected.iter().enumerate() {
        let number = index + 1;
        let found = pdf.pages().get(*index as usize);
        let read = found.map(|page| {
            let work = || read_page(&pdf, page, &cache, &mut fonts, operation.layout, &cancelled);
            catch_unwind(AssertUnwindSafe(work))
        });
        let extracted = match read {
            Some(Ok(extracted)) => extracted,
            Some(Err(_)) => {
                // What the panic left in the cache is not to be trusted.
                cache = InterpreterCache::new();
                run.warn(format!(
                    "page {number} could not be read, it has no text in the artifact"
                ));
                Extracted::default()
            }
            None => {
                run.warn(format!(
                    "page {number} was not found, it has no text in the artifact"
                ));
                Extracted::default()
            }
        };
        run.progress(done + 1, selected.len())?;
        if extracted.cut {
            run.warn(format!(
                "page {number} has more text than a page can have, the rest is left out"
            ));
        }
        known += extracted.known;
        unknown += extracted.unknown;
        pages.push(PageText {
            page: number,
            text: extracted.text,
        });
    }
    if unknown > 0 {
        let all = known + unknown;
        run.warn(format!(
            "{unknown} of {all} characters are left out: their fonts do not say which they are"
        ));
    }
    write(operation, run, &pages)?;
    run.result("pages", pages.len())?;
    run.result(
        "characters",
        pages
            .iter()
            .map(|page| page.text.chars().count())
            .sum::<usize>(),
    )?;
    run.result("unknown", unknown)
}

/// The text of `page`, as the reader sees it.
pub(crate) fn read_page<'a>(
    pdf: &'a Pdf,
    page: &Page<'a>,
    cache: &InterpreterCache<'a>,
    fonts: &mut Fonts<'_>,
    layout: Layout,
    cancelled: &dyn Fn() -> bool,
) -> Extracted {
    let (width, height) = page.render_dimensions();
    let visible = [0.0, 0.0, f64::from(width), f64::from(height)];
    let mut collector = Collector::new(visible, fonts, cancelled);
    // y goes up, as in the page's own coordinates.
    let transform = Affine::new(page.initial_transform(false).as_coeffs());
    let bounds = Rect::new(visible[0], visible[1], visible[2], visible[3]);
    let mut context = Context::new(
        transform,
        bounds,
        cache,
        pdf.xref(),
        InterpreterSettings::default(),
    );
    interpret_page(page, &mut context, &mut collector);
    collector.finish();
    Extracted {
        known: collector.glyphs.len(),
        unknown: collector.unknown,
        cut: collector.cut,
        text: text(collector.glyphs, layout),
    }
}

fn write(operation: &ExtractText, run: &Run<'_>, pages: &[PageText]) -> Result<()> {
    match operation.format {
        Format::Text => {
            let texts: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
            run.artifact(
                &run.artifact_name(".txt")?,
                "text/plain; charset=utf-8",
                texts.join("\u{c}").as_bytes(),
            )
        }
        Format::Json => {
            let mut json = serde_json::to_vec_pretty(pages)?;
            json.push(b'\n');
            run.artifact(&run.artifact_name(".json")?, "application/json", &json)
        }
    }
}
