//! Pictures of pages: of a job's original and of the documents that it put out.

use crate::http::call::Call;
use crate::http::content;
use crate::http::handlers::jobs;
use crate::http::picture::{Picture, Undrawn};
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, Response};
use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use std::ops::RangeInclusive;

/// Pages that can be asked for.
pub(crate) const PAGES: RangeInclusive<u64> = 1..=1_000_000;
/// Pixels that a picture can be wide.
pub(crate) const WIDTHS: RangeInclusive<u64> = 16..=1024;
const WIDTH: u64 = 320;

pub(crate) async fn input(call: Call) -> Result<Response, Refusal> {
    let job = jobs::find(&call).await?;
    let wanted = jobs::original(&job);
    answer(&call, &job.accepted.pipeline, wanted).await
}

pub(crate) async fn artifact(call: Call) -> Result<Response, Refusal> {
    let job = jobs::find(&call).await?;
    let wanted = jobs::delivered(&call, &job)?;
    if !wanted.is_pdf() {
        let mime = wanted.mime.as_deref().unwrap_or("of no known kind");
        return Err(Refusal::new(
            Kind::UnsupportedMedia,
            format!(
                "`{}` is {mime}, and only pages of PDFs are drawn",
                wanted.name
            ),
        )
        .hint("get the file itself: the same address without `/thumbnail`"));
    }
    answer(&call, &job.accepted.pipeline, wanted).await
}

async fn answer(
    call: &Call,
    pipeline: &str,
    wanted: content::FileContent,
) -> Result<Response, Refusal> {
    let page = call.query.number("page", PAGES, 1)?;
    let width = call.query.number("width", WIDTHS, WIDTH)?;
    let renderer = call.api.backend.renderer().map_err(refusal)?;
    let name = wanted.name.clone();
    let (file, _, tag) = content::open_wanted(wanted).await?;
    let drawn_by = renderer.get(..8).unwrap_or(&renderer);
    let tag = format!("\"{}-{page}-{width}-{drawn_by}\"", tag.trim_matches('"'));
    if content::is_unchanged(&call.head, &tag) {
        return Ok(content::unchanged(&tag));
    }
    let picture = Picture {
        file,
        name,
        tag: tag.clone(),
        page,
        width: u32::try_from(width).unwrap_or(u32::MAX),
        pipeline: pipeline.to_owned(),
    };
    let bytes = call.api.backend.picture(picture).await.map_err(refusal)?;
    let response = reply::bytes(StatusCode::OK, "image/png", bytes);
    let response = reply::with(
        response,
        CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'",
    );
    Ok(content::revalidate(response, &tag))
}

fn refusal(undrawn: Undrawn) -> Refusal {
    match undrawn {
        Undrawn::NotInstalled(why) => {
            let refusal = Refusal::new(
                Kind::RenderingMissing,
                why.unwrap_or_else(|| "no installed plugin offers `render-pages`".to_owned()),
            );
            refusal.hint("put the standard plugin `render` into the plugin folder")
        }
        Undrawn::Beyond { pages } => {
            let noun = if pages == 1 { "page" } else { "pages" };
            Refusal::not_found(format!(
                "there is no such page: the document has {pages} {noun}"
            ))
        }
        Undrawn::Impossible(problem) => {
            let refusal = Refusal::new(Kind::NotDrawable, problem.detail);
            match problem.hint {
                Some(hint) => refusal.hint(hint),
                None => refusal,
            }
        }
        Undrawn::Other(refused) => refused.into(),
    }
}
