//! Images of a document: which may be coded again, and how small.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dropleaf_plugin_sdk::prelude::*;

use crate::jpeg::{Aim, Header, Smaller, shrink};
use crate::places::Extent;
use crate::streams::filters;

/// A smaller size must be smaller by this much, or the loss of another coding is not worth it.
const MIN_REDUCTION: f64 = 0.9;

/// What is asked for, for images.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Images {
    /// Images drawn with more pixels an inch than this are made smaller.
    #[schemars(range(min = 10, max = 2400))]
    max_dpi: Option<u32>,
    /// The JPEG quality of images that are coded again, 1 to 100. An image that was made at this quality or less keeps its
    /// coding unless it is made smaller.
    #[serde(default = "default_quality")]
    #[schemars(range(min = 1, max = 100))]
    quality: u8,
    /// The part of its bytes that an image must lose to be coded again, 0 to 1.
    #[serde(default = "default_gain")]
    #[schemars(range(min = 0.0, max = 1.0))]
    min_gain: f64,
}

fn default_quality() -> u8 {
    75
}

fn default_gain() -> f64 {
    0.1
}

impl Images {
    /// Whether it matters how large images are drawn.
    pub(crate) fn limits_dpi(&self) -> bool {
        self.max_dpi.is_some()
    }

    /// What to make of an image of `size` pixels that is drawn at `extent` points.
    fn aim(&self, size: (u32, u32), extent: Option<Extent>) -> Aim {
        let target = self
            .max_dpi
            .zip(extent)
            .and_then(|(dpi, extent)| reduced(size, extent, f64::from(dpi)));
        Aim {
            quality: self.quality,
            size: target,
            min_gain: self.min_gain,
        }
    }
}

/// `size` reduced to `dpi` in the direction that has fewer to spare, if that makes a difference.
fn reduced((width, height): (u32, u32), (across, up): Extent, dpi: f64) -> Option<(u32, u32)> {
    let scale = (across / 72.0 * dpi / f64::from(width)).max(up / 72.0 * dpi / f64::from(height));
    if !(scale.is_finite() && scale > 0.0 && scale < MIN_REDUCTION) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "smaller than it was, and positive"
    )]
    let part = |pixels: u32| ((f64::from(pixels) * scale - 1e-6).ceil() as u32).max(1);
    Some((part(width), part(height)))
}

/// Makes a JPEG image smaller; answers how many bytes are saved. `images` is what may be lost, nothing without it.
pub(crate) fn shrink_image(
    image: &Object<'_>,
    images: Option<&Images>,
    extent: Option<Extent>,
) -> Result<u64> {
    let bytes = image.raw()?;
    let Some(header) = Header::read(&bytes) else {
        return Ok(0);
    };
    if !is_as_it_says(image, &header)? {
        return Ok(0);
    }
    let aim = match images {
        Some(images) if may_lose(image)? => Some(images.aim((header.width, header.height), extent)),
        _ => None,
    };
    // One image that a codec cannot stand is no reason to leave the others.
    let made = catch_unwind(AssertUnwindSafe(|| shrink(&bytes, aim)));
    let Ok(Some(Smaller {
        bytes: smaller,
        width,
        height,
        ..
    })) = made
    else {
        return Ok(0);
    };
    image.set_raw(&smaller)?;
    if (width, height) != (header.width, header.height) {
        image.put("Width", i64::from(width))?;
        image.put("Height", i64::from(height))?;
    }
    Ok((bytes.len() - smaller.len()) as u64)
}

/// Whether `stream` is an image that is a JPEG file and nothing around it.
pub(crate) fn is_jpeg(stream: &Object<'_>) -> Result<bool> {
    if !stream
        .get("Subtype")?
        .is_some_and(|kind| kind.is_name("Image"))
    {
        return Ok(false);
    }
    Ok(filters(stream)?.is_some_and(
        |filters| matches!(filters.as_slice(), [one] if one == b"DCTDecode" || one == b"DCT"),
    ))
}

/// Whether the dictionary and the file agree, so that a new file means the same.
fn is_as_it_says(image: &Object<'_>, header: &Header) -> Result<bool> {
    let is = |key: &str, wanted: u32| -> Result<bool> {
        Ok(image.get(key)?.and_then(|value| value.as_i64()) == Some(wanted.into()))
    };
    let parameters = image.get("DecodeParms")?.is_some_and(|value| match value {
        Value::Array(all) => all
            .items()
            .map_or(true, |all| all.iter().any(|one| !one.is_null())),
        _ => true,
    });
    let bits = image
        .get("BitsPerComponent")?
        .is_none_or(|value| value.as_i64() == Some(8));
    Ok(header.is_plain()
        && !parameters
        && bits
        && is("Width", header.width)?
        && is("Height", header.height)?
        && components(image)? == Some(header.components.len()))
}

/// How many components the color space has, if it is one that a JPEG's colors are simply those of.
fn components(image: &Object<'_>) -> Result<Option<usize>> {
    Ok(match image.get("ColorSpace")? {
        Some(Value::Name(name)) => match name.as_slice() {
            b"DeviceGray" | b"G" | b"CalGray" => Some(1),
            b"DeviceRGB" | b"RGB" | b"CalRGB" => Some(3),
            _ => None,
        },
        Some(Value::Array(array)) => match array.at(0)?.as_ref().and_then(Value::as_name) {
            Some(b"DeviceGray" | b"CalGray") => Some(1),
            Some(b"DeviceRGB" | b"CalRGB") => Some(3),
            Some(b"ICCBased") => match array.at(1)?.and_then(|profile| profile.as_object()) {
                Some(profile) => profile
                    .get("N")?
                    .and_then(|n| n.as_i64())
                    .and_then(|n| usize::try_from(n).ok()),
                None => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// Whether a little loss is only that: not where the samples are a mask, select colors to leave out, or were blended with a
/// matte, and not where `Decode` gives them another meaning.
fn may_lose(image: &Object<'_>) -> Result<bool> {
    let matte = match image.object("SMask")? {
        Some(mask) => mask.has("Matte")?,
        None => false,
    };
    let color_key = matches!(image.get("Mask")?, Some(Value::Array(_)));
    let stencil = image.get("ImageMask")?.and_then(|value| value.as_bool()) == Some(true);
    let own_matte = image.has("Matte")?;
    Ok(!matte
        && !own_matte
        && !color_key
        && !stencil
        && !image.has("Decode")?
        && !image.has("Alternates")?
        && !image.has("OPI")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_reduced_to_the_resolution_asked_for() {
        // 600 pixels on two inches are 300 dpi.
        assert_eq!(reduced((600, 300), (144.0, 72.0), 150.0), Some((300, 150)));
        assert_eq!(reduced((600, 300), (144.0, 72.0), 300.0), None);
        assert_eq!(
            reduced((600, 300), (144.0, 72.0), 280.0),
            None,
            "not for so little"
        );
        // Drawn out of shape: the direction with fewer pixels an inch decides.
        assert_eq!(reduced((600, 300), (144.0, 144.0), 75.0), Some((300, 150)));
        assert_eq!(reduced((600, 300), (0.0, 0.0), 150.0), None);
        assert_eq!(reduced((10_000, 1), (1.0, 1e-9), 72.0), Some((1, 1)));
    }
}
