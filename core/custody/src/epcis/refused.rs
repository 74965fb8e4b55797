//! Why nothing is taken of a document, or of an event.

use super::import::{MAX_DOCUMENT, MAX_EVENTS};

/// Why nothing of a document is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("the document is longer than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// No JSON, or not of a document's shape.
    #[error("not a document of EPCIS 2.0: {0}")]
    Malformed(String),
    /// It is something else, or of another version.
    #[error("not a document of EPCIS 2.0, but `{0}`")]
    Other(String),
    /// It does not take its words from GS1's context.
    #[error("the document's words are not those of GS1's context")]
    Vocabulary,
    /// More events than [`MAX_EVENTS`].
    #[error("the document has more than {MAX_EVENTS} events")]
    TooManyEvents,
}

/// Why an event is not taken. In the order of the checks: the first that fails is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is not of an event's shape.
    #[error("the event is malformed: {0}")]
    Malformed(String),
    /// It is of another type.
    #[error("events of the type `{0}` are not taken")]
    OtherType(String),
    /// Its sender has declared it to be wrong.
    #[error("the event was declared to be wrong")]
    Withdrawn,
    /// It is about another business step than commissioning and shipping.
    #[error("the business step `{0}` is not taken")]
    OtherStep(String),
    /// Its time is none, or its zone is missing.
    #[error("the event's time is missing, or no moment")]
    Time,
    /// The profile has no step that is such an event.
    #[error("the profile has no statement for such an event")]
    NoStep,
    /// The step needs the signatures of both sides.
    #[error("such a statement is made by both sides together")]
    BothSides,
    /// It names no goods.
    #[error("the event names no goods")]
    NoGoods,
    /// It names something else than trade items and logistic units.
    #[error("`{0}` names no trade item and no logistic unit")]
    Key(String),
    /// It counts goods in another unit than pieces.
    #[error("the goods are measured and not counted")]
    Measured,
    /// It is about several products.
    #[error("the event is about several products")]
    SeveralProducts,
    /// It is about several lots, or says two things of the lot.
    #[error("the event is about several lots")]
    SeveralLots,
    /// It does not say of which lot the goods are.
    #[error("the event does not tell the lot")]
    NoLot,
    /// Such a statement is never about such goods.
    #[error("such a statement is not about such goods")]
    WrongLevel,
    /// A pack is named twice.
    #[error("the pack `{0}` is named twice")]
    Twice(String),
    /// It counts other packs than it names.
    #[error("the event counts {counted} packs and names {named}")]
    Count {
        /// How many it says there are.
        counted: u64,
        /// How many it names.
        named: u64,
    },
    /// The expiry is no day.
    #[error("the expiry `{0}` is no day")]
    Expiry(String),
    /// It names several receivers.
    #[error("the event names several receivers")]
    SeveralReceivers,
}
