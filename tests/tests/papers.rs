//! The papers' tables, in small: every process runs, every transaction is recorded, and no figure of theirs is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::LazyLock;

/// What the bench prints, run once.
static PRINTED: LazyLock<String> = LazyLock::new(|| {
    let done = Command::new(env!("CARGO_BIN_EXE_papers")).arg("small").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
});

/// The cells of all rows, without the heads.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    PRINTED.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).map(cells).collect()
}

fn number(text: &str) -> f64 {
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

#[test]
fn every_transaction_of_every_phase_is_recorded_at_the_rate_and_as_fast_as_it_goes() {
    let (mut phase, mut ours) = ("", BTreeMap::<&str, Vec<String>>::new());
    for row in rows().into_iter().filter(|row| row.len() == 6) {
        match row[1] {
            "theirs (S)" => phase = row[0],
            how if how.starts_with("ours, ") => {
                ours.entry(phase).or_default().push(format!("{how}: {}", row[2]));
                let latency: Vec<f64> = row[4].trim_end_matches(" ms").split(" / ").map(number).collect();
                assert!(0.0 < latency[0] && latency[0] <= latency[1] && latency[1] <= latency[2], "{row:?}");
                assert!(number(row[3]) > 0.0 && number(row[5]) > 0.0, "{row:?}");
            }
            _ => {}
        }
    }
    let wanted = ["at that rate: 6 of 6", "at that rate: 13 of 13"]
        .into_iter()
        .chain(["as fast as it goes: 6 of 6", "as fast as it goes: 13 of 13"])
        .map(|row| format!("ours, {row}"))
        .collect::<Vec<_>>();
    let phases = ["design", "evaluation", "ordering", "purchase"];
    assert_eq!(ours, phases.map(|phase| (phase, wanted.clone())).into_iter().collect());
}

#[test]
fn the_papers_own_figures_are_printed_as_theirs() {
    for row in [
        "| design | theirs (S) | 492 of 493 | 98.5 | 0.28 / 0.82 / 2.70 s | 64.8/s |",
        "| evaluation | theirs (S) | 983 of 984 | 192.3 | 0.74 / 4.00 / 7.27 s | 95.6/s |",
        "| ordering | theirs (S) | 976 of 977 | 195.4 | 0.34 / 4.03 / 7.79 s | 96.2/s |",
        "| purchase | theirs (S) | 994 of 994 | 197.9 | 0.20 / 3.10 / 8.45 s | 102.6/s |",
        "| theirs (S), orderer, in a round not named | 4.48 % (12.75 %); 110 MB; 5.53 MB | not told |",
        "Sustainability 14 (2022) 12814",
        "10.1109/ACCESS.2020.3036832",
    ] {
        assert!(PRINTED.contains(row), "{row}\n{}", *PRINTED);
    }
    // A send time is the bits at the paper's rate, but for their rounding.
    let phases: Vec<_> = rows().into_iter().filter(|row| row.len() == 8 && row[7] != "-").skip(1).collect();
    assert_eq!(phases.len(), 8);
    for row in phases {
        let theirs = |cell: &str| number(cell.split(" / ").next().unwrap());
        assert!((theirs(row[2]) / 14e3 - theirs(row[3])).abs() < 0.0006, "{row:?}");
    }
}

#[test]
fn each_phase_has_the_papers_messages_and_each_message_the_signatures_of_those_who_sign_it() {
    let messages: BTreeMap<_, _> = rows()
        .into_iter()
        .filter(|row| row.len() == 8 && row[1].contains(" / ") && !row[1].contains("theirs"))
        .map(|row| (row[0], row[1]))
        .collect();
    let wanted = [
        ("S000, registration", "2 / 2"),
        ("S000, development", "2 / 2"),
        ("S000, approval", "2 / 2"),
        ("S000, distribution", "2 / 2"),
        ("S000, besides", "- / 3"),
        ("S001, design", "3 / 3"),
        ("S001, evaluation", "2 / 2"),
        ("S001, ordering", "4 / 4"),
        // Each handover is an offer and its answer.
        ("S001, purchase", "4 / 6"),
        ("S001, besides", "- / 1"),
    ];
    assert_eq!(messages, wanted.into_iter().collect());

    let (mut numbers, mut handovers) = (Vec::new(), 0);
    for row in rows().into_iter().filter(|row| row.len() == 6 && row[0].contains('`')) {
        numbers.extend(row[0].split(' ').next().unwrap().parse::<u8>());
        let handover = row[2].contains("shown");
        handovers += usize::from(handover);
        assert!(row[3].starts_with("1 s"), "{row:?}");
        if handover {
            // The receiver's own signature stands in the same entry as the giver's.
            assert!(row[4].starts_with("1 s") && row[5].starts_with("2 v"), "{row:?}");
        } else {
            assert!((row[4] == "-" || row[4].starts_with("1 v")) && row[5].starts_with("1 v"), "{row:?}");
        }
    }
    assert_eq!((numbers, handovers), ((1..=6).chain(1..=13).collect(), 2));
}
