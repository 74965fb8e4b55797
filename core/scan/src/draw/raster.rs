//! A label as pixels.

use super::font;
use super::label::{Label, Side};
use crate::picture::Picture;

impl Label {
    /// As grey pixels.
    #[must_use]
    pub fn picture(&self, scale: Scale) -> Picture {
        paint(self, scale)
    }
}

/// Pixels a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(usize);

impl Scale {
    /// 2 to 16 pixels: of one pixel a module no reader finds a `DataMatrix`.
    #[must_use]
    pub fn new(pixels: u8) -> Option<Scale> {
        (2..=16).contains(&pixels).then_some(Scale(pixels.into()))
    }

    pub(super) fn module(self) -> usize {
        self.0
    }

    /// Pixels a dot of the text.
    pub(super) fn dot(self) -> usize {
        (self.0 / 3).max(1)
    }
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

/// The dark modules and the dots of the text as black squares.
fn paint(label: &Label, scale: Scale) -> Picture {
    let layout = Layout::of(label, scale);
    let mut picture = Picture::white(layout.width, layout.height);
    picture.per_metre = label.width.pixels_per_metre(scale.module());
    let (left, top) = layout.symbol;
    for (index, _) in label.dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (x, y) = (index % label.side.width, index / label.side.width);
        picture.blacken(left + x * scale.module(), top + y * scale.module(), scale.module());
    }
    for (line, (left, top)) in label.lines.iter().zip(layout.lines) {
        for (index, character) in line.chars().enumerate() {
            for (x, y) in font::dots(character) {
                let x = index * (font::WIDTH + 1) + x;
                picture.blacken(left + x * scale.dot(), top + y * scale.dot(), scale.dot());
            }
        }
    }
    picture
}
