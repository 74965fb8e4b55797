//! What is shown, as a document for others' viewers, with the proof in it.

use countersign_records::{Cut, EXTRACTION, Extraction, NoProof, Opened, Parts, View, excerpt, proof};
use serde_json::{Value, json};

use crate::support::{RECORD, World, bundle, bytes, resource, summary, to, vectors};

fn opened(world: &World, extraction: &Extraction) -> Opened {
    extraction.clone().verify(&world.trust, &RECORD, None).unwrap()
}

/// The document of these parts, and its proof.
fn shown(world: &World, extraction: &Extraction) -> (Vec<u8>, Value) {
    let document = excerpt(&opened(world, extraction), &extraction.to_bytes()).to_vec();
    let json = serde_json::from_slice(&document).unwrap();
    let proof = proof(&document).unwrap();
    assert!(proof.to_bytes() == extraction.to_bytes());
    assert!(excerpt(&opened(world, &proof), &proof.to_bytes()).as_slice() == document, "the same again");
    // It is a document that reads as any other.
    let parts = Cut::new(&document).unwrap().parts();
    assert!(countersign_records::join(&parts).unwrap() == document);
    (document, json)
}

#[test]
fn a_whole_document_is_the_authors_own_bytes_and_one_more_entry() {
    let world = World::new();
    let mut documents = vectors();
    documents.push(("summary".to_owned(), bytes(&summary())));
    for (name, document) in documents {
        let extraction = world.sign(&document, 1, None, 5);
        let (shown, _) = shown(&world, &extraction);
        let same = shown.iter().zip(&document).take_while(|(one, other)| one == other).count();
        let rest = &document[same..];
        assert!(shown.ends_with(rest) && rest.starts_with(b"]"), "{name}: {}", String::from_utf8_lossy(rest));
    }
}

#[test]
fn an_excerpt_has_what_is_shown_and_says_that_there_is_more() {
    let world = World::new();
    let whole = world.sign(&bytes(&summary()), 1, None, 5);
    let titles = |json: &Value| -> Vec<String> {
        let sections = json["entry"][0]["resource"]["section"].as_array().unwrap().iter();
        sections.map(|section| section["title"].as_str().unwrap().to_owned()).collect()
    };
    let numbers: Vec<_> = whole.disclosures().iter().map(|one| one.part().clone()).collect();
    let results = numbers.iter().find(|part| {
        View::of(&[numbers[0].clone(), (*part).clone()]).sections.iter().any(|one| one.title == "Results")
    });
    let results = results.unwrap().number();
    let (document, json) = shown(&world, &whole.extract(Parts::of([0, results])));
    assert_eq!(titles(&json), ["Results", "Not shown"]);
    let text = String::from_utf8(document.clone()).unwrap();
    assert!(
        text.contains("Glucose") && text.contains("\"value\": 7.1") && text.contains("Shared laboratory")
    );
    // What only others' parts have. The proof has nothing more either, as `proof` shows.
    for hidden in ["Metformin", "Asthma", "Pulse", "Secretville"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let view = View::of(&Cut::new(&document).unwrap().parts());
    assert_eq!((view.patient.as_str(), view.title.as_str()), ("Jane Roe", "A summary"));
    assert_eq!(view.sections[1].state.as_str(), "withheld");
    assert!(text.contains("4 sections of this document are not shown to you"), "{text}");
    // The patient's details alone, and nothing besides the header.
    assert!(
        String::from_utf8(shown(&world, &whole.extract(Parts::of([0, 2]))).0)
            .unwrap()
            .contains("Secretville")
    );
    assert_eq!(titles(&shown(&world, &whole.extract(Parts::of([0]))).1), ["Not shown"]);
}

#[test]
fn the_provenance_names_document_signer_and_time() {
    let world = World::new();
    let whole = world.sign(&bytes(&summary()), 1, None, 5);
    let (_, json) = shown(&world, &whole.extract(Parts::of([0, 3])));
    let entry = json["entry"].as_array().unwrap().last().unwrap();
    let provenance = &entry["resource"];
    assert_eq!(provenance["resourceType"], "Provenance");
    assert_eq!(provenance["target"], json!([to("c")]));
    assert_eq!(provenance["recorded"], "2026-11-18T11:06:40Z");
    let signature = &provenance["signature"][0];
    assert_eq!(signature["sigFormat"], EXTRACTION);
    assert_eq!(signature["who"]["identifier"]["value"], "spiffe://north.example/doctor/grace");
    let url = entry["fullUrl"].as_str().unwrap();
    assert!(url.starts_with("urn:uuid:") && url.len() == 45 && url.as_bytes()[23] == b'8', "{url}");
}

#[test]
fn a_patient_within_the_composition_stays_there() {
    let mut document = bundle(&[json!({ "title": "Nothing" })], &[]);
    let patient = document["entry"].as_array_mut().unwrap().remove(1)["resource"].take();
    let composition = &mut document["entry"][0]["resource"];
    composition["contained"] = json!([patient, { "resourceType": "Device", "id": "d" }]);
    composition["subject"] = json!({ "reference": "#p" });
    composition["section"][0]["entry"] = json!([{ "reference": "#d" }]);
    composition["section"].as_array_mut().unwrap().push(json!({ "title": "More" }));
    let world = World::new();
    let whole = world.sign(&bytes(&document), 1, None, 5);
    let (_, json) = shown(&world, &whole.extract(Parts::of([0, 2, 3])));
    let contained = json["entry"][0]["resource"]["contained"].as_array().unwrap();
    assert_eq!(
        (&contained[0]["id"], &contained[0]["address"][0]["city"]),
        (&json!("p"), &json!("Secretville"))
    );
    assert_eq!(json["entry"].as_array().unwrap().len(), 3, "composition, author, provenance");
}

#[test]
fn a_document_without_a_proof_or_with_half_of_one_says_so() {
    let document = bytes(&summary());
    assert_eq!(proof(&document).map(|_| ()), Err(NoProof::Missing));
    assert_eq!(proof(b"no JSON").map(|_| ()), Err(NoProof::Missing));
    let with = |data: Value| {
        let mut document = summary();
        let signature = json!([{ "sigFormat": EXTRACTION, "data": data }]);
        let entries = document["entry"].as_array_mut().unwrap();
        entries.push(resource("Provenance", "x", json!({ "signature": signature })));
        proof(&bytes(&document)).map(|_| ())
    };
    for damaged in [Value::Null, json!("?"), json!("AAA")] {
        assert_eq!(with(damaged), Err(NoProof::Damaged));
    }
    assert!(matches!(with(json!("AAAA")), Err(NoProof::Refused(_))));
}

#[test]
fn a_document_that_says_other_than_its_proof_is_told_apart() {
    let world = World::new();
    let extraction = world.sign(&bytes(&summary()), 1, None, 5);
    let (document, _) = shown(&world, &extraction);
    let altered = String::from_utf8(document).unwrap().replace("Glucose", "Calcium").into_bytes();
    let proof = proof(&altered).unwrap();
    let again = excerpt(&opened(&world, &proof), &proof.to_bytes());
    assert!(again.as_slice() != altered && again.windows(7).any(|word| word == b"Glucose"));
}
