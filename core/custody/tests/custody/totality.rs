//! A verdict is a total function: for any item and any facts there is an answer, and it is never too good.

use std::sync::OnceLock;

use countersign_custody::{Dossier, Facts, Item, Now, Profile, Reading, Slip, Synced, VerdictKind, verdict};
use countersign_ledger::{Entry, Subject, UnixMillis};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::play::{AS_OF, DAY, EXPIRY, LOT, NOW, OTHER_LOT, Play, SERIAL, item, item_of};

/// All facts on two lots, one of them under a lifted suspension, one of its packs dispensed.
fn everything() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| {
        let mut play = Play::whole();
        play.second_lot();
        play.admit("dispense");
        play.admit("suspend");
        play.admit("lift");
        play.facts_with_pack()
    })
}

fn items() -> impl Strategy<Value = Item> {
    let lots = prop_oneof![
        Just(LOT.to_owned()),
        Just(OTHER_LOT.to_owned()),
        "[A-Z0-9]{1,4}".prop_map(|lot| { format!("https://id.gs1.org/01/09506000134352/10/{lot}") })
    ];
    let serials = prop_oneof![Just(SERIAL.to_owned()), Just("S008".to_owned()), "[ST][0-9]{3}", "[A-Z]{1,9}"];
    let expiry = prop_oneof![Just(None), Just(Some(EXPIRY)), any::<Option<u64>>()];
    let one = (lots, serials, expiry, 0_u8..8).prop_map(|(lot, serial, expiry, absent)| {
        let mut item = item_of(&lot, &serial);
        item.expires_at = expiry.map(UnixMillis);
        item.lot = item.lot.filter(|_| absent & 1 == 0);
        item.pack = item.pack.filter(|_| absent & 2 == 0);
        item.serial = item.serial.filter(|_| absent & 4 == 0);
        item
    });
    let slip = Slip { key: "separator-lost", mend: "set the scanner" };
    let reading =
        (one.clone(), any::<bool>()).prop_map(move |(item, excuses)| Reading { item, slip, excuses });
    (one, prop::collection::vec(reading, 0..4)).prop_map(|(item, readings)| Item { readings, ..item })
}

/// Some of the facts, with their order kept.
fn some_facts() -> impl Strategy<Value = (Facts, bool)> {
    let whole = everything();
    let lot = &whole.lots[0];
    let history = subsequence(lot.history.clone(), 0..=lot.history.len());
    let pack: Vec<_> = lot.followed.values().flatten().cloned().collect();
    let parts = (
        history,
        subsequence(whole.history.clone(), 0..=whole.history.len()),
        subsequence(whole.alerts.clone(), 0..=whole.alerts.len()),
        subsequence(pack.clone(), 0..=pack.len()),
        any::<bool>(),
        any::<bool>(),
    );
    parts.prop_map(|(history, class, alerts, pack, filter, index_agrees)| {
        let mut facts = everything().clone();
        let kept = history.len() >= 6 && class.len() == facts.history.len() && filter;
        let lot = &mut facts.lots[0];
        let whole =
            kept && history.iter().map(Entry::id).eq(lot.history.iter().take(history.len()).map(Entry::id));
        if index_agrees {
            // A server may claim that a part is the whole; here the index agrees.
            if let Some(last) = history.last() {
                let entry = facts.members.get_mut(&crate::play::hash(LOT)).unwrap();
                (entry.count, entry.latest) = (history.len() as u64, last.id());
            }
        }
        lot.followed.values_mut().for_each(|known| known.clone_from(&pack));
        lot.filter = lot.filter.take().filter(|_| filter);
        lot.history = history;
        facts.history = class;
        facts.alerts = alerts;
        (facts, whole)
    })
}

proptest! {
    #[test]
    fn whatever_is_read_there_is_an_answer(item in items(), now in any::<u64>()) {
        let dossier = Dossier::new(Profile::medicine(), everything().clone());
        for dossier in [None, Some(&dossier)] {
            let verdict = verdict(&item, dossier, UnixMillis(now));
            prop_assert_eq!(verdict.kind == VerdictKind::Authentic, verdict.reasons.is_empty());
        }
    }

    #[test]
    fn only_a_whole_history_is_authentic((facts, whole) in some_facts(), serial in "S0[0-9]{2}") {
        let dossier = Dossier::new(Profile::medicine(), facts);
        for item in [item(), item_of(LOT, &serial)] {
            let verdict = verdict(&item, Some(&dossier), NOW);
            prop_assert!(whole || verdict.kind != VerdictKind::Authentic, "{:?}", verdict);
        }
    }

    #[test]
    fn time_alone_never_makes_a_verdict_better(item in items(), age in 0..400 * DAY, later in 0..400 * DAY) {
        let dossier = Dossier::new(Profile::medicine(), everything().clone());
        let at = |age| verdict(&item, Some(&dossier), UnixMillis(AS_OF.0 + age));
        let (early, late) = (at(age), at(age + later));
        prop_assert!(late.kind != VerdictKind::Authentic || early.kind == VerdictKind::Authentic);
    }
}

proptest! {
    /// A phone that was synced at `AS_OF`, then asked `age` later, by clocks that are wrong at either moment: whatever they
    /// show, nothing is better than by the right time.
    #[test]
    fn no_clock_makes_a_verdict_better(
        item in items(),
        age in 0..400 * DAY,
        then in -9000..9000_i64,
        off in -9000..9000_i64,
    ) {
        let dossier = Dossier::new(Profile::medicine(), everything().clone());
        let moved = |at: u64, days: i64| UnixMillis(at.saturating_add_signed(days * DAY.cast_signed()));
        let truly = verdict(&item, Some(&dossier), UnixMillis(AS_OF.0 + age));
        let synced = Synced { phone: moved(AS_OF.0, then), node: AS_OF };
        // As wrong as before, or set back to a time that is known to have passed, by this clock too.
        let steady = Now::new(moved(AS_OF.0 + age, then)).with_synced(Some(synced));
        let back = Now::new(moved(AS_OF.0.min(synced.phone.0).saturating_sub(DAY), -off.abs())).with_synced(Some(synced));
        for now in [steady, back] {
            let told = verdict(&item, Some(&dossier), now);
            prop_assert!(told.kind != VerdictKind::Authentic || truly.kind == VerdictKind::Authentic, "{told:?}");
        }
    }
}

#[test]
fn a_class_that_is_no_product_has_an_answer_too() {
    let class = Subject::new("urn:example:1").unwrap();
    let odd = Item { class: class.clone(), lot: Some(class.clone()), pack: Some(class), ..item() };
    let dossier = Dossier::new(Profile::medicine(), everything().clone());
    assert_eq!(verdict(&odd, Some(&dossier), NOW).kind, VerdictKind::CannotTell);
}
