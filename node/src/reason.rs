//! Why a statement is refused.

use countersign_ledger::{Hash, LogName, Problem, Promise, Refusal, Violation};

/// Why a statement is refused. Checks are made in this order, and the first that fails is the reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// It was sent to a log that does not take its kind.
    #[error("statements of this kind belong to the log {}", list(.0))]
    OtherLog(Vec<LogName>),
    /// No family of rules knows its kind.
    #[error("no family of rules of this ledger has statements of this kind")]
    UnknownKind,
    /// Its form, time, signer, signature, role or certificate.
    #[error(transparent)]
    Statement(#[from] Refusal),
    /// Another statement of this issuer has the same `cti`.
    #[error("the issuer has already used this statement's cti for another statement")]
    Replay,
    /// Its `prev` is not the latest statement on its subject.
    #[error("the statement does not follow the latest statement on its subject")]
    NotLatest {
        /// The latest, if there is any.
        latest: Option<Hash>,
    },
    /// Its predecessor has not arrived: submit that one first, then this one again.
    #[error("the statement waits for its predecessor, which has not arrived")]
    AwaitsPredecessor,
    /// Two parties signed it to follow a statement that another one follows already.
    #[error("another statement has taken its place: {by}")]
    Taken {
        /// The statement in its place.
        by: Hash,
    },
    /// Another statement has used up what it needs, as an enrolment its code.
    #[error("the enrolment code has been used")]
    Code,
    /// A rule of its family.
    #[error(transparent)]
    Rule(Violation),
    /// Nothing else is wrong with it, but what it promises is not held here.
    #[error("the {} bytes that the statement promises are not here: upload blob {}, then submit it again", .0.length, .0.digest)]
    PromiseNotHeld(Promise),
}

fn list(logs: &[LogName]) -> String {
    let names: Vec<_> = logs.iter().map(|log| format!("`{log}`")).collect();
    names.join(" or ")
}

impl Reason {
    /// The reason for programs: the title of its problem document and its label in the metrics.
    pub fn problem(&self) -> Problem {
        match self {
            Self::OtherLog(_) => Problem::OtherLog,
            Self::UnknownKind => Problem::UnknownKind,
            Self::Statement(refusal) => (*refusal).into(),
            Self::Replay => Problem::Replay,
            Self::NotLatest { .. } => Problem::NotLatest,
            Self::AwaitsPredecessor => Problem::AwaitsPredecessor,
            Self::Taken { .. } => Problem::CustodyConflict,
            Self::Code => Problem::CodeUsed,
            Self::Rule(violation) => violation.problem,
            Self::PromiseNotHeld(_) => Problem::PromiseNotHeld,
        }
    }
}
