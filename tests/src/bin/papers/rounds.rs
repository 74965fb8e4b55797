//! S001's four phases as workloads: a transaction is one message of the phase, which is one statement of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_wallet::Client;

use crate::Outcome;
use crate::load::{Lane, Pace, Sent};
use crate::parties::{Item, Parties};
use crate::processes::{Process, SENDERS, Used};
use crate::published::{LUXURY_PHASES, ROUNDS, Round};
use crate::schemes::{class, luxury, record};

/// A round of ours, beside theirs.
pub struct Measured {
    pub phase: &'static str,
    pub theirs: &'static Round,
    pub transactions: u32,
    pub pace: Pace,
    pub result: Summary,
    pub node: Used,
    pub clients: Used,
}

/// What became of a round's statements.
pub struct Summary {
    pub succeeded: u32,
    /// How many were not recorded, by the reason.
    pub refusals: BTreeMap<String, u32>,
    /// Really sent a second.
    pub sent: f64,
    /// Least, mean, most, of those recorded.
    pub latency: [Duration; 3],
    /// Recorded a second, from when the first was due to the last answer.
    pub throughput: f64,
}

impl Summary {
    pub fn of(sent: &[Sent]) -> Self {
        let mut refusals = BTreeMap::new();
        for refusal in sent.iter().filter_map(|one| one.refusal.clone()) {
            *refusals.entry(refusal).or_insert(0) += 1;
        }
        let recorded: Vec<&Sent> = sent.iter().filter(|one| one.refusal.is_none()).collect();
        let latencies = || recorded.iter().map(|one| one.latency());
        let succeeded = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
        let mean = latencies().sum::<Duration>().checked_div(succeeded).unwrap_or_default();
        let edge = |edge: Option<Duration>| edge.unwrap_or_default();
        let sending = edge(sent.iter().map(|one| one.at).max());
        let whole = edge(recorded.iter().map(|one| one.answered).max());
        let all = u32::try_from(sent.len()).unwrap_or(u32::MAX);
        let rate = |count: u32, during: Duration| f64::from(count) / during.as_secs_f64().max(1e-9);
        Self {
            succeeded,
            refusals,
            // The first goes at nought: so many follow it.
            sent: rate(all.saturating_sub(1), sending),
            latency: [edge(latencies().min()), mean, edge(latencies().max())],
            throughput: rate(succeeded, whole),
        }
    }
}

/// What the four phases need, in a ledger of real processes.
pub struct Stage<'a> {
    parties: &'a Parties,
    node: &'a Process,
    clients: &'a mut Process,
    /// A class that may be made, an order of it, and the lot that was made for it.
    licensed: Item,
    lot: Item,
    /// How many classes, orders and pieces there have been.
    numbered: u32,
}

/// The serials of the lot.
const PIECES: u32 = 10_000;

impl<'a> Stage<'a> {
    /// Records what must be there before the first phase is measured, which opens the clients' connections as well.
    pub fn new(
        parties: &'a Parties,
        client: &Client,
        node: &'a Process,
        clients: &'a mut Process,
    ) -> Outcome<Self> {
        let (mut licensed, mut order) = (Item::new(class(0))?, Item::new("urn:example:order:0")?);
        let mut lot = Item::new(format!("{}/10/L1", class(0)))?;
        luxury::design(parties, &mut licensed)?;
        luxury::evaluation(parties, &mut licensed)?;
        luxury::ordering(parties, &mut order, &licensed)?;
        let serials = luxury::serials(PIECES)?;
        luxury::commission(parties, &mut lot, [&licensed, &order], &serials)?;
        for item in [&licensed, &order, &lot] {
            record(client, item, serials.filter_bytes())?;
        }
        let mut stage = Self { parties, node, clients, licensed, lot, numbered: 1 };
        let (before, lanes) = stage.workload(0, 4 * u32::try_from(SENDERS)?)?;
        stage.record(&before)?;
        stage.record(&lanes)?;
        Ok(stage)
    }

    /// One round: so many transactions of a phase at that pace, `runs` times; the one with the middle mean latency.
    pub fn measure(&mut self, phase: usize, transactions: u32, pace: Pace, runs: usize) -> Outcome<Measured> {
        let (name, theirs) = (LUXURY_PHASES[phase].name, &ROUNDS[phase]);
        let mut measured = Vec::new();
        for _ in 0..runs {
            let (before, lanes) = self.workload(phase, transactions)?;
            self.record(&before)?;
            let (sent, [node, clients]) = self.clients.send(&lanes, pace, self.node.id())?;
            let result = Summary::of(&sent);
            measured.push(Measured { phase: name, theirs, transactions, pace, result, node, clients });
        }
        measured.sort_by_key(|one| one.result.latency[1]);
        Ok(measured.swap_remove(measured.len() / 2))
    }

    /// Records what nobody measures.
    fn record(&mut self, lanes: &[Lane]) -> Outcome {
        let (sent, _) = self.clients.send(lanes, Pace::AsFast, self.node.id())?;
        match sent.into_iter().find_map(|one| one.refusal) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }

    /// What must be recorded before, and the transactions: whole runs of the phase's messages, the last one perhaps cut.
    fn workload(&mut self, phase: usize, transactions: u32) -> Outcome<(Vec<Lane>, Vec<Lane>)> {
        let messages = LUXURY_PHASES[phase].messages;
        let (mut before, mut lanes) = (Vec::new(), Vec::new());
        for lane in 0..transactions.div_ceil(messages) {
            let number = self.numbered;
            self.numbered += 1;
            let (parties, mut earlier) = (self.parties, 0);
            let item = match phase {
                0 | 1 => {
                    let mut item = Item::new(class(number))?;
                    luxury::design(parties, &mut item)?;
                    if phase == 1 {
                        earlier = item.history.len();
                        luxury::evaluation(parties, &mut item)?;
                    }
                    item
                }
                2 => {
                    let mut item = Item::new(format!("urn:example:order:{number}"))?;
                    luxury::ordering(parties, &mut item, &self.licensed)?;
                    item
                }
                _ => {
                    let mut item =
                        Item::new(format!("{}/21/{}", self.lot.subject.as_str(), luxury::serial(number)))?;
                    luxury::purchase(parties, &mut item, &self.lot)?;
                    item
                }
            };
            let mut statements = item.statements(0);
            let mut transaction = statements.split_off(earlier);
            transaction.truncate(usize::try_from(transactions - lane * messages)?);
            before.push(statements);
            lanes.push(transaction);
        }
        before.retain(|lane| !lane.is_empty());
        Ok((before, lanes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(due: u64, at: u64, answered: u64, refusal: Option<&str>) -> Sent {
        let millis = Duration::from_millis;
        Sent {
            due: millis(due),
            at: millis(at),
            answered: millis(answered),
            refusal: refusal.map(str::to_owned),
        }
    }

    #[test]
    fn a_refused_statement_is_a_failure_and_counts_in_no_figure_of_what_was_recorded() {
        let round = [
            sent(0, 0, 20, None),
            sent(100, 150, 200, None),
            sent(200, 200, 201, Some("rate")),
            sent(300, 300, 900, Some("rate")),
            sent(400, 400, 500, None),
        ];
        let summary = Summary::of(&round);
        assert_eq!((summary.succeeded, summary.refusals), (3, BTreeMap::from([("rate".to_owned(), 2)])));
        // From when it was due, not from when it was sent.
        let millis = [20, 220 / 3, 100].map(Duration::from_millis);
        let near = summary.latency.iter().zip(millis).all(|(one, other)| one.abs_diff(other).as_millis() < 1);
        assert!(near, "{:?}", summary.latency);
        assert!((summary.throughput - 6.0).abs() < 1e-6 && (summary.sent - 10.0).abs() < 1e-6);
    }

    #[test]
    fn where_nothing_is_recorded_every_figure_is_nought() {
        for round in [&[][..], &[sent(0, 0, 5, Some("rate"))]] {
            let summary = Summary::of(round);
            assert_eq!((summary.succeeded, summary.latency), (0, [Duration::ZERO; 3]));
            assert!(summary.throughput.abs() < 1e-6);
        }
    }
}
