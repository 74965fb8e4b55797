//! The product that a code names as it is.

use thiserror::Error;

use crate::code::Code;
use crate::gs1::{Content, Date, Gs1Error, Gtin, Message, Partners};
use crate::ppn::Ppn;
use crate::product::Product;
use crate::slip::Reading;

/// Why a code names no product. None of these is evidence against the pack.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAProduct {
    /// Text that announces GS1 data, or a web link, and violates the rules: misread, misprinted or not meant for us.
    #[error(transparent)]
    Gs1(#[from] Gs1Error),
    /// Text that names no product as it came, and one if a slip has happened to it.
    #[error("{fault}; {}", .readings.first().map_or("", |reading| reading.slip.mend()))]
    Misread {
        /// What it is as it came.
        fault: Box<NotAProduct>,
        /// Possible readings, the likeliest first; at least one.
        readings: Vec<Reading>,
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

/// What the code says as it is.
pub(crate) fn product(code: &Code, current_year: u16) -> Result<Product, NotAProduct> {
    // What is missing in this symbol may be in another symbol of the pack.
    match code.content(Partners::OnAnyCarrier)? {
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
