//! The notary group: who may vote, with which weight, and who is master.

use std::cmp::Reverse;

use countersign_ledger::{Hash, Identity};

use crate::credit::{Credit, Ranking};

/// Most seats of a group: their rows fit one field of a statement.
pub const MAX_SEATS: usize = 24;
/// Transactions before credit says anything; until then the master is drawn by lot.
pub const WARM_UP: u64 = 20;
/// How long a master has before the next may act in its place.
pub const TAKE_OVER_MILLIS: u64 = 30_000;
/// Length of a seat's row: notary, domain, credit.
const ROW: usize = Hash::LEN + Hash::LEN + 2;

/// A notary in statements: the hash of its SPIFFE ID, since rows have a fixed length.
pub fn notary_id(identity: &Identity) -> Hash {
    Hash::framed("countersign/notary/v1", &[identity.as_str().as_bytes()])
}

/// A trust domain in statements.
pub fn domain_id(domain: &str) -> Hash {
    Hash::framed("countersign/domain/v1", &[domain.as_bytes()])
}

/// A seat in the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Whose: [`notary_id`].
    pub notary: Hash,
    /// Of which domain: [`domain_id`].
    pub domain: Hash,
    /// The weight of its vote.
    pub credit: Credit,
}

/// The notaries of highest credit, the highest first, and how many transactions their credit rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    seats: Vec<Seat>,
    transactions: u64,
}

/// A group with the statement that names it, as a motion links it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sitting {
    /// The statement.
    pub statement: Hash,
    /// The group.
    pub group: Group,
}

impl Group {
    /// The first `size` of a ranking, at most [`MAX_SEATS`].
    pub fn elected(ranking: &Ranking, size: usize, transactions: u64) -> Self {
        let seats = ranking.notaries.iter().take(size.min(MAX_SEATS)).map(|ranked| Seat {
            notary: ranked.id,
            domain: domain_id(&ranked.domain),
            credit: ranked.credit,
        });
        Self { seats: seats.collect(), transactions }
    }

    /// The first group, of notaries of whom nothing was seen yet; `None` unless there are 1 to [`MAX_SEATS`], each named
    /// once.
    pub fn founded<'a>(notaries: impl IntoIterator<Item = &'a Identity>) -> Option<Self> {
        let seat = |identity: &Identity| Seat {
            notary: notary_id(identity),
            domain: domain_id(identity.domain()),
            credit: Credit::INITIAL,
        };
        let mut seats: Vec<_> = notaries.into_iter().map(seat).collect();
        seats.sort_by_key(|seat| seat.notary);
        Self::from_rows(&Self { seats, transactions: 0 }.to_rows(), 0)
    }

    /// The seats, the highest credit first.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// How many transactions the credits rest on.
    pub const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// The number of a notary's seat.
    pub fn seat_of(&self, notary: Hash) -> Option<usize> {
        self.seats.iter().position(|seat| seat.notary == notary)
    }

    /// The weight of all votes together.
    pub fn total(&self) -> u64 {
        self.seats.iter().map(|seat| u64::from(seat.credit.hundredths())).sum()
    }

    /// The credit that speaks for a domain: that of its best notary in the group, none if it has none.
    pub fn credit_of(&self, domain: Hash) -> Credit {
        let of_domain = self.seats.iter().filter(|seat| seat.domain == domain);
        of_domain.map(|seat| seat.credit).max().unwrap_or_default()
    }

    /// How many take-overs it needs until this seat is master of a matter: zero for the master. By credit; before
    /// [`WARM_UP`] transactions by a lot that depends on the matter.
    pub fn turn(&self, seat: usize, matter: Hash) -> Option<u64> {
        let own = self.seats.get(seat)?;
        let lot = |seat: &Seat| Hash::framed("countersign/master/v1", &[&matter.0, &seat.notary.0]);
        let before = if self.transactions < WARM_UP {
            self.seats.iter().filter(|other| lot(other) < lot(own)).count()
        } else {
            seat
        };
        u64::try_from(before).ok()
    }

    /// The rows of a statement: each seat has its notary, its domain, and its credit in two bytes, big-endian.
    pub fn to_rows(&self) -> Vec<u8> {
        let row = |seat: &Seat| {
            [&seat.notary.0[..], &seat.domain.0, &seat.credit.hundredths().to_be_bytes()].concat()
        };
        self.seats.iter().flat_map(row).collect()
    }

    /// Reads rows; `None` unless there are 1 to [`MAX_SEATS`], no notary has two, and they are in the order of their
    /// credits, some of them above zero.
    pub fn from_rows(rows: &[u8], transactions: u64) -> Option<Self> {
        let (rows, rest) = rows.as_chunks::<ROW>();
        let seat = |row: &[u8; ROW]| {
            let credit = u16::from_be_bytes([row[ROW - 2], row[ROW - 1]]);
            Some(Seat {
                notary: Hash::from_slice(&row[..Hash::LEN])?,
                domain: Hash::from_slice(&row[Hash::LEN..ROW - 2])?,
                credit: Credit::new(credit)?,
            })
        };
        let seats = rows.iter().map(seat).collect::<Option<Vec<_>>>()?;
        let place = |seat: &Seat| (Reverse(seat.credit), seat.notary);
        let order = |pair: &[Seat]| place(&pair[0]) < place(&pair[1]);
        let twice = |at: usize| seats[..at].iter().any(|other| other.notary == seats[at].notary);
        let sound = rest.is_empty()
            && (1..=MAX_SEATS).contains(&seats.len())
            && seats[0].credit > Credit::default()
            && seats.windows(2).all(order)
            && !(0..seats.len()).any(twice);
        sound.then_some(Self { seats, transactions })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(credits: &[u16], transactions: u64) -> Group {
        let seat = |(at, credit): (usize, &u16)| Seat {
            notary: Hash([u8::try_from(at).unwrap(); 32]),
            domain: domain_id(["north.example", "south.example"][at % 2]),
            credit: Credit::new(*credit).unwrap(),
        };
        Group { seats: credits.iter().enumerate().map(seat).collect(), transactions }
    }

    #[test]
    fn the_best_is_master_and_the_next_takes_over() {
        let group = group(&[6000, 5500, 5000], WARM_UP);
        for matter in [Hash([1; 32]), Hash([2; 32])] {
            assert_eq!([0, 1, 2, 3].map(|seat| group.turn(seat, matter)), [Some(0), Some(1), Some(2), None]);
        }
        assert_eq!(
            (group.total(), group.seat_of(Hash([1; 32])), group.seat_of(Hash([9; 32]))),
            (16_500, Some(1), None)
        );
        let credit = |domain: &str| group.credit_of(domain_id(domain)).hundredths();
        assert_eq!(
            (credit("north.example"), credit("south.example"), credit("other.example")),
            (6000, 5500, 0)
        );
    }

    #[test]
    fn before_anything_was_seen_every_seat_is_master_as_often() {
        let group = group(&[6000; 5], WARM_UP - 1);
        let mut masters = [0; 5];
        for matter in 0..1000_u32 {
            let matter = Hash::of(&matter.to_be_bytes());
            let mut turns = [0, 1, 2, 3, 4].map(|seat| group.turn(seat, matter).unwrap());
            masters[turns.iter().position(|turn| *turn == 0).unwrap()] += 1;
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2, 3, 4], "each has a turn of its own");
        }
        assert!(masters.iter().all(|times| (150..250).contains(times)), "{masters:?}");
    }

    #[test]
    fn a_group_is_founded_by_newcomers_each_named_once() {
        let notary = |name: &str| Identity::new("north.example", "notary", name).unwrap();
        let (one, other) = (notary("n1"), notary("n2"));
        let founded = Group::founded([&one, &other]).unwrap();
        assert_eq!((founded.total(), founded.transactions()), (10_000, 0));
        assert_eq!(Group::founded([&other, &one]), Some(founded), "in whatever order they are named");
        assert_eq!((Group::founded([&one, &one]), Group::founded([])), (None, None));
    }

    #[test]
    fn rows_are_read_back_and_others_refused() {
        let good = group(&[6000, 5500, 5500, 10], 7);
        assert_eq!(Group::from_rows(&good.to_rows(), 7), Some(good.clone()));
        let refused = |group: &Group| Group::from_rows(&group.to_rows(), 7).is_none();
        assert!(
            refused(&group(&[], 7))
                && refused(&group(&[0, 0], 7))
                && refused(&group(&[10; MAX_SEATS + 1], 7))
        );
        assert!(refused(&group(&[5000, 5001], 7)), "not in order");
        let mut other = good.clone();
        other.seats[3].notary = other.seats[0].notary;
        assert!(refused(&other), "a notary has two");
        let mut other = good.clone();
        other.seats.swap(1, 2);
        assert!(refused(&other), "equal credits are not in the order of their ids");
        let mut rows = good.to_rows();
        assert!(Group::from_rows(&rows[1..], 7).is_none());
        rows[ROW - 2] = 0xff;
        assert!(Group::from_rows(&rows, 7).is_none(), "a credit above 100 %");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(rows in prop::collection::vec(any::<u8>(), 0..3 * ROW)) {
            if let Some(group) = Group::from_rows(&rows, 1) {
                prop_assert_eq!(group.to_rows(), rows);
            }
        }
    }
}
