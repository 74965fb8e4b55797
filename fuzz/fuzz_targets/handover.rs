//! The messages of a handover between two phones: what is read is written back the same.
#![no_main]

use countersign_custody::handover::{CustodyChain, Offered, answer_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(offered) = Offered::from_bytes(bytes) {
        assert_eq!(Offered::from_bytes(&offered.to_bytes()).expect("what we write we read").id(), offered.id());
    }
    if let Ok(line) = CustodyChain::from_bytes(bytes) {
        assert_eq!(CustodyChain::from_bytes(&line.to_bytes()), Ok(line));
    }
    let _ = answer_in(bytes);
});
