//! Admission at the sequencer: form, freshness, signature, replay, links and custody checked, tree and index grown,
//! checkpoint signed and cosigned by three notaries that recompute it, durable on disk, by 1, 8 and 64 client threads; and by 8 clients over HTTPS.
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

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use countersign_ledger::certificate::request;
use countersign_ledger::{Certificate, Draft, Fields, Kind, Signer as _, SoftwareKey, Subject};
use countersign_node::{Config, LogId, Node, Outcome, Running, Sequencer as _, Ticket, system_clock};
use criterion::{Criterion, SamplingMode, Throughput};

const WAYS: [(usize, Way); 6] = [
    (1, Way::InProcess { in_flight: 1 }),
    (8, Way::InProcess { in_flight: 1 }),
    (64, Way::InProcess { in_flight: 1 }),
    (64, Way::InProcess { in_flight: 16 }),
    (8, Way::Https),
    (64, Way::Https),
];

struct Bench {
    running: Running,
    key: SoftwareKey,
    certificate: Certificate,
    next: AtomicU64,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        let mut config = Config::development(directory.path());
        (config.limits.write_burst, config.limits.writes_per_second) = (u32::MAX, u32::MAX);
        let running = Node::open(config).unwrap().start().unwrap();
        let node = running.node();
        let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
        let code = node.registrar().new_code("manufacturer", "dm", Duration::from_hours(1)).unwrap();
        let certificate = node.enrol(&code, &request(&key).unwrap()).unwrap();
        Self { running, key, certificate, next: AtomicU64::new(0), _directory: directory }
    }

    /// The first statement on a lot that nobody has spoken of.
    fn statement(&self) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut cti = [0; 16];
        cti[..8].copy_from_slice(&number.to_be_bytes());
        let draft = Draft {
            kind: Kind::new("medicine.material-request").unwrap(),
            subject: Subject::new(format!("https://id.gs1.org/01/09506000134352/10/L{number}")).unwrap(),
            fields: Fields::new()
                .with("to", "spiffe://meds.example/supplier/ms")
                .with("materials", "starch, 10 kg"),
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        let signed = draft.sign(&self.certificate, &self.key, system_clock()(), cti);
        signed.unwrap().as_bytes().to_vec()
    }

    fn statements(&self, count: u64) -> Vec<Vec<u8>> {
        std::thread::scope(|scope| {
            let halves = [count / 2, count - count / 2];
            let threads =
                halves.map(|n| scope.spawn(move || (0..n).map(|_| self.statement()).collect::<Vec<_>>()));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// Has `threads` clients submit all of them, in the given way.
    fn admit(
        &self,
        statements: &[Vec<u8>],
        clients: &[Option<reqwest::blocking::Client>],
        way: Way,
    ) -> Duration {
        let next = AtomicUsize::new(0);
        let url = format!("https://{}/supply/entries", self.running.addr());
        let started = Instant::now();
        std::thread::scope(|scope| {
            for http in clients {
                let (next, url) = (&next, &url);
                let submit = move || {
                    let mut tickets = VecDeque::new();
                    let wait = |ticket: Ticket| assert!(matches!(ticket.wait(), Outcome::Accepted(_)));
                    while let Some(statement) = statements.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match way {
                            Way::InProcess { in_flight } => {
                                if tickets.len() == in_flight {
                                    tickets.pop_front().map(wait);
                                }
                                let ticket = self.running.node().sequencer().submit(LogId::Supply, statement);
                                tickets.push_back(ticket);
                            }
                            Way::Https => {
                                let answer =
                                    http.as_ref().unwrap().post(url).body(statement.clone()).send().unwrap();
                                assert_eq!(answer.status(), 303);
                            }
                        }
                    }
                    tickets.into_iter().for_each(wait);
                };
                std::thread::Builder::new().name("client".to_owned()).spawn_scoped(scope, submit).unwrap();
            }
        });
        started.elapsed()
    }

    /// What a client submits with; over HTTPS, a connection of its own.
    fn client(&self, way: Way) -> Option<reqwest::blocking::Client> {
        let Way::Https = way else { return None };
        let genesis = self.running.node().genesis();
        let roots = genesis.tls.iter().map(|root| reqwest::Certificate::from_der(&root.0).unwrap());
        let builder = reqwest::blocking::Client::builder().tls_certs_only(roots);
        builder.redirect(reqwest::redirect::Policy::none()).build().ok()
    }
}

/// How clients submit.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// At the sequencer; each client waits for an answer when it has so many submissions open.
    InProcess { in_flight: usize },
    /// By `POST /supply/entries`, each client over a connection of its own; client and node share the machine.
    Https,
}

fn admission(criterion: &mut Criterion) {
    let raw = raw_verification(criterion);
    println!("raw flush: {:.0}/s", raw_flush());
    let bench = Bench::new();
    for (threads, way) in WAYS {
        let clients: Vec<_> = (0..threads).map(|_| bench.client(way)).collect();
        let (blocks, first) =
            (|| bench.running.node().sequencer().health().height, bench.next.load(Ordering::Relaxed));
        let before = blocks();
        let total = RefCell::new((0u32, Duration::ZERO, Duration::ZERO));
        let mut group = criterion.benchmark_group(format!("admission, {way:?}"));
        group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(1));
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
        group.bench_function(format!("{threads} clients"), |b| {
            b.iter_custom(|count| {
                let statements = bench.statements(count);
                let before = processor_time();
                let took = bench.admit(&statements, &clients, way);
                let mut total = total.borrow_mut();
                let counted = u32::try_from(count).unwrap();
                *total =
                    (total.0 + counted, total.1 + took, total.2 + processor_time().saturating_sub(before));
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
            (bench.next.load(Ordering::Relaxed) - first).div_ceil((blocks() - before).max(1)),
        );
    }
}

/// Processor time that this process has used, in steps of 10 ms; nought where the system does not tell. On a machine that
/// does other things as well it says more than the clock on the wall.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// Flushes a second of a file that grows by a small block's worth: what bounds a lone client.
fn raw_flush() -> f64 {
    let mut file = tempfile::tempfile().unwrap();
    let started = Instant::now();
    for _ in 0..200 {
        file.write_all(&[7; 8192]).unwrap();
        file.sync_data().unwrap();
    }
    200.0 / started.elapsed().as_secs_f64()
}

/// Verifications a second by the fastest P-256 there is here, on one thread.
fn raw_verification(criterion: &mut Criterion) -> f64 {
    let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
    let message = [7; 400];
    let signature = key.sign(&message).unwrap();
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_sec1()).unwrap();
    let verify = || parsed.verify_sig(black_box(&message), signature.as_bytes()).unwrap();
    criterion.bench_function("raw P-256 verification", |b| b.iter(verify));
    let started = Instant::now();
    let mut count = 0u32;
    while started.elapsed() < Duration::from_secs(2) {
        verify();
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    println!("raw verification: {rate:.0}/s on one thread");
    rate
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    admission(&mut criterion);
    criterion.final_summary();
}
