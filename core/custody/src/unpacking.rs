//! A logistic unit that was opened: what came out of it, beside what is stated to have gone in.
//!
//! Two people have signed a list each: whoever packed the unit, and whoever held it last and opened it. Where the lists
//! differ, one of the two has miscounted, or something was taken out or put in on the way; which, no signature tells. So it
//! asks for attention and makes no potential suspect: nothing shows that a pack is not what it says. Whoever opened the
//! unit answers, who took it as it was and signs for what was in it. It is no accusation of those who had it before, who
//! handed on something closed. A pack that is on both lists is not touched by it.

use std::fmt;

use countersign_ledger::{Hash, Placed, Subject, UnixMillis};

use crate::contents::{Contents, Opened};
use crate::fault::Party;

/// How many packs are named; of any more it is told how many there are.
const MOST_NAMED: usize = 8;

/// Something that went into a unit and did not come out, or came out and had not gone in, as far as two lists tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The unit.
    pub unit: Subject,
    /// What differs: the pack, or the unit in which it is.
    pub what: Subject,
    /// How.
    pub kind: DifferenceKind,
    /// How many packs went in, and how many came out.
    pub opened: Opened,
    /// What went in and did not come out; `None` if the list of what came out is not here.
    pub missing: Option<Few>,
    /// What came out and had not gone in.
    pub added: Option<Few>,
    /// Who opened it, and answers for it.
    pub opener: Party,
    /// When.
    pub at: UnixMillis,
    /// The packing.
    pub packing: Hash,
    /// The opening.
    pub unpacking: Hash,
}

/// What two lists that differ say of one thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DifferenceKind {
    /// It went in and did not come out.
    NotUnpacked,
    /// It came out and had not gone in.
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
    /// What is on one list and not on the other.
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

/// A unit that was opened, and out of which something else came than went in.
#[derive(Clone, Debug)]
pub(crate) struct Unpacking {
    opened: Opened,
    opener: Party,
    at: UnixMillis,
    packing: Hash,
    unpacking: Hash,
    /// The list of what came out.
    out: Option<Contents>,
}

impl Unpacking {
    /// `None` if the two lists are one.
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
            packing: packing.id(),
            unpacking: unpacking.id(),
            out: lists.iter().find(|list| list.is_of(unpacking)).cloned(),
        })
    }

    /// What differs of one thing that went into a unit or came out of it; `None` if it is on both lists or on neither.
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
            packing: self.packing,
            unpacking: self.unpacking,
        })
    }

    /// What the lists say of one thing, if it is not on both or on neither.
    pub(crate) fn kind(&self, packed: &Contents, what: &Subject) -> Option<DifferenceKind> {
        match (packed.contains(what), self.out.as_ref().map(|out| out.contains(what))) {
            (true, Some(false)) => Some(DifferenceKind::NotUnpacked),
            (false, Some(true)) => Some(DifferenceKind::NotPacked),
            (true, None) => Some(DifferenceKind::Unclear),
            _ => None,
        }
    }
}
