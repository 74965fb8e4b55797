//! A lot's filter from any server: read back the same, and look-ups never panic.
#![no_main]

use countersign_custody::SerialFilter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(filter) = SerialFilter::parse(bytes) {
        assert_eq!(filter.to_bytes(), bytes);
        let _ = filter.contains("ABC123");
    }
});
