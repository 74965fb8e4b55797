//! Application Identifiers (GS1 General Specifications, section 3), generated from `data/ai.tsv`.

use super::charset::Charset;
use super::error::Gs1Error;
use super::rule::Rule;

include!(concat!(env!("OUT_DIR"), "/ai.rs"));

/// One Application Identifier and the rules for its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Ai {
    /// Two to four digits.
    pub code: &'static str,
    /// The length is predefined, so that no FNC1 follows.
    pub fixed: bool,
    /// May stand in the query of a Digital Link.
    pub query: bool,
    /// The parts of the value in order; only the last varies in length, and none after an optional one is mandatory.
    pub parts: &'static [Part],
    /// Each requirement must hold: one of its groups is present whole.
    pub needs: &'static [&'static [&'static [&'static str]]],
    /// Patterns of codes that may not appear beside it.
    pub never: &'static [&'static str],
    /// For a Digital Link key: the alternative orders of its qualifiers.
    pub path: Option<&'static [&'static [&'static str]]>,
    /// The GS1 data title.
    pub title: &'static str,
}

/// A part of a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Its character set.
    pub set: Charset,
    /// Least length in characters, when present.
    pub min: usize,
    /// Greatest length in characters.
    pub max: usize,
    /// May be missing.
    pub optional: bool,
    /// Rules beyond character set and length, in order.
    pub rules: &'static [Rule],
}

impl Ai {
    /// Every Application Identifier, in the order of the codes as text.
    #[must_use]
    pub fn all() -> &'static [Ai] {
        TABLE
    }

    /// The Application Identifier with exactly this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Ai> {
        Ai::by_bytes(code.as_bytes())
    }

    pub(super) fn by_bytes(code: &[u8]) -> Option<&'static Ai> {
        TABLE.binary_search_by(|ai| ai.code.as_bytes().cmp(code)).ok().map(|found| &TABLE[found])
    }

    /// The Application Identifier that a text begins with. No code is the beginning of another.
    pub(crate) fn at_start_of(text: &[u8]) -> Option<&'static Ai> {
        (2..=4).find_map(|length| Ai::by_bytes(text.get(..length)?))
    }

    /// The greatest length of a value.
    pub(crate) fn max(&self) -> usize {
        self.parts.iter().map(|part| part.max).sum()
    }

    pub(super) fn min(&self) -> usize {
        self.parts.iter().filter(|part| !part.optional).map(|part| part.min).sum()
    }

    /// Checks a whole value.
    pub(crate) fn check(&self, value: &[u8]) -> Result<(), Gs1Error> {
        if value.is_empty() {
            return Err(Gs1Error::NoValue(self.code));
        }
        let mut rest = value;
        for part in self.parts {
            let (head, tail) = rest.split_at(part.max.min(rest.len()));
            rest = tail;
            if head.is_empty() && part.optional {
                continue;
            }
            if head.len() < part.min {
                return Err(Gs1Error::WrongLength(self.code));
            }
            part.check(head).map_err(|fault| Gs1Error::Value { ai: self.code, fault })?;
        }
        if rest.is_empty() { Ok(()) } else { Err(Gs1Error::TooLong(self.code)) }
    }

    /// Whether the code fits a pattern in which `n` stands for any digit.
    pub(super) fn fits(&self, pattern: &str) -> bool {
        self.code.len() == pattern.len()
            && self.code.bytes().zip(pattern.bytes()).all(|(digit, wanted)| wanted == b'n' || wanted == digit)
    }
}

impl Part {
    fn check(&self, value: &[u8]) -> Result<(), super::error::Fault> {
        self.set.check(value)?;
        self.rules.iter().try_for_each(|rule| rule.check(value))
    }
}
