//! Element strings in brackets, as people type them: `(01)09506000134352(10)ABC`.

use super::MAX_TEXT;
use super::ai::Ai;
use super::draft::Draft;
use super::error::Gs1Error;
use super::message::{Element, Message};
use super::partner::Partners;

impl Message {
    /// From Application Identifiers in brackets, as typed by hand; a bracket within a value is written `\(`.
    pub fn from_bracketed(text: &str, partners: Partners) -> Result<Message, Gs1Error> {
        read(text)?.finish(partners)
    }

    /// With brackets around the Application Identifiers.
    #[must_use]
    pub fn to_bracketed(&self) -> String {
        write(&self.elements)
    }
}

fn read(text: &str) -> Result<Draft, Gs1Error> {
    if text.len() > MAX_TEXT {
        return Err(Gs1Error::TooMuchText);
    }
    let mut draft = Draft::default();
    let mut rest = text;
    while !rest.is_empty() {
        let inside = rest.strip_prefix('(').ok_or(Gs1Error::Brackets)?;
        let (code, tail) = inside.split_once(')').ok_or(Gs1Error::Brackets)?;
        let ai = Ai::by_code(code).ok_or(Gs1Error::UnknownAi)?;
        if tail.is_empty() {
            return Err(Gs1Error::Brackets);
        }
        let (value, next) = split_value(tail);
        check_length(ai, value.len())?;
        draft.push(ai, value.as_bytes())?;
        rest = next;
    }
    Ok(draft)
}

/// A wrong length is reported first: it also makes the check digit wrong.
pub(super) fn check_length(ai: &'static Ai, length: usize) -> Result<(), Gs1Error> {
    match length {
        0 => Err(Gs1Error::NoValue(ai.code)),
        _ if length < ai.min() => Err(Gs1Error::WrongLength(ai.code)),
        _ if length > ai.max() => Err(Gs1Error::TooLong(ai.code)),
        _ => Ok(()),
    }
}

/// The value up to the next bracket that is not written `\(`, and what follows from that bracket on.
fn split_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some(bracket) = rest.find('(') {
        let (before, from) = rest.split_at(bracket);
        let Some(before) = before.strip_suffix('\\') else {
            value.push_str(before);
            return (value, from);
        };
        value.push_str(before);
        value.push('(');
        rest = &from[1..];
    }
    value.push_str(rest);
    (value, "")
}

fn write(elements: &[Element]) -> String {
    let each =
        elements.iter().map(|element| format!("({}){}", element.ai.code, element.value.replace('(', r"\(")));
    each.collect()
}
