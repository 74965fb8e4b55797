//! What a doctor asks for and reads, and what the patient sees of it.

use countersign_records::rules::{LOGS, Mode, REQUEST};
use countersign_records::{AskError, DeliveryError, LineError, Parts};
use countersign_wallet::{AccessState, Allow, AskState, NewLine, RecordError};

use crate::clinic::{CARDIOLOGIST, identity, lock};

use super::{Case, link, titles, wanted};

#[test]
fn a_doctor_gets_what_is_shared_and_the_patient_sees_who_and_what() {
    let mut case = Case::new(Mode::AtOnce);
    let offers = case.doctor.clinician().offers(&case.record).unwrap();
    assert_eq!(offers.len(), 1, "the owner's own line is no offer");
    assert_eq!((offers[0].label, offers[0].policy.as_str()), (case.label, CARDIOLOGIST));
    assert!(offers[0].fits && offers[0].mode == Mode::AtOnce && offers[0].minutes == 60);

    let thread = case.ask().unwrap();
    let shown = case.open(&thread).unwrap();
    assert_eq!(titles(&shown), ["Medication", "Problems"]);
    assert_eq!((shown.opened.withheld(), shown.not_delivered), (1, Parts::default()));
    assert_eq!(shown.opened.author().identity().name(), "grace");

    let accesses = case.accesses();
    let [access] = &accesses[..] else { panic!("{accesses:?}") };
    let who = access.who.as_ref().unwrap();
    assert_eq!(who.certificate.identity().name(), "ada");
    assert_eq!((who.ask.purpose.as_str(), who.ask.reason.as_deref()), ("TREAT", Some("ward round")));
    assert_eq!((access.state, access.deliveries.len(), access.emergency), (AccessState::Granted, 1, false));
    assert_eq!(access.policy.as_ref().unwrap().as_str(), CARDIOLOGIST);
    assert_eq!((access.fault.as_ref(), access.unrecorded), (None, false));
    assert_eq!(access.deliveries[0].row, case.clinic.head(LOGS[1], &case.record).lines[0].row);

    // The logs say nothing of who and what: neither names nor policies nor contents.
    let world = case.clinic.scene.world();
    let statements = LOGS.iter().flat_map(|log| &world.logs[log].statements);
    for words in ["ada", "Ada", "cardiologist", "Metformin", "Problems", "ward round"] {
        for statement in statements.clone() {
            let bytes = statement.as_bytes();
            assert!(!bytes.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
        }
    }
    // Nor does the store's shelf.
    for object in lock(&case.clinic.shelf).objects.values() {
        assert!(!object.windows(12).any(|window| window == b"cardiologist" || window == b"resourceType"));
    }
}

#[test]
fn an_outsider_is_denied_by_the_function_that_everybody_computes_and_opens_nothing() {
    let mut case = Case::new(Mode::AtOnce);
    let link = link(&mut case.patient, &case.record);
    case.doctor = case.clinic.phone("eve");
    case.clinic.clinician(&mut case.doctor, "eve", &link);
    assert!(!case.doctor.clinician().offers(&case.record).unwrap()[0].fits);
    let thread = case.ask().unwrap();
    assert!(matches!(case.open(&thread), Err(RecordError::Denied)));
    let accesses = case.accesses();
    assert_eq!((accesses[0].state, accesses[0].deliveries.len()), (AccessState::Denied, 0));
    assert_eq!(accesses[0].who.as_ref().unwrap().certificate.identity().name(), "eve", "a try is seen too");

    // Were the outsider let through, by an authority that lies, the second lock would hold.
    lock(&case.clinic.office)
        .attributes
        .insert(identity("doctor", "eve").to_string(), vec!["role: cardiologist", "hospital: north"]);
    let thread = case.ask().unwrap();
    let error = case.open(&thread).err().unwrap();
    let wanted = DeliveryError::Line(LineError::Attributes);
    assert!(matches!(error, RecordError::Delivery(error) if error == wanted));
}

#[test]
fn what_waits_is_the_patients_to_allow_or_deny() {
    let mut case = Case::new(Mode::Ask);
    let (first, second) = (case.ask().unwrap(), case.ask().unwrap());
    assert!(matches!(case.open(&first), Err(RecordError::Waiting)));
    assert_eq!(case.accesses().len(), 2);
    let allowed = case.act(|records, clinic, record| {
        records.allow(&clinic.client, record, &first, Allow::Asked, clinic.now())
    });
    assert!(allowed.unwrap().is_some());
    case.act(|records, clinic, record| records.deny(&clinic.client, record, &second, clinic.now())).unwrap();
    assert_eq!(titles(&case.open(&first).unwrap()), ["Medication", "Problems"]);
    assert!(matches!(case.open(&second), Err(RecordError::Denied)));
    // What is answered is not answered again.
    for thread in [&first, &second] {
        let again = case.act(|records, clinic, record| {
            records.allow(&clinic.client, record, thread, Allow::Asked, clinic.now())
        });
        assert!(matches!(again, Err(RecordError::NotWaiting)), "{again:?}");
        let denied =
            case.act(|records, clinic, record| records.deny(&clinic.client, record, thread, clinic.now()));
        assert!(matches!(denied, Err(RecordError::NotWaiting)));
    }
}

#[test]
fn somebody_who_fits_no_line_asks_the_patient_and_gets_a_line_of_their_own() {
    let mut case = Case::new(Mode::AtOnce);
    let free = wanted(case.record, LOGS[1], None);
    // Closed to strangers, who are denied.
    let denied = case.ask_for(&free).unwrap();
    assert!(matches!(case.open(&denied), Err(RecordError::Denied)));
    case.act(|records, _, record| records.set_open(record, true)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    let thread = case.ask_for(&free).unwrap();
    assert!(matches!(case.open(&thread), Err(RecordError::Waiting)));

    let results = case.patient.parts(&case.record, &["Results"]);
    let answered = case.act(|records, clinic, record| {
        records.allow(&clinic.client, record, &thread, Allow::Parts(results), clinic.now())
    });
    assert!(answered.unwrap().is_none(), "its line is published first");
    assert!(matches!(case.open(&thread), Err(RecordError::Waiting)));
    case.clinic.proceed(&mut case.patient, &case.record);
    assert_eq!(titles(&case.open(&thread).unwrap()), ["Results"]);
    // Nobody else opens that line: it is for one member.
    let line = case.patient.records().one(&case.record).unwrap().lines.pop().unwrap();
    assert_eq!(line.policy.as_str(), format!("member: {}", identity("doctor", "ada")));
}

#[test]
fn an_emergency_has_a_typed_reason_and_is_first_on_the_patients_screen() {
    let mut case = Case::new(Mode::Emergency);
    let mut urgent = wanted(case.record, LOGS[1], Some(case.label));
    for reason in [None, Some(String::new()), Some("  ".to_owned())] {
        urgent.reason = reason;
        assert!(matches!(case.ask_for(&urgent), Err(RecordError::ReasonNeeded)));
    }
    assert_eq!(case.clinic.count(LOGS[1], REQUEST), 0);
    urgent.reason = Some("unconscious, no relatives".to_owned());
    let thread = case.ask_for(&urgent).unwrap();
    assert_eq!(titles(&case.open(&thread).unwrap()).len(), 2, "it opens at once");
    // A later request does not push it down.
    case.act(|records, _, record| records.set_open(record, true)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    case.ask_for(&wanted(case.record, LOGS[1], None)).unwrap();
    let accesses = case.accesses();
    assert_eq!(accesses.len(), 2);
    assert!(accesses[0].emergency && !accesses[1].emergency);
    let reason = accesses[0].who.as_ref().unwrap().ask.reason.clone();
    assert_eq!(reason.as_deref(), Some("unconscious, no relatives"));
}

#[test]
fn a_withdrawal_ends_deliveries_and_erases_what_a_phone_kept_at_its_next_sync() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    assert_eq!(titles(&case.read(&thread).unwrap()).len(), 2);
    case.act(|records, clinic, record| records.withdraw(&clinic.client, record, &thread, clinic.now()))
        .unwrap();
    assert_eq!(case.accesses()[0].state, AccessState::Withdrawn);
    assert!(matches!(case.open(&thread), Err(RecordError::Withdrawn)));
    // What was read stays read, until the phone hears of it.
    assert_eq!(titles(&case.read(&thread).unwrap()).len(), 2);
    case.doctor.sync(&case.clinic);
    assert!(matches!(case.read(&thread), Err(RecordError::NothingKept)));
    let asked = case.doctor.clinician().asked(case.clinic.now()).unwrap();
    assert_eq!((asked[0].state, asked[0].kept), (AskState::Sent(AccessState::Withdrawn), false));
    // Twice is once too often.
    let again =
        case.act(|records, clinic, record| records.withdraw(&clinic.client, record, &thread, clinic.now()));
    assert!(matches!(again, Err(RecordError::NotWaiting)));
}

#[test]
fn what_was_opened_is_read_without_a_network_until_its_grant_ends_and_not_by_a_wrong_clock() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    lock(&case.clinic.scene.world).lie = Some(Box::new(|path, _| panic!("{path} was asked for")));
    case.doctor = case.clinic.doctor();
    assert_eq!(titles(&case.read(&thread).unwrap()), ["Medication", "Problems"], "after a restart");
    // What lies in the database is sealed.
    let path = case.clinic.scene.directory.path().join("doctor.db");
    let mut stored = std::fs::read(&path).unwrap();
    stored.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
    for words in ["Metformin", "Diabetes", "cardiologist"] {
        assert!(!stored.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
    }
    case.clinic.pass(29);
    assert!(case.read(&thread).is_ok());
    case.clinic.pass(2);
    assert!(matches!(case.read(&thread), Err(RecordError::NothingKept)), "its time is over");

    // By a clock that is behind what is proven nothing would ever end.
    lock(&case.clinic.scene.world).lie = None;
    case.doctor.sync(&case.clinic);
    let thread = case.ask().unwrap();
    case.open(&thread).unwrap();
    let behind = |minutes: u64| countersign_ledger::UnixMillis(case.clinic.now().0 - minutes * 60_000);
    let (little, much) = (behind(3), behind(10));
    assert!(case.doctor.clinician().read(&thread, little).is_ok(), "clocks differ a little");
    assert!(matches!(case.doctor.clinician().read(&thread, much), Err(RecordError::Clock)));
    assert!(matches!(case.read(&thread), Err(RecordError::NothingKept)), "it is erased");
}

#[test]
fn a_grant_is_its_holders_alone_and_ends() {
    let mut case = Case::new(Mode::AtOnce);
    let thread = case.ask().unwrap();
    // Another doctor's phone, with the link, fitting attributes, and the other's thread.
    let link = link(&mut case.patient, &case.record);
    let mut other = case.clinic.phone("bob");
    let doctor = identity("doctor", "bob").to_string();
    lock(&case.clinic.office).attributes.insert(doctor, vec!["role: cardiologist", "hospital: north"]);
    case.clinic.clinician(&mut other, "bob", &link);
    let now = case.clinic.now();
    let stolen = other.clinician().open(&case.clinic.client, &case.clinic.store, &thread, now);
    assert!(matches!(stolen, Err(RecordError::Unknown)), "it has not the holder's key");
    // Time.
    case.clinic.pass(31);
    assert!(matches!(case.open(&thread), Err(RecordError::Ended)));
    assert_eq!(case.accesses()[0].state, AccessState::Ended);
}

#[test]
fn two_lines_on_two_logs_are_two_accesses_and_neither_opens_the_other() {
    let mut case = Case::new(Mode::AtOnce);
    let results = case.patient.parts(&case.record, &["Results"]);
    let line = NewLine {
        log: LOGS[0],
        policy: "role: cardiologist".parse().unwrap(),
        mode: Mode::AtOnce,
        minutes: 5,
        parts: results,
    };
    let private = case.act(|records, _, record| records.add_line(record, &line)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    assert_eq!(case.doctor.clinician().offers(&case.record).unwrap().len(), 2);
    let crossed = case.ask_for(&wanted(case.record, LOGS[1], Some(private)));
    assert!(matches!(crossed, Err(RecordError::Unknown)));
    let thread = case.ask_for(&wanted(case.record, LOGS[0], Some(private))).unwrap();
    assert_eq!(titles(&case.open(&thread).unwrap()), ["Results"]);
    let shared = case.ask().unwrap();
    assert_eq!(titles(&case.open(&shared).unwrap()), ["Medication", "Problems"]);
    let accesses = case.accesses();
    assert_eq!(accesses.len(), 2);
    assert_ne!(accesses[0].log, accesses[1].log);
}

#[test]
fn an_authority_that_does_not_name_the_requester_is_told_by_name() {
    let mut case = Case::new(Mode::AtOnce);
    lock(&case.clinic.office).seals = Some(vec![7; 300]);
    case.ask().unwrap();
    let accesses = case.accesses();
    assert_eq!(accesses[0].who.as_ref().err(), Some(&AskError::Seal));
    assert_eq!(accesses[0].authority, identity("attribute-authority", "clinics"));
}

#[test]
fn an_auditor_reads_names_until_the_owner_ends_it_and_no_part() {
    let mut case = Case::new(Mode::AtOnce);
    case.ask().unwrap();
    let first = case.patient.records().audit_key(&case.record).unwrap();
    case.act(|records, _, record| records.end_audit(record)).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    case.doctor.sync(&case.clinic);
    case.ask().unwrap();
    // The patient reads both.
    let accesses = case.accesses();
    assert!(accesses.iter().all(|access| access.who.is_ok()));
    let auditor = countersign_ledger::SoftwareKey::from_bytes(&*first).unwrap();
    let world = case.clinic.scene.world();
    let threads: std::collections::BTreeSet<_> = accesses.iter().map(|access| &access.thread).collect();
    let named: Vec<bool> = threads
        .into_iter()
        .map(|thread| {
            let placed = world.placed(LOGS[1], thread.as_str()).remove(0).into_standing().unwrap();
            countersign_records::open_ask(&placed, LOGS[1], &auditor, &world.trust).is_ok()
        })
        .collect();
    assert_eq!(named.iter().filter(|named| **named).count(), 1);
}
