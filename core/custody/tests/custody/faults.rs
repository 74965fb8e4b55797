//! Each way in which a statement does not fit has its own reason, which the engine reports.

use countersign_custody::{CertificateFlaw, FaultReason, chain_value};
use countersign_ledger::{Entry, Hash, Kind, LogName, UnixMillis, Verified};

use crate::play::{
    CLASS, DAY, DOMAIN, EXPIRY, HOUR, LIFE, LOT, OTHER_LOT, Play, SERIAL, START, Spec, hash, identity,
};

/// The engine's result for the next step, changed.
fn reason(before: &str, kind: &str, change: impl FnOnce(Spec) -> Spec) -> FaultReason {
    let mut play = Play::until(before);
    let spec = change(play.spec(kind));
    play.check(&spec).unwrap_err().reason
}

fn missing(kind: &str) -> FaultReason {
    FaultReason::MissingLink(Kind::new(kind).unwrap())
}

#[test]
fn a_whole_life_is_admitted_step_by_step() {
    let mut play = Play::whole();
    play.admit("dispense");
    assert_eq!(play.history(LogName::SUPPLY, LOT).len(), LIFE.len() - 1);
}

#[test]
fn an_unknown_kind_is_refused() {
    let reason = reason("certificate", "material-request", |mut spec| {
        spec.draft.kind = Kind::new("medicine.gift").unwrap();
        spec
    });
    assert_eq!(reason, FaultReason::UnknownKind);
}

#[test]
fn a_statement_in_the_other_log_is_refused() {
    let mut play = Play::until("certificate");
    for (kind, log) in [("material-request", LogName::TRUST), ("recall", LogName::SUPPLY)] {
        let spec = play.spec(kind);
        let statement = play.sign(&spec);
        assert_eq!(play.judge(&statement, log).unwrap_err().reason, FaultReason::WrongLog, "{kind}");
    }
}

#[test]
fn a_statement_about_the_wrong_thing_is_refused() {
    for (kind, subject) in [("material-request", CLASS), ("certificate", LOT), ("certificate", "urn:x:1")] {
        let mut play = Play::new();
        let spec = play.spec(kind).on(subject);
        assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::WrongSubjectLevel, "{kind}");
    }
}

#[test]
fn no_step_is_open_to_another_role() {
    let mut play = Play::new();
    for kind in LIFE {
        let spec = play.spec(kind);
        for other in ["registrar", "authority", "supplier", "manufacturer", "distributor", "pharmacy"] {
            if other != spec.who {
                let fault = play.check(&spec.clone().by(other)).unwrap_err();
                assert_eq!(fault.reason, FaultReason::WrongRole, "{kind} by {other}");
                assert_eq!(fault.accountable.identity, Some(identity(other)));
            }
        }
        play.take(&spec).unwrap();
    }
}

#[test]
fn parties_of_another_trust_domain_are_refused() {
    assert_eq!(
        reason("certificate", "material-request", |s| s.by("foreign manufacturer")),
        FaultReason::WrongDomain
    );
    let to = identity("foreign supplier");
    let reason = reason("certificate", "material-request", |s| s.with("to", to.as_str()));
    assert_eq!(reason, FaultReason::WrongDomain);
}

#[test]
fn a_certificate_of_another_domain_counts_for_nothing_in_a_shared_log() {
    let mut play = Play::until("trial");
    let foreign = play.spec("certificate").by("foreign authority");
    let foreign = play.sign(&foreign);
    let mut spec = play.spec("approval");
    spec.draft.links = vec![foreign.id()];
    play.push(foreign);
    assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::WrongDomain);
}

#[test]
fn another_member_in_the_right_role_is_not_the_one_who_was_named() {
    for (before, kind, other) in [
        ("material-request", "material", "supplier second"),
        ("material", "trial", "manufacturer second"),
        ("approval", "commission", "manufacturer second"),
        ("commission", "distribution", "manufacturer second"),
        ("distribution", "sales-status", "distributor second"),
        ("sales-status", "receipt", "manufacturer second"),
    ] {
        assert_eq!(reason(before, kind, |spec| spec.by(other)), FaultReason::NotTheReceiver, "{kind}");
    }
}

#[test]
fn a_reply_goes_to_whom_it_answers() {
    let second = |who: &str| identity(&format!("{who} second"));
    for (before, kind, other) in [
        ("material-request", "material", second("manufacturer")),
        ("trial", "approval", second("manufacturer")),
        ("distribution", "sales-status", second("manufacturer")),
        ("certificate", "material-request", identity("distributor")),
    ] {
        let reason = reason(before, kind, |spec| spec.with("to", other.as_str()));
        assert_eq!(reason, FaultReason::WrongReceiver, "{kind}");
    }
}

#[test]
fn a_receiver_is_named_and_is_a_member() {
    let missing = reason("certificate", "material-request", |spec| spec.without("to"));
    assert_eq!(missing, FaultReason::MissingField("to".into()));
    for nobody in ["somebody", ""] {
        let nobody = reason("certificate", "material-request", |spec| spec.with("to", nobody));
        assert_eq!(nobody, FaultReason::FieldType("to".into()));
    }
}

#[test]
fn a_statement_names_the_one_before_it() {
    for prev in [None, Some(hash("another"))] {
        let reason = reason("material", "trial", |mut spec| {
            spec.draft.prev = prev;
            spec
        });
        assert_eq!(reason, FaultReason::WrongPrev);
    }
    let reason = reason("certificate", "material-request", |mut spec| {
        spec.draft.prev = Some(hash("something"));
        spec
    });
    assert_eq!(reason, FaultReason::WrongPrev);
}

#[test]
fn a_step_too_early_is_refused() {
    for (before, kind) in
        [("material-request", "trial"), ("trial", "commission"), ("approval", "distribution")]
    {
        let mut play = Play::until(before);
        // The links that it needs are missing; its place is judged first.
        let mut spec = if kind == "trial" { play.spec(kind) } else { Play::until(kind).spec("receipt") };
        spec.draft.kind = Kind::new(format!("medicine.{kind}")).unwrap();
        spec.draft.prev = play.history(LogName::SUPPLY, LOT).last().map(Entry::id);
        assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::WrongStep, "{kind}");
    }
}

#[test]
fn a_lot_is_commissioned_once() {
    let mut play = Play::until("distribution");
    let spec = play.spec("commission");
    assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::AlreadyDone);
    let mut play = Play::until("commission");
    let spec = play.spec("commission");
    assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::AlreadyDone);
}

#[test]
fn a_pack_is_dispensed_once() {
    let mut play = Play::whole();
    play.admit("dispense");
    let spec = play.spec("dispense").by("pharmacy second");
    assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::AlreadyDone);
}

#[test]
fn every_link_is_needed() {
    for (before, kind, link) in [
        ("trial", "approval", "medicine.certificate"),
        ("approval", "commission", "medicine.approval"),
        ("commission", "distribution", "medicine.certificate"),
        ("receipt", "dispense", "medicine.commission"),
    ] {
        let reason = reason(before, kind, |mut spec| {
            spec.draft.links.remove(0);
            spec
        });
        assert_eq!(reason, missing(link), "{kind}");
    }
    let unknown = reason("trial", "approval", |mut spec| {
        spec.draft.links = vec![hash("no statement")];
        spec
    });
    assert_eq!(unknown, missing("medicine.certificate"));
}

#[test]
fn a_link_to_another_lot_counts_for_nothing() {
    let mut play = Play::whole();
    play.second_lot();
    let pack = format!("{OTHER_LOT}/21/T001");
    let ours = play.spec("dispense");
    let mut spec = play.spec_on("dispense", &pack);
    spec.draft.links = ours.draft.links;
    assert_eq!(play.check(&spec).unwrap_err().reason, missing("medicine.commission"));
}

#[test]
fn links_that_do_not_belong_are_refused() {
    for extra in [0, 1] {
        let mut play = Play::until("trial");
        let mut spec = play.spec("approval");
        spec.draft.links.push([play.latest("trial").id(), spec.draft.links[0]][extra]);
        assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::UnexpectedLink);
    }
}

#[test]
fn fields_are_there_of_their_type_and_no_others() {
    let without = reason("material-request", "material", |spec| spec.without("material"));
    assert_eq!(without, FaultReason::MissingField("material".into()));
    let number = reason("material-request", "material", |spec| spec.with("material", 7));
    assert_eq!(number, FaultReason::FieldType("material".into()));
    let short = reason("approval", "commission", |spec| spec.with("serials", "text"));
    assert_eq!(short, FaultReason::FieldType("serials".into()));
    let nobody = reason("certificate", "certificate", |spec| spec.with("holder", "nobody"));
    assert_eq!(nobody, FaultReason::FieldType("holder".into()));
    let extra = reason("material-request", "material", |spec| spec.with("colour", "blue"));
    assert_eq!(extra, FaultReason::UnexpectedField("colour".into()));
    let receiver = reason("approval", "commission", |spec| spec.with("to", identity("distributor").as_str()));
    assert_eq!(receiver, FaultReason::UnexpectedField("to".into()));
}

#[test]
fn optional_fields_may_be_there() {
    let mut play = Play::until("commission");
    let spec = play.spec("distribution").with("cost", 1200);
    play.check(&spec).unwrap();
}

#[test]
fn what_was_stated_before_is_repeated_unchanged() {
    for (before, kind, field, value) in [
        ("material", "trial", "material", "MUI-2"),
        ("trial", "approval", "product", "Example 10 mg"),
        ("commission", "distribution", "class", "C-2"),
    ] {
        let reason = reason(before, kind, |spec| spec.with(field, value));
        assert_eq!(reason, FaultReason::FieldMismatch(field.into()), "{kind}");
    }
    for (before, kind) in [("commission", "distribution"), ("distribution", "sales-status")] {
        let reason = reason(before, kind, |spec| spec.with("expiry", START + 9999 * DAY));
        assert_eq!(reason, FaultReason::FieldMismatch("expiry".into()), "{kind}");
    }
}

#[test]
fn each_chain_value_is_checked_under_the_number_of_its_transfer() {
    let numbers = [
        ("material-request", "material", 1),
        ("material", "trial", 2),
        ("trial", "approval", 3),
        ("approval", "commission", 4),
        ("commission", "distribution", 4),
        ("distribution", "sales-status", 5),
        ("sales-status", "receipt", 6),
    ];
    for (before, kind, number) in numbers {
        let reason = reason(before, kind, |spec| spec.with("bc", hash("wrong")));
        assert_eq!(reason, FaultReason::WrongChainValue(number), "{kind}");
    }
}

#[test]
fn a_chain_value_covers_the_message_its_signature_and_the_value_before() {
    let play = Play::whole();
    let (request, material) = (play.latest("material-request"), play.latest("material"));
    let value = |statement: &Verified, before: &[u8]| {
        let (z, rs) = statement.signature_operands();
        Hash::framed("countersign/custody/chain/v1", &[&z.0, &rs[..32], &rs[32..], before])
    };
    let first = value(request, b"");
    assert_eq!(chain_value(&play.profile, request), Some((1, first)));
    assert_eq!(chain_value(&play.profile, material), Some((2, value(material, &first.0))));
    assert_eq!(play.latest("trial").fields().hash("bc"), Some(value(material, &first.0)));
    assert_eq!(chain_value(&play.profile, play.latest("commission")), None);
}

#[test]
fn chain_values_of_two_lots_differ() {
    let mut play = Play::whole();
    play.second_lot();
    let values = |lot| {
        let history = play.history(LogName::SUPPLY, lot).iter();
        history.filter_map(|one| chain_value(&play.profile, one.verified())).collect::<Vec<_>>()
    };
    assert_eq!(values(LOT).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(values(LOT).iter().all(|value| !values(OTHER_LOT).contains(value)));
}

/// The engine's result for the approval under a certificate of another kind.
fn under(change: impl FnOnce(Spec) -> Spec) -> FaultReason {
    let mut play = Play::new();
    let certificate = change(play.spec("certificate"));
    play.force(&certificate);
    play.admit_all(&["material-request", "material", "trial"]);
    let mut spec = play.spec_on("approval", LOT);
    if spec.draft.links.is_empty() {
        spec.draft.links = vec![play.latest("certificate").id()];
    }
    play.check(&spec).unwrap_err().reason
}

#[test]
fn a_certificate_must_hold_for_whom_and_when_it_is_used() {
    let flaw = FaultReason::CertificateNotValid;
    assert_eq!(under(|spec| spec.with("exp", START)), flaw(CertificateFlaw::Expired));
    assert_eq!(under(|spec| spec.with("nbf", START + 10 * DAY)), flaw(CertificateFlaw::NotYet));
    let other = identity("manufacturer second");
    assert_eq!(under(|spec| spec.with("holder", other.as_str())), flaw(CertificateFlaw::Holder));
}

#[test]
fn a_certificate_for_another_product_does_not_count() {
    let mut play = Play::until("trial");
    let other = play.spec_on("certificate", "https://id.gs1.org/01/09506000134369");
    play.take(&other).unwrap();
    let mut spec = play.spec("approval");
    spec.draft.links = vec![play.latest("certificate").id()];
    let reason = play.check(&spec).unwrap_err().reason;
    assert_eq!(reason, FaultReason::CertificateNotValid(CertificateFlaw::Class));
}

#[test]
fn a_lot_is_not_distributed_once_the_certificate_ran_out_until_it_is_renewed() {
    let mut play = Play::until("commission");
    let mut late = play.spec("distribution");
    late.at = START + 1001 * DAY;
    let reason = play.check(&late).unwrap_err().reason;
    assert_eq!(reason, FaultReason::CertificateNotValid(CertificateFlaw::Expired));
    let renewed = play.spec("certificate").with("exp", START + 2000 * DAY);
    play.take(&renewed).unwrap();
    let renewed = play.spec("distribution");
    play.check(&Spec { at: late.at, ..renewed }).unwrap();
}

#[test]
fn a_recall_is_final() {
    let mut play = Play::whole();
    play.admit("suspend");
    let lift = play.spec("lift");
    play.admit("recall");
    let lift = Spec {
        draft: countersign_ledger::Draft { prev: Some(play.latest("recall").id()), ..lift.draft },
        ..lift
    };
    assert_eq!(play.check(&lift).unwrap_err().reason, FaultReason::RecallIsFinal);
    let suspend = play.spec("suspend");
    assert_eq!(play.check(&suspend).unwrap_err().reason, FaultReason::RecallIsFinal);
    let again = play.spec("recall");
    assert_eq!(play.check(&again).unwrap_err().reason, FaultReason::AlreadyDone);
}

#[test]
fn only_an_open_suspension_is_lifted() {
    let mut play = Play::whole();
    let mut nothing = play.spec("suspend");
    nothing.draft.kind = Kind::new("medicine.lift").unwrap();
    assert_eq!(
        play.check(&nothing.clone().without("reason")).unwrap_err().reason,
        FaultReason::NothingToLift
    );
    play.admit("suspend");
    play.admit("lift");
    let again = play.spec("lift");
    assert_eq!(play.check(&again).unwrap_err().reason, FaultReason::NothingToLift);
    // A second suspension opens again, and the first one's lift does not count for it.
    play.admit("suspend");
    let mut wrong = play.spec("lift");
    wrong.draft.links = again.draft.links;
    assert_eq!(play.check(&wrong).unwrap_err().reason, FaultReason::NothingToLift);
    play.admit("lift");
}

#[test]
fn of_two_suspensions_each_is_lifted_by_itself() {
    let mut play = Play::whole();
    play.admit("suspend");
    let first = play.latest("suspend").id();
    play.admit("suspend");
    play.admit("lift");
    let mut spec = play.spec("lift");
    spec.draft.links = vec![first];
    play.check(&spec).unwrap();
}

#[test]
fn a_manufacturer_stops_its_own_product_and_no_other() {
    for kind in ["recall", "suspend"] {
        let mut play = Play::whole();
        let own = |play: &Play, who| {
            let mut spec = play.spec(kind).by(who);
            spec.draft.links = vec![play.latest("certificate").id()];
            spec
        };
        let bare = play.spec(kind).by("manufacturer");
        assert_eq!(play.check(&bare).unwrap_err().reason, missing("medicine.certificate"));
        let theirs = own(&play, "manufacturer second");
        let reason = play.check(&theirs).unwrap_err().reason;
        assert_eq!(reason, FaultReason::CertificateNotValid(CertificateFlaw::Holder));
        // Also after its certificate has expired: a product can always be stopped.
        let late = Spec { at: START + 2000 * DAY, ..own(&play, "manufacturer") };
        play.check(&late).unwrap();
    }
}

#[test]
fn a_manufacturer_does_not_lift() {
    let mut play = Play::whole();
    play.admit("suspend");
    let spec = play.spec("lift").by("manufacturer");
    assert_eq!(play.check(&spec).unwrap_err().reason, FaultReason::WrongRole);
}

#[test]
fn a_pack_is_not_recalled_alone_but_can_be_suspended() {
    let mut play = Play::whole();
    let pack = format!("{LOT}/21/{SERIAL}");
    let recall = play.spec_on("recall", &pack);
    assert_eq!(play.check(&recall).unwrap_err().reason, FaultReason::WrongSubjectLevel);
    let suspend = play.spec_on("suspend", &pack);
    play.check(&suspend).unwrap();
}

#[test]
fn a_fault_names_the_statement_its_signer_and_the_step() {
    let mut play = Play::until("distribution");
    let spec = Spec { at: START + HOUR, ..play.spec("sales-status").with("expiry", START) };
    let statement = play.sign(&spec);
    let fault = play.judge(&statement, LogName::SUPPLY).unwrap_err();
    assert_eq!((fault.statement, &fault.signer), (statement.id(), &identity("distributor")));
    assert_eq!(fault.step.as_str(), "medicine.sales-status");
    let text = format!(
        "medicine.sales-status by spiffe://{DOMAIN}/distributor/first: the field expiry differs from what was stated before"
    );
    assert_eq!(fault.to_string(), text);
}

#[test]
fn a_draft_fills_in_what_follows_from_the_rules() {
    let mut play = Play::new();
    let signed = |play: &Play, spec: &Spec| {
        let others: Vec<Entry> = play.histories.values().flatten().cloned().collect();
        let log = play.profile.step(&spec.draft.kind).unwrap().log;
        let subject = play.history(log, spec.draft.subject.as_str());
        let given = spec.clone().without("bc").draft.fields;
        play.profile
            .draft(&spec.draft.kind, &spec.draft.subject, &identity(spec.who), given, subject, &others)
            .unwrap()
    };
    for kind in LIFE.iter().chain(&["dispense", "suspend", "suspend", "lift", "lift", "recall"]) {
        let spec = play.spec(kind);
        let mut spec = Spec { draft: signed(&play, &spec), ..spec };
        if *kind == "commission" {
            let kind = &spec.draft.kind;
            let given = play.profile.commission_fields(kind, &play.serials, UnixMillis(EXPIRY)).unwrap();
            assert!(given.iter().all(|(name, value)| spec.draft.fields.get(name) == Some(value)));
            spec.draft.fields = given.with("bc", spec.draft.fields.hash("bc").unwrap());
        }
        play.take(&spec).unwrap_or_else(|fault| panic!("{fault}"));
    }
    let own = play.spec_on("recall", CLASS).by("manufacturer");
    let own = Spec { draft: signed(&play, &own), ..own };
    play.check(&own).unwrap();
}
