//! Proofs from the subject index: what it says of one subject, and of a whole family.
//!
//! ```text
//! index-proof  = [path, reached]
//! path         = [* [depth: uint, sibling: bstr .size 32]]        ; from the root down, depths rising
//! reached      = null                                             ; the index is empty
//!              / [count: uint, latest: bstr .size 32]             ; the subject asked for
//!              / [key: bstr .size 48, count, latest]              ; the leaf in its place: the subject is absent
//! family-proof = [path, [+ [subject: bstr .size 32, count, latest]]]  ; all members, sorted
//!              / index-proof                                      ; none: the lowest possible member is absent
//! ```
//!
//! Both are deterministic CBOR (RFC 8949 section 4.2.1), and nothing else is read. Reading allocates no more than a
//! small multiple of the input, so a receiver bounds the cost by bounding the input's size.

use std::ops::ControlFlow;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::{FAMILY_BITS, Family, Index, IndexEntry, IndexKey, KEY_BITS, Node, branch_hash, leaf_hash};
use crate::Hash;
use crate::cbor::{self, CborError, check_deterministic};

/// Why a proof from the subject index does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not deterministic CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// CBOR of another shape.
    #[error("the bytes are not a proof from a subject index")]
    Format,
    /// The path's depths do not rise, or exceed the greatest depth that this proof may have.
    #[error("the path is not one from the root down")]
    Path,
    /// The leaf that should show an absence does not show it.
    #[error("the leaf shown does not prove an absence")]
    NotAbsent,
    /// The members of a family are not sorted, or one occurs twice.
    #[error("the family's members are not sorted and unique")]
    Order,
    /// The proof leads to another root: something in it is altered or left out, or it is from another checkpoint.
    #[error("the proof leads to another root")]
    RootMismatch,
}

impl From<minicbor::decode::Error> for IndexError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Format
    }
}

/// One branch on a path, and the hash of the child that is off the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    depth: u16,
    sibling: Hash,
}

/// The end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// The index is empty.
    Nothing,
    /// The subject asked for.
    Asked(IndexEntry),
    /// The leaf of another subject.
    Other(IndexKey, IndexEntry),
}

/// What the index says of one subject: its entry, or that it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexProof {
    path: Vec<Step>,
    reached: Reached,
}

impl IndexProof {
    /// The subject's entry in the index with that root. `None` means that its absence is proven.
    pub fn verify(&self, key: &IndexKey, root: Hash) -> Result<Option<IndexEntry>, IndexError> {
        let (leaf, entry) = match self.reached {
            Reached::Nothing if self.path.is_empty() => (Hash::default(), None),
            Reached::Nothing => return Err(IndexError::NotAbsent),
            Reached::Asked(entry) => (leaf_hash(key, &entry), Some(entry)),
            Reached::Other(other, _) if other == *key => return Err(IndexError::NotAbsent),
            Reached::Other(other, entry) => (leaf_hash(&other, &entry), None),
        };
        // The leaf is where the key's own bits lead, whichever subject it belongs to.
        if climb(&self.path, key, leaf, KEY_BITS)? == root {
            Ok(entry)
        } else {
            Err(IndexError::RootMismatch)
        }
    }

    /// The proof as bytes.
    pub fn to_cbor(&self) -> Vec<u8> {
        cbor::encode(|e| {
            write_path(e.array(2)?, &self.path)?;
            match &self.reached {
                Reached::Nothing => e.null()?.ok(),
                Reached::Asked(entry) => write_entry(e.array(2)?, entry),
                Reached::Other(key, entry) => write_entry(e.array(3)?.bytes(&key.to_bytes())?, entry),
            }
        })
    }

    /// Reads a proof; nothing about it is verified yet.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, IndexError> {
        match Content::read(bytes)? {
            Content::One(proof) => Ok(proof),
            Content::Members(..) => Err(IndexError::Format),
        }
    }
}

/// What the index says of a family: all its members with their entries, and that there are no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyProof(Content);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// Absence of the lowest key that the family could have.
    One(IndexProof),
    /// The path to the smallest subtree with all members, and these.
    Members(Vec<Step>, Vec<(Hash, IndexEntry)>),
}

impl FamilyProof {
    /// The hashes of all subjects of the family in the index with that root, and their entries.
    pub fn verify(&self, family: Family, root: Hash) -> Result<Vec<(Hash, IndexEntry)>, IndexError> {
        match &self.0 {
            Content::One(proof) => {
                // The leaf in the place of the family's lowest key is of the family if any leaf is: the branches above
                // the family's 128 bits lead to all its members, and all leaves there share these bits.
                let other_family = match proof.reached {
                    Reached::Nothing => true,
                    Reached::Asked(_) => false,
                    Reached::Other(key, _) => key.family != family,
                };
                if !other_family {
                    return Err(IndexError::NotAbsent);
                }
                proof.verify(&family.lowest_key(), root).map(|_| Vec::new())
            }
            Content::Members(path, members) => {
                if !members.is_sorted_by(|(a, _), (b, _)| a < b) {
                    return Err(IndexError::Order);
                }
                let top = members_hash(family, members);
                let found = climb(path, &family.lowest_key(), top, FAMILY_BITS)?;
                if found == root { Ok(members.clone()) } else { Err(IndexError::RootMismatch) }
            }
        }
    }

    /// The proof as bytes.
    pub fn to_cbor(&self) -> Vec<u8> {
        match &self.0 {
            Content::One(proof) => proof.to_cbor(),
            Content::Members(path, members) => {
                let mut bytes = write_head(path, members.len());
                for (subject, entry) in members {
                    Self::write_member(&mut bytes, *subject, entry);
                }
                bytes
            }
        }
    }

    /// Appends a member as it stands in the proof.
    pub fn write_member(bytes: &mut Vec<u8>, subject: Hash, entry: &IndexEntry) {
        *bytes =
            cbor::encode_into(std::mem::take(bytes), |e| write_entry(e.array(3)?.bytes(&subject.0)?, entry));
    }

    /// Reads a proof; nothing about it is verified yet.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, IndexError> {
        Content::read(bytes).map(Self)
    }
}

/// How a family's proof begins: for a writer who does not hold a large one whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyProofHead {
    /// The beginning of [`FamilyProof::to_cbor`]; the members follow, each by [`FamilyProof::write_member`].
    pub bytes: Vec<u8>,
    /// Number of members. With none, the proof is written already.
    pub members: usize,
    /// Bytes in the whole proof.
    pub len: usize,
}

impl Index {
    /// Proves a subject's entry, or that it has none.
    pub fn prove(&self, key: &IndexKey) -> IndexProof {
        let Some(root) = &self.root else {
            return IndexProof { path: Vec::new(), reached: Reached::Nothing };
        };
        let leaf = root.nearest(key);
        let reached =
            if leaf.key == *key { Reached::Asked(leaf.entry) } else { Reached::Other(leaf.key, leaf.entry) };
        IndexProof { path: path_to(root, key, KEY_BITS), reached }
    }

    /// Proves the members of a family, or that it has none.
    pub fn prove_family(&self, family: Family) -> FamilyProof {
        let (first, members) = (family.lowest_key(), self.family(family));
        FamilyProof(match &self.root {
            Some(root) if !members.is_empty() => {
                Content::Members(path_to(root, &first, FAMILY_BITS), members)
            }
            _ => Content::One(self.prove(&first)),
        })
    }
}

impl Index {
    /// The proof of [`Index::prove_family`], to be written member by member.
    pub fn begin_family_proof(&self, family: Family) -> FamilyProofHead {
        let (first, mut members, mut len) = (family.lowest_key(), 0, 0);
        let mut member = Vec::new();
        let visited = self.members(family, Hash::default(), |subject, entry| {
            member.clear();
            FamilyProof::write_member(&mut member, subject, &entry);
            (members, len) = (members + 1, len + member.len());
            ControlFlow::Continue(())
        });
        debug_assert!(visited.is_continue());
        let bytes = match &self.root {
            Some(root) if members > 0 => write_head(&path_to(root, &first, FAMILY_BITS), members),
            _ => self.prove(&first).to_cbor(),
        };
        FamilyProofHead { len: len + bytes.len(), members, bytes }
    }
}

/// A family's proof up to its first member.
fn write_head(path: &[Step], members: usize) -> Vec<u8> {
    cbor::encode(|e| {
        write_path(e.array(2)?, path)?;
        e.array(members as u64)?.ok()
    })
}

fn path_to(root: &Node, key: &IndexKey, depth: u16) -> Vec<Step> {
    let mut path = Vec::new();
    root.descend(key, depth, |depth, sibling| path.push(Step { depth, sibling: sibling.hash() }));
    path
}

/// The root above `hash`, which stands where the key's bits lead through branches above `limit`.
fn climb(path: &[Step], key: &IndexKey, hash: Hash, limit: u16) -> Result<Hash, IndexError> {
    let rising = path.is_sorted_by(|a, b| a.depth < b.depth);
    if !rising || path.last().is_some_and(|step| step.depth >= limit) {
        return Err(IndexError::Path);
    }
    Ok(path.iter().rev().fold(hash, |hash, step| match key.bit(step.depth) {
        0 => branch_hash(step.depth, hash, step.sibling),
        _ => branch_hash(step.depth, step.sibling, hash),
    }))
}

/// The hash of the subtree of exactly these members, sorted and unique. Nests no deeper than a key has bits.
fn members_hash(family: Family, members: &[(Hash, IndexEntry)]) -> Hash {
    let key = |subject| IndexKey { family, subject };
    let fork = match members {
        [(first, _), .., (last, _)] => key(*first).first_difference(&key(*last)),
        _ => None,
    };
    match (fork, members) {
        (Some(depth), _) => {
            let (left, right) = members.split_at(members.partition_point(|(s, _)| key(*s).bit(depth) == 0));
            branch_hash(depth, members_hash(family, left), members_hash(family, right))
        }
        (None, [(subject, entry), ..]) => leaf_hash(&key(*subject), entry),
        (None, []) => Hash::default(),
    }
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write_path(e: &mut Encoder<&mut Vec<u8>>, path: &[Step]) -> Written {
    e.array(path.len() as u64)?;
    path.iter().try_for_each(|step| e.array(2)?.u16(step.depth)?.bytes(&step.sibling.0)?.ok())
}

fn write_entry(e: &mut Encoder<&mut Vec<u8>>, entry: &IndexEntry) -> Written {
    e.u64(entry.count)?.bytes(&entry.latest.0)?.ok()
}

impl Content {
    fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        check_deterministic(bytes)?;
        let mut d = Decoder::new(bytes);
        expect_array(&mut d, 2)?;
        let path = read_path(&mut d)?;
        if cbor::take_null(&mut d)? {
            return Ok(Self::One(IndexProof { path, reached: Reached::Nothing }));
        }
        let items = d.array()?;
        if d.datatype()? == Type::Array {
            let members = (0..items.unwrap_or_default()).map(|_| read_member(&mut d));
            return Ok(Self::Members(path, members.collect::<Result<_, _>>()?));
        }
        let reached = match items {
            Some(2) => Reached::Asked(read_entry(&mut d)?),
            Some(3) => {
                let key = IndexKey::from_bytes(d.bytes()?).ok_or(IndexError::Format)?;
                Reached::Other(key, read_entry(&mut d)?)
            }
            _ => return Err(IndexError::Format),
        };
        Ok(Self::One(IndexProof { path, reached }))
    }
}

fn read_path(d: &mut Decoder<'_>) -> Result<Vec<Step>, IndexError> {
    let steps = d.array()?.filter(|&steps| steps <= u64::from(KEY_BITS)).ok_or(IndexError::Path)?;
    let step = |_| {
        expect_array(d, 2)?;
        let depth = d.u64()?.try_into().map_err(|_| IndexError::Path)?;
        Ok(Step { depth, sibling: read_hash(d)? })
    };
    (0..steps).map(step).collect()
}

fn read_member(d: &mut Decoder<'_>) -> Result<(Hash, IndexEntry), IndexError> {
    expect_array(d, 3)?;
    Ok((read_hash(d)?, read_entry(d)?))
}

fn read_entry(d: &mut Decoder<'_>) -> Result<IndexEntry, IndexError> {
    Ok(IndexEntry { count: d.u64()?, latest: read_hash(d)? })
}

fn read_hash(d: &mut Decoder<'_>) -> Result<Hash, IndexError> {
    Hash::from_slice(d.bytes()?).ok_or(IndexError::Format)
}

fn expect_array(d: &mut Decoder<'_>, len: u64) -> Result<(), IndexError> {
    if d.array()? == Some(len) { Ok(()) } else { Err(IndexError::Format) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = &'a dyn Fn(&mut Vec<Step>, &mut Vec<(Hash, IndexEntry)>);

    fn key(family: &str, subject: u32) -> IndexKey {
        IndexKey::new(family, &subject.to_string())
    }

    fn index() -> Index {
        let mut index = Index::new();
        for family in ["a", "b", "c"] {
            (0..9).for_each(|i| index.record(key(family, i), key(family, i).subject));
        }
        index
    }

    #[test]
    fn a_familys_proof_written_member_by_member_is_the_same() {
        for (index, family) in [(index(), "a"), (index(), "none"), (Index::new(), "a")] {
            let whole = index.prove_family(Family::new(family)).to_cbor();
            let FamilyProofHead { mut bytes, members, len } = index.begin_family_proof(Family::new(family));
            let listed = index.family(Family::new(family));
            for (subject, entry) in &listed {
                FamilyProof::write_member(&mut bytes, *subject, entry);
            }
            assert_eq!((&bytes, members, len), (&whole, listed.len(), whole.len()), "{family}");
        }
    }

    #[test]
    fn each_failure_for_one_subject_has_its_own_error() {
        let (index, present, absent) = (index(), key("a", 3), key("a", 10));
        let root = index.root();
        let (proof, no) = (index.prove(&present), index.prove(&absent));
        assert_eq!(proof.verify(&present, root), Ok(index.get(&present)));
        assert_eq!(no.verify(&absent, root), Ok(None));
        assert_eq!(proof.verify(&absent, root), Err(IndexError::RootMismatch));
        assert_eq!(proof.verify(&present, Hash::default()), Err(IndexError::RootMismatch));
        let with = |change: &dyn Fn(&mut IndexProof)| {
            let mut proof = proof.clone();
            change(&mut proof);
            proof.verify(&present, root)
        };
        assert_eq!(with(&|p| p.path.reverse()), Err(IndexError::Path));
        assert_eq!(with(&|p| p.path.push(*p.path.last().unwrap())), Err(IndexError::Path));
        assert_eq!(with(&|p| p.path.last_mut().unwrap().depth = KEY_BITS), Err(IndexError::Path));
        assert_eq!(with(&|p| p.reached = Reached::Nothing), Err(IndexError::NotAbsent));
        let there = Reached::Other(present, index.get(&present).unwrap());
        assert_eq!(with(&|p| p.reached = there), Err(IndexError::NotAbsent));
        assert_eq!(with(&|p| p.reached = no.reached), Err(IndexError::RootMismatch));
        assert_eq!(with(&|p| p.path.truncate(1)), Err(IndexError::RootMismatch));
    }

    /// To deny a present subject, a prover would send the verifier down the wrong side; the committed depth prevents
    /// that.
    #[test]
    fn a_branch_cannot_pass_for_one_of_another_depth() {
        let index = index();
        for (here, there) in (0..9).flat_map(|i| [(key("a", i), key("b", i)), (key("a", i), key("a", 8 - i))])
        {
            let honest = index.prove(&there);
            let Reached::Asked(entry) = honest.reached else { panic!("it is in the index") };
            let lie = |path| IndexProof { path, reached: Reached::Other(there, entry) };
            for at in 0..honest.path.len() {
                for depth in 0..KEY_BITS {
                    let mut path = honest.path.clone();
                    path[at].depth = depth;
                    assert!(here == there || lie(path).verify(&here, index.root()).is_err());
                }
            }
        }
    }

    #[test]
    fn each_failure_for_a_family_has_its_own_error() {
        let (index, family) = (index(), Family::new("b"));
        let (root, proof) = (index.root(), index.prove_family(family));
        assert_eq!(proof.verify(family, root), Ok(index.family(family)));
        assert_eq!(proof.verify(Family::new("a"), root), Err(IndexError::RootMismatch));
        let with = |change: Change<'_>| {
            let FamilyProof(Content::Members(mut path, mut members)) = proof.clone() else { panic!("none") };
            change(&mut path, &mut members);
            FamilyProof(Content::Members(path, members)).verify(family, root)
        };
        assert_eq!(with(&|_, members| members.reverse()), Err(IndexError::Order));
        assert_eq!(with(&|_, members| members.push(*members.last().unwrap())), Err(IndexError::Order));
        assert_eq!(with(&|_, members| members.clear()), Err(IndexError::RootMismatch));
        let members_of_b = index.family(family);
        for i in 0..9 {
            assert_eq!(
                with(&|_, members| members.retain(|m| *m != members_of_b[i])),
                Err(IndexError::RootMismatch)
            );
            assert_eq!(with(&|_, members| members[i].1.count += 1), Err(IndexError::RootMismatch));
        }
        // The path of one member and that member alone: true hashes, but below the top of the family.
        let one = members_of_b[4];
        let path = index.prove(&IndexKey { family, subject: one.0 }).path;
        assert!(path.iter().any(|step| step.depth >= FAMILY_BITS));
        let partial = FamilyProof(Content::Members(path, vec![one]));
        assert_eq!(partial.verify(family, root), Err(IndexError::Path));
    }

    #[test]
    fn an_absent_family_is_proven_and_a_present_one_cannot_be_denied() {
        let (index, absent) = (index(), Family::new("z"));
        let proof = index.prove_family(absent);
        assert_eq!(proof.verify(absent, index.root()), Ok(vec![]));
        assert_eq!(proof.verify(absent, Hash::default()), Err(IndexError::RootMismatch));
        assert_eq!(Index::new().prove_family(absent).verify(absent, Hash::default()), Ok(vec![]));
        let empty = Index::new().prove_family(absent);
        assert_eq!(empty.verify(absent, index.root()), Err(IndexError::RootMismatch));
        // The lowest possible member of "a" is not there, which says nothing about the others.
        let family = Family::new("a");
        let denial = FamilyProof(Content::One(index.prove(&family.lowest_key())));
        assert_eq!(denial.verify(family, index.root()), Err(IndexError::NotAbsent));
    }

    #[test]
    fn bytes_of_another_shape_are_refused() {
        let both = |bytes: &[u8]| {
            let one = IndexProof::from_cbor(bytes).map(|_| ());
            assert_eq!(one, FamilyProof::from_cbor(bytes).map(|_| ()));
            one
        };
        assert_eq!(both(&[]), Err(IndexError::Cbor(CborError::Truncated)));
        assert_eq!(both(&[0x82, 0x80, 0xf6]), Ok(()));
        assert_eq!(both(&[0x82, 0x80, 0xf6, 0]), Err(IndexError::Cbor(CborError::Trailing)));
        assert_eq!(both(&[0x82, 0x98, 0, 0xf6]), Err(IndexError::Cbor(CborError::NotShortest)));
        assert_eq!(both(&[0x83, 0x80, 0xf6, 0xf6]), Err(IndexError::Format));
        assert_eq!(both(&[0x82, 0x80, 0x80]), Err(IndexError::Format));
        assert_eq!(both(&[0x82, 0x80, 0x82, 1, 0x41, 0]), Err(IndexError::Format));
        let long = [&[0x82, 0x99, 1, 0x81][..], &[0x80; 385], &[0xf6]].concat();
        assert_eq!(both(&long), Err(IndexError::Path));
        let deep = [&[0x82, 0x81, 0x82, 0x1a, 0, 1, 0, 0, 0x58, 32][..], &[0; 32], &[0xf6]].concat();
        assert_eq!(both(&deep), Err(IndexError::Path));
        let family = index().prove_family(Family::new("a")).to_cbor();
        assert_eq!(IndexProof::from_cbor(&family), Err(IndexError::Format));
    }
}
