//! Signed statements on their way to the log, as a screen shows them.

use countersign_wallet::{self as wallet, Queued};

/// A statement that is not yet proven to be in the log.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Outgoing {
    /// Its SHA-256, in hexadecimal.
    pub id: String,
    /// The goods, as a link.
    pub goods: String,
    /// Its kind, the key of its title.
    pub kind: String,
    /// When it was signed. This time counts, not the time of sending.
    pub signed_millis: u64,
    /// Its delivery state.
    pub delivery: Delivery,
    /// If it is refused because of another statement: the first refused one that it follows.
    pub cause: Option<Cause>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again.
    pub due_millis: u64,
}

/// The cause, if a statement is refused without a fault of its own.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Cause {
    /// SHA-256 of the statement that was refused, in hexadecimal: the one to deal with.
    pub id: String,
    /// The reason's stable name, the key of its text.
    pub reason: String,
}

/// The delivery state of a statement. A proven one is no longer in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Delivery {
    /// It waits for a network, or for its turn.
    Waiting,
    /// The node has accepted it; the proof is not here yet.
    Sent,
    /// The ledger refuses it, and trying again will not help.
    Refused {
        /// The reason's stable name, the key of its text.
        reason: String,
        /// What the person can do.
        next: NextStep,
    },
}

/// What a person can do about a statement that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum NextStep {
    /// Nothing: the goods were handed to somebody else too, and the evidence is in the log.
    ConflictRecorded,
    /// Load the goods again: their holder according to the ledger must hand them over, with correct clocks.
    HandOverAgain,
    /// Show it to the operator of the ledger.
    AskOffice,
}

/// The result of a round of sending.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Round {
    /// Statements that are proven now.
    pub proven: u64,
    /// Statements that are refused now.
    pub refused: u64,
    /// Statements still on their way.
    pub waiting: u64,
    /// When the next of them is due.
    pub next_due_millis: Option<u64>,
}

impl From<Queued> for Outgoing {
    fn from(row: Queued) -> Self {
        Self {
            id: row.id.to_string(),
            goods: row.subject,
            kind: row.kind,
            signed_millis: row.event_at.0,
            delivery: row.delivery.into(),
            cause: row.cause.map(Cause::from),
            tries: row.tries,
            due_millis: row.due_at.0,
        }
    }
}

impl From<wallet::Cause> for Cause {
    fn from(cause: wallet::Cause) -> Self {
        Self { id: cause.statement.to_string(), reason: cause.reason }
    }
}

impl From<wallet::Delivery> for Delivery {
    fn from(delivery: wallet::Delivery) -> Self {
        match delivery {
            wallet::Delivery::Waiting => Self::Waiting,
            wallet::Delivery::Sent => Self::Sent,
            wallet::Delivery::Refused { reason, next } => Self::Refused { reason, next: next.into() },
        }
    }
}

impl From<wallet::NextStep> for NextStep {
    fn from(next: wallet::NextStep) -> Self {
        match next {
            wallet::NextStep::ConflictRecorded => Self::ConflictRecorded,
            wallet::NextStep::HandOverAgain => Self::HandOverAgain,
            wallet::NextStep::AskOffice => Self::AskOffice,
        }
    }
}

impl From<wallet::Round> for Round {
    fn from(round: wallet::Round) -> Self {
        Self {
            proven: round.proven as u64,
            refused: round.refused as u64,
            waiting: round.waiting as u64,
            next_due_millis: round.next_due.map(|due| due.0),
        }
    }
}
