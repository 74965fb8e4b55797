//! Sections of a record for people without this app, by a link.

use countersign_records::rules::Mode;
use countersign_records::{Cut, Opened, Pair, Parts, Provenance, RecordId, Rule, Unsigned, View, provenance};
use countersign_shl::{Access, Gate, Link, open};
use countersign_wallet::{NewLink, RecordError, SharedLink};

use crate::clinic::{Clinic, Phone, lock};
use crate::desk::Fault;

const STORE: &str = "https://store.example";
const DAY_MINUTES: u64 = 24 * 60;

/// A patient with a published record, of which a cardiologist sees two sections.
struct Case {
    clinic: Clinic,
    patient: Phone,
    record: RecordId,
}

impl Case {
    fn new() -> Self {
        let clinic = Clinic::new();
        let mut patient = clinic.patient();
        let (record, _) = clinic.shared(&mut patient, Mode::AtOnce, &["Problems", "Results"]);
        Self { clinic, patient, record }
    }

    fn new_link(&mut self, titles: &[&str]) -> NewLink {
        let parts = self.patient.parts(&self.record, titles);
        NewLink { parts, days: 7, passcode: None, label: Some("For Dr. Grace".to_owned()) }
    }

    fn share(&mut self, new: &NewLink) -> Result<SharedLink, RecordError> {
        let Self { clinic, patient, record } = self;
        patient.records().share_by_link((&clinic.store, STORE), record, new, clinic.now())
    }

    fn end(&mut self, name: &str) -> Result<(), RecordError> {
        let Self { clinic, patient, record } = self;
        patient.records().end_link(&clinic.store, record, name, clinic.now())
    }

    fn links(&mut self) -> Vec<SharedLink> {
        let now = self.clinic.now();
        self.patient.records().shared_links(&self.record, now).unwrap()
    }

    /// What whoever has the link reads.
    fn read(&self, shared: &SharedLink) -> Opened {
        let (link, shelf) = (Link::parse(&shared.uri).unwrap(), lock(&self.clinic.shelf));
        let (_, object, _) = &shelf.links[&shared.name];
        let file = open(std::str::from_utf8(&shelf.objects[object]).unwrap(), link.key()).unwrap();
        match provenance(&file.bytes, &self.clinic.scene.world().trust) {
            Provenance::Verified(opened) => *opened,
            Provenance::Differs(_) | Provenance::Refused(_) | Provenance::Missing(_) => {
                panic!("not verified")
            }
        }
    }
}

fn titles(opened: &Opened) -> Vec<String> {
    View::of(opened.parts()).sections.into_iter().map(|section| section.title).collect()
}

#[test]
fn whoever_has_the_link_reads_the_chosen_sections_and_the_authors_signature_and_nothing_else() {
    let mut case = Case::new();
    let new = case.new_link(&["Medication"]);
    let shared = case.share(&new).unwrap();
    let opened = case.read(&shared);
    assert_eq!((titles(&opened), opened.withheld()), (vec!["Medication".to_owned()], 2));

    let link = Link::parse(&shared.uri).unwrap();
    assert_eq!(link.url(), format!("{STORE}/store/links/{}", shared.name));
    assert_eq!((link.access(), link.label()), (Access::Direct, Some("For Dr. Grace")));
    assert_eq!(link.expires(), Some(case.clinic.now().seconds() + 7 * 24 * 3600));
    assert_eq!(
        (shared.until.seconds(), shared.passcode, shared.version),
        (link.expires().unwrap(), false, 1)
    );
    assert!(case.links() == [shared.clone()]);

    // Nothing of it says on the store's shelf, or on the logs, what it is.
    let shelf = lock(&case.clinic.shelf);
    let (of, object, gate) = &shelf.links[&shared.name];
    let gate = Gate::parse(gate).unwrap();
    assert_eq!((*of, gate.expires(), gate.wants_passcode()), (case.record, shared.until.seconds(), false));
    let bytes = &shelf.objects[object];
    assert!(!bytes.windows(9).any(|window| window == b"Metformin"));
}

#[test]
fn a_passcode_is_kept_as_its_slow_hash_and_is_never_in_the_link() {
    let mut case = Case::new();
    let new = NewLink { passcode: Some("tulip".to_owned().into()), ..case.new_link(&["Problems"]) };
    let shared = case.share(&new).unwrap();
    assert_eq!(Link::parse(&shared.uri).unwrap().access(), Access::Passcode);
    assert!(shared.passcode && !shared.uri.contains("tulip"));
    let shelf = lock(&case.clinic.shelf);
    let gate = &shelf.links[&shared.name].2;
    assert!(!gate.windows(5).any(|window| window == b"tulip"));
    let gate = Gate::parse(gate).unwrap();
    assert!(gate.admits("tulip") && !gate.admits("rose!"));
}

#[test]
fn a_link_ends_when_its_owner_says_so_and_when_its_record_is_erased() {
    let mut case = Case::new();
    let new = case.new_link(&["Problems"]);
    let (first, second) = (case.share(&new).unwrap(), case.share(&new).unwrap());
    assert_ne!((&first.name, &first.uri), (&second.name, &second.uri), "no two are alike");
    case.end(&first.name).unwrap();
    assert!(case.links() == [second.clone()]);
    assert_eq!(lock(&case.clinic.shelf).links.keys().collect::<Vec<_>>(), [&second.name]);
    assert_eq!(case.end(&first.name).unwrap_err().reason(), "record-unknown");
    // A change of the record is no end of it, and what it shows stays what it was.
    let record = case.record;
    Clinic::line(&mut case.patient, &record, countersign_records::rules::LOGS[1], Mode::Ask, &["Results"]);
    case.clinic.proceed(&mut case.patient, &record);
    assert_eq!(titles(&case.read(&second)), ["Problems"]);

    case.patient.records().erase(&record).unwrap();
    case.clinic.proceed(&mut case.patient, &record);
    let shelf = lock(&case.clinic.shelf);
    assert!(shelf.links.is_empty());
    assert!(!shelf.objects.values().any(|object| object.starts_with(b"eyJ")), "no encrypted file is left");
}

#[test]
fn a_link_that_has_ended_by_itself_is_shown_no_more() {
    let mut case = Case::new();
    let new = case.new_link(&["Problems"]);
    let shared = case.share(&new).unwrap();
    case.clinic.pass(7 * DAY_MINUTES - 1);
    assert!(case.links() == [shared]);
    case.clinic.pass(2);
    assert!(case.links().is_empty());
}

#[test]
fn a_link_that_cannot_be_is_refused_for_its_own_reason_and_leaves_nothing() {
    let mut case = Case::new();
    let good = case.new_link(&["Problems"]);
    let mut refused = |address: &str, change: &dyn Fn(&mut NewLink)| {
        let mut new = good.clone();
        change(&mut new);
        let Case { clinic, patient, record } = &mut case;
        let now = clinic.now();
        let made = patient.records().share_by_link((&clinic.store, address), record, &new, now);
        let reason = made.err().unwrap().reason();
        assert!(lock(&clinic.shelf).links.is_empty());
        assert!(patient.records().shared_links(record, now).unwrap().is_empty());
        reason
    };
    assert_eq!(refused(STORE, &|new| new.days = 0), "link-days");
    assert_eq!(refused(STORE, &|new| new.days = 366), "link-days");
    assert_eq!(refused(STORE, &|new| new.passcode = Some("123".to_owned().into())), "link-passcode");
    assert_eq!(refused(STORE, &|new| new.label = Some("x".repeat(81))), "link-label");
    assert_eq!(refused("ftp://store.example", &|_| ()), "link-label");
    assert_eq!(refused(STORE, &|new| new.parts = Parts::of([60])), "not-permitted");

    for _ in 0..32 {
        case.share(&good).unwrap();
    }
    assert_eq!(case.share(&good).err().unwrap().reason(), "too-many-links");
    // Those that have ended make room.
    case.clinic.pass(8 * DAY_MINUTES);
    case.share(&good).unwrap();
    assert_eq!(case.links().len(), 1);
}

#[test]
fn what_the_author_does_not_permit_alone_is_in_no_link_either() {
    let mut case = Case::new();
    let holder = case.patient.records().holder(&case.record).unwrap();
    let document = crate::clinic::document("Insulin", &[]);
    let unsigned = Unsigned::new(&mut Cut::new(&document).unwrap(), &[], &mut crate::clinic::random());
    let parts: Vec<_> = unsigned.parts().cloned().collect();
    let sections = View::of(&parts).sections;
    let part = |title: &str| sections.iter().find(|section| section.title == title).unwrap().part;
    let (medication, all) = (part("Medication"), Parts::all(parts.len()));
    let without = Parts(all.0 & !Parts::of([medication]).0);
    let pairs = vec![
        Pair { must: Parts::of([0]), may: without },
        Pair { must: Parts::of([0, medication, part("Results")]), may: all },
    ];
    let rule = Rule::new(pairs, parts.len()).unwrap();
    let signed = case.clinic.signed("grace", &case.record, 2, &holder, (unsigned, &rule));
    case.patient.records().take(&case.record, &signed).unwrap();
    let new = case.new_link(&["Medication"]);
    assert_eq!(case.share(&new).err().unwrap().reason(), "not-permitted");
    let new = case.new_link(&["Medication", "Results"]);
    let shared = case.share(&new).unwrap();
    assert_eq!((titles(&case.read(&shared)).len(), shared.version), (2, 2));
}

#[test]
fn a_link_that_is_cut_off_anywhere_is_shown_whole_or_not_at_all_and_is_made_again() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Halved, Fault::Busy] {
        for cuts in 0.. {
            let mut case = Case::new();
            let new = case.new_link(&["Problems"]);
            *lock(&case.clinic.fault) = Some((cuts, fault));
            let first = case.share(&new);
            if lock(&case.clinic.fault).take().is_some() {
                first.unwrap();
                assert!(cuts >= 4, "{fault:?}: only {cuts} requests");
                break;
            }
            // What is shown leads to something; what is not shown, nobody has the key of.
            let shown = case.links();
            assert_eq!(shown.len(), usize::from(first.is_ok()), "{fault:?} at {cuts}");
            let shared = case.share(&new).unwrap();
            assert_eq!(titles(&case.read(&shared)), ["Problems"], "{fault:?} at {cuts}");

            // The same for its end.
            *lock(&case.clinic.fault) = Some((cuts, fault));
            if case.end(&shared.name).is_err() {
                *lock(&case.clinic.fault) = None;
                assert!(case.links().contains(&shared), "{fault:?} at {cuts}: it is still shown");
                case.end(&shared.name).unwrap();
            }
            *lock(&case.clinic.fault) = None;
            assert!(!lock(&case.clinic.shelf).links.contains_key(&shared.name));
        }
    }
}
