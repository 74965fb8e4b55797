//! What is in a logistic unit: the list that travels with it, beside the ledger.
//!
//! The ledger has the list's digest and length, in the statement by which the unit was packed; so the list need not be
//! public, and nobody can exchange it. One scan of the unit moves all that is in it. Of what the receiver did not scan
//! themselves it is *inferred* that it is still in there, until somebody opens the unit.
//!
//! ```cddl
//! contents = [1*10000 tstr]    ; links of packs and units in ascending order, each once; deterministic
//! ```

use std::collections::BTreeSet;

use countersign_ledger::{Fields, Hash, Subject, Verified};
use minicbor::{Decoder, Encoder};

use crate::field::{CONTENTS, COUNT, SCANNED};
use crate::subject_type::SubjectType;

/// Most packs in one unit: a full pallet of small boxes has some thousands.
pub const MAX_CONTENTS: usize = 10_000;

/// Why a list of contents is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// Not of the format, or not in order.
    #[error("this is no list of contents")]
    Malformed,
    /// Nothing, or more than a unit holds.
    #[error("a unit holds one to {MAX_CONTENTS} packs")]
    Count,
    /// Neither a pack nor a unit.
    #[error("{0} is neither a pack nor a unit")]
    NotAPack(Subject),
}

/// What is in a logistic unit: packs, and units in turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents(BTreeSet<Subject>);

/// How much of a unit that changed hands was seen, and how much goes by the unit's own code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aggregate {
    /// How many packs are in it, by whoever packed it.
    pub count: u64,
    /// How many of them whoever received it scanned one by one. The others are inferred.
    pub scanned: u64,
}

impl Aggregate {
    /// How many packs are inferred to be in it.
    pub const fn inferred(self) -> u64 {
        self.count.saturating_sub(self.scanned)
    }
}

/// A unit that was opened: how much went in, by whoever packed it, and how much came out, by whoever opened it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// How many packs went in.
    pub packed: u64,
    /// How many came out.
    pub unpacked: u64,
    /// Whether the two lists are one.
    pub same: bool,
}

impl Contents {
    /// A list of these, in whatever order.
    pub fn new(packs: impl IntoIterator<Item = Subject>) -> Result<Self, ContentsError> {
        let mut list = BTreeSet::new();
        for pack in packs {
            if !matches!(SubjectType::of(&pack), Some(SubjectType::Pack | SubjectType::Unit)) {
                return Err(ContentsError::NotAPack(pack));
            }
            list.insert(pack);
            if list.len() > MAX_CONTENTS {
                return Err(ContentsError::Count);
            }
        }
        if list.is_empty() { Err(ContentsError::Count) } else { Ok(Self(list)) }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether something is on the list.
    pub fn contains(&self, pack: &Subject) -> bool {
        self.0.contains(pack)
    }

    /// What is on the list, in order.
    pub fn packs(&self) -> impl Iterator<Item = &Subject> {
        self.0.iter()
    }

    /// Digest of the list.
    pub fn digest(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// The fields by which a statement packs it.
    pub fn fields(&self) -> Fields {
        Fields::new().with(CONTENTS, self.digest()).with(COUNT, self.count())
    }

    /// Whether a statement packs, or unpacks, just this.
    pub fn is_of(&self, statement: &Verified) -> bool {
        digest_in(statement) == Some(self.digest()) && statement.fields().uint(COUNT) == Some(self.count())
    }

    /// The list as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut e = Encoder::new(&mut bytes);
        // safe: a `Vec` accepts every write.
        let _ = e.array(self.count()).map(drop);
        for pack in &self.0 {
            let _ = e.str(pack.as_str()).map(drop);
        }
        bytes
    }

    /// Reads what [`Contents::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContentsError> {
        let mut d = Decoder::new(bytes);
        let count = d.array().ok().flatten().ok_or(ContentsError::Malformed)?;
        if count > MAX_CONTENTS as u64 {
            return Err(ContentsError::Count);
        }
        let mut packs = Vec::new();
        for _ in 0..count {
            let pack = d.str().ok().and_then(|pack| Subject::new(pack).ok());
            packs.push(pack.ok_or(ContentsError::Malformed)?);
        }
        let contents = Self::new(packs)?;
        // One list has one form, and so one digest.
        if contents.to_bytes() == bytes { Ok(contents) } else { Err(ContentsError::Malformed) }
    }
}

/// The digest of the list by which a statement packs a unit.
pub(crate) fn digest_in(statement: &Verified) -> Option<Hash> {
    statement.fields().hash(CONTENTS)
}

/// What came out of a unit, beside what went in.
pub(crate) fn opened(unpacking: &Verified, packing: &Verified) -> Option<Opened> {
    let told = |one: &Verified| Some((digest_in(one)?, one.fields().uint(COUNT)?));
    let (packed, unpacked) = (told(packing)?, told(unpacking)?);
    Some(Opened { packed: packed.1, unpacked: unpacked.1, same: packed == unpacked })
}

/// How much of a unit was seen when `statement` put it into somebody's hands, if it did, by the packing before it.
pub(crate) fn aggregate(statement: &Verified, packing: &Verified) -> Option<Aggregate> {
    digest_in(packing)?;
    let count = packing.fields().uint(COUNT)?;
    // Whoever packs has each of them in hand.
    let packs = statement.statement().id() == packing.statement().id();
    let scanned = if packs { count } else { statement.fields().uint(SCANNED).unwrap_or(0).min(count) };
    Some(Aggregate { count, scanned })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";

    fn pack(serial: &str) -> Subject {
        Subject::new(format!("{LOT}/21/{serial}")).unwrap()
    }

    #[test]
    fn a_list_has_one_form_in_whatever_order_it_was_made() {
        let one = Contents::new(["S2", "S1", "S3", "S1"].map(pack)).unwrap();
        let other = Contents::new(["S3", "S2", "S1"].map(pack)).unwrap();
        assert_eq!((one.digest(), one.count()), (other.digest(), 3));
        assert_eq!(Contents::from_bytes(&one.to_bytes()).unwrap(), one);
        assert!(one.contains(&pack("S2")) && !one.contains(&pack("S4")));
        let fewer = Contents::new(["S1", "S2"].map(pack)).unwrap();
        assert_ne!(fewer.digest(), one.digest());
    }

    #[test]
    fn what_is_no_list_of_packs_is_refused() {
        assert_eq!(Contents::new([]), Err(ContentsError::Count));
        let lot = Subject::new(LOT).unwrap();
        assert_eq!(Contents::new([lot.clone()]), Err(ContentsError::NotAPack(lot)));
        let many = (0..=MAX_CONTENTS).map(|i| pack(&format!("S{i}")));
        assert_eq!(Contents::new(many), Err(ContentsError::Count));
        let bytes = Contents::new(["S1", "S2"].map(pack)).unwrap().to_bytes();
        for length in 0..bytes.len() {
            assert!(Contents::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        let trailing = [&bytes[..], &[0]].concat();
        assert_eq!(Contents::from_bytes(&trailing), Err(ContentsError::Malformed));
        // The same two in the other order would have another digest.
        let half = (bytes.len() - 1) / 2;
        let swapped = [&bytes[..1], &bytes[1 + half..], &bytes[1..=half]].concat();
        assert_eq!(Contents::from_bytes(&swapped), Err(ContentsError::Malformed));
        // No allocation by a length that is written.
        assert_eq!(
            Contents::from_bytes(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Err(ContentsError::Count)
        );
    }
}
