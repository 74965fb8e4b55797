//! The product that a code names, as it is or if a slip has happened to it.

use thiserror::Error;

use crate::code::Code;
use crate::gs1::{Content, Partners};
use crate::named::{NotAProduct, product};
use crate::product::Product;
use crate::readings::{readings, slip_of};
use crate::slip::{Reading, Slip};
use crate::symbol::Symbol;

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
pub struct UnitMisread(pub Slip);
