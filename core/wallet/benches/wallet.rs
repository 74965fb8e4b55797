//! What a wallet costs, beside the raw primitive that it cannot avoid: one P-256 verification by aws-lc-rs, measured in
//! the same run, before and after each figure.
//!
//! By default small. `COUNTERSIGN_BENCH_FULL=1` ingests 10,000, 100,000 and 1,000,000 statements.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a bench that cannot be set up should stop, and prints what it found; the world serves the tests as well"
)]

#[path = "../tests/wallet/world.rs"]
mod world;

use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use countersign_custody::VerdictKind;
use countersign_ledger::{LogName, Signer as _, SoftwareKey};
use countersign_wallet::{Client, Request, Response, Snapshot, Step, Transport, TransportError};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use world::{CLASS, LOT, Scene, Wire, World, item, subject};

/// Statements of one history: the class's certificates and a lot's whole life.
const HISTORY: usize = 12;

/// The raw primitive, over messages as long as a statement's signed bytes: as many signatures as a history has, by as many
/// keys as it has signers. One signature again and again would be faster than any that is met.
struct Raw(Vec<(ParsedPublicKey, Vec<u8>, [u8; 64])>);

impl Raw {
    fn new() -> Self {
        let signed = (0..HISTORY).map(|i| {
            let number = u8::try_from(i).unwrap();
            let key = SoftwareKey::from_bytes(&[2 + number % 4; 32]).unwrap();
            let message = vec![number; 450];
            let signature = *key.sign(&message).unwrap().as_bytes();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_sec1()).unwrap();
            (key, message, signature)
        });
        Self(signed.collect())
    }

    fn history(&self) {
        for (key, message, signature) in &self.0 {
            key.verify_sig(black_box(message), signature).unwrap();
        }
    }

    /// Time of one verification, on one thread.
    fn one(&self) -> Duration {
        let start = Instant::now();
        (0..32).for_each(|_| self.history());
        start.elapsed() / (32 * u32::try_from(HISTORY).unwrap())
    }

    /// How much more all cores verify than one. Virtual cores may share one real one, and then change by the minute.
    fn cores(&self) -> f64 {
        self.one().as_secs_f64() / self.all_cores().as_secs_f64()
    }

    /// Time of one verification when all cores verify.
    fn all_cores(&self) -> Duration {
        let (threads, each) = (thread::available_parallelism().map_or(1, NonZero::get), 60);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..each).for_each(|_| self.history()));
            }
        });
        start.elapsed() / u32::try_from(threads * each * HISTORY).unwrap()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn twelve() -> Scene {
    let mut world = World::new();
    (0..4).for_each(|_| world.certify(CLASS));
    world.play_lot(LOT, 'S');
    Scene::new(world)
}

fn verdicts(c: &mut Criterion) {
    let raw = Raw::new();
    let scene = twelve();
    drop(scene.synced());
    let (label, now) = (item(LOT, "S001"), scene.now());
    let check = |snapshot: &mut Snapshot| {
        let verdict = snapshot.check(&label, now);
        assert_eq!((verdict.kind, verdict.timeline.len()), (VerdictKind::Authentic, HISTORY));
    };
    let mut group = c.benchmark_group("verdict");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    group.bench_function("raw_x12", |b| b.iter(|| raw.history()));
    group.bench_function("cold_12", |b| {
        b.iter_batched_ref(|| scene.open(), check, BatchSize::PerIteration);
    });
    group.bench_function("warm_12", |b| {
        let mut snapshot = scene.open();
        check(&mut snapshot);
        b.iter(|| check(&mut snapshot));
    });
    group.bench_function("open", |b| b.iter(|| scene.open()));
    group.finish();

    println!("verdict, 12 statements: {}", cold_and_warm(60, || scene.open(), check, &raw, HISTORY));
}

/// A verdict just after opening, as a multiple of verifying its `statements` one by one, and the same again: medians.
fn cold_and_warm(
    runs: usize,
    open: impl Fn() -> Snapshot,
    check: impl Fn(&mut Snapshot),
    raw: &Raw,
    statements: usize,
) -> String {
    let (mut ratios, mut cold, mut warm, mut cores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        cores.push(raw.cores());
        let before = raw.one();
        let mut snapshot = open();
        let start = Instant::now();
        check(&mut snapshot);
        let took = start.elapsed();
        let start = Instant::now();
        check(&mut snapshot);
        warm.push(start.elapsed());
        let expected = (before + raw.one()) / 2 * u32::try_from(statements).unwrap();
        cold.push(took);
        ratios.push(took.as_secs_f64() / expected.as_secs_f64());
    }
    ratios.sort_unstable_by(f64::total_cmp);
    cores.sort_unstable_by(f64::total_cmp);
    let (cold, warm, ratio, cores) =
        (median(cold), median(warm), ratios[ratios.len() / 2], cores[cores.len() / 2]);
    format!(
        "cold {cold:.1?} = {ratio:.2} x ({statements} x raw; all cores do {cores:.2} x as much as one), warm {warm:.1?}"
    )
}

/// Answers as recorded, so that making them costs nothing here.
#[derive(Clone)]
struct Tape(Arc<Mutex<HashMap<String, Response>>>);

struct Recorder(Wire, Tape);

impl Transport for Recorder {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let response = self.0.send(request)?;
        self.1.0.lock().unwrap().insert(request.path.clone(), response.clone());
        Ok(response)
    }
}

impl Transport for Tape {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        Ok(self.0.lock().unwrap().get(&request.path).cloned().unwrap())
    }
}

/// A ledger with `count` statements on one class's lots, `each` on a lot, and all that a wallet will be answered.
fn tape(count: usize, each: usize) -> (Scene, Client) {
    let mut world = World::new();
    world.certify(CLASS);
    for lot in 0..count / each {
        world.pile_up(&format!("{CLASS}/10/L{lot}"), each);
    }
    let scene = Scene::new(world);
    let tape = Tape(Arc::default());
    let recorder = Client::new(Recorder(Wire(Arc::clone(&scene.world)), tape.clone()));
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    snapshot.sync(&recorder, Duration::ZERO).unwrap();
    (scene, Client::new(tape))
}

/// Ingests all there is: the time it took, how many raw verifications the cores would have done meanwhile, and the bytes
/// on disk. A shared machine changes its pace within seconds, so the raw rate is asked again after every few steps.
fn ingest_all(scene: &Scene, client: &Client, raw: &Raw, path: &Path) -> (Duration, f64, u64) {
    let mut snapshot = Snapshot::open(path, &scene.genesis).unwrap();
    snapshot.follow(&subject(CLASS)).unwrap();
    let (mut took, mut could, mut done) = (Duration::ZERO, 0.0, false);
    let mut before = raw.all_cores();
    while !done {
        let start = Instant::now();
        done = (0..4).any(|_| matches!(snapshot.sync_step(client).unwrap(), Step::Done));
        let steps = start.elapsed();
        let after = raw.all_cores();
        took += steps;
        could += steps.as_secs_f64() / ((before + after) / 2).as_secs_f64();
        before = after;
    }
    drop(snapshot);
    (took, could, std::fs::metadata(path).unwrap().len())
}

fn ingest(_: &mut Criterion) {
    let full = std::env::var_os("COUNTERSIGN_BENCH_FULL").is_some();
    let sizes: &[usize] = if full { &[10_000, 100_000, 1_000_000] } else { &[2_000] };
    let raw = Raw::new();
    for &count in sizes {
        // The largest takes minutes to make, and shows no more by short histories.
        for &each in if count > 100_000 { &[250][..] } else { &[250, 12] } {
            let (scene, client) = tape(count, each);
            let size = scene.world().size(LogName::SUPPLY);
            let (mut ratios, mut times, mut bytes) = (Vec::new(), Vec::new(), 0);
            let directory = tempfile::tempdir().unwrap();
            let runs = if count > 100_000 { 3 } else { 5 };
            let path = |run| directory.path().join(format!("{run}.db"));
            for run in 0..runs {
                let (took, could, on_disk) = ingest_all(&scene, &client, &raw, &path(run));
                ratios.push(size as f64 / could);
                times.push(took);
                bytes = on_disk;
            }
            ratios.sort_unstable_by(f64::total_cmp);
            let (took, ratio) = (median(times), ratios[ratios.len() / 2]);
            let (least, most) = (100.0 * ratios[0], 100.0 * ratios[ratios.len() - 1]);
            let rate = size as f64 / took.as_secs_f64();
            let share = bytes as f64 / size as f64;
            println!(
                "ingest, {size} statements, {each} a history: {rate:.0}/s = {:.0} % ({least:.0} to {most:.0}) of the \
                 cores' raw rate; {share:.0} bytes a statement on disk",
                100.0 * ratio
            );
            // No rule asks for what was piled up, but all of it is verified: the class's one, and a lot's.
            let open = || Snapshot::open(&path(0), &scene.genesis).unwrap();
            let (lot, now) = (item(&format!("{CLASS}/10/L0"), "S001"), scene.now());
            let check = |snapshot: &mut Snapshot| drop(black_box(snapshot.check(&lot, now)));
            let lots = count / each;
            println!("  a verdict there, {lots} lots: {}", cold_and_warm(9, open, check, &raw, 1 + each));
        }
    }
}

/// What it takes to open a snapshot whose trust log is long: for the first time in a process, and again, as an app does for
/// every call.
fn open_long_trust_log(_: &mut Criterion) {
    let full = std::env::var_os("COUNTERSIGN_BENCH_FULL").is_some();
    let count = if full { 10_000 } else { 2_000 };
    let mut world = World::with_lot();
    world.pile_up_on(LogName::TRUST, LOT, count);
    let scene = Scene::new(world);
    drop(scene.synced());
    let took = || {
        let start = Instant::now();
        black_box(scene.open());
        start.elapsed()
    };
    // The sync has verified them in this process; a process that begins anew verifies each once more.
    let again = median((0..9).map(|_| took()).collect());
    let raw = Raw::new().one() * u32::try_from(count).unwrap();
    println!("open, {count} entries in the trust log: {again:.1?}; to verify them takes one core {raw:.1?}");
}

/// Bytes that a followed product adds to a snapshot: class, one lot of 10,000 packs, twelve statements.
fn size_on_disk(_: &mut Criterion) {
    let empty = Scene::new(World::new());
    let mut snapshot = empty.open();
    empty.sync(&mut snapshot);
    drop(snapshot);
    let used = |scene: &Scene| -> u64 {
        let connection = rusqlite::Connection::open(scene.path()).unwrap();
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        std::fs::metadata(scene.path()).unwrap().len()
    };
    let scene = twelve();
    drop(scene.synced());
    let filter: u64 = scene.world().blobs.values().map(|filter| filter.len() as u64).sum();
    let added = used(&scene) - used(&empty);
    println!(
        "snapshot, one product with 12 statements: {added} bytes on disk, {filter} of them the filter over 100 packs; \
         {} a statement",
        (added - filter) / HISTORY as u64
    );
}

criterion_group!(benches, verdicts, ingest, open_long_trust_log, size_on_disk);
criterion_main!(benches);
