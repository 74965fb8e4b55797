//! Who asked for a record, what followed, and what was handed over: complete, and judged again.

use std::collections::BTreeMap;

use countersign_abe::Policy;
use countersign_ledger::{
    Context, Entry, Hash, Identity, LogName, Placed, Rules as _, Signer as _, SoftwareKey, State, Subject,
    TrustStore, UnixMillis,
};
use countersign_records::rules::{
    ANSWER, DELIVERY, Head, LOGS, Mode, OWNER, Outcome, REQUEST, RecordRules, Thread,
};
use countersign_records::{AskError, RecordId, Requester, open_ask};

use super::error::RecordError;
use super::fold;
use crate::snapshot::Snapshot;
use crate::store;

/// The list of accesses of a record.
#[derive(Clone, Debug)]
pub struct Accesses {
    /// What wants the owner's eyes comes first: emergencies, then what waits, then the newest.
    pub list: Vec<Access>,
    /// Threads whose request does not count, or is none: nobody was let see anything by them.
    pub unread: usize,
    /// When the older of the two logs' checkpoints was cosigned: the list is complete as of then.
    pub complete_as_of: UnixMillis,
}

/// A request, and what followed.
#[derive(Clone, Debug)]
pub struct Access {
    /// Its thread, by which it is answered.
    pub thread: Subject,
    /// The log that it is on.
    pub log: LogName,
    /// The request.
    pub request: Hash,
    /// When it was signed.
    pub asked_at: UnixMillis,
    /// The authority that vouched for it.
    pub authority: Identity,
    /// Who asked; or why that cannot be said, which the authority answers for.
    pub who: Result<Requester, AskError>,
    /// The line that is asked for, or that was granted.
    pub label: Option<Hash>,
    /// Its policy, if this phone knows the line.
    pub policy: Option<Policy>,
    /// Whether it was opened as an emergency.
    pub emergency: bool,
    /// Until when it was asked for or granted.
    pub until: UnixMillis,
    /// What came of it.
    pub state: AccessState,
    /// What was handed over.
    pub deliveries: Vec<Delivered>,
    /// A statement of it that the rules do not allow where it is: the node has let it through, or a revoked member's does not count.
    pub fault: Option<String>,
    /// Whether an answer of the owner's is signed and not yet recorded.
    pub unrecorded: bool,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessState {
    /// It waits for the owner.
    Waiting,
    /// It is granted, and its time runs.
    Granted,
    /// It was denied, by the owner or by what the owner decided before.
    Denied,
    /// It was granted, and then withdrawn.
    Withdrawn,
    /// It was granted, or waited, until its time was over.
    Ended,
}

/// Something that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// When the store signed it.
    pub at: UnixMillis,
    /// The row.
    pub row: Hash,
}

/// How a thread stands, once it was judged again.
pub(super) struct Judged {
    pub thread: Thread,
    pub request: Placed,
    pub linked: Option<Head>,
    pub fault: Option<String>,
}

impl Accesses {
    pub(super) fn of(
        snapshot: &mut Snapshot,
        record: &RecordId,
        agreements: &[SoftwareKey],
        policies: &BTreeMap<Hash, Policy>,
        now: UnixMillis,
    ) -> Result<Self, RecordError> {
        let trust = snapshot.trust().map_err(|_| RecordError::Sync)?;
        let unrecorded = store::outgoing(snapshot.store.read())?;
        let (mut list, mut as_of, mut unread) = (Vec::new(), Vec::new(), 0);
        for log in LOGS {
            let subject = record.subject();
            let members = snapshot.members(log, &subject)?.ok_or(RecordError::Sync)?;
            let heads = snapshot.history(log, &subject)?.ok_or(RecordError::Sync)?;
            as_of.extend(snapshot.checkpoint(log).map(countersign_ledger::TrustedCheckpoint::cosigned_at));
            for (thread, _) in members.into_iter().filter(|(member, _)| *member != subject) {
                let history = snapshot.history(log, &thread)?.ok_or(RecordError::Sync)?;
                let Some(judged) = judge(log, &heads, &history, &trust) else {
                    unread += 1;
                    continue;
                };
                let key = judged.linked.as_ref().and_then(|head| {
                    agreements.iter().find(|agreement| agreement.public_key() == head.agree)
                });
                let who = key.map_or(Err(AskError::Seal), |key| open_ask(&judged.request, log, key, &trust));
                let mut access = Access::new(log, thread, &judged, who, policies, now);
                access.deliveries = deliveries(&history);
                access.unrecorded =
                    unrecorded.iter().any(|row| row.subject == access.thread.as_str() && row.kind == ANSWER);
                list.push(access);
            }
        }
        let rank = |access: &Access| match access.state {
            AccessState::Granted if access.emergency => 0,
            AccessState::Waiting => 1,
            _ => 2,
        };
        list.sort_by_key(|access| (rank(access), std::cmp::Reverse(access.asked_at)));
        Ok(Self { list, unread, complete_as_of: as_of.into_iter().min().unwrap_or_default() })
    }
}

impl Accesses {
    /// Those who were handed something by a line. What they have read they have read, whatever is closed to them from now on.
    pub fn readers_of(&self, label: Hash) -> impl Iterator<Item = &Access> {
        self.list.iter().filter(move |access| access.label == Some(label) && !access.deliveries.is_empty())
    }
}

impl Access {
    fn new(
        log: LogName,
        thread: Subject,
        judged: &Judged,
        who: Result<Requester, AskError>,
        policies: &BTreeMap<Hash, Policy>,
        now: UnixMillis,
    ) -> Self {
        let Judged { thread: state, request, linked, fault } = judged;
        let asked = request.fields().hash("label");
        let mode = asked.and_then(|label| linked.as_ref()?.line(label)).map(|line| line.mode);
        let label = state.label.or(asked);
        // An owner who fetches such a line has no emergency.
        let emergency = mode == Some(Mode::Emergency) && request.signer().identity().role() != OWNER;
        Self {
            thread,
            log,
            request: request.id(),
            asked_at: request.statement().issued_at(),
            authority: request.signer().identity().clone(),
            who,
            label,
            policy: label.and_then(|label| policies.get(&label).cloned()),
            emergency,
            until: state.until,
            state: access_state(state, now),
            deliveries: Vec::new(),
            fault: fault.clone(),
            unrecorded: false,
        }
    }
}

/// What came of a thread, as of a time.
pub(super) fn access_state(thread: &Thread, now: UnixMillis) -> AccessState {
    match thread.outcome {
        Outcome::Denied => AccessState::Denied,
        _ if thread.withdrawn => AccessState::Withdrawn,
        _ if now >= thread.until => AccessState::Ended,
        Outcome::Waiting => AccessState::Waiting,
        Outcome::Granted => AccessState::Granted,
    }
}

/// Judges a thread again, each statement by the rules and by what was current when it was ordered as far as it says that itself: a
/// request names the index that it was judged by. Nothing where no request counts.
pub(super) fn judge(log: LogName, heads: &[Entry], history: &[Entry], trust: &TrustStore) -> Option<Judged> {
    let first = history.first()?.verified();
    let request = history.iter().find_map(Entry::standing).filter(|one| is(one, REQUEST))?.clone();
    let index = first.links().first().and_then(|link| heads.iter().find(|entry| entry.id() == *link));
    let linked = index.and_then(|entry| Head::of(entry.verified()));
    let newest = super::head(heads);
    let (mut before, mut fault) = (State::default(), None);
    for entry in history {
        let Some(statement) = entry.standing() else {
            fault
                .get_or_insert_with(|| "a statement on it does not count: its signer was revoked".to_owned());
            continue;
        };
        let of = if is(statement, REQUEST) { &linked } else { &newest };
        let head = of.as_ref().map(Head::to_state).unwrap_or_default();
        let context = Context {
            log,
            domain: None,
            time: None,
            subject: &before,
            head: &head,
            linked: &[],
            rival: None,
            elsewhere: &[],
            trust,
            checkpoints: None,
        };
        if let Err(violation) = RecordRules.check(statement, &context) {
            fault.get_or_insert(violation.text);
        }
        before = RecordRules.fold(&before, statement);
    }
    Some(Judged { thread: Thread::from_state(&fold(history))?, request, linked, fault })
}

fn is(statement: &Placed, kind: &str) -> bool {
    statement.statement().kind().as_str() == kind
}

fn deliveries(history: &[Entry]) -> Vec<Delivered> {
    let made = history.iter().filter_map(Entry::standing).filter(|one| is(one, DELIVERY));
    let made = made.filter_map(|one| {
        Some(Delivered { at: one.statement().issued_at(), row: one.fields().hash("row")? })
    });
    made.collect()
}
