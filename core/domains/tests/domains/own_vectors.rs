//! The vectors of this crate's formats under `tests/vectors/domains`: they are what these tests make, and are judged
//! as they say.
//!
//! `COUNTERSIGN_WRITE_VECTORS=1 cargo test --test domains own_vectors` writes them anew.

use countersign_domains::{FilterError, ParentFilter, Policy, PolicyError, Shape};
use countersign_ledger::Hash;
use serde::{Deserialize, Serialize};

#[allow(dead_code, reason = "the ledger's tests use all of it")]
#[path = "../../../ledger/tests/own_vectors/file.rs"]
mod file;

use file::{Blob, Hex, Vectors};

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct Text {
    text: String,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
struct Canonical {
    canonical: String,
    hash: Hex,
}

fn why_no_policy(error: PolicyError) -> String {
    match error {
        PolicyError::TooLong => "too-long".to_owned(),
        PolicyError::TooMany => "too-many".to_owned(),
        PolicyError::Unexpected(at) => format!("unexpected at {at}"),
        PolicyError::Name(at) => format!("name at {at}"),
        PolicyError::Value(at) => format!("value at {at}"),
        PolicyError::Window(at) => format!("window at {at}"),
    }
}

#[test]
fn policies() {
    let mut file = Vectors::new(
        &[
            "Licence policies: what a text means, by its canonical form and the hash of that, and which texts are \
             none.",
            "The hash is SHA-256 of `countersign/licence-policy/v1` and the canonical text, each after its length \
             in 8 bytes, big-endian.",
            "A reason names the byte, counted from zero, at which it is found, where there is one.",
        ],
        Nothing {},
    );
    let mut accept = |name: &str, text: &str| {
        let policy = Policy::parse(text).unwrap();
        let expect = Canonical { canonical: policy.to_string(), hash: policy.hash().into() };
        file.accept(name, Text { text: text.to_owned() }, expect);
    };
    accept("nobody", "nobody");
    accept(
        "all clauses",
        "allow read, derive for TREAT from north.example level 2 after 2026-01-01T00:00:00Z until \
         2027-01-01T00:00:00Z credit 40 behaviour 75",
    );
    accept(
        "two rules, lists in another order, with repetitions and clauses that ask for nothing",
        " allow share,read , read for  HRESCH,TREAT from b.example,\ta.example level 0 credit 0;\
         allow read for any from any ",
    );
    let names = (0..17).map(|n| format!("d{n}")).collect::<Vec<_>>().join(",");
    let rules = ["allow read for any from any"; 9].join(";");
    let long = format!("allow read for any from any{}", " ".repeat(1024));
    for (name, text) in [
        ("empty", ""),
        ("a rule after nobody", "nobody; allow read for any from any"),
        ("no operation", "allow for any from any"),
        ("an operation that is none", "allow eat for any from any"),
        ("an empty place in a list", "allow read,, share for any from any"),
        ("any beside a purpose", "allow read for TREAT, any from any"),
        ("no domains", "allow read for any"),
        ("a domain in capitals", "allow read for any from North.example"),
        ("a level of more than a byte", "allow read for any from any level 256"),
        ("a number with a leading zero", "allow read for any from any level 02"),
        ("more than a hundred percent", "allow read for any from any credit 101"),
        ("a day for a moment", "allow read for any from any until 2026-01-01"),
        (
            "a window without time",
            "allow read for any from any after 2027-01-01T00:00:00Z until 2027-01-01T00:00:00Z",
        ),
        ("clauses in another order", "allow read for any from any credit 1 level 1"),
        ("a clause twice", "allow read for any from any level 1 level 1"),
        ("a semicolon at the end", "allow read for any from any;"),
        ("seventeen domains", &format!("allow read for any from {names}")),
        ("nine rules", &rules),
        ("too long", &long),
    ] {
        file.refuse(
            &Policy::parse(text).map_err(why_no_policy).unwrap_err(),
            name,
            Text { text: text.to_owned() },
        );
    }
    file.check("domains/policy.json", |_, input: &Text| {
        let policy = Policy::parse(&input.text).map_err(why_no_policy)?;
        Ok(Canonical { canonical: policy.to_string(), hash: policy.hash().into() })
    });
}

#[derive(Serialize, Deserialize)]
struct Block {
    block: Hex,
    parents: Vec<Hex>,
}

#[derive(Serialize, Deserialize)]
struct Filter {
    filter: Blob,
}

#[test]
fn filters_over_parents() {
    let (block, parents) = (Hash([7; 32]), [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])]);
    let given =
        Block { block: block.into(), parents: parents.iter().map(|parent| (*parent).into()).collect() };
    let mut file = Vectors::new(
        &[
            "Filters over the parents of the states in a block: which bytes are one, and which of the given parents the filter \
             of the \
             given block may have.",
            "A filter never denies a parent that it was made of; it may admit others.",
        ],
        given,
    );
    let filter = |bytes: Vec<u8>| Filter { filter: bytes.into() };
    let good = ParentFilter::build(block, &parents, Shape::default()).to_bytes();
    file.accept("of all three, ten bits and seven hashes each", filter(good.clone()), vec![true; 3]);
    let first = ParentFilter::build(block, &parents[..1], Shape::default()).to_bytes();
    file.accept("of the first", filter(first), vec![true, false, false]);
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        filter(bytes)
    };
    file.refuse("header", "another version", with(3, b'2'));
    file.refuse("header", "cut within the header", filter(good[..8].to_vec()));
    file.refuse("header", "empty", filter(vec![]));
    file.refuse("hashes", "no hash", with(4, 0));
    file.refuse("hashes", "33 hashes", with(4, 33));
    file.refuse("length", "a byte is missing", filter(good[..good.len() - 1].to_vec()));
    file.refuse("length", "a byte too many", filter([&good[..], &[0]].concat()));
    file.refuse("length", "it states more bytes than there are", with(8, 200));
    file.refuse("length", "it states a length of many millions", with(5, 255));
    file.refuse("length", "no bits", filter([&good[..5], &[0; 4]].concat()));
    file.check("domains/filter.json", |given: &Block, input: &Filter| {
        let filter = ParentFilter::parse(&input.filter.0).map_err(|error| match error {
            FilterError::TooLarge => "too-large".to_owned(),
            FilterError::Header => "header".to_owned(),
            FilterError::Hashes => "hashes".to_owned(),
            FilterError::Length => "length".to_owned(),
        })?;
        let has = |parent: &Hex| filter.may_have(given.block.hash(), parent.hash());
        Ok(given.parents.iter().map(has).collect::<Vec<bool>>())
    });
}
