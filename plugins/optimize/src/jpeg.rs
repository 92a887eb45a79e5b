//! JPEG images made smaller: entropy coding again without loss, or coding again at a lower quality or size.
//!
//! Only what every viewer reads alike is touched: 8 bits, Huffman coded, one component (gray) or three (YCbCr), whole. All
//! else is left as it is.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use libjpeg_turbo_rs::{
    Encoder, PixelFormat, Subsampling, read_coefficients, write_coefficients_optimized,
};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// More pixels than this are not decoded: 100 megapixels are 300 MB in memory.
const MAX_PIXELS: u64 = 100_000_000;
/// An image is coded again only if it was made at a quality this much higher: less would cost without gaining.
const QUALITY_STEP: u8 = 5;

/// What the file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Identifier, horizontal and vertical sampling of each component.
    pub(crate) components: Vec<(u8, u8, u8)>,
    /// Which kind of frame: 0 baseline, 1 extended, 2 progressive.
    frame: u8,
    precision: u8,
    /// The transform of an Adobe marker.
    adobe: Option<u8>,
    /// The libjpeg quality that its first table comes nearest to.
    pub(crate) quality: u8,
    /// Whether the end marker is there.
    whole: bool,
}

/// What to make of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    /// 1 to 100, as libjpeg counts.
    pub(crate) quality: u8,
    /// A smaller size, where the image is drawn smaller than it is.
    pub(crate) size: Option<(u32, u32)>,
    /// The part of the bytes that a coding with loss must save, 0 to 1.
    pub(crate) min_gain: f64,
}

/// A smaller image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Smaller {
    pub(crate) bytes: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether it draws exactly as before.
    pub(crate) lossless: bool,
}

impl Header {
    /// Reads the markers up to the first scan; `None` where they make no sense.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
        let mut frame = None;
        let mut adobe = None;
        let mut tables: [Option<u8>; 4] = [None; 4];
        loop {
            let start = rest.iter().position(|b| *b != 0xff)?;
            if start == 0 {
                return None;
            }
            let marker = rest[start];
            let length = usize::from(u16::from_be_bytes([
                *rest.get(start + 1)?,
                *rest.get(start + 2)?,
            ]));
            let body = rest.get(start + 3..start + 1 + length.max(2))?;
            rest = &rest[start + 1 + length.max(2)..];
            match marker {
                0xc4 | 0xc8 | 0xcc => {}
                0xc0..=0xcf if frame.is_some() => return None,
                0xc0..=0xcf => frame = Some((marker - 0xc0, body)),
                0xdb => quantizers(body, &mut tables)?,
                0xee if body.starts_with(b"Adobe") => adobe = Some(*body.get(11)?),
                0xda => break,
                0xd9 => return None,
                _ => {}
            }
        }
        let (frame, body) = frame?;
        let &[precision, h1, h0, w1, w0, count, ref components @ ..] = body else {
            return None;
        };
        if components.len() < 3 * usize::from(count) {
            return None;
        }
        let table = usize::from(*components.get(2)?);
        Some(Self {
            width: u16::from_be_bytes([w1, w0]).into(),
            height: u16::from_be_bytes([h1, h0]).into(),
            components: components
                .chunks_exact(3)
                .take(count.into())
                .map(|c| (c[0], c[1] >> 4, c[1] & 15))
                .collect(),
            frame,
            precision,
            adobe,
            quality: tables.get(table).copied().flatten()?,
            whole: bytes
                .iter()
                .rev()
                .take(64)
                .collect::<Vec<_>>()
                .windows(2)
                .any(|w| *w[0] == 0xd9 && *w[1] == 0xff),
        })
    }

    /// Whether every viewer draws it the same and our tools read it.
    pub(crate) fn is_plain(&self) -> bool {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let sizes = pixels > 0 && pixels <= MAX_PIXELS;
        // Three components named R, G and B are not YCbCr, nor are those of an Adobe marker with transform 0.
        let named = self.components.iter().map(|c| c.0).collect::<Vec<_>>() == b"RGB";
        let color = match self.components.len() {
            1 => true,
            3 => !named && self.adobe.is_none_or(|transform| transform == 1),
            _ => false,
        };
        self.frame <= 2 && self.precision == 8 && self.whole && sizes && color
    }

    fn subsampling(&self) -> Subsampling {
        match self.components.first() {
            Some((_, 2, 2)) => Subsampling::S420,
            Some((_, 2, 1)) => Subsampling::S422,
            _ => Subsampling::S444,
        }
    }
}

/// The best that can be done under `aim`; `None` where that is nothing.
pub(crate) fn shrink(bytes: &[u8], aim: Option<Aim>) -> Option<Smaller> {
    let header = Header::read(bytes).filter(Header::is_plain)?;
    let lossy = aim.and_then(|aim| recode(bytes, &header, aim));
    if lossy
        .as_ref()
        .is_some_and(|smaller| smaller.bytes.len() * 2 < bytes.len())
    {
        return lossy;
    }
    let lossless = recompress(bytes, &header);
    [lossy, lossless]
        .into_iter()
        .flatten()
        .min_by_key(|smaller| smaller.bytes.len())
}

/// The same coefficients with better Huffman tables; checked by decoding both.
fn recompress(bytes: &[u8], header: &Header) -> Option<Smaller> {
    if header.frame == 2 {
        return None;
    }
    let recoded = write_coefficients_optimized(&read_coefficients(bytes).ok()?).ok()?;
    // Not for a handful of bytes.
    if recoded.len() + bytes.len() / 100 >= bytes.len() {
        return None;
    }
    let same = decode(bytes, header)? == decode(&recoded, &Header::read(&recoded)?)?;
    same.then_some(Smaller {
        bytes: recoded,
        width: header.width,
        height: header.height,
        lossless: true,
    })
}

/// Decodes, resizes, and codes again; `None` unless that saves enough.
fn recode(bytes: &[u8], header: &Header, aim: Aim) -> Option<Smaller> {
    let size = aim
        .size
        .filter(|(w, h)| *w > 0 && *h > 0 && *w <= header.width && *h <= header.height)
        .filter(|size| *size != (header.width, header.height));
    if size.is_none() && header.quality < aim.quality.saturating_add(QUALITY_STEP) {
        return None;
    }
    let mut pixels = decode(bytes, header)?;
    let (width, height) = size.unwrap_or((header.width, header.height));
    if size.is_some() {
        pixels = resize(&pixels, header, (width, height))?;
    }
    // Chroma at half resolution is what is usual at such qualities; above them the source's own.
    let sampling = if size.is_some() && aim.quality <= 85 {
        Subsampling::S420
    } else {
        header.subsampling()
    };
    let format = if header.components.len() == 1 {
        PixelFormat::Grayscale
    } else {
        PixelFormat::Rgb
    };
    let coded = Encoder::new(&pixels, width as usize, height as usize, format)
        .quality(aim.quality.clamp(1, 100))
        .subsampling(sampling)
        .optimize_huffman(true)
        .encode()
        .ok()?;
    let most = bytes.len() as f64 * (1.0 - aim.min_gain.clamp(0.0, 1.0));
    ((coded.len() as f64) < most).then_some(Smaller {
        bytes: coded,
        width,
        height,
        lossless: false,
    })
}

/// One or three bytes a pixel, by rows; damaged images are refused, not guessed at.
fn decode(bytes: &[u8], header: &Header) -> Option<Vec<u8>> {
    let channels = header.components.len();
    let space = if channels == 1 {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .jpeg_set_out_colorspace(space);
    let pixels = JpegDecoder::new_with_options(ZCursor::new(bytes), options)
        .decode()
        .ok()?;
    (pixels.len() == header.width as usize * header.height as usize * channels).then_some(pixels)
}

fn resize(pixels: &[u8], header: &Header, (width, height): (u32, u32)) -> Option<Vec<u8>> {
    let kind = if header.components.len() == 1 {
        PixelType::U8
    } else {
        PixelType::U8x3
    };
    let source = ImageRef::new(header.width, header.height, pixels, kind).ok()?;
    let mut target = Image::new(width, height, kind);
    Resizer::new().resize(&source, &mut target, None).ok()?;
    Some(target.into_vec())
}

/// Reads the tables of a DQT segment, each as the quality that it stands for.
fn quantizers(mut body: &[u8], tables: &mut [Option<u8>; 4]) -> Option<()> {
    while let Some((&kind, rest)) = body.split_first() {
        let wide = kind >> 4 != 0;
        let length = if wide { 128 } else { 64 };
        let values = rest.get(..length)?;
        body = &rest[length..];
        let values: Vec<u32> = if wide {
            values
                .chunks_exact(2)
                .map(|v| u16::from_be_bytes([v[0], v[1]]).into())
                .collect()
        } else {
            values.iter().map(|v| u32::from(*v)).collect()
        };
        *tables.get_mut(usize::from(kind & 15))? = Some(quality(&values));
    }
    Some(())
}

/// The luminance table of ITU-T T.81, annex K, in zigzag order.
const LUMINANCE: [u32; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// libjpeg's quality whose scaling of annex K's table comes nearest to `values`.
fn quality(values: &[u32]) -> u8 {
    let sum: u32 = values.iter().sum();
    let standard: u32 = LUMINANCE.iter().sum();
    let scale = f64::from(sum) * 100.0 / f64::from(standard);
    let quality = if scale <= 100.0 {
        (200.0 - scale) / 2.0
    } else {
        5000.0 / scale
    };
    quality.round().clamp(1.0, 100.0) as u8
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A picture with edges and gradients, as bytes of `channels`.
    fn picture(width: usize, height: usize, channels: usize) -> Vec<u8> {
        (0..width * height)
            .flat_map(|at| {
                let (x, y) = (at % width, at / width);
                (0..channels).map(move |c| {
                    let wave = (x * (c + 3) / 2 + y * 2) % 251;
                    if (x / 16 + y / 16) % 3 == 0 {
                        wave as u8
                    } else {
                        ((x ^ y) % 200) as u8
                    }
                })
            })
            .collect()
    }

    pub(crate) fn jpeg(
        width: usize,
        height: usize,
        channels: usize,
        quality: u8,
        optimized: bool,
    ) -> Vec<u8> {
        let pixels = picture(width, height, channels);
        let format = if channels == 1 {
            PixelFormat::Grayscale
        } else {
            PixelFormat::Rgb
        };
        Encoder::new(&pixels, width, height, format)
            .quality(quality)
            .subsampling(if channels == 1 {
                Subsampling::S444
            } else {
                Subsampling::S420
            })
            .optimize_huffman(optimized)
            .encode()
            .expect("it encodes")
    }

    const AIM: Aim = Aim {
        quality: 75,
        size: None,
        min_gain: 0.1,
    };

    #[test]
    fn a_header_tells_size_components_and_quality() {
        for quality in [10, 50, 75, 90, 95, 100] {
            let header = Header::read(&jpeg(40, 30, 3, quality, false)).expect("a JPEG");
            assert_eq!(
                (header.width, header.height, header.components.len()),
                (40, 30, 3)
            );
            assert!(
                header.quality.abs_diff(quality) <= 2,
                "{quality} read as {}",
                header.quality
            );
            assert!(header.is_plain());
        }
    }

    #[test]
    fn better_tables_save_without_loss() {
        let before = jpeg(200, 160, 3, 75, false);
        let after = shrink(&before, None).expect("it gains");
        assert!(after.lossless && after.bytes.len() < before.len());
        let header = Header::read(&before).expect("a JPEG");
        assert_eq!(decode(&before, &header), decode(&after.bytes, &header));
        assert_eq!(shrink(&after.bytes, None), None, "once is enough");
    }

    #[test]
    fn a_lower_quality_is_only_made_of_a_higher_one() {
        let fine = jpeg(200, 160, 3, 95, true);
        let after = shrink(&fine, Some(AIM)).expect("it gains");
        assert!(!after.lossless && after.bytes.len() < fine.len() * 9 / 10);
        assert_eq!(
            shrink(&after.bytes, Some(AIM)),
            None,
            "a second time changes nothing"
        );
        assert_eq!(shrink(&jpeg(200, 160, 3, 60, true), Some(AIM)), None);
    }

    #[test]
    fn a_smaller_size_is_made_in_gray_and_in_color() {
        for channels in [1, 3] {
            let before = jpeg(400, 300, channels, 75, true);
            let aim = Aim {
                size: Some((200, 150)),
                ..AIM
            };
            let after = shrink(&before, Some(aim)).expect("it gains");
            assert_eq!(
                (after.width, after.height, after.lossless),
                (200, 150, false)
            );
            let header = Header::read(&after.bytes).expect("a JPEG");
            assert_eq!(
                (header.width, header.height, header.components.len()),
                (200, 150, channels)
            );
            assert!(decode(&after.bytes, &header).is_some());
        }
    }

    #[test]
    fn never_larger_and_never_enlarged() {
        let before = jpeg(40, 30, 3, 75, true);
        assert_eq!(
            shrink(
                &before,
                Some(Aim {
                    size: Some((400, 300)),
                    ..AIM
                })
            ),
            None
        );
        assert_eq!(
            shrink(
                &before,
                Some(Aim {
                    size: Some((0, 0)),
                    ..AIM
                })
            ),
            None
        );
        assert_eq!(
            shrink(
                &before,
                Some(Aim {
                    size: Some((39, 30)),
                    min_gain: 0.99,
                    ..AIM
                })
            ),
            None
        );
    }

    #[test]
    fn broken_images_are_left_alone() {
        let whole = jpeg(64, 64, 3, 95, false);
        for length in 0..whole.len() - 2 {
            assert_eq!(shrink(&whole[..length], Some(AIM)), None, "cut at {length}");
        }
        let mut huge = whole.clone();
        let frame = huge
            .windows(2)
            .position(|w| w == [0xff, 0xc0])
            .expect("a frame");
        huge[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
        assert_eq!(shrink(&huge, Some(AIM)), None);
        for at in 0..whole.len() {
            let mut odd = whole.clone();
            odd[at] ^= 0x55;
            let _ = shrink(&odd, Some(AIM));
        }
    }

    #[test]
    fn colors_that_are_not_ycbcr_are_left_alone() {
        let mut rgb = jpeg(200, 160, 3, 95, false);
        let frame = rgb
            .windows(2)
            .position(|w| w == [0xff, 0xc0])
            .expect("a frame");
        for (index, id) in b"RGB".iter().enumerate() {
            rgb[frame + 10 + 3 * index] = *id;
        }
        assert!(Header::read(&rgb).is_some_and(|header| !header.is_plain()));
        let mut adobe = jpeg(200, 160, 3, 95, false);
        adobe.splice(2..2, *b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00");
        assert!(Header::read(&adobe).is_some_and(|header| !header.is_plain()));
    }
}
