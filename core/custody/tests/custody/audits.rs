//! Third-party verification: the order of its questions, and whom it names.

use countersign_custody::{Audit, FaultReason, UNORDERED};

use countersign_ledger::{Entry, LogName};

use crate::play::{CLASS, EXPIRY, LOT, Play, START, hash, identity};

fn audit(play: &Play) -> Audit {
    play.profile.audit(&play.lot_history(), &[play.class_history()])
}

/// The finding, the step, and the accountable role.
fn found(play: &Play) -> (String, String, String) {
    let finding = audit(play).finding.expect("something is wrong");
    (finding.finding.clone(), finding.fault.step.to_string(), finding.accountable().role.clone())
}

fn triple(finding: &str, step: &str, role: &str) -> (String, String, String) {
    (finding.into(), format!("medicine.{step}"), role.into())
}

#[test]
fn a_lawful_lot_passes_at_every_stage_of_its_life() {
    for last in &crate::play::LIFE[1..] {
        let play = Play::until(last);
        let audit = audit(&play);
        assert_eq!(audit.finding, None, "{last}");
        assert_eq!(audit.steps.len(), play.history(LogName::SUPPLY, LOT).len());
        assert!(audit.steps.iter().all(|step| step.judged.counts()));
    }
}

#[test]
fn an_expiry_changed_by_the_distributor_names_the_distributor() {
    let mut play = Play::until("distribution");
    let spec = play.spec("sales-status").with("expiry", EXPIRY + 1);
    play.force(&spec);
    play.admit("receipt");
    assert_eq!(found(&play), triple("expiry-tampered", "sales-status", "distributor"));
    let finding = audit(&play).finding.unwrap();
    assert_eq!(finding.accountable().identity, Some(identity("distributor")));
    assert_eq!(finding.fault.reason, FaultReason::FieldMismatch("expiry".into()));
}

#[test]
fn a_transfer_five_or_six_exchanged_later_names_the_distributor() {
    for (kind, role) in [("distribution", "distributor"), ("sales-status", "distributor")] {
        let mut play = Play::whole();
        play.exchange(kind, |spec| spec);
        assert_eq!(found(&play), triple("expiry-tampered", kind, role));
    }
}

#[test]
fn a_certificate_forged_by_the_manufacturer_names_the_manufacturer() {
    let mut play = Play::new();
    let forged = play.spec("certificate").by("manufacturer");
    play.force(&forged);
    play.admit_all(&crate::play::LIFE[1..]);
    assert_eq!(found(&play), triple("certificate-forged", "certificate", "manufacturer"));
    assert_eq!(audit(&play).finding.unwrap().fault.reason, FaultReason::WrongRole);
}

#[test]
fn a_forged_certificate_that_the_lot_does_not_use_is_not_held_against_it() {
    let mut play = Play::whole();
    let forged = play.spec("certificate").by("manufacturer");
    play.force(&forged);
    assert_eq!(audit(&play).finding, None);
}

#[test]
fn a_lot_commissioned_without_approval_names_the_manufacturer() {
    let mut play = Play::until("trial");
    let mut spec = Play::until("approval").spec("commission");
    spec.draft.prev = play.history(LogName::SUPPLY, LOT).last().map(Entry::id);
    play.force(&spec);
    assert_eq!(found(&play), triple("certificate-forged", "commission", "manufacturer"));
}

#[test]
fn an_approval_or_trial_exchanged_later_names_the_manufacturer() {
    for kind in ["approval", "trial"] {
        let mut play = Play::until("approval");
        play.admit("commission");
        play.exchange(kind, |spec| spec);
        assert_eq!(found(&play), triple("certificate-forged", kind, "manufacturer"), "{kind}");
    }
}

#[test]
fn material_exchanged_by_the_supplier_names_the_supplier() {
    let mut play = Play::whole();
    play.exchange("material", |spec| spec.with("content", "chalk"));
    assert_eq!(found(&play), triple("material-tampered", "material", "supplier"));
    let finding = audit(&play).finding.unwrap();
    assert_eq!(finding.accountable().identity, Some(identity("supplier")));
}

#[test]
fn a_supplier_that_uploads_a_wrong_value_is_accountable() {
    let mut play = Play::until("material-request");
    let spec = play.spec("material").with("bc", hash("wrong"));
    play.force(&spec);
    play.admit_all(&["trial", "approval", "commission", "distribution"]);
    assert_eq!(found(&play), triple("material-tampered", "material-request", "supplier"));
    assert_eq!(audit(&play).finding.unwrap().fault.reason, FaultReason::WrongChainValue(1));
}

#[test]
fn a_wrong_upload_does_not_condemn_the_transfers_after_it() {
    let mut play = Play::until("material");
    let spec = play.spec("trial").with("bc", hash("wrong"));
    play.force(&spec);
    play.admit_all(&["approval", "commission", "distribution", "sales-status", "receipt"]);
    let audit = audit(&play);
    assert_eq!(audit.steps.iter().filter(|step| !step.judged.counts()).count(), 1);
    // Transfer 2 is as it was received: the signer of the wrong value is accountable, whatever role the publication
    // names.
    let finding = audit.finding.unwrap();
    assert_eq!(finding.finding, "material-tampered");
    assert_eq!(finding.accountable().identity, Some(identity("manufacturer")));
}

#[test]
fn of_several_failures_the_first_question_s_is_reported() {
    let mut play = Play::whole();
    play.exchange("material", |spec| spec.with("content", "chalk"));
    play.exchange("trial", |spec| spec);
    assert_eq!(found(&play).0, "certificate-forged");
    play.exchange("sales-status", |spec| spec.with("expiry", START));
    assert_eq!(found(&play).0, "expiry-tampered");
}

#[test]
fn a_pack_dispensed_twice_is_found_outside_the_questions() {
    let mut play = Play::whole();
    play.admit("dispense");
    let again = play.spec("dispense").by("pharmacy second");
    play.force(&again);
    let entries = play.history(LogName::SUPPLY, &format!("{LOT}/21/{}", crate::play::SERIAL));
    let pack = countersign_custody::History { entries, ..play.lot_history() };
    let finding = play.profile.audit(&pack, &[play.class_history(), play.lot_history()]).finding.unwrap();
    assert_eq!(finding.finding, UNORDERED);
    assert_eq!(finding.fault.reason, FaultReason::AlreadyDone);
    assert_eq!(finding.fault.accountable.identity, Some(identity("pharmacy second")));
}

#[test]
fn steps_say_who_did_what_for_a_timeline() {
    let play = Play::whole();
    let steps = audit(&play).steps;
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind.as_str()).collect();
    let life = crate::play::LIFE[1..].iter().map(|kind| format!("medicine.{kind}")).collect::<Vec<_>>();
    assert_eq!(kinds, life);
    assert_eq!(steps[1].signer, identity("supplier"));
    assert_eq!(steps[1].receiver, Some(identity("manufacturer")));
    assert_eq!(steps[7].receiver, None);
    assert_eq!(audit(&Play::until("certificate")).steps, []);
    assert_eq!(play.class_history().entries[0].verified().statement().subject().as_str(), CLASS);
}
