//! A medical document, cut and joined, and shown; a part and an extraction of one.
#![no_main]

use countersign_records::{Cut, Extraction, Inventory, Paper, Part, REMAINDER, RecordLink, Row, View, join};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(cut) = Cut::new(bytes) {
        let parts = cut.parts();
        assert_eq!(join(&parts).expect("parts that were cut"), bytes);
        let _ = View::of(&parts);
        for part in &parts {
            let read = Part::from_bytes(part.number(), part.as_bytes().to_vec().into())
                .expect("a part that was written");
            assert!(read == *part);
            let _ = View::of(std::slice::from_ref(part));
        }
    }
    for number in [0, REMAINDER, 3] {
        if let Ok(part) = Part::from_bytes(number, bytes.to_vec().into()) {
            assert_eq!(part.as_bytes(), bytes);
            let _ = (View::of(std::slice::from_ref(&part)), join(std::slice::from_ref(&part)));
        }
    }
    let _ = (Extraction::from_bytes(bytes), Row::from_bytes(bytes));
    if let Some(inventory) = Inventory::from_bytes(bytes) {
        assert_eq!(inventory.to_bytes(), bytes);
    }
    let _ = std::str::from_utf8(bytes).map(|text| (RecordLink::parse(text).is_ok(), Paper::parse(text).is_ok()));
});
