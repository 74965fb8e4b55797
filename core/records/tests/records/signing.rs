//! Signing, extracting and verifying.

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{Hash, Identity, Refusal, Signer as _, SoftwareKey, TrustStore, UnixMillis, Value};
use countersign_records::{
    Current, Cut, Disclosure, Extraction, HEADER, Pair, PartError, Parts, RecordId, Refused, Rule, Unsigned,
};

use crate::support::{NOW, Numbers, RECORD, World, bytes, summary, vectors};

/// The parts of a document in the order of a rule that a test can write: by a word that is in one alone.
fn number_of(extraction: &Extraction, words: &str) -> u8 {
    let has = |one: &&Disclosure| {
        one.part().as_bytes().windows(words.len()).any(|window| window == words.as_bytes())
    };
    extraction.disclosures().iter().find(has).unwrap().part().number()
}

fn verify(world: &World, extraction: &Extraction) -> Result<countersign_records::Opened, Refused> {
    Extraction::from_bytes(&extraction.to_bytes())?.verify(&world.trust, &RECORD, None)
}

#[test]
fn all_parts_are_the_document_and_some_show_nothing_of_the_others() {
    let world = World::new();
    let mut documents = vectors();
    documents.push(("made up".to_owned(), bytes(&summary())));
    for (name, document) in documents {
        let signed = world.sign(&document, 1, None, 7);
        let whole = verify(&world, &signed).unwrap();
        assert!(whole.whole().unwrap() == document, "{name}");
        assert_eq!(whole.withheld(), 0, "{name}");

        let count = signed.disclosures().len();
        for seed in 0..20_u64 {
            let mut random = Numbers(seed);
            let chosen = Parts(rand_core::Rng::next_u64(&mut random) & Parts::all(count).0 | 1);
            let half = signed.extract(chosen);
            let opened = verify(&world, &half).unwrap();
            assert_eq!(opened.parts().len(), chosen.count(), "{name}");
            assert!(opened.whole().is_none() || chosen == Parts::all(count));
            let shown = half.to_bytes();
            // No fragment of a part that is withheld, and of no other, is anywhere in what is shown.
            let shown_fragments: Vec<_> =
                opened.parts().iter().flat_map(countersign_records::Part::fragments).collect();
            for hidden in signed.disclosures().iter().filter(|one| !chosen.has(one.part().number())) {
                for fragment in hidden.part().fragments().filter(|one| !shown_fragments.contains(one)) {
                    let absent = fragment.1.len() < 40
                        || !shown.windows(fragment.1.len()).any(|window| window == fragment.1);
                    assert!(absent, "{name}: {}", String::from_utf8_lossy(fragment.1));
                }
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_refused() {
    let world = World::new();
    let signed = world.sign(&bytes(&summary()), 1, None, 7).extract(Parts::of([0, 4]));
    let good = signed.to_bytes();
    assert!(Extraction::from_bytes(&good).unwrap().verify(&world.trust, &RECORD, None).is_ok());
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        let read = Extraction::from_bytes(&altered).and_then(|one| one.verify(&world.trust, &RECORD, None));
        assert!(read.is_err(), "byte {at}");
    }
    for at in 0..good.len() {
        assert!(Extraction::from_bytes(&good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn each_attack_on_an_extraction_has_its_own_reason() {
    let world = World::new();
    let document = bytes(&summary());
    let signed = world.sign(&document, 2, None, 7);
    let with = |disclosures: Vec<Disclosure>| {
        Extraction::new(signed.document().clone(), signed.certificate().to_vec(), disclosures)
    };
    let part = |extraction: &Extraction, number: u8| {
        extraction.disclosures().iter().find(|one| one.part().number() == number).unwrap().clone()
    };
    let refused = |extraction: &Extraction| verify(&world, extraction).err().unwrap();

    // Parts of another version, of another record, another part's contents, one twice.
    let older = world.sign(&document, 1, None, 8);
    let foreign = world.sign_as(&RecordId([9; 16]), &document, 2, None, 9);
    assert_eq!(refused(&with(vec![part(&signed, 0), part(&older, 3)])), Refused::NotSigned(3));
    assert_eq!(refused(&with(vec![part(&signed, 0), part(&foreign, 4)])), Refused::NotSigned(4));
    assert_eq!(refused(&with(vec![part(&signed, 0), part(&signed, 4), part(&signed, 4)])), Refused::Twice(4));
    assert_eq!(refused(&foreign), Refused::OtherRecord);

    // What the record's index says.
    let index = |version: u64, of: &Extraction| Some(Current { version, document: of.document().id() });
    let against = |one: &Extraction, index| one.clone().verify(&world.trust, &RECORD, index).err();
    assert_eq!(against(&older, index(2, &signed)), Some(Refused::Older { shown: 1, current: 2 }));
    assert_eq!(against(&signed, index(1, &older)), Some(Refused::Newer { shown: 2, current: 1 }));
    let twin = world.sign(&document, 2, None, 10);
    assert_eq!(against(&twin, index(2, &signed)), Some(Refused::OtherDocument));
    assert_eq!(against(&signed, index(2, &signed)), None);

    // Whom nobody trusts here.
    let nobody = TrustStore::new();
    assert!(matches!(signed.clone().verify(&nobody, &RECORD, None), Err(Refused::Author(_))));
    let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
    let thief = SoftwareKey::from_bytes(&[5; 32]).unwrap();
    let identity = Identity::new("north.example", "doctor", "grace").unwrap();
    let own = certificate::issue(&identity, &thief.public_key(), &thief, year, [2; 16]).unwrap();
    let forged =
        Extraction::new(signed.document().clone(), own.as_der().to_vec(), signed.disclosures().to_vec());
    assert!(matches!(refused(&forged), Refused::Author(_)));
    let other = Identity::new("north.example", "doctor", "heidi").unwrap();
    let registrar = SoftwareKey::from_bytes(&[1; 32]).unwrap();
    let other = certificate::issue(&other, &thief.public_key(), &registrar, year, [3; 16]).unwrap();
    let claimed =
        Extraction::new(signed.document().clone(), other.as_der().to_vec(), signed.disclosures().to_vec());
    assert_eq!(refused(&claimed), Refused::Signature(Refusal::UnknownSigner));
}

#[test]
fn an_extraction_outside_the_signed_rule_is_refused() {
    let world = World::new();
    let document = bytes(&summary());
    // The numbers are drawn from the same randomness, so they are known before the rule is signed.
    let numbers = world.sign(&document, 1, None, 7);
    let (results, vital) = (number_of(&numbers, "Glucose"), number_of(&numbers, "Pulse"));
    let all = Parts::all(8);
    let pairs = vec![
        Pair { must: Parts::of([HEADER]), may: Parts(all.0 & !Parts::of([results]).0) },
        Pair { must: Parts::of([HEADER, results, vital]), may: all },
    ];
    let signed = world.sign(&document, 1, Some(&Rule::new(pairs, 8).unwrap()), 7);
    assert_eq!(number_of(&signed, "Glucose"), results);
    let open = |parts: &[u8]| {
        verify(&world, &signed.extract(Parts::of(parts.iter().copied()))).map(|opened| opened.withheld())
    };
    assert_eq!(open(&[0, results]).err(), Some(Refused::NotPermitted));
    assert_eq!(open(&[results, vital]).err(), Some(Refused::NotPermitted));
    assert_eq!(open(&[]).err(), Some(Refused::NotPermitted));
    assert_eq!(open(&[0, results, vital]), Ok(3));
    assert_eq!(open(&[0, vital]), Ok(4));
    assert_eq!(open(&[0]), Ok(5));
    // A rule for another number of parts is not signed.
    let unsigned = Unsigned::new(&mut Cut::new(&document).unwrap(), &[], &mut Numbers(7));
    let draft = unsigned.draft(&RECORD, 1, &Rule::any(9), &world.owner.public_key());
    assert!(matches!(draft, Err(Refused::Rule(_))));
}

#[test]
fn salts_hide_and_numbers_do_not_tell_the_order() {
    let world = World::new();
    let document = bytes(&summary());
    let (one, other) = (world.sign(&document, 1, None, 1), world.sign(&document, 1, None, 2));
    let order = |signed: &Extraction| {
        ["Asthma", "Metformin", "Glucose", "Pulse"].map(|words| number_of(signed, words))
    };
    assert_ne!(order(&one), order(&other));
    let chunks = |signed: &Extraction| {
        let opened = signed.clone().verify(&world.trust, &RECORD, None).unwrap();
        let parts = opened.commitment().statement().fields().bytes("parts").unwrap().to_vec();
        parts.chunks(32).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    assert!(chunks(&one).iter().all(|digest| !chunks(&other).contains(digest)), "a commitment repeats");
    assert!(chunks(&one).is_sorted(), "their order tells nothing");
}

#[test]
fn an_author_who_signs_parts_of_two_documents_is_found_out() {
    let world = World::new();
    let one = bytes(&summary());
    let other = String::from_utf8(one.clone()).unwrap().replace("Shared laboratory", "Another laboratory");
    // The same randomness, so the same numbers.
    let (one, other) = (world.sign(&one, 1, None, 7), world.sign(other.as_bytes(), 1, None, 7));
    let vital = number_of(&one, "Pulse");
    let take = |one: &Extraction, parts: Parts| one.extract(parts).disclosures().to_vec();
    let rest = Parts(Parts::all(8).0 & !Parts::of([vital]).0);
    let mixed = [take(&one, rest), take(&other, Parts::of([vital]))].concat();

    let mut digests: Vec<_> =
        mixed.iter().map(|one| Hash::framed("countersign/record-part/v1", &[&one.to_bytes()])).collect();
    digests.sort_unstable();
    let unsigned = Unsigned::new(&mut Cut::new(&bytes(&summary())).unwrap(), &[], &mut Numbers(7));
    let mut draft = unsigned.draft(&RECORD, 1, &Rule::any(8), &world.owner.public_key()).unwrap();
    draft.fields.insert("parts", Value::Bytes(digests.iter().flat_map(|digest| digest.0).collect()));
    let statement = draft.sign(&world.certificate, &world.doctor, NOW, [1; 16]).unwrap();
    let signed = Extraction::new(statement, world.certificate.as_der().to_vec(), mixed);

    assert_eq!(
        verify(&world, &signed).err(),
        Some(Refused::Part(PartError::Join)),
        "no document was cut into these"
    );
    let both = Parts::of([HEADER, vital, number_of(&one, "Glucose")]);
    assert_eq!(
        verify(&world, &signed.extract(both)).err(),
        Some(Refused::Copies),
        "one laboratory, two names"
    );
    assert!(verify(&world, &signed.extract(Parts::of([HEADER, vital]))).is_ok());
}

#[test]
fn a_document_whose_time_is_outside_its_certificate_is_refused() {
    let world = World::new();
    let document = bytes(&summary());
    let unsigned = Unsigned::new(&mut Cut::new(&document).unwrap(), &[], &mut Numbers(7));
    let draft = unsigned.draft(&RECORD, 1, &Rule::any(8), &world.owner.public_key()).unwrap();
    let late = UnixMillis(NOW.0 + 2 * 365 * 24 * 3600 * 1000);
    let statement = draft.sign(&world.certificate, &world.doctor, late, [0; 16]).unwrap();
    let signed = unsigned.signed(statement, &world.certificate);
    assert_eq!(verify(&world, &signed).err(), Some(Refused::Signature(Refusal::Expired)));
}
