//! `scan`: reads the codes in pictures, without the ledger.

use anyhow::Result;
use countersign_scan::{Format, Product, Symbol, identify};
use serde_json::{Value, json};

use super::live;
use crate::args::Scan;
use crate::camera::Frames;
use crate::home::year;
use crate::output::{say, told};
use crate::pack;

/// Prints the symbols of each picture, or those that a camera sees; the exit code is 1 if a picture could not be read or
/// has none, or the camera saw none.
pub fn run(args: &Scan, as_json: bool) -> Result<u8> {
    match (args.camera, &args.frames) {
        (Some(number), _) => live::run(Frames::device(number)?, as_json),
        (None, Some(folder)) => live::run(Frames::folder(folder)?, as_json),
        (None, None) => Ok(pictures(args, as_json)),
    }
}

fn pictures(args: &Scan, as_json: bool) -> u8 {
    let mut code = 0;
    for path in &args.pictures {
        let file = path.display().to_string();
        let read = pack::symbols(path);
        if read.as_ref().map_or(true, Vec::is_empty) {
            code = 1;
        }
        if as_json {
            let line = match &read {
                Ok(symbols) => {
                    json!({ "file": file, "symbols": symbols.iter().map(symbol_json).collect::<Vec<_>>() })
                }
                Err(error) => json!({ "file": file, "symbols": [], "error": told(error) }),
            };
            say!("{line}");
            continue;
        }
        match read {
            Ok(symbols) if symbols.is_empty() => say!("{file}\n  no code found"),
            Ok(symbols) => {
                say!("{file}");
                for symbol in &symbols {
                    say!("  {}", sentence(symbol));
                }
            }
            Err(error) => say!("{file}\n  {}", told(&error)),
        }
    }
    code
}

/// A symbol for a person.
pub fn sentence(symbol: &Symbol) -> String {
    let text = symbol.text.replace('\u{1d}', "␝");
    match identify(symbol, year()) {
        Ok(product) => format!("{} {text}\n    {}", symbol.identifier, link(&product)),
        Err(reason) => format!("{} {text}\n    names no product: {reason}", symbol.identifier),
    }
}

/// A symbol for a script.
pub fn symbol_json(symbol: &Symbol) -> Value {
    let product = identify(symbol, year());
    json!({
        "format": match symbol.format { Format::Qr => "QRCode", Format::DataMatrix => "DataMatrix" },
        "identifier": symbol.identifier,
        "text": symbol.text,
        "damaged": symbol.is_damaged(),
        "product": product.as_ref().ok().map(product_json),
        "reason": product.as_ref().err().map(ToString::to_string),
    })
}

fn product_json(product: &Product) -> Value {
    json!({
        "gtin": product.gtin.as_str(),
        "lot": product.lot,
        "serial": product.serial,
        "expiry": product.expiry.map(|date| date.to_string()),
        "link": link(product),
    })
}

/// The narrowest canonical Digital Link of a product.
fn link(product: &Product) -> String {
    product.pack_uri().or_else(|| product.lot_uri()).unwrap_or_else(|| product.class_uri())
}
