//! A message while it is read.

use super::ai::Ai;
use super::error::Gs1Error;
use super::message::{Element, MAX_ELEMENTS, Message};
use super::partner::{self, Partners};

impl Message {
    /// From pairs of Application Identifier and value, in the order in which they are to be written.
    pub fn from_pairs(pairs: &[(&str, &str)], partners: Partners) -> Result<Message, Gs1Error> {
        let mut draft = Draft::default();
        for (code, value) in pairs {
            draft.push(Ai::by_code(code).ok_or(Gs1Error::UnknownAi)?, value.as_bytes())?;
        }
        draft.finish(partners)
    }
}

/// A message whose elements are valid each, and whose pairs are still to be checked.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) elements: Vec<Element>,
    pub(super) path: usize,
    pub(super) ignored: Vec<String>,
}

impl Draft {
    pub(super) fn push(&mut self, ai: &'static Ai, value: &[u8]) -> Result<(), Gs1Error> {
        ai.check(value)?;
        if self.elements.len() + self.ignored.len() >= MAX_ELEMENTS {
            return Err(Gs1Error::TooMany);
        }
        // Every character set is a part of ASCII, so nothing is lost.
        self.elements.push(Element { ai, value: String::from_utf8_lossy(value).into_owned() });
        Ok(())
    }

    pub(super) fn finish(self, partners: Partners) -> Result<Message, Gs1Error> {
        if self.elements.is_empty() {
            return Err(Gs1Error::Empty);
        }
        partner::check(&self.elements, partners)?;
        Ok(Message { elements: self.elements, path: self.path, ignored: self.ignored })
    }
}
