//! Units whose contents came out different than they went in: who is accountable, and which packs are affected.

use countersign_custody::{
    Contents, DifferenceKind, Dossier, Few, History, Item, Opened, Reason, Route, Standing, Stop, UnitFacts,
    Verdict, VerdictKind, epcis, verdict, words,
};
use countersign_ledger::{Entry, Fields, IndexEntry, Kind, LogName, Subject};

use crate::play::{DOMAIN, LOT, NOW, Play, Spec, identity, item_of};

const UNIT: &str = "https://id.gs1.org/00/095060001343520003";
const PALLET: &str = "https://id.gs1.org/00/095060001343520010";

fn pack(serial: &str) -> Subject {
    Subject::new(format!("{LOT}/21/{serial}")).unwrap()
}

fn list(serials: &[&str]) -> Contents {
    Contents::new(serials.iter().map(|serial| pack(serial))).unwrap()
}

fn spec(play: &Play, kind: &str, unit: &str, fields: Fields) -> Spec {
    let mut spec = play.spec_on("receipt", unit);
    spec.draft.links = if kind == "pack" { vec![play.latest("distribution").id()] } else { Vec::new() };
    spec.draft.kind = Kind::new(format!("medicine.{kind}")).unwrap();
    spec.draft.fields = fields;
    spec.by("distributor")
}

/// A lot in distribution, and a unit that was packed and opened.
fn opened(unit: &str, packed: &Contents, unpacked: &Contents) -> Play {
    let mut play = Play::until("distribution");
    open(&mut play, unit, packed, unpacked);
    play
}

fn open(play: &mut Play, unit: &str, packed: &Contents, unpacked: &Contents) {
    for (kind, contents) in [("pack", packed), ("unpack", unpacked)] {
        let spec = spec(play, kind, unit, contents.fields());
        play.take(&spec).unwrap();
    }
}

fn verdict_on(play: &Play, lists: &[Contents], item: &Item) -> Verdict {
    let mut facts = play.facts();
    for unit in [UNIT, PALLET] {
        let Some(history) = play.histories.get(&(LogName::SUPPLY, unit.to_owned())) else { continue };
        let latest = history.last().map(Entry::id).unwrap();
        facts.units.push(UnitFacts {
            subject: Subject::new(unit).unwrap(),
            entry: Some(IndexEntry { count: history.len() as u64, latest }),
            history: history.clone(),
            contents: lists.to_vec(),
        });
    }
    verdict(item, Some(&Dossier::new(&play.profile, facts)), NOW)
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

#[test]
fn a_unit_that_held_what_was_packed_says_nothing_against_it() {
    let all = list(&["S001", "S002"]);
    let play = opened(UNIT, &all, &all);
    let verdict = verdict_on(&play, &[all], &item_of(LOT, "S001"));
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
    let opening = verdict.timeline.last().unwrap();
    assert_eq!(opening.opened, Some(Opened { packed: 2, unpacked: 2, same: true }));
}

#[test]
fn missing_and_additional_packs_are_reported_with_the_unpacker() {
    let (packed, unpacked) = (list(&["S001", "S002", "S003"]), list(&["S001", "S009"]));
    let play = opened(UNIT, &packed, &unpacked);
    let lists = [packed, unpacked];
    for (serial, key, kind) in [
        ("S002", "not-unpacked", DifferenceKind::NotUnpacked),
        ("S009", "not-packed", DifferenceKind::NotPacked),
    ] {
        let verdict = verdict_on(&play, &lists, &item_of(LOT, serial));
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec![key]), "{serial}");
        let Reason::ContentsDiffer(difference) = &verdict.reasons[0] else { panic!() };
        assert_eq!((difference.kind, &difference.what), (kind, &pack(serial)));
        assert_eq!(difference.missing, Some(Few { count: 2, named: vec![pack("S002"), pack("S003")] }));
        assert_eq!(difference.added, Some(Few { count: 1, named: vec![pack("S009")] }));
        assert_eq!(verdict.accountable.as_ref().unwrap().identity, Some(identity("distributor")));
        // Both lists' statements are the evidence, and the opening is shown.
        assert!([difference.packing, difference.unpacking].iter().all(|one| verdict.evidence.contains(one)));
        assert_eq!(verdict.timeline.last().unwrap().statement, difference.unpacking);
        let sentence = words::sentence(&verdict.reasons[0], &play.profile);
        assert!(sentence.contains(UNIT) && sentence.contains("3 went in, 2 came out"), "{sentence}");
        assert!(!sentence.contains('{') && !sentence.to_lowercase().contains("fake"), "{sentence}");
    }
    // Packs on both lists, and packs on neither, are not affected.
    for serial in ["S001", "S050"] {
        let verdict = verdict_on(&play, &lists, &item_of(LOT, serial));
        assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]), "{serial}");
    }
}

#[test]
fn without_the_list_of_what_came_out_no_pack_is_said_to_be_missing() {
    let packed = list(&["S001", "S002"]);
    let play = opened(UNIT, &packed, &list(&["S001"]));
    let verdict = verdict_on(&play, &[packed], &item_of(LOT, "S002"));
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["contents-differ"]));
    let Reason::ContentsDiffer(difference) = &verdict.reasons[0] else { panic!() };
    assert_eq!((&difference.missing, &difference.added), (&None, &None));
    assert!(words::sentence(&verdict.reasons[0], &play.profile).contains("not known here"));
}

#[test]
fn a_case_that_did_not_come_off_its_pallet_took_its_packs_with_it() {
    let (unit, other) = (Subject::new(UNIT).unwrap(), pack("S077"));
    let case = list(&["S001"]);
    let (loaded, unloaded) =
        (Contents::new([unit.clone(), other.clone()]).unwrap(), Contents::new([other]).unwrap());
    let mut play = Play::until("distribution");
    let packing = spec(&play, "pack", UNIT, case.fields());
    play.take(&packing).unwrap();
    open(&mut play, PALLET, &loaded, &unloaded);
    let verdict = verdict_on(&play, &[case, loaded, unloaded], &item_of(LOT, "S001"));
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Attention, vec!["not-unpacked"]));
    let Reason::ContentsDiffer(difference) = &verdict.reasons[0] else { panic!() };
    assert_eq!((&difference.what, difference.unit.as_str()), (&unit, PALLET));
}

#[test]
fn many_packs_are_counted_and_some_of_them_named() {
    let serials: Vec<String> = (0..40).map(|n| format!("S{n:03}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    let (packed, unpacked) = (list(&serials), list(&serials[..10]));
    let play = opened(UNIT, &packed, &unpacked);
    let verdict = verdict_on(&play, &[packed, unpacked], &item_of(LOT, "S020"));
    let Reason::ContentsDiffer(difference) = &verdict.reasons[0] else { panic!() };
    let missing = difference.missing.as_ref().unwrap();
    assert_eq!((missing.count, missing.named.len()), (30, 8));
    assert!(missing.to_string().ends_with("/21/S017 and 22 more"), "{missing}");
    assert_eq!(difference.added.as_ref().unwrap().to_string(), "none");
}

#[test]
fn a_pack_in_two_units_and_a_unit_in_itself_need_attention_and_the_last_packer_is_accountable() {
    let pallet = Contents::new([Subject::new(UNIT).unwrap()]).unwrap();
    let own = Contents::new([pack("S001"), Subject::new(UNIT).unwrap()]).unwrap();
    let packed = |into: &[(&str, &Contents)]| {
        let mut play = Play::until("distribution");
        for (unit, contents) in into {
            let spec = spec(&play, "pack", unit, contents.fields());
            play.take(&spec).unwrap();
        }
        play
    };
    let (one, other) = (list(&["S001", "S002"]), list(&["S001", "S003"]));
    let round = Contents::new([Subject::new(PALLET).unwrap(), pack("S001")]).unwrap();
    for (into, key) in [
        (vec![(UNIT, &one), (PALLET, &other)], "packed-twice"),
        (vec![(UNIT, &own)], "packed-in-itself"),
        (vec![(UNIT, &round), (PALLET, &pallet)], "packed-in-itself"),
    ] {
        let lists: Vec<Contents> = into.iter().map(|(_, list)| (*list).clone()).collect();
        let told = verdict_on(&packed(&into), &lists, &item_of(LOT, "S001"));
        assert_eq!((told.kind, keys(&told)), (VerdictKind::Attention, vec![key]));
        assert_eq!(told.accountable.unwrap().identity, Some(identity("distributor")));
    }
    // A pack that is in one of them alone, and a case on a pallet, are where they can be.
    let play = packed(&[(UNIT, &one), (PALLET, &other)]);
    assert_eq!(verdict_on(&play, &[one.clone(), other], &item_of(LOT, "S002")).kind, VerdictKind::Authentic);
    let play = packed(&[(UNIT, &one), (PALLET, &pallet)]);
    assert_eq!(
        verdict_on(&play, &[one.clone(), pallet.clone()], &item_of(LOT, "S001")).kind,
        VerdictKind::Authentic
    );
    // Once the first is open, what was in it can be packed anew.
    let mut play = opened(UNIT, &one, &one);
    let again = spec(&play, "pack", PALLET, one.fields());
    play.take(&again).unwrap();
    assert_eq!(verdict_on(&play, &[one], &item_of(LOT, "S001")).kind, VerdictKind::Authentic);
}

#[test]
fn the_route_of_the_unit_and_its_events_say_so_without_any_list() {
    for (unpacked, wrong, disposition) in [
        (list(&["S001"]), "2 packs went in, 1 came out", "mismatch_quantity"),
        (list(&["S001", "S003"]), "other packs came out than went in", "mismatch_instance"),
    ] {
        let play = opened(UNIT, &list(&["S001", "S002"]), &unpacked);
        let statements = &play.histories[&(LogName::SUPPLY, UNIT.to_owned())];
        let history = History { log: LogName::SUPPLY, domain: Some(DOMAIN), entries: statements };
        let dependencies = [play.lot_history(), play.class_history()];
        let logs = [(LogName::SUPPLY, play.facts().supply)];
        let route = Route::of_history(&play.profile, &history, &dependencies, &logs, NOW).unwrap();
        let Some(Stop::Leg(leg)) = route.stops.last() else { panic!("{:?}", route.stops) };
        assert!(matches!(leg.standing, Standing::Differs(_)));
        assert_eq!(leg.standing.wrong().as_deref(), Some(wrong));
        assert_eq!(route.accountable.as_ref().unwrap().identity, Some(identity("distributor")));
        assert!(route.svg().contains("came out"));
        let lot = play.lot_history().entries;
        let all: Vec<_> = lot.iter().chain(statements).filter_map(Entry::standing).collect();
        let document = epcis::document(&play.profile, &all, epcis::Around::default(), NOW).document;
        let events = document["epcisBody"]["eventList"].as_array().unwrap();
        assert_eq!(events.last().unwrap()["disposition"], disposition);
    }
}
