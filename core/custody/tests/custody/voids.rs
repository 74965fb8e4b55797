//! A revocation voids what a thief has signed and closes no subject: honest parties continue, and are never blamed.

use countersign_custody::handover::HandoverError;
use countersign_custody::{
    Contents, Dossier, FaultReason, Finding, History, Item, Judged, Mark, Reason, Route, Standing, Stop,
    UnitFacts, Verdict, VerdictKind, verdict,
};
use countersign_ledger::{
    Context, Entry, IndexEntry, Kind, LogName, Problem, Rules as _, State, Subject, TrustStore,
};

use crate::play::{CLASS, DOMAIN, LIFE, LOT, NOW, Play, SERIAL, Spec, identity, item, item_of};
use crate::road::{self, PIECE, Road, at, label};

const UNIT: &str = "https://id.gs1.org/00/095060001343520003";

fn judged(play: &Play, subject: &str) -> (Vec<Judged>, Option<Finding>) {
    let history = History { entries: play.history(LogName::SUPPLY, subject), ..play.lot_history() };
    let audit = play.profile.audit(&history, &[play.class_history(), play.lot_history()]);
    (audit.steps.into_iter().map(|step| step.judged).collect(), audit.finding)
}

fn verdict_on(play: &Play, item: &Item) -> Verdict {
    let with_pack = play.histories.contains_key(&(LogName::SUPPLY, format!("{LOT}/21/{SERIAL}")));
    let facts = if with_pack { play.facts_with_pack() } else { play.facts() };
    verdict(item, Some(&Dossier::new(&play.profile, facts)), NOW)
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

fn marks(verdict: &Verdict, kind: &str) -> Vec<Mark> {
    let kind = Kind::new(format!("medicine.{kind}")).unwrap();
    verdict.timeline.iter().filter(|event| event.kind == kind).map(|event| event.mark).collect()
}

/// The stories in which a thief signs `kind` with the key of `who`, once with a revocation from that very place and
/// once from an earlier one.
fn stolen(kind: &str, who: &'static str, then: impl Fn(Play)) {
    let mut play = Play::until(kind);
    let index = play.latest(kind).index();
    let earlier = play.histories.values().flatten().filter(|entry| entry.index() < index);
    let own = earlier.filter(|entry| *entry.verified().signer().identity() == identity(who));
    let earliest = own.map(Entry::index).max().map_or(0, |last| last + 1);
    for from in [index, earliest] {
        let mut play = Play::until(kind);
        play.revoke(who, from);
        play.renew(who);
        then(play);
    }
    play.revoke(who, index + 1);
    assert!(play.histories.values().flatten().all(|entry| entry.standing().is_some()));
}

#[test]
fn the_next_honest_statement_follows_a_void_one_and_the_lot_is_authentic() {
    stolen("material", "supplier", |mut play| {
        let void = play.history(LogName::SUPPLY, LOT).last().unwrap().id();
        play.admit("material");
        let made = play.history(LogName::SUPPLY, LOT).last().unwrap();
        assert_eq!(made.verified().prev(), Some(void));
        for kind in &LIFE[3..] {
            play.admit(kind);
        }
        let (judged, finding) = judged(&play, LOT);
        assert_eq!((&judged[1], finding), (&Judged::Void, None));
        assert_eq!(judged.iter().filter(|one| **one == Judged::Sound).count(), judged.len() - 1);
        let verdict = verdict_on(&play, &item());
        assert_eq!((verdict.kind, verdict.accountable.as_ref()), (VerdictKind::Authentic, None));
        assert_eq!(marks(&verdict, "material"), [Mark::Void, Mark::Verified]);
        let route = Route::new(&item(), &verdict, &play.profile);
        let struck = route.stops.iter().filter(|stop| {
            matches!(stop, Stop::Leg(leg) if leg.standing == Standing::Void && stop.accountable().is_none())
        });
        assert_eq!(struck.count(), 1);
        assert!(route.svg().contains("void: the signer"), "{}", route.svg());
    });
}

#[test]
fn a_void_statement_is_no_reason_for_the_next_step() {
    stolen("approval", "authority", |mut play| {
        // A statement that builds on the thief's approval is refused with the reason; once the authority approves, it
        // is accepted.
        let commission = play.spec("commission");
        assert_eq!(play.check(&commission).unwrap_err().reason, FaultReason::WrongStep);
        play.admit("approval");
        play.admit("commission");
        assert_eq!(judged(&play, LOT).1, None);
    });
}

#[test]
fn a_pack_that_a_thief_dispensed_can_be_dispensed() {
    let mut play = Play::whole();
    play.admit("dispense");
    let index = play.latest("dispense").index();
    play.revoke("pharmacy", index);
    let stolen = verdict_on(&play, &item());
    assert_eq!((stolen.kind, marks(&stolen, "dispense")), (VerdictKind::Authentic, vec![Mark::Void]));
    let honest = play.spec("dispense").by("pharmacy second");
    play.take(&honest).unwrap();
    let dispensed = verdict_on(&play, &item());
    assert_eq!((keys(&dispensed), dispensed.kind), (vec!["dispensed"], VerdictKind::Attention));
    assert_eq!(marks(&dispensed, "dispense"), [Mark::Void, Mark::Verified]);
    assert_eq!(dispensed.accountable, None);
}

#[test]
fn those_who_continued_from_a_statement_before_it_was_void_are_not_blamed() {
    let mut play = Play::until("sales-status");
    let index = play.latest("material").index();
    play.revoke("supplier", index);
    let (all, finding) = judged(&play, LOT);
    assert_eq!(all.iter().filter(|one| **one == Judged::Void).count(), 1);
    assert!(all.iter().all(|one| one.fault().is_none()), "{all:?}");
    assert!(matches!(&all[2], Judged::RestsOn(fault) if fault.kind.as_str() == "medicine.material"));
    let finding = finding.unwrap();
    assert_eq!(
        (finding.finding.as_str(), &finding.fault.reason),
        ("material-tampered", &FaultReason::SignerRevoked)
    );
    assert_eq!(finding.accountable().identity, Some(identity("supplier")));
    // The next honest step is accepted, on the lot and on its packs.
    play.admit("receipt");
    play.admit("dispense");
    assert!(judged(&play, LOT).0.iter().all(|one| one.fault().is_none()));
    let verdict = verdict_on(&play, &item());
    assert_eq!(
        (verdict.kind, verdict.accountable.unwrap().identity),
        (VerdictKind::Suspect, Some(identity("supplier")))
    );
    assert!(verdict.timeline.iter().all(|event| event.fault.is_none()));
}

#[test]
fn a_void_commission_commissions_nothing_and_can_be_made_again() {
    stolen("commission", "manufacturer", |mut play| {
        let lost = verdict_on(&play, &item());
        assert!(keys(&lost).contains(&"unknown-serial") && lost.accountable.is_some(), "{:?}", lost.reasons);
        for kind in ["commission", "distribution", "sales-status", "receipt"] {
            play.admit(kind);
        }
        assert_eq!(verdict_on(&play, &item()).kind, VerdictKind::Authentic);
    });
}

#[test]
fn a_statement_that_links_a_void_one_is_refused_and_accepted_with_another_link() {
    let mut play = Play::until("commission");
    let index = play.latest("commission").index();
    let stale = play.spec("dispense");
    let early = play.spec_on("dispense", &format!("{LOT}/21/S008"));
    play.take(&early).unwrap();
    play.revoke("manufacturer", index);
    play.renew("manufacturer");
    assert_eq!(play.check(&stale).unwrap_err().reason, FaultReason::VoidLink);
    play.admit("commission");
    let relinked = play.spec("dispense");
    assert_ne!(relinked.draft.links, stale.draft.links);
    play.take(&relinked).unwrap();
    // A signer who linked it while it counted is not blamed: the holder of the key is accountable.
    let (judged, finding) = judged(&play, &format!("{LOT}/21/S008"));
    assert!(matches!(judged.as_slice(), [Judged::RestsOn(_)]));
    assert_eq!(finding.unwrap().accountable().identity, Some(identity("manufacturer")));
    assert_eq!(self::judged(&play, &format!("{LOT}/21/{SERIAL}")), (vec![Judged::Sound], None));
}

#[test]
fn a_void_recall_warns_of_nothing_and_closes_nothing() {
    let mut play = Play::whole();
    play.admit("recall");
    let index = play.latest("recall").index();
    assert_eq!(verdict_on(&play, &item()).kind, VerdictKind::Attention);
    play.revoke("authority", index);
    let cleared = verdict_on(&play, &item());
    assert_eq!((cleared.kind, marks(&cleared, "recall")), (VerdictKind::Authentic, vec![Mark::Void]));
    play.renew("authority");
    play.admit("suspend");
    play.admit("lift");
    play.admit("recall");
    assert_eq!(keys(&verdict_on(&play, &item())), ["recalled"]);
}

fn on_unit(play: &Play, kind: &str, contents: &Contents) -> Spec {
    let mut spec = play.spec_on("receipt", UNIT);
    spec.draft.links = if kind == "pack" { vec![play.latest("distribution").id()] } else { Vec::new() };
    spec.draft.kind = Kind::new(format!("medicine.{kind}")).unwrap();
    spec.draft.fields = contents.fields();
    spec.by("distributor")
}

fn list(serials: &[&str]) -> Contents {
    let pack = |serial: &&str| Subject::new(format!("{LOT}/21/{serial}")).unwrap();
    Contents::new(serials.iter().map(pack)).unwrap()
}

#[test]
fn a_void_packing_packs_nothing_and_the_unit_can_be_packed() {
    let mut play = Play::until("distribution");
    let (stolen, honest) = (list(&["S001"]), list(&["S002", "S003"]));
    let spec = on_unit(&play, "pack", &stolen);
    play.take(&spec).unwrap();
    let index = play.latest("pack").index();
    play.revoke("distributor", index);
    play.renew("distributor");
    for (kind, contents) in [("pack", &honest), ("unpack", &honest)] {
        let spec = on_unit(&play, kind, contents);
        play.take(&spec).unwrap();
    }
    let (judged, finding) = judged(&play, UNIT);
    assert_eq!((judged, finding), (vec![Judged::Void, Judged::Sound, Judged::Sound], None));
    let mut facts = play.facts();
    let history = play.history(LogName::SUPPLY, UNIT).to_vec();
    let entry = Some(IndexEntry { count: 3, latest: history[2].id() });
    let contents = vec![stolen, honest];
    facts.units.push(UnitFacts { subject: Subject::new(UNIT).unwrap(), entry, history, contents });
    let dossier = Dossier::new(&play.profile, facts);
    for (serial, events) in [("S001", 0), ("S002", 2)] {
        let verdict = verdict(&item_of(LOT, serial), Some(&dossier), NOW);
        assert_eq!((verdict.kind, verdict.reasons.as_slice()), (VerdictKind::Authentic, &[] as &[Reason]));
        let packed = verdict.timeline.iter().filter(|event| event.kind.as_str().ends_with("pack")).count();
        assert_eq!(packed, events, "{serial}");
    }
}

#[test]
fn a_void_offer_hands_nothing_over_and_the_goods_move_on_without_a_signal() {
    for from in [12, 11] {
        let mut road = Road::new();
        let made = road.made();
        // A thief has the key of courier A, and an honest courier accepts: both statements are in one entry, at index
        // 12.
        let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(1));
        road.revoke("courier a", from);
        road.renew("courier a");
        let indices = 10..;
        let history: Vec<Entry> = chain
            .statements()
            .iter()
            .zip(indices)
            .map(|(one, index)| road.placed(one.clone(), index))
            .collect();
        assert!(history[2].standing().is_none() && history[1].standing().is_some());
        // A still holds the goods, and hands them to C, offline, in a chain that shows the void one in its place.
        let chain = countersign_custody::handover::CustodyChain::new(&history).unwrap();
        assert_eq!(chain.holder(&road.rules()).unwrap(), Some(road::identity("courier a")));
        let chain = road.hand_over("courier a", "courier c", chain, at(9));
        let chain = road.hand_over("courier c", "consumer", chain, at(12));
        assert_eq!(chain.statements().len(), 5);
        let facts = road.facts(&made, chain.statements());
        assert_eq!(facts.lots[0].followed[&Subject::new(PIECE).unwrap()][2].standing().map(|_| ()), None);
        let verdict = verdict(&label(), Some(&Dossier::new(&road.profile, facts)), at(61));
        assert_eq!((keys(&verdict), verdict.accountable.as_ref()), (vec!["dispensed"], None));
        let route = Route::new(&label(), &verdict, &road.profile);
        let marks: Vec<bool> = route.stops[6..]
            .iter()
            .map(|stop| matches!(stop, Stop::Leg(leg) if leg.standing == Standing::Void))
            .collect();
        assert_eq!(marks, [false, false, true, false, false]);
    }
}

#[test]
fn a_revoked_signer_in_a_chain_that_no_log_has_holds_nothing() {
    let mut road = Road::new();
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(1));
    let offered = road.offer("courier b", chain.clone(), at(5));
    road.revoke("courier b", 0);
    road.renew("courier b");
    assert_eq!(chain.holder(&road.rules()).unwrap(), Some(road::identity("courier a")));
    assert!(road.answer("courier c", &offered.to_bytes(), at(5)).is_err());
}

#[test]
fn a_revoked_receiver_accepts_nothing() {
    let mut road = Road::new();
    let offered = road.offer("courier a", road.to_the_courier(), at(1));
    let answer = road.answer("courier b", &offered.to_bytes(), at(1)).unwrap();
    road.revoke("courier b", 7);
    let revoked = |chain: Result<_, HandoverError>| chain.map(drop).unwrap_err().reason();
    assert_eq!(revoked(road.answer("courier b", &offered.to_bytes(), at(1))), "revoked");
    assert_eq!(revoked(offered.close(&answer.answer_message(), &road.rules())), "revoked");
}

/// The node's checks through the seam, over stored states, equal the phone's over histories.
#[test]
fn the_seam_judges_each_step_as_the_engine_does() {
    let mut play = Play::new();
    let trust = TrustStore::new();
    let mut states: std::collections::BTreeMap<(LogName, String), State> = std::collections::BTreeMap::new();
    for kind in LIFE.iter().chain(&["dispense", "suspend", "lift", "recall"]) {
        let spec = play.spec(kind);
        let statement = play.sign(&spec);
        let log = play.profile.logs(&spec.draft.kind).unwrap()[0];
        let linked: Vec<_> = play.histories.values().flatten().cloned().map(std::sync::Arc::new).collect();
        let state = states.entry((log, spec.draft.subject.to_string())).or_default();
        let context = |subject, domain| Context {
            log,
            domain,
            time: None,
            subject,
            head: subject,
            linked: &linked,
            rival: None,
            elsewhere: &[],
            trust: &trust,
            checkpoints: None,
        };
        let (profile, verified) = (&play.profile, statement.verified());
        assert_eq!(play.profile.check_seam(verified, &context(state, Some(DOMAIN))), Ok(()), "{kind}");
        let foreign = play.profile.check_seam(verified, &context(state, Some("other.example"))).unwrap_err();
        assert_eq!(foreign.problem, Problem::Rule);
        let damaged = State(vec![0xff]);
        let refused = play.profile.check_seam(verified, &context(&damaged, Some(DOMAIN))).unwrap_err();
        assert_eq!(refused.problem, Problem::Internal);
        let next = profile.fold(state, verified);
        assert!(next.0.len() < 4096, "{kind}: {}", next.0.len());
        *state = next;
        play.push(statement);
    }
    assert_eq!(states.len(), 4);
    assert!(states.contains_key(&(LogName::SUPPLY, CLASS.to_owned())));
}

trait Seam {
    fn check_seam(
        &self,
        statement: &countersign_ledger::Verified,
        context: &Context<'_>,
    ) -> Result<(), countersign_ledger::Violation>;
}

/// The engine's own check has the same name.
impl Seam for countersign_custody::Profile {
    fn check_seam(
        &self,
        statement: &countersign_ledger::Verified,
        context: &Context<'_>,
    ) -> Result<(), countersign_ledger::Violation> {
        countersign_ledger::Rules::check(self, statement, context)
    }
}

#[test]
fn a_subject_s_state_does_not_grow_with_its_history() {
    let road = Road::new();
    let mut state = State::default();
    let mut chain = road.to_the_courier();
    let mut sizes = Vec::new();
    for hop in 0..10 {
        let (from, to) = if hop % 2 == 0 { ("courier a", "courier b") } else { ("courier b", "courier a") };
        chain = road.hand_over(from, to, chain, at(hop + 1));
        let entry = road.placed(chain.last().clone(), hop);
        state = road.profile.fold(&state, entry.verified());
        sizes.push(state.0.len());
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
}
