//! The verdicts on a pack, with their reasons.

use countersign_custody::{
    AsOf, Clock, Dispensed, Dossier, Facts, Item, MAX_AGE_MILLIS, MAX_AGE_OF_ABSENCE_MILLIS, Mark, Now,
    Profile, Reading, Reason, Slip, Synced, Verdict, VerdictKind, verdict, verdict_of_evidence, words,
};
use countersign_ledger::{LogName, Subject, UnixMillis};

use crate::play::{
    AS_OF, CLASS, DAY, EXPIRY, HOUR, LOT, NOW, OTHER_LOT, Play, SERIAL, START, Spec, hash, identity, item,
    item_of,
};

fn judged(play: &Play, item: &Item) -> Verdict {
    verdict(item, Some(&play.dossier()), NOW)
}

fn with(facts: Facts, item: &Item, now: UnixMillis) -> Verdict {
    verdict(item, Some(&Dossier::new(Profile::medicine(), facts)), now)
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

fn subject(text: &str) -> Subject {
    Subject::new(text).unwrap()
}

#[test]
fn a_pack_with_a_whole_history_is_authentic() {
    let play = Play::whole();
    let verdict = judged(&play, &item());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
    assert_eq!(verdict.accountable, None);
    assert_eq!(verdict.timeline.len(), 9);
    assert!(verdict.timeline.is_sorted_by_key(|event| event.at));
    assert!(verdict.timeline.iter().all(|event| event.mark == Mark::Verified));
    assert_eq!(verdict.timeline[0].title, "Product certified");
    assert_eq!(verdict.evidence.len(), 9);
    assert_eq!((verdict.as_of, verdict.age_millis), (Some(AS_OF), Some(HOUR)));
    assert_eq!(verdict.checkpoint, Some(play.facts().supply.size));
}

#[test]
fn reports_that_follow_the_distribution_may_be_outstanding() {
    assert_eq!(judged(&Play::until("distribution"), &item()).kind, VerdictKind::Authentic);
}

#[test]
fn a_lot_that_was_never_distributed_has_a_gap_and_the_manufacturer_answers() {
    let verdict = judged(&Play::until("commission"), &item());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["missing-step"]));
    assert!(
        matches!(&verdict.reasons[0], Reason::MissingStep { step, .. } if step.as_str() == "medicine.distribution")
    );
    assert_eq!(verdict.accountable.unwrap().identity, Some(identity("manufacturer")));
}

#[test]
fn a_pack_of_a_lot_that_was_never_commissioned_is_unknown() {
    let verdict = judged(&Play::until("trial"), &item());
    assert_eq!(
        (verdict.kind, keys(&verdict)),
        (VerdictKind::Suspect, vec!["unknown-serial", "missing-step"])
    );
    assert_eq!(verdict.accountable.unwrap().identity, Some(identity("authority")));
}

#[test]
fn an_unknown_serial_is_a_potential_suspect() {
    let verdict = judged(&Play::whole(), &item_of(LOT, "X999"));
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["unknown-serial"]));
    assert_eq!(words::headline(verdict.kind), "Potential suspect");
}

#[test]
fn a_product_that_the_ledger_does_not_trace_accuses_nobody() {
    let verdict = judged(&Play::new(), &item());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["unknown-product"]));
    let unlabelled = Item { lot: None, pack: None, serial: None, ..item() };
    assert_eq!(judged(&Play::new(), &unlabelled).kind, VerdictKind::CannotTell);
}

#[test]
fn an_unknown_lot_is_a_potential_suspect() {
    let verdict = judged(&Play::whole(), &item_of(&format!("{CLASS}/10/L9"), "X999"));
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["unknown-lot"]));
}

#[test]
fn a_serial_of_another_lot_is_a_mismatch() {
    let mut play = Play::whole();
    play.second_lot();
    assert_eq!(judged(&play, &item_of(OTHER_LOT, "T001")).kind, VerdictKind::Authentic);
    let verdict = judged(&play, &item_of(LOT, "T001"));
    assert_eq!(
        (verdict.kind, keys(&verdict)),
        (VerdictKind::Suspect, vec!["lot-serial-mismatch", "unknown-serial"])
    );
    assert_eq!(verdict.reasons[0], Reason::LotSerialMismatch { lots: vec![subject(OTHER_LOT)] });
}

#[test]
fn another_expiry_on_the_label_is_a_mismatch_but_another_hour_of_the_day_is_not() {
    let play = Play::whole();
    let labelled = |at| judged(&play, &Item { expires_at: Some(UnixMillis(at)), ..item() });
    for same_day in [EXPIRY, EXPIRY + 1, EXPIRY - 23 * HOUR] {
        assert_eq!(labelled(same_day).kind, VerdictKind::Authentic);
    }
    for other in [EXPIRY + DAY, EXPIRY - DAY, EXPIRY + 2] {
        let verdict = labelled(other);
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["expiry-mismatch"]));
    }
    assert_eq!(judged(&play, &Item { expires_at: None, ..item() }).kind, VerdictKind::Authentic);
}

#[test]
fn a_pack_past_its_day_is_expired_and_not_an_instant_earlier() {
    let mut facts = Play::whole().facts();
    facts.supply.at = UnixMillis(EXPIRY);
    facts.trust.at = UnixMillis(EXPIRY);
    let at = |now| with(facts.clone(), &item(), UnixMillis(now));
    assert_eq!(at(EXPIRY).kind, VerdictKind::Authentic);
    let verdict = at(EXPIRY + 1);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["expired"]));
    // Also if the label has no date.
    let unlabelled = with(facts, &Item { expires_at: None, ..item() }, UnixMillis(EXPIRY + 1));
    assert_eq!(keys(&unlabelled), ["expired"]);
}

#[test]
fn a_phone_whose_clock_lags_goes_by_the_snapshot() {
    let mut facts = Play::whole().facts();
    facts.supply.at = UnixMillis(EXPIRY + DAY);
    facts.trust.at = UnixMillis(EXPIRY + DAY);
    assert_eq!(keys(&with(facts, &item(), UnixMillis(START))), ["expired", "clock-behind"]);
}

#[test]
fn a_recalled_lot_or_class_needs_attention_whatever_its_age() {
    for on in [LOT, CLASS] {
        let mut play = Play::whole();
        let recall = play.spec_on("recall", on);
        play.take(&recall).unwrap();
        let old = verdict(&item(), Some(&play.dossier()), UnixMillis(AS_OF.0 + 100 * DAY));
        for verdict in [judged(&play, &item()), old] {
            assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["recalled"]));
            assert_eq!(verdict.timeline.last().unwrap().kind.as_str(), "medicine.recall");
            assert_eq!(verdict.evidence[0], play.latest("recall").id());
        }
    }
}

#[test]
fn a_recall_of_another_lot_does_not_concern_the_pack() {
    let mut play = Play::whole();
    let recall = play.spec_on("recall", OTHER_LOT);
    play.take(&recall).unwrap();
    assert_eq!(judged(&play, &item()).kind, VerdictKind::Authentic);
}

#[test]
fn a_suspended_class_lot_or_pack_needs_attention_until_lifted() {
    for on in [CLASS, LOT, &format!("{LOT}/21/{SERIAL}")] {
        let mut play = Play::whole();
        let suspend = play.spec_on("suspend", on);
        play.take(&suspend).unwrap();
        let verdict = judged(&play, &item());
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["suspended"]), "{on}");
        let lift = play.spec_on("lift", on);
        play.take(&lift).unwrap();
        let verdict = judged(&play, &item());
        assert_eq!(verdict.kind, VerdictKind::Authentic, "{on}");
        assert_eq!(verdict.timeline.len(), 11);
    }
}

#[test]
fn alerts_of_those_who_are_not_entitled_are_ignored() {
    for who in ["pharmacy", "foreign authority", "manufacturer second"] {
        let mut play = Play::whole();
        let mut recall = play.spec("recall").by(who);
        recall.draft.links = vec![play.latest("certificate").id()];
        play.force(&recall);
        let verdict = judged(&play, &item());
        assert_eq!((verdict.kind, verdict.timeline.len()), (VerdictKind::Authentic, 9), "{who}");
    }
}

#[test]
fn a_recall_counts_even_if_the_log_accepted_an_invalid_statement_before_it() {
    let mut play = Play::whole();
    let junk = play.spec("recall").by("pharmacy");
    play.force(&junk);
    let recall = play.spec("recall");
    play.force(&recall);
    assert_eq!(keys(&judged(&play, &item())), ["recalled"]);
}

#[test]
fn a_lift_that_breaks_a_rule_lifts_nothing() {
    let mut play = Play::whole();
    play.admit("suspend");
    let lift = play.spec("lift").by("manufacturer");
    play.force(&lift);
    assert_eq!(keys(&judged(&play, &item())), ["suspended"]);
}

#[test]
fn a_lift_out_of_its_place_lifts_nothing() {
    let mut play = Play::whole();
    play.admit("suspend");
    let mut lift = play.spec("lift");
    lift.draft.prev = None;
    play.force(&lift);
    assert_eq!(keys(&judged(&play, &item())), ["suspended"]);
}

#[test]
fn a_dispensed_pack_is_known_from_the_index_and_in_full_when_it_is_followed() {
    let mut play = Play::whole();
    play.admit("dispense");
    let statement = play.latest("dispense").id();
    let verdict = judged(&play, &item());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["dispensed-recorded"]));
    let checkpoint = play.facts().supply.size;
    assert_eq!(verdict.reasons[0], Reason::Dispensed(Dispensed::Recorded { checkpoint, statement }));
    assert_eq!(verdict.evidence[0], statement);

    let verdict = with(play.facts_with_pack(), &item(), NOW);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["dispensed"]));
    let at = play.latest("dispense").statement().issued_at();
    assert_eq!(
        verdict.reasons[0],
        Reason::Dispensed(Dispensed::Stated { by: identity("pharmacy"), at, statement })
    );
    assert_eq!(verdict.timeline.len(), 10);
    assert_eq!(judged(&play, &item_of(LOT, "S008")).kind, VerdictKind::Authentic);
}

#[test]
fn a_followed_pack_on_which_nothing_is_recorded_is_authentic() {
    assert_eq!(with(Play::whole().facts_with_pack(), &item(), NOW).kind, VerdictKind::Authentic);
}

#[test]
fn a_pack_dispensed_twice_is_a_potential_suspect() {
    let mut play = Play::whole();
    play.admit("dispense");
    let again = play.spec("dispense").by("pharmacy second");
    play.force(&again);
    let verdict = with(play.facts_with_pack(), &item(), NOW);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Suspect, vec!["broken-history", "dispensed"]));
    assert_eq!(verdict.accountable.unwrap().identity, Some(identity("pharmacy second")));
}

#[test]
fn a_broken_history_is_a_potential_suspect_whatever_its_age_and_comes_first() {
    let mut play = Play::until("distribution");
    let tampered = play.spec("sales-status").with("expiry", EXPIRY + DAY);
    play.force(&tampered);
    play.admit("recall");
    for now in [NOW, UnixMillis(AS_OF.0 + 100 * DAY)] {
        let verdict = verdict(&item_of(LOT, "X999"), Some(&play.dossier()), now);
        assert_eq!(verdict.kind, VerdictKind::Suspect);
        assert_eq!(verdict.reasons[0].key(), "broken-history");
        assert!(keys(&verdict).contains(&"recalled"));
        assert_eq!(verdict.accountable.unwrap().identity, Some(identity("distributor")));
        assert_eq!(verdict.timeline.iter().filter(|event| event.mark == Mark::AtFault).count(), 1);
    }
}

#[test]
fn a_product_whose_certificate_ran_out_unrenewed_needs_attention() {
    let mut play = Play::whole();
    let now = UnixMillis(START + 1000 * DAY + 1);
    let unlabelled = Item { expires_at: None, ..item() };
    let of = |play: &Play| {
        let mut facts = play.facts();
        facts.supply.at = now;
        facts.trust.at = now;
        keys(&with(facts, &unlabelled, now))
    };
    assert_eq!(of(&play), ["expired", "approval-expired"]);
    let renewed = play.spec("certificate").with("exp", START + 2000 * DAY);
    play.take(&renewed).unwrap();
    assert_eq!(of(&play), ["expired"]);
}

const LOST: Slip = Slip { key: "separator-lost", mend: "set the scanner" };
const SWAPPED: Slip = Slip { key: "case-swapped", mend: "release Caps Lock" };

fn reading(item: Item) -> Reading {
    Reading { item, slip: LOST, excuses: true }
}

/// The pack as it reads without the separators after serial and lot.
fn run_together(readings: Vec<Item>) -> Item {
    let readings = readings.into_iter().map(reading).collect();
    let serial = format!("{SERIAL}10L117281031");
    let pack = Some(subject(&format!("{CLASS}/21/{serial}")));
    Item { lot: None, pack, serial: Some(serial), expires_at: None, readings, ..item() }
}

#[test]
fn a_lost_separator_asks_for_another_scan_when_the_ledger_knows_the_split() {
    let play = Play::whole();
    let wrong = [item_of(LOT, "S00"), item_of("https://id.gs1.org/01/09506000134352/10/L11", SERIAL)];
    let other_day = Item { expires_at: Some(UnixMillis(EXPIRY + DAY)), ..item() };
    let scanned = run_together([&wrong[..], &[other_day, item()]].concat());
    let verdict = judged(&play, &scanned);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CheckScan, vec!["separator-lost"]));
    assert_eq!(verdict.reasons[0], Reason::Misread { slip: LOST, readings: vec![item()] });
    // An unknown serial within a lot likewise.
    let swallowed = Item { readings: vec![reading(item())], ..item_of(LOT, &format!("{SERIAL}17281031")) };
    assert_eq!(judged(&play, &swallowed).kind, VerdictKind::CheckScan);
}

#[test]
fn a_split_that_the_ledger_does_not_know_excuses_nothing() {
    let play = Play::whole();
    let scanned = Item { readings: vec![reading(item_of(LOT, "X998"))], ..item_of(LOT, "X999") };
    assert_eq!(keys(&judged(&play, &scanned)), ["unknown-serial"]);
    assert_eq!(judged(&play, &run_together(vec![])).kind, VerdictKind::CannotTell);
}

#[test]
fn a_code_that_breaks_the_rules_as_it_was_read_is_scanned_again() {
    let play = Play::whole();
    let unread = |readings: Vec<Item>| Item {
        lot: None,
        pack: None,
        serial: None,
        expires_at: None,
        readings: readings.into_iter().map(reading).collect(),
        ..item()
    };
    let known = judged(&play, &unread(vec![item_of(LOT, "X999"), item()]));
    assert_eq!((known.kind, keys(&known)), (VerdictKind::CheckScan, vec!["separator-lost"]));
    assert_eq!(known.reasons[0], Reason::Misread { slip: LOST, readings: vec![item()] });
    let unknown = judged(&play, &unread(vec![item_of(LOT, "X999")]));
    assert_eq!((unknown.kind, keys(&unknown)), (VerdictKind::CheckScan, vec!["separator-lost"]));
    // A product that is not followed is no reason to say less.
    let elsewhere = verdict(&unread(vec![item()]), None, NOW);
    assert_eq!(
        (elsewhere.kind, keys(&elsewhere)),
        (VerdictKind::CheckScan, vec!["separator-lost", "not-followed"])
    );
}

#[test]
fn a_slip_that_cannot_have_happened_is_named_and_excuses_nothing() {
    let play = Play::whole();
    let swapped = |excuses| Item {
        readings: vec![Reading { item: item(), slip: SWAPPED, excuses }],
        ..item_of(LOT, &SERIAL.to_lowercase())
    };
    let printed = judged(&play, &swapped(false));
    assert_eq!((printed.kind, keys(&printed)), (VerdictKind::Suspect, vec!["unknown-serial", "near-miss"]));
    let typed = judged(&play, &swapped(true));
    assert_eq!((typed.kind, keys(&typed)), (VerdictKind::CheckScan, vec!["case-swapped"]));
    assert!(words::sentence(&typed.reasons[0], &play.profile).contains("release Caps Lock"));
    // Of several slips the likeliest that the ledger knows counts, and its readings alone.
    let both = Item {
        readings: [vec![reading(item_of(LOT, "X1"))], swapped(true).readings, vec![reading(item())]].concat(),
        ..swapped(true)
    };
    assert_eq!(judged(&play, &both).reasons, [Reason::Misread { slip: SWAPPED, readings: vec![item()] }]);
}

#[test]
fn a_recall_is_reported_for_a_misread_pack_too() {
    let mut play = Play::whole();
    let recall = play.spec_on("recall", CLASS);
    play.take(&recall).unwrap();
    assert_eq!(keys(&judged(&play, &run_together(vec![item()]))), ["recalled", "separator-lost"]);
}

#[test]
fn other_readings_of_a_known_pack_do_not_matter() {
    let scanned = Item { readings: vec![reading(item_of(LOT, "S008"))], ..item() };
    assert_eq!(judged(&Play::whole(), &scanned).kind, VerdictKind::Authentic);
}

#[test]
fn an_old_snapshot_cannot_tell_that_a_pack_is_good() {
    let play = Play::whole();
    let aged = |age| verdict(&item(), Some(&play.dossier()), UnixMillis(AS_OF.0 + age));
    assert_eq!(aged(MAX_AGE_MILLIS).kind, VerdictKind::Authentic);
    let verdict = aged(MAX_AGE_MILLIS + 1);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["snapshot-too-old"]));
    assert_eq!(verdict.age_millis, Some(MAX_AGE_MILLIS + 1));
}

#[test]
fn the_older_of_the_two_logs_counts() {
    for log in [0, 1] {
        let mut facts = Play::whole().facts();
        let checkpoint = if log == 0 { &mut facts.supply } else { &mut facts.trust };
        checkpoint.at = UnixMillis(NOW.0 - MAX_AGE_MILLIS - 1);
        assert_eq!(with(facts, &item(), NOW).kind, VerdictKind::CannotTell);
    }
}

/// The genuine pack, whose snapshot is as of [`AS_OF`], by a phone whose clock shows another day.
fn by_clock(days: i64, item: &Item, synced: Option<Synced>) -> Verdict {
    let phone = UnixMillis(AS_OF.0.saturating_add_signed(days * DAY.cast_signed()));
    verdict(item, Some(&Play::whole().dossier()), Now::new(phone).with_synced(synced))
}

#[test]
fn by_a_clock_before_what_is_proven_nothing_is_good_nor_young() {
    for days in [-1, -30, -10_000, -20_000] {
        let told = by_clock(days, &item(), None);
        assert_eq!((told.kind, keys(&told)), (VerdictKind::CannotTell, vec!["clock-behind"]), "{days}");
        assert!(matches!(told.clock, Clock::Behind { at: AS_OF, .. }), "{:?}", told.clock);
        assert_eq!((told.age_millis, told.as_of), (None, Some(AS_OF)));
        // Nobody is accused of what is not known either, and what has passed for certain is told.
        let absent = by_clock(days, &item_of(LOT, "X999"), None);
        assert_eq!(
            (absent.kind, keys(&absent)),
            (VerdictKind::CannotTell, vec!["clock-behind", "unknown-serial"])
        );
        let expired = Item { expires_at: Some(UnixMillis(AS_OF.0 - 1)), ..item() };
        assert!(keys(&by_clock(days, &expired, None)).contains(&"expired"));
    }
    // Clocks are never quite the same.
    let near = verdict(&item(), Some(&Play::whole().dossier()), UnixMillis(AS_OF.0 - 60_000));
    assert_eq!((near.kind, near.age_millis, near.clock), (VerdictKind::Authentic, Some(0), Clock::Trusted));
}

#[test]
fn what_expires_only_by_a_clock_that_is_ahead_is_not_called_expired() {
    let until_expiry = (EXPIRY - AS_OF.0).div_ceil(DAY).cast_signed();
    let synced = |ahead: i64| Synced { phone: UnixMillis(AS_OF.0 + ahead.unsigned_abs() * DAY), node: AS_OF };
    let told = by_clock(until_expiry + 1, &item(), Some(synced(until_expiry)));
    assert_eq!((told.kind, keys(&told)[0]), (VerdictKind::CannotTell, "clock-ahead"));
    assert!(!keys(&told).contains(&"expired"));
    // The same clock, with nothing that speaks against it.
    assert!(keys(&by_clock(until_expiry + 1, &item(), Some(synced(0)))).contains(&"expired"));
    // Ahead by little: the answer is as before, and the clock is told.
    let told = by_clock(2, &item(), Some(synced(2)));
    assert_eq!(told.kind, VerdictKind::Authentic);
    assert!(matches!(told.clock, Clock::Ahead { at: AS_OF, .. }), "{:?}", told.clock);
    // A century ahead, whatever the last sync showed.
    let told = by_clock(73 * 365, &item(), None);
    assert_eq!((told.kind, keys(&told)), (VerdictKind::CannotTell, vec!["clock-ahead"]));
}

#[test]
fn a_clock_that_is_known_to_be_ahead_is_the_reason_and_no_update_helps() {
    let synced =
        |ahead: i64| Some(Synced { phone: UnixMillis(AS_OF.0 + ahead.unsigned_abs() * DAY), node: AS_OF });
    let told = by_clock(100, &item(), synced(100));
    assert_eq!((told.kind, keys(&told)), (VerdictKind::CannotTell, vec!["clock-ahead"]));
    // A clock that nothing speaks against: the data is old, and an update helps.
    let told = by_clock(100, &item(), synced(0));
    assert_eq!((told.kind, keys(&told)), (VerdictKind::CannotTell, vec!["snapshot-too-old"]));
}

#[test]
fn evidence_tells_its_age_and_what_has_expired_since_and_is_none_the_worse_for_it() {
    let dossier = Play::whole().dossier();
    let after = |days: u64| verdict_of_evidence(&item(), &dossier, UnixMillis(AS_OF.0 + days * DAY));
    let year = after(300);
    assert_eq!((year.kind, year.age_millis), (VerdictKind::Authentic, Some(300 * DAY)));
    let late = after((EXPIRY - AS_OF.0).div_ceil(DAY) + 1);
    assert_eq!(late.kind, VerdictKind::Attention);
    assert!(keys(&late).contains(&"expired"));
    let absent = verdict_of_evidence(&item_of(LOT, "X999"), &dossier, UnixMillis(AS_OF.0 + 300 * DAY));
    assert_eq!((absent.kind, keys(&absent)), (VerdictKind::Suspect, vec!["unknown-serial"]));
    let early = verdict_of_evidence(&item(), &dossier, UnixMillis(0));
    assert_eq!((early.kind, early.age_millis), (VerdictKind::CannotTell, None));
}

#[test]
fn each_log_is_told_with_its_own_time() {
    let mut facts = Play::whole().facts();
    facts.trust = AsOf { size: 3, at: UnixMillis(AS_OF.0 - DAY) };
    let supply = facts.supply;
    let told = with(facts, &item(), NOW);
    assert_eq!(
        told.logs,
        [(LogName::SUPPLY, supply), (LogName::TRUST, AsOf { size: 3, at: told.as_of.unwrap() })]
    );
}

#[test]
fn an_unknown_lot_or_serial_may_be_a_late_upload_on_a_snapshot_of_yesterday() {
    let play = Play::whole();
    let lot = format!("{CLASS}/10/L9");
    for unknown in [item_of(LOT, "X999"), item_of(&lot, "X999")] {
        let aged = |age| verdict(&unknown, Some(&play.dossier()), UnixMillis(AS_OF.0 + age));
        assert_eq!(aged(MAX_AGE_OF_ABSENCE_MILLIS).kind, VerdictKind::Suspect);
        let verdict = aged(MAX_AGE_OF_ABSENCE_MILLIS + 1);
        assert_eq!(verdict.kind, VerdictKind::CannotTell);
        assert_eq!(keys(&verdict)[0], "snapshot-too-old");
        assert_eq!(verdict.reasons.len(), 2);
    }
}

#[test]
fn a_product_that_is_not_followed_has_no_answer() {
    let play = Play::whole();
    let other = Item { class: subject("https://id.gs1.org/01/09506000134369"), ..item() };
    for verdict in [verdict(&item(), None, NOW), judged(&play, &other)] {
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["not-followed"]));
        assert_eq!((verdict.checkpoint, verdict.as_of, verdict.age_millis), (None, None, None));
    }
    let mut facts = play.facts();
    facts.lots.clear();
    let verdict = with(facts, &item(), NOW);
    assert_eq!(verdict.reasons, [Reason::NotFollowed { subject: subject(LOT) }]);
}

#[test]
fn an_expired_label_is_reported_without_any_snapshot() {
    let verdict = verdict(&Item { expires_at: Some(UnixMillis(START)), ..item() }, None, NOW);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["expired", "not-followed"]));
}

#[test]
fn a_code_without_lot_or_serial_has_no_answer() {
    let play = Play::whole();
    for bare in
        [Item { lot: None, pack: None, serial: None, ..item() }, Item { pack: None, serial: None, ..item() }]
    {
        let verdict = judged(&play, &bare);
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["not-serialised"]));
    }
}

#[test]
fn a_missing_or_damaged_filter_cannot_tell() {
    let mut facts = Play::whole().facts();
    facts.lots[0].filter = None;
    assert_eq!(keys(&with(facts.clone(), &item(), NOW)), ["filter-missing"]);
    let other = countersign_custody::SerialSet::new([SERIAL.to_owned()]).unwrap();
    facts.lots[0].filter = Some(other.filter_bytes().to_vec());
    let verdict = with(facts, &item(), NOW);
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["snapshot-damaged"]));
}

#[test]
fn histories_that_are_not_what_the_index_counts_cannot_tell() {
    let mut play = Play::whole();
    play.admit("dispense");
    let whole = play.facts_with_pack();
    let short_lot = |mut facts: Facts| {
        facts.lots[0].history.pop();
        facts
    };
    let short_class = |mut facts: Facts| {
        facts.history.clear();
        facts
    };
    let short_pack = |mut facts: Facts| {
        facts.lots[0].followed.values_mut().for_each(Vec::clear);
        facts
    };
    for damage in [short_lot as fn(Facts) -> Facts, short_class, short_pack] {
        let verdict = with(damage(whole.clone()), &item(), NOW);
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::CannotTell, vec!["snapshot-damaged"]));
    }
    let lot = whole.members.get(&hash(LOT)).unwrap();
    assert_eq!(lot.count, 8);
}

#[test]
fn every_reason_has_words_and_none_calls_a_product_fake() {
    let mut play = Play::until("distribution");
    let tampered = Spec { at: START + DAY, ..play.spec("sales-status").with("expiry", EXPIRY + DAY) };
    play.force(&tampered);
    play.admit("suspend");
    play.admit("recall");
    play.admit("dispense");
    play.second_lot();
    let seen = [
        verdict(&item_of(LOT, "T001"), Some(&play.dossier()), UnixMillis(EXPIRY + 400 * DAY)),
        with(play.facts_with_pack(), &Item { expires_at: Some(AS_OF), ..item() }, NOW),
        judged(&play, &item()),
        judged(&Play::until("commission"), &item()),
        judged(&play, &run_together(vec![item()])),
        judged(&play, &run_together(vec![])),
        judged(&play, &item_of(&format!("{CLASS}/10/L9"), "X")),
        verdict(&item(), None, NOW),
        verdict(&item_of(OTHER_LOT, "T001"), Some(&play.dossier()), UnixMillis(AS_OF.0 + 8 * DAY)),
        with(
            {
                let mut facts = play.facts();
                facts.lots[0].filter = None;
                facts
            },
            &item(),
            NOW,
        ),
        with(
            {
                let mut facts = play.facts();
                facts.history.clear();
                facts
            },
            &item(),
            NOW,
        ),
    ];
    let mut met: Vec<&str> = seen.iter().flat_map(keys).collect();
    for reason in seen.iter().flat_map(|verdict| &verdict.reasons) {
        let sentence = words::sentence(reason, &play.profile);
        assert!(sentence.contains(' ') && !sentence.contains(['{', '}']), "{sentence}");
        assert!(!sentence.to_lowercase().contains("fake"), "{sentence}");
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met.len(), 18, "{met:?}");
}

#[test]
fn words_of_others_are_shown_as_they_are() {
    let mut play = Play::whole();
    let recall = play.spec("recall").with("reason", "see {party} and {subject}");
    play.take(&recall).unwrap();
    let verdict = judged(&play, &item());
    let sentence = words::sentence(&verdict.reasons[0], &play.profile);
    assert!(sentence.contains("see {party} and {subject}"), "{sentence}");
}
