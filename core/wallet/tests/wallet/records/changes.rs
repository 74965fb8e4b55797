//! A record published and changed: what is open afterwards, and every place at which a change is cut off.

use countersign_ledger::{Hash, Subject};
use countersign_records::rules::{ANSWER, INDEX, LOGS, Mode, REQUEST};
use countersign_records::{Epoch, View};
use countersign_wallet::{Allow, NewLine, Publishing, RecordError, ShownRecord, StoredKey};

use crate::clinic::{CARDIOLOGIST, Clinic, identity, lock};
use crate::desk::Fault;
use crate::tried::Tried;

use super::{Case, SIX, titles, wanted};

#[test]
fn both_logs_have_an_index_whatever_is_shared_and_the_owners_own_line_hides_among_the_others() {
    let mut case = Case::new(Mode::AtOnce);
    let heads = LOGS.map(|log| case.clinic.head(log, &case.record));
    assert_eq!(
        heads.each_ref().map(|head| (head.wrap, head.version, head.lines.len())),
        [(1, 1, 1), (1, 1, 1)]
    );
    assert_eq!(heads[0].document, heads[1].document);
    assert_eq!(heads[0].lines[0].mode, Mode::Owner);
    let none = case.doctor.clinician().offers(&case.record).unwrap();
    assert!(none.iter().all(|offer| offer.log == LOGS[1]));
    // A record that is empty but for its document has both as well.
    let mut other = case.clinic.phone("other");
    let record = case.clinic.begun(&mut other);
    case.clinic.proceed(&mut other, &record);
    assert_eq!(LOGS.map(|log| case.clinic.head(log, &record).lines.len()), [1, 0]);
}

#[test]
fn narrowing_seals_anew_what_is_closed_and_nothing_else_and_the_old_wraps_are_gone() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    let before = lock(&case.clinic.shelf).objects.clone();
    let problems = case.patient.parts(&case.record, &["Problems"]);
    let label = case.label;
    case.act(|records, _, record| records.set_parts(record, label, problems)).unwrap();
    let uploads = lock(&case.clinic.shelf).uploads;
    case.clinic.proceed(&mut case.patient, &case.record);
    // One part, and the wraps of the two lines.
    assert_eq!(lock(&case.clinic.shelf).uploads - uploads, 3);
    assert_eq!(titles(&case.open(&thread).unwrap()), ["Problems"], "the grant lives on, and opens less");
    let after = lock(&case.clinic.shelf).objects.clone();
    assert_eq!(
        before.keys().filter(|digest| !after.contains_key(digest)).count(),
        3,
        "the old ones are gone"
    );
    // Who read it before has read it: the list says so, whatever is closed since.
    case.patient.sync(&case.clinic);
    let accesses = case.patient.records().accesses(&case.record, case.clinic.now()).unwrap();
    let read: Vec<_> = accesses.readers_of(label).collect();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].who.as_ref().unwrap().certificate.identity().name(), "ada");
    let rows: std::collections::BTreeSet<_> = read[0].deliveries.iter().map(|one| one.row).collect();
    assert_eq!((read[0].deliveries.len(), rows.len()), (2, 2), "before the narrowing, and after it");
    assert_eq!(accesses.readers_of(Hash([1; 32])).count(), 0);
    // Widening needs wraps alone.
    let both = case.patient.parts(&case.record, &SIX);
    case.act(|records, _, record| records.set_parts(record, label, both)).unwrap();
    let uploads = lock(&case.clinic.shelf).uploads;
    case.clinic.proceed(&mut case.patient, &case.record);
    assert_eq!(lock(&case.clinic.shelf).uploads - uploads, 2);
    assert_eq!(titles(&case.open(&thread).unwrap()), ["Medication", "Problems"]);

    // A line that is closed altogether: its grants open nothing more.
    case.act(|records, _, record| records.remove_line(record, label)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    assert!(matches!(case.open(&thread), Err(RecordError::Withdrawn)));
    assert_eq!(case.clinic.head(LOGS[1], &case.record).lines.len(), 0);
}

#[test]
fn a_newer_version_opens_to_the_same_people_what_they_saw_and_an_older_one_is_not_taken() {
    let mut case = Case::new(Mode::AtOnce);
    let holder = case.patient.records().holder(&case.record).unwrap();
    let newer = case.clinic.sign("grace", &case.record, 2, &holder, "Insulin");
    case.act(|records, _, record| records.take(record, &newer)).unwrap();
    for old in [1, 2] {
        let old = case.clinic.sign("grace", &case.record, old, &holder, "Aspirin");
        let error = case.act(|records, _, record| records.take(record, &old)).err().unwrap();
        assert!(matches!(error, RecordError::NotNewer { current: 2, .. }), "{error}");
    }
    // Until it is published, the old one is served.
    let thread = case.ask().unwrap();
    let text = |shown: &ShownRecord| {
        let view = View::of(shown.opened.parts());
        view.sections.iter().flat_map(|section| section.lines.clone()).collect::<String>()
    };
    assert!(text(&case.open(&thread).unwrap()).contains("Metformin"));
    case.clinic.proceed(&mut case.patient, &case.record);
    let shown = case.open(&thread).unwrap();
    assert_eq!(titles(&shown), ["Medication", "Problems"]);
    assert!(text(&shown).contains("Insulin"));
    assert_eq!(shown.opened.commitment().version(), 2);
    assert_eq!(LOGS.map(|log| case.clinic.head(log, &case.record).version), [2, 2]);
    let own = case.patient.records().document(&case.record).unwrap();
    assert!(String::from_utf8_lossy(own.whole().unwrap()).contains("Insulin"));
}

#[test]
fn a_line_that_nobody_could_use_and_more_than_an_index_has_are_not_planned() {
    let clinic = Clinic::new();
    let mut patient = clinic.patient();
    let record = clinic.begun(&mut patient);
    let parts = patient.parts(&record, &["Results"]);
    let line =
        |mode, minutes| NewLine { log: LOGS[1], policy: CARDIOLOGIST.parse().unwrap(), mode, minutes, parts };
    for wrong in [line(Mode::Owner, 60), line(Mode::AtOnce, 0)] {
        assert!(matches!(patient.records().add_line(&record, &wrong), Err(RecordError::NotALine)));
    }
    for _ in 0..7 {
        patient.records().add_line(&record, &line(Mode::AtOnce, 60)).unwrap();
    }
    let more = patient.records().add_line(&record, &line(Mode::AtOnce, 60));
    assert!(matches!(more, Err(RecordError::TooManyLines)));
    clinic.proceed(&mut patient, &record);
    assert_eq!(clinic.head(LOGS[1], &record).lines.len(), 7);
    // A record without a document has nothing to share.
    let empty = patient
        .records()
        .begin(&identity("record-store", "cloud"), &identity("attribute-authority", "clinics"))
        .unwrap();
    let error = patient.records().add_line(&empty, &line(Mode::AtOnce, 60)).unwrap_err();
    assert!(matches!(error, RecordError::NoDocument));
}

#[test]
fn a_key_of_last_epoch_opens_nothing_wrapped_since_and_the_record_rolls_in_its_own_time() {
    let mut case = Case::new(Mode::AtOnce);
    let (now, record) = (case.clinic.now(), case.record);
    assert!(!case.act(|records, _, record| records.roll(record, now)).unwrap(), "it is of this quarter");
    // The next quarter begins; at the end of its first week every record has been wrapped.
    let start = Epoch(Epoch::at(now).0 + 1).start();
    case.clinic.scene.world().now = countersign_ledger::UnixMillis(start.0 + 7 * 24 * 3600 * 1000);
    let now = case.clinic.now();
    assert!(!case.doctor.clinician().has_key(now).unwrap());
    assert!(case.act(|records, _, record| records.roll(record, now)).unwrap());
    case.clinic.proceed(&mut case.patient, &record);
    assert_eq!(case.patient.records().one(&record).unwrap().lines[0].epoch, Epoch::at(now));
    assert!(!case.act(|records, _, record| records.roll(record, now)).unwrap());

    case.doctor.sync(&case.clinic);
    let thread = case.ask().unwrap();
    assert_eq!(case.open(&thread).err().unwrap().reason(), "attribute-key-old");
    let Case { clinic, doctor, .. } = &mut case;
    doctor.clinician().fetch_key(&clinic.authority, now).unwrap();
    assert_eq!(titles(&case.open(&thread).unwrap()).len(), 2, "the label is the same");
}

#[test]
fn a_record_that_is_erased_is_gone_from_store_and_phone() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    case.act(|records, _, record| records.erase(record)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    assert!(matches!(case.open(&thread), Err(RecordError::Withdrawn)));
    assert!(lock(&case.clinic.shelf).objects.is_empty());
    assert_eq!(LOGS.map(|log| case.clinic.head(log, &case.record).lines.len()), [0, 0]);
    assert!(case.patient.records().all().unwrap().is_empty());
    let secret = case.patient.keys.recall_secret(format!("record-secret-{}", case.record));
    assert_eq!(secret.err(), Some(countersign_wallet::KeyStoreError::Missing));
    assert!(case.patient.snapshot.following().unwrap().is_empty());
}

#[test]
fn a_second_owner_is_seen_and_publishes_nothing_over_this_one() {
    let mut case = Case::new(Mode::AtOnce);
    // The registrar certifies somebody else as the owner.
    let mut thief = case.clinic.phone("thief");
    let code = format!("patient/{}", case.record);
    let client = &case.clinic.client;
    let keys = std::sync::Arc::clone(&thief.keys);
    let certificate =
        countersign_wallet::Issuer::new(&mut thief.snapshot, client, keys).enrol("k", &code).unwrap();
    let head = case.clinic.head(LOGS[1], &case.record);
    let index = countersign_records::Index {
        wrap: 2,
        version: head.version,
        document: head.document,
        agree: head.agree.clone(),
        store: head.store.clone(),
        open: true,
        lines: vec![],
    };
    let draft = index.draft(&case.record, Some(head.index), vec![1]);
    let signer = StoredKey::find(std::sync::Arc::clone(&thief.keys), "k").unwrap();
    let signed = draft.sign(&certificate, &signer, case.clinic.now(), [9; 16]).unwrap();
    client.submit(LOGS[1], signed.as_bytes()).unwrap();
    let label = case.label;
    case.act(|records, _, record| records.remove_line(record, label)).unwrap();
    let Case { clinic, patient, record, .. } = &mut case;
    let error = patient.records().proceed(&clinic.client, &clinic.store, record, clinic.now()).unwrap_err();
    assert!(matches!(error, RecordError::Moved), "{error}");
}

#[test]
fn a_phone_that_dies_after_any_step_of_a_change_goes_on_with_it() {
    let (mut case, thread) = narrowing();
    let mut narrow = false;
    let mut steps = 0;
    loop {
        case.patient = case.clinic.patient();
        let Case { clinic, patient, record, .. } = &mut case;
        let now = clinic.now();
        let progress = patient.records().step(&clinic.client, &clinic.store, record, now).unwrap();
        if progress == Publishing::Done {
            break;
        }
        steps += 1;
        let now_narrow = holds(&mut case, &thread);
        assert!(now_narrow || !narrow, "there is no way back");
        narrow = now_narrow;
    }
    assert_eq!((steps, narrow), (3, true), "sealed, posted, proven");
    assert_eq!(LOGS.map(|log| case.clinic.count(log, INDEX)), [2, 2]);
    assert!(case.patient.snapshot.outbox().unwrap().is_empty());
    let held = case.patient.records().one(&case.record).unwrap();
    assert_eq!((held.changing_to, held.lines[0].parts.count()), (None, 2));
}

#[test]
fn a_line_that_is_cut_at_any_request_of_a_change_leaves_what_was_or_what_is_to_be() {
    let tried =
        Tried::new("a patient's line cut, or the node busy, at each request of a narrowing", "records");
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Halved, Fault::Busy] {
        let mut cuts = 0;
        loop {
            let (mut case, thread) = narrowing();
            *lock(&case.clinic.fault) = Some((cuts, fault));
            let Case { clinic, patient, record, .. } = &mut case;
            let first = patient.records().proceed(&clinic.client, &clinic.store, record, clinic.now());
            let reached = lock(&case.clinic.fault).take().is_none();
            if !reached {
                first.unwrap();
                assert!(cuts > 10, "{fault:?}: only {cuts} requests");
                break;
            }
            tried.times(1);
            holds(&mut case, &thread);
            case.patient = case.clinic.patient();
            let Case { clinic, patient, record, .. } = &mut case;
            let again = patient.records().proceed(&clinic.client, &clinic.store, record, clinic.now());
            again.unwrap_or_else(|error| panic!("{fault:?} at {cuts}: {error}"));
            assert!(holds(&mut case, &thread), "{fault:?} at {cuts}");
            assert_eq!(LOGS.map(|log| case.clinic.count(log, INDEX)), [2, 2], "{fault:?} at {cuts}");
            tried.looked_up(1, 0);
            cuts += 1;
        }
    }
}

#[test]
fn a_request_that_is_cut_off_anywhere_goes_on_and_is_made_once() {
    for fault in [Fault::Lost, Fault::Unanswered] {
        let mut cuts = 0;
        loop {
            let mut case = Case::new(Mode::AtOnce);
            *lock(&case.clinic.fault) = Some((cuts, fault));
            let first = case.ask();
            if lock(&case.clinic.fault).take().is_some() {
                first.unwrap();
                assert!(cuts > 2, "only {cuts}");
                break;
            }
            case.doctor = case.clinic.doctor();
            let now = case.clinic.now();
            let asked = case.doctor.clinician().asked(now).unwrap();
            let thread = asked[0].thread.clone();
            let Case { clinic, doctor, .. } = &mut case;
            let sent = doctor.clinician().send(&clinic.client, &clinic.authority, &thread, now);
            sent.unwrap_or_else(|error| panic!("{fault:?} at {cuts}: {error}"));
            assert_eq!(titles(&case.open(&thread).unwrap()).len(), 2);
            assert_eq!(case.clinic.count(LOGS[1], REQUEST), 1, "{fault:?} at {cuts}");
            cuts += 1;
        }
    }
}

#[test]
fn an_answer_that_waits_for_its_line_is_given_once_whenever_the_phone_dies() {
    let mut case = Case::new(Mode::AtOnce);
    case.act(|records, _, record| records.set_open(record, true)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    let mut cuts = 0;
    loop {
        let thread = case.ask_for(&wanted(case.record, LOGS[1], None)).unwrap();
        let results = case.patient.parts(&case.record, &["Results"]);
        case.act(|records, clinic, record| {
            records.allow(&clinic.client, record, &thread, Allow::Parts(results), clinic.now())
        })
        .unwrap();
        let (answers, now) = (case.clinic.count(LOGS[1], ANSWER), case.clinic.now());
        *lock(&case.clinic.fault) = Some((cuts, Fault::Unanswered));
        let Case { clinic, patient, record, .. } = &mut case;
        let first = patient.records().proceed(&clinic.client, &clinic.store, record, now);
        let reached = lock(&case.clinic.fault).take().is_none();
        case.patient = case.clinic.patient();
        case.clinic.proceed(&mut case.patient, &case.record);
        assert_eq!(titles(&case.open(&thread).unwrap()), ["Results"], "cut at {cuts}");
        assert_eq!(case.clinic.count(LOGS[1], ANSWER), answers + 1, "cut at {cuts}");
        // There are as many lines as an index has.
        let line = case.patient.records().one(&case.record).unwrap().lines.pop().unwrap();
        case.act(|records, _, record| records.remove_line(record, line.label)).unwrap();
        case.clinic.proceed(&mut case.patient, &case.record);
        case.doctor.sync(&case.clinic);
        if !reached {
            first.unwrap();
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 10, "only {cuts} requests");
}

/// A change that narrows, and what must hold whatever happens meanwhile.
fn narrowing() -> (Case, Subject) {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    let (label, problems) = (case.label, case.patient.parts(&case.record, &["Problems"]));
    case.act(|records, _, record| records.set_parts(record, label, problems)).unwrap();
    (case, thread)
}

/// What a doctor is served fits what the ledger says, and a line is never without its objects.
fn holds(case: &mut Case, thread: &Subject) -> bool {
    let narrow = case.clinic.head(LOGS[1], &case.record).wrap == 2;
    let shown = titles(&case.open(thread).unwrap());
    assert_eq!(shown.len(), if narrow { 1 } else { 2 }, "narrow: {narrow}");
    narrow
}
