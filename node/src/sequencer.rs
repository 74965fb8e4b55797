//! The seam between the rules and an engine that orders statements.
//!
//! [`StateMachine`](crate::StateMachine) holds every rule and knows no engine; a [`Sequencer`] orders statements and holds no
//! rule. Between the two a [`Committer`](crate::Committer) makes a block durable, whoever has put it together.
//! [`Local`](crate::Local) is the engine in this process.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use countersign_ledger::{Hash, LogName, UnixMillis};
use tokio::sync::oneshot;

use crate::halt::Halt;
use crate::ledger::Place;
use crate::reason::Reason;
use crate::store::StoreError;

/// The place of an ordered statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ordered {
    /// Its log and index.
    pub place: Place,
    /// Size of a checkpoint that covers it, durable and cosigned.
    pub size: u64,
}

/// The outcome of a submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Ordered, and durable.
    Accepted(Ordered),
    /// The same statement was ordered before, at this place.
    Duplicate(Ordered),
    /// Not processed. Submit again after this time.
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The node orders nothing for now. The statement may be ordered when it goes on, or not: submit it again.
    Halted(Halt),
    /// Refused, for this reason; nothing was changed.
    Refused(Reason),
}

/// The status of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Never seen, or refused.
    Unknown,
    /// Received, not yet ordered.
    Pending,
    /// Ordered, and durable.
    Ordered(Ordered),
}

/// A committed block: what to apply, in order, to reach the same state elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its number, from 1.
    pub height: u64,
    /// Its time, against which freshness was judged.
    pub time: UnixMillis,
    /// Covers this block and, through the one before, all before it.
    pub digest: Hash,
    /// The statements, in the order in which they were applied.
    pub statements: Vec<(LogName, Vec<u8>)>,
}

/// How the engine is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// Number of the newest block.
    pub height: u64,
    /// When the witnesses last cosigned a checkpoint of every log.
    pub cosigned_at: UnixMillis,
    /// Submissions waiting.
    pub waiting: usize,
    /// Whether submissions are accepted.
    pub accepting: bool,
    /// Why the engine orders nothing for now, if it does not.
    pub halted: Option<Halt>,
}

/// Puts statements in order and makes them durable.
pub trait Sequencer: Send + Sync {
    /// Submits a statement to `log`. The calling thread parses it and may verify its signature, so submitting threads share
    /// that work; the ticket waits for ordering and the disk.
    fn submit(&self, log: LogName, statement: &[u8]) -> Ticket;

    /// Submits statements to `log` in their order, up to the first that finds the engine busy, whose ticket is then the last.
    fn submit_all(&self, log: LogName, statements: &[&[u8]]) -> Vec<Ticket> {
        let mut tickets = Vec::with_capacity(statements.len());
        for statement in statements {
            let ticket = self.submit(log, statement);
            let busy = matches!(ticket.outcome(), Some(Outcome::Busy { .. }));
            tickets.push(ticket);
            if busy {
                break;
            }
        }
        tickets
    }

    /// The status of the statement with this id.
    fn status(&self, id: Hash) -> Status;

    /// Up to `limit` committed blocks from `height` on.
    fn blocks(&self, height: u64, limit: u32) -> Result<Vec<Block>, StoreError>;

    /// How the engine is.
    fn health(&self) -> Health;

    /// Accepts no more submissions, orders those waiting, and returns when all is durable. Safe to call twice.
    fn shutdown(&self);
}

/// The promise of an [`Outcome`]: await it, or [`Ticket::wait`] for it.
#[derive(Debug)]
pub struct Ticket(Inner);

#[derive(Debug)]
enum Inner {
    Known(Option<Outcome>),
    Pending(oneshot::Receiver<Outcome>),
}

/// From an engine that stopped before it answered: the statement may be ordered or not.
pub(crate) const STOPPED: Outcome = Outcome::Busy { retry_after: Duration::from_secs(5) };

impl Ticket {
    /// A ticket with a known outcome.
    pub const fn known(outcome: Outcome) -> Self {
        Self(Inner::Known(Some(outcome)))
    }

    /// A ticket whose outcome the engine will send.
    pub const fn pending(outcome: oneshot::Receiver<Outcome>) -> Self {
        Self(Inner::Pending(outcome))
    }

    /// The outcome, where it was known at once.
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.0 {
            Inner::Known(outcome) => outcome.as_ref(),
            Inner::Pending(_) => None,
        }
    }

    /// Blocks this thread until the outcome is known. Not for use within an asynchronous task.
    pub fn wait(self) -> Outcome {
        match self.0 {
            Inner::Known(outcome) => outcome.unwrap_or(STOPPED),
            Inner::Pending(receiver) => receiver.blocking_recv().unwrap_or(STOPPED),
        }
    }
}

impl Future for Ticket {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.0 {
            Inner::Known(outcome) => Poll::Ready(outcome.take().unwrap_or(STOPPED)),
            Inner::Pending(receiver) => {
                Pin::new(receiver).poll(context).map(|outcome| outcome.unwrap_or(STOPPED))
            }
        }
    }
}
