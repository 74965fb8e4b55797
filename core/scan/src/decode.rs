//! From a frame to the symbols in it: one quick pass, then costlier ones while nothing is found.
//!
//! One decoder does all passes. rqrr, which the tests use as a second reader of the links that we draw, is not used
//! here: it supports neither Data Matrix nor the FNC1 of a GS1 QR Code, and of the 9 shared photographs (of 103) that
//! these passes miss it reads none. `benches/photos.rs` counts them again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zxingcpp::{Barcode, BarcodeFormat, BarcodeReader, Binarizer, ImageFormat, ImageView, TextMode};

use crate::frame::Luma;
use crate::parts::joined;
use crate::picture::Picture;
use crate::symbol::{Format, Part, Symbol};

/// All symbols in a frame. Costlier passes are tried only if the ones before found nothing. Symbols that make up one text
/// are one symbol if all are there.
#[must_use]
pub fn decode(frame: &Luma<'_>) -> Vec<Symbol> {
    let mut passes = Pass::ALL.into_iter().map(|pass| pass.decode(frame, Wanted::All));
    joined(passes.find(|found| !found.is_empty()).unwrap_or_default())
}

/// One way of searching a frame. In the order of cost; each finds codes that the ones before miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The frame as it is.
    Whole,
    /// The middle of the frame, where people aim, at twice its size: for small modules.
    Enlarged,
    /// The middle at three times its size, smoothed and sharpened: for small, blurred or noisy modules.
    Sharpened,
    /// The frame as it is, one threshold for all of it: for modules larger than what is compared around a pixel.
    Even,
    /// The frame smoothed over 3 pixels, one threshold for all of it: for modules that are dots, a pixel or two apart, as
    /// ink-jets and needles make them.
    Dots,
    /// The frame smoothed over 7 pixels: for larger dots, further apart.
    FarDots,
    /// The frame smoothed over 11 pixels, one threshold for all of it.
    FarthestDots,
}

/// How many symbols a pass looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Stops at the first: several times faster.
    First,
    /// Continues, for packs with several symbols.
    All,
}

impl Pass {
    /// Every pass, in order.
    pub const ALL: [Pass; 7] = [
        Pass::Whole,
        Pass::Enlarged,
        Pass::Sharpened,
        Pass::Even,
        Pass::Dots,
        Pass::FarDots,
        Pass::FarthestDots,
    ];

    /// Searches the frame in this one way.
    #[must_use]
    pub fn decode(self, frame: &Luma<'_>, wanted: Wanted) -> Vec<Symbol> {
        self.look(
            frame,
            Effort { wanted, invert: true, shrink: true, widest: MAX_ENLARGED, even: self.is_even() },
        )
    }

    /// Whether it takes one threshold for all pixels.
    pub(crate) fn is_even(self) -> bool {
        matches!(self, Pass::Even | Pass::Dots | Pass::FarthestDots)
    }

    pub(crate) fn look(self, frame: &Luma<'_>, effort: Effort) -> Vec<Symbol> {
        match self {
            Pass::Whole | Pass::Even => match frame.packed() {
                Some(pixels) => read(frame.width(), frame.height(), pixels, effort),
                None => read_picture(&Picture::copy(frame), effort),
            },
            Pass::Dots => read_picture(&Picture::copy(frame).blur::<1>(), effort),
            Pass::FarDots => read_picture(&Picture::copy(frame).blur::<3>(), effort),
            Pass::FarthestDots => read_picture(&Picture::copy(frame).blur::<5>(), effort),
            Pass::Enlarged => read_centre::<TWICE>(frame, effort, |picture| picture),
            Pass::Sharpened => read_centre::<THRICE>(frame, effort, |picture| picture.sharpen()),
        }
    }

    /// How many pixels it reads in a frame of this size.
    pub(crate) fn pixels(self, width: usize, height: usize, widest: usize) -> usize {
        let enlarged = |factor| {
            let side = side_of_centre(width, height, widest / factor);
            width.min(side) * height.min(side) * factor * factor
        };
        match self {
            Pass::Whole | Pass::Even => width * height,
            // Smoothing takes about as long as reading.
            Pass::Dots | Pass::FarDots | Pass::FarthestDots => 2 * width * height,
            Pass::Enlarged => enlarged(TWICE),
            Pass::Sharpened => enlarged(THRICE),
        }
    }
}

const TWICE: usize = 2;
const THRICE: usize = 3;

/// What to look for in a pass.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) wanted: Wanted,
    /// White on black as well.
    pub(crate) invert: bool,
    /// At a third of the size as well: for large, blurred modules.
    pub(crate) shrink: bool,
    /// The longest side of an enlarged middle in pixels.
    pub(crate) widest: usize,
    /// One threshold for all pixels, from their histogram, instead of one for each from those around it.
    pub(crate) even: bool,
}

/// The longest side of an enlarged middle in pixels: a code that is small in a larger frame is too coarse to read.
const MAX_ENLARGED: usize = 2048;

/// Below this size the whole frame is enlarged: it is a cut-out already.
const SMALL: usize = 480;

/// Side of the middle of a frame, at most so long. It holds 72 % of the shorter side, the share measured best on frames
/// aimed by hand.
fn side_of_centre(width: usize, height: usize, longest: usize) -> usize {
    let (short, long) = (width.min(height), width.max(height));
    let side = if long <= SMALL { long } else { short * 72 / 100 };
    side.clamp(1, longest)
}

fn read_centre<const FACTOR: usize>(
    frame: &Luma<'_>,
    effort: Effort,
    treat: impl Fn(Picture) -> Picture,
) -> Vec<Symbol> {
    let (centre, offset) =
        frame.centre(side_of_centre(frame.width(), frame.height(), effort.widest / FACTOR));
    let mut symbols = read_picture(&treat(Picture::enlarge::<FACTOR>(&centre)), effort);
    for symbol in &mut symbols {
        symbol.place_in_frame(FACTOR, offset);
    }
    symbols
}

fn read_picture(picture: &Picture, effort: Effort) -> Vec<Symbol> {
    read(picture.width, picture.height, &picture.pixels, effort)
}

/// The C++ library reports its exceptions as errors, and its binding panics on unknown values; here both mean that
/// nothing was read.
fn read(width: usize, height: usize, pixels: &[u8], effort: Effort) -> Vec<Symbol> {
    let attempt = AssertUnwindSafe(|| {
        let view = ImageView::from_slice(pixels, width, height, ImageFormat::Lum).ok()?;
        let found = reader(effort).from(view).ok()?;
        Some(found.iter().filter_map(symbol).collect())
    });
    catch_unwind(attempt).ok().flatten().unwrap_or_default()
}

/// Created for each call, since it must not move between threads.
fn reader(effort: Effort) -> BarcodeReader {
    /// More codes than a pack has; this bounds the time for a sheet full of them.
    const MAX_SYMBOLS: i32 = 16;
    BarcodeReader::new()
        .formats([BarcodeFormat::QRCode, BarcodeFormat::DataMatrix])
        .try_harder(true)
        .try_rotate(true)
        .try_invert(effort.invert)
        .try_downscale(effort.shrink)
        .binarizer(if effort.even { Binarizer::GlobalHistogram } else { Binarizer::LocalAverage })
        // The default text is human-readable: "(01)..." in place of FNC1.
        .text_mode(TextMode::Plain)
        .max_number_of_symbols(if effort.wanted == Wanted::First { 1 } else { MAX_SYMBOLS })
}

fn symbol(barcode: &Barcode) -> Option<Symbol> {
    let format = match barcode.format() {
        BarcodeFormat::DataMatrix => Format::DataMatrix,
        _ if barcode.symbology() == BarcodeFormat::QRCode => Format::Qr,
        _ => return None,
    };
    let corners = barcode.position();
    let corners = [corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left];
    Some(Symbol {
        format,
        identifier: barcode.symbology_identifier(),
        text: text(barcode),
        part: part(barcode),
        spare: barcode.extra_with_key("UEC").parse().ok().filter(|share| (0.0..=1.0).contains(share)),
        corners: corners.map(|corner| (corner.x, corner.y)),
    })
}

/// The text in its whole length. Text crosses to here as a C string, which ends at the first NUL; bytes have a length.
fn text(barcode: &Barcode) -> String {
    let (text, bytes) = (barcode.text(), barcode.bytes());
    // UTF-16 has zeros that are no NUL.
    let in_utf16 = barcode.has_eci() && text.encode_utf16().count() * 2 == bytes.len();
    if in_utf16 || !bytes.contains(&0) {
        return text;
    }
    // The same as the decoder, which takes bytes that are no UTF-8 for Latin-1.
    String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
}

fn part(barcode: &Barcode) -> Option<Part> {
    let number = u8::try_from(barcode.sequence_index()).ok()?.checked_add(1)?;
    let of = u8::try_from(barcode.sequence_size()).ok()?;
    (of != 1).then(|| Part { number, of, id: barcode.sequence_id() })
}
