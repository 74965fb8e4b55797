//! Any bytes are read as a statement or refused; what is read has exactly these bytes.
#![no_main]

use countersign_ledger::cbor::check_deterministic;
use countersign_ledger::{Statement, cose::Sign1};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sign1) = Sign1::parse(bytes) {
        let _ = sign1.headers();
    }
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(statement.as_bytes(), bytes);
        assert_eq!(check_deterministic(bytes), Ok(()));
    }
});
