//! Texts of QR codes, one per line, as a camera would report them.
#![no_main]

use countersign_custody::qr::{Assembly, Codes, Received, MAX_BYTES, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut assembly = Assembly::default();
    for line in text.lines() {
        if let Ok(Received::Whole(bytes)) = assembly.feed(line) {
            assert!(!bytes.is_empty() && bytes.len() <= MAX_BYTES);
            if let Ok(Codes::One(code)) = encode(&bytes) {
                assert_eq!(Assembly::default().feed(&code), Ok(Received::Whole(bytes)));
            }
        }
        if let Some(progress) = assembly.progress() {
            assert!(progress.have < progress.need);
        }
    }
});
