//! The outbox: what was signed, on its way to the ledger, at a desk as with a phone.
//!
//! A statement is in it, with the blob that it promises, before anything is sent, and leaves it when a receipt proves that the
//! log holds it. Statements on the same subject go in their order; those on others do not wait for them. Sending twice is
//! harmless: the ledger answers with the place of the first. A phone sends when it has a signal ([`Issuer::send`]), after a
//! failure ever more seldom, and at once when a person asks ([`Issuer::send_now`]). A refusal stays visible, with what to do,
//! until somebody has seen to it ([`Snapshot::settle`]). What follows a refused statement is not sent: it could only wait for
//! it in vain. A desk sends at once, is told of a refusal at once
//! ([`Issuer::record`]), and goes on with what was cut off when the same is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use countersign_custody::{Countersigned, Profile, Step};
use countersign_ledger::{
    Blob, Draft, Fields, Hash, Kind, LogName, Problem, SignError, Statement, Subject, TrustedCheckpoint,
    UnixMillis, Verified,
};

use crate::act::{ActError, random};
use crate::back_off::{BackOff, Due};
use crate::client::ClientError;
use crate::issuer::{Issuer, Recorded};
use crate::key_store::StoredKey;
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// Most statements that one round sends, so that a call stays short.
const ROUND: usize = 16;
const BACK_OFF: BackOff = BackOff { first: Duration::from_secs(5), most: Duration::from_hours(1) };
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
    /// How often it was tried when it was due.
    pub tries: u32,
    /// When it is tried again, if nobody asks before.
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
    Proven(Recorded),
    /// State, and why.
    Refused(u8, ActError),
    /// State, and what was in the way.
    Later(u8, ActError),
}

impl Snapshot {
    /// What is on its way, in order.
    pub fn outbox(&self) -> Result<Vec<Queued>, StoreError> {
        let rows = store::outgoing(self.store.read())?;
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
    pub fn settle(&mut self, id: Hash) -> Result<usize, StoreError> {
        let rows = store::outgoing(self.store.read())?;
        let refused = refused(&rows);
        let with: Vec<_> = rows.iter().filter(|row| refused.get(&row.id) == Some(&id)).collect();
        self.store.write::<_, StoreError>(|tx| {
            with.iter().try_for_each(|row| {
                store::forget_chain(tx, &row.subject)?;
                store::take_out(tx, row.id)
            })
        })?;
        Ok(with.len())
    }

    /// What is on its way about a subject, in order, and not refused.
    fn waiting(&self, subject: &Subject) -> Result<Vec<store::Outgoing>, StoreError> {
        let mut rows = store::outgoing(self.store.read())?;
        let refused = refused(&rows);
        rows.retain(|row| row.subject == subject.as_str() && !refused.contains_key(&row.id));
        Ok(rows)
    }

    /// One of the owner's statements, read again.
    fn verified(&self, bytes: &[u8]) -> Option<Verified> {
        let statement = Statement::parse(bytes).ok()?;
        let mut trust = self.trust().ok()?;
        trust.enrol(&store::certificate(self.store.read(), statement.certificate()).ok()??).ok()?;
        trust.verify(statement).ok()
    }
}

impl Issuer<'_> {
    /// Signs a draft by the key `key`, sends it with the `blob` that it promises, and proves that it was recorded. Both are
    /// durable before anything is sent: if this is cut off, the same again, or [`Issuer::send`], goes on with the very
    /// statement. What is on its way about the subject goes first. A refusal leaves nothing behind.
    pub fn record(
        &mut self,
        key: &str,
        draft: &Draft,
        blob: Option<&[u8]>,
        now: UnixMillis,
    ) -> Result<Recorded, ActError> {
        if let Some(begun) = self.begun(&draft.kind, &draft.subject, &draft.fields)? {
            return self.complete(begun, now);
        }
        self.not_offered(&draft.subject, now)?;
        self.send_about(&draft.subject, now)?;
        if let Some(blob) = blob {
            self.check_blob(blob.len())?;
        }
        let (log, statement) = (self.log_of(&draft.kind)?, self.sign(key, draft, now)?);
        let given = blob.map(|blob| Blob { digest: Hash::of(blob), length: blob.len() as u64 });
        let promised = self.snapshot.verified(statement.as_bytes()).and_then(|one| self.promised_blob(&one));
        if given != promised {
            return Err(ActError::OtherBlob);
        }
        self.snapshot.store.write::<_, StoreError>(|tx| {
            // What is offered next follows this statement; by the chain that was loaded before, it would not.
            store::forget_chain(tx, draft.subject.as_str())?;
            store::post(tx, (log, key), &statement, None, blob)
        })?;
        self.complete(statement.id(), now)
    }

    /// Whoever answers an offer builds on what was the latest statement; one in between would make their handover come second.
    fn not_offered(&self, subject: &Subject, now: UnixMillis) -> Result<(), ActError> {
        let open = store::handovers(self.snapshot.store.read())?;
        let offered = open.iter().filter(|one| !one.receiving && one.subject == subject.as_str());
        match offered.map(|one| one.expires).max().filter(|expires| *expires > now.0) {
            Some(expires) => Err(ActError::Offered { until: UnixMillis(expires) }),
            None => Ok(()),
        }
    }

    /// Sends what is on its way about a subject: whatever is signed next has to follow it.
    pub fn send_about(&mut self, subject: &Subject, now: UnixMillis) -> Result<(), ActError> {
        for row in self.snapshot.waiting(subject)? {
            self.attempt(&row, now)?.recorded()?;
        }
        Ok(())
    }

    /// Whether the node takes a blob of so many bytes. To be asked before a statement that promises it is signed.
    pub fn check_blob(&self, bytes: usize) -> Result<(), ActError> {
        let (bytes, most) = (bytes as u64, self.client.limits()?.blob_bytes);
        if bytes > most { Err(ActError::BlobTooLarge { bytes, most }) } else { Ok(()) }
    }

    /// A statement of this kind and subject, with these fields among its own, that was begun and is not recorded yet.
    pub fn begun(&self, kind: &Kind, subject: &Subject, fields: &Fields) -> Result<Option<Hash>, ActError> {
        let same = |row: &&store::Outgoing| {
            let statement = self.snapshot.verified(&row.bytes).filter(|_| row.kind == kind.as_str());
            statement
                .is_some_and(|one| fields.iter().all(|(name, value)| one.fields().get(name) == Some(value)))
        };
        Ok(self.snapshot.waiting(subject)?.iter().find(same).map(|row| row.id))
    }

    /// Sends a statement that was begun, after those on its subject before it, and proves that it was recorded. One that the ledger
    /// refuses is begun no longer.
    pub fn complete(&mut self, id: Hash, now: UnixMillis) -> Result<Recorded, ActError> {
        let rows = store::outgoing(self.snapshot.store.read())?;
        let refused = refused(&rows);
        let row = rows.iter().find(|row| row.id == id).ok_or(ActError::NotBegun)?;
        let before = rows.iter().take_while(|before| before.id != id);
        for before in before.filter(|one| one.subject == row.subject && !refused.contains_key(&one.id)) {
            self.attempt(before, now)?.recorded()?;
        }
        let tried = self.attempt(row, now)?;
        if let Tried::Refused(..) = tried {
            self.snapshot.store.write::<_, StoreError>(|tx| store::take_out(tx, id))?;
        }
        tried.recorded()
    }

    /// Sends what is due, one bounded round. A network that fails costs nothing but time; the rest waits for the next call.
    pub fn send(&mut self, now: UnixMillis) -> Result<Round, ActError> {
        self.send_until(now, now)
    }

    /// The same at once, also of what is not due: a person asks for it, and knows more of the network than a clock does.
    pub fn send_now(&mut self, now: UnixMillis) -> Result<Round, ActError> {
        self.send_until(UnixMillis(u64::MAX), now)
    }

    /// Sends what is due by then.
    fn send_until(&mut self, due: UnixMillis, now: UnixMillis) -> Result<Round, ActError> {
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
            if row.due.at > due || sent == ROUND {
                blocked.insert(row.subject);
                continue;
            }
            sent += 1;
            match self.attempt(&row, now)? {
                Tried::Proven(_) => round.proven += 1,
                Tried::Refused(..) => {
                    round.refused += 1;
                    fresh.insert(row.id);
                }
                Tried::Later(..) => {
                    blocked.insert(row.subject);
                }
            }
        }
        let open = store::outgoing(self.snapshot.store.read())?;
        let held = refused(&open);
        let open: Vec<_> = open.iter().filter(|row| !held.contains_key(&row.id)).collect();
        round.waiting = open.len();
        round.next_due = open.iter().map(|row| row.due.at).min();
        Ok(round)
    }

    /// Tries one statement, and notes what became of it.
    fn attempt(&mut self, row: &store::Outgoing, now: UnixMillis) -> Result<Tried, ActError> {
        let tried = self.try_one(row)?;
        self.snapshot.store.write::<_, StoreError>(|tx| match &tried {
            Tried::Proven(_) => store::take_out(tx, row.id),
            Tried::Refused(state, error) => {
                let due = Due { tries: row.due.tries + 1, at: now };
                store::set_outgoing(tx, row.id, *state, reason(error), due)
            }
            Tried::Later(state, error) => {
                let answer = if let ActError::Client(error) = error { Some(error) } else { None };
                let due = BACK_OFF.after(row.due, answer, now);
                store::set_outgoing(tx, row.id, *state, reason(error), due)
            }
        })?;
        Ok(tried)
    }

    fn try_one(&mut self, row: &store::Outgoing) -> Result<Tried, ActError> {
        let blob = store::outgoing_blob(self.snapshot.store.read(), row.id)?;
        match self.hand_in(row, blob.as_deref()) {
            Ok(()) => self.prove(row.log, row.id),
            Err(error) => match (error.problem(), &error) {
                // All of these pass: a predecessor arrives, a clock that ran ahead is caught up with, and a blob that was
                // announced too long ago to be kept is announced again.
                (Some(Problem::AwaitsPredecessor | Problem::Future), _) => {
                    Ok(Tried::Later(WAITING, error.into()))
                }
                (Some(Problem::PromiseNotHeld | Problem::Unnamed), _) if blob.is_some() => {
                    Ok(Tried::Later(WAITING, error.into()))
                }
                (Some(Problem::CustodyConflict), _) => self.record_conflict(row, error),
                (_, ClientError::Refused { .. }) => Ok(Tried::Refused(REFUSED, error.into())),
                _ => Ok(Tried::Later(row.state, error.into())),
            },
        }
    }

    /// Submits a statement; where the node says that it lacks what the statement promises, after uploading that.
    fn hand_in(&self, row: &store::Outgoing, blob: Option<&[u8]>) -> Result<(), ClientError> {
        match (self.client.submit(row.log, &row.bytes), blob) {
            (Err(error), Some(blob)) if error.problem() == Some(Problem::PromiseNotHeld) => {
                self.client.upload(blob)?;
                self.client.submit(row.log, &row.bytes).map(drop)
            }
            (answer, _) => answer.map(drop),
        }
    }

    fn prove(&mut self, log: LogName, id: Hash) -> Result<Tried, ActError> {
        match self.confirm(log, id) {
            Ok(recorded) => Ok(Tried::Proven(recorded)),
            Err(error @ ActError::Store(_)) => Err(error),
            Err(error) => Ok(Tried::Later(SENT, error)),
        }
    }

    /// The handover came second: it goes onto the ledger as evidence. What is signed here does not stand in the way of a
    /// later try: until it is proven, the handover itself stays in the outbox and comes back here.
    fn record_conflict(&mut self, row: &store::Outgoing, refusal: ClientError) -> Result<Tried, ActError> {
        let evidence = Statement::parse(&row.bytes).map_err(SignError::from)?;
        let Some(kind) = conflict_kind(evidence.kind()) else {
            return Ok(Tried::Refused(REFUSED, refusal.into()));
        };
        let certificate = self.certificate(&row.key)?;
        let signer = StoredKey::find(Arc::clone(&self.keys), &row.key)?;
        for _ in 0..RETRIES {
            let latest = match self.latest(row.log, evidence.subject()) {
                Ok(latest) => latest,
                Err(error @ ActError::Store(_)) => return Err(error),
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
            let seen = self.snapshot.seen(row.log);
            let at = seen.map_or(evidence.issued_at(), TrustedCheckpoint::cosigned_at);
            let at = at.max(evidence.issued_at());
            let conflict = draft.countersign(&evidence, &certificate, &signer, at, random()?)?;
            match self.client.submit(row.log, conflict.as_bytes()) {
                Ok(_) => {
                    return Ok(match self.prove(row.log, conflict.id())? {
                        Tried::Proven(_) => Tried::Refused(RECORDED, refusal.into()),
                        later => later,
                    });
                }
                Err(error) => match (error.problem(), &error) {
                    (Some(Problem::NotLatest | Problem::CustodyConflict), _) => {}
                    (_, ClientError::Refused { .. }) => return Ok(Tried::Refused(REFUSED, error.into())),
                    _ => break,
                },
            }
        }
        Ok(Tried::Later(WAITING, refusal.into()))
    }
}

impl Tried {
    fn recorded(self) -> Result<Recorded, ActError> {
        match self {
            Self::Proven(recorded) => Ok(recorded),
            Self::Refused(_, error) | Self::Later(_, error) => Err(error),
        }
    }
}

/// The stable name under which a failure is kept.
fn reason(error: &ActError) -> &str {
    match error {
        ActError::Client(ClientError::Refused { title, .. }) => title,
        ActError::Client(ClientError::Busy { .. }) => "busy",
        ActError::Client(_) => "no-answer",
        _ => "not-proven",
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
        tries: row.due.tries,
        due_at: row.due.at,
    }
}

/// The kind of the statement that records a conflict about goods whose handovers have this kind.
fn conflict_kind(kind: &Kind) -> Option<Kind> {
    let mut steps = Profile::all().iter().flat_map(Profile::steps);
    let takes = |step: &&Step| matches!(&step.countersigned, Some(Countersigned::Rival(kinds)) if kinds.contains(kind));
    steps.find(takes).map(|step| step.kind.clone())
}
