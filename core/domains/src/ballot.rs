//! Ballots of the notary group: who voted, with which weight, and whether a motion is carried.
//!
//! A motion is carried by more than two thirds of the credit of the whole group, each seat counted once. It needs no
//! master: whoever has a seat votes by a statement of their own, so a master who says nothing holds nothing up.
//!
//! ```cddl
//! notary-vote = { "seat" => 0..23, "credit" => 0..10000, "yes" => 0 / 1 }       ; links the group
//! ```

use countersign_ledger::cbor::Written;
use countersign_ledger::{Draft, Fields, Hash, Subject, UnixMillis, Verified};
use minicbor::{Decoder, Encoder};

use crate::credit::Credit;
use crate::group::MAX_SEATS;
use crate::rules::{VOTE, draft};

/// How long a ballot is open.
pub const BALLOT_MILLIS: u64 = 10 * 60 * 1000;

/// A ballot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ballot {
    /// The statement that names the group.
    pub group: Hash,
    /// When it was opened, by who proposed the motion.
    pub opened: UnixMillis,
    total: u64,
    yes: u64,
    no: u64,
    /// A bit for each seat that has voted.
    voted: u64,
}

/// What votes weigh, in hundredths of a percent of credit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Those for the motion.
    pub yes: u64,
    /// Those against it.
    pub no: u64,
    /// All that the group has.
    pub total: u64,
}

/// How a ballot stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// More votes are needed.
    Open,
    /// More than two thirds said yes.
    Carried,
    /// More than two thirds can no longer say yes.
    Lost,
}

impl Ballot {
    /// A ballot of the group that the statement `group` names, whose votes weigh `total` together.
    pub const fn open(group: Hash, total: u64, opened: UnixMillis) -> Self {
        Self { group, opened, total, yes: 0, no: 0, voted: 0 }
    }

    /// How it stands.
    pub const fn standing(&self) -> Standing {
        if self.yes.saturating_mul(3) > self.total.saturating_mul(2) {
            Standing::Carried
        } else if self.no.saturating_mul(3) >= self.total {
            Standing::Lost
        } else {
            Standing::Open
        }
    }

    /// The weights of the votes for and against, and of all that there could be.
    pub const fn tally(&self) -> Tally {
        Tally { yes: self.yes, no: self.no, total: self.total }
    }

    /// Whether its time is over.
    pub const fn has_lapsed(&self, at: UnixMillis) -> bool {
        at.since(self.opened) > BALLOT_MILLIS
    }

    /// Whether a seat has voted.
    pub const fn has_voted(&self, seat: usize) -> bool {
        seat < MAX_SEATS && self.voted >> seat & 1 == 1
    }

    /// Counts a vote. A second one of the same seat is none, and neither is one of a seat that there is not.
    pub(crate) fn count(&mut self, vote: Vote) {
        if vote.seat >= MAX_SEATS || self.has_voted(vote.seat) {
            return;
        }
        self.voted |= 1 << vote.seat;
        let weight = u64::from(vote.credit.hundredths());
        let side = if vote.yes { &mut self.yes } else { &mut self.no };
        *side = side.saturating_add(weight);
    }

    pub(crate) fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(6)?.bytes(self.group.as_bytes())?.u64(self.opened.0)?.u64(self.total)?;
        e.u64(self.yes)?.u64(self.no)?.u64(self.voted)?.ok()
    }

    pub(crate) fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        (d.array().ok()? == Some(6)).then_some(())?;
        Some(Self {
            group: Hash::from_slice(d.bytes().ok()?)?,
            opened: UnixMillis(d.u64().ok()?),
            total: sum(d)?,
            yes: sum(d)?,
            no: sum(d)?,
            voted: d.u64().ok()?,
        })
    }
}

/// A sum of credits: no group's is larger.
fn sum(d: &mut Decoder<'_>) -> Option<u64> {
    let most = MAX_SEATS as u64 * u64::from(Credit::MAX.hundredths());
    d.u64().ok().filter(|sum| *sum <= most)
}

/// A notary's vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote {
    /// The seat.
    pub seat: usize,
    /// Its credit in the group of the ballot.
    pub credit: Credit,
    /// For the motion, or against it.
    pub yes: bool,
}

impl Vote {
    /// The vote as a statement: on the motion's subject, after the latest statement there.
    pub fn draft(&self, subject: &Subject, prev: Hash, group: Hash) -> Draft {
        let fields = Fields::new()
            .with("seat", self.seat as u64)
            .with("credit", u64::from(self.credit.hundredths()))
            .with("yes", u64::from(self.yes));
        draft(VOTE, subject.clone(), fields, Some(prev), vec![group])
    }

    /// Reads a vote; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let yes = fields.uint("yes")?;
        Some(Self {
            seat: usize::try_from(fields.uint("seat")?).ok().filter(|seat| *seat < MAX_SEATS)?,
            credit: Credit::new(u16::try_from(fields.uint("credit")?).ok()?)?,
            yes: (yes < 2).then_some(yes == 1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use countersign_ledger::cbor::encode;
    use proptest::prelude::*;

    use super::*;

    fn vote(seat: usize, credit: u16, yes: bool) -> Vote {
        Vote { seat, credit: Credit::new(credit).unwrap(), yes }
    }

    fn ballot(total: u64) -> Ballot {
        Ballot::open(Hash([1; 32]), total, UnixMillis(7))
    }

    #[test]
    fn exactly_two_thirds_are_not_enough() {
        let mut ballot = ballot(9000);
        ballot.count(vote(0, 3000, true));
        ballot.count(vote(1, 3000, true));
        assert_eq!(ballot.standing(), Standing::Open);
        ballot.count(vote(2, 1, true));
        assert_eq!(ballot.standing(), Standing::Carried);
    }

    #[test]
    fn a_third_against_is_the_end_of_it() {
        let mut ballot = ballot(9000);
        ballot.count(vote(0, 2999, false));
        assert_eq!(ballot.standing(), Standing::Open);
        ballot.count(vote(1, 1, false));
        assert_eq!(ballot.standing(), Standing::Lost);
    }

    #[test]
    fn a_seat_counts_once_however_often_it_signs() {
        let mut ballot = ballot(9000);
        (0..5).for_each(|_| ballot.count(vote(3, 4000, true)));
        assert_eq!(
            (ballot.standing(), ballot.has_voted(3), ballot.has_voted(2)),
            (Standing::Open, true, false)
        );
        assert!(
            !ballot.has_lapsed(UnixMillis(7 + BALLOT_MILLIS))
                && ballot.has_lapsed(UnixMillis(8 + BALLOT_MILLIS))
        );
    }

    proptest! {
        #[test]
        fn it_is_carried_as_soon_as_two_thirds_are_passed_whatever_the_order(
            votes in prop::collection::vec((0_usize..MAX_SEATS, 1_u16..=10_000, any::<bool>()), 0..60),
        ) {
            let credit = |seat: usize| votes.iter().find(|vote| vote.0 == seat).map_or(5000, |vote| vote.1);
            let total = (0..MAX_SEATS).map(|seat| u64::from(credit(seat))).sum();
            let mut ballot = ballot(total);
            let (mut said, mut yes, mut no) = (Vec::new(), 0, 0);
            for (seat, _, says) in &votes {
                ballot.count(vote(*seat, credit(*seat), *says));
                if !said.contains(seat) {
                    said.push(*seat);
                    *(if *says { &mut yes } else { &mut no }) += u64::from(credit(*seat));
                }
                let carried = 3 * yes > 2 * total;
                prop_assert_eq!(ballot.standing() == Standing::Carried, carried);
                prop_assert_eq!(ballot.standing() == Standing::Lost, 3 * (total - no) <= 2 * total);
            }
            let bytes = encode(|e| ballot.encode(e));
            prop_assert_eq!(Ballot::decode(&mut Decoder::new(&bytes)), Some(ballot));
        }
    }
}
