//! A report of a suspicion: what a node takes from anybody, what an authority is answered, and what is found in the seal.
#![no_main]

use countersign_custody::report::{Envelope, Report, page, read_page};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(envelope) = Envelope::from_bytes(bytes) {
        assert_eq!(envelope.to_bytes(), bytes);
        assert!(envelope.open("meds.example", &[7; 32]).is_err());
    }
    if let Some(kept) = read_page(bytes) {
        assert_eq!(page(&kept), bytes);
    }
    if let Some(report) = Report::from_bytes(bytes) {
        assert_eq!(report.to_bytes(), bytes);
    }
});
