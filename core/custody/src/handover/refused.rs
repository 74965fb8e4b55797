//! Why a handover does not come about.

use countersign_ledger::{CertificateError, FormatError, Refusal, SignError};

use crate::fault::{Fault, FaultReason};

/// Why a handover does not come about. Nothing has changed. In the order of the checks: the first that fails is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Not a message of a handover, or not of the kind that is awaited.
    #[error("this is no message of a handover")]
    Malformed,
    /// The goods have moved more often than one message can carry.
    #[error("the goods have moved too often to be shown")]
    TooLong,
    /// A certificate that came along is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A statement that came along is not to be believed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The statements are about several things.
    #[error("the statements are not all about the same goods")]
    OtherSubject,
    /// A statement is missing between two.
    #[error("a statement on the goods is missing")]
    BrokenChain,
    /// The goods have no statement from which on somebody holds them.
    #[error("nobody is stated to hold the goods")]
    NoHolder,
    /// Whoever offers does not hold the goods.
    #[error("whoever offers the goods does not hold them")]
    NotTheCustodian,
    /// The offer lies in the future.
    #[error("the offer is dated in the future")]
    FromTheFuture,
    /// The offer has run out, or was made for too long.
    #[error("the offer has run out")]
    OfferExpired,
    /// The offer is for somebody else.
    #[error("the offer is for somebody else")]
    NotForYou,
    /// What was scanned is not what is offered.
    #[error("the goods are not those that are offered")]
    GoodsDiffer,
    /// The list of what is in the unit is not the one by which it was packed.
    #[error("the list of contents is not the one by which the unit was packed")]
    OtherContents,
    /// The answer is to another offer.
    #[error("the answer is to another offer")]
    OtherOffer,
    /// Nobody in this role receives such goods.
    #[error("nobody in this role receives such goods")]
    NoStep,
    /// A statement breaks a rule of the profile.
    #[error(transparent)]
    Rule(Box<Fault>),
    /// It was not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl HandoverError {
    /// The reason's stable name, under which apps keep its text.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too-long",
            Self::Certificate(_) => "certificate",
            Self::Refused(Refusal::Signature) => "signature",
            Self::Refused(Refusal::Revoked) => "revoked",
            Self::Refused(Refusal::Expired | Refusal::NotYetValid) => "certificate-expired",
            Self::Refused(_) => "not-verified",
            Self::OtherSubject => "other-subject",
            Self::BrokenChain => "broken-chain",
            Self::NoHolder => "no-holder",
            Self::NotTheCustodian => "not-the-custodian",
            Self::FromTheFuture => "offer-from-the-future",
            Self::OfferExpired => "offer-expired",
            Self::NotForYou => "not-for-you",
            Self::GoodsDiffer => "goods-differ",
            Self::OtherContents => "other-contents",
            Self::OtherOffer => "other-offer",
            Self::NoStep => "not-your-role",
            Self::Rule(_) => "rule",
            Self::Sign(_) => "not-signed",
        }
    }
}

impl From<FormatError> for HandoverError {
    fn from(error: FormatError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Box<Fault>> for HandoverError {
    fn from(fault: Box<Fault>) -> Self {
        match fault.reason {
            FaultReason::NotTheCustodian => Self::NotTheCustodian,
            FaultReason::OfferExpired => Self::OfferExpired,
            FaultReason::WrongReceiver | FaultReason::NotTheReceiver => Self::NotForYou,
            _ => Self::Rule(fault),
        }
    }
}
