//! Whatever we draw, we read; whatever we read and write again is canonical; nothing panics.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "a test")]

use countersign_scan::draw::{Carrier, Label, ModuleWidth, NotDrawn, Scale};
use countersign_scan::gs1::{Ai, Content, Date, Gs1Error, Gtin, Message, Partners};
use countersign_scan::{
    Code, Format, Luma, NotAProduct, Picture, Product, Reading, Slip, decode, identify, identify_text,
};
use proptest::prelude::*;

const CARRIERS: [(Carrier, Format, &str); 3] = [
    (Carrier::DataMatrix, Format::DataMatrix, "]d2"),
    (Carrier::Qr, Format::Qr, "]Q3"),
    (Carrier::LinkQr, Format::Qr, "]Q1"),
];

const SET_82: &str = r#"[!"%&'()*+,./0-9:;<=>?A-Z_a-z-]{1,20}"#;

fn scale(pixels: u8) -> Scale {
    Scale::new(pixels).unwrap()
}

fn picture(product: &Product, carrier: Carrier) -> Picture {
    Label::new(&product.to_message().unwrap(), carrier).unwrap().picture(scale(3))
}

prop_compose! {
    fn products()(
        body in "[0-9]{13}",
        lot in proptest::option::of(SET_82),
        serial in proptest::option::of(SET_82),
        expiry in proptest::option::of((1990_u16..2070, 1_u8..=12, 1_u8..=28)),
    ) -> Product {
        let gtin = (0..10).find_map(|digit| Gtin::new(&format!("{body}{digit}")).ok()).unwrap();
        let expiry = expiry.map(|(year, month, day)| Date::new(year, month, day).unwrap());
        Product { gtin, lot, serial, expiry }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_product_drawn_is_read_again(product in products()) {
        for (carrier, format, identifier) in CARRIERS {
            let symbols = decode(&picture(&product, carrier).frame().unwrap());
            prop_assert_eq!(symbols.len(), 1, "{:?}", carrier);
            prop_assert_eq!(symbols[0].format, format);
            prop_assert_eq!(&symbols[0].identifier, identifier);
            prop_assert_eq!(identify(&symbols[0], 2026).unwrap(), product.clone());
        }
    }

    #[test]
    fn no_frame_makes_the_decoder_panic(width in 1_usize..60, pixels in proptest::collection::vec(any::<u8>(), 60..3600)) {
        let frame = Luma::new(width, pixels.len() / width, width, &pixels).unwrap();
        prop_assert!(decode(&frame).len() <= 16);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_written_is_read_back(product in products()) {
        let message = product.to_message().unwrap();
        let again = [
            Message::from_element_string(&message.to_element_string(), Partners::Required),
            Message::from_bracketed(&message.to_bracketed(), Partners::Required),
            Message::from_link(&message.to_link().unwrap(), Partners::Required),
        ];
        for again in again {
            prop_assert_eq!(&Product::from_message(&again.unwrap(), 2026).unwrap(), &product);
        }
    }

    /// Qualifiers go to the path in their order and attributes to the query; a second writing changes nothing.
    #[test]
    fn every_link_written_is_read_back(
        product in products(),
        variant in proptest::option::of(SET_82),
        attributes in proptest::collection::btree_map(
            proptest::sample::select(vec!["11", "240", "3103", "400", "710", "90", "98"]), SET_82, 0..5),
        shift in 0_usize..8,
    ) {
        let message = product.to_message().unwrap();
        let mut pairs: Vec<(&str, String)> =
            message.elements().iter().map(|one| (one.ai().code, one.value().to_owned())).collect();
        pairs.extend(variant.map(|variant| ("22", variant)));
        pairs.extend(attributes.into_iter().map(|(code, value)| match code {
            "11" => (code, "261130".to_owned()),
            "3103" => (code, "000750".to_owned()),
            _ => (code, value),
        }));
        let count = pairs.len();
        pairs.rotate_left(shift % count);
        let borrowed: Vec<(&str, &str)> = pairs.iter().map(|(code, value)| (*code, value.as_str())).collect();
        let partners = Partners::OnAnyCarrier;
        let written = Message::from_pairs(&borrowed, partners).unwrap().to_link().unwrap();
        let read = Message::from_link(&written, partners).unwrap();
        for (code, value) in &pairs {
            prop_assert_eq!(read.value(code), Some(value.as_str()), "{}", written);
        }
        prop_assert_eq!(read.elements().len(), count);
        prop_assert_eq!(read.to_link().unwrap(), written);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "[\\x00-\\x7f\\x1d^(]{0,60}|\\PC{0,40}") {
        parse_all(&text);
    }

    #[test]
    fn no_compressed_link_makes_the_parser_panic(start in "[ABCDE][A-Za-z0-9_-]", rest in "[A-Za-z0-9_-]{0,200}") {
        parse_all(&format!("https://example.com/{start}{rest}"));
        parse_all(&format!("https://example.com/01/09506000134352/{start}{rest}"));
    }

    #[test]
    fn no_text_that_looks_like_gs1_makes_a_parser_panic(ais in proptest::collection::vec((0_usize..541, "\\PC{0,12}|[0-9]{0,20}"), 0..6)) {
        let codes: Vec<(&str, String)> = ais.into_iter().map(|(index, value)| (Ai::all()[index].code, value)).collect();
        parse_all(&codes.iter().map(|(code, value)| format!("{code}{value}\x1d")).collect::<String>());
        parse_all(&codes.iter().map(|(code, value)| format!("({code}){value}")).collect::<String>());
        let path: String = codes.iter().map(|(code, value)| format!("/{code}/{value}")).collect();
        let query: String = codes.iter().map(|(code, value)| format!("&{code}={value}")).collect();
        parse_all(&format!("https://example.com{path}?{query}"));
    }
}

/// Every parser on one text. What is accepted is written again and read again without change.
fn parse_all(text: &str) {
    let partners = Partners::OnAnyCarrier;
    let read = [
        Message::from_element_string(text, partners),
        Message::from_bracketed(text, partners),
        Message::from_link(text, partners),
        Message::from_compressed_link(text, partners),
    ];
    for message in read.into_iter().flatten() {
        let string = message.to_element_string();
        let again = Message::from_element_string(&string, partners).unwrap();
        assert_eq!(again.to_element_string(), string);
        assert_eq!(Message::from_bracketed(&message.to_bracketed(), partners).unwrap(), again);
        if let Ok(link) = message.to_link() {
            assert_eq!(Message::from_link(&link, partners).unwrap().to_link().unwrap(), link);
        }
    }
    for identifier in ["]d2", "]Q3", "]C1", "]e0", "]J1", "]d1", "]Q1", "]J0", "]E0", "]E4", ""] {
        if let Err(NotAProduct::Misread { readings, .. }) = identify_text(identifier, text, 2026) {
            assert!((1..=64).contains(&readings.len()));
        }
        let _ = Code::scanned(identifier, text).unit();
    }
    let _ = Content::from_line(text, partners);
    let typed = Code::typed(text);
    assert!(typed.readings(2026).len() <= 64);
    let _ = (typed.product(2026), typed.unit());
}

#[test]
fn a_percent_sign_survives_in_a_gs1_qr_code() {
    let product = Product { lot: Some("A%B%%C".into()), ..pack() };
    let symbols = decode(&picture(&product, Carrier::Qr).frame().unwrap());
    assert_eq!(identify(&symbols[0], 2026), Ok(product));
}

#[test]
fn a_date_without_a_day_is_read_and_never_written() {
    let message = Message::from_bracketed("(01)09506000134352(17)280200(10)A", Partners::Required).unwrap();
    let product = Product::from_message(&message, 2026).unwrap();
    assert_eq!(product.expiry, Date::new(2028, 2, 29));
    assert_eq!(Label::new(&message, Carrier::DataMatrix), Err(NotDrawn::NoDay("17")));
    assert_eq!(product.to_message().unwrap().value("17"), Some("280229"));
}

#[test]
fn the_text_stands_under_the_symbol_in_pixels_and_in_svg() {
    let label = Label::new(&pack().to_message().unwrap(), Carrier::DataMatrix).unwrap();
    let (with, without) = (label.picture(scale(6)), label.clone().without_text().picture(scale(6)));
    assert!(with.height() > without.height() + 4 * 14);
    let below = &with.pixels()[with.width() * without.height()..];
    assert!(below.contains(&0));
    let svg = label.svg(scale(6));
    assert!(svg.contains(">(21) 7QH&lt;4</text>"), "{svg}");
    assert_eq!(svg.matches("<text").count(), 4);
}

#[test]
fn a_label_has_a_size_on_paper_within_what_the_standard_allows() {
    let message = pack().to_message().unwrap();
    for (carrier, micrometres) in [(Carrier::DataMatrix, 380), (Carrier::Qr, 495), (Carrier::LinkQr, 495)] {
        let label = Label::new(&message, carrier).unwrap();
        for (label, micrometres) in
            [(label.clone(), micrometres), (label.with_modules(ModuleWidth::new(254).unwrap()), 254)]
        {
            for pixels in [2, 6, 16] {
                let picture = label.picture(scale(pixels));
                let file = picture.png();
                let at = file.windows(4).position(|name| name == b"pHYs").unwrap() + 4;
                let per_metre = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
                assert_eq!((&file[at + 4..at + 8], file[at + 8]), (&file[at..at + 4], 1));
                let printed = f64::from(pixels) / f64::from(per_metre) * 1e6;
                assert!((printed - f64::from(micrometres)).abs() < 0.1, "{printed}");
                let modules = u32::try_from(picture.width()).unwrap() / u32::from(pixels);
                let side = f64::from(modules * micrometres) / 1000.0;
                let svg = label.svg(scale(pixels));
                let (_, width) = svg.split_once("width=\"").unwrap();
                let width: f64 = width.split_once("mm\"").unwrap().0.parse().unwrap();
                // The text may be wider than the symbol by part of a module.
                assert!(width >= side - 0.001 && width < side + 1.0, "{width} {side}");
                assert!(svg.contains(&format!("viewBox=\"0 0 {} {}\"", picture.width(), picture.height())));
            }
        }
    }
    for beyond in [0, 253, 991] {
        assert_eq!(ModuleWidth::new(beyond), None);
    }
}

#[test]
fn every_module_that_is_drawn_is_read_and_no_smaller_one_is_drawn() {
    let message = pack().to_message().unwrap();
    for carrier in [Carrier::DataMatrix, Carrier::Qr, Carrier::LinkQr] {
        for pixels in 2..=16 {
            let picture = Label::new(&message, carrier).unwrap().picture(scale(pixels));
            let found = decode(&picture.frame().unwrap());
            assert_eq!(found.len(), 1, "{carrier:?} of {pixels} pixels a module");
        }
    }
    assert_eq!((Scale::new(0), Scale::new(1), Scale::new(17)), (None, None, None));
}

#[test]
fn the_picture_is_a_png_with_the_same_pixels() {
    let picture = picture(&pack(), Carrier::LinkQr);
    let read = image::load_from_memory(&picture.png()).unwrap().into_luma8();
    assert_eq!((read.width() as usize, read.height() as usize), (picture.width(), picture.height()));
    assert_eq!(read.as_raw(), picture.pixels());
}

#[test]
fn rows_may_be_longer_than_the_frame() {
    let picture = picture(&pack(), Carrier::DataMatrix);
    let stride = picture.width() + 13;
    let mut padded = Vec::new();
    for row in picture.pixels().chunks(picture.width()) {
        padded.extend(row);
        padded.extend([0; 13]);
    }
    let frame = Luma::new(picture.width(), picture.height(), stride, &padded).unwrap();
    assert_eq!(identify(&decode(&frame)[0], 2026), Ok(pack()));
}

#[test]
fn every_reading_of_a_lost_separator_is_offered() {
    let meant = Product { lot: Some("LOT1".into()), serial: Some("SER1".into()), ..pack() };
    let text = "010950600013435217281130";
    let code = Code::scanned("]d2", &format!("{text}21SER110LOT1"));
    let read = code.product(2026).unwrap();
    assert_eq!(read.serial.as_deref(), Some("SER110LOT1"));
    let readings = code.readings(2026);
    assert!(readings.contains(&lost(meant.clone())), "{readings:?}");
    assert!(readings.iter().all(|reading| reading.product != read));
    // Three lost at once make the serial too long to be accepted.
    let broken = "010950600013435221SER1ABCDE10LOT1ABCDEFG17281130";
    let Err(NotAProduct::Misread { fault, readings }) = identify_text("]d2", broken, 2026) else {
        panic!("{broken} is no serial")
    };
    assert_eq!(*fault, NotAProduct::Gs1(Gs1Error::TooLong("21")));
    let meant = Product { lot: Some("LOT1ABCDEFG".into()), serial: Some("SER1ABCDE".into()), ..meant };
    assert!(readings.contains(&lost(meant)));
}

fn lost(product: Product) -> Reading {
    Reading { product, slip: Slip::SeparatorLost, excuses: true }
}

fn pack() -> Product {
    Product {
        gtin: Gtin::new("09506000134352").unwrap(),
        lot: Some("ABC123".into()),
        serial: Some("7QH<4".into()),
        expiry: Date::new(2028, 11, 30),
    }
}
