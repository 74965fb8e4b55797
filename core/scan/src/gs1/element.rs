//! Element strings as symbols carry them (GS1 General Specifications, section 7.8).

use super::MAX_TEXT;
use super::ai::Ai;
use super::draft::Draft;
use super::error::Gs1Error;
use super::message::{Element, Message};
use super::partner::Partners;

/// How a scanner sends the FNC1 that ends a value.
pub(crate) const GS: char = '\x1d';

impl Message {
    /// From what follows the symbology identifier of a GS1 symbol, FNC1 given as GS (0x1D).
    pub fn from_element_string(text: &str, partners: Partners) -> Result<Message, Gs1Error> {
        read(text)?.finish(partners)
    }

    /// What follows the symbology identifier, with GS (0x1D) only where a separator must be.
    #[must_use]
    pub fn to_element_string(&self) -> String {
        write(&self.elements)
    }
}

/// Values of predefined length end there; the others end at GS or at the end. A GS too many is harmless.
fn read(text: &str) -> Result<Draft, Gs1Error> {
    if text.len() > MAX_TEXT {
        return Err(Gs1Error::TooMuchText);
    }
    if text.contains('^') {
        return Err(Gs1Error::Caret);
    }
    let mut draft = Draft::default();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (ai, value, tail) = split_first(rest)?;
        draft.push(ai, value)?;
        rest = tail;
    }
    Ok(draft)
}

/// The first Application Identifier, its value and what follows the separator.
fn split_first(text: &[u8]) -> Result<(&'static Ai, &[u8], &[u8]), Gs1Error> {
    let ai = Ai::at_start_of(text).ok_or(Gs1Error::UnknownAi)?;
    let text = &text[ai.code.len()..];
    let separator = text.iter().position(|&byte| byte == GS as u8).unwrap_or(text.len());
    let end = if ai.fixed { separator.min(ai.max()) } else { separator };
    let (value, rest) = text.split_at(end);
    Ok((ai, value, rest.strip_prefix(&[GS as u8]).unwrap_or(rest)))
}

fn write(elements: &[Element]) -> String {
    let mut text = String::new();
    for (index, element) in elements.iter().enumerate() {
        text.push_str(element.ai.code);
        text.push_str(&element.value);
        if !element.ai.fixed && index + 1 < elements.len() {
            text.push(GS);
        }
    }
    text
}
