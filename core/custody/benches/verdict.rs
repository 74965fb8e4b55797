//! The cost of a verdict once a snapshot is judged, and of judging; compared with the verification of one signature.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench that fails should stop")]

use std::hint::black_box;

use countersign_custody::{Dossier, Past, SerialSet, Voids, verdict};
use countersign_ledger::{Entry, Signer as _, SoftwareKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use crate::play::{LOT, NOW, Play, item, item_of};

#[allow(dead_code, reason = "the fixture serves the tests, of which this is a part")]
#[path = "../tests/custody/play.rs"]
mod play;

/// A lot's whole life, with a lifted suspension and a dispensed pack: twelve statements.
fn twelve() -> Play {
    let mut play = Play::whole();
    play.admit_all(&["dispense", "suspend", "lift"]);
    play
}

fn verdicts(c: &mut Criterion) {
    let play = twelve();
    let facts = play.facts_with_pack();
    let dossier = Dossier::new(&play.profile, facts.clone());
    let statements: usize = play.histories.values().map(Vec::len).sum();
    let mut group = c.benchmark_group(format!("verdict, {statements} statements"));
    let key = SoftwareKey::from_bytes(&[7; 32]).unwrap();
    let signature = key.sign(b"message").unwrap();
    let public = key.public_key();
    group.bench_function("one P-256 verification", |b| {
        b.iter(|| public.verify(black_box(b"message"), &signature));
    });
    for (name, item) in [("known pack", item()), ("unknown serial", item_of(LOT, "X999"))] {
        group.bench_function(format!("warm, {name}"), |b| {
            b.iter(|| verdict(black_box(&item), Some(&dossier), NOW));
        });
    }
    group.bench_function("judging the snapshot, signatures verified before", |b| {
        b.iter_batched(
            || facts.clone(),
            |facts| Dossier::new(&play.profile, facts),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn admission(c: &mut Criterion) {
    let play = Play::until("distribution");
    let linked = play.histories.values().flatten().map(|entry| (entry.id(), entry)).collect();
    let history = play.lot_history();
    let (last, before) = history.entries.split_last().unwrap();
    let past = Past {
        log: history.log,
        domain: history.domain,
        subject: &play.profile.state_after(before),
        prev: before.last().map(Entry::id),
        linked: &linked,
        rival: None,
        voids: Voids::PassedOver,
    };
    c.bench_function("admission rules, a distribution", |b| {
        b.iter(|| play.profile.check(black_box(last.verified()), &past));
    });
}

fn lots(c: &mut Criterion) {
    let mut group = c.benchmark_group("lot");
    group.sample_size(10);
    for count in [10_000_u32, 100_000, 1_000_000] {
        let serials: Vec<String> = (0..count).map(|i| format!("SN{i:08}")).collect();
        let set = SerialSet::new(serials.clone()).unwrap();
        let each = set.filter_bytes().len() * 100 / count as usize;
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(
            format!("commission {count} packs ({}.{:02} filter bytes a pack)", each / 100, each % 100),
            |b| {
                b.iter_batched(|| serials.clone(), SerialSet::new, criterion::BatchSize::LargeInput);
            },
        );
    }
    group.finish();
}

criterion_group!(benches, verdicts, admission, lots);
criterion_main!(benches);
