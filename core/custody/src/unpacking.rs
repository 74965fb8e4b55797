//! An opened logistic unit: what came out of it, compared with what went in as stated.
//!
//! Two people have signed a list each: the packer of the unit, and its last holder, who opened it. If the lists differ,
//! one of the two has miscounted, or something was taken out or put in on the way; no signature shows which. So the
//! result is attention and not a potential suspect: nothing shows that a pack is not genuine. Only the unpacker is
//! accountable, who received the unit as it was and signs for its contents. It does not accuse earlier holders, who
//! handed on a closed unit. A pack that is on both lists is not affected.

use std::fmt;

use countersign_ledger::{Hash, Placed, Subject, UnixMillis};

use crate::contents::{Contents, Opened};
use crate::fault::Party;

/// How many packs are named; the others are only counted.
const MOST_NAMED: usize = 8;

/// Something that went into a unit and did not come out, or came out without having gone in, according to the two
/// lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The unit.
    pub unit: Subject,
    /// What differs: the pack, or the unit that it is in.
    pub what: Subject,
    /// How.
    pub kind: DifferenceKind,
    /// How many packs went in, and how many came out.
    pub opened: Opened,
    /// What went in and did not come out; `None` if the list of what came out is not here.
    pub missing: Option<Few>,
    /// What came out without having gone in.
    pub added: Option<Few>,
    /// Who opened it, and is accountable.
    pub opener: Party,
    /// When.
    pub at: UnixMillis,
    /// The packing.
    pub packing: Hash,
    /// The opening.
    pub unpacking: Hash,
}

/// What the two differing lists say of one pack or unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DifferenceKind {
    /// It went in and did not come out.
    NotUnpacked,
    /// It came out without having gone in.
    NotPacked,
    /// It went in. The list of what came out is not here.
    Unclear,
}

/// Some packs or units: the first of them by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Few {
    /// How many there are.
    pub count: u64,
    /// The first eight, in order.
    pub named: Vec<Subject>,
}

impl Few {
    /// The subjects on one list that are not on the other.
    fn beyond(one: &Contents, other: &Contents) -> Self {
        let mut few = Self { count: 0, named: Vec::new() };
        for pack in one.packs().filter(|pack| !other.contains(pack)) {
            few.count += 1;
            if few.named.len() < MOST_NAMED {
                few.named.push(pack.clone());
            }
        }
        few
    }
}

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.named.iter().map(Subject::as_str).collect();
        f.write_str(if named.is_empty() { "none" } else { "" })?;
        f.write_str(&named.join(", "))?;
        match self.count.saturating_sub(named.len() as u64) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// An opened unit, of which other contents came out than went in.
#[derive(Clone, Debug)]
pub(crate) struct Unpacking {
    opened: Opened,
    opener: Party,
    at: UnixMillis,
    /// The statement that packed it.
    packed_by: Hash,
    /// The statement that unpacked it.
    unpacked_by: Hash,
    /// The list of the contents that came out.
    out: Option<Contents>,
}

impl Unpacking {
    /// `None` if the two lists are the same.
    pub(crate) fn new(
        packing: &Placed,
        unpacking: &Placed,
        opened: Opened,
        lists: &[Contents],
    ) -> Option<Self> {
        (!opened.same).then(|| Self {
            opened,
            opener: unpacking.signer().identity().into(),
            at: unpacking.statement().issued_at(),
            packed_by: packing.id(),
            unpacked_by: unpacking.id(),
            out: lists.iter().find(|list| list.is_of(unpacking)).cloned(),
        })
    }

    /// The difference for one pack or unit; `None` if it is on both lists or on neither.
    pub(crate) fn difference(&self, unit: &Subject, packed: &Contents, what: &Subject) -> Option<Difference> {
        Some(Difference {
            unit: unit.clone(),
            what: what.clone(),
            kind: self.kind(packed, what)?,
            opened: self.opened,
            missing: self.out.as_ref().map(|out| Few::beyond(packed, out)),
            added: self.out.as_ref().map(|out| Few::beyond(out, packed)),
            opener: self.opener.clone(),
            at: self.at,
            packing: self.packed_by,
            unpacking: self.unpacked_by,
        })
    }

    /// What the lists say of one pack or unit, unless it is on both or on neither.
    pub(crate) fn kind(&self, packed: &Contents, what: &Subject) -> Option<DifferenceKind> {
        match (packed.contains(what), self.out.as_ref().map(|out| out.contains(what))) {
            (true, Some(false)) => Some(DifferenceKind::NotUnpacked),
            (false, Some(true)) => Some(DifferenceKind::NotPacked),
            (true, None) => Some(DifferenceKind::Unclear),
            _ => None,
        }
    }
}
