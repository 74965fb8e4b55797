//! Why a node refuses a request. The stable names are the titles of RFC 9290 problem documents, so programs may switch
//! on them.

use std::fmt;

use crate::key::KeyError;
use crate::statement::FormatError;
use crate::trust_store::Refusal;

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Why a node refuses a request.
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
    /// The request is malformed.
    Malformed = "malformed",
    /// The resource does not exist.
    NotFound = "not-found",
    /// The resource existed and is no longer kept.
    Gone = "gone",
    /// The request is too large.
    TooLarge = "too-large",
    /// The node is busy and has not looked at the request. Try again later.
    Busy = "busy",
    /// The node cannot write at present, and takes no statements. It goes on by itself: try again later.
    Storage = "storage",
    /// The node's clock is in doubt, and it takes no statements. Try again later.
    Clock = "clock",
    /// Too few witnesses cosign, and the node takes no statements. Try again later.
    Witnesses = "witnesses",
    /// The node failed. The reason is in the node's own log file.
    Internal = "internal",
    /// The path does not support this method.
    Method = "method",
    /// The request's body is of another media type than this path takes.
    MediaType = "media-type",
    /// The request took too long.
    Timeout = "timeout",
    /// This address writes more often than allowed.
    Rate = "rate",
    /// No admitted statement names this blob, and none that waits for it.
    Unnamed = "unnamed",
    /// What was sent is for another store of records.
    OtherStore = "other-store",
    /// The token is not good, or no longer.
    Token = "token",
    /// The upload does not continue at this byte.
    Offset = "offset",
    /// The statement belongs in another log.
    OtherLog = "other-log",
    /// No family of rules has this kind of statement.
    UnknownKind = "unknown-kind",
    /// The statement is malformed.
    Format = "format",
    /// The signature has a high s.
    HighS = "high-s",
    /// Dated in the future. May succeed later.
    Future = "future",
    /// Signed too long ago.
    Stale = "stale",
    /// The signer is not enrolled.
    UnknownSigner = "unknown-signer",
    /// The certificate belongs to another member than the issuer.
    WrongIssuer = "wrong-issuer",
    /// Signed before the certificate was valid.
    NotYetValid = "not-yet-valid",
    /// Signed after the certificate had expired.
    Expired = "expired",
    /// The signature does not verify.
    Signature = "signature",
    /// The signer's certificate was revoked.
    Revoked = "revoked",
    /// The signer's role does not allow this statement.
    Role = "role",
    /// The registrar may not enrol members in this role.
    RoleNotGiven = "role-not-given",
    /// The signer is of another trust domain.
    Domain = "domain",
    /// A field is missing or of another type.
    Fields = "fields",
    /// The certificate in the statement is not valid.
    Certificate = "certificate",
    /// The issuer has used this `cti` for another statement.
    Replay = "replay",
    /// It does not follow the latest statement on its subject.
    NotLatest = "not-latest",
    /// Its predecessor has not arrived. May succeed later.
    AwaitsPredecessor = "awaits-predecessor",
    /// Another handover of the same goods was recorded first.
    CustodyConflict = "custody-conflict",
    /// It names a checkpoint that does not match the log.
    ForeignCheckpoint = "foreign-checkpoint",
    /// Nothing shows that the checkpoint extends the one cosigned last.
    Inconsistent = "inconsistent",
    /// Dated before a checkpoint that its signer had seen.
    Backdated = "backdated",
    /// It builds on a statement whose signer had been revoked.
    VoidLink = "void-link",
    /// It would be admitted, but the node does not hold the blob that it promises. Upload that, then submit again.
    PromiseNotHeld = "promise-not-held",
    /// What it does may not be done any more.
    TooLate = "too-late",
    /// The product is recalled, so it is not put back.
    Recalled = "recalled",
    /// It breaks another rule of its family.
    Rule = "rule",
    /// The enrolment code does not exist.
    CodeUnknown = "code-unknown",
    /// The enrolment code has been used.
    CodeUsed = "code-used",
    /// The enrolment code has expired.
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
            Refusal::RoleNotGiven => Self::RoleNotGiven,
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
