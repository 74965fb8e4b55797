//! Whoever reads the logs of records learns neither patient nor doctor: a reader who has every byte tries to tell which records
//! are one patient's, and which requests one doctor's.
//!
//! What every statement of a kind has (words of the format, the region, the authority, the store) links nothing. All else that two
//! records, or two requests on different records, have in common is a link.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use countersign_ledger::{Hash, Identity, Statement};
use countersign_records::RecordId;
use countersign_records::rules::{AUTHORITY, DELIVERY, DOCTOR, Head, INDEX, LOGS, Mode, REQUEST, STORE};
use countersign_wallet::{AskFor, NewLine};

use crate::clinic::{CARDIOLOGIST, Clinic, Phone, lock};

const PATIENTS: usize = 5;
const RECORDS_EACH: usize = 2;
const ASKS_EACH: usize = 5;
/// What a reader knows to be of the format, where every statement of a kind has it.
const WORD: usize = 4;
/// What a reader takes for a name: shorter strings, with a number or two in them, are common by chance.
const WINDOW: usize = 10;
/// Names of very different lengths, with other words for each.
const DOCTORS: [(&str, &str, Option<&str>); 4] = [
    ("al", "Al", None),
    ("bo", "Dr. Bo Li", Some("ward round")),
    (
        "cornelia",
        "Professor Dr. Cornelia von Hohenstein-Wallenburg",
        Some("a second opinion before the operation"),
    ),
    (
        "dominique-alexandra",
        "Dominique",
        Some("she is here, and asks me to look at what the laboratory has found since"),
    ),
];

/// A population, and who did what, which the reader does not know.
struct Population {
    clinic: Clinic,
    /// The patient of each record.
    patients: BTreeMap<RecordId, usize>,
    /// The doctor of each request.
    doctors: BTreeMap<Hash, usize>,
}

impl Population {
    fn new() -> Self {
        let clinic = Clinic::new();
        let (mut patients, mut phones) = (BTreeMap::new(), Vec::new());
        for patient in 0..PATIENTS {
            let mut phone = clinic.phone(&format!("patient {patient}"));
            for _ in 0..RECORDS_EACH {
                let record = clinic.begun(&mut phone);
                Clinic::line(&mut phone, &record, LOGS[1], Mode::AtOnce, &["Problems", "Medication"]);
                let parts = phone.parts(&record, &["Results"]);
                let policy = CARDIOLOGIST.parse().unwrap();
                let line = NewLine { log: LOGS[0], policy, mode: Mode::Ask, minutes: 30, parts };
                phone.records().add_line(&record, &line).unwrap();
                clinic.proceed(&mut phone, &record);
                patients.insert(record, patient);
                clinic.pass(1);
            }
            phones.push(phone);
        }
        let mut population = Self { clinic, patients, doctors: BTreeMap::new() };
        let links = population.links(&mut phones);
        for (doctor, (name, title, reason)) in DOCTORS.into_iter().enumerate() {
            population.ask_for_some(doctor, name, (title, reason), &links);
        }
        // Everything is wrapped again, and published a second time.
        for (record, patient) in population.patients.clone() {
            let label = phones[patient].records().one(&record).unwrap().lines[0].label;
            phones[patient].records().set_mode(&record, label, (Mode::AtOnce, 45)).unwrap();
            population.clinic.proceed(&mut phones[patient], &record);
            population.clinic.pass(1);
        }
        population
    }

    fn links(&self, phones: &mut [Phone]) -> Vec<(RecordId, String)> {
        let link = |(record, patient): (&RecordId, &usize)| {
            (*record, phones[*patient].records().link(record).unwrap().to_text().to_string())
        };
        self.patients.iter().map(link).collect()
    }

    /// A doctor asks for several records, each on both logs, and opens what opens.
    fn ask_for_some(
        &mut self,
        doctor: usize,
        name: &str,
        (title, reason): (&str, Option<&str>),
        links: &[(RecordId, String)],
    ) {
        let clinic = &self.clinic;
        let identity = Identity::new(crate::world::DOMAIN, DOCTOR, name).unwrap().to_string();
        lock(&clinic.office).attributes.insert(identity, vec!["role: cardiologist", "hospital: north"]);
        let mut phone = clinic.phone(name);
        let first = doctor * 3 % links.len();
        clinic.clinician(&mut phone, name, &links[first].1);
        for at in 0..ASKS_EACH {
            let (record, link) = &links[(first + at) % links.len()];
            phone.clinician().add(link).unwrap();
            phone.sync(clinic);
            for offer in phone.clinician().offers(record).unwrap() {
                let wanted = AskFor {
                    record: *record,
                    log: offer.log,
                    label: Some(offer.label),
                    minutes: 30,
                    purpose: "TREAT".to_owned(),
                    reason: reason.map(str::to_owned),
                    name: title.to_owned(),
                };
                let now = clinic.now();
                let thread = phone.clinician().ask(&clinic.client, &clinic.authority, &wanted, now).unwrap();
                let _ = phone.clinician().open(&clinic.client, &clinic.store, &thread, now);
                let world = clinic.scene.world();
                let statements = &world.logs[&offer.log].statements;
                let request = statements.iter().find(|one| *one.subject() == thread).unwrap();
                self.doctors.insert(request.id(), doctor);
                drop(world);
                clinic.pass(1);
            }
        }
    }

    /// Every statement of the records' logs, as a reader has it.
    fn read(&self) -> Vec<Statement> {
        let world = self.clinic.scene.world();
        LOGS.iter().flat_map(|log| world.logs[log].statements.clone()).collect()
    }
}

type Words = HashSet<[u8; WORD]>;
type Windows = HashSet<[u8; WINDOW]>;

fn windows<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.windows(N).map(|window| window.try_into().unwrap())
}

/// What every statement of a kind has.
fn format_of<'a>(mut statements: impl Iterator<Item = &'a Statement>) -> Words {
    let Some(first) = statements.next() else { return Words::new() };
    let mut common: Words = windows(first.as_bytes()).collect();
    for statement in statements {
        let own: Words = windows(statement.as_bytes()).collect();
        common.retain(|word| own.contains(word));
    }
    common
}

/// What is a statement's own: strings that lie between what every statement of its kind has.
fn own(statement: &Statement, format: &Words) -> Windows {
    let bytes = statement.as_bytes();
    let mut known = vec![false; bytes.len()];
    for (at, word) in windows::<WORD>(bytes).enumerate() {
        if format.contains(&word) {
            known[at..at + WORD].fill(true);
        }
    }
    let own = windows::<WINDOW>(bytes).enumerate().filter(|(at, _)| !known[*at..at + WINDOW].contains(&true));
    own.map(|(_, window)| window).collect()
}

/// What several of the groups have, and those that have it.
fn links<K: Copy + Ord>(groups: &BTreeMap<K, Windows>) -> BTreeMap<[u8; WINDOW], BTreeSet<K>> {
    let mut who: HashMap<[u8; WINDOW], BTreeSet<K>> = HashMap::new();
    for (group, windows) in groups {
        for window in windows {
            who.entry(*window).or_default().insert(*group);
        }
    }
    who.into_iter().filter(|(_, groups)| groups.len() > 1).collect()
}

fn record(statement: &Statement) -> RecordId {
    RecordId::of(statement.subject()).unwrap()
}

#[test]
fn no_bytes_link_two_records_or_two_requests_and_no_length_or_order_does() {
    let population = Population::new();
    let statements = population.read();
    let of_kind = |kind: &'static str| statements.iter().filter(move |one| one.kind().as_str() == kind);
    let counts = [INDEX, REQUEST, DELIVERY].map(|kind| of_kind(kind).count());
    let (records, asks) = (PATIENTS * RECORDS_EACH, DOCTORS.len() * ASKS_EACH);
    // On the log of whole records the patient is asked, and nothing is delivered.
    assert_eq!(counts, [4 * records, 2 * asks, asks]);

    let formats: BTreeMap<&str, Words> =
        [INDEX, REQUEST, DELIVERY].map(|kind| (kind, format_of(of_kind(kind)))).into();
    assert!(formats.values().all(|format| format.len() > 50), "there are words that all have");
    let (mut by_record, mut by_request) = (BTreeMap::<RecordId, Windows>::new(), BTreeMap::new());
    for statement in &statements {
        let own = own(statement, &formats[statement.kind().as_str()]);
        assert!(own.len() > 64, "a signature, at least");
        if statement.kind().as_str() == REQUEST {
            by_request.insert(statement.id(), own.clone());
        }
        by_record.entry(record(statement)).or_default().extend(own);
    }
    if let Some((window, records)) = links(&by_record).pop_first() {
        let patients: BTreeSet<_> = records.iter().map(|record| population.patients[record]).collect();
        panic!("{} links records {records:?} of patients {patients:?}", window.escape_ascii());
    }
    let about: BTreeMap<Hash, RecordId> = of_kind(REQUEST).map(|one| (one.id(), record(one))).collect();
    for (window, requests) in links(&by_request) {
        // Requests on one record have its number and its lines in common.
        let records: BTreeSet<_> = requests.iter().map(|request| about[request]).collect();
        let doctors: BTreeSet<_> = requests.iter().map(|request| population.doctors[request]).collect();
        assert!(records.len() == 1, "{} links requests of doctors {doctors:?}", window.escape_ascii());
    }

    // Lengths: whatever a doctor is called and writes, and whoever the patient is.
    let lengths = |kind| of_kind(kind).map(|one| one.as_bytes().len()).collect::<BTreeSet<_>>();
    let of_requests = lengths(REQUEST);
    // A slot is a number of one byte or of two.
    let spread = of_requests.last().unwrap() - of_requests.first().unwrap();
    assert!(spread <= 1, "requests have {of_requests:?} bytes");
    assert_eq!(lengths(DELIVERY).len(), 1);
    // The owner's own line is on one of the logs, and a second index names the first.
    assert_eq!(lengths(INDEX).len(), 4);

    // Keys and names: each that stands in a record's statements is of that record alone; each of a request, of it alone.
    let world = population.clinic.scene.world();
    let (mut names, mut holders) = (BTreeMap::<Vec<u8>, BTreeSet<RecordId>>::new(), BTreeSet::new());
    for statement in &statements {
        let verified = world.trust.verify(statement.clone()).unwrap();
        let fields = verified.fields();
        let keys = ["holder", "agree"].into_iter().filter_map(|name| fields.bytes(name).map(<[u8]>::to_vec));
        let hashes = ["label", "document", "row", "proof"].into_iter().filter_map(|name| fields.hash(name));
        let lines = Head::of(&verified).map(|head| head.lines).unwrap_or_default();
        let of_lines = lines.iter().flat_map(|line| [line.label, line.row]);
        let named = keys.chain(hashes.chain(of_lines).map(|hash| hash.0.to_vec()));
        for name in named.chain([statement.subject().as_str().as_bytes().to_vec()]) {
            names.entry(name).or_default().insert(record(statement));
        }
        if let Some(holder) = fields.bytes("holder") {
            assert!(holders.insert(holder.to_vec()), "a holder's key of two requests");
        }
        let signer = verified.signer().identity();
        let for_all = [AUTHORITY, STORE].contains(&signer.role());
        assert!(for_all || signer.name() == record(statement).to_string(), "{signer}");
    }
    assert!(names.values().all(|records| records.len() == 1), "a name of two records");

    // Order: that of labels, which are random. So nothing shows which line is the owner's own, or which is older.
    for record in by_record.keys() {
        let lines = Clinic::head_in(&world, LOGS[0], record).lines;
        assert!(lines.len() == 2 && lines.is_sorted_by_key(|line| line.label));
    }
}
