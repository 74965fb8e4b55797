//! What must not open, driven through the pairing equation itself: no test here rests on the check of the policy, nor on the
//! Fujisaki-Okamoto transform. That everything opens that should is tested elsewhere, and shows nothing of secrecy.

use std::collections::BTreeSet;

use super::*;
use crate::curve::tests::{outside_g1, outside_g2};
use crate::encapsulation::MASKED;
use crate::master_key::MasterKey;
use crate::policy::Policy;
use crate::sharing::Sharing;

/// Each gate, alone and in each other; attributes that recur.
const POLICIES: [&str; 14] = [
    "a: 1",
    "a: 1 and b: 1",
    "a: 1 or b: 1",
    "a: 1 and b: 1 and c: 1 and d: 1",
    "2 of (a: 1, b: 1, c: 1)",
    "3 of (a: 1, b: 1, c: 1, d: 1)",
    "a: 1 and (b: 1 or c: 1)",
    "(a: 1 and b: 1) or (c: 1 and d: 1)",
    "a: 1 and 2 of (b: 1, c: 1, d: 1)",
    "2 of (a: 1 and b: 1, c: 1, d: 1 or e: 1)",
    "2 of (2 of (a: 1, b: 1, c: 1), d: 1, e: 1)",
    "(a: 1 and b: 1) or (a: 1 and c: 1)",
    "(a: 1 or b: 1) and (b: 1 or c: 1) and (c: 1 or a: 1)",
    "2 of (a: 1, a: 1, b: 1, c: 1 and b: 1)",
];

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

fn attribute(text: &str) -> Attribute {
    text.parse().unwrap()
}

/// All sets of some attributes.
fn subsets(all: &BTreeSet<Attribute>) -> impl Iterator<Item = BTreeSet<Attribute>> {
    (0..1_u32 << all.len()).map(move |chosen| {
        all.iter().enumerate().filter(|(n, _)| chosen >> n & 1 == 1).map(|(_, one)| one.clone()).collect()
    })
}

/// The sets that do not satisfy `policy`, but would with any attribute more.
fn maximal_unauthorised(policy: &Policy) -> Vec<BTreeSet<Attribute>> {
    let all = policy.attributes();
    let with = |set: &BTreeSet<Attribute>, more: &Attribute| {
        let mut set = set.clone();
        set.insert(more.clone());
        set
    };
    subsets(&all)
        .filter(|set| !policy.is_satisfied_by(set))
        .filter(|set| all.difference(set).all(|more| policy.is_satisfied_by(&with(set, more))))
        .collect()
}

/// A key for `set`, and for an attribute that no policy here names.
fn key(master: &MasterKey, set: &BTreeSet<Attribute>, random: u8) -> SecretKey {
    let mut set = set.clone();
    set.insert(attribute("unrelated: yes"));
    master.issue(&set, &[random; 32]).unwrap()
}

/// What the pairing equation says for these rows, elements and factors.
fn equation(key: &SecretKey, part: &[u8], used: &[(usize, [G1; 3], Scalar)]) -> Option<Vec<u8>> {
    let used = used.iter().map(|(row, element, factor)| (*row, element, factor));
    key.secret(part, used).map(|secret| secret.to_bytes().to_vec())
}

/// The secret of each part, found by who holds everything.
fn secrets(master: &MasterKey, encapsulation: &Encapsulation) -> Vec<Vec<u8>> {
    let whole = key(master, &encapsulation.policy().attributes(), 99);
    let parts = encapsulation.policy().sharings().iter().zip(encapsulation.parts());
    parts
        .map(|(sharing, part)| {
            let rows = sharing.join(&|_| true).unwrap();
            let used: Vec<_> = rows
                .into_iter()
                .map(|(row, factor)| (row, whole.elements[&sharing.rows()[row].attribute], factor))
                .collect();
            equation(&whole, part, &used).unwrap()
        })
        .collect()
}

/// Whether some factors make (1, 0, 0, ...) of the rows that `held` has: elimination, which knows nothing of gates.
fn spans_secret(sharing: &Sharing, held: &BTreeSet<Attribute>) -> bool {
    let rows: Vec<_> = sharing.rows().iter().filter(|row| held.contains(&row.attribute)).collect();
    let columns = sharing.rows().iter().flat_map(|row| &row.coefficients).map(|&(column, _)| column).max();
    let zero = || Scalar::from_u64(0);
    let number = |n: i32| {
        let size = Scalar::from_u64(u64::from(n.unsigned_abs()));
        if n < 0 { -&size } else { size }
    };
    // An equation for each column: its entries in the rows, and what they should come to.
    let mut system: Vec<Vec<Scalar>> = (0..=columns.unwrap())
        .map(|column| {
            let entry = |row: &&crate::sharing::Row| {
                row.coefficients.iter().find(|(at, _)| *at == column).map_or_else(zero, |&(_, n)| number(n))
            };
            rows.iter().map(entry).chain([number(i32::from(column == 0))]).collect()
        })
        .collect();
    let mut line = 0;
    for unknown in 0..rows.len() {
        let Some(pivot) = (line..system.len()).find(|&at| system[at][unknown] != zero()) else { continue };
        system.swap(line, pivot);
        let inverse = system[line][unknown].inverse();
        let first: Vec<_> = system[line].iter().map(|value| value * &inverse).collect();
        for other in (0..system.len()).filter(|&other| other != line) {
            let factor = -&system[other][unknown];
            system[other] = system[other].iter().zip(&first).map(|(a, b)| a + &(&factor * b)).collect();
        }
        system[line] = first;
        line += 1;
    }
    system[line..].iter().all(|equation| *equation.last().unwrap() == zero())
}

#[test]
fn shares_hold_the_secret_for_authorised_sets_and_for_no_others() {
    for text in POLICIES {
        let policy = policy(text);
        for set in subsets(&policy.attributes()) {
            let spanned = policy.sharings().iter().any(|sharing| spans_secret(sharing, &set));
            assert_eq!(spanned, policy.is_satisfied_by(&set), "{text}: {set:?}");
            let joined =
                policy.sharings().iter().any(|sharing| sharing.join(&|one| set.contains(one)).is_some());
            assert_eq!(joined, policy.is_satisfied_by(&set), "{text}: {set:?}");
        }
    }
}

#[test]
fn no_maximal_unauthorised_set_makes_the_secret_of_any_rows() {
    let master = MasterKey::new(&[1; 32]);
    for text in POLICIES {
        let (encapsulation, _) = master.public_key().encapsulate(&policy(text), &[7; 32]);
        let secrets = secrets(&master, &encapsulation);
        for set in maximal_unauthorised(encapsulation.policy()) {
            let key = key(&master, &set, 2);
            let sharings = encapsulation.policy().sharings().iter();
            for ((sharing, part), secret) in sharings.zip(encapsulation.parts()).zip(&secrets) {
                let rows = sharing.rows();
                // The factors with which somebody joins these rows who may, and one each.
                let right = sharing.join(&|_| true).unwrap();
                let factor_of =
                    |row: usize| right.iter().find(|(at, _)| *at == row).map(|(_, factor)| factor.clone());
                // For an attribute that the key lacks: no element, and that of an attribute that it has.
                let unrelated = key.elements[&attribute("unrelated: yes")];
                for missing in [[G1::ZERO; 3], unrelated] {
                    for chosen in 1..1_usize << rows.len() {
                        for right in [false, true] {
                            let used: Vec<_> = (0..rows.len())
                                .filter(|row| chosen >> row & 1 == 1)
                                .map(|row| {
                                    let element =
                                        key.elements.get(&rows[row].attribute).copied().unwrap_or(missing);
                                    let factor = factor_of(row).filter(|_| right);
                                    (row, element, factor.unwrap_or_else(|| Scalar::from_u64(1)))
                                })
                                .collect();
                            let told = equation(&key, part, &used);
                            assert_ne!(told.as_ref(), Some(secret), "{text}: {set:?} by rows {chosen:b}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_equation_of_the_tests_opens_for_who_may() {
    // Else the tests above would hold of an equation that never opens.
    let master = MasterKey::new(&[1; 32]);
    for text in POLICIES {
        let (encapsulation, _) = master.public_key().encapsulate(&policy(text), &[7; 32]);
        let secrets = secrets(&master, &encapsulation);
        for ((n, part), secret) in (0..).zip(encapsulation.parts()).zip(secrets) {
            let secret = Gt::parse(&secret.try_into().unwrap()).unwrap();
            let mask = master.public_key().mask(&secret, encapsulation.policy().as_str(), n);
            assert!(part[PART_HEAD - MASKED..].iter().zip(&*mask).all(|(masked, mask)| masked ^ mask == 7));
        }
    }
}

#[test]
fn two_users_who_pool_their_keys_open_nothing_more() {
    let master = MasterKey::new(&[1; 32]);
    let both = policy("a: 1 and b: 1");
    let (encapsulation, _) = master.public_key().encapsulate(&both, &[7; 32]);
    let secret = secrets(&master, &encapsulation).remove(0);
    let part = encapsulation.parts().next().unwrap();
    // Also where the issuer repeated its random bytes.
    for random in [2, 3] {
        let first = key(&master, &[attribute("a: 1")].into(), 2);
        let second = key(&master, &[attribute("b: 1")].into(), random);
        let (a, b) = (first.elements[&attribute("a: 1")], second.elements[&attribute("b: 1")]);
        let one = || Scalar::from_u64(1);
        for (k0, k) in [(&first, &first), (&first, &second), (&second, &first), (&second, &second)] {
            let mixed = SecretKey::new(&first.public_key, &k0.k0, &k.k, BTreeMap::new());
            for used in [vec![(0, a, one()), (1, b, one())], vec![(0, a, one())], vec![(1, b, one())]] {
                assert_ne!(equation(&mixed, part, &used).as_ref(), Some(&secret));
            }
        }
        let pooled = SecretKey::new(
            &first.public_key,
            &first.k0,
            &first.k,
            [(attribute("a: 1"), a), (attribute("b: 1"), b)].into(),
        );
        assert_eq!(pooled.decapsulate(master.public_key(), &encapsulation), Err(DecapsulateError::Refused));
    }
}

#[test]
fn an_element_for_one_attribute_is_none_for_another() {
    let master = MasterKey::new(&[1; 32]);
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1"), &[7; 32]);
    let secret = secrets(&master, &encapsulation).remove(0);
    let part = encapsulation.parts().next().unwrap();
    let others: BTreeSet<_> = (0..6).map(|n| attribute(&format!("guest: {n}"))).collect();
    let guest = key(&master, &others, 2);
    // Alone, each pair of them, and all: with a hash whose logarithms are known, six would be enough to make any other.
    let elements: Vec<_> = guest.elements.values().copied().collect();
    let plus = |a: &[G1; 3], b: &[G1; 3]| -> [G1; 3] { std::array::from_fn(|l| a[l].plus(&b[l])) };
    let sum = elements.iter().fold([G1::ZERO; 3], |sum, element| plus(&sum, element));
    let pairs = elements.iter().flat_map(|a| elements.iter().map(|b| plus(a, b)));
    for element in pairs.chain(elements.iter().copied()).chain([sum]) {
        assert_ne!(equation(&guest, part, &[(0, element, Scalar::from_u64(1))]).as_ref(), Some(&secret));
    }
}

#[test]
fn no_attribute_recurs_under_one_randomness() {
    let master = MasterKey::new(&[1; 32]);
    for text in POLICIES {
        let (encapsulation, _) = master.public_key().encapsulate(&policy(text), &[7; 32]);
        let heads: BTreeSet<_> =
            encapsulation.parts().map(|part| part[..PART_HEAD - MASKED].to_vec()).collect();
        assert_eq!(heads.len(), encapsulation.policy().sharings().len(), "{text}");
        for sharing in encapsulation.policy().sharings() {
            let attributes: BTreeSet<_> = sharing.rows().iter().map(|row| &row.attribute).collect();
            assert_eq!(attributes.len(), sharing.rows().len(), "{text}");
        }
    }
}

#[test]
fn parts_must_hold_the_same_seed() {
    // A sender who hides one seed from some and another from others is refused by both.
    let master = MasterKey::new(&[1; 32]);
    let either = policy("(a: 1 and b: 1) or (a: 1 and c: 1) or (b: 1 and c: 1)");
    assert!(either.sharings().len() > 1);
    let [(one, _), (other, _)] = [7, 8].map(|seed| master.public_key().encapsulate(&either, &[seed; 32]));
    let parts = |from: &Encapsulation| from.parts().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let head = one.as_bytes().len() - parts(&one).concat().len();
    let mixed = [&one.as_bytes()[..head], &parts(&one)[0], &parts(&other)[1..].concat()].concat();
    let mixed = Encapsulation::parse(&mixed).unwrap();
    for set in [["a: 1", "b: 1"], ["a: 1", "c: 1"], ["b: 1", "c: 1"]] {
        let key = key(&master, &set.map(attribute).into(), 2);
        assert!(key.decapsulate(master.public_key(), &one).is_ok());
        assert_eq!(key.decapsulate(master.public_key(), &mixed), Err(DecapsulateError::Refused), "{set:?}");
    }
}

#[test]
fn points_outside_their_groups_are_never_paired() {
    let master = MasterKey::new(&[1; 32]);
    let key = key(&master, &[attribute("a: 1")].into(), 2);
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1"), &[7; 32]);
    let part = encapsulation.parts().next().unwrap();
    let used = [(0, key.elements[&attribute("a: 1")], Scalar::from_u64(1))];
    assert!(equation(&key, part, &used).is_some());
    let mut infinity = vec![0; 96];
    infinity[0] = 0xc0;
    for (at, point) in [
        (0, outside_g2().to_vec()),
        (96, infinity.clone()),
        (192, vec![0xff; 96]),
        (PART_HEAD, outside_g1().to_vec()),
        (PART_HEAD + 48, infinity[..48].to_vec()),
        (PART_HEAD + 96, vec![0xff; 48]),
    ] {
        let mut part = part.to_vec();
        part[at..at + point.len()].copy_from_slice(&point);
        assert!(equation(&key, &part, &used).is_none(), "at {at}");
    }
}
