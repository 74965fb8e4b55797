//! Why a handover fails.

use countersign_ledger::{CertificateError, FormatError, Refusal, SignError};

use crate::fault::{Fault, FaultReason};

/// Why a handover fails. Nothing has changed. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Not a handover message, or not of the expected type.
    #[error("this is not a handover message")]
    Malformed,
    /// The chain is longer than one message can carry.
    #[error("the goods have moved too often for one message")]
    TooLong,
    /// A certificate in the message is not valid.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A statement in the message does not verify.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The statements are about several subjects.
    #[error("the statements are not all about the same goods")]
    OtherSubject,
    /// A statement is missing between two.
    #[error("a statement on the goods is missing")]
    BrokenChain,
    /// No statement says who holds the goods.
    #[error("no statement says who holds the goods")]
    NoHolder,
    /// The party who offers the goods does not hold them.
    #[error("the party who offers the goods does not hold them")]
    NotTheCustodian,
    /// The offer is dated in the future.
    #[error("the offer is dated in the future")]
    FromTheFuture,
    /// The offer has expired, or was made for too long.
    #[error("the offer has expired")]
    OfferExpired,
    /// The offer is for somebody else.
    #[error("the offer is for somebody else")]
    NotForYou,
    /// The scanned goods are not the offered ones.
    #[error("the scanned goods are not the offered ones")]
    GoodsDiffer,
    /// The list of the unit's contents is not the one in its packing.
    #[error("the list of contents is not the one that the unit was packed with")]
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
    /// The statement could not be signed.
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
