//! Evidence bundles from anybody: what is believed is believed without a network, so no bytes may make the reader fail in
//! another way than by a refusal. The seed is a genuine bundle, and the genesis is its own, so mutations get past the
//! first gates.
#![no_main]

use std::sync::LazyLock;

use countersign_ledger::Genesis;
use countersign_wallet::verify_evidence;
use libfuzzer_sys::fuzz_target;

static GENUINE: &[u8] = include_bytes!("../seeds/evidence/genuine");
static SIZES: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let genuine = verify_evidence(GENUINE, &GENESIS).unwrap();
    (genuine.supply.size, genuine.trust.size)
});
static GENESIS: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::parse(include_bytes!("../seeds/evidence-genesis.json")).unwrap());

fuzz_target!(|bytes: &[u8]| {
    // The question is anybody's, and fewer cosignatures may do; what the ledger held is not to be changed.
    if let Ok(report) = verify_evidence(bytes, &GENESIS) {
        assert_eq!((report.supply.size, report.trust.size), *SIZES);
    }
});
