//! The product that a pack's code names.

use thiserror::Error;

use crate::gs1::{Content, Date, Gs1Error, Gtin, LinkFault, Message, Partners};
use crate::ppn::Ppn;
use crate::product::Product;
use crate::split::readings;
use crate::symbol::Symbol;

/// Why a symbol names no product. None of these is evidence against the pack.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAProduct {
    /// A symbol that announces GS1 data, or a web link, and violates the rules: misread, misprinted or not meant for
    /// us.
    #[error(transparent)]
    Gs1(#[from] Gs1Error),
    /// Text that violates the rules as read, such as a serial that is too long, but satisfies them if separators were
    /// lost.
    #[error("{fault}, unless a separator was lost")]
    Unseparated {
        /// The violation.
        fault: Gs1Error,
        /// Possible readings; fewest lost separators first.
        readings: Vec<Product>,
    },
    /// GS1 data about something else, such as a pallet or a place.
    #[error("the code names no article")]
    NoGtin,
    /// A pack numbered by IFA and without a GTIN, or with a batch or serial number that cannot be one.
    #[error("the pack is numbered with a PPN, {}", .0.fault().unwrap_or("and has no GTIN"))]
    Ppn(Ppn),
    /// Another kind of text.
    #[error("the code holds other text")]
    Other,
}

/// The product that a symbol names. `current_year`, such as 2026, decides which century a date of six digits is in.
pub fn identify(symbol: &Symbol, current_year: u16) -> Result<Product, NotAProduct> {
    identify_text(&symbol.identifier, &symbol.text, current_year)
}

/// The same for the output of a hand-held scanner, split into symbology identifier and text.
pub fn identify_text(identifier: &str, text: &str, current_year: u16) -> Result<Product, NotAProduct> {
    // What is missing in this symbol may be in another symbol of the pack.
    let partners = Partners::OnAnyCarrier;
    let content = match Content::from_symbol(identifier, text, partners) {
        Err(Gs1Error::Link(LinkFault::NoKey)) => Message::from_compressed_link(text, partners)
            .map(Content::Gs1)
            .map_err(|_| Gs1Error::Link(LinkFault::NoKey)),
        other => other,
    };
    let content = content.map_err(|fault| match readings(text, current_year) {
        readings if readings.is_empty() => NotAProduct::Gs1(fault),
        readings => NotAProduct::Unseparated { fault, readings },
    })?;
    match content {
        Content::Gs1(message) => Product::from_message(&message, current_year),
        Content::Ean(gtin) => Ok(Product { gtin, lot: None, serial: None, expiry: None }),
        Content::Plain(text) => match Ppn::read(&text, current_year) {
            Some(ppn) => ppn.product().ok_or(NotAProduct::Ppn(ppn)),
            None => Err(NotAProduct::Other),
        },
    }
}

impl Product {
    /// The product among the elements of a message.
    pub fn from_message(message: &Message, current_year: u16) -> Result<Product, NotAProduct> {
        let gtin = Gtin::new(message.value("01").ok_or(NotAProduct::NoGtin)?)?;
        let date = |code, value: &str| {
            let day = value.get(..6).unwrap_or_default();
            Date::from_yymmdd(day, current_year).map_err(|fault| Gs1Error::Value { ai: code, fault })
        };
        // (7003) is the expiry to the minute, for short-lived products.
        let expiry = ["17", "7003"].into_iter().find_map(|code| Some(date(code, message.value(code)?)));
        let text = |code| message.value(code).map(str::to_owned);
        Ok(Product { gtin, lot: text("10"), serial: text("21"), expiry: expiry.transpose()? })
    }
}
