//! Statements that came long after they were signed.

use countersign_custody::{AsOf, Dossier, Facts, LATE_MILLIS, Mark, Verdict, VerdictKind, verdict};
use countersign_ledger::UnixMillis;

use crate::play::{HOUR, LIFE, LOT, NOW, Play, Spec, item};
use crate::road::{NOON, Road, at, label};

const DAY: u64 = 24 * HOUR;

fn judged(road: &Road, facts: Facts) -> Verdict {
    verdict(&label(), Some(&Dossier::new(&road.profile, facts)), UnixMillis(at(61).0))
}

/// A piece that is handed over once and delivered; its four statements have the indices 10 to 13.
fn delivered(road: &Road) -> Facts {
    let made = road.made();
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(10));
    let chain = road.hand_over("courier b", "consumer", chain, at(20));
    road.facts(&made, chain.statements())
}

#[test]
fn a_statement_recorded_after_a_checkpoint_of_days_later_is_marked_with_both_times() {
    let road = Road::new();
    let mut facts = delivered(&road);
    let seen = UnixMillis(NOON.0 + 3 * DAY);
    facts.earlier = vec![AsOf { size: 13, at: seen }];
    let verdict = judged(&road, facts);
    let late: Vec<_> = verdict.timeline.iter().filter(|event| event.late.is_some()).collect();
    let [delivery] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!((delivery.at, delivery.late), (at(20), Some(seen)));
    assert_eq!(delivery.kind.as_str(), "luxury.delivery");
    // It fits its place, and nobody is blamed.
    assert_eq!((delivery.mark, verdict.accountable), (Mark::Verified, None));
    assert_eq!(verdict.kind, VerdictKind::Attention);
}

#[test]
fn a_shift_without_signal_is_not_late() {
    let road = Road::new();
    let mut facts = delivered(&road);
    facts.earlier = vec![AsOf { size: 13, at: UnixMillis(at(20).0 + LATE_MILLIS) }];
    assert!(judged(&road, facts).timeline.iter().all(|event| event.late.is_none()));
}

#[test]
fn the_log_s_order_shows_it_where_no_checkpoint_does() {
    let mut play = Play::new();
    play.admit_all(&LIFE[..7]);
    let report = play.spec("sales-status");
    play.take(&Spec { at: report.at + 5 * DAY, ..report.clone() }).unwrap();
    // The receipt is dated before what it follows in the log.
    let receipt = play.spec("receipt");
    play.take(&Spec { at: report.at, ..receipt }).unwrap();
    let verdict = verdict(&item(), Some(&play.dossier()), NOW);
    let late: Vec<_> =
        verdict.timeline.iter().filter_map(|event| Some((event.kind.as_str(), event.late?))).collect();
    // Within the tolerance for a signer's clock that is ahead.
    let recorded = UnixMillis(report.at + 5 * DAY - 5 * 60 * 1000);
    assert_eq!(late, [("medicine.receipt", recorded)]);
    assert_eq!(verdict.kind, VerdictKind::Authentic);
    assert_eq!(play.history(countersign_ledger::LogName::SUPPLY, LOT).len(), 8);
}
