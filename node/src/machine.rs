//! The rules: what a block of statements does to the logs.
//!
//! In scope: admission in the order of SPEC section 0, and the state that follows: whom to believe, one tree and one
//! subject index per log, which statements and which `cti` are taken. Out of scope: ordering, durability, signatures
//! under checkpoints, who is asking.
//!
//! The same blocks lead to the same roots on every machine: time is an argument, there is no randomness and no floating
//! point, and no hash map is ever iterated. What is fetched from the store is named by digest.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use countersign_custody::handover::Seen;
use countersign_custody::{Effect, Log, Context, Profile};
use countersign_ledger::{
    Checkpoint, CheckpointTextError, Hash, Index, IndexKey, Placed, MAX_SKEW_MILLIS, REVOKE, Refusal,
    Statement, Subject, Tree, TrustStore, UnixMillis, Verified, check_fresh, leaf_hash,
};

use crate::log::{LogId, Place};
use crate::sequencer::Reason;
use crate::store::{StoreError, StoredBlock, StoredStatement};

/// How many statements are kept in memory for those that follow or link them.
const RECENT: usize = 8192;

/// A statement to be ordered: read, its signer enrolled, its signature good.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The log it was sent to.
    pub log: LogId,
    /// The statement.
    pub statement: Verified,
}

/// Where the machine finds the statements that it no longer holds in memory.
pub trait Bodies {
    /// The statement at `place`, which was once admitted there.
    fn body(&self, place: Place) -> Result<Vec<u8>, StoreError>;
}

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
    pub statement: Arc<Placed>,
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

/// Why a stored history is not one that this machine could have written.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Bytes that are no statement.
    #[error("the entry is no statement: {0}")]
    Statement(#[from] Refusal),
    /// The id beside the statement is not its digest.
    #[error("the entry's id is not the digest of its bytes")]
    Id,
    /// An index or a height is missing, twice, or out of order.
    #[error("entries or blocks are missing or out of order")]
    Gap,
    /// An entry breaks a rule that it once passed.
    #[error("the entry cannot have been admitted: {0}")]
    Reason(Reason),
    /// The digest of the block is another.
    #[error("block {0} is not what its digest says")]
    Block(u64),
}

/// An entry that was taken up again.
pub(crate) struct Entry {
    pub(crate) log: LogId,
    pub(crate) id: Hash,
    pub(crate) key: IndexKey,
}

/// What readers share with the machine. It only grows, and readers look no further than a published checkpoint, so what
/// a block adds before it is durable is never seen.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    logs: [RwLock<LogState>; LogId::COUNT],
    places: RwLock<HashMap<Hash, Place>>,
}

/// What has grown with a log.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The tree over the statements' ids.
    pub(crate) tree: Tree,
    /// For each entry the index of the one before it on the same subject, [`FIRST`] if there is none.
    before: Vec<u64>,
}

/// Stands in [`LogState::before`] for an entry that is its subject's first.
const FIRST: u64 = u64::MAX;

impl LogState {
    /// The index of the entry before this one on the same subject.
    pub(crate) fn before(&self, index: u64) -> Option<u64> {
        let before = self.before.get(usize::try_from(index).ok()?).copied();
        before.filter(|&before| before != FIRST)
    }
}

impl Shared {
    pub(crate) fn grown<T>(&self, log: LogId, read: impl FnOnce(&LogState) -> T) -> T {
        read(&self.logs[log.slot()].read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn place(&self, id: Hash) -> Option<Place> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }
}

/// The state of the ledger and the rules that change it.
pub struct StateMachine {
    origins: [String; LogId::COUNT],
    domain: String,
    kinds: Arc<Kinds>,
    trust: Arc<TrustStore>,
    indices: [Index; LogId::COUNT],
    shared: Arc<Shared>,
    replays: HashSet<Hash>,
    recent: Recent,
    /// The size of the supply log after each block that grew it, and the block's time.
    grown_at: Vec<(u64, UnixMillis)>,
    last: BlockRecord,
}

impl StateMachine {
    /// An empty ledger called `name`, whose supply log serves `domain`, that believes `trust` and follows `profiles`.
    pub fn new(name: &str, domain: &str, trust: TrustStore, profiles: Vec<Profile>) -> Self {
        Self {
            origins: LogId::ALL.map(|log| format!("{name}/{log}")),
            domain: domain.to_owned(),
            kinds: Arc::new(Kinds(profiles)),
            trust: Arc::new(trust),
            indices: [Index::new(), Index::new()],
            shared: Arc::default(),
            replays: HashSet::new(),
            recent: Recent::default(),
            grown_at: Vec::new(),
            last: BlockRecord { height: 0, time: UnixMillis(0), digest: Hash::default() },
        }
    }

    /// Whom the ledger believes.
    pub const fn trust(&self) -> &Arc<TrustStore> {
        &self.trust
    }

    /// The newest block.
    pub const fn last(&self) -> BlockRecord {
        self.last
    }

    /// Number of entries in a log.
    pub fn size(&self, log: LogId) -> u64 {
        self.shared.grown(log, |grown| grown.tree.size())
    }

    /// The subject index of a log.
    pub const fn index(&self, log: LogId) -> &Index {
        &self.indices[log.slot()]
    }

    /// What a log's next checkpoint says.
    pub fn checkpoint(&self, log: LogId) -> Result<Checkpoint, CheckpointTextError> {
        let (size, root) = self.shared.grown(log, |grown| (grown.tree.size(), grown.tree.root()));
        Checkpoint::new(&self.origins[log.slot()], size, root, self.index(log).root())
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) const fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// Applies a block of candidates at `time`, log by log and within a log in the order given. A refused candidate
    /// changes nothing. An error means that a statement could not be fetched: the block is then half applied, and the
    /// machine must not be used again.
    pub fn apply(
        &mut self,
        time: UnixMillis,
        candidates: Vec<Candidate>,
        bodies: &impl Bodies,
    ) -> Result<Applied, StoreError> {
        let time = time.max(self.last.time);
        let mut admissions = vec![Admission::Refused(Reason::UnknownKind); candidates.len()];
        let mut admitted = Vec::with_capacity(candidates.len());
        let mut order: Vec<_> = candidates.into_iter().enumerate().collect();
        order.sort_by_key(|(_, candidate)| candidate.log);
        for (position, candidate) in order {
            admissions[position] = match self.admit(time, candidate, bodies)? {
                Ok(new) => {
                    let place = new.place;
                    admitted.push(new);
                    Admission::New(place)
                }
                Err(known_or_refused) => known_or_refused,
            };
        }
        self.recent.trim();
        let block = (!admitted.is_empty())
            .then(|| self.close(time, admitted.iter().map(|new| (new.place, new.statement.id()))));
        Ok(Applied { admissions, admitted, block })
    }

    /// The order of checks: form and signature are behind us; then the log, the same statement again, freshness,
    /// revocation, replay, the link to the latest, and the rules of custody.
    fn admit(
        &mut self,
        time: UnixMillis,
        candidate: Candidate,
        bodies: &impl Bodies,
    ) -> Result<Result<Admitted, Admission>, StoreError> {
        let Candidate { log, statement: verified } = candidate;
        let statement = verified.statement();
        let refused = |reason: Reason| Ok(Err(Admission::Refused(reason)));
        if let Err(reason) = self.kinds.check(log, statement) {
            return refused(reason);
        }
        if let Some(place) = self.shared.place(statement.id()) {
            return Ok(Err(Admission::Known(place)));
        }
        if let Err(refusal) = check_fresh(statement, time) {
            return refused(refusal.into());
        }
        let placed = match self.trust.log(verified, &self.origins[log.slot()], self.size(log)) {
            Ok(placed) => placed,
            Err(refusal) => return refused(refusal.into()),
        };
        if self.replays.contains(&placed.statement().replay_key()) {
            return refused(Reason::Replay);
        }
        let key = index_key(placed.statement().subject());
        let latest = self.index(log).get(&key).map(|entry| entry.latest);
        if placed.prev() != latest {
            return refused(self.misplaced(log, &placed, latest, bodies)?);
        }
        if let Err(reason) = self.check_seen(&placed) {
            return refused(reason);
        }
        if let Err(reason) = self.check_rules(log, &placed, bodies)? {
            return refused(reason);
        }
        let place = self.append(log, key, placed.statement());
        Ok(Ok(Admitted { place, key, statement: self.recent.insert(place, placed) }))
    }

    /// Why a statement cannot stand after the latest on its subject. What two parties signed without a network comes in any
    /// order, and may come second: each of them has its own answer.
    fn misplaced(
        &mut self,
        log: LogId,
        placed: &Placed,
        latest: Option<Hash>,
        bodies: &impl Bodies,
    ) -> Result<Reason, StoreError> {
        let (Some(prev), Some(_)) = (placed.prev(), placed.countersigned()) else {
            return Ok(Reason::NotLatest { latest });
        };
        let Some(wanted) = self.shared.place(prev) else { return Ok(Reason::AwaitsPredecessor) };
        let mut after = latest.and_then(|latest| self.shared.place(latest));
        while let Some(place) = after {
            let before = self.shared.grown(log, |grown| grown.before(place.index));
            if wanted.log == log && before == Some(wanted.index) {
                let by = self.recall(place, bodies)?.map(|winner| winner.id());
                return Ok(by.map_or(Reason::NotLatest { latest }, |by| Reason::Taken { by }));
            }
            after = before.map(|index| Place { log, index });
        }
        Ok(Reason::NotLatest { latest })
    }

    /// Whether the checkpoints that its signers name are this log's, and no signature is older than what its signer had
    /// seen. So far a statement may be dated back, and no further.
    fn check_seen(&self, placed: &Placed) -> Result<(), Reason> {
        let signatures = [Some(placed.verified()), placed.countersigned()];
        for statement in signatures.into_iter().flatten() {
            let Some(seen) = Seen::of(statement).filter(|seen| seen.size > 0) else { continue };
            let root = self.shared.grown(LogId::Supply, |grown| grown.tree.root_at(seen.size));
            if root != Some(seen.root) {
                return Err(Reason::ForeignCheckpoint);
            }
            let block = self.grown_at.partition_point(|&(size, _)| size < seen.size);
            let at = self.grown_at.get(block).map_or(UnixMillis(0), |&(_, at)| at);
            if at.since(statement.statement().issued_at()) > MAX_SKEW_MILLIS {
                return Err(Reason::Backdated);
            }
        }
        Ok(())
    }

    /// The ledger's own kinds change whom it believes; all others are their profile's matter.
    fn check_rules(
        &mut self,
        log: LogId,
        placed: &Placed,
        bodies: &impl Bodies,
    ) -> Result<Result<(), Reason>, StoreError> {
        let kinds = Arc::clone(&self.kinds);
        let Some(profile) = kinds.profile(placed.statement()) else {
            return Ok(self.trust.check(placed).and_then(|()| self.believe(placed)).map_err(Reason::from));
        };
        let subject = self.history(log, placed, bodies)?;
        let mut linked = Vec::new();
        for place in placed.links().iter().filter_map(|&id| self.shared.place(id)).collect::<Vec<_>>() {
            linked.extend(self.recall(place, bodies)?);
        }
        let past = Context {
            log: custody_log(log),
            // Revocations and recalls of all domains are told in one place; a supply log serves one.
            domain: (log == LogId::Supply).then_some(&*self.domain),
            subject: &subject,
            linked: &linked.iter().map(Arc::as_ref).collect::<Vec<_>>(),
        };
        Ok(profile.check(placed, &past).map_err(Reason::Custody))
    }

    fn believe(&mut self, placed: &Placed) -> Result<(), Refusal> {
        Arc::make_mut(&mut self.trust).apply(placed)?;
        if placed.statement().kind().as_str() == REVOKE {
            // What stands in a log at or after the index that the revocation names counts no longer, on this machine
            // as on one that starts now and fetches it anew.
            let (trust, origins) = (&self.trust, &self.origins);
            self.recent.statements.retain(|place, placed| {
                trust.log(placed.verified().clone(), &origins[place.log.slot()], place.index).is_ok()
            });
        }
        Ok(())
    }

    /// Writes a statement: the one step that admission and recovery share.
    fn append(&mut self, log: LogId, key: IndexKey, statement: &Statement) -> Place {
        let latest = self.index(log).get(&key).and_then(|entry| self.shared.place(entry.latest));
        let index = {
            let mut grown = self.shared.logs[log.slot()].write().unwrap_or_else(PoisonError::into_inner);
            grown.before.push(latest.map_or(FIRST, |latest| latest.index));
            grown.tree.push(leaf_hash(statement.id().as_bytes()))
        };
        let place = Place { log, index };
        self.shared.places.write().unwrap_or_else(PoisonError::into_inner).insert(statement.id(), place);
        self.replays.insert(statement.replay_key());
        self.indices[log.slot()].record(key, statement.id());
        place
    }

    /// Closes a block over its entries.
    fn close(&mut self, time: UnixMillis, entries: impl Iterator<Item = (Place, Hash)>) -> BlockRecord {
        let mut listed = Vec::new();
        for (place, id) in entries {
            listed.push(place.log as u8);
            listed.extend_from_slice(&place.index.to_be_bytes());
            listed.extend_from_slice(id.as_bytes());
        }
        let height = self.last.height + 1;
        let parts: [&[u8]; 4] =
            [self.last.digest.as_bytes(), &height.to_be_bytes(), &time.0.to_be_bytes(), &listed];
        self.last = BlockRecord { height, time, digest: Hash::framed("countersign/block/v1", &parts) };
        let size = self.size(LogId::Supply);
        if self.grown_at.last().is_none_or(|&(before, _)| before < size) {
            self.grown_at.push((size, time));
        }
        self.last
    }

    /// Takes up one stored block again. Bodies are read and hashed, the tree and the index grow by the same step as in
    /// [`Self::apply`]; signatures are verified where a statement changes whom to believe, the rest stands under the
    /// signed checkpoint that the caller compares in the end.
    pub(crate) fn restore(
        &mut self,
        block: &StoredBlock,
        statements: &[StoredStatement],
    ) -> Result<Vec<Entry>, (Option<Place>, Damage)> {
        if block.height != self.last.height + 1 || block.time < self.last.time || statements.is_empty() {
            return Err((None, Damage::Gap));
        }
        let mut entries = Vec::with_capacity(statements.len());
        for stored in statements {
            let (id, key) = self.restore_one(stored).map_err(|damage| (Some(stored.place), damage))?;
            entries.push(Entry { log: stored.place.log, id, key });
        }
        let record = self.close(block.time, statements.iter().map(|stored| (stored.place, stored.id)));
        if record.digest == block.digest { Ok(entries) } else { Err((None, Damage::Block(block.height))) }
    }

    fn restore_one(&mut self, stored: &StoredStatement) -> Result<(Hash, IndexKey), Damage> {
        let log = stored.place.log;
        let statement = Statement::parse(&stored.bytes).map_err(Refusal::from)?;
        if statement.id() != stored.id {
            return Err(Damage::Id);
        }
        if stored.place.index != self.size(log) {
            return Err(Damage::Gap);
        }
        self.kinds.check(log, &statement).map_err(Damage::Reason)?;
        if self.replays.contains(&statement.replay_key()) {
            return Err(Damage::Reason(Reason::Replay));
        }
        if LogId::of_own_kind(statement.kind().as_str()).is_some() {
            let verified = self.trust.verify(statement.clone())?;
            let placed = self.trust.log(verified, &self.origins[log.slot()], stored.place.index)?;
            self.believe(&placed)?;
        }
        let key = index_key(statement.subject());
        self.append(log, key, &statement);
        Ok((stored.id, key))
    }

    /// The statements on the subject of `placed` before it, oldest first, without those whose signer had been revoked.
    fn history(
        &mut self,
        log: LogId,
        placed: &Placed,
        bodies: &impl Bodies,
    ) -> Result<Vec<Placed>, StoreError> {
        let mut earlier = Vec::new();
        let mut before = placed.prev().and_then(|id| self.shared.place(id));
        while let Some(place) = before {
            if let Some(statement) = self.recall(place, bodies)? {
                earlier.push(Placed::clone(&statement));
            }
            let index = self.shared.grown(log, |grown| grown.before(place.index));
            before = index.map(|index| Place { log, index });
        }
        earlier.reverse();
        Ok(earlier)
    }

    /// A statement from memory or from the store; `None` if its signer had been revoked before its place.
    fn recall(&mut self, place: Place, bodies: &impl Bodies) -> Result<Option<Arc<Placed>>, StoreError> {
        if let Some(placed) = self.recent.statements.get(&place) {
            return Ok(Some(Arc::clone(placed)));
        }
        let statement =
            Statement::parse(&bodies.body(place)?).map_err(|_| StoreError::Damaged("statements"))?;
        if self.shared.place(statement.id()) != Some(place) {
            return Err(StoreError::Damaged("statements"));
        }
        let verified = self.trust.verify(statement).map_err(|_| StoreError::Damaged("statements"))?;
        let placed = self.trust.log(verified, &self.origins[place.log.slot()], place.index);
        Ok(placed.ok().map(|placed| self.recent.insert(place, placed)))
    }
}

/// Where a subject stands in the index.
pub(crate) fn index_key(subject: &Subject) -> IndexKey {
    IndexKey::new(subject.family(), subject.as_str())
}

/// Which kinds there are, whose rules they follow and to which log they belong.
pub(crate) struct Kinds(Vec<Profile>);

impl Kinds {
    fn profile(&self, statement: &Statement) -> Option<&Profile> {
        self.0.iter().find(|profile| profile.step(statement.kind()).is_some())
    }

    /// Whether `log` takes statements of this kind.
    pub(crate) fn check(&self, log: LogId, statement: &Statement) -> Result<(), Reason> {
        let own = LogId::of_own_kind(statement.kind().as_str());
        let step = || self.0.iter().find_map(|profile| profile.step(statement.kind()));
        match own.or_else(|| Some(log_of(step()?.log))) {
            Some(right) if right == log => Ok(()),
            Some(other) => Err(Reason::OtherLog(other)),
            None => Err(Reason::UnknownKind),
        }
    }

    /// The digest and length of the blob that a statement promises.
    pub(crate) fn blob(&self, statement: &Verified) -> Option<(Hash, u64)> {
        let kind = statement.statement().kind();
        match &self.0.iter().find_map(|profile| profile.step(kind))?.effect {
            Effect::Commission { filter, filter_length, .. } => {
                Some((statement.fields().hash(filter)?, statement.fields().uint(filter_length)?))
            }
            _ => None,
        }
    }
}

const fn log_of(log: Log) -> LogId {
    match log {
        Log::Trust => LogId::Trust,
        Log::Supply => LogId::Supply,
    }
}

const fn custody_log(log: LogId) -> Log {
    match log {
        LogId::Trust => Log::Trust,
        LogId::Supply => Log::Supply,
    }
}

/// The statements admitted or fetched last.
#[derive(Default)]
struct Recent {
    statements: HashMap<Place, Arc<Placed>>,
    order: VecDeque<Place>,
}

impl Recent {
    fn insert(&mut self, place: Place, placed: Placed) -> Arc<Placed> {
        let placed = Arc::new(placed);
        self.order.push_back(place);
        self.statements.insert(place, Arc::clone(&placed));
        placed
    }

    /// Forgets the oldest. Never within a block, whose statements no store has yet.
    fn trim(&mut self) {
        while self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.statements.remove(&oldest);
        }
    }
}
