//! The shape of a document, as far as it is read. Everything else is ignored.

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_json::value::RawValue;

use super::MAX_EVENTS;
use super::NAMESPACE;

/// Longest context.
const MAX_CONTEXT: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(rename = "@context")]
    context: Box<RawValue>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) schema_version: String,
    pub(super) epcis_body: Body,
}

/// The JSON-LD context of a document.
#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    Address(String),
    Several(Vec<Context>),
    Terms(Terms),
}

/// Terms that the document defines itself. Only those that we read matter.
#[derive(Deserialize)]
struct Terms {
    cbvmda: Option<String>,
    countersign: Option<String>,
}

impl Document {
    /// Whether the document uses GS1's context and does not redefine its terms.
    pub(super) fn speaks_gs1(&self) -> bool {
        let context = self.context.get();
        context.len() <= MAX_CONTEXT
            && serde_json::from_str(context).is_ok_and(|context: Context| context.is_gs1())
    }
}

impl Context {
    /// Whether GS1's terms are there and are not redefined.
    fn is_gs1(&self) -> bool {
        match self {
            Self::Address(address) => {
                let known = ["https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/"];
                known.iter().any(|start| address.starts_with(start))
            }
            Self::Several(parts) => parts.iter().any(Self::is_gs1) && !parts.iter().any(Self::turns_words),
            Self::Terms(_) => false,
        }
    }

    fn turns_words(&self) -> bool {
        let turned = |word: &Option<String>, meaning| word.as_ref().is_some_and(|word| word != meaning);
        match self {
            Self::Terms(terms) => {
                turned(&terms.cbvmda, "urn:epcglobal:cbv:mda:") || turned(&terms.countersign, NAMESPACE)
            }
            Self::Address(_) | Self::Several(_) => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    pub(super) event_list: Events,
}

/// Events, each still unparsed; one more than the maximum, if there are more.
pub(super) struct Events(pub(super) Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EventsVisitor)
    }
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events, A::Error> {
        let mut events = Vec::new();
        while events.len() <= MAX_EVENTS {
            match list.next_element()? {
                Some(event) => events.push(event),
                None => return Ok(Events(events)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Events(events))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(rename = "eventID")]
    pub(super) id: Option<String>,
    pub(super) action: Option<String>,
    pub(super) biz_step: Option<String>,
    #[serde(rename = "eventTime")]
    pub(super) time: Option<String>,
    #[serde(rename = "eventTimeZoneOffset")]
    pub(super) zone: Option<String>,
    pub(super) error_declaration: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) epc_list: Vec<String>,
    #[serde(default)]
    pub(super) quantity_list: Vec<Quantity>,
    #[serde(default)]
    pub(super) destination_list: Vec<Destination>,
    pub(super) ilmd: Option<Ilmd>,
    /// The lot of single packs, in our own documents.
    #[serde(rename = "countersign:lot")]
    pub(super) lot: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Quantity {
    pub(super) epc_class: String,
    #[serde(rename = "quantity")]
    pub(super) count: Option<Number>,
    pub(super) uom: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Destination {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) destination: String,
}

/// Master data of commissioned goods.
#[derive(Deserialize)]
pub(super) struct Ilmd {
    #[serde(rename = "cbvmda:lotNumber", alias = "urn:epcglobal:cbv:mda:lotNumber")]
    pub(super) lot: Option<String>,
    #[serde(rename = "cbvmda:itemExpirationDate", alias = "urn:epcglobal:cbv:mda:itemExpirationDate")]
    pub(super) expiry: Option<String>,
}
