//! Everything that grows with the logs, behind one trait: the machine and its readers use nothing but [`LedgerState`].
//!
//! The implementation here keeps it in memory ([`InMemory`](crate::InMemory)), which is enough for 10^6 statements; 10^8 need
//! one on disk. Therefore no method returns a reference, every method may fail, and the rules' state of a subject may be
//! dropped: the machine folds it again from the subject's history.
//!
//! One thread writes, any number of threads read. A block is visible here as soon as it is applied, so readers must not ask
//! for anything beyond a published checkpoint.

use std::ops::ControlFlow;

use countersign_ledger::{
    Family, FamilyProofHead, Folded, Hash, IndexEntry, IndexKey, IndexProof, LogName, State, UnixMillis,
};

use crate::ledger::Place;
use crate::store::StoreResult;

/// How many checkpoints back proofs from the subject index are given. A phone that took a checkpoint before the last one was
/// published can finish its sync under it.
pub const RECENT_CHECKPOINTS: usize = 64;

/// A log's size, and the roots of its tree and of its subject index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roots {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub tree: Hash,
    /// Root of the subject index.
    pub index: Hash,
}

/// The entries on the same subject next to one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Neighbours {
    /// Index of the one before; none if it is the subject's first.
    pub before: Option<u64>,
    /// Index of the one after; none if it is the latest.
    pub next: Option<u64>,
}

/// An entry that is appended to a log.
#[derive(Clone, Debug)]
pub struct Addition<'a> {
    /// The statement's id.
    pub id: Hash,
    /// Its subject.
    pub key: IndexKey,
    /// The tokens that it uses up, in the whole ledger.
    pub uses_up: &'a [Hash],
    /// The certificates whose revocation makes it void.
    pub signers: &'a [Hash],
    /// The rules' state of its subject from now on.
    pub folded: Folded<State>,
}

/// What has grown with the logs.
pub trait LedgerState: Send + Sync {
    /// Size and roots of a log now.
    fn roots(&self, log: LogName) -> StoreResult<Roots>;

    /// Number of entries of a log now.
    fn size(&self, log: LogName) -> StoreResult<u64>;

    /// The root of a log's tree when it had `size` entries; `None` if it never had so many.
    fn root_at(&self, log: LogName, size: u64) -> StoreResult<Option<Hash>>;

    /// The time of the block with which a log reached `size`.
    fn reached_at(&self, log: LogName, size: u64) -> StoreResult<UnixMillis>;

    /// The inclusion path of an entry in the tree of `size` entries.
    fn inclusion(&self, log: LogName, index: u64, size: u64) -> StoreResult<Option<Vec<Hash>>>;

    /// The proof that the tree of `new` entries extends that of `old`.
    fn consistency(&self, log: LogName, old: u64, new: u64) -> StoreResult<Option<Vec<Hash>>>;

    /// The roots of complete subtrees of 2^`level` entries, from number `from` to before `until`.
    fn subtrees(&self, log: LogName, level: u32, from: u64, until: u64) -> StoreResult<Option<Vec<Hash>>>;

    /// Where a statement stands.
    fn place(&self, id: Hash) -> StoreResult<Option<Place>>;

    /// The entries next to one on the same subject.
    fn neighbours(&self, place: Place) -> StoreResult<Neighbours>;

    /// What the subject index says of a subject now.
    fn latest(&self, log: LogName, key: &IndexKey) -> StoreResult<Option<IndexEntry>>;

    /// The subject index as of the checkpoint of `size`, if that is one of the last [`RECENT_CHECKPOINTS`].
    fn index_at(&self, log: LogName, size: u64) -> StoreResult<Option<Box<dyn SubjectIndex>>>;

    /// Whether a token is used up.
    fn is_used(&self, token: Hash) -> StoreResult<bool>;

    /// The rules' state of a subject; `None` if there is none, or it has been dropped.
    fn folded(&self, log: LogName, key: &IndexKey) -> StoreResult<Option<Folded<State>>>;

    /// Keeps a state that was folded again.
    fn remember(&self, log: LogName, key: &IndexKey, folded: &Folded<State>) -> StoreResult<()>;

    /// Drops the state of every subject on which `certificate` has signed at or after index `from`.
    fn forget(&self, log: LogName, certificate: Hash, from: u64) -> StoreResult<()>;

    /// Appends an entry and returns its index.
    fn append(&self, log: LogName, addition: Addition<'_>) -> StoreResult<u64>;

    /// Ends a block: keeps its time and size, and the subject index as it is now.
    fn close(&self, log: LogName, time: UnixMillis) -> StoreResult<()>;
}

/// The subject index of a log as of one checkpoint.
pub trait SubjectIndex: Send {
    /// What it says of a subject.
    fn get(&self, key: &IndexKey) -> StoreResult<Option<IndexEntry>>;

    /// Visits the members of a family, sorted by the hashes of their subjects, from the first that is not below `from`.
    fn members(
        &self,
        family: Family,
        from: Hash,
        visit: &mut dyn FnMut(Hash, IndexEntry) -> ControlFlow<()>,
    ) -> StoreResult<()>;

    /// The proof of what it says of a subject.
    fn prove(&self, key: &IndexKey) -> StoreResult<IndexProof>;

    /// The beginning of the proof of which members a family has.
    fn begin_family_proof(&self, family: Family) -> StoreResult<FamilyProofHead>;
}
