//! A message: the data of one symbol, as a list of element strings.

use super::ai::Ai;
use super::error::{Gs1Error, NoLink};
use super::partner::{self, Partners};
use super::{bracket, element, hri, link};

/// The most element strings in a message; the official engine's bound. A pack has four or five.
pub(super) const MAX_ELEMENTS: usize = 64;

/// Checked GS1 data: every value satisfies the rules of its Application Identifier, and no two contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub(super) elements: Vec<Element>,
    /// How many of the elements were in the path, if read from a link: that order is kept when written again.
    pub(super) path: usize,
    pub(super) ignored: Vec<String>,
}

/// An Application Identifier with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub(super) ai: &'static Ai,
    pub(super) value: String,
}

impl Message {
    /// From pairs of Application Identifier and value, in the order in which they are to be written.
    pub fn from_pairs(pairs: &[(&str, &str)], partners: Partners) -> Result<Message, Gs1Error> {
        let mut draft = Draft::default();
        for (code, value) in pairs {
            draft.push(Ai::by_code(code).ok_or(Gs1Error::UnknownAi)?, value.as_bytes())?;
        }
        draft.finish(partners)
    }

    /// From what follows the symbology identifier of a GS1 symbol, FNC1 given as GS (0x1D).
    pub fn from_element_string(text: &str, partners: Partners) -> Result<Message, Gs1Error> {
        element::read(text)?.finish(partners)
    }

    /// From Application Identifiers in brackets, as typed by hand; a bracket within a value is written `\(`.
    pub fn from_bracketed(text: &str, partners: Partners) -> Result<Message, Gs1Error> {
        bracket::read(text)?.finish(partners)
    }

    /// From a Digital Link URI. The domain is neither fetched nor trusted.
    pub fn from_link(uri: &str, partners: Partners) -> Result<Message, Gs1Error> {
        link::read(uri)?.finish(partners)
    }

    /// From a Digital Link whose last segment is compressed. Any short path may look like one, so this is tried only on
    /// a link that names no key, and accepted only if every rule is satisfied.
    pub fn from_compressed_link(uri: &str, partners: Partners) -> Result<Message, Gs1Error> {
        link::read_compressed(uri)?.finish(partners)
    }

    /// The elements, in order; the same Application Identifier may occur again with the same value.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Whether this was read from a Digital Link that is not compressed.
    #[must_use]
    pub fn is_from_link(&self) -> bool {
        self.path > 0
    }

    /// Parameters of the link that are not Application Identifiers, unchanged.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The value of an Application Identifier.
    #[must_use]
    pub fn value(&self, code: &str) -> Option<&str> {
        self.elements.iter().find(|element| element.ai.code == code).map(Element::value)
    }

    /// What follows the symbology identifier, with GS (0x1D) only where a separator must be.
    #[must_use]
    pub fn to_element_string(&self) -> String {
        element::write(&self.elements)
    }

    /// With brackets around the Application Identifiers.
    #[must_use]
    pub fn to_bracketed(&self) -> String {
        bracket::write(&self.elements)
    }

    /// The canonical Digital Link URI, on `https://id.gs1.org`.
    pub fn to_link(&self) -> Result<String, NoLink> {
        link::write(self)
    }

    /// Human-readable lines, one for each element: `(01) 09506000134352`.
    #[must_use]
    pub fn to_lines(&self) -> Vec<String> {
        hri::lines(&self.elements)
    }
}

impl Element {
    /// Its Application Identifier.
    #[must_use]
    pub fn ai(&self) -> &'static Ai {
        self.ai
    }

    /// Its value; ASCII only.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
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
