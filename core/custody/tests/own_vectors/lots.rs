//! The packs of a lot: the set of their serials, the filter over them, and the proof of one.

use countersign_custody::{FilterError, SerialError, SerialFilter, SerialProof, SerialSet};
use countersign_ledger::Hash;
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex, Vectors};

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct Serials {
    serials: Vec<String>,
}

/// What a commission says of its serials.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Commissioned {
    count: u64,
    root: Hex,
    filter: Blob,
    filter_digest: Hex,
}

fn serials(serials: &[&str]) -> Serials {
    Serials { serials: serials.iter().map(|&serial| serial.to_owned()).collect() }
}

fn twenty() -> SerialSet {
    SerialSet::new((0..20).map(|n| format!("S{n:03}"))).unwrap()
}

#[test]
fn sets() {
    let mut file = Vectors::new(
        &[
            "Lots: the serials of a lot's packs, in whatever order, and what its commission says of them.",
            "The root is that of RFC 9162 over the serials in byte order. The filter is in core/custody/src/filter.rs; who makes one \
             may make another, as long as it finds every serial.",
        ],
        Nothing {},
    );
    let told = |set: &SerialSet| Commissioned {
        count: set.count(),
        root: set.root().into(),
        filter: set.filter_bytes().into(),
        filter_digest: Hash::of(set.filter_bytes()).into(),
    };
    let backwards = Serials { serials: (0..20).rev().map(|n| format!("S{n:03}")).collect() };
    file.accept("twenty serials, backwards", backwards, told(&twenty()));
    let odd = ["~", "!", "S1", "12345678901234567890"];
    let set = SerialSet::new(odd.map(str::to_owned)).unwrap();
    file.accept("the first and last character, and the longest serial", serials(&odd), told(&set));
    file.refuse("empty", "no serial", serials(&[]));
    for (name, serial) in [
        ("an empty serial", ""),
        ("21 characters", "123456789012345678901"),
        ("a space", "S 1"),
        ("a tab", "S\t1"),
        ("a newline", "S1\n"),
        ("a zero byte", "S\u{0}1"),
        ("the separator of element strings", "S\u{1d}1"),
        ("a letter outside ASCII", "S\u{fc}"),
    ] {
        file.refuse("serial", name, serials(&["S0", serial]));
    }
    file.refuse("twice", "a serial stands there twice", serials(&["S1", "S2", "S1"]));
    file.check("lot/serials.json", |Nothing {}, Serials { serials }| {
        let refused = |error| match error {
            SerialError::Empty => "empty".to_owned(),
            SerialError::Malformed(_) => "serial".to_owned(),
            SerialError::Twice(_) => "twice".to_owned(),
            SerialError::TooMany => "too-many".to_owned(),
            SerialError::NoFilter => "no-filter".to_owned(),
        };
        let set = SerialSet::new(serials.clone()).map_err(refused)?;
        assert!(serials.iter().all(|serial| set.filter().contains(serial)));
        Ok(told(&set))
    });
}

#[derive(Serialize, Deserialize)]
struct Root {
    count: u64,
    root: Hex,
}

#[derive(Serialize, Deserialize)]
struct Proof {
    serial: String,
    index: u64,
    path: Vec<Hex>,
}

#[test]
fn proofs() {
    let set = twenty();
    let mut file = Vectors::new(
        &[
            "Lots: proofs that a serial is one of a lot's. They are paths of RFC 9162; `true` is all that comes of one.",
        ],
        Root { count: set.count(), root: set.root().into() },
    );
    let honest = |serial: &str| set.prove(serial).unwrap();
    let case = |serial: &str, proof: SerialProof| Proof {
        serial: serial.to_owned(),
        index: proof.index,
        path: proof.path.into_iter().map(Hex::from).collect(),
    };
    file.accept("the first serial", case("S000", honest("S000")), true);
    file.accept("the last serial", case("S019", honest("S019")), true);
    let changed = |change: &dyn Fn(&mut SerialProof)| {
        let mut proof = honest("S007");
        change(&mut proof);
        case("S007", proof)
    };
    let other = || Hash::of(b"another");
    for (name, case) in [
        ("another serial", case("S008", honest("S007"))),
        ("a serial in lower case", case("s007", honest("S007"))),
        ("an empty serial", case("", honest("S007"))),
        ("another place", changed(&|proof| proof.index = 6)),
        ("a place beyond the lot", changed(&|proof| proof.index = 20)),
        ("the lowest hash is exchanged", changed(&|proof| proof.path[0] = other())),
        ("the highest hash is exchanged", changed(&|proof| *proof.path.last_mut().unwrap() = other())),
        ("two hashes are exchanged", changed(&|proof| proof.path.swap(0, 1))),
        ("a hash too few", changed(&|proof| _ = proof.path.pop())),
        ("a hash too many", changed(&|proof| proof.path.push(other()))),
        ("no path", changed(&|proof| proof.path.clear())),
        ("65 hashes", changed(&|proof| proof.path = vec![Hash::default(); 65])),
    ] {
        file.refuse("not-proven", name, case);
    }
    file.check("lot/serial.json", |Root { count, root }, Proof { serial, index, path }| {
        let proof = SerialProof { index: *index, path: path.iter().map(Hex::hash).collect() };
        let proven = proof.verify(serial, *count, root.hash());
        proven.then_some(true).ok_or_else(|| "not-proven".to_owned())
    });
}

#[derive(Serialize, Deserialize)]
struct Asked {
    filter: Blob,
    serial: String,
}

#[test]
fn filters() {
    let mut file = Vectors::new(
        &[
            "Lots: filters over a lot's serials, and whether a serial may be one of them. See core/custody/src/filter.rs.",
        ],
        Nothing {},
    );
    let honest = twenty().filter_bytes().to_vec();
    let asked = |filter: Vec<u8>, serial: &str| Asked { filter: filter.into(), serial: serial.to_owned() };
    file.accept("a serial of the lot", asked(honest.clone(), "S007"), true);
    file.accept("a serial of no lot", asked(honest.clone(), "S020"), false);
    let with = |at: usize, byte: u8| {
        let mut changed = honest.clone();
        changed[at] = byte;
        asked(changed, "S007")
    };
    let header = honest[..17].to_vec();
    for (reason, name, case) in [
        ("header", "no bytes", asked(vec![], "S007")),
        ("header", "the header is cut short", asked(header[..16].to_vec(), "S007")),
        ("header", "another format", with(0, b'X')),
        ("header", "another version", with(3, b'2')),
        ("parameters", "segments longer than any", with(12, 19)),
        ("parameters", "segments of 2^255 fingerprints", with(12, 255)),
        ("parameters", "no segment", asked([&header[..13], &[0; 4]].concat(), "S007")),
        ("length", "shorter segments", with(12, honest[12] - 1)),
        ("length", "more segments than there are", with(13, 255)),
        ("length", "no fingerprints", asked(header, "S007")),
        ("length", "cut short by one byte", asked(honest[..honest.len() - 1].to_vec(), "S007")),
        ("length", "a fingerprint follows", asked([&honest[..], &[0; 4]].concat(), "S007")),
    ] {
        file.refuse(reason, name, case);
    }
    file.check("lot/filter.json", |Nothing {}, Asked { filter, serial }| {
        let refused = |error| match error {
            FilterError::TooLarge => "too-large",
            FilterError::Header => "header",
            FilterError::Parameters => "parameters",
            FilterError::Length => "length",
        };
        Ok(SerialFilter::parse(&filter.0).map_err(|error| refused(error).to_owned())?.contains(serial))
    });
}
