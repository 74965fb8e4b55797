//! The vectors that the second implementation made (`tests/reference`), which knows nothing of this one.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use countersign_abe::{Attribute, Encapsulation, MasterKey, Policy, PublicKey, SecretKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct File<G, I, E> {
    given: G,
    accepted: Vec<Accepted<I, E>>,
    refused: Vec<Refused<I>>,
}

#[derive(Deserialize)]
struct Accepted<I, E> {
    name: String,
    #[serde(flatten)]
    input: I,
    expect: E,
}

#[derive(Deserialize)]
struct Refused<I> {
    name: String,
    #[serde(flatten)]
    input: I,
    reason: String,
}

fn read<G: DeserializeOwned, I: DeserializeOwned, E: DeserializeOwned>(text: &str) -> File<G, I, E> {
    let file: File<G, I, E> = serde_json::from_str(text).unwrap();
    assert!(!file.accepted.is_empty() && file.refused.len() >= 5 * file.accepted.len());
    file
}

/// The name of an error, as the files have it.
fn reason(error: impl Debug) -> String {
    let name = format!("{error:?}");
    let name = name.split('(').next().unwrap_or_default();
    let words = name.char_indices().map(|(at, c)| match c {
        c if c.is_ascii_uppercase() && at > 0 => format!("-{}", c.to_ascii_lowercase()),
        c => c.to_ascii_lowercase().to_string(),
    });
    words.collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Base64 (RFC 4648, with padding).
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |c: u8| u32::try_from(ALPHABET.iter().position(|&known| known == c).unwrap()).unwrap();
    let digits: Vec<u8> = text.bytes().filter(|&c| c != b'=').collect();
    let group = |group: &[u8]| {
        let bits = group.iter().enumerate().fold(0, |bits, (n, &c)| bits | value(c) << (18 - 6 * n));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
struct Canonical {
    canonical: String,
}

#[test]
fn policies_of_the_vectors_are_read() {
    let file: File<serde_json::Value, Text, Canonical> =
        read(include_str!("../../../tests/vectors/abe/policy.json"));
    for Accepted { name, input, expect } in file.accepted {
        assert_eq!(Policy::parse(&input.text).unwrap().as_str(), expect.canonical, "{name}");
    }
    for Refused { name, input, reason: expected } in file.refused {
        assert_eq!(reason(Policy::parse(&input.text).unwrap_err()), expected, "{name}");
    }
}

#[derive(Deserialize)]
struct Authority {
    master: String,
    public: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct Issued {
    attributes: Vec<String>,
    random: String,
}

#[test]
fn keys_of_the_vectors_are_read_and_issued_again() {
    let file: File<Authority, Key, Issued> = read(include_str!("../../../tests/vectors/abe/key.json"));
    let master = MasterKey::new(&hex(&file.given.master).try_into().unwrap());
    assert_eq!(master.public_key().as_bytes(), base64(&file.given.public));
    for Accepted { name, input, expect } in file.accepted {
        let key = SecretKey::parse(&base64(&input.key)).unwrap();
        let attributes: BTreeSet<Attribute> =
            expect.attributes.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(key.attributes(), attributes, "{name}");
        let again = master.issue(&attributes, &hex(&expect.random).try_into().unwrap()).unwrap();
        assert_eq!(again.to_bytes().as_slice(), base64(&input.key), "{name}");
    }
    for Refused { name, input, reason: expected } in file.refused {
        assert_eq!(reason(SecretKey::parse(&base64(&input.key)).unwrap_err()), expected, "{name}");
    }
}

#[derive(Deserialize)]
struct Public {
    public: String,
}

#[derive(Deserialize)]
struct Opening {
    key: String,
    encapsulation: String,
}

#[derive(Deserialize)]
struct Opened {
    policy: String,
    random: String,
    shared: String,
}

#[test]
fn encapsulations_of_the_vectors_are_opened_and_made_again() {
    let file: File<Public, Opening, Opened> =
        read(include_str!("../../../tests/vectors/abe/encapsulation.json"));
    let public = PublicKey::parse(&base64(&file.given.public)).unwrap();
    let open = |input: &Opening| {
        let key = SecretKey::parse(&base64(&input.key)).unwrap();
        let encapsulation = Encapsulation::parse(&base64(&input.encapsulation)).map_err(reason)?;
        let shared = key.decapsulate(&public, &encapsulation).map_err(reason)?;
        Ok::<_, String>((encapsulation, shared))
    };
    for Accepted { name, input, expect } in file.accepted {
        let (encapsulation, shared) = open(&input).unwrap();
        assert_eq!(encapsulation.policy().as_str(), expect.policy, "{name}");
        assert_eq!(shared.as_bytes().as_slice(), hex(&expect.shared), "{name}");
        let random = hex(&expect.random).try_into().unwrap();
        let (again, _) = public.encapsulate(encapsulation.policy(), &random);
        assert_eq!(again.as_bytes(), base64(&input.encapsulation), "{name}");
    }
    for Refused { name, input, reason: expected } in file.refused {
        assert_eq!(open(&input).unwrap_err(), expected, "{name}");
    }
}
