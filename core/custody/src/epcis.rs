//! EPCIS 2.0 (GS1, JSON-LD binding, with the vocabulary of CBV 2.0): histories as documents for partners whose systems
//! read events, and partners' events as drafts of statements.
//!
//! A document is a translation, not evidence. A [written](document) document repeats verified statements and names each
//! by its id, so anyone can check it against the ledger. Nothing in a document that is [`read`] is trusted until
//! somebody signs it as their own statement. The profile defines which statements are events, and of what type
//! ([`Rule`]).
//!
//! A partner's document goes through one reader: `form` finds the events, in JSON or XML, and gives them one shape (`xml`);
//! `context` says what the prefixes of their names mean; `schema` judges them by the tables in `shape`; `hash` tells the same
//! event from another; `import` proposes what they say. `refused` is the one list of reasons.
//!
//! In scope: object events; aggregation events, written only. Out of scope: transformation, association, master data,
//! queries. What sensors measured, and what partners add, is kept unread.

mod context;
mod document;
mod extensions;
mod form;
mod found;
mod hash;
mod import;
mod json;
mod key;
mod refused;
mod schema;
mod shape;
mod time;
mod uri;
mod words;
mod xml;

use countersign_ledger::Subject;
use serde::{Deserialize, Deserializer, de::Error as _};

pub use self::document::{Around, Exported, LeftOut, NotAnEvent, document, text};
pub use self::extensions::extend;
pub use self::import::{LotOf, Proposal, event_ids, read};
pub use self::refused::{Fault, NotADocument, NotTaken, WrongContext};

/// The namespace of terms that EPCIS lacks, and of event ids.
pub const NAMESPACE: &str = "urn:countersign:";

/// Largest document: some 250,000 serial numbers.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
/// Most events of one document.
pub const MAX_EVENTS: usize = 10_000;

/// The event type of a step's statements.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Applies to signers in this role; to all if it is left out. The first rule that fits counts.
    pub when_signer: Option<String>,
    /// The type of the event.
    #[serde(default)]
    pub event: EventType,
    /// Its action.
    pub action: Action,
    /// Its business step, a bare word of the CBV.
    #[serde(deserialize_with = "business_step")]
    pub step: String,
    /// The disposition of the goods after it, a bare word of the CBV.
    #[serde(deserialize_with = "disposition")]
    pub disposition: String,
}

/// The type of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventType {
    /// Something happened to the goods (`ObjectEvent`).
    #[default]
    Object,
    /// Goods were put into a logistic unit, or taken out (`AggregationEvent`).
    Aggregation,
}

/// The action of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The object begins to exist, or enters the unit (`ADD`).
    Add,
    /// The object is observed and stays as it is (`OBSERVE`).
    Observe,
    /// The object ceases to exist, or leaves the unit (`DELETE`).
    Delete,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Observe => "OBSERVE",
            Self::Delete => "DELETE",
        }
    }
}

/// The lot number in the name of a lot or a pack, as printed on the label.
pub fn lot_number(subject: &Subject) -> Option<String> {
    match key::Key::parse(subject.as_str())? {
        key::Key::Item { lot, .. } => lot,
        key::Key::Unit { .. } => None,
    }
}

fn business_step<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    word(words::STEPS, deserializer)
}

fn disposition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    word(words::DISPOSITIONS, deserializer)
}

fn word<'de, D: Deserializer<'de>>(known: &[&str], deserializer: D) -> Result<String, D::Error> {
    let word = String::deserialize(deserializer)?;
    if known.contains(&word.as_str()) {
        Ok(word)
    } else {
        Err(D::Error::custom(format!("the CBV has no such word as `{word}`")))
    }
}
