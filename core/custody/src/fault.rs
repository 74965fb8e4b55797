//! Why a statement does not fit its place, and who is accountable for that.

use std::fmt;

use countersign_ledger::{Entry, Hash, Identity, Kind};

/// A party: a role, and who holds it where the history says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    /// The role's name in the profile.
    pub role: String,
    /// The member, if known.
    pub identity: Option<Identity>,
}

impl From<&Identity> for Party {
    fn from(identity: &Identity) -> Self {
        Self { role: identity.role().to_owned(), identity: Some(identity.clone()) }
    }
}

/// The member's SPIFFE ID, else the role's name.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identity.as_ref().map_or(self.role.as_str(), Identity::as_str))
    }
}

/// A statement that does not fit its place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind} by {signer}: {reason}")]
pub struct Fault {
    /// The statement that shows the fault.
    pub statement: Hash,
    /// Its kind.
    pub kind: Kind,
    /// Who signed it.
    pub signer: Identity,
    /// The step at fault: the statement's own, or the one before it if that is not the statement that this one was
    /// signed to follow.
    pub step: Kind,
    /// Who is accountable: the signer, who asserts what the statement says. If the step before was exchanged after this
    /// one was signed, the role that the profile's third-party verification names.
    pub accountable: Party,
    /// What is wrong.
    pub reason: FaultReason,
}

impl Fault {
    /// The fault of a void entry from which others continued while it still counted.
    pub(crate) fn void(entry: &Entry) -> Self {
        let statement = entry.verified();
        let signer = statement.signer().identity();
        Self {
            statement: entry.id(),
            kind: statement.statement().kind().clone(),
            signer: signer.clone(),
            step: statement.statement().kind().clone(),
            accountable: signer.into(),
            reason: FaultReason::SignerRevoked,
        }
    }
}

/// What is wrong with a statement. Checks run in this order; the first failure is reported.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultReason {
    /// The profile has no such step.
    #[error("the profile has no step of this kind")]
    UnknownKind,
    /// It is in another log than the one it belongs in.
    #[error("this kind of statement does not belong in this log")]
    WrongLog,
    /// Its subject is of a type that the step does not allow.
    #[error("this kind of statement cannot be about this subject")]
    WrongSubjectLevel,
    /// The signer's role does not make such statements.
    #[error("the signer's role does not make this statement")]
    WrongRole,
    /// A party belongs to another trust domain.
    #[error("a party belongs to another trust domain")]
    WrongDomain,
    /// A recall is in force; nothing may follow it.
    #[error("the product is recalled, and a recall is final")]
    RecallIsFinal,
    /// No suspension of this subject is open that it could lift.
    #[error("there is no such suspension to lift")]
    NothingToLift,
    /// The step can be made only once, and has been made.
    #[error("this step has been made already")]
    AlreadyDone,
    /// The step does not follow the one before it.
    #[error("this step does not come next")]
    WrongStep,
    /// It was signed so many days after what it takes back that it may not be any more.
    #[error("this step may be made within {0} days, and they have passed")]
    TooLate(u16),
    /// It does not name the statement before it on its subject.
    #[error("the statement does not name the one before it")]
    WrongPrev,
    /// It links a statement that is void.
    #[error("the statement builds on one whose signer had been revoked")]
    VoidLink,
    /// A required link is missing, or its statement is about another subject.
    #[error("a link to {0} is missing")]
    MissingLink(Kind),
    /// It links a statement that the step does not allow, or that is not known.
    #[error("the statement links one that does not belong here")]
    UnexpectedLink,
    /// The signer is not the one whom the earlier statement named.
    #[error("the signer is not the one whom the step before named")]
    NotTheReceiver,
    /// The receiver is missing, has another role, or is not the one who must receive this.
    #[error("the receiver is not the one who must receive this")]
    WrongReceiver,
    /// It does not carry what it must countersign.
    #[error("the statement that it must countersign is missing")]
    MissingCountersignature,
    /// It carries a statement that this step does not allow.
    #[error("it carries a statement that does not belong here")]
    UnexpectedCountersignature,
    /// The offer that it carries is about other goods, or follows another statement on them.
    #[error("the offer is for other goods, or follows another statement on them")]
    OtherOffer,
    /// The party who offered the goods did not hold them.
    #[error("the party who offered the goods did not hold them")]
    NotTheCustodian,
    /// The offer was not in force when it was accepted.
    #[error("the offer was not in force when it was answered")]
    OfferExpired,
    /// What it carries does not show that the goods were handed to two people.
    #[error("the evidence does not show that the goods were handed to two people")]
    NoConflict,
    /// A field is missing.
    #[error("the field {0} is missing")]
    MissingField(String),
    /// A field is of another type.
    #[error("the field {0} is not of its type")]
    FieldType(String),
    /// A field that the step does not have.
    #[error("the field {0} does not belong here")]
    UnexpectedField(String),
    /// A field differs from the one that it repeats.
    #[error("the field {0} differs from what was stated before")]
    FieldMismatch(String),
    /// The uploaded chain value is not the one of the transfer with this number.
    #[error("the chain value of transfer {0} is wrong")]
    WrongChainValue(u8),
    /// Its signer, or the signer of what it countersigns, had been revoked, and other statements depend on it.
    #[error("its signer had been revoked")]
    SignerRevoked,
    /// The linked certificate does not allow this.
    #[error("the certificate does not allow this: {0}")]
    CertificateNotValid(CertificateFlaw),
}

/// Why a certificate does not allow a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateFlaw {
    /// It was not yet in force.
    #[error("it was not yet in force")]
    NotYet,
    /// It had expired.
    #[error("it had expired")]
    Expired,
    /// It has another holder.
    #[error("it has another holder")]
    Holder,
    /// It is for another product class.
    #[error("it is for another product")]
    Class,
}
