//! Symbols beyond those that we draw: with any byte, in parts, made of dots.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test"
)]

use std::time::Duration;

use countersign_scan::gs1::Gs1Error;
use countersign_scan::{Luma, NotAProduct, ScanResult, Scanner, Symbol, decode, identify};
use datamatrix::placement::MatrixMap;
use datamatrix::{DataMatrix, SymbolList, SymbolSize, errorcode};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

const LINK: &str = "https://id.gs1.org/01/09506000134352/10/ABC/21/XYZ789";

/// Grey pixels of dark modules, each `pitch` pixels wide; a dark module is a disc of `dot` times the pitch, or filled.
fn paint(width: usize, dark: &[bool], pitch: usize, dot: Option<f64>) -> (usize, usize, Vec<u8>) {
    let (quiet, height) = (4 * pitch, dark.len() / width);
    let (w, h) = (width * pitch + 2 * quiet, height * pitch + 2 * quiet);
    let mut pixels = vec![230_u8; w * h];
    for (index, _) in dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (left, top) = (quiet + index % width * pitch, quiet + index / width * pitch);
        let reach = pitch;
        for y in top.saturating_sub(reach)..(top + pitch + reach).min(h) {
            for x in left.saturating_sub(reach)..(left + pitch + reach).min(w) {
                let offset = |at: usize, from: usize| at as f64 + 0.5 - from as f64 - pitch as f64 / 2.0;
                let (dx, dy) = (offset(x, left), offset(y, top));
                let inside = match dot {
                    Some(dot) => dx.hypot(dy) <= dot * pitch as f64 / 2.0,
                    None => dx.abs().max(dy.abs()) <= pitch as f64 / 2.0,
                };
                if inside {
                    pixels[y * w + x] = 30;
                }
            }
        }
    }
    (w, h, pixels)
}

fn read((width, height, pixels): &(usize, usize, Vec<u8>)) -> Vec<Symbol> {
    decode(&Luma::new(*width, *height, *width, pixels).unwrap())
}

fn dark_of(code: &QrCode) -> Vec<bool> {
    code.to_colors().into_iter().map(|color| color == Color::Dark).collect()
}

fn qr(bits: impl Fn(&mut Bits)) -> (usize, Vec<bool>) {
    let mut all = Bits::new(Version::Normal(8));
    bits(&mut all);
    all.push_terminator(EcLevel::M).unwrap();
    let code = QrCode::with_bits(all, EcLevel::M).unwrap();
    (code.width(), dark_of(&code))
}

#[test]
fn a_nul_is_a_character_and_ends_nothing() {
    for text in [
        "https://id.gs1.org/01/09506000134352/10/ABC\u{0}123/21/XYZ789".to_owned(),
        format!("{LINK}\0/10/OTHER"),
        format!("\0{LINK}"),
        format!("{LINK}\0"),
    ] {
        let (width, dark) = qr(|bits| bits.push_byte_data(text.as_bytes()).unwrap());
        let symbols = read(&paint(width, &dark, 4, None));
        assert_eq!((symbols.len(), &symbols[0].text), (1, &text));
        let refused = identify(&symbols[0], 2026).unwrap_err();
        assert!(!matches!(refused, NotAProduct::NoGtin), "{text:?}: {refused}");
    }
    let text = "010950600013435210ABC\u{0}123\u{1d}21XYZ789";
    let matrix =
        DataMatrix::encode_gs1(text.as_bytes(), SymbolList::default().enforce_square()).unwrap().bitmap();
    let symbols = read(&paint(matrix.width(), matrix.bits(), 4, None));
    assert_eq!((symbols[0].text.as_str(), symbols[0].identifier.as_str()), (text, "]d2"));
    assert!(identify(&symbols[0], 2026).is_err());
}

#[test]
fn letters_of_two_bytes_are_not_taken_for_nuls() {
    let text: Vec<u8> = LINK.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (width, dark) = qr(|bits| {
        bits.push_eci_designator(25).unwrap();
        bits.push_byte_data(&text).unwrap();
    });
    assert_eq!(read(&paint(width, &dark, 4, None))[0].text, LINK);
}

/// The symbols of a structured append; `QrCode` has no call for their header, which is 20 bits in front of the data.
fn parts(texts: &[&str]) -> Vec<(usize, Vec<bool>)> {
    let parity = texts.concat().bytes().fold(0, |parity, byte| parity ^ byte);
    let part = |(number, text): (usize, &&str)| {
        let version = Version::Normal(4);
        let mut bits = vec![false; 0];
        let mut push = |count: usize, value: usize| {
            bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        };
        push(4, 3);
        push(4, number);
        push(4, texts.len() - 1);
        push(8, parity.into());
        push(4, 4);
        push(8, text.len());
        text.bytes().for_each(|byte| push(8, byte.into()));
        push(4, 0);
        let mut bytes: Vec<u8> = bits
            .chunks(8)
            .map(|byte| (0..8).fold(0, |all, bit| all << 1 | u8::from(byte.get(bit) == Some(&true))))
            .collect();
        // Version 4 at level M holds 64 bytes of data.
        let pad = [0xec, 0x11].into_iter().cycle().take(64 - bytes.len()).collect::<Vec<u8>>();
        bytes.extend(pad);
        let (data, correction) = qrcode::ec::construct_codewords(&bytes, version, EcLevel::M).unwrap();
        let mut canvas = qrcode::canvas::Canvas::new(version, EcLevel::M);
        canvas.draw_all_functional_patterns();
        canvas.draw_data(&data, &correction);
        let canvas = canvas.apply_best_mask();
        let dark = canvas.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        (33, dark)
    };
    texts.iter().enumerate().map(part).collect()
}

#[test]
fn a_part_of_a_text_is_not_the_text() {
    let texts = [&LINK[..42], &LINK[42..]];
    let painted: Vec<_> = parts(&texts).iter().map(|(width, dark)| paint(*width, dark, 4, None)).collect();
    for (number, one) in (1..).zip(&painted) {
        let symbols = read(one);
        let refused = identify(&symbols[0], 2026).unwrap_err();
        assert_eq!(refused, NotAProduct::Gs1(Gs1Error::Part { number, of: 2 }));
        assert_eq!(
            refused.to_string(),
            format!("the symbol is part {number} of 2: show all of them at once")
        );
    }
    let (width, height, first) = &painted[0];
    for order in [[first, &painted[1].2], [&painted[1].2, first]] {
        let both = (*width, 2 * height, order.map(Vec::as_slice).concat());
        let symbols = read(&both);
        assert_eq!(symbols.len(), 1);
        assert_eq!(identify(&symbols[0], 2026).unwrap().serial.as_deref(), Some("XYZ789"));
    }
}

/// The same as Data Matrix, ISO/IEC 16022, 5.6: its header is four codewords in front of the data.
fn matrices(texts: &[&str]) -> Vec<(usize, Vec<bool>)> {
    let part = |(number, text): (usize, &&str)| {
        let place = number << 4 | (17 - texts.len());
        let mut words = vec![233, u8::try_from(place).unwrap(), 12, 34];
        words.extend((number == 0).then_some(232));
        words.extend(text.bytes().map(|byte| byte + 1));
        // Square 24 holds 36 codewords of data; padding is ignored.
        words.resize(36, 129);
        words.extend(errorcode::encode_error(&words, SymbolSize::Square24));
        let bitmap = MatrixMap::<bool>::new_with_codewords(&words, SymbolSize::Square24).bitmap();
        (bitmap.width(), bitmap.bits().to_vec())
    };
    texts.iter().enumerate().map(part).collect()
}

#[test]
fn parts_are_joined_across_live_frames() {
    let elements = "010950600013435217281130\u{31}0ABC\u{1d}21XYZ789";
    let three = [&elements[..20], &elements[20..28], &elements[28..]];
    for (texts, drawn) in [
        (vec![&LINK[..42], &LINK[42..]], parts(&[&LINK[..42], &LINK[42..]])),
        (three.to_vec(), matrices(&three)),
    ] {
        let of = u8::try_from(texts.len()).unwrap();
        let painted: Vec<_> = drawn.iter().map(|(width, dark)| paint(*width, dark, 5, None)).collect();
        let mut scanner = Scanner::new();
        let mut look = |(width, height, pixels): &(usize, usize, Vec<u8>)| {
            let frame = Luma::new(*width, *height, *width, pixels).unwrap();
            scanner.look(&frame, Duration::MAX, || Duration::ZERO)
        };
        for (number, one) in (1..=of).zip(&painted).skip(1).rev() {
            assert_eq!(look(one), ScanResult::Part { number, of });
            assert_eq!(look(one), ScanResult::Part { number, of });
        }
        let ScanResult::Symbols(symbols) = look(&painted[0]) else { panic!("{texts:?}") };
        assert_eq!(symbols.iter().map(|one| one.text.clone()).collect::<Vec<_>>(), [texts.concat()]);
        assert_eq!(identify(&symbols[0], 2026).unwrap().serial.as_deref(), Some("XYZ789"));
    }
}

#[test]
fn dots_are_read_as_modules() {
    let text = "010950600013435217281130\u{31}0NW2611A\u{1d}21PGH46ZQFH5";
    let matrix =
        DataMatrix::encode_gs1(text.as_bytes(), SymbolList::default().enforce_square()).unwrap().bitmap();
    let mut missed = Vec::new();
    for pitch in [4, 5, 6, 8, 10, 12, 16] {
        for dot in [0.6, 0.7, 0.8, 0.9, 1.0, 1.1] {
            let symbols = read(&paint(matrix.width(), matrix.bits(), pitch, Some(dot)));
            match symbols.as_slice() {
                [symbol] => assert_eq!(symbol.text, text, "misread at pitch {pitch}, dots of {dot}"),
                _ => missed.push((pitch, dot)),
            }
        }
    }
    println!("missed {missed:?}");
    assert_eq!(missed, []);
}
