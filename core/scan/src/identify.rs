//! The product that a code names.

use thiserror::Error;

use crate::code::Code;
use crate::gs1::{Content, Date, Gs1Error, Gtin, Message, Partners};
use crate::ppn::Ppn;
use crate::product::Product;
use crate::slip::{Reading, readings, slip_of};
use crate::symbol::Symbol;

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

/// The product that a symbol names. `current_year`, such as 2026, decides which century a date of six digits is in.
pub fn identify(symbol: &Symbol, current_year: u16) -> Result<Product, NotAProduct> {
    Code::from(symbol).product(current_year)
}

/// The same for the output of a hand-held scanner, split into symbology identifier and text.
pub fn identify_text(identifier: &str, text: &str, current_year: u16) -> Result<Product, NotAProduct> {
    Code::scanned(identifier, text).product(current_year)
}

impl Code {
    /// The product that it names. `current_year`, such as 2026, decides which century a date of six digits is in.
    pub fn product(&self, current_year: u16) -> Result<Product, NotAProduct> {
        let fault = match product(self, current_year) {
            Err(fault @ (NotAProduct::Gs1(_) | NotAProduct::Other)) => fault,
            read => return read,
        };
        match readings(self, None, current_year) {
            readings if readings.is_empty() => Err(fault),
            readings => Err(NotAProduct::Misread { fault: Box::new(fault), readings }),
        }
    }

    /// What else it may say if a slip has happened to it, the likeliest first.
    #[must_use]
    pub fn readings(&self, current_year: u16) -> Vec<Reading> {
        readings(self, product(self, current_year).ok().as_ref(), current_year)
    }

    /// The logistic unit that it names, an SSCC of 18 digits; `None` if it names something else. A text that would name
    /// one if a slip had happened to it is refused with what mends it.
    pub fn unit(&self) -> Result<Option<String>, UnitMisread> {
        let sscc = |content: &Content| match content {
            Content::Gs1(message) => message.value("00").map(str::to_owned),
            Content::Ean(_) | Content::Plain(_) => None,
        };
        let content = self.content(Partners::OnAnyCarrier);
        let refused = match &content {
            Ok(content @ Content::Gs1(_)) => return Ok(sscc(content)),
            Ok(_) => content.is_ok(),
            Err(_) => true,
        };
        match slip_of(self, |content| sscc(content).is_some()).filter(|_| refused) {
            Some(slip) => Err(UnitMisread(slip)),
            None => Ok(None),
        }
    }
}

/// The text would name a logistic unit if a slip had happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.mend())]
pub struct UnitMisread(pub crate::Slip);

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
