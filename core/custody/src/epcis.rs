//! EPCIS 2.0 (GS1, JSON-LD binding, with the words of CBV 2.0): histories of goods for partners whose systems read events,
//! and their events as drafts of statements.
//!
//! A document is a translation, not evidence. What is [written](document) repeats what verified statements say and names each
//! by its id, so whoever likes can check it against the ledger; what is [`read`] is believed by nobody until somebody
//! signs it as their own word. Which statements are events, and of what kind, the profile says ([`Rule`]).
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

pub use self::document::document;
pub use self::import::{MAX_DOCUMENT, MAX_EVENTS, Proposal, read};
pub use self::refused::{NotADocument, NotTaken};

/// The namespace of what EPCIS has no word for, and of event ids.
pub const NAMESPACE: &str = "urn:countersign:";

/// Which event a step's statements are.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Of signers in this role; of all if it is left out. The first rule that fits counts.
    pub when_signer: Option<String>,
    /// The type of the event.
    #[serde(default)]
    pub event: EventType,
    /// What it does to the goods' being.
    pub action: Action,
    /// Its business step, a bare word of the CBV.
    #[serde(deserialize_with = "business_step")]
    pub step: String,
    /// In which state it leaves the goods, a bare word of the CBV.
    #[serde(deserialize_with = "disposition")]
    pub disposition: String,
}

/// The type of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventType {
    /// Something happened to the goods.
    #[default]
    Object,
    /// Goods were put into a logistic unit, or taken out.
    Aggregation,
}

/// What an event does to the being of what it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Brings it into being.
    Add,
    /// Leaves it as it is.
    Observe,
    /// Ends it.
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
        Err(D::Error::custom(format!("`{word}` is no such word of the CBV")))
    }
}
