//! What makes a document sound: pages with what they must have, references that lead somewhere.

use std::collections::{BTreeMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

/// How often each thing was mended, in the words of the report.
#[derive(Default)]
struct Mended(BTreeMap<&'static str, u64>);

impl Mended {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// Mends the run's document.
pub(crate) fn repair(run: &Run<'_>) -> Result<()> {
    let document = run.document();
    let pages = document.page_count()?;
    if pages == 0 {
        return Err(Error::rejected("no pages were found in the document"));
    }
    let mut mended = Mended::default();
    catalog(&document, &mut mended)?;
    let objects = document.objects()?;
    let total = u64::from(pages) + objects.len() as u64;
    for (done, page) in document.pages().enumerate() {
        self::page(&document, &page?, &mut mended)?;
        run.progress(done + 1, total)?;
    }
    let there: HashSet<Ref> = objects.iter().copied().collect();
    for (done, &object) in objects.iter().enumerate() {
        if let Some(object) = document.object(object)?.as_object() {
            let dangling = |reference: &Ref| !there.contains(reference);
            if object.tree()?.references().iter().any(dangling) {
                drop_dangling(&object, &dangling, false, &mut mended)?;
            }
        }
        run.progress(u64::from(pages) + done as u64 + 1, total)?;
    }
    report(run, &mended)
}

fn report(run: &Run<'_>, mended: &Mended) -> Result<()> {
    if mended.0.is_empty() {
        run.log(
            Level::Info,
            "nothing to mend: the document stays as it came",
        );
    } else {
        let counts: Vec<String> = mended
            .0
            .iter()
            .map(|(what, count)| format!("{what} ({count})"))
            .collect();
        run.warn(format!("mended: {}", counts.join(", ")));
    }
    run.result("mended", &mended.0)
}

/// Puts the catalog's types right.
fn catalog(document: &Document<'_>, mended: &mut Mended) -> Result<()> {
    let catalog = document.catalog()?;
    if !catalog
        .get("Type")?
        .is_some_and(|name| name.is_name("Catalog"))
    {
        catalog.put("Type", Value::name("Catalog"))?;
        mended.count("catalog without its type");
    }
    for key in [
        "Outlines",
        "AcroForm",
        "Names",
        "Dests",
        "PageLabels",
        "StructTreeRoot",
        "OCProperties",
        "ViewerPreferences",
    ] {
        if catalog
            .get(key)?
            .is_some_and(|value| !matches!(value, Value::Dict(_)))
        {
            catalog.remove(key)?;
            mended.count("catalog entry of the wrong type");
        }
    }
    if catalog
        .get("Metadata")?
        .is_some_and(|value| value.as_stream().is_none())
    {
        catalog.remove("Metadata")?;
        mended.count("catalog entry of the wrong type");
    }
    let trailer = document.trailer()?;
    if trailer
        .get("Info")?
        .is_some_and(|info| !matches!(info, Value::Dict(_)))
    {
        trailer.remove("Info")?;
        mended.count("Info that is no dictionary");
    }
    Ok(())
}

/// Gives a page what ISO 32000-2, table 31 asks for.
fn page(document: &Document<'_>, page: &Object<'_>, mended: &mut Mended) -> Result<()> {
    if !page.get("Type")?.is_some_and(|name| name.is_name("Page")) {
        page.put("Type", Value::name("Page"))?;
        mended.count("page without its type");
    }
    boxes(document, page, mended)?;
    if let Some(rotation) = page.attr("Rotate")?
        && rotation.as_i64().is_none_or(|degrees| degrees % 90 != 0)
    {
        page.put("Rotate", nearest_quarter(rotation.as_f64().unwrap_or(0.0)))?;
        mended.count("rotation that is no multiple of 90");
    }
    if page
        .attr("Resources")?
        .and_then(|value| value.as_dict())
        .is_none()
    {
        page.put("Resources", document.parse("<<>>")?)?;
        mended.count("page without resources");
    }
    match page.get("Contents")? {
        None | Some(Value::Stream(_)) => {}
        Some(Value::Array(parts)) => keep_items(
            &parts,
            |part| part.as_stream().is_some(),
            mended,
            "contents that are no stream",
        )?,
        Some(_) => {
            page.remove("Contents")?;
            mended.count("contents that are no stream");
        }
    }
    match page.get("Annots")? {
        None => {}
        Some(Value::Array(annotations)) => {
            keep_items(
                &annotations,
                |one| one.as_dict().is_some(),
                mended,
                "annotation that is no dictionary",
            )?;
        }
        Some(_) => {
            page.remove("Annots")?;
            mended.count("annotations that are no array");
        }
    }
    Ok(())
}

/// Makes sure of a usable media box and drops other boxes that are none.
fn boxes(document: &Document<'_>, page: &Object<'_>, mended: &mut Mended) -> Result<()> {
    let usable = |key: &str| -> Result<Option<Vec<f64>>> {
        let Some(Value::Array(corners)) = page.attr(key)? else {
            return Ok(None);
        };
        Ok(corners.numbers().ok().filter(|corners| is_box(corners)))
    };
    for key in ["CropBox", "BleedBox", "TrimBox", "ArtBox"] {
        if page.attr(key)?.is_some() && usable(key)?.is_none() && page.remove(key)? {
            mended.count("page box that is no rectangle");
        }
    }
    if usable("MediaBox")?.is_none() {
        // US Letter is what other readers fall back on too.
        let corners = usable("CropBox")?.unwrap_or_else(|| vec![0.0, 0.0, 612.0, 792.0]);
        page.put("MediaBox", document.array(corners)?)?;
        mended.count("page without a media box");
    }
    Ok(())
}

fn is_box(corners: &[f64]) -> bool {
    match corners {
        [left, bottom, right, top] => {
            let (width, height) = ((right - left).abs(), (top - bottom).abs());
            width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0
        }
        _ => false,
    }
}

fn nearest_quarter(degrees: f64) -> i64 {
    if !degrees.is_finite() {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 4 by then")]
    let quarters = (degrees / 90.0).round().rem_euclid(4.0) as i64;
    quarters % 4 * 90
}

/// Drops the items of an array that are not as they must be.
fn keep_items(
    array: &Object<'_>,
    keep: impl Fn(&Value<'_>) -> bool,
    mended: &mut Mended,
    what: &'static str,
) -> Result<()> {
    for index in (0..array.len()?).rev() {
        if !array.at(index)?.is_some_and(|item| keep(&item)) {
            array.remove_at(index)?;
            mended.count(what);
        }
    }
    Ok(())
}

/// Drops references that lead nowhere: entries of dictionaries go, elements of arrays become `null` where their places
/// matter, and go where the array is a list (`is_list`).
fn drop_dangling(
    object: &Object<'_>,
    dangling: &dyn Fn(&Ref) -> bool,
    is_list: bool,
    mended: &mut Mended,
) -> Result<()> {
    const WHAT: &str = "reference to an object that is not there";
    if object.kind() == Kind::Array {
        for index in (0..object.len()?).rev() {
            match object.at_raw(index)? {
                Some(Value::Ref(reference)) if dangling(&reference) => {
                    if is_list {
                        object.remove_at(index)?;
                    } else {
                        object.set(index, Value::Null)?;
                    }
                    mended.count(WHAT);
                }
                Some(value) => {
                    if let Some(inner) = value.as_object() {
                        drop_dangling(&inner, dangling, false, mended)?;
                    }
                }
                None => {}
            }
        }
        return Ok(());
    }
    for (key, value) in object.entries()? {
        match value {
            Value::Ref(reference) if dangling(&reference) => {
                object.remove(&key)?;
                mended.count(WHAT);
            }
            value => {
                if let Some(inner) = value.as_object() {
                    drop_dangling(&inner, dangling, is_list_key(&key), mended)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether the array under `key` is a list whose items stand on their own.
fn is_list_key(key: &[u8]) -> bool {
    matches!(
        key,
        b"Kids" | b"Annots" | b"Fields" | b"Contents" | b"OCGs" | b"AF"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_become_quarters() {
        let check = |degrees, expected| assert_eq!(nearest_quarter(degrees), expected, "{degrees}");
        check(45.5, 90);
        check(-80.0, 270);
        check(359.0, 0);
        check(f64::NAN, 0);
    }

    #[test]
    fn only_rectangles_with_an_area_are_boxes() {
        assert!(is_box(&[0.0, 0.0, 1.0, 1.0]));
        assert!(is_box(&[10.0, 10.0, 0.0, 0.0]));
        assert!(!is_box(&[0.0, 0.0, 0.0, 5.0]));
        assert!(!is_box(&[0.0, 0.0, 5.0]));
        assert!(!is_box(&[0.0, 0.0, f64::INFINITY, 5.0]));
    }
}
