//! The outbox: what was signed without a network, on its way to the ledger.
//!
//! A statement is in it before anything is reported as recorded, and leaves it when a receipt proves that the log
//! holds it. Statements on the same goods go in their order; those on others do not wait for them. Sending twice is
//! harmless: the ledger answers with the place of the first. A refusal stays visible, with what to do, until somebody has
//! seen to it ([`Courier::settle`]). What follows a refused statement is not sent: it could only wait for it in vain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_ledger::{Draft, Fields, Hash, Problem, Statement, TrustedCheckpoint, UnixMillis};

use crate::client::{Client, ClientError};
use crate::courier::{Courier, CourierError, conflict_kind, random};
use crate::facts::PRODUCTS;
use crate::issuer::{ActError, Issuer};
use crate::key_store::StoredKey;
use crate::store::{self, StoreError};

/// Most statements that one round sends, so that a call stays short.
const ROUND: usize = 16;
/// How long to wait after the first try that failed; twice as long after each further one.
const PATIENCE_MILLIS: u64 = 5_000;
/// The longest wait between two tries.
const MAX_PATIENCE_MILLIS: u64 = 3600 * 1000;
/// How often a conflict is signed anew when another statement on the goods came in between.
const RETRIES: usize = 4;

const WAITING: u8 = 0;
const SENT: u8 = 1;
const REFUSED: u8 = 2;
/// Refused, and recorded as evidence of a conflict.
const RECORDED: u8 = 3;

/// How far a statement has come. Those that are proven are not in the outbox any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It waits for a network, or for its turn.
    Waiting,
    /// The node has it, and the receipt is still to come.
    Sent,
    /// The ledger refuses it.
    Refused {
        /// The refusal's stable name.
        reason: String,
        /// What to do.
        next: NextStep,
    },
}

/// What a person can do about a refused statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the goods were handed to somebody else as well, and the evidence of both sides is on the ledger.
    ConflictRecorded,
    /// Load the goods again: whoever the ledger says holds them must hand them over, with clocks that are right.
    HandOverAgain,
    /// Show it to whoever runs the ledger.
    AskOffice,
}

/// A statement in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: Hash,
    /// What it is about, as text.
    pub subject: String,
    /// Its kind.
    pub kind: String,
    /// When it was signed, which is not when it is sent.
    pub event_at: UnixMillis,
    /// How far it has come.
    pub delivery: Delivery,
    /// If it was refused for another one's sake: what it follows, and why that was refused.
    pub cause: Option<Cause>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again.
    pub due_at: UnixMillis,
}

/// Why a statement is refused that has no fault of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The first of the statements before it that was refused.
    pub statement: Hash,
    /// The stable name of that refusal.
    pub reason: String,
}

/// What a round of sending did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Statements that are proven now.
    pub proven: usize,
    /// Statements that were refused, with those that follow them.
    pub refused: usize,
    /// Statements that are still on their way.
    pub waiting: usize,
    /// When the next of them is due.
    pub next_due: Option<UnixMillis>,
}

/// What became of one try.
enum Tried {
    Proven,
    /// State, and why.
    Refused(u8, String),
    /// State, why, and how long to wait if the node said so.
    Later(u8, String, Option<u64>),
}

impl Courier<'_> {
    /// What is on its way, in order.
    pub fn outbox(&self) -> Result<Vec<Queued>, CourierError> {
        let rows = store::outgoing(self.snapshot.store.read())?;
        let refused = refused(&rows);
        let cause = |row: &store::Outgoing| {
            let first = refused.get(&row.id).filter(|&&first| first != row.id)?;
            let first = rows.iter().find(|other| other.id == *first)?;
            Some(Cause { statement: first.id, reason: first.reason.clone() })
        };
        Ok(rows.iter().map(|row| queued(row, cause(row))).collect())
    }

    /// Takes a refused statement off the list, with those that follow it: somebody has seen to it. This phone then has
    /// the goods' chain of custody no longer; what the ledger says of them can be loaded. Returns how many were taken off.
    pub fn settle(&mut self, id: Hash) -> Result<usize, CourierError> {
        let rows = store::outgoing(self.snapshot.store.read())?;
        let refused = refused(&rows);
        let with: Vec<_> = rows.iter().filter(|row| refused.get(&row.id) == Some(&id)).collect();
        self.snapshot.store.write::<_, StoreError>(|tx| {
            with.iter().try_for_each(|row| {
                store::forget_chain(tx, &row.subject)?;
                store::take_out(tx, row.id)
            })
        })?;
        Ok(with.len())
    }

    /// Sends what is due, one bounded round. A network that fails costs nothing but time; the rest waits for the next call.
    pub fn send(&mut self, client: &Client, now: UnixMillis) -> Result<Round, CourierError> {
        let mut round = Round::default();
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        let (mut sent, mut fresh) = (0, BTreeSet::new());
        let rows = store::outgoing(self.snapshot.store.read())?;
        let held = refused(&rows);
        for row in rows {
            if held.contains_key(&row.id) {
                continue;
            }
            if row.follows.is_some_and(|before| fresh.contains(&before)) {
                fresh.insert(row.id);
                round.refused += 1;
                continue;
            }
            if blocked.contains(&row.subject) {
                continue;
            }
            if row.due > now.0 || sent == ROUND {
                blocked.insert(row.subject);
                continue;
            }
            sent += 1;
            match self.try_one(client, &row)? {
                Tried::Proven => {
                    self.snapshot.store.write::<_, StoreError>(|tx| store::take_out(tx, row.id))?;
                    round.proven += 1;
                }
                Tried::Refused(state, reason) => {
                    self.note_try(&row, state, &reason, now)?;
                    round.refused += 1;
                    fresh.insert(row.id);
                }
                Tried::Later(state, reason, wait) => {
                    let doubled = PATIENCE_MILLIS.saturating_mul(1 << row.tries.min(20));
                    let wait = wait.unwrap_or(doubled).min(MAX_PATIENCE_MILLIS);
                    self.note_try(&row, state, &reason, UnixMillis(now.0.saturating_add(wait)))?;
                    blocked.insert(row.subject);
                }
            }
        }
        let open = store::outgoing(self.snapshot.store.read())?;
        let held = refused(&open);
        let open: Vec<_> = open.iter().filter(|row| !held.contains_key(&row.id)).collect();
        round.waiting = open.len();
        round.next_due = open.iter().map(|row| UnixMillis(row.due)).min();
        Ok(round)
    }

    fn note_try(
        &mut self,
        row: &store::Outgoing,
        state: u8,
        reason: &str,
        due: UnixMillis,
    ) -> Result<(), StoreError> {
        self.snapshot.store.write(|tx| store::set_outgoing(tx, row.id, state, reason, due))
    }

    fn try_one(&mut self, client: &Client, row: &store::Outgoing) -> Result<Tried, CourierError> {
        match client.submit(PRODUCTS, &row.bytes) {
            Ok(_) => self.prove(client, row.id),
            Err(ClientError::Refused { title, .. }) => match Problem::from_name(&title) {
                // Both pass: a predecessor arrives, and a clock that ran ahead is caught up with.
                Some(Problem::AwaitsPredecessor | Problem::Future) => Ok(Tried::Later(WAITING, title, None)),
                Some(Problem::CustodyConflict) => self.record_conflict(client, &row.bytes, title),
                _ => Ok(Tried::Refused(REFUSED, title)),
            },
            Err(ClientError::Busy { retry_after }) => {
                let wait = u64::try_from(retry_after.as_millis()).ok();
                Ok(Tried::Later(WAITING, "busy".into(), wait))
            }
            Err(_) => Ok(Tried::Later(row.state, "no-answer".into(), None)),
        }
    }

    fn prove(&mut self, client: &Client, id: Hash) -> Result<Tried, CourierError> {
        let mut issuer = Issuer::new(self.snapshot, client, Arc::clone(&self.keys));
        match issuer.confirm(PRODUCTS, id) {
            Ok(_) => Ok(Tried::Proven),
            Err(error @ ActError::Store(_)) => Err(error.into()),
            Err(_) => Ok(Tried::Later(SENT, "not-proven".into(), None)),
        }
    }

    /// The handover came second: it goes onto the ledger as evidence. What is signed here does not stand in the way of a
    /// later try: until it is proven, the handover itself stays in the outbox and comes back here.
    fn record_conflict(
        &mut self,
        client: &Client,
        evidence: &[u8],
        title: String,
    ) -> Result<Tried, CourierError> {
        let evidence = Statement::parse(evidence).map_err(|error| CourierError::Handover(error.into()))?;
        let Some(kind) = conflict_kind(evidence.kind()) else { return Ok(Tried::Refused(REFUSED, title)) };
        let signer = StoredKey::find(Arc::clone(&self.keys), &self.key).map_err(ActError::from)?;
        for _ in 0..RETRIES {
            let mut issuer = Issuer::new(self.snapshot, client, Arc::clone(&self.keys));
            let latest = match issuer.latest(PRODUCTS, evidence.subject()) {
                Ok(latest) => latest,
                Err(error @ ActError::Store(_)) => return Err(error.into()),
                Err(_) => break,
            };
            let draft = Draft {
                kind: kind.clone(),
                subject: evidence.subject().clone(),
                fields: Fields::new(),
                prev: latest.map(|latest| latest.latest),
                links: Vec::new(),
                sealed: None,
            };
            let at =
                self.snapshot.seen(PRODUCTS).map_or(evidence.issued_at(), TrustedCheckpoint::cosigned_at);
            let at = at.max(evidence.issued_at());
            let conflict = draft
                .countersign(&evidence, &self.certificate, &signer, at, random()?)
                .map_err(ActError::from)?;
            match client.submit(PRODUCTS, conflict.as_bytes()) {
                Ok(_) => {
                    return Ok(match self.prove(client, conflict.id())? {
                        Tried::Proven => Tried::Refused(RECORDED, title),
                        later => later,
                    });
                }
                Err(error) => match (error.problem(), error) {
                    (Some(Problem::NotLatest | Problem::CustodyConflict), _) => {}
                    (_, ClientError::Refused { title, .. }) => return Ok(Tried::Refused(REFUSED, title)),
                    _ => break,
                },
            }
        }
        Ok(Tried::Later(WAITING, title, None))
    }
}

/// The statements that were refused and those that follow them, each with the first of them that was refused.
pub(crate) fn refused(rows: &[store::Outgoing]) -> BTreeMap<Hash, Hash> {
    let mut refused: BTreeMap<Hash, Hash> = BTreeMap::new();
    // In the order in which they were made: what one follows comes before it.
    for row in rows {
        let first = if row.state >= REFUSED {
            Some(row.id)
        } else {
            row.follows.and_then(|before| refused.get(&before).copied())
        };
        refused.extend(first.map(|first| (row.id, first)));
    }
    refused
}

fn queued(row: &store::Outgoing, cause: Option<Cause>) -> Queued {
    let delivery = match row.state {
        _ if cause.is_some() => {
            Delivery::Refused { reason: "follows-refused".to_owned(), next: NextStep::HandOverAgain }
        }
        WAITING => Delivery::Waiting,
        SENT => Delivery::Sent,
        _ => {
            let next = match Problem::from_name(&row.reason) {
                _ if row.state == RECORDED => NextStep::ConflictRecorded,
                Some(Problem::Backdated | Problem::Stale) => NextStep::HandOverAgain,
                _ => NextStep::AskOffice,
            };
            Delivery::Refused { reason: row.reason.clone(), next }
        }
    };
    Queued {
        id: row.id,
        subject: row.subject.clone(),
        kind: row.kind.clone(),
        event_at: UnixMillis(row.event),
        delivery,
        cause,
        tries: row.tries,
        due_at: UnixMillis(row.due),
    }
}
