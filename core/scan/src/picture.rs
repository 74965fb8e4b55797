//! An owned grey picture, made from colour pixels and written as PNG.

use crate::frame::{Luma, MAX_SIDE, NotAFrame};

/// A grey image, one byte a pixel, rows without gaps: 0 black, 255 white.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
    /// How many pixels a metre has on paper, if that is known.
    pub(crate) per_metre: Option<u32>,
}

impl Picture {
    /// From RGBA pixels, as image decoders give them. Transparent pixels become white, as on paper. A picture that is
    /// too large for a frame is reduced by the smallest whole factor that makes it fit.
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Picture, NotAFrame> {
        if width == 0 || height == 0 {
            return Err(NotAFrame::Empty);
        }
        let needed = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
        if needed != Some(rgba.len()) {
            return Err(NotAFrame::TooShort);
        }
        let factor = width.max(height).div_ceil(MAX_SIDE);
        let (small_width, small_height) = (width.div_ceil(factor), height.div_ceil(factor));
        let mut pixels = Vec::with_capacity(small_width * small_height);
        for rows in rgba.chunks(width * 4 * factor) {
            for left in (0..width).step_by(factor) {
                let right = (left + factor).min(width);
                let block =
                    rows.chunks_exact(width * 4).flat_map(|row| row[left * 4..right * 4].as_chunks::<4>().0);
                pixels.push(mean(block.copied().map(grey)));
            }
        }
        Ok(Picture { width: small_width, height: small_height, pixels, per_metre: None })
    }

    pub(crate) fn white(width: usize, height: usize) -> Picture {
        Picture { width, height, pixels: vec![u8::MAX; width * height], per_metre: None }
    }

    pub(crate) fn copy(frame: &Luma<'_>) -> Picture {
        let pixels = frame.rows().flatten().copied().collect();
        Picture { width: frame.width(), height: frame.height(), pixels, per_metre: None }
    }

    /// In pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// In pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row by row from the top.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// As a camera would pass it.
    pub fn frame(&self) -> Result<Luma<'_>, NotAFrame> {
        Luma::new(self.width, self.height, self.width, &self.pixels)
    }

    /// As a PNG file (ISO/IEC 15948), grey, eight bits; with its physical size (`pHYs`) if it has one.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.try_png().unwrap_or_default()
    }

    /// Writing to memory does not fail, and no picture comes near the sides that PNG can hold.
    fn try_png(&self) -> Option<Vec<u8>> {
        let mut file = Vec::new();
        let (width, height) = (u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let unit = png::Unit::Meter;
        encoder.set_pixel_dims(self.per_metre.map(|per| png::PixelDimensions { xppu: per, yppu: per, unit }));
        encoder.write_header().ok()?.write_image_data(&self.pixels).ok()?;
        Some(file)
    }

    /// A black square, which must lie within.
    pub(crate) fn blacken(&mut self, left: usize, top: usize, side: usize) {
        for row in self.pixels.chunks_exact_mut(self.width).skip(top).take(side) {
            row[left..left + side].fill(0);
        }
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

/// Luma (ITU-R BT.601) over white.
fn grey([red, green, blue, opacity]: [u8; 4]) -> u32 {
    let luma = (u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000;
    (luma * u32::from(opacity) + 255 * (255 - u32::from(opacity))) / 255
}

fn mean(greys: impl Iterator<Item = u32>) -> u8 {
    let (sum, count) = greys.fold((0, 0), |(sum, count), grey| (sum + grey, count + 1));
    u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)
}
