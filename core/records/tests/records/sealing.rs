//! Sealing for a store that learns nothing, and opening what it delivers.

use countersign_abe::{Attribute, MasterKey, Policy, SecretKey};
use countersign_ledger::{Hash, Identity, LogName};
use countersign_records::{
    Current, Delivery, DeliveryError, Epoch, Extraction, FULL, Image, Inventory, Line, LineError, Link, Lock,
    ObjectError, PIECE, Pair, Parts, Reader, Received, RecordId, Refused, Row, Rule, SHARED, Sealed, Secret,
    SharedImage, label,
};
use zeroize::Zeroizing;

use crate::support::{Numbers, RECORD, World, bytes, kinds, summary, vectors};

const POLICY: &str = "role: cardiologist and hospital: north";
const EPOCH: Epoch = Epoch(227);

fn log() -> LogName {
    SHARED.unwrap()
}

fn policy() -> Policy {
    POLICY.parse().unwrap()
}

fn authority() -> MasterKey {
    MasterKey::new(&[1; 32])
}

fn key(of: &MasterKey, attributes: &[&str], epoch: Epoch) -> SecretKey {
    let attributes = attributes.iter().map(|text| text.parse::<Attribute>().unwrap());
    of.issue(&attributes.chain(epoch.held().map(Epoch::attribute)).collect(), &[2; 32]).unwrap()
}

/// A record as its patient keeps it, and one line of it.
struct Patient {
    secret: Secret,
    link: Link,
    sealed: Sealed,
    current: Current,
    label: Hash,
    line: Line,
    authority: MasterKey,
    /// What the authority issued to a cardiologist of the north.
    cardiologist: SecretKey,
}

impl Patient {
    fn new(signed: &Extraction, parts: Parts) -> Self {
        Self::of(&RECORD, signed, 1, parts)
    }

    fn of(record: &RecordId, signed: &Extraction, version: u64, parts: Parts) -> Self {
        let mut random = Numbers(77 + version);
        let secret = Secret::new(Zeroizing::new([record.0[0]; 32]));
        let sealed = Sealed::new(signed, &secret, record, version, &mut random).unwrap();
        let label = label(record, &[4; 16], &policy());
        let line = lined(&sealed.inventory, &secret, label, parts, version);
        let current = Current { version, document: signed.document().id() };
        let authority = authority();
        let cardiologist = key(&authority, &["role: cardiologist", "hospital: north"], EPOCH);
        Self { link: secret.link(), secret, sealed, current, label, line, authority, cardiologist }
    }

    fn reader<'a>(&'a self, world: &'a World, record: &'a RecordId) -> Reader<'a> {
        Reader {
            record,
            link: &self.link,
            log: log(),
            label: self.label,
            row: self.line.row.hash(),
            current: self.current,
            trust: &world.trust,
        }
    }

    /// What an honest store delivers for the line.
    fn objects(&self) -> Vec<Vec<u8>> {
        delivered(&self.sealed.objects, &self.line)
    }

    fn open(&self, world: &World, objects: &[Vec<u8>]) -> Result<Received, DeliveryError> {
        let reader = self.reader(world, &RECORD);
        deliver(&reader, &self.line.row, objects, self.by(&self.cardiologist))
    }

    /// Opens by a key for attributes.
    fn by<'a>(&'a self, key: &'a SecretKey) -> Opens<'a> {
        Opens { authority: &self.authority, key }
    }
}

#[derive(Clone, Copy)]
struct Opens<'a> {
    authority: &'a MasterKey,
    key: &'a SecretKey,
}

/// A line for cardiologists of the north.
fn lined(inventory: &Inventory, secret: &Secret, label: Hash, parts: Parts, seed: u64) -> Line {
    let mut random = Numbers(1000 + seed);
    let name = Identity::new("north.example", "attribute-authority", "clinics").unwrap();
    let (lock, opened) = Lock::new(&policy(), EPOCH, &name, authority().public_key(), &[7; 32]).unwrap();
    inventory.line(secret, log(), label, (lock, &opened), parts, &mut random).unwrap()
}

/// The objects of a line, out of all that were uploaded.
fn delivered(uploaded: &[Vec<u8>], line: &Line) -> Vec<Vec<u8>> {
    let all: Vec<&Vec<u8>> = uploaded.iter().chain([&line.wraps]).collect();
    let named = |digest| all.iter().find(|object| Hash::of(object) == digest).copied().unwrap().clone();
    line.row.digests().map(named).collect()
}

/// Hands over objects in the order of the row; an empty one was not delivered.
fn deliver(
    reader: &Reader<'_>,
    row: &Row,
    objects: &[Vec<u8>],
    by: Opens<'_>,
) -> Result<Received, DeliveryError> {
    let there: Vec<Option<&[u8]>> =
        objects.iter().map(|object| (!object.is_empty()).then_some(object.as_slice())).collect();
    let delivery = Delivery { row, document: there[0], wraps: there[1], parts: &there[2..] };
    reader.open(delivery, |lock| lock.open(by.key, by.authority.public_key()))
}

#[test]
fn every_document_goes_through_split_seal_open_and_join_and_half_of_it_opens() {
    let world = World::new();
    for (name, document) in vectors().into_iter().chain(kinds()) {
        let signed = world.sign(&document, 1, None, 7);
        let count = signed.disclosures().len();
        let all = Patient::new(&signed, Parts::all(count));
        let received = all.open(&world, &all.objects()).unwrap();
        assert!(received.opened.whole().unwrap() == document, "{name}");

        let half = Parts::of([0].into_iter().chain((3..u8::try_from(count).unwrap()).step_by(2)));
        let patient = Patient::new(&signed, half);
        let received = patient.open(&world, &patient.objects()).unwrap();
        assert_eq!(received.opened.parts().len(), half.count(), "{name}");
        assert!(received.opened.whole().is_none() && received.not_delivered == Parts::default(), "{name}");
        assert_eq!(received.opened.withheld(), count - 3 - (half.count() - 1), "{name}");
    }
}

#[test]
fn an_outsider_opens_nothing() {
    let world = World::new();
    let signed = world.sign(&bytes(&summary()), 1, None, 7);
    let patient = Patient::new(&signed, Parts::of([0, 3, 4]));
    let (objects, row) = (patient.objects(), &patient.line.row);
    let reader = patient.reader(&world, &RECORD);
    let fits = patient.by(&patient.cardiologist);
    assert!(deliver(&reader, row, &objects, fits).is_ok());

    let error = |reader: &Reader<'_>, by: Opens<'_>| deliver(reader, row, &objects, by).err().unwrap();
    let line = |error| DeliveryError::Line(error);
    // Two doctors who have one attribute each, and what they have together.
    for attributes in [&["role: cardiologist"][..], &["hospital: north", "role: nurse"]] {
        let held = key(&patient.authority, attributes, EPOCH);
        assert_eq!(error(&reader, patient.by(&held)), line(LineError::Attributes), "{attributes:?}");
    }
    let late = key(&patient.authority, &["role: cardiologist", "hospital: north"], Epoch(EPOCH.0 - 1));
    assert_eq!(error(&reader, patient.by(&late)), line(LineError::Epoch(EPOCH)), "last epoch's key");
    let next = key(&patient.authority, &["role: cardiologist", "hospital: north"], Epoch(EPOCH.0 + 1));
    assert!(deliver(&reader, row, &objects, patient.by(&next)).is_ok(), "a later key opens what is older");
    let elsewhere = MasterKey::new(&[9; 32]);
    let foreign = key(&elsewhere, &["role: cardiologist", "hospital: north"], EPOCH);
    let foreign = Opens { authority: &elsewhere, key: &foreign };
    assert_eq!(error(&reader, foreign), line(LineError::Authority), "another authority's key");

    // The master key of the authority makes K, and is nothing without the link.
    let link = Link::new(Zeroizing::new([1; 32]));
    assert_eq!(error(&Reader { link: &link, ..reader }, fits), line(LineError::Link));
    let foreign = Reader { log: FULL.unwrap(), ..reader };
    assert_eq!(error(&foreign, fits), line(LineError::Key), "the other log's line");
    let foreign = Reader { label: Hash([7; 32]), ..reader };
    assert_eq!(error(&foreign, fits), line(LineError::Link), "another label");
    let foreign = Reader { record: &RecordId([1; 16]), ..reader };
    assert_eq!(error(&foreign, fits), line(LineError::Link), "another record");
    // The store sees noise: no word of the record, of the policy, of the author.
    for object in patient.sealed.objects.iter().chain([&patient.line.wraps]) {
        for words in ["resourceType", "Metformin", "cardiologist", "north.example", "header"] {
            assert!(!object.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
        }
    }
}

#[test]
fn whatever_the_store_does_has_its_own_reason() {
    let world = World::new();
    let document = bytes(&summary());
    let signed = world.sign(&document, 1, None, 7);
    let patient = Patient::new(&signed, Parts::of([0, 3, 4, 5]));
    let good = patient.objects();
    let refused = |objects: &[Vec<u8>]| patient.open(&world, objects).err();
    assert_eq!(refused(&good), None);
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut objects = good.clone();
        change(&mut objects);
        refused(&objects)
    };

    // Objects 0 and 1 are the document and the wraps; then come parts 0, 3, 4, 5.
    for at in [0, 8, 500, good[3].len() - 1] {
        assert_eq!(changed(&|objects| objects[3][at] ^= 1), Some(DeliveryError::AlteredPart(3)), "byte {at}");
    }
    assert_eq!(
        changed(&|objects| objects[4] = objects[4][..100].to_vec()),
        Some(DeliveryError::AlteredPart(4))
    );
    assert_eq!(
        changed(&|objects| objects.swap(3, 4)),
        Some(DeliveryError::Swapped { expected: 3, found: 4 })
    );
    assert_eq!(changed(&|objects| objects[0][9] ^= 1), Some(DeliveryError::Altered));
    assert_eq!(changed(&|objects| objects[1][9] ^= 1), Some(DeliveryError::Altered));
    assert_eq!(changed(&|objects| objects[0].clear()), Some(DeliveryError::Incomplete));
    assert_eq!(changed(&|objects| objects[1].clear()), Some(DeliveryError::Incomplete));
    assert_eq!(changed(&|objects| drop(objects.pop())), Some(DeliveryError::Row));
    // A part that is held back is told, and the rest is shown; without the header nothing is.
    let mut held_back = good.clone();
    held_back[4].clear();
    let received = patient.open(&world, &held_back).unwrap();
    assert_eq!(received.not_delivered, Parts::of([4]));
    assert_eq!(
        received.opened.parts().iter().map(countersign_records::Part::number).collect::<Vec<_>>(),
        [0, 3, 5]
    );
    assert_eq!(changed(&|objects| objects[2].clear()), Some(DeliveryError::Missing(1)));

    // Another row than the one in the index: fewer parts, or a line of yesterday.
    let mut row = patient.line.row.clone();
    row.parts.pop();
    let reader = patient.reader(&world, &RECORD);
    assert_eq!(
        deliver(&reader, &row, &good[..good.len() - 1], patient.by(&patient.cardiologist)).err(),
        Some(DeliveryError::Row)
    );
}

#[test]
fn an_older_version_and_another_patients_bytes_are_refused_even_where_the_patient_signed_for_them() {
    let world = World::new();
    let document = bytes(&summary());
    let (old, new) = (world.sign(&document, 1, None, 7), world.sign(&document, 2, None, 8));
    let parts = Parts::of([0, 3, 4]);
    let (yesterday, today) = (Patient::new(&old, parts), Patient::of(&RECORD, &new, 2, parts));
    let foreign = RecordId([1; 16]);
    let other = Patient::of(&foreign, &world.sign_as(&foreign, &document, 1, None, 9), 1, parts);

    // The store serves yesterday's line: the index names today's.
    let reader = today.reader(&world, &RECORD);
    let opens = today.by(&today.cardiologist);
    assert_eq!(
        deliver(&reader, &yesterday.line.row, &yesterday.objects(), opens).err(),
        Some(DeliveryError::Row)
    );
    // Were yesterday's row in the index of today, its wraps would not open as today's version.
    let reader = Reader { row: yesterday.line.row.hash(), ..reader };
    let error = deliver(&reader, &yesterday.line.row, &yesterday.objects(), opens).err();
    assert_eq!(error, Some(DeliveryError::Line(LineError::Key)));
    // And another patient's row does not open with this link.
    let reader = Reader { row: other.line.row.hash(), ..reader };
    let error = deliver(&reader, &other.line.row, &other.objects(), opens).err();
    assert_eq!(error, Some(DeliveryError::Line(LineError::Link)));

    // Rows that mix: the row is signed, the wraps are today's, and one object is of another version or record.
    let mixed = |at: usize, object: Vec<u8>| {
        let (mut objects, mut row) = (today.objects(), today.line.row.clone());
        match at {
            0 => row.document = Hash::of(&object),
            at => row.parts[at - 2] = Hash::of(&object),
        }
        objects[at] = object;
        let reader = Reader { row: row.hash(), ..today.reader(&world, &RECORD) };
        deliver(&reader, &row, &objects, opens).err()
    };
    assert_eq!(mixed(3, yesterday.objects()[3].clone()), Some(DeliveryError::Foreign(3)));
    assert_eq!(mixed(3, other.objects()[3].clone()), Some(DeliveryError::Foreign(3)));
    assert_eq!(mixed(3, today.objects()[4].clone()), Some(DeliveryError::Foreign(3)));
    assert_eq!(mixed(0, yesterday.objects()[0].clone()), Some(DeliveryError::ForeignDocument));

    // A patient who seals version 1 as version 2 is told of by the signed version.
    let relabelled = Patient::of(&RECORD, &old, 2, parts);
    let error = relabelled.open(&world, &relabelled.objects()).err();
    assert_eq!(error, Some(DeliveryError::Refused(Refused::Older { shown: 1, current: 2 })));
}

#[test]
fn what_the_author_does_not_permit_is_refused_before_anything_is_opened() {
    let world = World::new();
    let document = bytes(&summary());
    let all = Parts::all(8);
    let pairs = vec![
        Pair { must: Parts::of([0]), may: Parts(all.0 & !Parts::of([3]).0) },
        Pair { must: Parts::of([0, 3, 4]), may: all },
    ];
    let signed = world.sign(&document, 1, Some(&Rule::new(pairs, 8).unwrap()), 7);
    let patient = Patient::new(&signed, Parts::of([0, 3]));
    let error = patient.open(&world, &patient.objects()).err();
    assert_eq!(error, Some(DeliveryError::Refused(Refused::NotPermitted)));
    let patient = Patient::new(&signed, Parts::of([3, 4]));
    assert_eq!(
        patient.open(&world, &patient.objects()).err(),
        Some(DeliveryError::Refused(Refused::NotPermitted))
    );
    // The patient shares what is permitted, and the store holds back what must be there.
    let patient = Patient::new(&signed, Parts::of([0, 3, 4]));
    let mut objects = patient.objects();
    assert!(patient.open(&world, &objects).is_ok());
    objects[4].clear();
    assert_eq!(patient.open(&world, &objects).err(), Some(DeliveryError::Missing(1)));
}

#[test]
fn rights_change_without_a_second_upload_and_a_rotated_key_shuts_out_who_had_the_old_one() {
    let world = World::new();
    let signed = world.sign(&bytes(&summary()), 1, None, 7);
    let before = Patient::new(&signed, Parts::of([0, 3, 4]));
    // Widening: the same objects, other wraps. What the owner keeps is enough for them.
    let kept = Inventory::from_bytes(&before.sealed.inventory.to_bytes()).unwrap();
    let wider = lined(&kept, &before.secret, before.label, Parts::of([0, 3, 4, 5]), 2);
    let reader = Reader { row: wider.row.hash(), ..before.reader(&world, &RECORD) };
    let by = before.by(&before.cardiologist);
    let objects = delivered(&before.sealed.objects, &wider);
    assert_eq!(deliver(&reader, &wider.row, &objects, by).unwrap().opened.parts().len(), 4);
    // Narrowing: part 4 has a new key and a new object. The others stay.
    let anew = Sealed::anew(&kept, &signed, &before.secret, Parts::of([4]), &mut Numbers(3)).unwrap();
    assert_eq!(anew.objects.len(), 1, "no second upload of what stays");
    let narrower = lined(&anew.inventory, &before.secret, before.label, Parts::of([0, 3]), 3);
    let reader = Reader { row: narrower.row.hash(), ..reader };
    let objects = delivered(&before.sealed.objects, &narrower);
    assert_eq!(deliver(&reader, &narrower.row, &objects, by).unwrap().opened.parts().len(), 2);
    // Who kept the old wraps does not open the new object.
    let (mut row, mut objects) = (before.line.row.clone(), before.objects());
    row.parts[2] = Hash::of(&anew.objects[0]);
    objects[4].clone_from(&anew.objects[0]);
    let reader = Reader { row: row.hash(), ..reader };
    assert_eq!(deliver(&reader, &row, &objects, by).err(), Some(DeliveryError::Foreign(4)));
    // A line is closed for somebody: with the header goes the statement that signs the document.
    let closed = Sealed::anew(&kept, &signed, &before.secret, Parts::of([0, 3]), &mut Numbers(4)).unwrap();
    assert_eq!(closed.objects.len(), 3);
    let again = lined(&closed.inventory, &before.secret, before.label, Parts::of([0, 3]), 4);
    assert_ne!(again.row.document, before.line.row.document);
    let all: Vec<_> = before.sealed.objects.iter().chain(&closed.objects).cloned().collect();
    let reader = Reader { row: again.row.hash(), ..reader };
    assert!(deliver(&reader, &again.row, &delivered(&all, &again), by).is_ok());
}

#[test]
fn the_owners_own_line_is_a_backup_that_only_the_secret_opens() {
    let world = World::new();
    let document = bytes(&summary());
    let patient = Patient::new(&world.sign(&document, 1, None, 7), Parts::of([0]));
    let (log, label) = (FULL.unwrap(), patient.secret.own_label(&RECORD));
    let line = patient.sealed.inventory.own_line(&patient.secret, log, &mut Numbers(4)).unwrap();
    let reader = Reader { log, label, row: line.row.hash(), ..patient.reader(&world, &RECORD) };
    let objects = delivered(&patient.sealed.objects, &line);
    let there: Vec<Option<&[u8]>> = objects.iter().map(|object| Some(object.as_slice())).collect();
    let delivery = Delivery { row: &line.row, document: there[0], wraps: there[1], parts: &there[2..] };
    let received = reader.open_own(delivery, &Secret::new(Zeroizing::new([RECORD.0[0]; 32]))).unwrap();
    assert!(received.opened.whole().unwrap() == document);
    let other = Secret::new(Zeroizing::new([1; 32]));
    assert_eq!(reader.open_own(delivery, &other).err(), Some(DeliveryError::Line(LineError::Key)));
    let by = patient.by(&patient.cardiologist);
    let error = reader.open(delivery, |lock| lock.open(by.key, by.authority.public_key())).err();
    assert_eq!(error, Some(DeliveryError::Line(LineError::Key)), "no attributes open it");
}

#[test]
fn every_key_is_its_own() {
    let secret = Secret::new(Zeroizing::new([9; 32]));
    let link = secret.link();
    assert_ne!(secret.part(1, 3, 0), secret.part(1, 3, 1));
    assert_ne!(secret.part(1, 3, 0), secret.part(2, 3, 0));
    assert_ne!(secret.part(1, 3, 0), secret.part(1, 4, 0));
    assert_ne!(secret.agreement(0).to_bytes(), secret.agreement(1).to_bytes());
    assert_ne!(link, Secret::new(Zeroizing::new([8; 32])).link());
    assert_eq!(
        format!("{link:?}{:?}", secret.part(1, 3, 0)),
        "Link(Key)PartKey(Key)",
        "no secret in a message"
    );
}

#[test]
fn a_large_image_is_in_pieces_under_its_parts_key_and_withheld_with_it() {
    let world = World::new();
    let bytes_of_image: Vec<u8> = (0..9_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut document = summary();
    document["entry"][6]["resource"]["derivedFrom"] =
        serde_json::json!([{ "contentType": "image/png", "url": "urn:image:1" }]);
    let document = bytes(&document);
    let image = Image {
        locator: "urn:image:1".to_owned(),
        digest: Hash::of(&bytes_of_image),
        length: bytes_of_image.len() as u64,
        media_type: "image/png".to_owned(),
    };
    let mut cut = countersign_records::Cut::new(&document).unwrap();
    let unsigned =
        countersign_records::Unsigned::new(&mut cut, std::slice::from_ref(&image), &mut Numbers(7));
    let count = unsigned.count();
    let draft = unsigned
        .draft(&RECORD, 1, &Rule::any(count), &countersign_ledger::Signer::public_key(&world.owner))
        .unwrap();
    let statement = draft.sign(&world.certificate, &world.doctor, crate::support::NOW, [7; 16]).unwrap();
    let signed = unsigned.signed(statement, &world.certificate);
    let opened = signed.clone().verify(&world.trust, &RECORD, None).unwrap();
    assert!(opened.whole().unwrap() == document, "images are no bytes of the document");
    let naming: Vec<_> = opened.parts().iter().filter(|part| !part.images().is_empty()).collect();
    assert_eq!((naming.len(), &naming[0].images()[0]), (1, &image));

    // The patient seals it with the parts, and shares it with its part.
    let (secret, part) = (Secret::new(Zeroizing::new([9; 32])), naming[0]);
    let mut sealed = Sealed::new(&signed, &secret, &RECORD, 1, &mut Numbers(1)).unwrap();
    assert!(sealed.inventory.lacks_images_of(part));
    let (from, mut pieces) = (bytes_of_image.as_slice(), Vec::new());
    let read = |_: &Image, piece: u32| -> Result<Zeroizing<Vec<u8>>, ObjectError> {
        let at = usize::try_from(piece).unwrap() * PIECE;
        Ok(Zeroizing::new(from[at..from.len().min(at + PIECE)].to_vec()))
    };
    let keep = |object: &[u8]| {
        pieces.push(object.to_vec());
        Ok(())
    };
    sealed.inventory.seal_images(part, &secret, &mut Numbers(2), read, keep).unwrap();
    assert!(!sealed.inventory.lacks_images_of(part) && pieces.len() == 3);
    let kept = Inventory::from_bytes(&sealed.inventory.to_bytes()).unwrap();
    assert_eq!(kept, sealed.inventory);

    let (label, authority, link) = (label(&RECORD, &[4; 16], &policy()), authority(), secret.link());
    let cardiologist = key(&authority, &["role: cardiologist", "hospital: north"], EPOCH);
    let shown = |parts: Parts| {
        let line = lined(&sealed.inventory, &secret, label, parts, 1);
        let all: Vec<&Vec<u8>> = sealed.objects.iter().chain([&line.wraps]).collect();
        let named = |digest| all.iter().find(|object| Hash::of(object) == digest).copied().unwrap().clone();
        let objects: Vec<_> = line.row.digests().take(2 + line.row.parts.len()).map(named).collect();
        let reader = Reader {
            record: &RECORD,
            link: &link,
            log: log(),
            label,
            row: line.row.hash(),
            current: Current { version: 1, document: signed.document().id() },
            trust: &world.trust,
        };
        let by = Opens { authority: &authority, key: &cardiologist };
        (deliver(&reader, &line.row, &objects, by).unwrap(), line.row)
    };
    let (received, row) = shown(Parts::all(count));
    assert_eq!(Row::from_bytes(&row.to_bytes()).unwrap(), row);
    assert_eq!(row.digests().count(), 2 + count + 3);
    let [shared] = &received.images[..] else { panic!("{:?}", received.images) };
    assert_eq!((shared.image(), shared.part(), shared.objects().len()), (&image, part.number(), 3));
    let fetch = |digest: Hash| -> Result<_, Box<dyn std::error::Error>> {
        Ok(pieces.iter().find(|piece| Hash::of(piece) == digest).cloned())
    };
    let mut written = Vec::new();
    shared.write(fetch, &mut written).unwrap();
    assert!(image.is(&written));
    let kept = SharedImage::from_bytes(RECORD, &shared.to_bytes()).unwrap();
    assert_eq!(kept, *shared);
    // A part that is withheld withholds its images, and nothing of the line says that there are any.
    let number = part.number();
    let (received, row) = shown(Parts(Parts::all(count).0 & !Parts::of([number]).0));
    assert!(received.images.is_empty() && row.images.is_empty());
    assert!(received.opened.parts().iter().all(|part| part.images().is_empty()));
    // Closed to somebody, they are sealed anew with their part.
    let again =
        Sealed::anew(&sealed.inventory, &signed, &secret, Parts::of([number]), &mut Numbers(3)).unwrap();
    assert!(again.inventory.lacks_images_of(part));
}

#[test]
fn lengths_are_padded_so_that_few_are_told_apart() {
    let world = World::new();
    let document = bytes(&summary());
    let patient = Patient::new(&world.sign(&document, 1, None, 7), Parts::of([0]));
    let lengths: std::collections::BTreeSet<_> = patient.sealed.objects.iter().map(Vec::len).collect();
    assert!(lengths.len() < 6 && lengths.iter().all(|length| *length >= 1024 + 23), "{lengths:?}");
}
