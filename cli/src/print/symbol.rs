//! Symbols that were read.

use countersign_custody::words::sanitize;
use countersign_scan::{Format, Product, Symbol, identify};
use serde_json::{Value, json};

use crate::home::year;

/// A symbol for a person.
pub fn sentence(symbol: &Symbol) -> String {
    let text = sanitize(&symbol.text.replace('\u{1d}', "␝"));
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
        "part": symbol.part.as_ref().map(|part| json!({ "number": part.number, "of": part.of, "id": part.id })),
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
