//! Evidence bundles from any source. They are verified offline, so no input may make the reader fail other than by a
//! refusal. The seed is a genuine bundle, and the genesis is its own, so mutations pass the first checks.
#![no_main]

use std::sync::LazyLock;

use countersign_ledger::{Genesis, UnixMillis};
use countersign_wallet::{verify_delivery, verify_evidence};
use libfuzzer_sys::fuzz_target;

static GENUINE: &[u8] = include_bytes!("../seeds/evidence/genuine");
static SIZES: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let genuine = verify_evidence(GENUINE, &GENESIS, UnixMillis(0)).unwrap();
    (genuine.supply.size, genuine.trust.size)
});
static GENESIS: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::parse(include_bytes!("../seeds/evidence-genesis.json")).unwrap());

fuzz_target!(|bytes: &[u8]| {
    let _ = verify_delivery(bytes, &GENESIS);
    // The question and the number of cosignatures may change, but never what the ledger held.
    if let Ok(report) = verify_evidence(bytes, &GENESIS, UnixMillis(0)) {
        assert_eq!((report.supply.size, report.trust.size), *SIZES);
    }
});
