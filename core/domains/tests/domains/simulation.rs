//! Thirty notaries of three domains, some of whom vote for one another only: what their credits become.
//!
//! The model is our reconstruction; the paper's table and figures are in no copy that we have. Ten trusted nodes are
//! fast and there, fourteen ordinary ones slower; six malicious ones do as the ordinary do, and give half of their
//! votes to themselves and half to an accomplice. Twelve of those who are there take part in each transaction and see
//! one another's work.

#![allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a simulation, in numbers that no notary computes with; tests and bench use parts of it"
)]

use std::collections::BTreeMap;

use countersign_domains::{Candidate, Conduct, Ranking, rank};
use countersign_ledger::Hash;

pub const NODES: usize = 30;
/// The accomplice of all malicious nodes but itself.
pub const LEADER: usize = 24;
const COMMITTEE: usize = 12;

/// A class of nodes: its first and the one after its last; mean and deviation of times in milliseconds; how often it
/// succeeds, and is there.
#[derive(Clone, Copy)]
struct Class {
    nodes: (usize, usize),
    processing: (f64, f64),
    transport: (f64, f64),
    success: f64,
    online: f64,
}

fn classes(success_of_malicious: f64) -> [Class; 3] {
    let class = |nodes, processing, transport, success, online| Class {
        nodes,
        processing,
        transport,
        success,
        online,
    };
    [
        class((0, 10), (20.0, 4.0), (15.0, 3.0), 0.995, 0.99),
        class((10, LEADER), (60.0, 15.0), (40.0, 10.0), 0.97, 0.93),
        class((LEADER, NODES), (60.0, 15.0), (40.0, 10.0), success_of_malicious, 0.90),
    ]
}

/// `SplitMix64`: the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        f64::from((self.next() >> 32) as u32) / 4_294_967_296.0
    }

    /// About normal, never below zero: the sum of twelve.
    fn about(&mut self, (mean, deviation): (f64, f64)) -> u32 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        (mean + deviation * (sum - 6.0)).max(0.0).round() as u32
    }
}

/// What is seen in a run.
pub struct World {
    random: Random,
    classes: [Class; 3],
    conducts: Vec<Conduct>,
    /// What one node saw of another: how often, and the sum of its efficiency.
    seen: Vec<Vec<(f64, f64)>>,
}

impl World {
    pub fn new(seed: u64, success_of_malicious: f64) -> Self {
        Self {
            random: Random(seed),
            classes: classes(success_of_malicious),
            conducts: vec![Conduct::default(); NODES],
            seen: vec![vec![(0.0, 0.0); NODES]; NODES],
        }
    }

    fn class(&self, node: usize) -> Class {
        let class = self.classes.iter().find(|class| node < class.nodes.1);
        *class.unwrap()
    }

    /// One more transaction.
    pub fn transact(&mut self) {
        let mut there = Vec::new();
        for node in 0..NODES {
            let online = self.random.unit() < self.class(node).online;
            self.conducts[node].asked(online);
            if online {
                there.push(node);
            }
        }
        for at in (1..there.len()).rev() {
            let other = self.random.next() as usize % (at + 1);
            there.swap(at, other);
        }
        there.truncate(COMMITTEE);
        for &node in &there {
            let class = self.class(node);
            let (processing, transport) =
                (self.random.about(class.processing), self.random.about(class.transport));
            let served = self.random.unit() < class.success;
            let efficiency = if served {
                self.conducts[node].served(processing, transport);
                100.0 / (100.0 + f64::from(processing + transport))
            } else {
                self.conducts[node].failed();
                0.0
            };
            for &other in there.iter().filter(|other| **other != node) {
                let (times, sum) = self.seen[other][node];
                self.seen[other][node] = (times + 1.0, sum + efficiency);
            }
        }
    }

    /// Whom a node gives how much.
    fn votes(&self, from: usize) -> Vec<(usize, u32)> {
        if from >= LEADER {
            let accomplice = if from == LEADER { LEADER + 1 } else { LEADER };
            return vec![(from, 500_000), (accomplice, 500_000)];
        }
        let vote = |to: usize| {
            // Of somebody unknown it is taken that they are of middling quality: as if that had been seen twice.
            let (times, sum) = self.seen[from][to];
            let quality = (sum + 2.0 * 0.5) / (times + 2.0);
            (to, ((quality - 0.25).max(0.0).powi(2) * 1e6).round() as u32)
        };
        (0..NODES).filter(|to| *to != from).map(vote).collect()
    }

    pub fn ranking(&self) -> Ranking {
        let candidate = |node: usize| Candidate {
            id: id(node),
            domain: format!("d{}", node % 3),
            conduct: self.conducts[node],
            votes: self.votes(node).into_iter().map(|(to, vote)| (id(to), vote)).collect(),
        };
        rank(&(0..NODES).map(candidate).collect::<Vec<_>>()).unwrap()
    }

    /// Classic `PageRank` over the same votes: an even split among whom one votes for, oneself among them. Here to show
    /// the attack.
    pub fn classic(&self) -> Vec<f64> {
        let votes: Vec<Vec<usize>> = (0..NODES)
            .map(|from| {
                self.votes(from).into_iter().filter(|(_, vote)| *vote > 0).map(|(to, _)| to).collect()
            })
            .collect();
        let mut ranks = vec![1.0 / NODES as f64; NODES];
        for _ in 0..100 {
            let mut next = vec![0.15 / NODES as f64; NODES];
            for (from, to) in votes.iter().enumerate() {
                for one in to {
                    next[*one] += 0.85 * ranks[from] / to.len() as f64;
                }
            }
            ranks = next;
        }
        ranks
    }
}

fn id(node: usize) -> Hash {
    Hash::of(&node.to_be_bytes())
}

/// Percentages by node.
pub fn credits(ranking: &Ranking) -> Vec<f64> {
    let by_id: BTreeMap<Hash, f64> =
        ranking.notaries.iter().map(|one| (one.id, f64::from(one.credit.hundredths()) / 100.0)).collect();
    (0..NODES).map(|node| by_id[&id(node)]).collect()
}

/// Means of trusted, ordinary and malicious nodes.
pub fn means(credits: &[f64]) -> [f64; 3] {
    classes(0.0).map(|class| {
        let of = &credits[class.nodes.0..class.nodes.1];
        of.iter().sum::<f64>() / of.len() as f64
    })
}

/// How many nodes are before one.
pub fn place(credits: &[f64], node: usize) -> usize {
    credits.iter().filter(|credit| **credit > credits[node]).count() + 1
}
