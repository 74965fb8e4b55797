//! Where data went, over all ledgers that were added.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_domains::{Chains, DataKey, DataState, Licence, Op, Phase, Step, Trace, owner_id};
use countersign_ledger::{Hash, Identity, Subject, UnixMillis};

use super::authorization::Authorization;
use super::data_ledgers::DataLedgers;
use super::data_log::DataLog;
use super::error::DomainsError;
use super::rows::AccessRequest;
use crate::snapshot::Snapshot;

/// A state of data in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedState {
    /// Its id.
    pub sid: Hash,
    /// How many steps it is from what it comes from.
    pub depth: usize,
    /// The data.
    pub key: DataKey,
    /// The domain on whose log it stands.
    pub domain: String,
    /// How it was made.
    pub step: Step,
    /// Whose it is: [`owner_id`].
    pub owner: Hash,
    /// By whom.
    pub actor: Hash,
    /// When, by its signer's word.
    pub at: UnixMillis,
    /// The states that it was made of.
    pub parents: Vec<Hash>,
    /// The licence that it names.
    pub licence: Option<Hash>,
    /// Whether it was proven of each parent that the state might be made of it: by its owner, or under a licence.
    pub proven: bool,
    /// Whether neither it nor what it was made of was declared invalid.
    pub valid: bool,
}

/// A ledger that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedLedger {
    /// Its domain.
    pub domain: String,
    /// When its checkpoint was cosigned; `None` if nothing was synced, so that it was not looked at.
    pub as_of: Option<UnixMillis>,
    /// Statements on it that break the rules, or that name what the log across domains never was.
    pub faults: usize,
}

/// Where data went.
#[derive(Clone, Debug)]
pub struct DataTrace {
    /// The data.
    pub key: DataKey,
    /// The states that it comes from, its own, and all that was made of any of these, in the order of their depth.
    pub states: Vec<TracedState>,
    /// Which was made of which: parent, child, whether it was proven that it might be.
    pub edges: Vec<(Hash, Hash, bool)>,
    /// Edges that go back in time, and count for nothing: parent and child.
    pub refused: Vec<(Hash, Hash)>,
    /// Parents that are on none of these ledgers.
    pub missing: Vec<Hash>,
    /// States whose id is not their own.
    pub forged: Vec<Hash>,
    /// The ledgers that were looked at.
    pub ledgers: Vec<TracedLedger>,
    /// Whether nothing was left out for its number.
    pub is_whole: bool,
    trace: Trace,
}

/// Traces data over the ledgers that were added, as of their last syncs.
pub fn trace_data(
    snapshot: &Snapshot,
    ledgers: &DataLedgers,
    key: DataKey,
) -> Result<DataTrace, DomainsError> {
    let log = Authorization::of(snapshot)?;
    let world = World::of(ledgers, &log)?;
    Ok(world.data_trace(key, &log))
}

/// The chains of all ledgers.
pub(super) struct World {
    pub logs: Vec<DataLog>,
    /// The licences on the log across domains, each with its request.
    pub licences: BTreeMap<Hash, (Subject, Licence)>,
    chains: Chains,
    unsynced: Vec<String>,
}

impl World {
    pub(super) fn of(ledgers: &DataLedgers, shared: &Authorization) -> Result<Self, DomainsError> {
        let (mut logs, mut unsynced) = (Vec::new(), Vec::new());
        for ledger in ledgers.iter() {
            match DataLog::of(ledger, shared) {
                Err(DomainsError::NotSynced) => unsynced.push(ledger.domain().to_owned()),
                log => logs.push(log?),
            }
        }
        let mut chains = Chains::new(logs.len());
        for (number, log) in logs.iter().enumerate() {
            for block in log.blocks() {
                // safe: there are so many chains, and what a log had seen only grows.
                let _ = chains.push(number, block);
            }
        }
        Ok(Self { logs, licences: shared.licences(), chains, unsynced })
    }

    /// The trace of data, with what is proven of each step.
    pub(super) fn trace(&self, key: DataKey) -> Trace {
        self.chains.trace(key, |child, parent| {
            let Some(id) = child.licence else { return child.owner == parent.owner };
            let Some((_, licence)) = self.licences.get(&id) else { return false };
            let thread = &licence.thread;
            let granted = thread.from == child.chain && thread.ops.has(op_of(child.step));
            granted && self.comes_from(parent, licence.key)
        })
    }

    /// Whether a state is one of this data, or was made of one.
    fn comes_from(&self, state: &DataState, key: DataKey) -> bool {
        let (mut queue, mut seen) = (VecDeque::from([state]), BTreeSet::new());
        while let Some(state) = queue.pop_front() {
            if state.key == key {
                return true;
            }
            let new = state.parents.iter().filter(|parent| seen.insert(**parent));
            queue.extend(new.filter_map(|parent| self.chains.state(*parent)));
        }
        false
    }

    fn data_trace(&self, key: DataKey, shared: &Authorization) -> DataTrace {
        let trace = self.trace(key);
        let edges: Vec<_> = trace.edges().collect();
        let invalid = invalid(&trace, shared);
        let depths = depths(&trace);
        let unproven: BTreeSet<Hash> =
            edges.iter().filter(|(_, _, proven)| !proven).map(|(_, child, _)| *child).collect();
        let at: BTreeMap<Hash, (&str, UnixMillis)> = self
            .logs
            .iter()
            .flat_map(|log| log.states.iter().map(|one| (one.sid, (log.domain.as_str(), one.at))))
            .collect();
        let mut states: Vec<_> = trace
            .states()
            .iter()
            .filter_map(|(sid, state)| {
                let (domain, at) = at.get(sid)?;
                Some(TracedState {
                    sid: *sid,
                    depth: depths.get(sid).copied().unwrap_or_default(),
                    key: state.key,
                    domain: (*domain).to_owned(),
                    step: state.step,
                    owner: state.owner,
                    actor: state.actor,
                    at: *at,
                    parents: state.parents.clone(),
                    licence: state.licence,
                    proven: !unproven.contains(sid),
                    valid: !invalid.contains(sid),
                })
            })
            .collect();
        states.sort_by_key(|state| (state.depth, state.at, state.sid));
        let looked_at = self.logs.iter().map(|log| TracedLedger {
            domain: log.domain.clone(),
            as_of: Some(log.as_of),
            faults: log.faults,
        });
        let unsynced = self.unsynced.iter().map(|domain| TracedLedger {
            domain: domain.clone(),
            as_of: None,
            faults: 0,
        });
        DataTrace {
            key,
            states,
            edges,
            refused: trace.refused().iter().copied().collect(),
            missing: trace.missing().iter().copied().collect(),
            forged: self.chains.forged().iter().copied().collect(),
            ledgers: looked_at.chain(unsynced).collect(),
            is_whole: trace.is_whole(),
            trace,
        }
    }
}

impl DataTrace {
    /// What is to be declared invalid when what an owner has is (Rule 2): of each data in this trace the first state. Each is a
    /// motion of its own; what was declared already is not among them.
    pub fn to_invalidate(&self, owner: &Identity, log: &Authorization) -> Vec<(DataKey, Hash)> {
        let invalid = self.trace.invalid(owner_id(owner));
        let mut first = BTreeMap::new();
        for state in self.states.iter().filter(|state| invalid.contains(&state.sid)) {
            first.entry(state.key).or_insert(state.sid);
        }
        first.into_iter().filter(|(key, _)| log.invalid(*key).is_none()).collect()
    }

    /// The requests whose licences fall with what is invalid in this trace: those for such data, and those under which such a state
    /// was made. Those for data that was declared invalid itself are revoked by that alone.
    pub fn fallen(&self, log: &Authorization) -> Vec<Subject> {
        let invalid: Vec<_> = self.states.iter().filter(|state| !state.valid).collect();
        let keys: BTreeSet<_> = invalid.iter().map(|state| state.key).collect();
        let used: BTreeSet<_> = invalid.iter().filter_map(|state| state.licence).collect();
        let falls = |request: &AccessRequest| {
            let holds = matches!(request.state.phase, Phase::Decided(_)) && request.licence().is_some();
            let by_use = request.licence().is_some_and(|licence| used.contains(&licence));
            holds && (keys.contains(&request.key) || by_use)
        };
        log.requests().into_iter().filter(falls).map(|request| request.thread).collect()
    }
}

/// All states of a trace that were declared invalid, and what was made of them.
fn invalid(trace: &Trace, shared: &Authorization) -> BTreeSet<Hash> {
    let keys: BTreeSet<_> = trace.states().values().map(|state| state.key).collect();
    let declared = keys.into_iter().filter_map(|key| shared.invalid(key));
    declared.flat_map(|invalidation| trace.descendants(invalidation.state)).collect()
}

/// How many steps each state is from one without a parent in the trace.
fn depths(trace: &Trace) -> BTreeMap<Hash, usize> {
    let mut children: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
    let mut has_parent = BTreeSet::new();
    for (parent, child, _) in trace.edges() {
        children.entry(parent).or_default().push(child);
        has_parent.insert(child);
    }
    let roots = trace.states().keys().filter(|sid| !has_parent.contains(*sid));
    let mut depths: BTreeMap<Hash, usize> = roots.map(|sid| (*sid, 0)).collect();
    let mut queue: VecDeque<Hash> = depths.keys().copied().collect();
    while let Some(sid) = queue.pop_front() {
        let below = depths.get(&sid).copied().unwrap_or_default() + 1;
        for child in children.get(&sid).into_iter().flatten() {
            if !depths.contains_key(child) {
                depths.insert(*child, below);
                queue.push_back(*child);
            }
        }
    }
    depths
}

/// What a step needs to be permitted.
const fn op_of(step: Step) -> Op {
    match step {
        Step::Create | Step::Derive => Op::Derive,
        Step::Modify => Op::Modify,
        Step::Share => Op::Share,
    }
}
