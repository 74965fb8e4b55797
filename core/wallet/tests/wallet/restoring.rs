//! The patient has lost the phone: the record's paper, and another code, make a new one its owner's.

use countersign_ledger::Hash;
use countersign_records::rules::{INDEX, LOGS, Mode, REQUEST};
use countersign_records::{NotAPaper, Paper, RecordId, Secret, View};
use countersign_wallet::{
    AccessState, AskFor, HeldRecord, KeyStoreError, NewLine, Publishing, RecordError, ShownRecord,
};
use zeroize::Zeroizing;

use crate::clinic::{Clinic, Phone, identity, lock};
use crate::desk::Fault;
use crate::tried::Tried;

const TITLES: [&str; 2] = ["Problems", "Medication"];

/// A record with a line on each log, a doctor who has a grant, and its paper.
struct Lost {
    clinic: Clinic,
    old: Phone,
    doctor: Phone,
    record: RecordId,
    label: Hash,
    paper: String,
}

impl Lost {
    fn new() -> Self {
        let clinic = Clinic::new();
        let (mut old, mut doctor) = (clinic.patient(), clinic.doctor());
        let record = clinic.begun(&mut old);
        let paper = old.records().paper(&record).unwrap().to_text().to_string();
        let label = Clinic::line(&mut old, &record, LOGS[1], Mode::AtOnce, &TITLES);
        let parts = old.parts(&record, &["Results"]);
        let line = NewLine {
            log: LOGS[0],
            policy: "role: cardiologist".parse().unwrap(),
            mode: Mode::Emergency,
            minutes: 5,
            parts,
        };
        old.records().add_line(&record, &line).unwrap();
        old.records().set_open(&record, true).unwrap();
        clinic.proceed(&mut old, &record);
        let link = old.records().link(&record).unwrap().to_text().to_string();
        clinic.clinician(&mut doctor, "ada", &link);
        Self { clinic, old, doctor, record, label, paper }
    }

    /// A phone that has the paper and another code.
    fn phone(&self) -> Phone {
        self.phone_of("new")
    }

    fn phone_of(&self, name: &str) -> Phone {
        let mut phone = self.clinic.phone(name);
        begin(&mut phone, &self.paper).unwrap();
        let code = format!("patient/{}", self.record);
        phone.records().enrol(&self.clinic.client, &self.record, &code).unwrap();
        phone.sync(&self.clinic);
        phone
    }

    fn ask(&mut self) -> countersign_ledger::Subject {
        let wanted = AskFor {
            record: self.record,
            log: LOGS[1],
            label: Some(self.label),
            minutes: 60,
            purpose: "TREAT".to_owned(),
            reason: None,
            name: "Dr. Ada".to_owned(),
        };
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().ask(&clinic.client, &clinic.authority, &wanted, clinic.now()).unwrap()
    }

    fn open(&mut self, thread: &countersign_ledger::Subject) -> Result<ShownRecord, RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().open(&clinic.client, &clinic.store, thread, clinic.now())
    }
}

fn begin(phone: &mut Phone, paper: &str) -> Result<RecordId, RecordError> {
    let (store, authority) = (identity("record-store", "cloud"), identity("attribute-authority", "clinics"));
    phone.records().restore(&Paper::parse(paper).unwrap(), &store, &authority)
}

/// What a phone knows of a record, its lines in the order of their labels.
fn known(phone: &mut Phone, record: &RecordId) -> HeldRecord {
    let mut held = phone.records().one(record).unwrap();
    held.lines.sort_by_key(|line| line.label);
    held
}

fn titles(shown: &ShownRecord) -> Vec<String> {
    let sections = View::of(shown.opened.parts()).sections;
    let mut titles: Vec<_> = sections.into_iter().map(|section| section.title).collect();
    titles.sort();
    titles
}

#[test]
fn a_new_phone_has_the_record_as_the_lost_one_had_it_and_decides_from_now_on() {
    let mut lost = Lost::new();
    let thread = lost.ask();
    let mut new = lost.phone();
    let before = new.records().one(&lost.record).unwrap();
    assert!(before.restoring && !before.published && before.version.is_none() && before.lines.is_empty());
    let (clinic, record) = (&lost.clinic, lost.record);
    clinic.proceed(&mut new, &record);
    assert_eq!(known(&mut new, &record), known(&mut lost.old, &record), "lines, policies, parts, epochs");
    let (there, here) =
        (lost.old.records().document(&record).unwrap(), new.records().document(&record).unwrap());
    assert!(here.whole().is_some() && here.whole() == there.whole(), "the very bytes");
    let links = [&mut lost.old, &mut new].map(|phone| phone.records().link(&record).unwrap());
    assert_eq!(links[0], links[1], "whoever has the link has it still");
    assert_eq!(LOGS.map(|log| clinic.count(log, INDEX)), [1, 1], "nothing is published for it");
    // What was granted before opens, and the new phone narrows, answers and withdraws.
    assert_eq!(titles(&lost.open(&thread).unwrap()), ["Medication", "Problems"]);
    let (label, problems) = (lost.label, new.parts(&record, &["Problems"]));
    new.records().set_parts(&record, label, problems).unwrap();
    lost.clinic.proceed(&mut new, &record);
    assert_eq!(titles(&lost.open(&thread).unwrap()), ["Problems"]);
    new.sync(&lost.clinic);
    let now = lost.clinic.now();
    new.records().withdraw(&lost.clinic.client, &record, &thread, now).unwrap();
    assert!(matches!(lost.open(&thread), Err(RecordError::Withdrawn)));
    // A doctor signs the next version for the new phone's key, and for no other.
    let (old_key, new_key) =
        (lost.old.records().holder(&record).unwrap(), new.records().holder(&record).unwrap());
    let stale = lost.clinic.sign("grace", &record, 2, &old_key, "Insulin");
    assert!(matches!(new.records().take(&record, &stale), Err(RecordError::OtherHolder)));
    let newer = lost.clinic.sign("grace", &record, 2, &new_key, "Insulin");
    new.records().take(&record, &newer).unwrap();
    lost.clinic.proceed(&mut new, &record);
    assert_eq!(LOGS.map(|log| lost.clinic.head(log, &record).version), [2, 2]);
    assert_eq!(known(&mut new, &record).lines.len(), 2, "each line opens of it what it opened");
}

#[test]
fn what_a_new_phone_fetched_is_in_the_list_of_accesses_and_the_lost_one_publishes_nothing_more() {
    let mut lost = Lost::new();
    let mut new = lost.phone();
    lost.clinic.proceed(&mut new, &lost.record);
    // Its own line, and one on each log.
    assert_eq!(LOGS.map(|log| lost.clinic.count(log, REQUEST)), [2, 1]);
    for phone in [&mut lost.old, &mut new] {
        phone.sync(&lost.clinic);
        let accesses = phone.records().accesses(&lost.record, lost.clinic.now()).unwrap();
        assert_eq!((accesses.list.len(), accesses.unread), (3, 0));
        for access in &accesses.list {
            let who = access.who.as_ref().unwrap();
            assert_eq!(*who.certificate.identity(), identity("patient", &lost.record.to_string()));
            assert_eq!((who.ask.purpose.as_str(), access.deliveries.len()), ("PATRQT", 1));
            assert_eq!((access.state, access.emergency), (AccessState::Granted, false));
            assert_eq!(access.fault, None);
        }
    }
    let label = lost.label;
    new.records().remove_line(&lost.record, label).unwrap();
    lost.clinic.proceed(&mut new, &lost.record);
    lost.old.records().set_open(&lost.record, false).unwrap();
    let Lost { clinic, old, record, .. } = &mut lost;
    let error = old.records().proceed(&clinic.client, &clinic.store, record, clinic.now()).unwrap_err();
    assert!(matches!(error, RecordError::Moved), "{error}");
    assert_eq!(LOGS.map(|log| lost.clinic.count(log, INDEX)), [2, 2]);
}

#[test]
fn nothing_can_be_changed_before_the_record_is_there_and_twice_is_once() {
    let lost = Lost::new();
    let mut new = lost.phone();
    let under_way = |done: Result<(), RecordError>| {
        assert!(matches!(done, Err(RecordError::UnderWay | RecordError::NoDocument)), "{done:?}");
    };
    let holder = new.records().holder(&lost.record).unwrap();
    let newer = lost.clinic.sign("grace", &lost.record, 2, &holder, "Insulin");
    under_way(new.records().take(&lost.record, &newer).map(drop));
    under_way(new.records().set_open(&lost.record, true));
    under_way(new.records().document(&lost.record).map(drop));
    lost.clinic.proceed(&mut new, &lost.record);
    let there = known(&mut new, &lost.record);
    assert_eq!(begin(&mut new, &lost.paper).unwrap(), lost.record);
    assert_eq!(known(&mut new, &lost.record), there, "a record that is here stays as it is");
}

#[test]
fn a_paper_of_another_record_ledger_or_secret_opens_nothing() {
    let lost = Lost::new();
    let ledger = Hash::of(lost.clinic.scene.genesis.to_json().as_bytes());
    let mut phone = lost.clinic.phone("other");
    // Of another ledger.
    let elsewhere = Paper::new(lost.record, Hash([1; 32]), Secret::new(Zeroizing::new([1; 32])));
    let error = begin(&mut phone, &elsewhere.to_text()).unwrap_err();
    assert!(matches!(error, RecordError::OtherLedger), "{error}");
    assert!(phone.records().all().unwrap().is_empty());
    // The right number, and another secret.
    let forged = Paper::new(lost.record, ledger, Secret::new(Zeroizing::new([1; 32])));
    begin(&mut phone, &forged.to_text()).unwrap();
    let code = format!("patient/{}", lost.record);
    phone.records().enrol(&lost.clinic.client, &lost.record, &code).unwrap();
    phone.sync(&lost.clinic);
    let Lost { clinic, record, .. } = &lost;
    let error = phone.records().proceed(&clinic.client, &clinic.store, record, clinic.now()).unwrap_err();
    assert!(matches!(error, RecordError::OtherPaper), "{error}");
    assert_eq!(LOGS.map(|log| clinic.count(log, REQUEST)), [0, 0], "nothing was asked for");
    // It is forgotten, and the right paper is taken.
    phone.records().erase(record).unwrap();
    assert!(phone.records().all().unwrap().is_empty());
    let secret = phone.keys.recall_secret(format!("record-secret-{record}"));
    assert_eq!(secret.err(), Some(KeyStoreError::Missing));
    // A letter that was misread is told with its line.
    let line = lost.paper.lines().nth(4).unwrap();
    let misread = line.chars().rev().collect::<String>();
    assert_eq!(Paper::parse(&lost.paper.replace(line, &misread)).unwrap_err(), NotAPaper::Line(5));
}

#[test]
fn a_record_that_is_damaged_on_its_own_phone_is_restored_there() {
    let mut lost = Lost::new();
    let (record, before) = (lost.record, known(&mut lost.old, &lost.record));
    let path = lost.clinic.scene.directory.path().join("patient.db");
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute("UPDATE records SET state = zeroblob(2000)", []).unwrap();
    drop(database);
    lost.old = lost.clinic.patient();
    assert!(matches!(lost.old.records().one(&record), Err(RecordError::Damaged)));
    assert_eq!(begin(&mut lost.old, &lost.paper).unwrap(), record);
    // Its key and certificate are as they were.
    lost.clinic.proceed(&mut lost.old, &record);
    assert_eq!(known(&mut lost.old, &record), before);
}

#[test]
fn without_a_code_nothing_is_fetched() {
    let lost = Lost::new();
    let mut phone = lost.clinic.phone("thief");
    begin(&mut phone, &lost.paper).unwrap();
    phone.sync(&lost.clinic);
    let Lost { clinic, record, .. } = &lost;
    let error = phone.records().proceed(&clinic.client, &clinic.store, record, clinic.now()).unwrap_err();
    assert_eq!(error.reason(), "not-enrolled", "{error}");
    assert_eq!(LOGS.map(|log| clinic.count(log, REQUEST)), [0, 0]);
    assert!(phone.records().one(record).unwrap().restoring);
}

#[test]
fn what_the_store_does_not_give_or_alters_is_said_and_nothing_is_kept() {
    let lost = Lost::new();
    for (number, alter, expected) in [
        (0, false, "delivery-incomplete"),
        (1, false, "delivery-incomplete"),
        (4, false, "delivery-incomplete"),
        (0, true, "part-altered"),
        (4, true, "part-altered"),
        // The wraps of the first of the other lines: six parts, the document and the wraps come before.
        (8, true, "part-altered"),
    ] {
        let mut phone = lost.phone_of(&format!("new {number} {alter}"));
        let mut at = 0;
        lock(&lost.clinic.scene.world).lie = Some(Box::new(move |path, mut response| {
            if path.starts_with("/store/objects/") {
                if at == number && alter {
                    response.body[20] ^= 1;
                } else if at == number {
                    response.status = 404;
                }
                at += 1;
            }
            Ok(response)
        }));
        let Lost { clinic, record, .. } = &lost;
        let error = phone.records().proceed(&clinic.client, &clinic.store, record, clinic.now()).unwrap_err();
        assert_eq!(error.reason(), expected, "object {number}");
        assert!(phone.records().one(record).unwrap().restoring);
        lock(&lost.clinic.scene.world).lie = None;
        clinic.proceed(&mut phone, record);
        assert!(!phone.records().one(record).unwrap().restoring);
    }
}

#[test]
fn a_line_that_is_cut_at_any_request_of_a_restoring_leaves_it_to_be_done_again() {
    let tried = Tried::new("a new phone's line cut at each request of a restoring", "records");
    let mut cuts = 0;
    loop {
        let mut lost = Lost::new();
        let mut phone = lost.phone();
        *lock(&lost.clinic.fault) = Some((cuts, Fault::Unanswered));
        let Lost { clinic, record, .. } = &lost;
        let first = phone.records().proceed(&clinic.client, &clinic.store, record, clinic.now());
        if lock(&clinic.fault).take().is_some() {
            first.unwrap();
            assert!(cuts > 15, "only {cuts} requests");
            break;
        }
        tried.times(1);
        let mut phone = clinic.phone("new");
        assert_eq!(phone.records().all().unwrap().len(), 1);
        clinic.proceed(&mut phone, record);
        let record = lost.record;
        assert_eq!(known(&mut phone, &record), known(&mut lost.old, &record), "cut at {cuts}");
        tried.looked_up(1, 0);
        cuts += 1;
    }
}

#[test]
fn a_phone_that_was_lost_while_it_narrowed_has_it_narrowed_by_the_new_one() {
    let mut lost = Lost::new();
    let thread = lost.ask();
    let (label, problems) = (lost.label, lost.old.parts(&lost.record, &["Problems"]));
    lost.old.records().set_parts(&lost.record, label, problems).unwrap();
    // It dies when what is shared is published, and its own line is not.
    let Lost { clinic, old, record, .. } = &mut lost;
    let now = clinic.now();
    for _ in 0..2 {
        assert_eq!(
            old.records().step(&clinic.client, &clinic.store, record, now).unwrap(),
            Publishing::Further
        );
    }
    let shared = clinic.count(LOGS[1], INDEX);
    let mut requests = 0;
    while clinic.count(LOGS[1], INDEX) == shared {
        *lock(&clinic.fault) = Some((requests, Fault::Unanswered));
        assert!(old.records().step(&clinic.client, &clinic.store, record, now).is_err());
        requests += 1;
    }
    *lock(&clinic.fault) = None;
    assert_eq!(LOGS.map(|log| clinic.head(log, record).wrap), [1, 2]);
    let before: Vec<Hash> = lock(&clinic.shelf).objects.keys().copied().collect();

    let mut new = lost.phone();
    lost.clinic.proceed(&mut new, &lost.record);
    assert_eq!(LOGS.map(|log| lost.clinic.head(log, &lost.record).wrap), [2, 3]);
    assert_eq!(titles(&lost.open(&thread).unwrap()), ["Problems"]);
    let line = known(&mut new, &lost.record).lines.into_iter().find(|line| line.label == label).unwrap();
    assert_eq!(line.parts, problems);
    assert!(new.records().document(&lost.record).unwrap().whole().is_some());
    // The bodies that were closed are gone from the store.
    let after = &lock(&lost.clinic.shelf).objects;
    assert!(before.iter().any(|digest| !after.contains_key(digest)));
}
