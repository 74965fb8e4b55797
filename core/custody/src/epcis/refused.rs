//! Why a document, or an event, is refused: one list, each with the field to mend.

use super::{MAX_DOCUMENT, MAX_EVENTS};

/// A field that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {is}")]
pub struct Fault {
    /// The field, as a path.
    pub field: String,
    /// What is wrong with it.
    pub is: &'static str,
}

/// Why the words of a document cannot be trusted to mean what GS1 says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongContext {
    /// GS1's context is not named.
    #[error("the JSON-LD context does not name that of GS1's EPCIS 2.0")]
    Missing,
    /// It would have to be fetched.
    #[error(
        "the JSON-LD context `{0}` is not GS1's and would have to be fetched: write its terms into the document"
    )]
    Remote(String),
    /// It gives a word of GS1's another meaning.
    #[error("the JSON-LD context gives `{0}` another meaning: use a prefix of your own")]
    Remapped(String),
    /// It is too long.
    #[error("the JSON-LD context is too long")]
    TooLong,
}

/// Why a whole document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("the document is longer than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// Neither UTF-8 nor UTF-16.
    #[error("the document is neither UTF-8 nor UTF-16: save it as UTF-8")]
    Encoding,
    /// Neither JSON nor XML.
    #[error("not an EPCIS document: {0}")]
    Malformed(String),
    /// It is of another type or version.
    #[error("neither a document of EPCIS 2.0 nor one of EPCIS 1.2 in XML, but `{0}`")]
    Other(String),
    /// What is around its events is not as it must be.
    #[error("the document is invalid: {0}")]
    Invalid(Fault),
    /// Its context is not GS1's.
    #[error(transparent)]
    Context(#[from] WrongContext),
    /// More events than [`MAX_EVENTS`].
    #[error("the document has more than {MAX_EVENTS} events")]
    TooManyEvents,
}

impl From<Fault> for NotADocument {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

/// Why an event is not taken. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It cannot be read.
    #[error("the event is malformed: {0}")]
    Malformed(String),
    /// A context within it is not GS1's.
    #[error(transparent)]
    Context(#[from] WrongContext),
    /// It breaks a rule of GS1's schema.
    #[error("the event is invalid: {0}")]
    Invalid(Fault),
    /// Its sender has declared it to be wrong.
    #[error("the event was declared to be wrong{}", replaced(.0))]
    Withdrawn(Vec<String>),
    /// Another event has the same id and says something else.
    #[error("event {0} has the same id and says something else")]
    SameId(usize),
    /// An event before it is the same.
    #[error("the event is the same as event {0}")]
    Repeated(usize),
    /// Its type is not accepted.
    #[error("events of the type `{0}` are not accepted")]
    OtherType(String),
    /// It is about another business step than commissioning and shipping, or about none.
    #[error("{} is not accepted: only what is made and shipped is imported", step(.0))]
    OtherStep(String),
    /// The profile has no step for such an event.
    #[error("the profile has no statement for such an event")]
    NoStep,
    /// It names no goods.
    #[error("the event names no goods")]
    NoGoods,
    /// It names something other than trade items and logistic units.
    #[error("`{0}` is neither a trade item nor a logistic unit")]
    Key(String),
    /// The lot is not one that a label could carry.
    #[error("the lot `{0}` is not 1 to 20 of the characters that GS1 allows in a lot, which have no blank")]
    Lot(String),
    /// It contradicts itself, or the rest of the document, about the lot of the goods.
    #[error("`{goods}` is said to be of several lots: {lots}")]
    SeveralLots {
        /// The goods.
        goods: String,
        /// The lots.
        lots: String,
    },
    /// Nothing says what lot the goods are of.
    #[error("nothing says what lot `{0}` is of: give it with --lot")]
    NoLot(String),
    /// It counts goods in another unit than pieces.
    #[error("the goods are measured, not counted")]
    Measured,
    /// The same goods are named twice.
    #[error("`{0}` is named twice")]
    Twice(String),
    /// Its count is not the number of packs that it names.
    #[error("the event counts {counted} packs but names {named}")]
    Count {
        /// The number that it states.
        counted: u64,
        /// The number that it names.
        named: u64,
    },
    /// The step needs the signatures of both sides.
    #[error(
        "such a statement needs the signatures of both sides: they hand the goods over from phone to phone"
    )]
    BothSides,
    /// Such a statement cannot be about such goods.
    #[error("the profile has no such statement about `{0}`")]
    WrongLevel(String),
    /// The expiry is not a day.
    #[error("the expiry `{0}` is not a day, such as 2028-11-30")]
    Expiry(String),
    /// It names several receivers.
    #[error("the event names several receivers")]
    SeveralReceivers,
    /// It says too much of too many goods.
    #[error("the event adds too much to be repeated in each of its drafts: divide it")]
    SaidTooOften,
}

impl From<Fault> for NotTaken {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl NotTaken {
    /// The field to mend, as a path; empty if it is the event as a whole.
    pub fn field(&self) -> &str {
        match self {
            Self::Malformed(_) | Self::SaidTooOften => "",
            Self::Context(_) => "@context",
            Self::Invalid(fault) => &fault.field,
            Self::Withdrawn(_) => "errorDeclaration",
            Self::SameId(_) | Self::Repeated(_) => "eventID",
            Self::OtherType(_) => "type",
            Self::OtherStep(_) | Self::BothSides => "bizStep",
            Self::NoStep => "action",
            Self::NoGoods | Self::Key(_) | Self::Twice(_) | Self::WrongLevel(_) => "epcList",
            Self::Lot(_) | Self::SeveralLots { .. } | Self::NoLot(_) => "ilmd.cbvmda:lotNumber",
            Self::Measured => "quantityList.uom",
            Self::Count { .. } => "quantityList.quantity",
            Self::Expiry(_) => "ilmd.cbvmda:itemExpirationDate",
            Self::SeveralReceivers => "destinationList",
        }
    }
}

fn step(word: &str) -> String {
    if word.is_empty() {
        "an event without a business step".to_owned()
    } else {
        format!("the business step `{word}`")
    }
}

fn replaced(by: &[String]) -> String {
    if by.is_empty() { String::new() } else { format!(", and is replaced by {}", by.join(", ")) }
}
