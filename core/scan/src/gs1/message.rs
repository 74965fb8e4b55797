//! A message: the data of one symbol, as a list of element strings.

use super::ai::Ai;

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
