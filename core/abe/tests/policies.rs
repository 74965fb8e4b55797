//! What is a policy, what it means, and what is none.

#![allow(clippy::panic, reason = "a test that fails should stop")]

use std::collections::BTreeSet;

use countersign_abe::{Attribute, MAX_BRANCHES, MAX_DEPTH, MAX_LEAVES, MAX_TEXT, Policy, PolicyError};
use proptest::prelude::*;

fn canonical(text: &str) -> String {
    Policy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

#[test]
fn a_policy_has_one_text() {
    for (text, expected) in [
        ("a:1", "a: 1"),
        ("  a : 1\n", "a: 1"),
        ("((a: 1))", "a: 1"),
        ("1 of (a: 1)", "a: 1"),
        ("a:1 and\tb:2", "a: 1 and b: 2"),
        ("a: 1 and(b: 2)and c: 3", "a: 1 and b: 2 and c: 3"),
        ("(a: 1 and b: 2) and c: 3", "a: 1 and b: 2 and c: 3"),
        ("a: 1 or (b: 2 or (c: 3 or d: 4))", "a: 1 or b: 2 or c: 3 or d: 4"),
        ("1 of (a: 1, b: 2)", "a: 1 or b: 2"),
        ("2 of (a: 1, b: 2)", "a: 1 and b: 2"),
        ("2 of(a: 1,b: 2 ,c: 3)", "2 of (a: 1, b: 2, c: 3)"),
        ("2 of ((a: 1), (b: 2 and c: 3), d: 4)", "2 of (a: 1, b: 2 and c: 3, d: 4)"),
        ("a: 1 and (2 of (b: 2, c: 3, d: 4))", "a: 1 and 2 of (b: 2, c: 3, d: 4)"),
        ("a: 1 or (b: 2 and c: 3)", "a: 1 or (b: 2 and c: 3)"),
        (
            "role: cardiologist and (hospital: A or hospital: B)",
            "role: cardiologist and (hospital: A or hospital: B)",
        ),
        // The order is the author's, and so are repetitions.
        ("b: 2 or a: 1 or b: 2", "b: 2 or a: 1 or b: 2"),
        // A keyword may be a value, and digits may begin one.
        ("a: and and b: or", "a: and and b: or"),
        (
            "epoch: 2026-Q4 and member: spiffe://meds.example/doctor/ana",
            "epoch: 2026-Q4 and member: spiffe://meds.example/doctor/ana",
        ),
    ] {
        assert_eq!(canonical(text), expected);
        assert_eq!(canonical(expected), expected);
    }
}

#[test]
fn each_refusal_has_its_reason_and_place() {
    use PolicyError::{Mixed, NotAnAttribute, Threshold, Unexpected};
    for (text, reason) in [
        ("", Unexpected(0)),
        ("   ", Unexpected(3)),
        ("a", Unexpected(1)),
        ("a:", NotAnAttribute(0)),
        (": b", Unexpected(0)),
        ("a: b c: d", Unexpected(5)),
        ("a: b and", Unexpected(8)),
        ("a: b and and c: d", Unexpected(13)),
        ("a: b andc: d", Unexpected(5)),
        ("a: b AND c: d", Unexpected(5)),
        ("a: b && c: d", Unexpected(5)),
        ("and a: b", Unexpected(4)),
        ("and: b", NotAnAttribute(0)),
        ("not a: b", Unexpected(4)),
        ("A: b", NotAnAttribute(0)),
        ("a: b and B: c", NotAnAttribute(9)),
        ("a: \"b\"", NotAnAttribute(0)),
        ("a: bé", Unexpected(4)),
        ("a: b\u{a0}and c: d", Unexpected(4)),
        ("a: b\0", Unexpected(4)),
        ("(a: b", Unexpected(5)),
        ("a: b)", Unexpected(4)),
        ("()", Unexpected(1)),
        ("a: b, c: d", Unexpected(4)),
        ("(a: b, c: d)", Unexpected(5)),
        ("a: b and c: d or e: f", Mixed(14)),
        ("a: b or c: d and e: f", Mixed(13)),
        ("2 of (a: b and c: d or e: f, g: h)", Mixed(20)),
        ("0 of (a: b)", Threshold(0)),
        ("2 of (a: b)", Threshold(0)),
        ("01 of (a: b)", Threshold(0)),
        ("100 of (a: b)", Threshold(0)),
        ("99999999999999999999999999 of (a: b)", Threshold(0)),
        ("a: b and 4 of (a: b, c: d, e: f)", Threshold(9)),
        ("2 of a: b", Unexpected(5)),
        ("2 of ()", Unexpected(6)),
        ("2 of (a: b,)", Unexpected(11)),
        ("2 (a: b, c: d)", Unexpected(2)),
        ("-1 of (a: b)", Unexpected(3)),
        ("2: b", Unexpected(1)),
    ] {
        assert_eq!(Policy::parse(text), Err(reason), "{text:?}");
    }
}

fn list(n: usize, join: &str) -> String {
    (0..n).map(|n| format!("a{n}: b")).collect::<Vec<_>>().join(join)
}

fn nested(depth: usize) -> String {
    // Each pair of parentheses changes something.
    let mut text = "x: y".to_owned();
    for n in 0..depth {
        text = format!("a{n}: b {} ({text})", if n % 2 == 0 { "and" } else { "or" });
    }
    text
}

#[test]
fn policies_are_bounded() {
    assert!(Policy::parse(&list(MAX_LEAVES, " and ")).is_ok());
    assert_eq!(Policy::parse(&list(MAX_LEAVES + 1, " and ")), Err(PolicyError::TooManyAttributes));
    assert_eq!(Policy::parse(&list(MAX_LEAVES + 1, " or ")), Err(PolicyError::TooManyAttributes));
    assert!(Policy::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Policy::parse(&nested(MAX_DEPTH + 1)), Err(PolicyError::TooDeep));
    // Deep beyond any stack, and never closed.
    assert_eq!(Policy::parse(&"(".repeat(MAX_TEXT)), Err(PolicyError::TooDeep));
    assert_eq!(Policy::parse(&"1 of (".repeat(MAX_TEXT / 6)), Err(PolicyError::TooDeep));
    let wide = |k: usize, n: usize| Policy::parse(&format!("{k} of ({})", list(n, ", ")));
    assert!(wide(MAX_BRANCHES / 2, MAX_BRANCHES).is_ok());
    assert_eq!(wide(2, MAX_BRANCHES + 1), Err(PolicyError::TooManyBranches));
    assert!(wide(1, MAX_LEAVES).is_ok() && wide(MAX_LEAVES, MAX_LEAVES).is_ok());
    let long = format!("a: b{}", " ".repeat(MAX_TEXT));
    assert_eq!(Policy::parse(&long), Err(PolicyError::TooLong));
    assert!(Policy::parse(&long[..MAX_TEXT]).is_ok());
}

#[test]
fn repetitions_are_bounded() {
    let pairs =
        |n: usize| (0..n).map(|n| format!("(a{n}: b or a{}: b)", n + 1)).collect::<Vec<_>>().join(" and ");
    assert!(Policy::parse(&pairs(4)).is_ok());
    // Every way to take one of each pair would be a policy: as many as the Fibonacci numbers.
    assert_eq!(Policy::parse(&pairs(30)), Err(PolicyError::TooRepetitive));
    // Exactly as many as there may be, and one more: 1 to 11 pairs in a row have 1, 2, 2, 3, 4, 5, 7, 9, 12, 16, 24 parts.
    assert!(Policy::parse(&pairs(10)).is_ok());
    assert_eq!(Policy::parse(&pairs(11)), Err(PolicyError::TooRepetitive));
    // The same attribute everywhere is no trouble.
    let same = vec!["a: b"; MAX_LEAVES].join(" or ");
    assert!(Policy::parse(&same).is_ok());
}

/// A policy as text, and what it means, by another way than the crate's.
#[derive(Clone, Debug)]
enum Meaning {
    Is(u8),
    AtLeast(usize, Vec<Meaning>),
}

impl Meaning {
    fn text(&self) -> String {
        match self {
            Self::Is(n) => format!("a: {n}"),
            Self::AtLeast(k, of) => {
                format!("{k} of ({})", of.iter().map(Self::text).collect::<Vec<_>>().join(" , "))
            }
        }
    }

    fn holds(&self, held: u8) -> bool {
        match self {
            Self::Is(n) => held >> n & 1 == 1,
            Self::AtLeast(k, of) => of.iter().filter(|one| one.holds(held)).count() >= *k,
        }
    }
}

fn meanings() -> impl Strategy<Value = Meaning> {
    (0..8_u8).prop_map(Meaning::Is).prop_recursive(3, 20, 4, |inner| {
        (prop::collection::vec(inner, 1..5), any::<prop::sample::Index>())
            .prop_map(|(of, k)| Meaning::AtLeast(k.index(of.len()) + 1, of))
    })
}

proptest! {
    #[test]
    fn text_and_meaning_agree(meaning in meanings()) {
        let Ok(policy) = Policy::parse(&meaning.text()) else {
            // Refused for its repetitions alone.
            prop_assert_eq!(Policy::parse(&meaning.text()), Err(PolicyError::TooRepetitive));
            return Ok(());
        };
        let again = Policy::parse(policy.as_str()).unwrap();
        prop_assert_eq!(again.as_str(), policy.as_str());
        for held in 0..=u8::MAX {
            let set: BTreeSet<Attribute> =
                (0..8).filter(|n| held >> n & 1 == 1).map(|n| format!("a: {n}").parse().unwrap()).collect();
            prop_assert_eq!(policy.is_satisfied_by(&set), meaning.holds(held));
            prop_assert_eq!(again.is_satisfied_by(&set), meaning.holds(held));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~\u{80}-\u{ff}]{0,60}|([a-c]: ?[0-9]|[(),]| and | or |[0-9] of |\n){0,40}") {
        if let Ok(policy) = Policy::parse(&text) {
            prop_assert_eq!(Policy::parse(policy.as_str()).unwrap(), policy);
        }
    }
}
