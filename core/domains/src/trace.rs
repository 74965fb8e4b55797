//! Where data went: states over the chains of several domains, traced forwards by filters and backwards by their
//! parents.
//!
//! From the states of the data the trace goes up to their origins, by the ids of parents, and then down to everything
//! that was made of any of these. Downwards nobody tells where the next state is: each block's filter
//! ([`crate::ParentFilter`]) says whether it may be there, and only such blocks are read. A filter denies no state
//! that is there, so the trace finds every one.
//!
//! Blocks of one chain are in its order; blocks of two chains by their *anchors*, the sizes of the log across domains
//! that they had seen. Never by clocks. A state whose parent comes after it is refused, with the edge, and what only
//! hangs on it is not part of the trace. An id covers the parents, so a state that names its own descendant has
//! another id than it claims, and is refused as well.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use countersign_ledger::Hash;

use crate::data_state::DataState;
use crate::filter::{ParentFilter, Shape};
use crate::names::DataKey;

/// Most states of one trace.
pub const MAX_TRACED: usize = 100_000;

/// A block of a chain: states that were ordered together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The block's id, known when it is committed: the root of its log.
    pub id: Hash,
    /// The size of the log across domains that the block had seen.
    pub anchor: u64,
    states: Vec<(Hash, DataState)>,
    filter: ParentFilter,
}

impl Block {
    /// A block of these states, each with the id that it claims, and its filter.
    pub fn commit(id: Hash, anchor: u64, states: Vec<(Hash, DataState)>, shape: Shape) -> Self {
        let parents: Vec<_> = states.iter().flat_map(|(_, state)| state.parents.iter().copied()).collect();
        let filter = ParentFilter::build(id, &parents, shape);
        Self { id, anchor, states, filter }
    }

    /// The states, in their order.
    pub fn states(&self) -> &[(Hash, DataState)] {
        &self.states
    }

    /// The filter over the parents of its states.
    pub const fn filter(&self) -> &ParentFilter {
        &self.filter
    }
}

/// Where a state stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    chain: usize,
    block: usize,
    at: usize,
}

/// The chains of several domains, as far as somebody may read them.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    blocks: Vec<Vec<Block>>,
    places: HashMap<Hash, Place>,
    keys: BTreeMap<DataKey, Vec<Hash>>,
    forged: BTreeSet<Hash>,
}

/// A block that its chain cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotABlock {
    /// There is no such chain.
    #[error("there is no such chain")]
    NoChain,
    /// It has seen less than the block before it.
    #[error("the block has seen less of the log across domains than the block before it")]
    Anchor,
}

impl Chains {
    /// So many chains, without blocks.
    pub fn new(count: usize) -> Self {
        Self { blocks: vec![Vec::new(); count], ..Self::default() }
    }

    /// Adds the next block of a chain. A state whose id is not its own, or that is not sound, is kept apart as forged.
    pub fn push(&mut self, chain: usize, block: Block) -> Result<(), NotABlock> {
        let blocks = self.blocks.get_mut(chain).ok_or(NotABlock::NoChain)?;
        if blocks.last().is_some_and(|last| last.anchor > block.anchor) {
            return Err(NotABlock::Anchor);
        }
        for (at, (sid, state)) in block.states.iter().enumerate() {
            if state.sid() != *sid || !state.is_sound() {
                self.forged.insert(*sid);
                continue;
            }
            // The first counts; rules accept no second.
            self.places.entry(*sid).or_insert_with(|| {
                self.keys.entry(state.key).or_default().push(*sid);
                Place { chain, block: blocks.len(), at }
            });
        }
        blocks.push(block);
        Ok(())
    }

    /// The states that claim an id that is not theirs.
    pub const fn forged(&self) -> &BTreeSet<Hash> {
        &self.forged
    }

    /// The state of an id.
    pub fn state(&self, sid: Hash) -> Option<&DataState> {
        let place = self.places.get(&sid)?;
        self.blocks[place.chain][place.block].states.get(place.at).map(|(_, state)| state)
    }

    /// Whether what stands at `parent` was there before what stands at `child`.
    fn precedes(&self, parent: Place, child: Place) -> bool {
        let anchor = |place: Place| self.blocks[place.chain][place.block].anchor;
        if parent.chain == child.chain {
            (parent.block, parent.at) < (child.block, child.at)
        } else {
            anchor(parent) <= anchor(child)
        }
    }

    /// Traces data. `proves` says whether a state was allowed to be made of that parent: by its owner, or under a
    /// licence on the log.
    pub fn trace(&self, key: DataKey, proves: impl Fn(&DataState, &DataState) -> bool) -> Trace {
        let mut trace = Trace::default();
        let start = self.keys.get(&key).map(Vec::as_slice).unwrap_or_default();
        let mut queue = self.origins(start, &mut trace);
        while let Some(sid) = queue.pop_front() {
            let (Some(parent), Some(place)) = (self.state(sid), self.places.get(&sid)) else { continue };
            self.check_parents(sid, parent, *place, &mut trace);
            for (child, state) in self.children(sid, *place, &mut trace.work) {
                trace.edges.entry(sid).or_default().insert(child, proves(state, parent));
                if trace.take(child, state) {
                    queue.push_back(child);
                }
            }
        }
        trace
    }

    /// Notes parents that come later, and those that are nowhere.
    fn check_parents(&self, sid: Hash, state: &DataState, place: Place, trace: &mut Trace) {
        for parent in &state.parents {
            match self.places.get(parent) {
                Some(before) if self.precedes(*before, place) => {}
                Some(_) => {
                    trace.refused.insert((*parent, sid));
                }
                None => {
                    trace.missing.insert(*parent);
                }
            }
        }
    }

    /// These states and all that they were made of.
    fn origins(&self, start: &[Hash], trace: &mut Trace) -> VecDeque<Hash> {
        let mut queue = VecDeque::new();
        for sid in start {
            if self.state(*sid).is_some_and(|state| trace.take(*sid, state)) {
                queue.push_back(*sid);
            }
        }
        let mut at = 0;
        while let Some(sid) = queue.get(at).copied() {
            at += 1;
            let Some((state, place)) = self.state(sid).zip(self.places.get(&sid)) else { continue };
            for parent in &state.parents {
                let before = self.places.get(parent).filter(|before| self.precedes(**before, *place));
                let taken = before.and(self.state(*parent)).is_some_and(|state| trace.take(*parent, state));
                if taken {
                    queue.push_back(*parent);
                }
            }
        }
        queue
    }

    /// The states that were made of `sid`, found by the filters of all blocks that came after it.
    fn children(&self, sid: Hash, place: Place, work: &mut Work) -> Vec<(Hash, &DataState)> {
        let anchor = self.blocks[place.chain][place.block].anchor;
        let mut found = Vec::new();
        for (chain, blocks) in self.blocks.iter().enumerate() {
            let first = match chain {
                own if own == place.chain => place.block,
                _ => blocks.partition_point(|block| block.anchor < anchor),
            };
            for (number, block) in blocks.iter().enumerate().skip(first) {
                work.asked += 1;
                if !block.filter.may_have(block.id, sid) {
                    continue;
                }
                work.read += 1;
                let before = found.len();
                for (at, (child, state)) in block.states.iter().enumerate() {
                    let here = Place { chain, block: number, at };
                    let is_child = state.parents.contains(&sid) && self.places.get(child) == Some(&here);
                    if is_child && self.precedes(place, here) {
                        found.push((*child, state));
                    }
                }
                work.wasted += u64::from(found.len() == before);
            }
        }
        found
    }
}

/// What a trace cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Filters that were asked.
    pub asked: u64,
    /// Blocks that were read.
    pub read: u64,
    /// Of these, blocks that had nothing.
    pub wasted: u64,
}

/// Where data went.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    states: BTreeMap<Hash, DataState>,
    /// From parent to child, and whether it was proven that the child was allowed.
    edges: BTreeMap<Hash, BTreeMap<Hash, bool>>,
    refused: BTreeSet<(Hash, Hash)>,
    missing: BTreeSet<Hash>,
    cut: bool,
    work: Work,
}

impl Trace {
    /// Takes a state, if it is new.
    fn take(&mut self, sid: Hash, state: &DataState) -> bool {
        if self.states.contains_key(&sid) {
            return false;
        }
        if self.states.len() == MAX_TRACED {
            self.cut = true;
            return false;
        }
        self.states.insert(sid, state.clone());
        true
    }

    /// The states, by their ids.
    pub const fn states(&self) -> &BTreeMap<Hash, DataState> {
        &self.states
    }

    /// Which state was made of which: parent, child, and whether it was proven that the child was allowed.
    pub fn edges(&self) -> impl Iterator<Item = (Hash, Hash, bool)> {
        self.edges.iter().flat_map(|(parent, children)| {
            children.iter().map(move |(child, proven)| (*parent, *child, *proven))
        })
    }

    /// Edges that go back in time: parent and child.
    pub const fn refused(&self) -> &BTreeSet<(Hash, Hash)> {
        &self.refused
    }

    /// Parents that are on none of the chains: somebody may not read theirs, or they never were.
    pub const fn missing(&self) -> &BTreeSet<Hash> {
        &self.missing
    }

    /// Whether nothing was left out for its number.
    pub const fn is_whole(&self) -> bool {
        !self.cut
    }

    /// What it cost.
    pub const fn work(&self) -> Work {
        self.work
    }

    /// A state and all that was made of it.
    pub fn descendants(&self, sid: Hash) -> BTreeSet<Hash> {
        self.below(self.states.contains_key(&sid).then_some(sid))
    }

    /// All that is invalid when what `owner` has is (the paper's Rule 2): their states, all that was made of them,
    /// and so every merge with one of them among its parents. What only has an ancestor in common stays valid.
    pub fn invalid(&self, owner: Hash) -> BTreeSet<Hash> {
        let owned = self.states.iter().filter(|(_, state)| state.owner == owner).map(|(sid, _)| *sid);
        self.below(owned)
    }

    /// The licences under which invalid states were made: each is revoked.
    pub fn licences(&self, invalid: &BTreeSet<Hash>) -> BTreeSet<Hash> {
        invalid.iter().filter_map(|sid| self.states.get(sid)?.licence).collect()
    }

    /// Whether a state is one of this data, or was made of one.
    pub fn comes_from(&self, sid: Hash, key: DataKey) -> bool {
        let of_data = self.states.iter().filter(|(_, state)| state.key == key).map(|(sid, _)| *sid);
        self.below(of_data).contains(&sid)
    }

    fn below(&self, from: impl IntoIterator<Item = Hash>) -> BTreeSet<Hash> {
        let mut found: BTreeSet<Hash> = from.into_iter().collect();
        let mut queue: Vec<Hash> = found.iter().copied().collect();
        while let Some(sid) = queue.pop() {
            for child in self.edges.get(&sid).into_iter().flat_map(BTreeMap::keys) {
                if found.insert(*child) {
                    queue.push(*child);
                }
            }
        }
        found
    }
}
