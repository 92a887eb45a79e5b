//! Annotations that do not turn with their page (ISO 32000-2, 12.5.3): the reader turns them like all others, so they are
//! turned back before.

use dropleaf_plugin_sdk::prelude::*;
use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict};
use hayro_syntax::page::Rotation;

/// The flag of such an annotation (table 167).
const NO_ROTATE: i64 = 16;
const UNTURNED: [f64; 6] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// Whether a page that is turned has such an annotation.
pub(crate) fn any(pdf: &Pdf) -> bool {
    let mut turned = pdf
        .pages()
        .iter()
        .filter(|page| !matches!(page.rotation(), Rotation::None));
    turned.any(|page| {
        page.raw().get::<Array<'_>>("Annots").is_some_and(|all| {
            all.iter::<Dict<'_>>()
                .any(|one| one.get::<i64>("F").unwrap_or(0) & NO_ROTATE != 0)
        })
    })
}

/// Turns the appearances of such annotations against their pages.
pub(crate) fn turn(document: &Document<'_>) -> Result<()> {
    for page in document.pages() {
        let page = page?;
        let rotate = page.attr("Rotate").ok().flatten();
        let rotate = rotate.and_then(|value| value.as_i64()).unwrap_or(0);
        let turns = rotate.div_euclid(90).rem_euclid(4);
        let annotations = page.object("Annots").ok().flatten();
        let annotations = annotations.filter(|_| turns != 0);
        let annotations = annotations.and_then(|annotations| annotations.items().ok());
        for annotation in annotations.iter().flatten().filter_map(Value::as_dict) {
            let flags = annotation.get("F").ok().flatten();
            let flags = flags.and_then(|flags| flags.as_i64()).unwrap_or(0);
            if flags & NO_ROTATE != 0
                && let Some(appearance) = Appearance::of(&annotation)
            {
                appearance.turn(document, &annotation, turns)?;
                annotation.put("F", flags & !NO_ROTATE)?;
            }
        }
        page.release()?;
    }
    Ok(())
}

/// How an annotation looks: a form, and where it is drawn.
struct Appearance {
    form: Ref,
    /// The form's bounding box, turned by its matrix.
    extent: [f64; 4],
    rect: [f64; 4],
}

impl Appearance {
    fn of(annotation: &Object<'_>) -> Option<Self> {
        let normal = annotation.object("AP").ok().flatten()?;
        let form = match normal.get("N").ok().flatten()? {
            Value::Stream(form) => form,
            Value::Dict(states) => {
                let state = annotation.get("AS").ok().flatten()?;
                states.get(state.as_name()?).ok().flatten()?.as_stream()?
            }
            _ => return None,
        };
        let matrix = numbers(&form, "Matrix").unwrap_or(UNTURNED);
        let extent_of_form = extent(numbers(&form, "BBox")?, matrix);
        let is_sound = extent_of_form.iter().all(|edge| edge.is_finite());
        Some(Self {
            extent: is_sound.then_some(extent_of_form)?,
            rect: extent(numbers(annotation, "Rect")?, UNTURNED),
            form: form.id().ok().flatten()?,
        })
    }

    /// Gives `annotation` a form around its form, turned by quarters against the clock; the upper left corner stays.
    fn turn(&self, document: &Document<'_>, annotation: &Object<'_>, turns: i64) -> Result<()> {
        let (sin, cos) = match turns {
            1 => (1, 0),
            2 => (0, -1),
            _ => (-1, 0),
        };
        let [left, bottom, right, top] = self.extent;
        let Ref { number, generation } = self.form;
        let dict = format!(
            "<</Type/XObject/Subtype/Form/BBox[{left} {bottom} {right} {top}]/Matrix[{cos} {sin} {} {cos} 0 0]\
             /Resources<</XObject<</A {number} {generation} R>>>>>>",
            -sin
        );
        let form = document.add_stream(dict, Mode::Decoded, b"/A Do")?;
        annotation.put("AP", document.dict([("N", form)])?)?;
        let [x, _, _, y] = self.rect;
        let (sin, cos) = (f64::from(sin), f64::from(cos));
        let around = [
            cos,
            sin,
            -sin,
            cos,
            x - cos * x + sin * y,
            y - sin * x - cos * y,
        ];
        annotation.put("Rect", document.array(extent(self.rect, around))?)
    }
}

/// The smallest upright box around a box that `matrix` has turned.
fn extent([a, b, c, d]: [f64; 4], matrix: [f64; 6]) -> [f64; 4] {
    let corners = [(a, b), (a, d), (c, b), (c, d)].map(|(x, y)| {
        let across = matrix[0] * x + matrix[2] * y + matrix[4];
        (across, matrix[1] * x + matrix[3] * y + matrix[5])
    });
    let start = [f64::INFINITY, f64::INFINITY, -f64::INFINITY, -f64::INFINITY];
    corners.into_iter().fold(start, |[x0, y0, x1, y1], (x, y)| {
        [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
    })
}

fn numbers<const N: usize>(object: &Object<'_>, key: &str) -> Option<[f64; N]> {
    let array = object.get(key).ok().flatten()?.as_array()?;
    array.numbers().ok()?.try_into().ok()
}
