//! The work of `render-pages`: draw page after page, write each down as an artifact.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dropleaf_page_reader::{self as page_reader, Purpose};
use dropleaf_plugin_sdk::prelude::*;
use hayro::hayro_interpret::util::TransformExt as _;
use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use crate::RenderPages;
use crate::picture::Picture;
use crate::size::{Size, size};

/// Draws the pages of `run`'s document that `operation` asks for.
pub(crate) fn render(operation: &RenderPages, run: &mut Run<'_>) -> Result<()> {
    let count = run.document().page_count()?;
    let selected = operation.pages.select(count)?;
    let pdf = page_reader::open(run, count, Purpose::Drawing)?;
    let digits = count.to_string().len().max(3);
    let artist = Artist::new();
    let mut cache = RenderCache::new();
    let mut drawn = 0;
    let mut fault = None;
    for (done, index) in selected.iter().enumerate() {
        let number = index + 1;
        let page = pdf.pages().get(*index as usize);
        let work = || artist.picture(operation, page, &cache);
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok((bytes, size))) => {
                let extension = operation.format.extension();
                let name = run.artifact_name(&format!("-page-{number:0digits$}.{extension}"))?;
                run.artifact(&name, operation.format.mime(), &bytes)?;
                drawn += 1;
                if size.reduced {
                    let Size { width, height, .. } = size;
                    run.warn(format!(
                        "page {number} is drawn with {width} by {height} pixels: more would be too many"
                    ));
                }
            }
            Ok(Err(why)) => fault = Some(missed(run, number, why)),
            Err(_) => {
                // What the panic left in the cache is not to be trusted.
                cache = RenderCache::new();
                fault = Some(missed(run, number, "the renderer failed at it"));
            }
        }
        for lack in artist.lacks() {
            run.warn(format!("page {number}: {lack}"));
        }
        run.progress(done + 1, selected.len())?;
    }
    if let (0, Some(fault)) = (drawn, fault) {
        return Err(Error::rejected(fault));
    }
    run.result("pictures", drawn)
}

/// Says that a page has no picture, and gives the text.
fn missed(run: &Run<'_>, number: u32, why: &str) -> String {
    let text = format!("page {number} could not be drawn: {why}");
    run.warn(&text);
    text
}

/// Draws pages and remembers what it lacked for one.
struct Artist {
    settings: InterpreterSettings,
    lacks: Arc<[AtomicBool; 4]>,
}

/// What a page can lack, in the order of [`Artist::lacks`].
const LACKS: [&str; 4] = [
    "a font could not be read, its text may be missing",
    "an image could not be decoded and is missing",
    "the appearance of an annotation could not be read and is missing",
    "something of it could not be read and may be missing",
];

impl Artist {
    fn new() -> Self {
        let lacks = Arc::new([const { AtomicBool::new(false) }; 4]);
        let told = Arc::clone(&lacks);
        let sink = move |warning: InterpreterWarning| {
            let index = match warning {
                InterpreterWarning::UnsupportedFont => 0,
                InterpreterWarning::ImageDecodeFailure => 1,
                InterpreterWarning::UnresolvedAnnotationAppearance => 2,
                // One of a later version.
                _ => 3,
            };
            told[index].store(true, Ordering::Relaxed);
        };
        let settings = InterpreterSettings {
            warning_sink: Arc::new(sink),
            ..InterpreterSettings::default()
        };
        Self { settings, lacks }
    }

    /// What was lacking since it was last asked.
    fn lacks(&self) -> impl Iterator<Item = &'static str> {
        let lacking = self.lacks.iter().zip(LACKS);
        lacking.filter_map(|(lacks, text)| lacks.swap(false, Ordering::Relaxed).then_some(text))
    }

    /// The bytes of the picture of a page, or why there is none.
    fn picture<'a>(
        &self,
        operation: &RenderPages,
        page: Option<&'a Page<'a>>,
        cache: &RenderCache<'a>,
    ) -> Result<(Vec<u8>, Size), &'static str> {
        let page = page.ok_or("it was not found")?;
        let (width, height) = page.render_dimensions();
        let (width, height) = (f64::from(width), f64::from(height));
        let unit = user_unit(page);
        let size = size(width * unit, height * unit, operation.aim()).ok_or("it has no size")?;
        let scale = Affine::scale_non_uniform(
            f64::from(size.width) / width,
            f64::from(size.height) / height,
        );
        let transform = scale * page.initial_transform(true).to_kurbo();
        let pixmap = self.draw(page, cache, size, transform);
        let bytes = Picture::new(size.width, size.height, pixmap.data_as_u8_slice())
            .encode(operation.format, operation.quality)
            .map_err(|_| "its picture could not be encoded")?;
        Ok((bytes, size))
    }

    fn draw<'a>(
        &self,
        page: &'a Page<'a>,
        cache: &RenderCache<'a>,
        size: Size,
        transform: Affine,
    ) -> Pixmap {
        let mut context = RenderContext::new(size.width, size.height);
        let settings = RenderSettings::default();
        render_into(
            page,
            cache,
            &self.settings,
            &settings,
            &mut context,
            transform,
        );
        context.flush();
        let mut pixmap = Pixmap::new(size.width, size.height);
        let rasterizer = RasterizerSettings {
            target_init: TargetInit::Clear(WHITE),
            ..RasterizerSettings::default()
        };
        context.render_with(&mut pixmap, &mut Resources::default(), rasterizer);
        pixmap
    }
}

/// How many points a unit of the page's own coordinates is (ISO 32000-2, table 31).
fn user_unit(page: &Page<'_>) -> f64 {
    let unit = page.raw().get::<f64>(b"UserUnit".as_slice()).unwrap_or(1.0);
    if unit.is_finite() && unit > 0.0 {
        unit
    } else {
        1.0
    }
}
