//! A drawn page as the bytes of a picture file.

use std::error::Error;

use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};
use schemars::JsonSchema;
use serde::Deserialize;

/// The kind of picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Without loss; small for text and drawings.
    #[default]
    Png,
    /// With loss; small for photographs and scans.
    Jpeg,
}

impl Format {
    /// What names of files end with, after the dot.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    pub(crate) fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// Pixels by rows: one byte each where all are gray, else three.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    width: u16,
    height: u16,
    gray: bool,
    pixels: Vec<u8>,
}

impl Picture {
    /// What was drawn, on white: four bytes a pixel, their colours multiplied by their opacity.
    pub(crate) fn new(width: u16, height: u16, drawn: &[u8]) -> Self {
        let all = drawn.chunks_exact(4);
        let on_white = |pixel: &[u8]| {
            let white = 255 - pixel[3];
            [0, 1, 2].map(|channel| pixel[channel].saturating_add(white))
        };
        let gray = all.clone().map(on_white).all(|[r, g, b]| r == g && g == b);
        let pixels = if gray {
            all.map(|pixel| on_white(pixel)[0]).collect()
        } else {
            all.flat_map(on_white).collect()
        };
        Self {
            width,
            height,
            gray,
            pixels,
        }
    }

    /// The bytes of a picture file; `quality` counts for JPEG alone.
    pub(crate) fn encode(&self, format: Format, quality: u8) -> Result<Vec<u8>, Box<dyn Error>> {
        match format {
            Format::Png => self.png(),
            Format::Jpeg => self.jpeg(quality),
        }
    }

    fn png(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width.into(), self.height.into());
        encoder.set_color(if self.gray {
            png::ColorType::Grayscale
        } else {
            png::ColorType::Rgb
        });
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }

    fn jpeg(&self, quality: u8) -> Result<Vec<u8>, Box<dyn Error>> {
        let format = if self.gray {
            PixelFormat::Grayscale
        } else {
            PixelFormat::Rgb
        };
        // Chroma at half resolution is what is usual at such qualities.
        let sampling = if self.gray || quality > 85 {
            Subsampling::S444
        } else {
            Subsampling::S420
        };
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let coded = Encoder::new(&self.pixels, width, height, format)
            .quality(quality.clamp(1, 100))
            .subsampling(sampling)
            .optimize_huffman(true)
            .encode()?;
        Ok(coded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_is_white() {
        let drawn = [[0; 4], [0, 0, 0, 255], [100, 100, 100, 155]];
        let picture = Picture::new(3, 1, drawn.as_flattened());
        assert!(picture.gray);
        assert_eq!(picture.pixels, [255, 0, 200]);
    }

    #[test]
    fn one_coloured_pixel_makes_a_picture_coloured() {
        let drawn = [[9, 9, 9, 255], [255, 0, 0, 255]];
        let picture = Picture::new(2, 1, drawn.as_flattened());
        assert!(!picture.gray);
        assert_eq!(picture.pixels, [9, 9, 9, 255, 0, 0]);
    }
}
