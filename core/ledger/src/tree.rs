//! The log's Merkle tree: roots, inclusion proofs, consistency proofs (RFC 9162 section 2.1, SHA-256).
//!
//! In scope: tree hashing (2.1.1), inclusion proofs (2.1.3), consistency proofs (2.1.4), made from complete subtrees so
//! that nothing costs more than O(log n). Out of scope: the content of an entry, the signer of the root.
//!
//! A proof alone binds neither size nor index to the root: the path of leaf 2 of 8 also fits leaf 2 of 5. So size and
//! root must come from one checkpoint.

mod inclusions;

pub use self::inclusions::Inclusions;
use crate::Hash;

/// Longest path accepted: enough for 2^63 entries.
pub const MAX_PATH: usize = 63;

/// Hash of a log entry (RFC 9162 section 2.1.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash::concat(&[&[0x00], entry])
}

/// Hash of an inner node (RFC 9162 section 2.1.1).
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash::concat(&[&[0x01], &left.0, &right.0])
}

/// Root of the tree without entries: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size.
    #[error("the entry's index lies outside the tree")]
    IndexOutOfRange,
    /// The newer tree is smaller than the older one.
    #[error("the newer tree is smaller than the older one")]
    Shrinks,
    /// More than [`MAX_PATH`] hashes.
    #[error("the proof has more than {MAX_PATH} hashes")]
    TooLong,
    /// The number of hashes does not fit the sizes and the index.
    #[error("the proof's length does not fit the tree's size")]
    WrongLength,
    /// The proof does not lead to the older root, which must be a part of the newer tree.
    #[error("the older root is not part of the newer tree")]
    OldRootMismatch,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    RootMismatch,
}

/// A whole tree in memory: every complete subtree's hash, about 64 bytes an entry.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// `levels[l][i]` covers the entries from `i * 2^l` to `(i + 1) * 2^l`; the last row has one hash.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// A tree without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry by its [`leaf_hash`] and returns its index.
    pub fn push(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        let (mut level, mut hash) = (0, leaf);
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            let [.., left, right] = row[..] else { return index };
            if row.len() % 2 == 1 {
                return index;
            }
            hash = node_hash(left, right);
            level += 1;
        }
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        self.root_at(self.size()).unwrap_or_else(empty_root)
    }

    /// The root over the first `size` entries; `None` if there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        range_root(&|level, index| self.node(level, index), 0, size)
    }

    /// The path from entry `index` to the root over the first `size` entries, leaf first.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        inclusion_path(&|level, index| self.node(level, index), index, size)
    }

    /// The proof that the tree of the first `new` entries extends the tree of the first `old`; empty when there is
    /// nothing to prove (`old` is 0 or equals `new`).
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        if new > self.size() {
            return None;
        }
        consistency_path(&|level, index| self.node(level, index), old, new)
    }

    /// The hashes of all complete subtrees of 2^`level` entries, in order. Level `8 * L` holds the hashes of the
    /// tiles at level `L`.
    pub fn complete_subtrees(&self, level: u32) -> &[Hash] {
        usize::try_from(level).ok().and_then(|level| self.levels.get(level)).map_or(&[], Vec::as_slice)
    }

    /// The same tree without the nodes that proofs need.
    pub fn frontier(&self) -> Frontier {
        let size = self.size();
        let peaks = self.levels.iter().enumerate().rev();
        let peaks =
            peaks.filter(|(level, _)| size >> level & 1 == 1).filter_map(|(_, row)| row.last().copied());
        Frontier { size, peaks: peaks.collect() }
    }

    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        self.complete_subtrees(level).get(usize::try_from(index).ok()?).copied()
    }
}

/// The right edge of a tree: enough to append and to compute the root, O(log n) in size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Hashes of the complete subtrees that `size` splits into, largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Restores a frontier from its stored parts; `None` unless there is one peak for each set bit of `size`.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Appends an entry by its [`leaf_hash`] and returns its index.
    pub fn push(&mut self, leaf: Hash) -> u64 {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        self.size - 1
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the complete subtrees that the size splits into, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        bag(&self.peaks)
    }
}

/// Checks that the entry with hash `leaf` is number `index` of the tree of `size` entries under `root`
/// (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if inclusion_root(leaf, index, size, proof)? == root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// The root of the tree of `size` entries whose entry `index` has the hash `leaf`, if `proof` is of the right shape. It
/// proves nothing until a trusted signer has signed that root with that size.
pub fn inclusion_root(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Result<Hash, ProofError> {
    let mut edge = Edge::new(proof, index, size)?;
    let mut hash = leaf;
    for &sibling in proof {
        hash = edge.join(hash, sibling)?;
    }
    edge.finish()?;
    Ok(hash)
}

/// Checks that the tree of `old` entries under `old_root` is the beginning of the tree of `new` entries under
/// `new_root` (RFC 9162 section 2.1.4.2). Sizes 0 and `old == new` need no hashes, and then none may be given.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: Hash,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrinks);
    }
    if old == 0 || old == new {
        return verify_trivial(old, new, old_root, new_root, proof);
    }
    // The proof starts at the last complete subtree of the older tree; when that is the whole older tree, its root
    // is known and left out.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::WrongLength)?;
        (*first, rest)
    };
    let mut edge = Edge::new(proof, old - 1, new)?;
    edge.skip_complete();
    let (mut old_hash, mut new_hash) = (first, first);
    for &sibling in rest {
        match edge.climb()? {
            Side::Left => {
                old_hash = node_hash(sibling, old_hash);
                new_hash = node_hash(sibling, new_hash);
            }
            Side::Right => new_hash = node_hash(new_hash, sibling),
        }
    }
    edge.finish()?;
    match (old_hash == old_root, new_hash == new_root) {
        (true, true) => Ok(()),
        (false, _) => Err(ProofError::OldRootMismatch),
        (true, false) => Err(ProofError::RootMismatch),
    }
}

fn verify_trivial(
    old: u64,
    new: u64,
    old_root: Hash,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::WrongLength);
    }
    if old == 0 && old_root != empty_root() {
        return Err(ProofError::OldRootMismatch);
    }
    if old == new && old_root != new_root { Err(ProofError::RootMismatch) } else { Ok(()) }
}

/// The side on which a path's next sibling stands.
enum Side {
    Left,
    Right,
}

/// Walks from a node up the tree: `at` and `last` are the RFC's `fn` and `sn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Edge {
    at: u64,
    last: u64,
}

impl Edge {
    fn new(proof: &[Hash], at: u64, size: u64) -> Result<Self, ProofError> {
        if at >= size {
            return Err(ProofError::IndexOutOfRange);
        }
        if proof.len() > MAX_PATH { Err(ProofError::TooLong) } else { Ok(Self { at, last: size - 1 }) }
    }

    /// Goes up from a right child until the node is a left child: the complete subtree that ends here.
    fn skip_complete(&mut self) {
        self.shift(self.at.trailing_ones());
    }

    fn climb(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength);
        }
        if self.at & 1 == 0 && self.at != self.last {
            self.shift(1);
            return Ok(Side::Right);
        }
        // At the right edge, levels without a sibling are passed over.
        self.shift(self.at.trailing_zeros());
        self.shift(1);
        Ok(Side::Left)
    }

    /// Climbs from the node with this hash, and has the hash of the one above.
    fn join(&mut self, hash: Hash, sibling: Hash) -> Result<Hash, ProofError> {
        Ok(match self.climb()? {
            Side::Left => node_hash(sibling, hash),
            Side::Right => node_hash(hash, sibling),
        })
    }

    fn finish(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::WrongLength) }
    }

    fn shift(&mut self, by: u32) {
        self.at = self.at.checked_shr(by).unwrap_or(0);
        self.last = self.last.checked_shr(by).unwrap_or(0);
    }
}

/// Looks up the hash of the complete subtree number `index` of 2^`level` entries.
pub(crate) trait Subtrees: Fn(u32, u64) -> Option<Hash> {}
impl<F: Fn(u32, u64) -> Option<Hash>> Subtrees for F {}

/// Root over the entries from `start` to `end`, where `start` is a multiple of the largest complete subtree between.
pub(crate) fn range_root(subtrees: &impl Subtrees, start: u64, end: u64) -> Option<Hash> {
    let mut peaks = Vec::new();
    let mut at = start;
    while at < end {
        let level = (end - at).ilog2();
        peaks.push(subtrees(level, at >> level)?);
        at += 1 << level;
    }
    Some(bag(&peaks))
}

pub(crate) fn inclusion_path(subtrees: &impl Subtrees, index: u64, size: u64) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = split(start, end);
        if index < middle {
            path.push(range_root(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(subtrees, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

pub(crate) fn consistency_path(subtrees: &impl Subtrees, old: u64, new: u64) -> Option<Vec<Hash>> {
    if old > new {
        return None;
    }
    if old == 0 || old == new {
        return Some(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut path = Vec::new();
    while old != end {
        let middle = split(start, end);
        if old <= middle {
            path.push(range_root(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(subtrees, start, middle)?);
            start = middle;
        }
    }
    if start > 0 {
        path.push(range_root(subtrees, start, end)?);
    }
    path.reverse();
    Some(path)
}

/// Where the tree over `start..end`, of two entries or more, divides: after the largest power of two below its size.
fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

/// The root over complete subtrees of falling size.
fn bag(peaks: &[Hash]) -> Hash {
    peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right)).unwrap_or_else(empty_root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::new();
        (0..size).for_each(|i| assert_eq!(tree.push(leaf_hash(&i.to_be_bytes())), i));
        tree
    }

    fn leaf(index: u64) -> Hash {
        leaf_hash(&index.to_be_bytes())
    }

    #[test]
    fn the_empty_tree_has_the_digest_of_nothing_as_its_root() {
        assert_eq!(Tree::new().root(), Hash::of(b""));
        assert_eq!(Frontier::new().root(), Hash::of(b""));
        assert_eq!(Tree::new().inclusion(0, 0), None);
        assert_eq!(Tree::new().root_at(1), None);
        assert_eq!((Tree::new().consistency(0, 0), Tree::new().consistency(0, 1)), (Some(vec![]), None));
    }

    #[test]
    fn each_way_to_fail_inclusion_has_its_name() {
        let tree = tree(7);
        let (proof, root) = (tree.inclusion(4, 7).unwrap(), tree.root());
        let check = |index, size, proof: &[Hash], root| verify_inclusion(leaf(4), index, size, proof, root);
        assert_eq!(check(4, 7, &proof, root), Ok(()));
        assert_eq!(check(7, 7, &proof, root), Err(ProofError::IndexOutOfRange));
        assert_eq!(check(0, 0, &[], root), Err(ProofError::IndexOutOfRange));
        assert_eq!(check(4, 7, &proof[1..], root), Err(ProofError::WrongLength));
        assert_eq!(check(4, 7, &[&proof[..], &[root]].concat(), root), Err(ProofError::WrongLength));
        assert_eq!(check(4, 7, &[root; 64], root), Err(ProofError::TooLong));
        assert_eq!(check(5, 7, &proof, root), Err(ProofError::RootMismatch));
        assert_eq!(check(4, 7, &proof, leaf(0)), Err(ProofError::RootMismatch));
    }

    #[test]
    fn each_way_to_fail_consistency_has_its_name() {
        let tree = tree(7);
        let (old, new, proof) = (tree.root_at(3).unwrap(), tree.root(), tree.consistency(3, 7).unwrap());
        let check = |from, to, old, new, proof: &[Hash]| verify_consistency(from, to, old, new, proof);
        assert_eq!(check(3, 7, old, new, &proof), Ok(()));
        assert_eq!(check(7, 3, new, old, &proof), Err(ProofError::Shrinks));
        assert_eq!(check(3, 7, old, new, &[]), Err(ProofError::WrongLength));
        assert_eq!(check(3, 7, old, new, &proof[1..]), Err(ProofError::WrongLength));
        assert_eq!(check(3, 7, old, new, &[old; 64]), Err(ProofError::TooLong));
        assert_eq!(check(3, 7, new, new, &proof), Err(ProofError::OldRootMismatch));
        assert_eq!(check(3, 7, old, old, &proof), Err(ProofError::RootMismatch));
    }

    #[test]
    fn nothing_to_prove_is_proven_by_nothing() {
        let root = tree(3).root();
        assert_eq!(verify_consistency(3, 3, root, root, &[]), Ok(()));
        assert_eq!(verify_consistency(3, 3, root, leaf(1), &[]), Err(ProofError::RootMismatch));
        assert_eq!(verify_consistency(3, 3, root, root, &[root]), Err(ProofError::WrongLength));
        assert_eq!(verify_consistency(0, 3, empty_root(), root, &[]), Ok(()));
        assert_eq!(verify_consistency(0, 3, leaf(1), root, &[]), Err(ProofError::OldRootMismatch));
    }

    #[test]
    fn sizes_at_the_end_of_the_number_range_do_not_overflow() {
        let any = leaf(0);
        for (index, size) in [(0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX)] {
            assert!(verify_inclusion(any, index, size, &[any; 63], any).is_err());
            assert!(verify_consistency(index.max(1), size, any, any, &[any; 63]).is_err());
        }
    }

    #[test]
    fn a_proof_alone_does_not_bind_the_size() {
        let tree = tree(8);
        let proof = tree.inclusion(2, 8).unwrap();
        assert_eq!(verify_inclusion(leaf(2), 2, 5, &proof, tree.root()), Ok(()));
    }
}
