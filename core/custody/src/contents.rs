//! The contents of a logistic unit: a list that travels with the unit and not in the ledger.
//!
//! The statement that packs the unit has the list's digest and length, so the list need not be public, and nobody can
//! exchange it. One scan of the unit moves everything in it. Packs that the receiver did not scan are *inferred* to be
//! in the unit until somebody opens it (EPCIS aggregation).
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

/// Why a list of contents is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentsError {
    /// Malformed, or not in order.
    #[error("this is not a list of contents")]
    Malformed,
    /// Empty, or more packs than allowed.
    #[error("a unit holds 1 to {MAX_CONTENTS} packs")]
    Count,
    /// Neither a pack nor a unit.
    #[error("{0} is neither a pack nor a unit")]
    NotAPack(Subject),
}

/// The packs in a logistic unit, and units in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents(BTreeSet<Subject>);

/// How many packs of a unit were scanned when it changed hands, and how many are inferred from the unit's own code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aggregate {
    /// How many packs are in it, as its packer stated.
    pub count: u64,
    /// How many of them the receiver scanned one by one. The others are inferred.
    pub scanned: u64,
}

impl Aggregate {
    /// How many packs are inferred to be in it.
    pub const fn inferred(self) -> u64 {
        self.count.saturating_sub(self.scanned)
    }
}

/// An opened unit: how many packs went in, as its packer stated, and how many came out, as its unpacker stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// How many packs went in.
    pub packed: u64,
    /// How many came out.
    pub unpacked: u64,
    /// Whether the two lists are the same.
    pub same: bool,
}

impl Contents {
    /// A list of these subjects, given in any order.
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

    /// Whether a subject is on the list.
    pub fn contains(&self, pack: &Subject) -> bool {
        self.0.contains(pack)
    }

    /// The subjects on the list, in order.
    pub fn packs(&self) -> impl Iterator<Item = &Subject> + Clone {
        self.0.iter()
    }

    /// Digest of the list.
    pub fn digest(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// The fields of a statement that packs this list.
    pub fn fields(&self) -> Fields {
        Fields::new().with(CONTENTS, self.digest()).with(COUNT, self.count())
    }

    /// Whether a statement packs, or unpacks, exactly this list.
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
        // Each list has one form, and so one digest.
        if contents.to_bytes() == bytes { Ok(contents) } else { Err(ContentsError::Malformed) }
    }
}

/// The digest of the list in a statement that packs a unit.
pub(crate) fn digest_in(statement: &Verified) -> Option<Hash> {
    statement.fields().hash(CONTENTS)
}

/// How many packs came out of a unit, and how many went in.
pub(crate) fn opened(unpacking: &Verified, packing: &Verified) -> Option<Opened> {
    let listed = |one: &Verified| Some((digest_in(one)?, one.fields().uint(COUNT)?));
    let (packed, unpacked) = (listed(packing)?, listed(unpacking)?);
    Some(Opened { packed: packed.1, unpacked: unpacked.1, same: packed == unpacked })
}

/// How much of a unit was seen when `statement` handed it over, if it did, according to the packing before it.
pub(crate) fn aggregate(statement: &Verified, packing: &Verified) -> Option<Aggregate> {
    digest_in(packing)?;
    let count = packing.fields().uint(COUNT)?;
    // The packer has each of them in hand.
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
    fn a_list_of_other_things_is_refused() {
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
        // No allocation by a length in the input.
        assert_eq!(
            Contents::from_bytes(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Err(ContentsError::Count)
        );
    }
}
