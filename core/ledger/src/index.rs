//! The subject index: how many statements there are about each subject, and which is the latest.
//!
//! In scope: the map, its root and its proofs (`proof`). Out of scope: which statements count (the state machine
//! decides), the form of a subject's text. The format is ours; this is its definition.
//!
//! A key is 48 bytes: the first 16 of SHA-256(family), then all 32 of SHA-256(subject), both of the UTF-8 text. A
//! family groups subjects that are queried together (the lots of a product, the packs of a lot). Its members are
//! neighbours, so one proof shows all of them and that there are no others. If somebody finds two families with the
//! same 16-byte digest (2^64 work), their members are listed together, and nothing is hidden.
//!
//! The map is the binary tree over the sorted keys in which every inner node has two children: it divides its leaves
//! by the first bit (bit 0 is the highest of the first byte) in which their keys differ, its *depth*.
//!
//! ```text
//! leaf   = SHA-256(0x00 || key, 48 bytes || count, 8 bytes big-endian || latest statement's id, 32 bytes)
//! branch = SHA-256(0x01 || depth, 2 bytes big-endian || left, 32 bytes || right, 32 bytes)
//! root   = the only leaf, or the topmost branch; 32 zero bytes when there is no leaf
//! ```
//!
//! The first byte and the length distinguish a leaf from a branch, and both from the nodes of the log's tree. The root
//! depends on the map's content alone. Since branches commit to their depth, the bits of a key lead from the root to
//! exactly one leaf: it is the key's own, or the key is absent. Absence is proven that way.

mod proof;

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

pub use self::proof::{FamilyProof, FamilyProofHead, IndexError, IndexProof};
use crate::{Hash, Subject};

/// Bits in a key.
const KEY_BITS: u16 = 384;
/// Bits in a key that all members of a family share.
const FAMILY_BITS: u16 = 128;

/// A family of subjects: the first 16 bytes of the SHA-256 of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family(pub [u8; 16]);

impl Family {
    /// The family called `name`.
    pub fn new(name: &str) -> Self {
        let Hash(digest) = Hash::of(name.as_bytes());
        Self(std::array::from_fn(|i| digest[i]))
    }

    fn lowest_key(self) -> IndexKey {
        IndexKey { family: self, subject: Hash::default() }
    }
}

/// A subject within its family; ordered as in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexKey {
    /// The family.
    pub family: Family,
    /// SHA-256 of the subject's text.
    pub subject: Hash,
}

impl IndexKey {
    /// The key of a subject from the texts of its family and its own.
    pub fn new(family: &str, subject: &str) -> Self {
        Self { family: Family::new(family), subject: Hash::of(subject.as_bytes()) }
    }

    /// The key of a subject.
    pub fn of(subject: &Subject) -> Self {
        Self::new(subject.family(), subject.as_str())
    }

    fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.family.0);
        bytes[16..].copy_from_slice(&self.subject.0);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (family, subject) = bytes.split_first_chunk()?;
        Some(Self { family: Family(*family), subject: Hash::from_slice(subject)? })
    }

    /// 0 or 1: the side on which this key lies below a branch of that depth.
    fn bit(&self, depth: u16) -> usize {
        let (byte, bit) = (usize::from(depth / 8), 7 - depth % 8);
        let byte = if byte < 16 { self.family.0[byte] } else { self.subject.0[byte - 16] };
        usize::from(byte >> bit & 1)
    }

    /// The first bit in which the keys differ; `None` if they are the same.
    fn first_difference(&self, other: &Self) -> Option<u16> {
        let (ours, theirs) = (self.to_bytes(), other.to_bytes());
        let byte = (0..KEY_BITS / 8).find(|&byte| ours[usize::from(byte)] != theirs[usize::from(byte)])?;
        (8 * byte..8 * byte + 8).find(|&depth| self.bit(depth) != other.bit(depth))
    }
}

/// What the index says of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Number of statements about the subject.
    pub count: u64,
    /// Id of the latest of them.
    pub latest: Hash,
}

/// The index as of one checkpoint. Cloning costs nothing and clones share what they have in common, so the indices of
/// several checkpoints fit in memory together. Hashes are computed when a root or a proof asks for them, once.
#[derive(Clone, Debug, Default)]
pub struct Index {
    root: Option<Node>,
    len: usize,
}

/// A subtree and its hash. The hash is stored in the branch above, because each node that is visited in a large index
/// is a cache miss: hashing a branch now visits only the child that changed.
#[derive(Clone, Debug)]
struct Node {
    at: At,
    hash: OnceLock<Hash>,
}

#[derive(Clone, Debug)]
enum At {
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

#[derive(Clone, Debug)]
struct Leaf {
    key: IndexKey,
    entry: IndexEntry,
}

#[derive(Clone, Debug)]
struct Branch {
    /// Greater than the depth of the branch above, so nesting is bounded by [`KEY_BITS`].
    depth: u16,
    children: [Node; 2],
}

impl Index {
    /// An index without subjects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of subjects.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no subject.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The root that a checkpoint states.
    pub fn root(&self) -> Hash {
        self.root.as_ref().map_or(Hash::default(), Node::hash)
    }

    /// The entry of a subject.
    pub fn get(&self, key: &IndexKey) -> Option<IndexEntry> {
        let leaf = self.root.as_ref()?.nearest(key);
        (leaf.key == *key).then_some(leaf.entry)
    }

    /// The members of a family, sorted by the hashes of their subjects.
    pub fn family(&self, family: Family) -> Vec<(Hash, IndexEntry)> {
        let mut members = Vec::new();
        let all = self.members(family, Hash::default(), |subject, entry| {
            members.push((subject, entry));
            ControlFlow::Continue(())
        });
        debug_assert!(all.is_continue());
        members
    }

    /// Visits the members of a family, sorted by the hashes of their subjects, from the first that is not below `from`. Costs
    /// no memory, however large the family is.
    pub fn members(
        &self,
        family: Family,
        from: Hash,
        mut visit: impl FnMut(Hash, IndexEntry) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let first = family.lowest_key();
        let top = self.root.as_ref().map(|root| root.descend(&first, FAMILY_BITS, |_, _| ()));
        let Some(top) = top.filter(|top| top.nearest(&first).key.family == family) else {
            return ControlFlow::Continue(());
        };
        let from = IndexKey { family, subject: from };
        // Below the first bit in which it differs from the nearest leaf, all leaves are on the same side of `from`.
        let differs = top.nearest(&from).key.first_difference(&from);
        top.for_each_from(&from, differs, &mut |leaf| visit(leaf.key.subject, leaf.entry))
    }

    /// Counts one more statement about a subject: the only way in which the index of a log ever changes.
    pub fn record(&mut self, key: IndexKey, statement: Hash) {
        self.change(key, |before| IndexEntry { count: before.saturating_add(1), latest: statement });
    }

    /// Sets a subject's entry.
    pub fn insert(&mut self, key: IndexKey, entry: IndexEntry) {
        self.change(key, |_| entry);
    }

    /// Sets a subject's entry, computed from the number of statements so far.
    fn change(&mut self, key: IndexKey, entry: impl FnOnce(u64) -> IndexEntry) {
        let leaf = |before| Node::new(At::Leaf(Arc::new(Leaf { key, entry: entry(before) })));
        let Some(root) = &mut self.root else {
            (self.root, self.len) = (Some(leaf(0)), 1);
            return;
        };
        let nearest = root.nearest(&key);
        let Some(depth) = nearest.key.first_difference(&key) else {
            let leaf = leaf(nearest.entry.count);
            *root.descend_mut(&key, KEY_BITS) = leaf;
            return;
        };
        let place = root.descend_mut(&key, depth);
        let (there, leaf) = (place.clone(), leaf(0));
        let children = if key.bit(depth) == 0 { [leaf, there] } else { [there, leaf] };
        *place = Node::new(At::Branch(Arc::new(Branch { depth, children })));
        self.len += 1;
    }

    /// Removes a subject, as if it had never been recorded.
    pub(crate) fn remove(&mut self, key: &IndexKey) {
        let Some(root) = &mut self.root else { return };
        if root.nearest(key).key != *key {
            return;
        }
        self.len -= 1;
        // The leaf's sibling replaces the branch above the leaf.
        let mut above = None;
        root.descend(key, KEY_BITS, |depth, sibling| above = Some((depth, sibling.clone())));
        match above {
            Some((depth, sibling)) => *root.descend_mut(key, depth) = sibling,
            None => self.root = None,
        }
    }
}

impl Node {
    const fn new(at: At) -> Self {
        Self { at, hash: OnceLock::new() }
    }

    /// The leaf to which the key's bits lead: the key's own, if it has one.
    fn nearest(&self, key: &IndexKey) -> &Leaf {
        let mut node = self;
        loop {
            match &node.at {
                At::Leaf(leaf) => return leaf,
                At::Branch(branch) => node = &branch.children[key.bit(branch.depth)],
            }
        }
    }

    /// The node that the key's bits lead to through branches above `depth`. Each branch passed is made this tree's own
    /// and its hash is cleared.
    fn descend_mut(&mut self, key: &IndexKey, depth: u16) -> &mut Self {
        let mut node = self;
        loop {
            if matches!(&node.at, At::Branch(branch) if branch.depth >= depth) {
                return node;
            }
            match node.at {
                At::Leaf(_) => return node,
                At::Branch(ref mut branch) => {
                    node.hash = OnceLock::new();
                    let branch = Arc::make_mut(branch);
                    node = &mut branch.children[key.bit(branch.depth)];
                }
            }
        }
    }

    /// Where the key's bits lead through branches above `depth`; `passing` sees each of these branches' depth and the
    /// child that is not followed. Down to [`FAMILY_BITS`] this is where all members of the key's family are, if any.
    fn descend(&self, key: &IndexKey, depth: u16, mut passing: impl FnMut(u16, &Self)) -> &Self {
        let mut node = self;
        loop {
            match &node.at {
                At::Branch(branch) if branch.depth < depth => {
                    let side = key.bit(branch.depth);
                    passing(branch.depth, &branch.children[1 - side]);
                    node = &branch.children[side];
                }
                _ => return node,
            }
        }
    }

    /// Visits the leaves that are not below `from`, in order. `differs` is the first bit in which `from` differs from the leaf
    /// nearest to it.
    fn for_each_from(
        &self,
        from: &IndexKey,
        differs: Option<u16>,
        visit: &mut impl FnMut(&Leaf) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match &self.at {
            At::Leaf(leaf) if leaf.key < *from => ControlFlow::Continue(()),
            At::Leaf(leaf) => visit(leaf),
            At::Branch(branch) => {
                let [left, right] = &branch.children;
                match differs.filter(|differs| *differs < branch.depth) {
                    // All these leaves are above `from` if they have the one there, and below if it has.
                    Some(differs) if from.bit(differs) == 1 => ControlFlow::Continue(()),
                    Some(_) => self.for_each(visit),
                    None if from.bit(branch.depth) == 1 => right.for_each_from(from, differs, visit),
                    None => {
                        left.for_each_from(from, differs, visit)?;
                        right.for_each(visit)
                    }
                }
            }
        }
    }

    fn for_each(&self, visit: &mut impl FnMut(&Leaf) -> ControlFlow<()>) -> ControlFlow<()> {
        match &self.at {
            At::Leaf(leaf) => visit(leaf),
            At::Branch(branch) => branch.children.iter().try_for_each(|child| child.for_each(visit)),
        }
    }

    fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| match &self.at {
            At::Leaf(leaf) => leaf_hash(&leaf.key, &leaf.entry),
            At::Branch(branch) => {
                let [left, right] = &branch.children;
                branch_hash(branch.depth, left.hash(), right.hash())
            }
        })
    }
}

fn leaf_hash(key: &IndexKey, entry: &IndexEntry) -> Hash {
    Hash::concat(&[&[0x00], &key.to_bytes(), &entry.count.to_be_bytes(), &entry.latest.0])
}

fn branch_hash(depth: u16, left: Hash, right: Hash) -> Hash {
    Hash::concat(&[&[0x01], &depth.to_be_bytes(), &left.0, &right.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(family: &str, subject: u32) -> IndexKey {
        IndexKey::new(family, &subject.to_string())
    }

    #[test]
    fn members_are_visited_from_any_place_on() {
        let mut index = Index::new();
        for subject in 0..50 {
            index.record(key("a", subject), Hash::of(b"x"));
            index.record(key("b", subject), Hash::of(b"x"));
        }
        let all = index.family(Family::new("a"));
        assert!(all.len() == 50 && all.is_sorted_by(|(a, _), (b, _)| a < b));
        let around = all.iter().flat_map(|(Hash(at), _)| {
            let (mut below, mut above) = (*at, *at);
            (below[31], above[31]) = (at[31].saturating_sub(1), at[31].saturating_add(1));
            [below, *at, above]
        });
        let random = (0..200_u32).map(|i| Hash::of(&i.to_be_bytes()).0);
        for from in around.chain(random).chain([[0; 32], [0xff; 32]]).map(Hash) {
            let mut seen = Vec::new();
            let ended = index.members(Family::new("a"), from, |subject, entry| {
                seen.push((subject, entry));
                if seen.len() < 7 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            let rest = &all[all.partition_point(|(subject, _)| *subject < from)..];
            assert_eq!(seen, rest[..rest.len().min(7)], "{from}");
            assert_eq!(ended.is_break(), rest.len() >= 7);
        }
        assert!(
            index.members(Family::new("c"), Hash::default(), |_, _| ControlFlow::Break(())).is_continue()
        );
    }

    #[test]
    fn the_format_is_as_written_down() {
        let (a, b) = (key("a", 1), key("a", 2));
        let mut index = Index::new();
        assert_eq!(index.root(), Hash([0; 32]));
        index.record(a, Hash::of(b"one"));
        let leaf = |key: IndexKey, count: u64, latest: &[u8]| {
            let family = &Hash::of(b"a").0[..16];
            let latest = Hash::of(latest);
            Hash::of(&[&[0][..], family, &key.subject.0, &count.to_be_bytes(), &latest.0].concat())
        };
        assert_eq!(index.root(), leaf(a, 1, b"one"));
        index.record(b, Hash::of(b"two"));
        index.record(b, Hash::of(b"three"));
        let depth = a.first_difference(&b).unwrap();
        assert!(depth >= FAMILY_BITS);
        let (left, right) = if a < b {
            (leaf(a, 1, b"one"), leaf(b, 2, b"three"))
        } else {
            (leaf(b, 2, b"three"), leaf(a, 1, b"one"))
        };
        let branch = [&[1][..], &depth.to_be_bytes(), &left.0, &right.0].concat();
        assert_eq!(index.root(), Hash::of(&branch));
        assert_eq!(index.get(&b), Some(IndexEntry { count: 2, latest: Hash::of(b"three") }));
        assert_eq!(index.get(&key("b", 1)), None);
        assert_eq!(index.len(), 2);
    }

    #[test]
    fn a_clone_keeps_what_it_was() {
        let mut index = Index::new();
        (0..100).for_each(|i| index.record(key("a", i), Hash::of(b"old")));
        let (kept, root) = (index.clone(), index.root());
        (50..150).for_each(|i| index.record(key("a", i), Hash::of(b"new")));
        assert_eq!((kept.root(), kept.len()), (root, 100));
        assert_eq!(kept.get(&key("a", 60)), Some(IndexEntry { count: 1, latest: Hash::of(b"old") }));
        assert_ne!(index.root(), root);
        assert_eq!((index.len(), index.family(Family::new("a")).len()), (150, 150));
    }

    #[test]
    fn what_is_taken_out_again_leaves_the_index_as_it_was() {
        let mut index = Index::new();
        index.remove(&key("a", 0));
        for n in 0..50 {
            let (root, len) = (index.root(), index.len());
            index.record(key("a", n), Hash::of(b"one"));
            let with = index.clone();
            index.remove(&key("a", n));
            assert_eq!((index.root(), index.len(), index.get(&key("a", n))), (root, len, None));
            index.remove(&key("a", n));
            assert_eq!((index.root(), index.len()), (root, len));
            assert_eq!(with.get(&key("a", n)).map(|entry| entry.count), Some(1));
            index = with;
        }
    }

    #[test]
    fn keys_that_differ_in_their_last_bit_only_are_kept_apart() {
        let mut index = Index::new();
        let mut keys = vec![key("a", 0); 385];
        for (bit, key) in keys[1..].iter_mut().enumerate() {
            let mut bytes = key.to_bytes();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            *key = IndexKey::from_bytes(&bytes).unwrap();
        }
        for key in &keys {
            index.record(*key, key.subject);
        }
        assert_eq!(index.len(), 385);
        for key in keys {
            assert_eq!(index.get(&key), Some(IndexEntry { count: 1, latest: key.subject }));
            assert_eq!(index.prove(&key).verify(&key, index.root()).unwrap().unwrap().count, 1);
        }
    }
}
