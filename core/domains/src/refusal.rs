//! Why a statement of this family is refused.

use countersign_ledger::{Problem, Violation};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $problem:ident, $text:literal;)+) => {
        /// Why a rule refuses a statement: one reason for each rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Refusal { $($(#[$doc])* #[error($text)] $variant,)+ }

        impl Refusal {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The ledger's name for reasons of this sort.
            pub const fn problem(self) -> Problem {
                match self { $(Self::$variant => Problem::$problem,)+ }
            }
        }
    };
}

refusals! {
    /// The stored state is damaged.
    Damaged = Internal, "the stored state of the subject is damaged";
    /// The subject is not what this kind is about.
    Subject = Rule, "the subject is not what a statement of this kind is about";
    /// The fields are not of the format.
    Fields = Fields, "the fields are not those of this kind";
    /// It does not link what it must.
    Links = Rule, "it does not link the statements that it rests on";
    /// What it links is void.
    VoidLink = VoidLink, "it rests on a statement whose signer had been revoked";
    /// It is too old.
    Stale = Stale, "it is more than five minutes old";
    /// The role does not allow it.
    Role = Role, "the signer's role does not allow this statement";
    /// Another domain's.
    OtherDomain = Domain, "the signer is of another domain than the statement is about";
    /// Only what crosses a border is decided here.
    OwnDomain = Domain, "both sides are of one domain";
    /// The signer is no registrar.
    Founder = Role, "only a registrar of the ledger founds the first notary group";
    /// The group is not in office.
    NotInOffice = Rule, "the notary group that it links is not in office";
    /// The ballot is another group's.
    OtherGroup = Rule, "the ballot is one of another notary group";
    /// The signer has no seat.
    NoSeat = Role, "the signer has no seat in the notary group";
    /// Another's seat.
    OtherSeat = Role, "the seat is another notary's";
    /// The weights are not those of the group.
    Total = Rule, "the weight of votes is not that of the notary group";
    /// Another motion waits.
    OtherMotion = Rule, "the notaries vote on another motion";
    /// The number does not follow.
    Epoch = Rule, "the epoch or version does not follow the one before";
    /// There is nothing to vote on.
    NoBallot = Rule, "there is nothing to vote on, or no longer";
    /// The seat has voted.
    VotedBefore = Rule, "the seat has voted";
    /// The domain takes no part.
    NotRegistered = Rule, "the domain is not registered, or no longer";
    /// The authority has another certificate.
    OtherCertificate = Rule, "the certificate is not the one that the domain has registered";
    /// The user is not admitted.
    NotAdmitted = Rule, "the user is not admitted by the other domain, or no longer";
    /// The admission is another user's.
    OtherUser = Rule, "the admission is that of another user, or by or from another domain";
    /// The level is not that of the admission.
    OtherLevel = Rule, "the level is not that of the admission";
    /// The credit is not that of the group.
    OtherCredit = Rule, "the credit is not what the notary group says of the domain";
    /// Not the owner.
    NotTheOwner = Role, "the signer is neither the data's owner nor an authority that it concerns";
    /// The policy is not in force.
    OtherPolicy = Rule, "the policy is not the one in force for this data";
    /// The time is too long, or over.
    Window = Rule, "it ends before it begins, or later than is allowed";
    /// The user has broken too many rules.
    Behaviour = Rule, "the user has broken too many rules for a request to be forwarded";
    /// It was made before.
    Repeated = Replay, "it has been stated before";
    /// Nobody asked.
    NoRequest = Rule, "there is no such request";
    /// Too few votes.
    NoQuorum = Rule, "two thirds of the notaries' credit have not agreed";
    /// Too many votes against.
    Rejected = Rule, "the notaries found that the outcome is another";
    /// It was decided.
    Decided = Rule, "the request has been decided";
    /// Another outcome follows.
    OtherOutcome = Rule, "it states another outcome than follows";
    /// It is another notary's turn.
    NotYetMaster = Rule, "it is the turn of a notary of higher credit";
    /// No licence to revoke.
    NoLicence = Rule, "there is no licence to revoke";
    /// It was revoked.
    AlreadyRevoked = Rule, "the licence has been revoked";
    /// It is valid.
    NotInvalid = Rule, "the data has not been declared invalid";
    /// It is invalid.
    AlreadyInvalid = Rule, "the data has been declared invalid";
}

impl From<Refusal> for Violation {
    fn from(refusal: Refusal) -> Self {
        Self { problem: refusal.problem(), text: refusal.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_text_of_its_own() {
        let texts: BTreeSet<_> = Refusal::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), Refusal::ALL.len());
    }
}
