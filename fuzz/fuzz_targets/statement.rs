//! Any bytes are a statement or are not; what is read is exactly what was written.
#![no_main]

use countersign_ledger::{Statement, check_deterministic, cose::Sign1};
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
