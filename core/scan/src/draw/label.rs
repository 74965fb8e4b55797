//! From a message to the modules of its symbol.

use datamatrix::{DataMatrix, SymbolList};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, QrResult, Version};
use thiserror::Error;

use crate::gs1::{Message, NoLink, Rule};

/// The symbol that carries the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// GS1 `DataMatrix`, the symbol of medicine packs.
    DataMatrix,
    /// GS1 QR Code: element strings.
    Qr,
    /// QR Code with the canonical Digital Link, which any phone opens.
    LinkQr,
}

/// How wide a module is on paper: the X-dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleWidth {
    micrometres: u32,
}

impl ModuleWidth {
    /// 254 to 990 micrometres, which GS1 allows for `DataMatrix` on regulated healthcare items (General Specifications,
    /// section 5.12, symbol specification tables).
    #[must_use]
    pub fn new(micrometres: u32) -> Option<ModuleWidth> {
        (254..=990).contains(&micrometres).then_some(ModuleWidth { micrometres })
    }

    /// The target of those tables: of medicine packs for `DataMatrix`, of general retail for QR codes.
    const fn usual(carrier: Carrier) -> ModuleWidth {
        let micrometres = match carrier {
            Carrier::DataMatrix => 380,
            Carrier::Qr | Carrier::LinkQr => 495,
        };
        ModuleWidth { micrometres }
    }

    /// Where a module is so many pixels wide.
    pub(super) fn pixels_per_metre(self, module: usize) -> Option<u32> {
        let module = u32::try_from(module).ok()?;
        Some((module * 1_000_000 + self.micrometres / 2) / self.micrometres)
    }

    /// So many pixels, where a module is so many.
    #[expect(clippy::cast_precision_loss, reason = "sides are far below 2^52 pixels")]
    pub(super) fn millimetres(self, pixels: usize, module: usize) -> f64 {
        pixels as f64 / module as f64 * f64::from(self.micrometres) / 1000.0
    }
}

/// Why a message cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotDrawn {
    /// A date without a day. It is read on old stock; new labels must name the day (GSCN 21-040).
    #[error("({0}) must name the day")]
    NoDay(&'static str),
    /// The message has no Digital Link.
    #[error(transparent)]
    NoLink(#[from] NoLink),
    /// More text than the largest symbol holds.
    #[error("the text does not fit into a symbol")]
    TooLong,
}

/// A symbol with the text under it, not yet scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub(super) side: Side,
    pub(super) dark: Vec<bool>,
    pub(super) lines: Vec<String>,
    pub(super) width: ModuleWidth,
}

/// Width and height in modules, and the quiet zone around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) quiet: usize,
}

impl Label {
    /// Lays out the symbol and one line of text for each element.
    pub fn new(message: &Message, carrier: Carrier) -> Result<Label, NotDrawn> {
        match carrier {
            Carrier::DataMatrix => data_matrix(&message.to_element_string(), lines(message)?),
            Carrier::Qr => Ok(qr(&gs1_qr(&message.to_element_string())?, lines(message)?)),
            Carrier::LinkQr => link_qr(&message.to_link()?, lines(message)?),
        }
    }

    /// The same as a [`Carrier::LinkQr`] whose link is on another stem, such as a brand's `https://brand.example`.
    pub fn link(message: &Message, stem: &str) -> Result<Label, NotDrawn> {
        link_qr(&message.to_link_on(stem)?, lines(message)?)
    }

    /// The same with modules of another width on paper.
    #[must_use]
    pub fn with_modules(self, width: ModuleWidth) -> Label {
        Label { width, ..self }
    }

    /// The symbol alone, for a screen whose text is set by the screen.
    #[must_use]
    pub fn without_text(self) -> Label {
        Label { lines: Vec::new(), ..self }
    }
}

/// The standard asks for one module of quiet zone; readers in poor light do better with two.
const QUIET_DATA_MATRIX: usize = 2;

/// ISO/IEC 18004 section 6.3.8.
const QUIET_QR: usize = 4;

/// A line of text for each element of a message that may be printed.
fn lines(message: &Message) -> Result<Vec<String>, NotDrawn> {
    let lacks_day = |element: &&crate::gs1::Element| {
        let may_lack = element.ai().parts.first().is_some_and(|part| part.rules.contains(&Rule::Date0));
        may_lack && element.value().get(4..6) == Some("00")
    };
    match message.elements().iter().find(lacks_day) {
        Some(element) => Err(NotDrawn::NoDay(element.ai().code)),
        None => Ok(message.to_lines()),
    }
}

fn link_qr(link: &str, lines: Vec<String>) -> Result<Label, NotDrawn> {
    let code = QrCode::with_error_correction_level(link, EcLevel::M).map_err(|_| NotDrawn::TooLong)?;
    Ok(qr(&code, lines))
}

fn data_matrix(text: &str, lines: Vec<String>) -> Result<Label, NotDrawn> {
    let squares = SymbolList::default().enforce_square();
    let bitmap = DataMatrix::encode_gs1(text.as_bytes(), squares).map_err(|_| NotDrawn::TooLong)?.bitmap();
    let side = Side { width: bitmap.width(), height: bitmap.height(), quiet: QUIET_DATA_MATRIX };
    Ok(Label { side, dark: bitmap.bits().to_vec(), lines, width: ModuleWidth::usual(Carrier::DataMatrix) })
}

pub(super) fn qr(code: &QrCode, lines: Vec<String>) -> Label {
    let side = Side { width: code.width(), height: code.width(), quiet: QUIET_QR };
    let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
    Label { side, dark, lines, width: ModuleWidth::usual(Carrier::Qr) }
}

/// The smallest version that holds the text after an FNC1 in first position.
fn gs1_qr(text: &str) -> Result<QrCode, NotDrawn> {
    let in_version = |version| {
        let mut bits = Bits::new(version);
        bits.push_fnc1_first_position()?;
        push_gs1(&mut bits, text.as_bytes())?;
        bits.push_terminator(EcLevel::M)?;
        QrCode::with_bits(bits, EcLevel::M)
    };
    (1..=40).find_map(|version| in_version(Version::Normal(version)).ok()).ok_or(NotDrawn::TooLong)
}

/// In alphanumeric mode `%` would mean FNC1, so a text that has one is written as bytes throughout.
fn push_gs1(bits: &mut Bits, text: &[u8]) -> QrResult<()> {
    if text.contains(&b'%') { bits.push_byte_data(text) } else { bits.push_optimal_data(text) }
}
