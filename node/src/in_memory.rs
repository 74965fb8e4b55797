//! The state of a ledger in memory.
//!
//! What readers and the machine share lies behind read-write locks; what only the machine needs, behind locks of its own. So
//! neither waits for the other longer than one look-up takes. An index is cloned before it is searched: clones share their
//! branches and cost next to nothing.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use countersign_ledger::{
    Family, FamilyProofHead, Folded, Hash, Index, IndexEntry, IndexKey, IndexProof, LogName, State, Tree,
    UnixMillis, leaf_hash,
};

use crate::ledger::Place;
use crate::ledger_state::{Addition, LedgerState, Neighbours, RECENT_CHECKPOINTS, Roots, SubjectIndex};
use crate::store::{StoreError, StoreResult};

/// What has grown with the logs, in memory.
#[derive(Debug, Default)]
pub struct InMemory {
    logs: BTreeMap<LogName, Log>,
    places: RwLock<HashMap<Hash, Place>>,
    used: Mutex<HashSet<Hash>>,
}

#[derive(Debug, Default)]
struct Log {
    entries: RwLock<Entries>,
    index: RwLock<Index>,
    /// The subject index of the last checkpoints, by size, newest last.
    checkpoints: RwLock<VecDeque<(u64, Index)>>,
    subjects: Mutex<Subjects>,
}

#[derive(Debug, Default)]
struct Entries {
    tree: Tree,
    /// For each entry those before and after it on the same subject, [`NONE`] where there is none.
    neighbours: Vec<[u64; 2]>,
    /// The size after each block, and the block's time.
    blocks: Vec<(u64, UnixMillis)>,
}

#[derive(Debug, Default)]
struct Subjects {
    folded: HashMap<IndexKey, Folded<State>>,
    /// By certificate: where it has signed, in the order of the log.
    signed: HashMap<Hash, Vec<(u64, IndexKey)>>,
}

const NONE: u64 = u64::MAX;

impl InMemory {
    /// Empty logs of these names.
    pub fn new(logs: impl IntoIterator<Item = LogName>) -> Self {
        let empty = |log| {
            let new = Log { checkpoints: RwLock::new([(0, Index::new())].into()), ..Log::default() };
            (log, new)
        };
        Self { logs: logs.into_iter().map(empty).collect(), ..Self::default() }
    }

    fn log(&self, log: LogName) -> StoreResult<&Log> {
        self.logs.get(&log).ok_or(StoreError::NoLog(log))
    }

    fn entries<T>(&self, log: LogName, read: impl FnOnce(&Entries) -> T) -> StoreResult<T> {
        Ok(read(&shared(&self.log(log)?.entries)))
    }
}

// A poisoned lock is used all the same: whoever writes stops the process when it fails.

fn shared<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn exclusive<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn alone<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn at(index: u64) -> Option<usize> {
    usize::try_from(index).ok()
}

impl LedgerState for InMemory {
    fn roots(&self, log: LogName) -> StoreResult<Roots> {
        let index = shared(&self.log(log)?.index).clone();
        let (size, tree) = self.entries(log, |entries| (entries.tree.size(), entries.tree.root()))?;
        Ok(Roots { size, tree, index: index.root() })
    }

    fn size(&self, log: LogName) -> StoreResult<u64> {
        self.entries(log, |entries| entries.tree.size())
    }

    fn root_at(&self, log: LogName, size: u64) -> StoreResult<Option<Hash>> {
        self.entries(log, |entries| entries.tree.root_at(size))
    }

    fn reached_at(&self, log: LogName, size: u64) -> StoreResult<UnixMillis> {
        self.entries(log, |entries| {
            let block = entries.blocks.partition_point(|&(reached, _)| reached < size);
            entries.blocks.get(block).map_or(UnixMillis(0), |&(_, time)| time)
        })
    }

    fn inclusion(&self, log: LogName, index: u64, size: u64) -> StoreResult<Option<Vec<Hash>>> {
        self.entries(log, |entries| entries.tree.inclusion(index, size))
    }

    fn consistency(&self, log: LogName, old: u64, new: u64) -> StoreResult<Option<Vec<Hash>>> {
        self.entries(log, |entries| entries.tree.consistency(old, new))
    }

    fn subtrees(&self, log: LogName, level: u32, from: u64, until: u64) -> StoreResult<Option<Vec<Hash>>> {
        let Some((from, until)) = at(from).zip(at(until)) else { return Ok(None) };
        self.entries(log, |entries| {
            entries.tree.complete_subtrees(level).get(from..until).map(<[Hash]>::to_vec)
        })
    }

    fn place(&self, id: Hash) -> StoreResult<Option<Place>> {
        Ok(shared(&self.places).get(&id).copied())
    }

    fn neighbours(&self, place: Place) -> StoreResult<Neighbours> {
        let some = |index: u64| (index != NONE).then_some(index);
        self.entries(place.log, |entries| {
            let stored = at(place.index).and_then(|index| entries.neighbours.get(index));
            stored.map_or_else(Neighbours::default, |&[before, next]| Neighbours {
                before: some(before),
                next: some(next),
            })
        })
    }

    fn latest(&self, log: LogName, key: &IndexKey) -> StoreResult<Option<IndexEntry>> {
        Ok(shared(&self.log(log)?.index).get(key))
    }

    fn index_at(&self, log: LogName, size: u64) -> StoreResult<Option<Box<dyn SubjectIndex>>> {
        let checkpoints = shared(&self.log(log)?.checkpoints);
        let found = checkpoints.iter().rev().find(|(at, _)| *at == size);
        Ok(found.map(|(_, index)| Box::new(index.clone()) as Box<dyn SubjectIndex>))
    }

    fn is_used(&self, token: Hash) -> StoreResult<bool> {
        Ok(alone(&self.used).contains(&token))
    }

    fn folded(&self, log: LogName, key: &IndexKey) -> StoreResult<Option<Folded<State>>> {
        Ok(alone(&self.log(log)?.subjects).folded.get(key).cloned())
    }

    fn remember(&self, log: LogName, key: &IndexKey, folded: &Folded<State>) -> StoreResult<()> {
        alone(&self.log(log)?.subjects).folded.insert(*key, folded.clone());
        Ok(())
    }

    fn forget(&self, log: LogName, certificate: Hash, from: u64) -> StoreResult<()> {
        let Subjects { folded, signed } = &mut *alone(&self.log(log)?.subjects);
        let signed = signed.get(&certificate).map_or(&[][..], |signed| signed);
        for (_, key) in &signed[signed.partition_point(|(index, _)| *index < from)..] {
            folded.remove(key);
        }
        Ok(())
    }

    fn append(&self, log: LogName, addition: Addition<'_>) -> StoreResult<u64> {
        let Addition { id, key, uses_up, signers, folded } = addition;
        let grown = self.log(log)?;
        let latest = shared(&grown.index).get(&key).map(|entry| entry.latest);
        let before = latest.and_then(|latest| shared(&self.places).get(&latest).copied());
        let before = before.map(|place| place.index);
        let index = {
            let mut entries = exclusive(&grown.entries);
            let index = entries.tree.push(leaf_hash(id.as_bytes()));
            if let Some(before) = before.and_then(at).and_then(|before| entries.neighbours.get_mut(before)) {
                before[1] = index;
            }
            entries.neighbours.push([before.unwrap_or(NONE), NONE]);
            index
        };
        exclusive(&self.places).insert(id, Place { log, index });
        exclusive(&grown.index).record(key, id);
        alone(&self.used).extend(uses_up);
        let mut subjects = alone(&grown.subjects);
        subjects.folded.insert(key, folded);
        for signer in signers {
            subjects.signed.entry(*signer).or_default().push((index, key));
        }
        Ok(index)
    }

    fn close(&self, log: LogName, time: UnixMillis) -> StoreResult<()> {
        let grown = self.log(log)?;
        let size = {
            let mut entries = exclusive(&grown.entries);
            let size = entries.tree.size();
            entries.blocks.push((size, time));
            size
        };
        let index = shared(&grown.index).clone();
        let mut checkpoints = exclusive(&grown.checkpoints);
        if checkpoints.len() == RECENT_CHECKPOINTS {
            checkpoints.pop_front();
        }
        checkpoints.push_back((size, index));
        Ok(())
    }
}

impl SubjectIndex for Index {
    fn get(&self, key: &IndexKey) -> StoreResult<Option<IndexEntry>> {
        Ok(self.get(key))
    }

    fn members(
        &self,
        family: Family,
        from: Hash,
        visit: &mut dyn FnMut(Hash, IndexEntry) -> ControlFlow<()>,
    ) -> StoreResult<()> {
        // Whoever stops early knows it.
        let _ = self.members(family, from, visit);
        Ok(())
    }

    fn prove(&self, key: &IndexKey) -> StoreResult<IndexProof> {
        Ok(self.prove(key))
    }

    fn begin_family_proof(&self, family: Family) -> StoreResult<FamilyProofHead> {
        Ok(self.begin_family_proof(family))
    }
}
