//! A domain's own log, read: the states of its data, and who accessed them.
//!
//! Each statement is judged again by the rules. What it had seen of the log across domains is held against that log: a root
//! that the log never had is no anchor, and a state without one is as old as what stands before it.

use countersign_domains::rules::{DomainRules, ENTRY, STATE};
use countersign_domains::{AccessEntry, Anchor, Block, DATA, DataKey, DataState, Shape, Topic};
use countersign_ledger::{Context, Hash, Placed, Rules as _, State, Tree, TrustStore, UnixMillis};

use super::authorization::Authorization;
use super::data_ledgers::DataLedger;
use super::error::DomainsError;
use crate::issuer::Recorded;

/// Most states of a block: those that are read in vain for one.
const BLOCK: usize = 64;

/// A state at its place.
pub(super) struct StatedState {
    pub sid: Hash,
    pub state: DataState,
    /// When its signer says that they stated it.
    pub at: UnixMillis,
    /// How much of the log across domains the chain had seen by then.
    pub anchor: u64,
    /// The statement, and its place in the log.
    pub statement: Hash,
    pub place: u64,
}

/// An access that was noted.
pub(super) struct NotedAccess {
    pub statement: Hash,
    pub key: DataKey,
    pub entry: AccessEntry,
    pub at: UnixMillis,
    /// How much of the log across domains had been seen; `None` if what it names is no root of that.
    pub anchor: Option<u64>,
}

/// What a domain's log says.
pub(super) struct DataLog {
    pub domain: String,
    pub as_of: UnixMillis,
    pub states: Vec<StatedState>,
    pub accesses: Vec<NotedAccess>,
    /// Statements that the rules do not allow, or that name what the log across domains never was.
    pub faults: usize,
    tree: Tree,
}

impl DataLog {
    pub(super) fn of(ledger: &DataLedger, shared: &Authorization) -> Result<Self, DomainsError> {
        let snapshot = ledger.snapshot();
        let head = snapshot.checkpoint(DATA).ok_or(DomainsError::NotSynced)?;
        let (entries, tree) = snapshot.whole_log(DATA).ok_or(DomainsError::NotSynced)?;
        let trust = snapshot.trust()?;
        let mut log = Self {
            domain: ledger.domain().to_owned(),
            as_of: head.cosigned_at(),
            states: Vec::new(),
            accesses: Vec::new(),
            faults: 0,
            tree,
        };
        let mut seen = 0;
        for placed in entries.iter().filter_map(|entry| entry.standing()) {
            if !is_allowed(placed, &log.domain, &trust) {
                log.faults += 1;
                continue;
            }
            let anchor = Anchor::of(placed).and_then(|anchor| place_of(anchor, shared));
            log.faults += usize::from(anchor.is_none());
            seen = anchor.map_or(seen, |anchor| anchor.max(seen));
            log.take(placed, anchor, seen);
        }
        Ok(log)
    }

    fn take(&mut self, placed: &Placed, anchor: Option<u64>, seen: u64) {
        let at = placed.statement().issued_at();
        let statement = placed.id();
        match Topic::of(placed.statement().subject()) {
            Some(Topic::State(sid)) => {
                let stated =
                    |state| StatedState { sid, state, at, anchor: seen, statement, place: placed.index() };
                self.states.extend(DataState::of(placed).map(stated));
            }
            Some(Topic::Data(key)) => {
                let noted = |entry| NotedAccess { statement, key, entry, at, anchor };
                self.accesses.extend(AccessEntry::of(placed).map(noted));
            }
            _ => {}
        }
    }

    /// A state that is on the log, as one that was just recorded.
    pub(super) fn recorded(&self, stated: &StatedState) -> Recorded {
        let (id, index) = (stated.statement, stated.place);
        Recorded { id, log: DATA, index, size: self.tree.size(), as_of: self.as_of }
    }

    /// The log in blocks: as many states as had seen the same, and no more than are read in vain.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for run in self.states.chunk_by(|one, other| one.anchor == other.anchor) {
            for states in run.chunks(BLOCK) {
                let Some(last) = states.last() else { continue };
                // The root after its last entry: nobody knows it before.
                let id = self.tree.root_at(last.place + 1).unwrap_or_default();
                let of = states.iter().map(|stated| (stated.sid, stated.state.clone())).collect();
                blocks.push(Block::commit(id, last.anchor, of, Shape::default()));
            }
        }
        blocks
    }
}

/// How much of the log across domains an anchor proves to have been seen. One that is ahead of what is held here is cut to that.
fn place_of(anchor: Anchor, shared: &Authorization) -> Option<u64> {
    if anchor.size > shared.size() {
        return Some(shared.size());
    }
    let known = anchor.size == 0 || shared.root_at(anchor.size) == Some(anchor.root);
    known.then_some(anchor.size)
}

/// By the rules, as far as they need nothing but the statement and its domain.
fn is_allowed(placed: &Placed, domain: &str, trust: &TrustStore) -> bool {
    let kind = placed.statement().kind().as_str();
    let empty = State::default();
    let context = Context {
        log: DATA,
        domain: Some(domain),
        time: None,
        subject: &empty,
        head: &empty,
        linked: &[],
        rival: None,
        elsewhere: &[],
        trust,
        checkpoints: None,
    };
    [STATE, ENTRY].contains(&kind) && DomainRules.check(placed, &context).is_ok()
}
