//! What keys, encapsulations and their opening cost, for 2 to 20 attributes that must all be held. `raw` is one pairing of `blst`.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(unsafe_code, reason = "blst has no safe functions for points")]
#![allow(clippy::expect_used, reason = "a bench that cannot be set up should stop")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use countersign_abe::{Attribute, Encapsulation, MasterKey, Policy, SecretKey};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SIZES: [usize; 4] = [2, 5, 10, 20];

/// What this thread has used of the processor, which other programs beside it disturb less than the time on the clock.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

fn texts(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("a{n}: v")).collect()
}

fn attributes(n: usize) -> BTreeSet<Attribute> {
    texts(n).iter().map(|text| text.parse().expect("an attribute")).collect()
}

fn policy(n: usize) -> Policy {
    texts(n).join(" and ").parse().expect("a policy")
}

fn abe(c: &mut Criterion) {
    let master = MasterKey::new(&[1; 32]);
    let public = master.public_key();
    let mut group = c.benchmark_group("abe");
    // SAFETY: blst returns pointers to constants.
    let (p, q) = unsafe { (*blst::blst_p1_affine_generator(), *blst::blst_p2_affine_generator()) };
    let mut measure = |id: BenchmarkId, what: &mut dyn FnMut()| {
        group.bench_function(id, |b| {
            b.iter_custom(|times| {
                let began = processor_time();
                (0..times).for_each(|_| what());
                processor_time().saturating_sub(began)
            });
        });
    };
    measure(BenchmarkId::from_parameter("raw"), &mut || {
        black_box(blst::blst_fp12::miller_loop(black_box(&q), black_box(&p)).final_exp());
    });
    for n in SIZES {
        let id = |name: &str| BenchmarkId::new(name, n);
        let (set, all) = (attributes(n), policy(n));
        let key = master.issue(&set, &[2; 32]).expect("a key");
        let (encapsulation, shared) = public.encapsulate(&all, &[3; 32]);
        let bytes = (key.to_bytes(), encapsulation.as_bytes().to_vec());
        measure(id("key_issued"), &mut || {
            black_box(master.issue(black_box(&set), &[2; 32])).expect("a key");
        });
        measure(id("encapsulated"), &mut || {
            black_box(public.encapsulate(black_box(&all), &[3; 32]));
        });
        // From bytes: who opens reads it first. The key has opened before.
        measure(id("decapsulated"), &mut || {
            let encapsulation = Encapsulation::parse(black_box(&bytes.1)).expect("an encapsulation");
            assert!(key.decapsulate(public, &encapsulation).as_ref() == Ok(&shared));
        });
        // The first time: attributes are hashed, and the key is read.
        measure(id("key_issued_first"), &mut || {
            black_box(master.issue(&attributes(n), &[2; 32])).expect("a key");
        });
        measure(id("encapsulated_first"), &mut || {
            black_box(public.encapsulate(&policy(n), &[3; 32]));
        });
        measure(id("decapsulated_first"), &mut || {
            let key = SecretKey::parse(&bytes.0).expect("a key");
            let encapsulation = Encapsulation::parse(black_box(&bytes.1)).expect("an encapsulation");
            assert!(key.decapsulate(public, &encapsulation).as_ref() == Ok(&shared));
        });
    }
    // The most that a stranger's bytes can cost: 64 attributes in the widest thresholds, and the most repetitive text.
    let key = master.issue(&attributes(64), &[2; 32]).expect("a key");
    let thresholds =
        texts(64).chunks(16).map(|texts| format!("8 of ({})", texts.join(", "))).collect::<Vec<_>>();
    let (encapsulation, _) =
        public.encapsulate(&thresholds.join(" and ").parse().expect("a policy"), &[3; 32]);
    measure(BenchmarkId::from_parameter("decapsulated_largest"), &mut || {
        black_box(key.decapsulate(public, &encapsulation)).expect("a key");
    });
    let pairs = (0..32).map(|n| format!("(a{n}: v or a{}: v)", n + 1)).collect::<Vec<_>>().join(" and ");
    measure(BenchmarkId::from_parameter("policy_refused"), &mut || {
        assert!(Policy::parse(black_box(&pairs)).is_err());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    targets = abe
}
criterion_main!(benches);
