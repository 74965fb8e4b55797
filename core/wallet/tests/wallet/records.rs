//! A patient's records, and the doctors who ask for them: every way it goes, and every way it is cut off.

use countersign_ledger::{Draft, Fields, Hash, LogName, Signer as _, Subject};
use countersign_records::rules::{ANSWER, DELIVERY, INDEX, LOGS, Mode, Outcome, REQUEST};
use countersign_records::{
    AskError, Cut, DeliveryError, Epoch, LineError, Pair, Parts, RecordId, Refused, Rule, Unsigned, View,
};
use countersign_wallet::{
    AccessState, Allow, AskFor, AskState, NewLine, Publishing, RecordError, Records, ShownRecord, StoredKey,
    TransportError,
};

use crate::clinic::{CARDIOLOGIST, Clinic, Phone, identity, lock};
use crate::desk::Fault;
use crate::tried::Tried;
use crate::world::kind;

const SIX: [&str; 2] = ["Problems", "Medication"];

fn wanted(record: RecordId, log: LogName, label: Option<Hash>) -> AskFor {
    AskFor {
        record,
        log,
        label,
        minutes: 30,
        purpose: "TREAT".to_owned(),
        reason: Some("ward round".to_owned()),
        name: "Dr. Ada".to_owned(),
    }
}

/// Titles of the sections that are shown.
fn titles(shown: &ShownRecord) -> Vec<String> {
    let view = View::of(shown.opened.parts());
    let mut titles: Vec<_> = view.sections.into_iter().map(|section| section.title).collect();
    titles.sort();
    titles
}

fn link(phone: &mut Phone, record: &RecordId) -> String {
    phone.records().link(record).unwrap().to_text().to_string()
}

/// A clinic with a shared record, and a doctor who has its link.
struct Case {
    clinic: Clinic,
    patient: Phone,
    doctor: Phone,
    record: RecordId,
    label: Hash,
}

impl Case {
    fn new(mode: Mode) -> Self {
        let clinic = Clinic::new();
        let (mut patient, mut doctor) = (clinic.patient(), clinic.doctor());
        let (record, label) = clinic.shared(&mut patient, mode, &SIX);
        let link = link(&mut patient, &record);
        clinic.clinician(&mut doctor, "ada", &link);
        Self { clinic, patient, doctor, record, label }
    }

    fn ask(&mut self) -> Result<Subject, RecordError> {
        self.ask_for(&wanted(self.record, LOGS[1], Some(self.label)))
    }

    fn ask_for(&mut self, wanted: &AskFor) -> Result<Subject, RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().ask(&clinic.client, &clinic.authority, wanted, clinic.now())
    }

    fn open(&mut self, thread: &Subject) -> Result<ShownRecord, RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().open(&clinic.client, &clinic.store, thread, clinic.now())
    }

    fn read(&mut self, thread: &Subject) -> Result<ShownRecord, RecordError> {
        let now = self.clinic.now();
        self.doctor.clinician().read(thread, now)
    }

    fn accesses(&mut self) -> Vec<countersign_wallet::Access> {
        self.patient.sync(&self.clinic);
        self.patient.records().accesses(&self.record, self.clinic.now()).unwrap().list
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Records<'_>, &Clinic, &RecordId) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        self.patient.sync(&self.clinic);
        act(&mut self.patient.records(), &self.clinic, &self.record)
    }
}

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
