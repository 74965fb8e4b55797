//! The texts of codes, from screen to camera.

use countersign_custody::qr::{Assembly, Codes, NotTaken, Received, encode};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Vectors};

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct Texts {
    /// In the order in which they are read.
    texts: Vec<String>,
}

fn texts(texts: &[&str]) -> Texts {
    Texts { texts: texts.iter().map(|&text| text.to_owned()).collect() }
}

/// Bytes that are made up.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251).to_le_bytes()[0]).collect()
}

fn shown(bytes: &[u8], parts: usize) -> Vec<String> {
    match encode(bytes).unwrap() {
        Codes::One(text) => vec![text],
        Codes::Parts(shown) => shown.take(parts).collect(),
    }
}

const fn reason(error: NotTaken) -> &'static str {
    match error {
        NotTaken::NotOurs => "not-ours",
        NotTaken::TooLarge => "too-large",
        NotTaken::TooManyParts => "too-many-parts",
        NotTaken::Damaged => "damaged",
        NotTaken::OtherMessage => "other-message",
        NotTaken::Checksum => "checksum",
        NotTaken::Endless => "endless",
    }
}

#[test]
fn texts_of_codes() {
    let mut file = Vectors::new(
        &[
            "Codes: the texts of QR codes in which a message is shown: CS1: and Base45 (RFC 9285) where one code holds it, \
             otherwise parts of a UR of type bytes (BCR-2020-005, BCR-2024-001).",
            "The texts are read one after the other, in one assembly. Accepted: the last one makes the message whole. Refused: the \
             reason for which a text is not taken, or `incomplete` if all are taken and the message is not whole.",
        ],
        Nothing {},
    );
    for (name, length, parts) in
        [("one byte", 1, 1), ("500 bytes, the most of one code", 500, 1), ("501 bytes in two parts", 501, 2)]
    {
        file.accept(name, Texts { texts: shown(&bytes(length), parts) }, Blob(bytes(length)));
    }
    let many = shown(&bytes(1000), 9);
    let mixed: Vec<String> = many[3..].iter().rev().map(|text| text.to_ascii_lowercase()).collect();
    let whole = whole_after(&mixed).unwrap();
    let case = Texts { texts: mixed[..=whole].to_vec() };
    file.accept("mixtures alone, in lower case and backwards", case, Blob(bytes(1000)));
    refuse_texts(&mut file, &many);
    refuse_parts(&mut file, &many);
    file.check("transport/codes.json", |Nothing {}, Texts { texts }| {
        let mut assembly = Assembly::default();
        let mut last = None;
        for text in texts {
            assert!(last.is_none(), "a text follows the message");
            if let Received::Whole(bytes) = assembly.feed(text).map_err(|error| reason(error).to_owned())? {
                last = Some(Blob(bytes));
            }
        }
        last.ok_or_else(|| "incomplete".to_owned())
    });
}

/// After which of the texts the message is whole.
fn whole_after(texts: &[String]) -> Option<usize> {
    let mut assembly = Assembly::default();
    texts.iter().position(|text| matches!(assembly.feed(text), Ok(Received::Whole(_))))
}

type File = Vectors<Nothing, Texts, Blob>;

fn refuse_texts(file: &mut File, many: &[String]) {
    let long = format!("UR:BYTES/1-100/{}", "AE".repeat(1500));
    let larger = format!("CS1:{}", "0".repeat(4293));
    for (reason, name, text) in [
        ("not-ours", "no text", ""),
        ("not-ours", "a product's link", "https://id.gs1.org/01/09506000134352"),
        ("not-ours", "another version", "CS2:BB8"),
        ("not-ours", "the prefix in lower case", "cs1:BB8"),
        ("not-ours", "a UR of another type", "UR:SEED/1-2/AEAE"),
        ("damaged", "no message", "CS1:"),
        ("damaged", "a single character", "CS1:A"),
        ("damaged", "a single character at the end", "CS1:BB8A"),
        ("damaged", "three characters that mean more than 65535", "CS1:GGW"),
        ("damaged", "two characters that mean more than 255", "CS1:V5"),
        ("damaged", "a character in lower case", "CS1:bb8"),
        ("damaged", "a character outside the alphabet", "CS1:B_8"),
        ("damaged", "a UR that is no Bytewords", "UR:BYTES/XXXX"),
        ("damaged", "a part without its number", "UR:BYTES/1/AEAE"),
        ("damaged", "part 0", "UR:BYTES/0-2/AEAE"),
        ("damaged", "a part of no parts", "UR:BYTES/1-0/AEAE"),
        ("damaged", "a part with a negative number", "UR:BYTES/-1-2/AEAE"),
        ("damaged", "a part whose body is none", "UR:BYTES/1-2/AEAE"),
        ("too-many-parts", "513 parts", "UR:BYTES/1-513/AEAE"),
        ("too-many-parts", "four thousand million parts", "UR:BYTES/1-4294967295/AEAE"),
        ("too-large", "parts that are more than 64 KiB together", &long),
        ("too-large", "a text longer than any code's", &larger),
        ("incomplete", "the first of three parts", &many[0]),
    ] {
        file.refuse(reason, name, texts(&[text]));
    }
}

fn refuse_parts(file: &mut File, many: &[String]) {
    let part = many[1].as_str();
    let damaged = format!("{}AE", &part[..part.len() - 2]);
    let renumbered = part.replacen("2-3", "3-3", 1);
    let recounted = part.replacen("2-3", "2-4", 1);
    let other = shown(&bytes(999), 2);
    let forged = {
        let mut body = ur::ur::decode(part).unwrap().1;
        *body.last_mut().unwrap() ^= 1;
        let body = ur::bytewords::encode(&body, ur::bytewords::Style::Minimal);
        format!("UR:BYTES/2-3/{}", body.to_ascii_uppercase())
    };
    for (reason, name, case) in [
        ("incomplete", "one part twice", texts(&[&many[0], &many[0]])),
        ("incomplete", "two of three parts", texts(&[&many[0], &many[2]])),
        ("damaged", "a part whose last character was misread", texts(&[&many[0], &damaged])),
        ("damaged", "a part under another number", texts(&[&many[0], &renumbered])),
        ("damaged", "a part of another number of parts", texts(&[&many[0], &recounted])),
        ("other-message", "a part of another message", texts(&[&many[0], &other[1]])),
        (
            "checksum",
            "a part with other contents and its own checksum",
            texts(&[&many[0], &forged, &many[2]]),
        ),
    ] {
        file.refuse(reason, name, case);
    }
}
