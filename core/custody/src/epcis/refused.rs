//! Why a document, or an event, is refused.

use super::{MAX_DOCUMENT, MAX_EVENTS};

/// Why a whole document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("the document is longer than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// Not JSON, or not of a document's shape.
    #[error("not an EPCIS 2.0 document: {0}")]
    Malformed(String),
    /// It is of another type or version.
    #[error("not an EPCIS 2.0 document, but `{0}`")]
    Other(String),
    /// Its JSON-LD context is not GS1's.
    #[error("the document's JSON-LD context is not that of GS1's EPCIS 2.0")]
    Vocabulary,
    /// More events than [`MAX_EVENTS`].
    #[error("the document has more than {MAX_EVENTS} events")]
    TooManyEvents,
}

/// Why an event is refused. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is not of an event's shape.
    #[error("the event is malformed: {0}")]
    Malformed(String),
    /// Its type is not accepted.
    #[error("events of the type `{0}` are not accepted")]
    OtherType(String),
    /// Its sender has declared it to be wrong.
    #[error("the event was declared to be wrong")]
    Withdrawn,
    /// It is about another business step than commissioning and shipping.
    #[error("the business step `{0}` is not accepted")]
    OtherStep(String),
    /// Its time is malformed, or the zone is missing.
    #[error("the event's time is missing or malformed")]
    Time,
    /// The profile has no step for such an event.
    #[error("the profile has no statement for such an event")]
    NoStep,
    /// The step needs the signatures of both sides.
    #[error("such a statement needs the signatures of both sides")]
    BothSides,
    /// It names no goods.
    #[error("the event names no goods")]
    NoGoods,
    /// It names something other than trade items and logistic units.
    #[error("`{0}` is neither a trade item nor a logistic unit")]
    Key(String),
    /// It counts goods in another unit than pieces.
    #[error("the goods are measured, not counted")]
    Measured,
    /// It is about several products.
    #[error("the event is about several products")]
    SeveralProducts,
    /// It is about several lots, or contradicts itself about the lot.
    #[error("the event is about several lots")]
    SeveralLots,
    /// It does not name the lot of the goods.
    #[error("the event does not name the lot")]
    NoLot,
    /// Such a statement cannot be about such goods.
    #[error("such a statement cannot be about such goods")]
    WrongLevel,
    /// A pack is named twice.
    #[error("the pack `{0}` is named twice")]
    Twice(String),
    /// Its count is not the number of packs that it names.
    #[error("the event counts {counted} packs but names {named}")]
    Count {
        /// The number that it states.
        counted: u64,
        /// The number that it names.
        named: u64,
    },
    /// The expiry is not a day.
    #[error("the expiry `{0}` is not a day")]
    Expiry(String),
    /// It names several receivers.
    #[error("the event names several receivers")]
    SeveralReceivers,
}
