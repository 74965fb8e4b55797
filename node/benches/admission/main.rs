//! Admission at the sequencer: form, freshness, signature, replay, links and rules checked, tree and index grown,
//! checkpoint signed and cosigned by three witnesses that recompute it, durable on disk, by 1, 8 and 64 client threads; by
//! clients over HTTPS, one statement or a thousand in a request; and how it grows with the log and with the history of a
//! subject (`-- growth`, `-- histories` for that alone).
//!
//! Statements are signed before the clock starts. The figure to hold is the ratio to raw P-256 verification on one
//! thread, measured in the same run: what is lost is everything but the signature.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench, no library"
)]

mod clients;
mod growth;
mod member;
mod raw;

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use clients::{Clients, Way};
use countersign_node::{Config, Node};
use criterion::{Criterion, SamplingMode, Throughput};
use member::Member;

const WAYS: [(usize, Way); 9] = [
    (1, Way::InProcess { in_flight: 1 }),
    (8, Way::InProcess { in_flight: 1 }),
    (64, Way::InProcess { in_flight: 1 }),
    (64, Way::InProcess { in_flight: 16 }),
    (8, Way::Https),
    (64, Way::Https),
    (1, Way::Batches { of: 1000 }),
    (2, Way::Batches { of: 1000 }),
    (4, Way::Batches { of: 1000 }),
];

fn admission(criterion: &mut Criterion) {
    let raw = raw::verification(criterion);
    println!("raw flush: {:.0}/s", raw::flush());
    let directory = tempfile::TempDir::new().unwrap();
    let mut config = Config::development(directory.path());
    (config.limits.write_burst, config.limits.writes_per_second) = (1_000_000, 1_000_000);
    config.limits.address_percent = 100;
    let running = Node::open(config).unwrap().start().unwrap();
    let member = Member::enrol(running.node(), "manufacturer");
    for (threads, way) in WAYS {
        let clients = Clients::new(threads, way, &running);
        let (blocks, first) = (|| running.node().sequencer().health().height, member.signed());
        let before = blocks();
        let total = RefCell::new((0u32, Duration::ZERO, Duration::ZERO));
        let mut group = criterion.benchmark_group(format!("admission, {way:?}"));
        group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(1));
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
        group.bench_function(format!("{threads} clients"), |b| {
            b.iter_custom(|count| {
                let statements = member.statements(count);
                let before = raw::processor_time();
                let took = clients.submit(&statements, way, &running);
                let used = raw::processor_time().saturating_sub(before);
                let mut total = total.borrow_mut();
                *total = (total.0 + u32::try_from(count).unwrap(), total.1 + took, total.2 + used);
                took
            });
        });
        group.finish();
        let (count, took, processor) = *total.borrow();
        let rate = f64::from(count) / took.as_secs_f64();
        let micros = processor.as_secs_f64() * 1e6 / f64::from(count);
        println!(
            "{way:?}, {threads} clients: {rate:.0} statements/s durable = {:.2} x raw verification on one thread; \
             {micros:.0} us of processor time each = {:.2} x one verification; {} statements to a block",
            rate / raw,
            micros * raw / 1e6,
            (member.signed() - first).div_ceil((blocks() - before).max(1)),
        );
    }
}

fn main() {
    if let Some(directory) = std::env::var_os(growth::OPENED) {
        return growth::opened(Path::new(&directory));
    }
    let mut criterion = Criterion::default().configure_from_args();
    // `-- growth` and `-- histories` measure that alone.
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    let all = !asked("growth") && !asked("histories");
    if all {
        admission(&mut criterion);
    }
    if all || asked("growth") {
        growth::growth();
    }
    if all || asked("histories") {
        growth::histories();
    }
    criterion.final_summary();
}
