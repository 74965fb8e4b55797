//! Evidence from anyone: nothing that was not made for a ledger is believed for it.
#![no_main]

use std::sync::LazyLock;

use countersign_ledger::Genesis;
use countersign_wallet::verify_evidence;
use libfuzzer_sys::fuzz_target;

static GENESIS: LazyLock<Genesis> = LazyLock::new(|| {
    Genesis { name: "ledger.example".into(), policy: String::new(), domains: Vec::new(), tls: Vec::new() }
});

fuzz_target!(|bytes: &[u8]| {
    assert!(verify_evidence(bytes, &GENESIS).is_err());
});
