//! What a patient's or a doctor's phone refuses, or marks.

use countersign_ledger::{Draft, Fields, Hash, Signer as _};
use countersign_records::rules::{DELIVERY, LOGS, Mode, Outcome};
use countersign_records::{AskError, Cut, Pair, Parts, RecordId, Refused, Rule, Unsigned, View};
use countersign_wallet::{NewLine, RecordError, TransportError};

use crate::clinic::{CARDIOLOGIST, Clinic, lock};
use crate::world::kind;

use super::{Case, titles};

#[test]
fn what_is_not_a_document_for_this_record_is_not_taken() {
    let clinic = Clinic::new();
    let mut patient = clinic.patient();
    let record = clinic.begun(&mut patient);
    let holder = patient.records().holder(&record).unwrap();
    let mut refused = |document: &[u8]| patient.records().take(&record, document).err().unwrap();
    let elsewhere = clinic.sign("grace", &RecordId([1; 16]), 2, &holder, "x");
    assert!(matches!(refused(&elsewhere), RecordError::Document(Refused::OtherRecord)));
    let another = countersign_ledger::SoftwareKey::from_bytes(&[9; 32]).unwrap().public_key();
    let stolen = clinic.sign("grace", &record, 2, &another, "x");
    assert!(matches!(refused(&stolen), RecordError::OtherHolder));
    let good = clinic.sign("grace", &record, 2, &holder, "x");
    let part = countersign_records::Extraction::from_bytes(&good).unwrap().extract(Parts::of([0, 3]));
    assert!(matches!(refused(&part.to_bytes()), RecordError::NotWhole(2)));
    let mut altered = good.clone();
    let at = altered.windows(3).rposition(|window| window == b"Roe").unwrap();
    altered[at] = b'X';
    assert!(matches!(refused(&altered), RecordError::Document(Refused::NotSigned(_))));
    // The author was revoked before it was published.
    let size = clinic.scene.world().size(LOGS[0]);
    clinic.scene.world().revoke("grace", LOGS[0], size);
    patient.sync(&clinic);
    assert!(matches!(patient.records().take(&record, &good), Err(RecordError::AuthorRevoked)));
}

#[test]
fn nothing_is_shared_that_the_author_does_not_permit_and_a_newer_rule_closes_lines() {
    let mut case = Case::new(Mode::AtOnce);
    let holder = case.patient.records().holder(&case.record).unwrap();
    // The medication only with the results, or the whole.
    let document = crate::clinic::document("Insulin", &[]);
    let unsigned = Unsigned::new(&mut Cut::new(&document).unwrap(), &[], &mut crate::clinic::random());
    let parts: Vec<_> = unsigned.parts().cloned().collect();
    let of = |title: &str| {
        let sections = View::of(&parts).sections;
        sections.iter().find(|section| section.title == title).unwrap().part
    };
    let (medication, results, all) = (of("Medication"), of("Results"), Parts::all(parts.len()));
    let without = Parts(all.0 & !Parts::of([medication]).0);
    let rule = Rule::new(
        vec![
            Pair { must: Parts::of([0]), may: without },
            Pair { must: Parts::of([0, medication, results]), may: all },
        ],
        parts.len(),
    );
    let signed = case.clinic.signed("grace", &case.record, 2, &holder, (unsigned, &rule.unwrap()));
    case.act(|records, _, record| records.take(record, &signed)).unwrap();
    // The line opened problems and medication, which nobody may open any more.
    assert!(case.patient.records().one(&case.record).unwrap().changing_to.unwrap().is_empty());
    case.clinic.proceed(&mut case.patient, &case.record);
    let line = |parts| NewLine {
        log: LOGS[1],
        policy: CARDIOLOGIST.parse().unwrap(),
        mode: Mode::AtOnce,
        minutes: 60,
        parts,
    };
    for parts in [Parts::of([medication]), Parts::of([medication, of("Problems")])] {
        let refused = case.act(|records, _, record| records.add_line(record, &line(parts))).unwrap_err();
        assert_eq!(refused.reason(), "not-permitted");
    }
    case.label = case
        .act(|records, _, record| records.add_line(record, &line(Parts::of([medication, results]))))
        .unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    let thread = case.ask().unwrap();
    assert_eq!(titles(&case.open(&thread).unwrap()), ["Medication", "Results"]);
    // A store that keeps back the results keeps back what may not be shown without them.
    let shown = case.open(&thread).unwrap();
    assert_eq!(shown.not_delivered, Parts::default());
    let mut at = 0;
    lock(&case.clinic.scene.world).lie = Some(Box::new(move |path, mut response| {
        if path.starts_with("/store/objects/") {
            // The document, the wraps, the header, then the two sections by their numbers.
            let hidden = if results < medication { 3 } else { 4 };
            response.status = if at == hidden { 404 } else { response.status };
            at += 1;
        }
        Ok(response)
    }));
    let error = case.open(&thread).err().unwrap();
    assert_eq!(error.reason(), "delivery-incomplete", "{error}");
}

#[test]
fn a_doctor_who_was_revoked_asks_in_vain_and_an_author_who_was_is_told() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    // The author was revoked after this document was published: it stands.
    let size = case.clinic.scene.world().size(LOGS[1]);
    case.clinic.scene.world().revoke("grace", LOGS[1], size);
    case.doctor.sync(&case.clinic);
    assert!(case.open(&thread).is_ok());
    // Before it: it does not.
    case.clinic.scene.world().revoke("grace", LOGS[1], 0);
    case.doctor.sync(&case.clinic);
    assert!(matches!(case.open(&thread), Err(RecordError::AuthorRevoked)));

    // A requester who had been revoked is named to the patient as such.
    let keys = std::sync::Arc::clone(&case.doctor.keys);
    let issuer = countersign_wallet::Issuer::new(&mut case.doctor.snapshot, &case.clinic.client, keys);
    let ada = issuer.certificate(crate::clinic::KEY).unwrap();
    case.clinic.scene.world().revoke_certificate(&ada, LOGS[1], 0);
    let accesses = case.accesses();
    assert_eq!(accesses[0].who.as_ref().err(), Some(&AskError::Revoked));
}

#[test]
fn whatever_the_store_serves_instead_has_its_own_reason() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    let lie = |case: &Case, lie: crate::world::Lie| lock(&case.clinic.scene.world).lie = Some(lie);
    let error = |case: &mut Case| case.open(&thread).err().unwrap();

    // Altered bytes of whichever object.
    let count = lock(&case.clinic.shelf).objects.len();
    assert!(count > 6);
    for (number, expected) in
        [(0, "part-altered"), (1, "part-altered"), (2, "part-altered"), (3, "part-altered")]
    {
        let mut at = 0;
        lie(
            &case,
            Box::new(move |path, mut response| {
                if path.starts_with("/store/objects/") {
                    if at == number {
                        response.body[20] ^= 1;
                    }
                    at += 1;
                }
                Ok(response)
            }),
        );
        assert_eq!(error(&mut case).reason(), expected, "object {number}");
    }
    // Two parts in each other's place.
    let mut kept: Vec<(String, Vec<u8>)> = Vec::new();
    lie(
        &case,
        Box::new(move |path, mut response| {
            if path.starts_with("/store/objects/") {
                kept.push((path.to_owned(), response.body.clone()));
                if kept.len() == 4 {
                    response.body = kept[2].1.clone();
                }
            }
            Ok(response)
        }),
    );
    assert_eq!(error(&mut case).reason(), "part-swapped");
    // An object that is not there: what opens the record, and a part of it.
    for (number, reason) in [(0, Some("delivery-incomplete")), (1, Some("delivery-incomplete")), (3, None)] {
        let mut at = 0;
        lie(
            &case,
            Box::new(move |path, mut response| {
                if path.starts_with("/store/objects/") {
                    if at == number {
                        response.status = 404;
                    }
                    at += 1;
                }
                Ok(response)
            }),
        );
        match (case.open(&thread), reason) {
            (Err(error), Some(reason)) => assert_eq!(error.reason(), reason),
            (Ok(shown), None) => {
                assert_eq!(
                    (titles(&shown).len(), shown.not_delivered.count()),
                    (1, 1),
                    "it says what is missing"
                );
            }
            (other, reason) => panic!("{:?} {reason:?}", other.err()),
        }
    }
    // Another row than the index names: fewer objects.
    lie(
        &case,
        Box::new(move |path, mut response| {
            if path == "/store/deliveries" {
                let mut delivered = countersign_records::Delivered::from_bytes(&response.body).unwrap();
                delivered.row.parts.pop();
                response.body = delivered.to_bytes();
            }
            Ok(response)
        }),
    );
    assert_eq!(error(&mut case).reason(), "delivery-other-row");
    // And without any answer, nothing is lost.
    lie(
        &case,
        Box::new(
            |path, response| {
                if path.starts_with("/store/") { Err(TransportError::Timeout) } else { Ok(response) }
            },
        ),
    );
    assert_eq!(error(&mut case).reason(), "no-answer");
    lock(&case.clinic.scene.world).lie = None;
    assert_eq!(titles(&case.open(&thread).unwrap()).len(), 2);
}

#[test]
fn what_a_node_let_through_against_the_rules_is_marked() {
    let mut case = Case::new(Mode::Ask);
    let thread = case.ask().unwrap();
    // The node takes a delivery of what nobody granted.
    let prev = Some(case.clinic.scene.world().placed(LOGS[1], thread.as_str()).last().unwrap().id());
    let fields = Fields::new().with("row", Hash([1; 32])).with("proof", Hash([2; 32]));
    let delivery = Draft { kind: kind(DELIVERY), subject: thread, fields, prev, links: vec![], sealed: None };
    case.clinic.force("cloud", LOGS[1], &delivery);
    let accesses = case.accesses();
    assert_eq!(accesses[0].fault.as_deref(), Some("nothing was granted"));
    assert_eq!(accesses[0].deliveries.len(), 1, "and shown");

    // The node takes a request that states another outcome than follows.
    let mut case = Case::new(Mode::Ask);
    let head = case.clinic.head(LOGS[1], &case.record);
    let holder = countersign_ledger::SoftwareKey::from_bytes(&[50; 32]).unwrap().public_key();
    let until = countersign_ledger::UnixMillis(case.clinic.now().0 + 10 * 60_000);
    let (label, slot) = (Some(case.label), 0);
    let request = countersign_records::Request { holder: &holder, label, fits: true, until, slot };
    let mut draft = request.draft(&case.record, &head, vec![1]);
    draft.fields.insert("outcome", Outcome::Granted.number().into());
    case.clinic.force("clinics", LOGS[1], &draft);
    let accesses = case.accesses();
    assert_eq!(accesses[0].fault.as_deref(), Some("the request states another outcome than follows"));
}
