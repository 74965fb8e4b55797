//! The primitives that admission cannot avoid, and what this process has used of the processor.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use countersign_ledger::{Signer as _, SoftwareKey};
use criterion::Criterion;

/// Verifications a second by the fastest P-256 there is here, on one thread.
pub fn verification(criterion: &mut Criterion) -> f64 {
    criterion.bench_function("raw P-256 verification", |b| b.iter(verify()));
    let rate = verifications_a_second(Duration::from_secs(2));
    println!("raw verification: {rate:.0}/s on one thread");
    rate
}

/// The same, counted for a while.
fn verifications_a_second(during: Duration) -> f64 {
    let (verify, started) = (verify(), Instant::now());
    let mut count = 0u32;
    while started.elapsed() < during {
        verify();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// Processor time of one verification, for what is told as processor time: others on the machine do not stretch it.
pub fn verification_on_the_processor() -> Duration {
    let (verify, before) = (verify(), processor_time());
    (0..8192).for_each(|_| verify());
    processor_time().saturating_sub(before) / 8192
}

fn verify() -> impl Fn() {
    let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
    let message = [7; 400];
    let signature = key.sign(&message).unwrap();
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_sec1()).unwrap();
    move || parsed.verify_sig(black_box(&message), signature.as_bytes()).unwrap()
}

/// Flushes a second of a file that grows by a small block's worth: what bounds a lone client.
pub fn flush() -> f64 {
    let mut file = tempfile::tempfile().unwrap();
    let started = Instant::now();
    for _ in 0..200 {
        file.write_all(&[7; 8192]).unwrap();
        file.sync_data().unwrap();
    }
    200.0 / started.elapsed().as_secs_f64()
}

/// Processor time that this process has used, in steps of 10 ms; nought where the system does not tell. On a machine that
/// does other things as well it says more than the clock on the wall.
pub fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
