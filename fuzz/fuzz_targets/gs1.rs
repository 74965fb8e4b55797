//! What a symbol says: accepted text means the same when it is written and read again.
#![no_main]

use countersign_scan::gs1::{Message, Partners};
use countersign_scan::{Product, identify_text, readings, splits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for identifier in ["]d2", "]Q3", "]d1", "]Q1"] {
        if let Ok(product) = identify_text(identifier, text, 2026) {
            let _ = splits(&product, 2026);
            assert!(product.class_uri().starts_with("https://id.gs1.org/01/"));
        }
    }
    let _ = readings(text, 2026);
    for message in [Message::from_bracketed(text, Partners::OnAnyCarrier), Message::from_link(text, Partners::OnAnyCarrier)] {
        let Ok(message) = message else { continue };
        let again = Message::from_bracketed(&message.to_bracketed(), Partners::OnAnyCarrier).expect("what we write we read");
        assert_eq!(again.to_bracketed(), message.to_bracketed());
        let _ = Product::from_message(&message, 2026);
    }
});
