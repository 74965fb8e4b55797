//! Drawing the symbols of labels and screens: GS1 `DataMatrix` (ISO/IEC 16022), GS1 QR Code and Digital Link QR Code
//! (ISO/IEC 18004), with quiet zone and human-readable text (GS1 General Specifications, sections 4.14 and 5).
//!
//! Out of scope: linear symbols, grading of print quality, colours.

mod font;
mod label;
mod plain;
mod raster;
mod svg;

pub use label::{Carrier, Label, ModuleWidth, NotDrawn};
pub use raster::Scale;
