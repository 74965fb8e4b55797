//! How a policy shares a secret (a monotone span program), and how shares of it are joined again.
//!
//! FAME is proved for policies in which no attribute recurs, and its ciphertext gives a share away where one does. So a policy is
//! first split into some without repetition whose disjunction it is, and each gets a ciphertext with randomness of its own.

use std::collections::BTreeMap;

use crate::attribute::{Attribute, Points, column};
use crate::curve::{Group as _, Scalar};
use crate::policy::{Node, PolicyError};

/// Most policies without repetition that one is split into.
const MAX_PARTS: usize = 16;
/// Most rows in all of them.
const MAX_ROWS: usize = 128;

/// Policies in which no attribute recurs and whose disjunction is `policy`.
///
/// By Shannon's expansion of a monotone formula: P = (x and P given x) or (P given not x), for the attribute x that recurs most,
/// the first in order among equals.
pub(crate) fn one_use(policy: &Node) -> Result<Vec<Node>, PolicyError> {
    let parts = split(policy, &mut { MAX_PARTS })?;
    let mut leaves = Vec::new();
    for part in &parts {
        part.leaves(&mut leaves);
    }
    if leaves.len() > MAX_ROWS { Err(PolicyError::TooRepetitive) } else { Ok(parts) }
}

/// `room` is how many parts there may still be, in all branches together, so that a refusal takes no longer than the rest.
fn split(policy: &Node, room: &mut usize) -> Result<Vec<Node>, PolicyError> {
    let mut part = |node: Node| {
        *room = room.checked_sub(1).ok_or(PolicyError::TooRepetitive)?;
        Ok(vec![node])
    };
    let Some(attribute) = most_repeated(policy) else { return part(policy.clone()) };
    let leaf = || Node::Leaf(attribute.clone());
    let mut parts = match given(policy, &attribute, true) {
        Value::Open(with) => {
            let rest = split(&with, room)?.into_iter();
            rest.map(|part| Node::gate(2, vec![leaf(), part])).collect()
        }
        Value::True => part(leaf())?,
        // A formula that something satisfies is satisfied by more.
        Value::False => Vec::new(),
    };
    if let Value::Open(without) = given(policy, &attribute, false) {
        parts.extend(split(&without, room)?);
    }
    Ok(parts)
}

fn most_repeated(policy: &Node) -> Option<Attribute> {
    let mut leaves = Vec::new();
    policy.leaves(&mut leaves);
    let mut counts: BTreeMap<&Attribute, usize> = BTreeMap::new();
    for leaf in leaves {
        *counts.entry(leaf).or_default() += 1;
    }
    // `max_by_key` takes the last of equals, so the order is turned around.
    let (attribute, count) = counts.into_iter().rev().max_by_key(|&(_, count)| count)?;
    (count > 1).then(|| attribute.clone())
}

enum Value {
    True,
    False,
    Open(Node),
}

/// `policy` where `attribute` is held, or is not.
fn given(policy: &Node, attribute: &Attribute, held: bool) -> Value {
    match policy {
        Node::Leaf(leaf) if leaf == attribute => {
            if held {
                Value::True
            } else {
                Value::False
            }
        }
        Node::Leaf(_) => Value::Open(policy.clone()),
        Node::Gate { threshold, branches } => {
            let (mut met, mut open) = (0, Vec::new());
            for branch in branches {
                match given(branch, attribute, held) {
                    Value::True => met += 1,
                    Value::False => {}
                    Value::Open(branch) => open.push(branch),
                }
            }
            match threshold.saturating_sub(met) {
                0 => Value::True,
                missing if missing > open.len() => Value::False,
                missing => Value::Open(Node::gate(missing, open)),
            }
        }
    }
}

/// The shares of one policy without repetition: a matrix over the integers whose rows belong to its attributes, in the order of
/// the text. The secret is the first column's.
#[derive(Clone)]
pub(crate) struct Sharing {
    policy: Node,
    rows: Vec<Row>,
}

/// A share: the attribute that it goes to, and what it is made of.
#[derive(Clone)]
pub(crate) struct Row {
    pub attribute: Attribute,
    /// (column, coefficient), where it is not zero.
    pub coefficients: Vec<(u16, i32)>,
}

impl Sharing {
    pub fn new(policy: Node) -> Self {
        let (mut rows, mut columns) = (Vec::new(), 1);
        share(&policy, vec![(0, 1)], &mut columns, &mut rows);
        Self { policy, rows }
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Rows that who holds these attributes may use, each with its factor: so many times the rows make the secret. As few as there are.
    pub fn join(&self, holds: &impl Fn(&Attribute) -> bool) -> Option<Vec<(usize, Scalar)>> {
        join(&self.policy, &mut 0, holds)
    }
}

fn share(policy: &Node, secret: Vec<(u16, i32)>, columns: &mut u16, rows: &mut Vec<Row>) {
    match policy {
        Node::Leaf(attribute) => rows.push(Row { attribute: attribute.clone(), coefficients: secret }),
        Node::Gate { threshold, branches } => {
            // This gate's columns; its branches' come after them.
            let first = *columns;
            let end = first + u16::try_from(threshold - 1).unwrap_or_default();
            *columns = end;
            for ((n, place), branch) in (0..).zip(1..).zip(branches) {
                let mut part = secret.clone();
                if *threshold == branches.len() {
                    // All: the first gets s + e1, the next -e1 + e2, ..., the last -en. Their sum is s.
                    if n > 0 {
                        part = vec![(first + n - 1, -1)];
                    }
                    part.extend((first + n < end).then_some((first + n, 1)));
                } else {
                    // Shamir: the value at `place` of s + e1 C(x, 1) + e2 C(x, 2) + ...: any polynomial of that degree, with
                    // small coefficients. For one of them it is s.
                    let values = (first..end).zip((1..).map(|k| binomial(place, k)));
                    part.extend(values.filter(|&(_, value)| value != 0));
                }
                share(branch, part, columns, rows);
            }
        }
    }
}

/// n choose k; at most 12,870 for the branches of a gate.
fn binomial(n: i32, k: i32) -> i32 {
    (0..k).fold(1, |value, i| value * (n - i).max(0) / (i + 1))
}

fn join(policy: &Node, row: &mut usize, holds: &impl Fn(&Attribute) -> bool) -> Option<Vec<(usize, Scalar)>> {
    match policy {
        Node::Leaf(attribute) => {
            let this = *row;
            *row += 1;
            holds(attribute).then(|| vec![(this, Scalar::from_u64(1))])
        }
        Node::Gate { threshold, branches } => {
            // Every branch is visited, since each has its rows.
            let joined: Vec<_> = branches.iter().map(|branch| join(branch, row, holds)).collect();
            let mut held: Vec<_> =
                (1..).zip(joined).filter_map(|(n, rows)| rows.map(|rows| (n, rows))).collect();
            held.sort_by_key(|(_, rows)| rows.len());
            held.truncate(*threshold);
            if held.len() < *threshold {
                return None;
            }
            if *threshold == 1 || *threshold == branches.len() {
                return Some(held.into_iter().flat_map(|(_, rows)| rows).collect());
            }
            let places: Vec<u64> = held.iter().map(|&(n, _)| n).collect();
            let weighted = held.into_iter().flat_map(|(n, rows)| {
                let factor = lagrange(n, &places);
                rows.into_iter().map(move |(row, weight)| (row, &weight * &factor))
            });
            Some(weighted.collect())
        }
    }
}

/// The weight of the value at `n` for that at 0, where the values at all `places` are known.
fn lagrange(n: u64, places: &[u64]) -> Scalar {
    let number = Scalar::from_u64;
    let others = || places.iter().filter(|&&place| place != n);
    let above = others().fold(number(1), |product, &place| &product * &number(place));
    let below = others().fold(number(1), |product, &place| &product * &(&number(place) + &-&number(n)));
    &above * &below.inverse()
}

impl Row {
    /// `H(x, l, t)` and the columns' points in its proportions: what the randomness of a ciphertext multiplies.
    pub fn base(&self, attribute: &Points) -> Points {
        let mut base = *attribute;
        for &(n, coefficient) in &self.coefficients {
            for (sums, points) in base.iter_mut().zip(&column(n)) {
                for (sum, point) in sums.iter_mut().zip(points) {
                    let multiple = point.times_small(u64::from(coefficient.unsigned_abs()));
                    *sum = sum.plus(&if coefficient < 0 { -&multiple } else { multiple });
                }
            }
        }
        base
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::policy::Policy;

    #[test]
    fn policies_of_the_vectors_are_split_and_shared_alike() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/abe/policy.json")).unwrap();
        for case in file["accepted"].as_array().unwrap() {
            let policy = Policy::parse(case["text"].as_str().unwrap()).unwrap();
            let row = |row: &super::Row| serde_json::json!({ "attribute": row.attribute.as_str(), "coefficients": row.coefficients });
            let rows = policy.sharings().iter().map(|sharing| sharing.rows().iter().map(row).collect());
            assert_eq!(
                rows.collect::<Vec<Value>>(),
                *case["expect"]["rows"].as_array().unwrap(),
                "{}",
                case["name"]
            );
        }
    }
}
