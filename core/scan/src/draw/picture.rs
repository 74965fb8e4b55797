//! A label as pixels.

use super::font;
use super::label::{Label, Side};
use crate::frame::{Luma, NotAFrame};

/// Pixels a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(usize);

impl Scale {
    /// 1 to 16 pixels; at 300 dots an inch 5 make the 0.4 mm of a usual medicine pack.
    #[must_use]
    pub fn new(pixels: u8) -> Option<Scale> {
        (1..=16).contains(&pixels).then_some(Scale(pixels.into()))
    }

    pub(super) fn module(self) -> usize {
        self.0
    }

    /// Pixels a dot of the text.
    pub(super) fn dot(self) -> usize {
        (self.0 / 3).max(1)
    }
}

/// A grey image, one byte a pixel, rows without gaps: 0 black, 255 white.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Where symbol and text go, in pixels; symbol and text are each centred.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) symbol: (usize, usize),
    /// The top left corner of each line.
    pub(super) lines: Vec<(usize, usize)>,
}

impl Layout {
    pub(super) fn of(label: &Label, scale: Scale) -> Layout {
        let Side { width, height, quiet } = label.side;
        let (module, dot) = (scale.module(), scale.dot());
        let advance = |line: &String| (line.chars().count() * (font::WIDTH + 1)) * dot;
        let widest = label.lines.iter().map(advance).max().unwrap_or_default();
        let total = ((width + 2 * quiet) * module).max(widest + 2 * quiet * module);
        let under = (height + 2 * quiet) * module;
        let line_height = (font::HEIGHT + 3) * dot;
        let place = |(index, line)| ((total - advance(line)) / 2, under + index * line_height);
        Layout {
            width: total,
            height: under + label.lines.len() * line_height,
            symbol: ((total - width * module) / 2, quiet * module),
            lines: label.lines.iter().enumerate().map(place).collect(),
        }
    }
}

impl Picture {
    pub(super) fn of(label: &Label, scale: Scale) -> Picture {
        let layout = Layout::of(label, scale);
        let (width, height) = (layout.width, layout.height);
        let mut picture = Picture { width, height, pixels: vec![u8::MAX; width * height] };
        let (left, top) = layout.symbol;
        for (index, _) in label.dark.iter().enumerate().filter(|(_, dark)| **dark) {
            let (x, y) = (index % label.side.width, index / label.side.width);
            picture.fill(left + x * scale.module(), top + y * scale.module(), scale.module());
        }
        for (line, (left, top)) in label.lines.iter().zip(layout.lines) {
            for (index, character) in line.chars().enumerate() {
                for (x, y) in font::dots(character) {
                    let x = index * (font::WIDTH + 1) + x;
                    picture.fill(left + x * scale.dot(), top + y * scale.dot(), scale.dot());
                }
            }
        }
        picture
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

    /// As a camera would hand it in.
    pub fn frame(&self) -> Result<Luma<'_>, NotAFrame> {
        Luma::new(self.width, self.height, self.width, &self.pixels)
    }

    /// As a PNG file (ISO/IEC 15948), grey, eight bits.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.try_png().unwrap_or_default()
    }

    /// Writing to memory does not fail, and no label comes near the sides that PNG can hold.
    fn try_png(&self) -> Option<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder =
            png::Encoder::new(&mut file, u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().ok()?.write_image_data(&self.pixels).ok()?;
        Some(file)
    }

    /// A black square.
    fn fill(&mut self, left: usize, top: usize, side: usize) {
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
