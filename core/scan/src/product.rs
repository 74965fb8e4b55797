//! The product that a pack's code names.

use thiserror::Error;

use crate::gs1::{Content, Date, Gs1Error, Gtin, LinkFault, Message, Partners};
use crate::ppn::Ppn;
use crate::split::readings;
use crate::symbol::Symbol;

/// The identity printed on a pack: a claim until the ledger confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// The article, AI (01).
    pub gtin: Gtin,
    /// The batch, AI (10).
    pub lot: Option<String>,
    /// The serial number, AI (21).
    pub serial: Option<String>,
    /// The expiry day, AI (17) or (7003).
    pub expiry: Option<Date>,
}

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
    /// A pack numbered by IFA and without a GTIN.
    #[error("the pack is numbered with a PPN")]
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

    /// The message to print on the pack. Fails if lot or serial is too long or has characters that GS1 does not allow.
    pub fn to_message(&self) -> Result<Message, Gs1Error> {
        let expiry = self.expiry.map(Date::yymmdd);
        let fields = [
            ("01", Some(self.gtin.as_str())),
            ("17", expiry.as_deref()),
            ("10", self.lot()),
            ("21", self.serial()),
        ];
        let present: Vec<_> = fields.into_iter().filter_map(|(code, value)| Some((code, value?))).collect();
        Message::from_pairs(&present, Partners::Required)
    }

    /// The article as a subject: `https://id.gs1.org/01/{gtin}`.
    #[must_use]
    pub fn class_uri(&self) -> String {
        self.uri(&[])
    }

    /// The batch as a subject: `https://id.gs1.org/01/{gtin}/10/{lot}`.
    #[must_use]
    pub fn lot_uri(&self) -> Option<String> {
        self.lot().map(|lot| self.uri(&[("10", lot)]))
    }

    /// The pack as a subject: `https://id.gs1.org/01/{gtin}/10/{lot}/21/{serial}`, without the lot if there is none.
    #[must_use]
    pub fn pack_uri(&self) -> Option<String> {
        let serial = self.serial()?;
        Some(match self.lot() {
            Some(lot) => self.uri(&[("10", lot), ("21", serial)]),
            None => self.uri(&[("21", serial)]),
        })
    }

    fn lot(&self) -> Option<&str> {
        self.lot.as_deref()
    }

    fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    fn uri(&self, qualifiers: &[(&str, &str)]) -> String {
        crate::gs1::canonical_path([("01", self.gtin.as_str())].iter().chain(qualifiers))
    }
}
