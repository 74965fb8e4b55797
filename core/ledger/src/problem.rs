//! Why a node gives no answer, by stable names that a program may switch on: the title of an RFC 9290 problem document.

use std::fmt;

use crate::key::KeyError;
use crate::statement::FormatError;
use crate::trust_store::Refusal;

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Why a node gives no answer.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Problem { $($(#[$doc])* $variant,)+ }

        impl Problem {
            /// Every problem.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The problem of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|problem| problem.as_str() == name)
            }
        }
    };
}

problems! {
    /// The request is not of the form.
    Malformed = "malformed",
    /// There is no such thing here.
    NotFound = "not-found",
    /// It was here, and is no longer kept.
    Gone = "gone",
    /// Larger than it may be.
    TooLarge = "too-large",
    /// Ask again later; nothing was looked at.
    Busy = "busy",
    /// The node failed; its own log says why.
    Internal = "internal",
    /// This path is not asked like this.
    Method = "method",
    /// The request took too long.
    Timeout = "timeout",
    /// This address writes more often than it may.
    Rate = "rate",
    /// No statement names this blob.
    Unnamed = "unnamed",
    /// The statement belongs to another log.
    OtherLog = "other-log",
    /// No family of rules has statements of this kind.
    UnknownKind = "unknown-kind",
    /// Not a statement of the form.
    Format = "format",
    /// The signature is the malleable twin of one.
    HighS = "high-s",
    /// Dated in the future. This passes.
    Future = "future",
    /// Signed too long ago.
    Stale = "stale",
    /// The signer is not enrolled.
    UnknownSigner = "unknown-signer",
    /// The certificate is another member's.
    WrongIssuer = "wrong-issuer",
    /// Signed before the certificate was valid.
    NotYetValid = "not-yet-valid",
    /// Signed after the certificate had expired.
    Expired = "expired",
    /// The signature does not verify.
    Signature = "signature",
    /// The signer's certificate was revoked.
    Revoked = "revoked",
    /// The signer's role does not allow it.
    Role = "role",
    /// The signer is of another trust domain.
    Domain = "domain",
    /// A field is missing or of another type.
    Fields = "fields",
    /// The certificate in the statement is not good.
    Certificate = "certificate",
    /// The issuer has used this `cti` for another statement.
    Replay = "replay",
    /// It does not follow the latest statement on its subject.
    NotLatest = "not-latest",
    /// Its predecessor has not arrived. This passes.
    AwaitsPredecessor = "awaits-predecessor",
    /// Another handover of the same goods came first.
    CustodyConflict = "custody-conflict",
    /// It names a checkpoint that the log never had.
    ForeignCheckpoint = "foreign-checkpoint",
    /// Dated before a checkpoint that its signer had seen.
    Backdated = "backdated",
    /// It builds on a statement whose signer had been revoked.
    VoidLink = "void-link",
    /// A rule of its family.
    Rule = "rule",
    /// There is no such enrolment code.
    CodeUnknown = "code-unknown",
    /// The enrolment code has been used.
    CodeUsed = "code-used",
    /// The enrolment code has run out.
    CodeExpired = "code-expired",
    /// The certification request does not prove possession of its key.
    Possession = "possession",
    /// Not a certification request.
    Request = "request",
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Format(FormatError::TooLarge) => Self::TooLarge,
            Refusal::Format(FormatError::Signature(KeyError::HighS)) => Self::HighS,
            Refusal::Format(_) => Self::Format,
            Refusal::FromTheFuture => Self::Future,
            Refusal::Stale => Self::Stale,
            Refusal::UnknownSigner => Self::UnknownSigner,
            Refusal::WrongIssuer => Self::WrongIssuer,
            Refusal::NotYetValid => Self::NotYetValid,
            Refusal::Expired => Self::Expired,
            Refusal::Signature => Self::Signature,
            Refusal::Revoked => Self::Revoked,
            Refusal::Role => Self::Role,
            Refusal::Domain => Self::Domain,
            Refusal::Fields => Self::Fields,
            Refusal::Certificate(_) => Self::Certificate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_name_of_its_own() {
        for problem in Problem::ALL {
            assert_eq!(Problem::from_name(problem.as_str()), Some(*problem));
        }
        assert_eq!(Problem::from_name("something else"), None);
    }
}
