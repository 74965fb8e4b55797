//! Any bytes are read as a receipt or refused; none verifies under a key that never signed.
#![no_main]

use countersign_ledger::Hash;
use countersign_ledger::receipt::{Receipt, ReceiptKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert!(receipt.verify(Hash::of(bytes), &ReceiptKey::EdDsa([1; 32])).is_err());
    }
});
