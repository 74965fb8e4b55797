//! The state machine: what a block of statements does to the logs.
//!
//! In scope: admission in the order of SPEC section 0, and the state that follows from it: the trust store, one tree and one
//! subject index per log, the rules' state of each subject, the tokens that are used up. Out of scope: the rules themselves
//! ([`Rules`](countersign_ledger::Rules)), ordering, durability, signatures on checkpoints, who submits.
//!
//! The same blocks lead to the same roots on every machine: time is an argument, there is no randomness and no floating
//! point, and no result depends on the order of a hash map. A statement is fetched from the store by its place, and its
//! digest is checked.
//!
//! # Revocations
//!
//! A revocation may void entries that are in the logs already. The states of their subjects are then dropped, and folded
//! again from the history when they are next needed. So a revocation costs the ordering thread one look-up per voided entry,
//! however long the histories of their subjects are.

mod candidate;
mod recent;
mod restore;

use std::cell::Cell;
use std::sync::Arc;

use countersign_ledger::{
    Checkpoint, CheckpointTextError, Checkpoints, Context, ENROL, Entry, Folded, Hash, IndexEntry, IndexKey,
    LogName, Promise, REVOKE, Refusal, Rules, State, Statement, Subject, TrustStore, UnixMillis, Verified,
    check_fresh,
};

use crate::ledger::{Ledger, Place};
use crate::ledger_state::{Addition, LedgerState};
use crate::parallel::in_parallel;
use crate::reason::Reason;
use crate::record_store::Pin;
use crate::store::{Bodies, StoreError, StoreResult};

pub use self::candidate::Candidate;
use self::recent::Recent;
pub use self::restore::Damage;

/// What became of a candidate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It now stands there.
    New(Place),
    /// The very same statement already stood there.
    Known(Place),
    /// It was refused.
    Refused(Reason),
}

/// What a block did.
#[derive(Debug)]
pub struct Applied {
    /// What became of each candidate, in the order in which they were given.
    pub admissions: Vec<Admission>,
    /// The statements that were admitted, log by log, in the order of each log.
    pub admitted: Vec<Admitted>,
    /// The block's record; `None` when nothing was admitted, and nothing changed.
    pub block: Option<BlockRecord>,
}

/// A statement at its place.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Where it stands.
    pub place: Place,
    /// Its place in the subject index.
    pub key: IndexKey,
    /// The statement.
    pub statement: Arc<Entry>,
    /// What it promises, as computed by the check that admitted it. The transaction that makes the statement durable keeps the
    /// blob for good; until then one that was held when the statement came in is kept for hours.
    pub promise: Option<Promise>,
    /// Keeps the objects that it promises until readers see it.
    pub(crate) pin: Option<Pin>,
}

/// A block's number, time and digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockRecord {
    /// Number, from 1.
    pub height: u64,
    /// Time, never before that of the block before.
    pub time: UnixMillis,
    /// Over the block before, height, time and the entries.
    pub digest: Hash,
}

/// The state of the ledger and what changes it.
pub struct StateMachine {
    ledger: Arc<Ledger>,
    trust: Arc<TrustStore>,
    state: Arc<dyn LedgerState>,
    recent: Recent,
    last: BlockRecord,
}

/// A statement that has passed all checks.
struct Fitting {
    log: LogName,
    key: IndexKey,
    entry: Entry,
    rules: Arc<dyn Rules>,
    folded: Folded<State>,
    uses_up: Vec<Hash>,
    promise: Option<Promise>,
    pin: Option<Pin>,
}

/// Why a statement is not appended.
enum Stop {
    Admission(Admission),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Admission(Admission::Refused(reason))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Reason::from(refusal).into()
    }
}

impl Stop {
    /// What is told to whoever asked, unless the store has failed.
    fn admission(self) -> StoreResult<Admission> {
        match self {
            Self::Admission(admission) => Ok(admission),
            Self::Store(error) => Err(error),
        }
    }
}

impl StateMachine {
    /// An empty ledger with the trust anchors `trust`. What grows with the logs lies in `state`, which is empty.
    pub fn new(ledger: Arc<Ledger>, trust: TrustStore, state: Arc<dyn LedgerState>) -> Self {
        let last = BlockRecord { height: 0, time: UnixMillis(0), digest: Hash::default() };
        Self { ledger, trust: Arc::new(trust), state, recent: Recent::default(), last }
    }

    /// Its logs and rules.
    pub const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The trust store.
    pub const fn trust(&self) -> &Arc<TrustStore> {
        &self.trust
    }

    /// What has grown with the logs.
    pub const fn state(&self) -> &Arc<dyn LedgerState> {
        &self.state
    }

    /// The newest block.
    pub const fn last(&self) -> BlockRecord {
        self.last
    }

    /// What a log's next checkpoint says.
    pub fn checkpoint(&self, log: LogName) -> StoreResult<Result<Checkpoint, CheckpointTextError>> {
        let roots = self.state.roots(log)?;
        Ok(Checkpoint::new(&self.ledger.origin(log), roots.size, roots.tree, roots.index))
    }

    /// Reads the statements of a block that came as bytes, and verifies them on all cores.
    pub fn read(&self, block: &[(LogName, Vec<u8>)]) -> Vec<Candidate> {
        in_parallel(block, |(log, bytes)| Candidate::read(*log, bytes, &self.trust))
    }

    /// A dry run: what would become of a candidate if it were the next block; `None` if it would be admitted.
    pub fn check(
        &mut self,
        time: UnixMillis,
        candidate: Candidate,
        bodies: &dyn Bodies,
    ) -> StoreResult<Option<Admission>> {
        match self.judge(time.max(self.last.time), candidate, bodies) {
            Ok(_) => Ok(None),
            Err(stop) => stop.admission().map(Some),
        }
    }

    /// Applies a block of candidates at `time`, log by log and within a log in the order given. A refused candidate
    /// changes nothing. An error means that a statement could not be fetched: the block is then half applied, and the
    /// machine must not be used again.
    pub fn apply(
        &mut self,
        time: UnixMillis,
        candidates: Vec<Candidate>,
        bodies: &dyn Bodies,
    ) -> StoreResult<Applied> {
        let time = time.max(self.last.time);
        self.recent.trim();
        let mut admissions = vec![Admission::Refused(Reason::UnknownKind); candidates.len()];
        let mut admitted = Vec::with_capacity(candidates.len());
        let mut order: Vec<_> = candidates.into_iter().enumerate().collect();
        order.sort_by_key(|(_, candidate)| self.ledger.position(candidate.log));
        for (position, candidate) in order {
            admissions[position] = match self.judge(time, candidate, bodies) {
                Ok(fitting) => {
                    let new = self.append(fitting)?;
                    let place = new.place;
                    admitted.push(new);
                    Admission::New(place)
                }
                Err(stop) => stop.admission()?,
            };
        }
        let block = if admitted.is_empty() {
            None
        } else {
            Some(self.close(time, admitted.iter().map(|new| (new.place, new.statement.id())))?)
        };
        Ok(Applied { admissions, admitted, block })
    }

    /// The order of checks: form; the log; the same statement again; freshness; signer and signature; revocation; what is
    /// used up; the link to the latest; the rules of the family; whether what it promises is held.
    fn judge(
        &mut self,
        time: UnixMillis,
        candidate: Candidate,
        bodies: &dyn Bodies,
    ) -> Result<Fitting, Stop> {
        let (log, lacks, pin) = (candidate.log, candidate.lacks.clone(), candidate.pin.clone());
        let statement = candidate.statement()?;
        self.ledger.takes(log, statement.kind())?;
        let rules = Arc::clone(self.ledger.families.of(statement.kind()).ok_or(Reason::UnknownKind)?);
        if let Some(place) = self.state.place(statement.id())? {
            return Err(Stop::Admission(Admission::Known(place)));
        }
        check_fresh(statement, time)?;
        let verified = candidate.accept(&self.trust)?;
        let entry = self.trust.place(verified, log, self.state.size(log)?);
        let Some(placed) = entry.standing() else { return Err(Refusal::Revoked.into()) };
        let uses_up = self.unused(&*rules, placed)??;

        let subject = placed.statement().subject();
        let key = IndexKey::of(subject);
        let latest = self.state.latest(log, &key)?.map(|entry| entry.latest);
        if placed.prev() != latest {
            return Err(self.misplaced(log, placed, latest, bodies)?.into());
        }
        let folded = self.folded(log, &key, bodies)?;
        let head = match Subject::new(subject.family()) {
            Ok(head) if head != *subject => Some(self.folded(log, &IndexKey::of(&head), bodies)?),
            _ => None,
        };
        let mut linked = Vec::new();
        for id in placed.links() {
            if let Some(place) = self.state.place(*id)? {
                linked.push(self.recall(place, bodies)?);
            }
        }
        let mut elsewhere = Vec::new();
        for (log, subject) in rules.looks_at(placed) {
            elsewhere.push(self.folded(log, &IndexKey::of(&subject), bodies)?.standing);
        }
        let rival = self.rival(log, placed, bodies)?;
        let checkpoints = Grown { state: &*self.state, failed: Cell::new(None) };
        let context = Context {
            log,
            domain: self.ledger.domain(log),
            time: Some(time),
            subject: &folded.standing,
            head: head.as_ref().map_or(&folded.standing, |head| &head.standing),
            linked: &linked,
            rival: rival.as_deref(),
            elsewhere: &elsewhere,
            trust: &self.trust,
            checkpoints: Some(&checkpoints),
        };
        let judged = rules.check(placed, &context);
        if let Some(error) = checkpoints.failed.take() {
            return Err(error.into());
        }
        judged.map_err(Reason::Rule)?;
        if let Some(promise) = lacks {
            return Err(Reason::PromiseNotHeld(promise).into());
        }
        let promise = rules.promise(placed);
        Ok(Fitting { log, key, entry, rules, folded, uses_up, promise, pin })
    }

    /// What a statement uses up, if nothing of it is used already.
    fn unused(&self, rules: &dyn Rules, statement: &Verified) -> StoreResult<Result<Vec<Hash>, Reason>> {
        let replay = statement.statement().replay_key();
        if self.state.is_used(replay)? {
            return Ok(Err(Reason::Replay));
        }
        let code = rules.uses_up(statement);
        match code {
            Some(code) if self.state.is_used(code)? => Ok(Err(Reason::Code)),
            _ => Ok(Ok(std::iter::once(replay).chain(code).collect())),
        }
    }

    /// Why a statement cannot stand after the latest on its subject. What two parties signed without a network comes in any
    /// order, and may come second: each of them has its own answer.
    fn misplaced(
        &mut self,
        log: LogName,
        statement: &Verified,
        latest: Option<Hash>,
        bodies: &dyn Bodies,
    ) -> StoreResult<Reason> {
        let (Some(prev), Some(_)) = (statement.prev(), statement.countersigned()) else {
            return Ok(Reason::NotLatest { latest });
        };
        if self.state.place(prev)?.is_none() {
            return Ok(Reason::AwaitsPredecessor);
        }
        // A void statement that came first has taken nothing from anybody.
        let winner = self.successor(log, prev, statement.statement().subject(), bodies)?;
        let winner = winner.as_deref().and_then(Entry::standing);
        Ok(winner.map_or(Reason::NotLatest { latest }, |winner| Reason::Taken { by: winner.id() }))
    }

    /// What stands after the statement that a carried one was signed to follow, if the two follow different ones.
    fn rival(
        &mut self,
        log: LogName,
        statement: &Verified,
        bodies: &dyn Bodies,
    ) -> StoreResult<Option<Arc<Entry>>> {
        let carried = statement.countersigned().filter(|carried| carried.prev() != statement.prev());
        let Some(prev) = carried.and_then(Verified::prev) else { return Ok(None) };
        self.successor(log, prev, statement.statement().subject(), bodies)
    }

    /// What directly follows the statement `id` on `subject`.
    fn successor(
        &mut self,
        log: LogName,
        id: Hash,
        subject: &Subject,
        bodies: &dyn Bodies,
    ) -> StoreResult<Option<Arc<Entry>>> {
        let Some(place) = self.state.place(id)?.filter(|place| place.log == log) else { return Ok(None) };
        let Some(index) = self.state.neighbours(place)?.next else { return Ok(None) };
        let next = self.recall(Place { log, index }, bodies)?;
        Ok(Some(next).filter(|next| next.verified().statement().subject() == subject))
    }

    /// The rules' state of a subject.
    pub fn remembered(
        &mut self,
        log: LogName,
        subject: &Subject,
        bodies: &dyn Bodies,
    ) -> StoreResult<Folded<State>> {
        self.folded(log, &IndexKey::of(subject), bodies)
    }

    /// The rules' state of a subject, folded from its history if it was dropped.
    fn folded(&mut self, log: LogName, key: &IndexKey, bodies: &dyn Bodies) -> StoreResult<Folded<State>> {
        if let Some(folded) = self.state.folded(log, key)? {
            return Ok(folded);
        }
        let mut folded = Folded::default();
        let history = history(&*self.state, log, key)?;
        if history.is_empty() {
            return Ok(folded);
        }
        for place in history.into_iter().rev() {
            // Not cached: a long history would evict everything else.
            let entry = match self.recent.get(place) {
                Some(entry) => entry,
                None => Arc::new(self.fetch(place, bodies)?),
            };
            if let Some(rules) = self.ledger.families.of(entry.verified().statement().kind()) {
                push(&mut folded, &entry, &**rules);
            }
        }
        self.state.remember(log, key, &folded)?;
        Ok(folded)
    }

    /// Appends a statement. Admission and recovery share this step.
    fn append(&mut self, fitting: Fitting) -> StoreResult<Admitted> {
        let Fitting { log, key, entry, rules, mut folded, uses_up, promise, pin } = fitting;
        push(&mut folded, &entry, &*rules);
        let statement = entry.verified();
        let mut signers = vec![statement.signer().fingerprint()];
        let other = statement.countersigned().map(|other| other.signer().fingerprint());
        signers.extend(other.filter(|other| *other != signers[0]));
        let addition = Addition { id: entry.id(), key, uses_up: &uses_up, signers: &signers, folded };
        let place = Place { log, index: self.state.append(log, addition)? };
        let statement = self.recent.insert(place, entry);
        self.follow(&statement)?;
        Ok(Admitted { place, key, statement, promise, pin })
    }

    /// Applies an enrolment or a revocation to the trust store.
    fn follow(&mut self, entry: &Entry) -> StoreResult<()> {
        let Some(placed) = entry.standing().filter(|placed| changes_trust(placed)) else { return Ok(()) };
        // Cannot fail: the statement has passed the same check.
        Arc::make_mut(&mut self.trust).apply(placed).map_err(|_| StoreError::Damaged("statements"))?;
        let fields = placed.fields();
        let revoked = fields.hash("certificate").filter(|_| placed.statement().kind().as_str() == REVOKE);
        let Some(certificate) = revoked else { return Ok(()) };
        for log in self.ledger.log_names() {
            let from = fields.uint(&format!("from-{log}")).unwrap_or(0);
            self.state.forget(log, certificate, from)?;
        }
        self.recent.place_again(&self.trust);
        Ok(())
    }

    /// Closes a block over its entries.
    fn close(
        &mut self,
        time: UnixMillis,
        entries: impl Iterator<Item = (Place, Hash)>,
    ) -> StoreResult<BlockRecord> {
        let (mut listed, mut grown) = (Vec::new(), Vec::new());
        for (Place { log, index }, id) in entries {
            listed.extend_from_slice(&Hash::of(log.as_str().as_bytes()).0);
            listed.extend_from_slice(&index.to_be_bytes());
            listed.extend_from_slice(id.as_bytes());
            if grown.last() != Some(&log) {
                grown.push(log);
            }
        }
        let height = self.last.height + 1;
        let parts: [&[u8]; 4] =
            [self.last.digest.as_bytes(), &height.to_be_bytes(), &time.0.to_be_bytes(), &listed];
        self.last = BlockRecord { height, time, digest: Hash::framed("countersign/block/v1", &parts) };
        for log in grown {
            self.state.close(log, time)?;
        }
        Ok(self.last)
    }

    /// A statement from memory or from the store.
    fn recall(&mut self, place: Place, bodies: &dyn Bodies) -> StoreResult<Arc<Entry>> {
        if let Some(entry) = self.recent.get(place) {
            return Ok(entry);
        }
        let entry = self.fetch(place, bodies)?;
        Ok(self.recent.insert(place, entry))
    }

    fn fetch(&self, place: Place, bodies: &dyn Bodies) -> StoreResult<Entry> {
        let damaged = || StoreError::Damaged("statements");
        let statement = Statement::parse(&bodies.body(place)?).map_err(|_| damaged())?;
        if self.state.place(statement.id())? != Some(place) {
            return Err(damaged());
        }
        self.trust.recall(statement, place.log, place.index).map_err(|_| damaged())
    }
}

/// The places of a subject's statements, the latest first.
pub(crate) fn history(state: &dyn LedgerState, log: LogName, key: &IndexKey) -> StoreResult<Vec<Place>> {
    let mut history = Vec::new();
    let Some(IndexEntry { latest, .. }) = state.latest(log, key)? else { return Ok(history) };
    let mut next = state.place(latest)?;
    while let Some(place) = next {
        history.push(place);
        next = state.neighbours(place)?.before.map(|index| Place { log, index });
    }
    Ok(history)
}

/// Whether a statement is one of those that [`TrustStore::apply`] does not ignore.
fn changes_trust(statement: &Verified) -> bool {
    matches!(statement.statement().kind().as_str(), ENROL | REVOKE)
}

pub(crate) fn push(folded: &mut Folded<State>, entry: &Entry, rules: &dyn Rules) {
    folded.push(entry, |state, one| rules.may_follow(state, one), |state, one| rules.fold(state, one));
}

/// The checkpoints of the ledger's logs. Rules cannot be told that the store has failed, so the machine asks afterwards.
struct Grown<'a> {
    state: &'a dyn LedgerState,
    failed: Cell<Option<StoreError>>,
}

impl Checkpoints for Grown<'_> {
    fn at(&self, log: LogName, size: u64) -> Option<(Hash, UnixMillis)> {
        let read = || {
            let Some(root) = self.state.root_at(log, size)? else { return Ok(None) };
            Ok(Some((root, self.state.reached_at(log, size)?)))
        };
        read().unwrap_or_else(|error| {
            // A log that is none of the ledger's never had a checkpoint.
            if !matches!(error, StoreError::NoLog(_)) {
                self.failed.set(Some(error));
            }
            None
        })
    }
}
