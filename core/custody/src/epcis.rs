//! EPCIS 2.0 (GS1, JSON-LD binding, with the vocabulary of CBV 2.0): histories as documents for partners whose systems
//! read events, and partners' events as drafts of statements.
//!
//! A document is a translation, not evidence. A [written](document) document repeats verified statements and names each
//! by its id, so anyone can check it against the ledger. Nothing in a document that is [`read`] is trusted until
//! somebody signs it as their own statement. The profile defines which statements are events, and of what type
//! ([`Rule`]).
//!
//! In scope: object events; aggregation events, written only. Out of scope: transformation, association, sensors, master
//! data, queries, event hashes (implementations of them disagree).

mod document;
mod import;
mod key;
mod refused;
mod shape;
mod time;
mod words;

use serde::{Deserialize, Deserializer, de::Error as _};

pub use self::document::{Around, Exported, LeftOut, NotAnEvent, document};
pub use self::import::{MAX_DOCUMENT, MAX_EVENTS, Proposal, read};
pub use self::refused::{NotADocument, NotTaken};

/// The namespace of terms that EPCIS lacks, and of event ids.
pub const NAMESPACE: &str = "urn:countersign:";

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
