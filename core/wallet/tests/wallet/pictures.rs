//! Large images of a document: handed over beside it, shared with the part that names them, and read piece by piece.

use std::io::{self, Read, Write};

use countersign_ledger::{Hash, Subject};
use countersign_records::rules::{LOGS, Mode};
use countersign_records::{Image, PIECE, RecordId, Row};
use countersign_wallet::{AskFor, RecordError, ShownRecord};

use crate::clinic::{Clinic, Phone, identity, lock};

/// A file that counts how much of it is read at a time, and stands for one that would not fit into memory.
struct File<'a> {
    bytes: &'a [u8],
    most: usize,
}

impl Read for File<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.most = self.most.max(to.len());
        self.bytes.read(to)
    }
}

/// A disk that is full after so many bytes.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A scan of two pieces, of the medication, and a small one of the results.
fn pictures() -> [(Image, Vec<u8>); 2] {
    let scan: Vec<u8> = (0..PIECE + 70_000).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let small = vec![9; 5000];
    [("urn:scan:medication", scan), ("urn:scan:results", small)]
        .map(|(locator, bytes)| (Image::read(locator, "image/png", &mut bytes.as_slice()).unwrap(), bytes))
}

/// A record whose document names two images, with the medication shared, and a doctor.
struct Case {
    clinic: Clinic,
    patient: Phone,
    doctor: Phone,
    record: RecordId,
    label: Hash,
    pictures: [(Image, Vec<u8>); 2],
}

impl Case {
    fn new() -> Self {
        let clinic = Clinic::new();
        let (mut patient, mut doctor) = (clinic.patient(), clinic.doctor());
        let pictures = pictures();
        let images = pictures.each_ref().map(|(image, _)| image.clone());
        let record = clinic.begun_with(&mut patient, &images);
        let label = Clinic::line(&mut patient, &record, LOGS[1], Mode::AtOnce, &["Problems", "Medication"]);
        clinic.proceed(&mut patient, &record);
        let link = patient.records().link(&record).unwrap().to_text().to_string();
        clinic.clinician(&mut doctor, "ada", &link);
        Self { clinic, patient, doctor, record, label, pictures }
    }

    fn take(&mut self, at: usize) {
        let Self { clinic, patient, record, pictures, .. } = self;
        let (image, bytes) = &pictures[at];
        patient.records().take_image(record, image, &mut bytes.as_slice()).unwrap();
        clinic.proceed(patient, record);
    }

    fn ask(&mut self) -> Subject {
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

    fn open(&mut self, thread: &Subject) -> ShownRecord {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().open(&clinic.client, &clinic.store, thread, clinic.now()).unwrap()
    }

    fn fetch(&mut self, thread: &Subject, digest: Hash, to: &mut dyn Write) -> Result<(), RecordError> {
        let Self { clinic, doctor, .. } = self;
        doctor.clinician().write_image(&clinic.client, &clinic.store, thread, digest, to, clinic.now())
    }

    /// The largest object that the store has, and how many.
    fn shelf(&self) -> (usize, usize) {
        let shelf = lock(&self.clinic.shelf);
        (shelf.objects.values().map(Vec::len).max().unwrap(), shelf.objects.len())
    }
}

#[test]
fn a_doctor_reads_the_images_of_what_is_shared_and_learns_nothing_of_others() {
    let mut case = Case::new();
    let thread = case.ask();
    let named = |shown: &ShownRecord| -> Vec<String> {
        let images = shown.opened.parts().iter().flat_map(|part| part.images().to_vec());
        images.map(|image| image.locator).collect()
    };
    // Before the patient has them they are named, and not shared.
    let shown = case.open(&thread);
    assert_eq!((named(&shown), shown.images.len()), (vec!["urn:scan:medication".to_owned()], 0));
    let held = case.patient.records().images(&case.record).unwrap();
    assert!(held.len() == 2 && held.iter().all(|image| !image.here));
    let before = case.shelf();

    case.take(0);
    case.take(1);
    assert!(case.patient.records().images(&case.record).unwrap().iter().all(|image| image.here));
    // Two pieces of the scan and one of the small one; and no object is larger than a piece.
    let after = case.shelf();
    assert_eq!(after.1, before.1 + 3);
    assert!(after.0 < PIECE + PIECE / 8, "{}", after.0);

    let shown = case.open(&thread);
    let [shared] = &shown.images[..] else { panic!("{:?}", shown.images) };
    assert_eq!(shared.image(), &case.pictures[0].0);
    assert_eq!(
        named(&shown),
        ["urn:scan:medication"],
        "the results are withheld, with the name of their image"
    );
    let (digest, other) = (shared.image().digest, case.pictures[1].0.digest);
    let mut read = Vec::new();
    case.fetch(&thread, digest, &mut read).unwrap();
    assert!(read == case.pictures[0].1);
    assert!(matches!(case.fetch(&thread, other, &mut io::sink()), Err(RecordError::Unknown)));
    // Neither log nor store says that there are images, or what they are.
    for bytes in [&b"urn:scan"[..], b"image/png", digest.as_bytes()] {
        let found = |all: &[u8]| all.windows(bytes.len()).any(|window| window == bytes);
        assert!(!lock(&case.clinic.shelf).objects.values().any(|object| found(object)));
        let world = case.clinic.scene.world();
        assert!(!LOGS.iter().flat_map(|log| &world.logs[log].statements).any(|one| found(one.as_bytes())));
    }
}

#[test]
fn an_image_is_taken_only_as_it_was_signed_and_a_piece_at_a_time() {
    let mut case = Case::new();
    let (image, bytes) = case.pictures[0].clone();
    let Case { patient, record, .. } = &mut case;
    let mut refused = |image: &Image, bytes: &[u8]| {
        patient.records().take_image(record, image, &mut &*bytes).unwrap_err().reason()
    };
    let mut altered = bytes.clone();
    altered[PIECE + 5] ^= 1;
    assert_eq!(refused(&image, &altered), "other-image");
    assert_eq!(refused(&image, &bytes[..PIECE]), "other-image");
    assert_eq!(refused(&image, &[&bytes[..], b"more"].concat()), "other-image");
    let other = Image { locator: "urn:scan:other".to_owned(), ..image.clone() };
    assert_eq!(refused(&other, &bytes), "record-unknown", "the document names no such image");
    assert!(patient.records().images(record).unwrap().iter().all(|image| !image.here), "nothing is left");
    let mut file = File { bytes: &bytes, most: 0 };
    patient.records().take_image(record, &image, &mut file).unwrap();
    assert!(file.most <= PIECE, "{}", file.most);
    let mut own = Vec::new();
    patient.records().write_image(record, &image, &mut own).unwrap();
    assert!(own == bytes);
    // What lies in the database is sealed.
    let path = case.clinic.scene.directory.path().join("patient.db");
    let mut stored = std::fs::read(&path).unwrap();
    stored.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
    assert!(!stored.windows(64).any(|window| window == &bytes[..64]));
}

#[test]
fn what_the_store_alters_leaves_out_or_exchanges_of_an_image_has_its_own_reason() {
    let mut case = Case::new();
    case.take(0);
    let thread = case.ask();
    let shown = case.open(&thread);
    let (digest, pieces) = (shown.images[0].image().digest, shown.images[0].objects().to_vec());
    let good = lock(&case.clinic.shelf).objects.clone();
    for (fault, reason) in
        [("altered", "part-altered"), ("exchanged", "part-altered"), ("left out", "delivery-incomplete")]
    {
        let mut shelf = lock(&case.clinic.shelf);
        match fault {
            "altered" => shelf.objects.get_mut(&pieces[1]).unwrap()[99] ^= 1,
            "exchanged" => drop(shelf.objects.insert(pieces[1], good[&pieces[0]].clone())),
            _ => drop(shelf.objects.remove(&pieces[0])),
        }
        drop(shelf);
        let error = case.fetch(&thread, digest, &mut io::sink()).unwrap_err();
        assert_eq!(error.reason(), reason, "{fault}: {error}");
        lock(&case.clinic.shelf).objects.clone_from(&good);
    }
    let error = case.fetch(&thread, digest, &mut Disk(PIECE)).unwrap_err();
    assert_eq!(error.reason(), "image-file", "{error}");
    let mut read = Vec::new();
    case.fetch(&thread, digest, &mut read).unwrap();
    assert!(read == case.pictures[0].1);
}

#[test]
fn narrowing_seals_images_anew_with_their_part_and_a_new_phone_has_them_again() {
    let mut case = Case::new();
    case.take(0);
    let thread = case.ask();
    let before: Vec<Hash> = case.open(&thread).images[0].objects().to_vec();
    let paper = case.patient.records().paper(&case.record).unwrap();
    let (label, problems) = (case.label, case.patient.parts(&case.record, &["Problems"]));
    case.patient.records().set_parts(&case.record, label, problems).unwrap();
    case.clinic.proceed(&mut case.patient, &case.record);
    assert!(case.open(&thread).images.is_empty());
    let digest = case.pictures[0].0.digest;
    assert!(case.fetch(&thread, digest, &mut io::sink()).is_err());
    let there = |case: &Case, digest: &Hash| lock(&case.clinic.shelf).objects.contains_key(digest);
    assert!(before.iter().all(|digest| !there(&case, digest)), "what was closed is sealed anew");
    // The owner's own line has the images, and a new phone shares them again.
    let mut new = case.clinic.phone("new");
    let (store, authority) = (identity("record-store", "cloud"), identity("attribute-authority", "clinics"));
    new.records().restore(&paper, &store, &authority).unwrap();
    new.records().enrol(&case.clinic.client, &case.record, &format!("patient/{}", case.record)).unwrap();
    new.sync(&case.clinic);
    case.clinic.proceed(&mut new, &case.record);
    let held = new.records().images(&case.record).unwrap();
    assert_eq!(held.iter().filter(|held| held.here).count(), 1);
    let image = held.iter().find(|held| held.here).unwrap().image.clone();
    assert_eq!(image, case.pictures[0].0);
    let mut own = Vec::new();
    new.records().write_image(&case.record, &image, &mut own).unwrap();
    assert!(own == case.pictures[0].1);
    let both = new.parts(&case.record, &["Problems", "Medication"]);
    new.records().set_parts(&case.record, label, both).unwrap();
    case.clinic.proceed(&mut new, &case.record);
    let shown = case.open(&thread);
    let mut read = Vec::new();
    case.fetch(&thread, shown.images[0].image().digest, &mut read).unwrap();
    assert!(read == case.pictures[0].1);
    // A newer document that names none: they are forgotten.
    let holder = new.records().holder(&case.record).unwrap();
    let newer = case.clinic.sign("grace", &case.record, 2, &holder, "Insulin");
    new.records().take(&case.record, &newer).unwrap();
    case.clinic.proceed(&mut new, &case.record);
    assert!(new.records().images(&case.record).unwrap().is_empty());
    assert!(new.records().write_image(&case.record, &image, &mut io::sink()).is_err());
}

#[test]
fn an_image_is_fetched_by_another_delivery_when_the_first_ones_time_is_over() {
    let mut case = Case::new();
    case.take(0);
    let thread = case.ask();
    case.open(&thread);
    let digest = case.pictures[0].0.digest;
    let count = |case: &Case| case.clinic.count(LOGS[1], countersign_records::rules::DELIVERY);
    case.fetch(&thread, digest, &mut io::sink()).unwrap();
    assert_eq!(count(&case), 1);
    case.clinic.pass(20);
    case.fetch(&thread, digest, &mut io::sink()).unwrap();
    assert_eq!(count(&case), 2);
    // When the grant is over, so is this.
    case.clinic.pass(60);
    assert!(matches!(case.fetch(&thread, digest, &mut io::sink()), Err(RecordError::NothingKept)));
}

#[test]
fn a_row_has_one_form() {
    let digest = |at: u8| Hash([at; 32]);
    let row =
        Row::new(digest(1), digest(2), vec![digest(3), digest(4)], vec![vec![], vec![digest(5), digest(6)]]);
    assert_eq!(Row::from_bytes(&row.to_bytes()).unwrap(), row);
    assert_eq!(row.digests().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6].map(digest));
    let none = Row::new(digest(1), digest(2), vec![digest(3)], vec![vec![]]);
    assert!(none.images.is_empty());
    assert_eq!(Row::from_bytes(&none.to_bytes()).unwrap(), none);
    // Lists that are all empty, or fewer than parts.
    for images in [vec![vec![], vec![]], vec![vec![digest(5)]]] {
        let other = Row { images, ..row.clone() };
        assert!(Row::from_bytes(&other.to_bytes()).is_err());
    }
    let many = Row { images: vec![vec![], vec![digest(5); countersign_records::MAX_PIECES + 1]], ..row };
    assert!(Row::from_bytes(&many.to_bytes()).is_err());
}
