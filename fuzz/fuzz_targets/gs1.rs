//! What a symbol says, through every parser: accepted text means the same when it is written and read again.
#![no_main]

use countersign_scan::gs1::{Content, Message, Partners};
use countersign_scan::{Code, NotAProduct, Product, identify_text};
use libfuzzer_sys::fuzz_target;

const IDENTIFIERS: [&str; 10] = ["]d2", "]Q3", "]C1", "]e0", "]J1", "]d1", "]Q1", "]J0", "]E0", "]E4"];
const PARTNERS: Partners = Partners::OnAnyCarrier;

fuzz_target!(|text: &str| {
    for identifier in IDENTIFIERS {
        match identify_text(identifier, text, 2026) {
            Ok(product) => {
                assert!(Code::scanned(identifier, text).readings(2026).len() <= 64);
                assert!(product.class_uri().starts_with("https://id.gs1.org/01/"));
            }
            Err(NotAProduct::Misread { readings, .. }) => assert!((1..=64).contains(&readings.len())),
            Err(_) => {}
        }
    }
    let _ = Content::from_line(text, PARTNERS);
    let typed = Code::typed(text);
    let _ = (typed.product(2026), typed.unit());
    assert!(typed.readings(2026).len() <= 64);
    // A compressed link is the last segment of a path: few mutations would find the rest of it by themselves.
    let compressed = format!("https://example.com/{text}");
    let after_key = format!("https://example.com/01/09506000134352/{text}");
    let read = [
        Message::from_element_string(text, PARTNERS),
        Message::from_bracketed(text, PARTNERS),
        Message::from_link(text, PARTNERS),
        Message::from_link(&compressed, PARTNERS),
        Message::from_link(&after_key, PARTNERS),
        Message::from_compressed_link(text, PARTNERS),
        Message::from_compressed_link(&compressed, PARTNERS),
        Message::from_compressed_link(&after_key, PARTNERS),
    ];
    for message in read.into_iter().flatten() {
        let again = Message::from_bracketed(&message.to_bracketed(), PARTNERS).expect("what we write we read");
        assert_eq!(again.to_bracketed(), message.to_bracketed());
        let string = message.to_element_string();
        assert_eq!(Message::from_element_string(&string, PARTNERS).expect("what we write we read"), again);
        if let Ok(link) = message.to_link() {
            let again = Message::from_link(&link, PARTNERS).expect("what we write we read");
            assert_eq!(again.to_link(), Ok(link));
        }
        let _ = Product::from_message(&message, 2026);
    }
});
