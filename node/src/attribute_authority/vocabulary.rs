//! The labels of an authority's attributes, and what they mean.

use std::collections::BTreeMap;

use countersign_abe::Attribute;
use countersign_ledger::Hash;

use super::register::OWN_LABELS;

/// Most labels of the operator's.
const MAX_LABELS: usize = 32;
/// Longest meaning.
const MAX_MEANING: usize = 200;
/// What the authority gives by itself.
const OWN: &str = "\
epoch: a quarter of a year that the key is for, such as 2026-Q4\n\
member: who has the key, a SPIFFE ID\n";

/// The text that a published key names by its digest: `label: meaning` a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Vocabulary(String);

impl Vocabulary {
    /// The vocabulary of these labels; or the label that is none.
    pub(super) fn new(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        let holds = |(label, meaning): &(&String, &String)| {
            !OWN_LABELS.contains(&label.as_str())
                && Attribute::new(label, "x").is_ok()
                && (1..=MAX_MEANING).contains(&meaning.len())
                && !meaning.contains(char::is_control)
        };
        if let Some((label, _)) = labels
            .iter()
            .enumerate()
            .find_map(|(number, entry)| (number >= MAX_LABELS || !holds(&entry)).then_some(entry))
        {
            return Err(label.clone());
        }
        let lines: String = labels.iter().map(|(label, meaning)| format!("{label}: {meaning}\n")).collect();
        Ok(Self(format!("{OWN}{lines}")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}
