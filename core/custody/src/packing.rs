//! Packings that cannot be: a unit in itself, and something in two units at once.
//!
//! The ledger knows lists by their digests alone, so the node admits such a packing. Whoever has the lists sees it: who is
//! about to sign one, and who judges a pack. No signature shows where the thing really is, so a pack of which this is
//! stated needs attention; whoever packed last is accountable, as the other unit was closed by then.

use countersign_ledger::{Hash, Subject, UnixMillis};

use crate::contents::Contents;
use crate::fault::Party;

/// Why a unit cannot be packed so.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackingFault {
    /// It would be in itself, directly or in a unit that it holds.
    #[error("the unit would be in itself")]
    Itself,
    /// Something on its list is in another unit that has not been opened.
    #[error("{what} is in {unit}, which has not been opened")]
    Elsewhere {
        /// What is in two units.
        what: Subject,
        /// The other unit.
        unit: Subject,
    },
}

/// Something that was packed where it cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misplaced {
    /// What is in two units, or in itself.
    pub what: Subject,
    /// The unit that was packed last.
    pub unit: Subject,
    /// The other one; the same if it is in itself.
    pub other: Subject,
    /// Who packed the last, and is accountable.
    pub packer: Party,
    /// When.
    pub at: UnixMillis,
    /// The packing.
    pub packing: Hash,
}

/// What is wrong with packing `packs` into `unit`, where the units in `closed` hold what their lists say.
pub fn packing_fault<'a>(
    unit: &Subject,
    packs: impl Iterator<Item = &'a Subject> + Clone,
    closed: &[(Subject, Contents)],
) -> Option<PackingFault> {
    let mut inside: Vec<&Subject> = packs.clone().collect();
    let mut seen: Vec<&Subject> = Vec::new();
    while let Some(one) = inside.pop() {
        if one == unit {
            return Some(PackingFault::Itself);
        }
        let lists = closed.iter().filter(|(other, _)| other == one);
        for (other, list) in lists {
            if !seen.contains(&other) {
                seen.push(other);
                inside.extend(list.packs());
            }
        }
    }
    let others = || closed.iter().filter(|(other, _)| other != unit);
    let mut packs = packs;
    packs.find_map(|what| {
        let (other, _) = others().find(|(_, list)| list.contains(what))?;
        Some(PackingFault::Elsewhere { what: what.clone(), unit: other.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(number: u64) -> Subject {
        Subject::new(format!("https://id.gs1.org/00/{number:018}")).unwrap()
    }

    fn holding(inside: &[u64]) -> Contents {
        Contents::new(inside.iter().map(|number| unit(*number))).unwrap()
    }

    #[test]
    fn a_unit_is_never_in_itself_nor_a_thing_in_two_units() {
        let closed = [(unit(2), holding(&[3])), (unit(3), holding(&[4])), (unit(5), holding(&[6]))];
        let fault = |into: u64, inside: &[u64]| packing_fault(&unit(into), holding(inside).packs(), &closed);
        assert_eq!(fault(1, &[1]), Some(PackingFault::Itself));
        assert_eq!(fault(4, &[2]), Some(PackingFault::Itself));
        assert_eq!(fault(1, &[6]), Some(PackingFault::Elsewhere { what: unit(6), unit: unit(5) }));
        assert_eq!(fault(1, &[2, 5]), None);
        // A list that is stated anew is the same unit's.
        assert_eq!(fault(5, &[6]), None);
    }

    #[test]
    fn lists_that_go_round_in_circles_end() {
        let closed = [(unit(2), holding(&[3])), (unit(3), holding(&[2]))];
        assert_eq!(
            packing_fault(&unit(1), holding(&[2]).packs(), &closed),
            Some(PackingFault::Elsewhere { what: unit(2), unit: unit(3) })
        );
    }
}
