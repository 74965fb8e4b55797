//! A symbol as a decoder reports it.

/// A symbol that was read. Its text is a claim and proves nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// Its format.
    pub format: Format,
    /// Symbology identifier (ISO/IEC 15424), such as `]d2`: the only sign that the text is GS1 data.
    pub identifier: String,
    /// The text, FNC1 given as GS (0x1D); a NUL is a character like any other.
    pub text: String,
    /// If it is one of several symbols that make up a text: which.
    pub part: Option<Part>,
    /// The share of the error correction that was left over: 1.0 for a clean symbol, 0.0 for one at the limit, at which
    /// a misread is possible. `None` if the decoder does not report it.
    pub spare: Option<f32>,
    /// The corners in pixels of the frame, from the symbol's own top left clockwise.
    pub corners: [(i32, i32); 4],
}

/// The place of a symbol among those that make up a text (structured append).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u8,
    /// How many there are; 0 if the symbol does not say.
    pub of: u8,
    /// What the symbols of one text have in common.
    pub id: String,
}

impl Part {
    /// Whether both are of one text.
    pub(crate) fn is_of(&self, other: &Part) -> bool {
        (self.of, &self.id) == (other.of, &other.id)
    }
}

/// A kind of symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// QR Code, ISO/IEC 18004.
    Qr,
    /// Data Matrix, ISO/IEC 16022 and ISO/IEC 21471.
    DataMatrix,
}

/// A symbol with less than half of its error correction left over counts as damaged: beyond that, the correction may
/// give another text.
const DAMAGED_BELOW: f32 = 0.5;

impl Symbol {
    /// Whether one reading is not reliable enough. A symbol without the figure counts as damaged.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.spare.is_none_or(|spare| spare < DAMAGED_BELOW)
    }

    pub(crate) fn says_the_same_as(&self, other: &Symbol) -> bool {
        self.identifier == other.identifier && self.text == other.text && self.part == other.part
    }

    /// Converts the corners from an enlarged part of a frame to the frame.
    pub(crate) fn place_in_frame(&mut self, factor: usize, (left, top): (usize, usize)) {
        let whole = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        for (x, y) in &mut self.corners {
            *x = *x / whole(factor) + whole(left);
            *y = *y / whole(factor) + whole(top);
        }
    }
}
