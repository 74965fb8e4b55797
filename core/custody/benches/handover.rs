//! The cost of a handover for the two phones, compared with one signature and one verification: processor time, which
//! does not grow on a busy machine; the names have the numbers of bytes and codes.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench that fails should stop")]

use std::hint::black_box;
use std::time::Duration;

use countersign_custody::handover::{CustodyChain, Offered};
use countersign_custody::qr::{Codes, encode};
use countersign_ledger::{Signer as _, SoftwareKey, Subject};
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};

use crate::road::{PIECE, Road, at, intact, terms};

#[allow(dead_code, reason = "the fixture serves the tests, of which this is a part")]
#[path = "../tests/custody/road.rs"]
mod road;

/// Couriers who had the piece before, in turn.
const COURIERS: [&str; 4] = ["courier a", "courier b", "courier c", "courier d"];

/// The piece after so many hops without a signal; who holds it, and who is next.
fn after(road: &Road, hops: usize) -> (CustodyChain, &'static str, &'static str) {
    let who = |hop: usize| COURIERS[hop % COURIERS.len()];
    let chain = (0..hops).fold(road.to_the_courier(), |chain, hop| {
        road.hand_over(who(hop), who(hop + 1), chain, at(hop as u64))
    });
    (chain, who(hops), who(hops + 1))
}

fn codes(message: &[u8]) -> usize {
    match encode(message).unwrap() {
        Codes::One(_) => 1,
        Codes::Parts(parts) => parts.needed(),
    }
}

/// Processor time of this thread.
fn on_the_processor() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.try_into().unwrap(), spent.tv_nsec.try_into().unwrap())
}

/// Measures the processor time of each call.
fn measure<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, work: impl Fn() -> T) {
    group.bench_function(name, |b| {
        b.iter_custom(|times| {
            let start = on_the_processor();
            for _ in 0..times {
                black_box(work());
            }
            on_the_processor().saturating_sub(start)
        });
    });
}

fn handovers(c: &mut Criterion) {
    let road = Road::new();
    let rules = road.rules();
    let scanned = [Subject::new(PIECE).unwrap()];
    for hops in [0, 1, 4] {
        let (chain, giver, receiver) = after(&road, hops);
        let statements = chain.statements().len();
        let now = at(30);
        let offer =
            || Offered::make(chain.clone(), &terms(), road.key(giver), &rules, now, road.nonce()).unwrap();
        let shown = offer().to_bytes();
        let answer = || {
            let examined = Offered::from_bytes(&shown).unwrap().examine(&rules, now).unwrap();
            examined.answer(&scanned, &intact(), road.key(receiver), now, road.nonce()).unwrap()
        };
        let answered = answer().answer_message();
        let mut group = c.benchmark_group(format!("handover, a chain of {statements} statements"));
        let key = SoftwareKey::from_bytes(&[7; 32]).unwrap();
        let (public, signature) = (key.public_key(), key.sign(b"message").unwrap());
        measure(&mut group, "a raw P-256 signature", || key.sign(black_box(b"message")));
        measure(&mut group, "raw", || public.verify(black_box(b"message"), &signature));
        let size = |message: &[u8]| format!("{} bytes in {} codes", message.len(), codes(message));
        measure(&mut group, &format!("offer made ({})", size(&shown)), offer);
        measure(&mut group, &format!("offer examined and answered ({})", size(&answered)), answer);
        measure(&mut group, "answer taken", || {
            Offered::from_bytes(&shown).unwrap().close(&answered, &rules).unwrap()
        });
        group.finish();
    }
}

criterion_group!(benches, handovers);
criterion_main!(benches);
