//! The content of a symbol, by its symbology identifier (ISO/IEC 15424).

use super::error::Gs1Error;
use super::gtin::Gtin;
use super::message::Message;
use super::partner::Partners;
use super::{MAX_TEXT, link};

/// The content of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// GS1 data.
    Gs1(Message),
    /// The number under an EAN or UPC symbol.
    Ean(Gtin),
    /// Anything else: never GS1 data, even when the bytes look like it.
    Plain(String),
}

impl Content {
    /// Whether it is neither GS1 data nor a product's number.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Content::Plain(_))
    }

    /// From a reader's line: `]`, two characters of symbology identifier, data with FNC1 as GS (0x1D).
    pub fn from_line(line: &str, partners: Partners) -> Result<Content, Gs1Error> {
        match line.char_indices().nth(3).map(|(at, _)| line.split_at(at)) {
            Some((identifier, data)) if line.starts_with(']') => {
                Content::from_symbol(identifier, data, partners)
            }
            // Three characters are an identifier with nothing behind it.
            None if line.starts_with(']') && line.chars().count() == 3 => {
                Content::from_symbol(line, "", partners)
            }
            _ => Err(Gs1Error::NoSymbology),
        }
    }

    /// From the symbology identifier, such as `]d2`, and the data. Only an identifier that announces FNC1 in first
    /// position makes the data element strings; plain data may be a Digital Link.
    pub fn from_symbol(identifier: &str, data: &str, partners: Partners) -> Result<Content, Gs1Error> {
        if data.len() > MAX_TEXT {
            return Err(Gs1Error::TooMuchText);
        }
        match identifier {
            "]d2" | "]d8" | "]Q3" | "]C1" | "]e0" | "]J1" => {
                Message::from_element_string(data, partners).map(Content::Gs1)
            }
            "]d1" | "]d7" | "]Q1" | "]J0" => Content::from_plain(data, partners),
            "]E0" if data.len() == 13 => ean(data),
            "]E4" if data.len() == 8 => ean(data),
            "]E0" | "]E4" => Err(Gs1Error::Ean),
            _ => Err(Gs1Error::UnknownSymbology),
        }
    }

    /// From data that no FNC1 announces. A web link must be a Digital Link; any other text is plain.
    pub fn from_plain(data: &str, partners: Partners) -> Result<Content, Gs1Error> {
        if data.len() > MAX_TEXT {
            return Err(Gs1Error::TooMuchText);
        }
        if link::is_web_link(data) {
            return Message::from_link(data, partners).map(Content::Gs1);
        }
        Ok(Content::Plain(data.to_owned()))
    }
}

fn ean(digits: &str) -> Result<Content, Gs1Error> {
    Gtin::new(digits).map(Content::Ean).map_err(|_| Gs1Error::Ean)
}
