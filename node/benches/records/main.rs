//! Records: a request decided and released; response against the parts that are shared and against users (the paper's Figures 7
//! and 8), beside a baseline with one index a part; rights redefined against uploading again.
//!
//!     tests/bench records        # and draws the figures
//!
//! Prints lines `figure, series, x, value, unit`, separated by tabs, and draws the figures beside this file. Requests and demands are
//! signed before the clock starts, as on other machines; what is measured is the node, over HTTPS, with its three witnesses.
//! A *release* is a request ordered and decided, and its delivery ordered, with row, receipt and token at the doctor's. Objects
//! are fetched after it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench, no library"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/node/records/clinic.rs"]
mod clinic;
mod figures;
#[allow(dead_code, reason = "the other bench uses more of it")]
#[path = "../admission/raw.rs"]
mod raw;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/node/world.rs"]
mod world;

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use clinic::{AT_ONCE, Clinic, Owner, Shared, full, line, read, shared};
use countersign_ledger::{Hash, LogName};
use countersign_node::Outcome;
use countersign_records::Delivered;
use countersign_records::rules::Mode;

/// Users who wait their turn are counted in this time.
const WINDOW: Duration = Duration::from_secs(1);
/// Sizes of a sealed part: a section with its entries, padded.
const PART: usize = 4096;
/// Requests that an authority may make for one record in a day.
const SLOTS: usize = 60;

/// What a doctor sends to see some parts: requests, and a demand for each.
struct User {
    asks: Vec<(LogName, Vec<u8>, Vec<u8>)>,
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() * 1e3 / times.len() as f64
}

/// A figure of a series at a place.
pub struct Measured {
    figure: &'static str,
    series: String,
    x: f64,
    value: f64,
}

thread_local! {
    /// All that was told, for the drawings.
    static MEASURED: RefCell<Vec<Measured>> = const { RefCell::new(Vec::new()) };
}

fn tell(figure: &'static str, series: &str, x: usize, value: f64, unit: &str) {
    println!("{figure}\t{series}\t{x}\t{value:.3}\t{unit}");
    let measured = Measured { figure, series: series.to_owned(), x: x as f64, value };
    MEASURED.with_borrow_mut(|all| all.push(measured));
}

/// A label for a line that has one part.
fn label(at: usize) -> Hash {
    Hash([0xb0 + u8::try_from(at).unwrap(); 32])
}

/// A record with a line of so many parts, on both logs.
fn one_line(clinic: &Clinic, parts: usize) -> Owner {
    clinic.record(&Shared::new(parts, PART))
}

/// The baseline: a line for each part, with wraps of its own.
fn a_line_a_part(clinic: &Clinic, parts: usize) -> Owner {
    let mut owner = Owner::new(&clinic.site, clinic.node());
    let rows: Vec<_> = (0..parts).map(|_| Shared::new(1, PART)).collect();
    clinic.upload(&owner, &rows.iter().collect::<Vec<_>>());
    let lines: Vec<_> =
        rows.iter().enumerate().map(|(at, one)| line(label(at), Mode::AtOnce, &one.row)).collect();
    owner.publish(clinic.node(), shared(), 1, &lines);
    owner
}

impl User {
    fn new(clinic: &Clinic, owner: &Owner, log: LogName, labels: &[Hash]) -> Self {
        let asks = labels.iter().map(|label| {
            let holder = world::fresh_key();
            let request = clinic.vouch(owner, log, *label, 60, &holder);
            let ask = clinic::Ask { record: owner.record, log, holder, id: request.id() };
            (log, request.as_bytes().to_vec(), clinic.demand(&ask))
        });
        Self { asks: asks.collect() }
    }

    /// Sends all, one after the other.
    fn release(&self, clinic: &Reach<'_>) -> Vec<Delivered> {
        let one = |(log, request, demand): &(LogName, Vec<u8>, Vec<u8>)| {
            let answer = clinic.patiently(&format!("/{log}/entries"), request);
            assert_eq!(answer.status, 303, "{:?}", String::from_utf8_lossy(&answer.body));
            read(&clinic.patiently("/store/deliveries", demand))
        };
        self.asks.iter().map(one).collect()
    }
}

/// What threads share of a clinic.
struct Reach<'a> {
    http: &'a reqwest::blocking::Client,
    base: &'a str,
}

impl Reach<'_> {
    fn post(&self, path: &str, body: &[u8]) -> world::Answer {
        world::Answer::of(self.http.post(format!("{}{path}", self.base)).body(body.to_vec()).send().unwrap())
    }

    /// Posts again as long as the node says that it is busy, each time after as long as it asks for and up to a quarter more, as the
    /// app does: who is turned away above capacity has waited all the same.
    fn patiently(&self, path: &str, body: &[u8]) -> world::Answer {
        let started = Instant::now();
        loop {
            let answer = self.post(path, body);
            if answer.status != 503 {
                return answer;
            }
            let asked = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let wait = Duration::from_secs(asked.expect("a node that is busy says for how long"));
            // Not all at once: no two threads have waited equally long.
            std::thread::sleep(wait + wait * (started.elapsed().subsec_nanos() % 256) / 1024);
        }
    }
}

fn reach(clinic: &Clinic) -> Reach<'_> {
    Reach { http: &clinic.client.http, base: &clinic.client.base }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed(), done)
}

/// One doctor at a time: the steps of a release, and the parts after it.
fn released(clinic: &Clinic) {
    let owner = one_line(clinic, 9);
    tell(
        "release",
        "raw: a P-256 verification",
        1,
        raw::verification_on_the_processor().as_secs_f64() * 1e3,
        "ms",
    );
    tell("release", "raw: a flush", 1, 1e3 / raw::flush(), "ms");
    let (mut decided, mut delivered, mut both, mut opened) = (vec![], vec![], vec![], vec![]);
    for _ in 0..SLOTS {
        let user = User::new(clinic, &owner, shared(), &[AT_ONCE]);
        let (log, request, demand) = &user.asks[0];
        let in_process = || clinic.node().sequencer().submit(*log, request).wait();
        let (first, outcome) = timed(in_process);
        assert!(matches!(outcome, Outcome::Accepted(_)));
        let (second, one) = timed(|| read(&clinic.deliver(demand)));
        let (third, ()) = timed(|| fetch(clinic, &one));
        decided.push(first);
        delivered.push(second);
        both.push(first + second);
        opened.push(first + second + third);
    }
    tell("release", "request decided (in process)", 1, median(decided), "ms");
    tell("release", "delivery released (HTTPS)", 1, median(delivered), "ms");
    tell("release", "both", 1, median(both), "ms");
    tell("release", "both, and eleven objects of 4 KiB fetched", 1, median(opened), "ms");
}

fn fetch(clinic: &Clinic, delivered: &Delivered) {
    for digest in delivered.row.digests() {
        assert_eq!(clinic.get(digest, &delivered.token).status, 200);
    }
}

/// Figure 7: one doctor, 1 to 8 parts.
fn against_parts(clinic: &Clinic) {
    for parts in 1..=8 {
        let ours = one_line(clinic, parts);
        let theirs = a_line_a_part(clinic, parts);
        let labels: Vec<_> = (0..parts).map(label).collect();
        for (series, owner, labels) in
            [("one request", &ours, &[AT_ONCE][..]), ("one index a part", &theirs, &labels[..])]
        {
            let (mut released, mut fetched) = (vec![], vec![]);
            for _ in 0..(SLOTS / labels.len()).min(20) {
                let user = User::new(clinic, owner, shared(), labels);
                let (first, delivered) = timed(|| user.release(&reach(clinic)));
                let (second, ()) = timed(|| delivered.iter().for_each(|one| fetch(clinic, one)));
                released.push(first);
                fetched.push(first + second);
            }
            tell("figure 7", series, parts, median(released), "ms to release");
            tell("figure 7", &format!("{series}, objects fetched"), parts, median(fetched), "ms");
        }
    }
}

/// Releases of users who come evenly over [`WINDOW`], each by a thread of its own; how long each has waited.
fn arrive(clinic: &Clinic, users: &[User]) -> Vec<Duration> {
    let (start, reach) = (Instant::now() + Duration::from_millis(100), reach(clinic));
    let each = WINDOW / u32::try_from(users.len()).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = users
            .iter()
            .zip(0..)
            .map(|(user, at)| {
                let reach = &reach;
                scope.spawn(move || {
                    let due = start + each * at;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    user.release(reach);
                    due.elapsed()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// So many users, each with a request for each of these labels, on records that take them.
fn users(clinic: &Clinic, count: usize, logs: &[LogName], parts: Option<usize>) -> Vec<User> {
    let labels: Vec<_> = parts.map_or(vec![AT_ONCE], |parts| (0..parts).map(label).collect());
    let mut users = Vec::new();
    while users.len() < count {
        let owner = parts.map_or_else(|| one_line(clinic, 1), |parts| a_line_a_part(clinic, parts));
        clinic.slot.set(0);
        for _ in 0..(SLOTS / labels.len()).min(count - users.len()) {
            users.push(User::new(clinic, &owner, logs[users.len() % logs.len()], &labels));
        }
    }
    users
}

/// Figure 8: users up to twice the capacity.
fn against_users(clinic: &Clinic) {
    let burst = users(clinic, 64, &[shared()], None);
    let reach = reach(clinic);
    let (took, waited) = timed(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = burst
                .chunks(4)
                .map(|some| {
                    let reach = &reach;
                    scope.spawn(move || some.iter().map(|user| user.release(reach).len()).sum::<usize>())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        })
    });
    let capacity = (waited as f64 / took.as_secs_f64() * WINDOW.as_secs_f64()) as usize;
    tell("figure 8", "capacity", 0, capacity as f64, "releases a second, 16 clients");
    for quarters in 1..=8 {
        let count = (capacity * quarters / 4).max(2);
        for (series, logs, parts) in [
            ("one request, two logs", &[shared(), full()][..], None),
            ("one request, one log", &[shared()][..], None),
            ("one index a part (6), one log", &[shared()][..], Some(6)),
        ] {
            // With six requests each, more users than this are behind from the first second on.
            if parts.is_none() || quarters <= 2 {
                let users = users(clinic, count, logs, parts);
                tell("figure 8", series, count, mean(&arrive(clinic, &users)), "ms to release, mean");
            }
        }
    }
}

/// Rights redefined by wrapping again, and by uploading everything again.
fn redefined(clinic: &Clinic) {
    for part in [4 << 10, 64 << 10, 1 << 20] {
        let nine = Shared::new(9, part);
        let mut owner = clinic.record(&nine);
        let (mut wrapped, mut uploaded) = (vec![], vec![]);
        let mut current = nine;
        for _ in 0..7 {
            let again = current.wrapped_anew();
            wrapped.push(republish(clinic, &mut owner, &again));
            let other = Shared::new(9, part);
            uploaded.push(republish(clinic, &mut owner, &other));
            current = other;
        }
        tell("redefine", "wrapped again", part, median(wrapped), "ms, nine parts of x bytes, two indexes");
        tell("redefine", "uploaded again", part, median(uploaded), "ms, nine parts of x bytes, two indexes");
    }
}

fn republish(clinic: &Clinic, owner: &mut Owner, to: &Shared) -> Duration {
    let (took, ()) = timed(|| {
        clinic.upload(owner, &[to]);
        for log in [shared(), full()] {
            owner.publish(clinic.node(), log, 1, &[line(AT_ONCE, Mode::AtOnce, &to.row)]);
        }
    });
    took
}

fn main() {
    // `cargo test` runs benches to see that they build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut site = clinic::site();
    site.config.limits.address_percent = 100;
    let clinic = Clinic::of(site);
    println!("figure\tseries\tx\tvalue\tunit");
    released(&clinic);
    against_parts(&clinic);
    redefined(&clinic);
    against_users(&clinic);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/records");
    MEASURED.with_borrow(|all| figures::draw_all(all, &folder)).unwrap();
}
