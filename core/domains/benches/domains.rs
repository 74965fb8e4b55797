//! What a decision costs, what the election of notaries does, and what filters save; the paper's figures beside ours
//! where it has any.
//!
//!     cargo bench --package countersign-domains
//!
//! Prints Markdown. Times are the thread's on the processor, medians. `S` marks what stands in the paper
//! (10.32604/cmc.2023.040776), `R` what is computed by our reconstruction of its formulas, `M` what is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a bench, no library"
)]

#[path = "../tests/domains/simulation.rs"]
mod simulation;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/domains/world.rs"]
mod world;

use std::hint::black_box;
use std::time::Duration;

use countersign_domains::{
    Asked, Behaviour, Block, Chains, Credit, DataKey, DataState, Op, Ops, ParentFilter, Policy, Shape, Step,
};
use countersign_ledger::{Hash, UnixMillis};
use rustix::time::{ClockId, clock_gettime};
use simulation::{LEADER, NODES, World, credits, means, place};

const SEEDS: u64 = 30;
const ROUNDS: usize = 31;

fn main() {
    // `cargo test` runs benches to see that they build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    election();
    filters();
    traces();
    decisions();
}

fn clock() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

/// The median time of one of `times` calls.
fn median(times: u32, mut call: impl FnMut()) -> Duration {
    let mut measured: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = clock();
            (0..times).for_each(|_| call());
            clock().saturating_sub(start) / times
        })
        .collect();
    measured.sort_unstable();
    measured[ROUNDS / 2]
}

/// Means over thirty runs, for both kinds of malicious nodes; the table of section 4.2 of our specification.
fn election() {
    println!(
        "| malicious succeed | transactions | trusted | ordinary | malicious | accomplice's best place: ours / classic PageRank \
         | a trusted node is master | classes disjoint |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for success in [0.97, 0.70] {
        let mut worlds: Vec<_> = (0..SEEDS).map(|seed| World::new(seed, success)).collect();
        for transactions in 0..=300 {
            if [0, 20, 50, 100, 300].contains(&transactions) {
                println!("| {success:.2} | {transactions} | {} |", row(&worlds));
            }
            worlds.iter_mut().for_each(World::transact);
        }
    }
    let mut world = World::new(0, 0.97);
    (0..300).for_each(|_| world.transact());
    let time = median(3, || drop(black_box(world.ranking())));
    println!("\nA ranking of {NODES} notaries: {time:.1?} (M), {} rounds.\n", world.ranking().rounds);
}

fn row(worlds: &[World]) -> String {
    let credits: Vec<_> = worlds.iter().map(|world| credits(&world.ranking())).collect();
    let mean = |class: usize| credits.iter().map(|one| means(one)[class]).sum::<f64>() / credits.len() as f64;
    let ours = credits.iter().map(|one| place(one, LEADER)).min().unwrap();
    let classic = worlds.iter().map(|world| place(&world.classic(), LEADER)).max().unwrap();
    let best = |one: &[f64]| one.iter().copied().fold(0.0, f64::max);
    let masters = credits.iter().filter(|one| best(&one[..10]) >= best(&one[10..])).count();
    let least = |one: &[f64]| one.iter().copied().fold(100.0, f64::min);
    let apart = |one: &&Vec<f64>| {
        least(&one[..10]) > best(&one[10..LEADER]) && least(&one[10..LEADER]) > best(&one[LEADER..])
    };
    let disjoint = credits.iter().filter(apart).count();
    let of = credits.len();
    format!(
        "{:.1} | {:.1} | {:.1} | {ours} / {classic} | {masters} of {of} | {disjoint} of {of}",
        mean(0),
        mean(1),
        mean(2)
    )
}

fn sid(number: u64) -> Hash {
    Hash::of(&number.to_be_bytes())
}

/// False positives by the number of hashes, beside the formula, and the model of delay that has its least near
/// `bits * ln 2` (Fig 11).
fn filters() {
    const KEYS: u64 = 10_000;
    let block = Hash([1; 32]);
    let parents: Vec<_> = (0..KEYS).map(sid).collect();
    let asked = |filter: &ParentFilter| (KEYS..11 * KEYS).filter(|n| filter.may_have(block, sid(*n))).count();
    println!(
        "| bits a key | hashes | admitted (M) | formula (R) | delay model, in t_read, for t_hash = t_read / 1000 (R) |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (bits, hashes) in [
        (8, 2),
        (8, 4),
        (8, 6),
        (8, 8),
        (8, 12),
        (10, 1),
        (10, 2),
        (10, 4),
        (10, 7),
        (10, 10),
        (10, 13),
        (14, 10),
    ] {
        let filter = ParentFilter::build(block, &parents, Shape { bits, hashes });
        let admitted = asked(&filter) as f64 / (10 * KEYS) as f64;
        let k = f64::from(hashes);
        let formula = (1.0 - (-k / f64::from(bits)).exp()).powf(k);
        let delay = k / 1000.0 + formula;
        println!("| {bits} | {hashes} | {:.2} % | {:.2} % | {delay:.4} |", admitted * 100.0, formula * 100.0);
    }
    let filter = ParentFilter::build(block, &parents, Shape::default());
    let mut number = 0;
    let time = median(10_000, || {
        number += 1;
        black_box(filter.may_have(block, sid(number)));
    });
    let bytes = filter.to_bytes().len() as f64 / KEYS as f64;
    println!("\nA question: {time:.1?} (M). {bytes:.2} bytes a key.\n");
}

/// Traces over four chains: how many blocks are read, with filters and without.
fn traces() {
    println!("| states | blocks | traced | filters asked | blocks read | of these in vain | time (M) |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (blocks, each) in [(100, 10), (1000, 10), (1000, 100)] {
        for bits in [0, 10] {
            let chains = chains(blocks, each, Shape { bits, hashes: 7 });
            let mut work = None;
            let time = median(1, || work = Some(chains.trace(DataKey(sid(0)), |_, _| true)));
            let trace = work.unwrap();
            let of = trace.work();
            let name = if bits == 0 { "none" } else { "10 bits" };
            println!(
                "| {} | {blocks}, filters: {name} | {} | {} | {} | {} | {time:.1?} |",
                blocks * each,
                trace.states().len(),
                of.asked,
                of.read,
                of.wasted
            );
        }
    }
    println!();
}

/// Lines of twenty states each, over four chains by turns: a state is made of the one before it in its line.
fn chains(blocks: u64, each: u64, shape: Shape) -> Chains {
    const LINE: u64 = 20;
    let lines = blocks * each / LINE;
    let mut last: Vec<Option<Hash>> = vec![None; lines as usize];
    let mut chains = Chains::new(4);
    for block in 0..blocks {
        let states = (0..each).map(|at| {
            let number = block * each + at;
            let line = number % lines;
            let parent = last[line as usize];
            let state = DataState {
                key: DataKey(sid(line)),
                parents: parent.into_iter().collect(),
                step: if parent.is_none() { Step::Create } else { Step::Modify },
                actor: sid(1),
                owner: sid(2),
                chain: sid(block % 4),
                seq: number,
                licence: None,
            };
            let id = state.sid();
            last[line as usize] = Some(id);
            (id, state)
        });
        let states = states.collect();
        chains.push((block % 4) as usize, Block::commit(sid(block), block, states, shape)).unwrap();
    }
    chains
}

/// One decision by a policy.
fn decisions() {
    let policy = Policy::parse(
        "allow read for HRESCH from west.example level 3; allow read, derive for TREAT from north.example \
         level 2 credit 40 behaviour 75",
    );
    let policy = policy.unwrap();
    let asked = Asked {
        ops: Ops::of([Op::Read]),
        purpose: "TREAT",
        domain: "north.example",
        level: 2,
        at: UnixMillis(1_795_000_000_000),
        until: UnixMillis(1_795_003_600_000),
        credit: Credit::new(5000).unwrap(),
        behaviour: Behaviour { kept: 9, broken: 1 },
        valid: true,
    };
    let time = median(10_000, || {
        black_box(policy.decide(black_box(&asked)));
    });
    println!("A decision by a policy of two rules: {time:.1?} (M).\n");
    let mut domains = world::World::new();
    let mut nonce = 0;
    let time = median(1, || {
        nonce += 1;
        domains.licensed(nonce);
    });
    println!(
        "A request, the votes of five notaries and the decision, each signed, verified and judged: {time:.1?} (M)."
    );
    println!(
        "The paper's round takes about 77 ms (S), with its network and its consensus, which are not in ours."
    );
}
