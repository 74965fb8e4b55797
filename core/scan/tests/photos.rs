//! Rates and misreads on the shared photographs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_scan::{Luma, ScanResult, Scanner, Symbol, decode};
use support::photos;

/// How many of each set must be read, and of how many. The first two sets are complete; of the frames, one default call
/// of the same engine reads 42 of 60, and the retries of the first measurements 80 %.
const AT_LEAST: [(&str, usize, usize); 5] = [
    ("datamatrix-1", 23, 23),
    ("frames, easy", 21, 21),
    ("frames, hard", 9, 18),
    ("frames, medium", 21, 21),
    ("qrcode-1", 20, 20),
];

#[test]
fn photographs_are_read_and_never_misread() {
    check(decode);
}

/// Held in front of a live camera for two of its rounds, since a damaged symbol must be read twice.
#[test]
fn a_live_camera_reads_as_much_as_a_single_picture() {
    check(|frame| {
        let mut scanner = Scanner::new();
        let mut sights = (0..16).map(|_| scanner.look(frame, Duration::MAX, || Duration::ZERO));
        match sights.find(|sight| matches!(sight, ScanResult::Symbols(_))) {
            Some(ScanResult::Symbols(symbols)) => symbols,
            _ => Vec::new(),
        }
    });
}

fn check(read: impl Fn(&Luma<'_>) -> Vec<Symbol>) {
    let Some(photos) = photos::all() else { return };
    let mut sets: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for photo in &photos {
        let symbols = read(&photo.frame());
        for symbol in &symbols {
            assert_eq!(symbol.text, photo.text, "misread: {} {}", photo.set, photo.name);
        }
        let (read, all) = sets.entry(&photo.set).or_default();
        *read += usize::from(!symbols.is_empty());
        *all += 1;
    }
    let sets: Vec<_> = sets.into_iter().map(|(set, (read, all))| (set, read, all)).collect();
    println!("{sets:?}");
    for ((set, least, all), (found_set, read, found)) in AT_LEAST.into_iter().zip(sets) {
        assert_eq!((found_set, found), (set, all));
        assert!(read >= least, "{set}: {read} of {all} read, {least} wanted");
    }
}
