//! From a symbol's text to a product, and the errors if it names none.
#![allow(clippy::unwrap_used, clippy::panic, clippy::format_collect, reason = "a test")]

use countersign_scan::gs1::{Content, Date, Fault, Gs1Error, Gtin, LinkFault, Message, NoLink, Partners};
use countersign_scan::{Luma, MAX_SIDE, NotAFrame, NotAProduct, Picture, Ppn, Product, Slip, identify_text};

const PACK: &str = "010950600013435217281130\u{1d}10ABC\u{1d}21S/1";

#[test]
fn the_identifier_alone_makes_data_gs1() {
    for identifier in ["]d2", "]d8", "]Q3", "]C1", "]e0", "]J1", "]Q4", "]d5", "]dB", "]J4"] {
        assert_eq!(
            identify_text(identifier, PACK, 2026).unwrap().serial.as_deref(),
            Some("S/1"),
            "{identifier}"
        );
    }
    for identifier in ["]d1", "]Q1", "]J0"] {
        let Err(NotAProduct::Misread { fault, readings }) = identify_text(identifier, PACK, 2026) else {
            panic!("{identifier} announces nothing")
        };
        assert_eq!((*fault, readings[0].slip), (NotAProduct::Other, Slip::Unannounced), "{identifier}");
    }
    for identifier in ["]A0", "]d3", "", "]"] {
        let refused = Err(NotAProduct::Gs1(Gs1Error::UnknownSymbology));
        assert_eq!(identify_text(identifier, PACK, 2026), refused, "{identifier}");
    }
}

#[test]
fn subjects_are_canonical_links() {
    let product = identify_text("]d2", PACK, 2026).unwrap();
    assert_eq!(product.class_uri(), "https://id.gs1.org/01/09506000134352");
    assert_eq!(product.lot_uri().unwrap(), "https://id.gs1.org/01/09506000134352/10/ABC");
    assert_eq!(product.pack_uri().unwrap(), "https://id.gs1.org/01/09506000134352/10/ABC/21/S%2F1");
    let bare = Product { lot: None, ..product };
    assert_eq!(bare.lot_uri(), None);
    assert_eq!(bare.pack_uri().unwrap(), "https://id.gs1.org/01/09506000134352/21/S%2F1");
    // The link on the pack may lead anywhere; the subject is the same.
    let link = "https://evil.example/x/01/09506000134352/10/ABC/21/S%2f1?17=281130&utm=1#top";
    assert_eq!(
        identify_text("]Q1", link, 2026).unwrap().pack_uri(),
        identify_text("]d2", PACK, 2026).unwrap().pack_uri()
    );
}

#[test]
fn gtins_of_every_length_are_the_same_article() {
    assert_eq!(Gtin::new("9506000134352"), Gtin::new("09506000134352"));
    assert_eq!(identify_text("]E0", "9506000134352", 2026).unwrap().gtin.as_str(), "09506000134352");
    assert_eq!(Gtin::new("96385074").unwrap().as_str(), "00000096385074");
    for wrong in ["", "9506000134353", "950600013435", "09506000134352 ", "0950600013435a", "009506000134352"]
    {
        assert_eq!(Gtin::new(wrong), Err(Gs1Error::NotAGtin), "{wrong}");
    }
}

#[test]
fn the_century_is_the_nearest_one() {
    let year = |digits: &str, now| Date::from_yymmdd(digits, now).unwrap().year();
    assert_eq!(year("760101", 2026), 2076);
    assert_eq!(year("770101", 2026), 1977);
    assert_eq!(year("000101", 2026), 2000);
    assert_eq!(year("100101", 2060), 2110);
    assert_eq!(year("110101", 2060), 2011);
    assert_eq!(year("490101", 2000), 2049);
    assert_eq!(year("510101", 2000), 1951);
}

#[test]
fn day_00_is_the_last_of_the_month() {
    let date = |digits| Date::from_yymmdd(digits, 2026).unwrap().to_string();
    assert_eq!(date("260200"), "2026-02-28");
    assert_eq!(date("280200"), "2028-02-29");
    assert_eq!(date("261200"), "2026-12-31");
    assert_eq!(Date::from_yymmdd("261300", 2026), Err(Fault::Month));
    assert_eq!(Date::from_yymmdd("260230", 2026), Err(Fault::Day));
    // 2100 is not a leap year, which the digits alone do not show.
    assert_eq!(Date::from_yymmdd("000229", 2060), Err(Fault::Day));
}

#[test]
fn an_expiry_to_the_minute_counts_as_its_day() {
    let product = identify_text("]d2", "010950600013435270032611301530", 2026).unwrap();
    assert_eq!(product.expiry, Date::new(2026, 11, 30));
}

#[test]
fn a_reason_is_not_told_again_as_its_own_cause() {
    let refused = identify_text("]d2", "nonsense", 2026).unwrap_err();
    assert_eq!(refused.to_string(), Gs1Error::UnknownAi.to_string());
    assert!(std::error::Error::source(&refused).is_none());
}

#[test]
fn each_refusal_has_its_own_reason() {
    let refusal = |identifier, text| match identify_text(identifier, text, 2026) {
        Err(NotAProduct::Gs1(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal("]d2", ""), Gs1Error::Empty);
    assert_eq!(refusal("]d2", "0109506000134353"), Gs1Error::Value { ai: "01", fault: Fault::CheckDigit });
    assert_eq!(refusal("]d2", "010950600013435"), Gs1Error::WrongLength("01"));
    assert_eq!(refusal("]d2", "010950600013435289"), Gs1Error::UnknownAi);
    assert_eq!(refusal("]d2", "01095060001343522112345678901234567890X"), Gs1Error::TooLong("21"));
    assert_eq!(refusal("]d2", "010950600013435210A\u{1d}10B"), Gs1Error::Contradiction("10"));
    assert_eq!(refusal("]d2", "0109506000134352375"), Gs1Error::Excluded("01", "37"));
    assert_eq!(refusal("]d2", "010950600013435210é"), Gs1Error::Value { ai: "10", fault: Fault::NotInSet82 });
    assert_eq!(refusal("]Q1", "https://example.com/about"), Gs1Error::Link(LinkFault::NoKey));
    assert_eq!(identify_text("]d2", "00006141411234567890", 2026), Err(NotAProduct::NoGtin));
    let required = Message::from_element_string("250A\u{1d}0109506000134352", Partners::Required);
    assert_eq!(required, Err(Gs1Error::MissingPartner("250")));
    let no_link = Message::from_bracketed("(10)A", Partners::OnAnyCarrier).unwrap().to_link();
    assert_eq!(no_link, Err(NoLink::NoKey));
}

#[test]
fn no_text_is_too_long_to_be_refused() {
    let long = "9".repeat(100_000);
    assert_eq!(Message::from_element_string(&long, Partners::Required), Err(Gs1Error::TooMuchText));
    assert_eq!(Message::from_bracketed(&long, Partners::Required), Err(Gs1Error::TooMuchText));
    assert_eq!(Message::from_link(&long, Partners::Required), Err(Gs1Error::TooMuchText));
    assert_eq!(Content::from_line(&format!("]d1{long}"), Partners::Required), Err(Gs1Error::TooMuchText));
}

#[test]
fn a_pack_numbered_by_ifa_is_recognised() {
    let text = |more: &str| {
        format!("[)>\u{1e}06\u{1d}9N110375286414\u{1d}1TABC123\u{1d}D280200\u{1d}S7QH4{more}\u{1e}\u{4}")
    };
    let expected = Ppn {
        number: "110375286414".into(),
        lot: Some("ABC123".into()),
        serial: Some("7QH4".into()),
        expiry: Date::new(2028, 2, 29),
        gtin: None,
    };
    assert_eq!(identify_text("]d1", &text(""), 2026), Err(NotAProduct::Ppn(expected)));
    let with_gtin = identify_text("]d1", &text("\u{1d}8P09506000134352"), 2026).unwrap();
    assert_eq!(with_gtin.pack_uri().unwrap(), "https://id.gs1.org/01/09506000134352/10/ABC123/21/7QH4");
    // A serial that no GS1 code can have is not left out: the pack would pass for any other of its lot.
    for (field, long) in [("S7QH4", "S123456789012345678901"), ("1TABC123", "1TABC 123")] {
        let wrong =
            identify_text("]d1", &text("\u{1d}8P09506000134352").replace(field, long), 2026).unwrap_err();
        assert!(matches!(wrong, NotAProduct::Ppn(_)), "{wrong}");
        assert!(wrong.to_string().contains("is not 1 to 20 printed characters"), "{wrong}");
    }
    let misread = text("").replace("9N110375286414", "9N110375286415");
    assert_eq!(identify_text("]d1", &misread, 2026), Err(NotAProduct::Other));
}

/// Links from GS1's own compressor.
#[test]
fn compressed_links_are_read() {
    let lines: Vec<_> =
        include_str!("data/compressed.tsv").lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 10);
    for line in lines {
        let (plain, compressed) = line.split_once('\t').unwrap();
        let expected = Message::from_link(plain, Partners::OnAnyCarrier).unwrap();
        let found = Message::from_compressed_link(compressed, Partners::OnAnyCarrier).expect(line);
        assert_eq!(found.to_link(), expected.to_link(), "{line}");
        assert_eq!(identify_text("]Q1", compressed, 2026), identify_text("]Q1", plain, 2026), "{line}");
        // A link with one character more or less is another link.
        let shorter = &compressed[..compressed.len() - 2];
        let shorter = Message::from_compressed_link(shorter, Partners::OnAnyCarrier);
        assert!(shorter.is_err() || shorter.unwrap().to_link() != expected.to_link(), "{line}");
    }
    for other in
        ["https://example.com/about", "https://youtu.be/dQw4w9WgXcQ", "https://example.com/ARFKk4XBoQ"]
    {
        assert!(Message::from_compressed_link(other, Partners::OnAnyCarrier).is_err(), "{other}");
    }
}

#[test]
fn a_link_may_be_compressed_after_its_key() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // (01) has 8 bits and its value 47; what follows is moved to the front.
    let rank = |symbol| ALPHABET.find(symbol).unwrap();
    let bits: String =
        "ARFKk4XBoCCNV4JGLolFRCydoD8A".chars().map(|symbol| format!("{:06b}", rank(symbol))).collect();
    let rest = format!("{}00000", &bits[55..]);
    let symbol = |bits: &[u8]| {
        let rank = bits.iter().fold(0, |rank, bit| rank * 2 + usize::from(bit - b'0'));
        ALPHABET.chars().nth(rank).unwrap()
    };
    let segment: String = rest.as_bytes().chunks_exact(6).map(symbol).collect();
    let link = format!("https://example.com/shop/01/09506000134352/{segment}");
    let product = identify_text("]Q1", &link, 2026).unwrap();
    assert_eq!(product.pack_uri().unwrap(), "https://id.gs1.org/01/09506000134352/10/ABC123/21/7QH4");
}

#[test]
fn a_frame_is_bounded_and_whole() {
    let pixels = vec![0; 100];
    let refused = |width, height, stride| Luma::new(width, height, stride, &pixels).err();
    assert_eq!(refused(10, 10, 10), None);
    assert_eq!(refused(9, 10, 10), None);
    assert_eq!(refused(0, 10, 10), Some(NotAFrame::Empty));
    assert_eq!(refused(MAX_SIDE + 1, 1, MAX_SIDE + 1), Some(NotAFrame::TooLarge));
    assert_eq!(refused(10, 5, 9), Some(NotAFrame::Stride));
    assert_eq!(refused(10, 11, 10), Some(NotAFrame::TooShort));
    assert_eq!(refused(2, 3, usize::MAX), Some(NotAFrame::TooShort));
}

#[test]
fn a_large_colour_picture_becomes_a_frame() {
    let picture = Picture::from_rgba(MAX_SIDE + 1, 3, &[0, 0, 0, 255].repeat((MAX_SIDE + 1) * 3)).unwrap();
    assert_eq!((picture.width(), picture.height()), (MAX_SIDE / 2 + 1, 2));
    assert!(picture.pixels().iter().all(|&pixel| pixel == 0));
    assert_eq!(Picture::from_rgba(1, 1, &[0, 0, 0, 0]).unwrap().pixels(), [255]);
    assert_eq!(Picture::from_rgba(2, 1, &[0; 4]).err(), Some(NotAFrame::TooShort));
    assert_eq!(Picture::from_rgba(usize::MAX, 2, &[]).err(), Some(NotAFrame::TooShort));
}
