//! Who opens what, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeSet;

use countersign_abe::{
    Attribute, DecapsulateError, Encapsulation, FormatError, IssueError, MAX_ATTRIBUTES, MasterKey, Policy,
    PublicKey, SecretKey,
};

fn set(texts: &[&str]) -> BTreeSet<Attribute> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

#[test]
fn who_fits_the_policy_opens_and_nobody_else() {
    let master = MasterKey::new(&[1; 32]);
    let all = ["a: 1", "b: 1", "c: 1", "d: 1"];
    for text in [
        "a: 1",
        "a: 1 and b: 1",
        "a: 1 or b: 1 or c: 1",
        "a: 1 and (b: 1 or (c: 1 and d: 1))",
        "2 of (a: 1, b: 1, c: 1, d: 1)",
        "3 of (a: 1, b: 1, c: 1, d: 1)",
        "2 of (a: 1 and b: 1, c: 1, 2 of (a: 1, c: 1, d: 1))",
        "(a: 1 and b: 1) or (b: 1 and c: 1) or (c: 1 and a: 1)",
        "a: 1 and a: 1",
    ] {
        let (encapsulation, expected) = master.public_key().encapsulate(&policy(text), &[2; 32]);
        let encapsulation = Encapsulation::parse(encapsulation.as_bytes()).unwrap();
        assert_eq!(encapsulation.policy().as_str(), text);
        for chosen in 0..16_u8 {
            let held: Vec<&str> = (0..4).filter(|n| chosen >> n & 1 == 1).map(|n| all[n]).collect();
            let held = set(&[held, vec!["e: 1"]].concat());
            let key = master.issue(&held, &[3; 32]).unwrap();
            let key = SecretKey::parse(&key.to_bytes()).unwrap();
            assert_eq!(key.attributes(), held);
            let told = key.decapsulate(master.public_key(), &encapsulation);
            if encapsulation.policy().is_satisfied_by(&held) {
                assert_eq!(told.unwrap(), expected, "{text}: {held:?}");
            } else {
                assert_eq!(told, Err(DecapsulateError::NotSatisfied), "{text}: {held:?}");
            }
        }
    }
}

#[test]
fn the_largest_policies_and_keys_work() {
    let master = MasterKey::new(&[1; 32]);
    let names: Vec<String> = (0..MAX_ATTRIBUTES).map(|n| format!("a{n}: b")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let key = master.issue(&set(&names), &[3; 32]).unwrap();
    let thresholds = names.chunks(16).map(|names| format!("8 of ({})", names.join(", ")));
    for text in [names.join(" and "), names.join(" or "), thresholds.collect::<Vec<_>>().join(" and ")] {
        let (encapsulation, expected) = master.public_key().encapsulate(&policy(&text), &[2; 32]);
        assert_eq!(key.decapsulate(master.public_key(), &encapsulation).unwrap(), expected);
    }
    let more = set(&[names.as_slice(), &["one: more"]].concat());
    assert_eq!(master.issue(&more, &[3; 32]).unwrap_err(), IssueError);
    assert_eq!(master.issue(&BTreeSet::new(), &[3; 32]).unwrap_err(), IssueError);
}

#[test]
fn no_changed_byte_is_opened() {
    let master = MasterKey::new(&[1; 32]);
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1 and (b: 1 or c: 1)"), &[2; 32]);
    // The third row belongs to an attribute that this key has not: it is compared all the same.
    let key = master.issue(&set(&["a: 1", "b: 1", "x: 1"]), &[3; 32]).unwrap();
    assert!(key.decapsulate(master.public_key(), &encapsulation).is_ok());
    for at in 0..encapsulation.as_bytes().len() {
        for bit in [at % 8, 7 - at % 8] {
            let mut changed = encapsulation.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            if let Ok(changed) = Encapsulation::parse(&changed) {
                assert!(key.decapsulate(master.public_key(), &changed).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn no_changed_byte_of_a_key_opens() {
    let master = MasterKey::new(&[1; 32]);
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1"), &[2; 32]);
    let key = master.issue(&set(&["a: 1"]), &[3; 32]).unwrap();
    let bytes = key.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        if let Ok(changed) = SecretKey::parse(&changed) {
            assert!(changed.decapsulate(master.public_key(), &encapsulation).is_err(), "byte {at}");
        }
    }
}

#[test]
fn rows_and_policies_are_not_exchanged() {
    let master = MasterKey::new(&[1; 32]);
    let key = master.issue(&set(&["a: 1", "b: 1", "c: 1"]), &[3; 32]).unwrap();
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1 and b: 1"), &[2; 32]);
    let bytes = encapsulation.as_bytes();
    let rows = bytes.len() - 2 * 144;
    let refused = |bytes: &[u8]| {
        let changed = Encapsulation::parse(bytes).unwrap();
        assert_eq!(key.decapsulate(master.public_key(), &changed), Err(DecapsulateError::Refused));
    };
    // Two rows in each other's place, two points of a row, a row twice.
    refused(&[&bytes[..rows], &bytes[rows + 144..], &bytes[rows..rows + 144]].concat());
    refused(
        &[&bytes[..rows], &bytes[rows + 48..rows + 96], &bytes[rows..rows + 48], &bytes[rows + 96..]]
            .concat(),
    );
    refused(&[&bytes[..rows + 144], &bytes[rows..rows + 144]].concat());
    // Another policy of the same form over the same bytes, which this key satisfies as well.
    let text = |text: &str| {
        let at = bytes.windows(13).position(|window| window == b"a: 1 and b: 1").unwrap();
        [&bytes[..at], text.as_bytes(), &bytes[at + 13..]].concat()
    };
    refused(&text("a: 1 and c: 1"));
    refused(&text("b: 1 and a: 1"));
    // Another encapsulation's rows, and its hidden seed.
    let (other, _) = master.public_key().encapsulate(&policy("a: 1 and b: 1"), &[4; 32]);
    refused(&[&bytes[..rows], &other.as_bytes()[rows..]].concat());
    refused(&[&bytes[..rows - 32], &other.as_bytes()[rows - 32..rows], &bytes[rows..]].concat());
}

#[test]
fn another_authority_opens_nothing() {
    let [master, other] = [1, 9].map(|seed| MasterKey::new(&[seed; 32]));
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1"), &[2; 32]);
    let (key, foreign) =
        (master.issue(&set(&["a: 1"]), &[3; 32]).unwrap(), other.issue(&set(&["a: 1"]), &[3; 32]).unwrap());
    let refused = Err(DecapsulateError::OtherAuthority);
    assert_eq!(foreign.decapsulate(other.public_key(), &encapsulation), refused);
    assert_eq!(foreign.decapsulate(master.public_key(), &encapsulation), refused);
    assert_eq!(key.decapsulate(other.public_key(), &encapsulation), refused);
    // Renamed to this authority's.
    let mut bytes = foreign.to_bytes().to_vec();
    bytes[1..33].copy_from_slice(master.public_key().id());
    let renamed = SecretKey::parse(&bytes).unwrap();
    assert_eq!(renamed.decapsulate(master.public_key(), &encapsulation), Err(DecapsulateError::Refused));
}

/// Reads something and writes it again.
type Parse = fn(&[u8]) -> Result<Vec<u8>, FormatError>;

#[test]
fn each_thing_has_one_encoding() {
    let master = MasterKey::new(&[1; 32]);
    let key = master.issue(&set(&["a: 1", "b: 1"]), &[3; 32]).unwrap();
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1"), &[2; 32]);
    let public = master.public_key().as_bytes();
    let things: [(Vec<u8>, Parse); 4] = [
        (master.to_bytes().to_vec(), |bytes| MasterKey::parse(bytes).map(|it| it.to_bytes().to_vec())),
        (public.to_vec(), |bytes| PublicKey::parse(bytes).map(|it| it.as_bytes().to_vec())),
        (key.to_bytes().to_vec(), |bytes| SecretKey::parse(bytes).map(|it| it.to_bytes().to_vec())),
        (encapsulation.as_bytes().to_vec(), |bytes| {
            Encapsulation::parse(bytes).map(|it| it.as_bytes().to_vec())
        }),
    ];
    for (bytes, parse) in things {
        assert_eq!(parse(&bytes).unwrap(), bytes);
        assert_eq!(parse(&[]), Err(FormatError::Suite));
        assert_eq!(parse(&[&[2], &bytes[1..]].concat()), Err(FormatError::Suite));
        for len in (1..bytes.len()).step_by(7) {
            assert_eq!(parse(&bytes[..len]), Err(FormatError::Truncated), "{len}");
        }
        assert_eq!(parse(&[&bytes[..], &[0]].concat()), Err(FormatError::Trailing));
    }
}

#[test]
fn attributes_of_a_key_have_one_order_and_form() {
    let master = MasterKey::new(&[1; 32]);
    let bytes = master.issue(&set(&["a: 1", "b: 1"]), &[3; 32]).unwrap().to_bytes();
    let at = 33;
    assert_eq!(&bytes[at..at + 13], b"\x02\0\x04a: 1\0\x04b: 1");
    for wrong in [
        &b"\x02\0\x04b: 1\0\x04a: 1"[..],
        b"\x02\0\x04a: 1\0\x04a: 1",
        b"\x02\0\x04a:1 \0\x04b: 1",
        b"\x02\0\x04A: 1\0\x04b: 1",
        b"\x02\0\x04a: \xff\0\x04b: 1",
        b"\0\0\x04a: 1\0\x04b: 1",
        b"\x41\0\x04a: 1\0\x04b: 1",
    ] {
        let changed = [&bytes[..at], wrong, &bytes[at + wrong.len()..]].concat();
        assert_eq!(SecretKey::parse(&changed).unwrap_err(), FormatError::Attributes, "{wrong:?}");
    }
}

#[test]
fn policies_of_encapsulations_are_canonical() {
    let master = MasterKey::new(&[1; 32]);
    let (encapsulation, _) = master.public_key().encapsulate(&policy("a: 1 and b: 1"), &[2; 32]);
    let bytes = encapsulation.as_bytes();
    let with = |text: &[u8]| {
        let len = u16::try_from(text.len()).unwrap().to_be_bytes();
        Encapsulation::parse(&[&bytes[..33], &len, text, &bytes[48..]].concat())
    };
    assert!(with(b"a: 1 and b: 1").is_ok());
    for text in
        [&b"a:1 and b: 1"[..], b"(a: 1 and b: 1)", b"2 of (a: 1, b: 1)", b"a: 1 and b: 1 ", b"a: \xff"]
    {
        assert_eq!(with(text).unwrap_err(), FormatError::NotCanonical);
    }
    assert!(matches!(with(b"a: 1 &&&& b: 1").unwrap_err(), FormatError::Policy(_)));
    assert_eq!(with(b"a: 1").unwrap_err(), FormatError::Trailing);
    assert_eq!(with(b"a: 1 and b: 1 and c: 1").unwrap_err(), FormatError::Truncated);
}

#[test]
fn what_is_secret_does_not_show_in_debugging() {
    let master = MasterKey::new(&[0xab; 32]);
    let key = master.issue(&set(&["a: 1"]), &[3; 32]).unwrap();
    let (_, shared) = master.public_key().encapsulate(&policy("a: 1"), &[2; 32]);
    assert_eq!(format!("{shared:?}"), "SharedKey");
    assert_eq!(format!("{key:?}"), "{Attribute(a: 1)}");
    assert!(!format!("{master:?}").contains("abab"));
}

#[test]
fn encapsulations_of_the_same_random_bytes_share_nothing_under_another_policy() {
    let master = MasterKey::new(&[1; 32]);
    let [one, other] = ["a: 1", "b: 1"].map(|text| master.public_key().encapsulate(&policy(text), &[2; 32]));
    let head = |encapsulation: &Encapsulation| {
        encapsulation.as_bytes()[39..].chunks(48).map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
    };
    assert!(head(&one.0).is_disjoint(&head(&other.0)));
    assert_ne!(one.1, other.1);
}
