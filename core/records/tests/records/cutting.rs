//! Cutting and joining.

use countersign_records::{Cut, CutError, JsonError, MAX_DOCUMENT, Part, Role, join};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Numbers, bundle, bytes, kinds, resource, section, summary, to, vectors};

fn has(part: &Part, words: &str) -> bool {
    part.as_bytes().windows(words.len()).any(|window| window == words.as_bytes())
}

/// The numbers of the parts that have these words.
fn parts_with(document: &Value, words: &str) -> Vec<u8> {
    let bytes = bytes(document);
    let parts = Cut::new(&bytes).unwrap().parts();
    parts.iter().filter(|part| has(part, words)).map(Part::number).collect()
}

fn joins(document: &[u8], seed: u64) -> Vec<Part> {
    let mut cut = Cut::new(document).unwrap();
    cut.shuffle(&mut Numbers(seed));
    let parts = cut.parts();
    assert!(join(&parts).unwrap() == document, "not the same bytes");
    let read =
        parts.iter().map(|part| Part::from_bytes(part.number(), part.as_bytes().to_vec().into()).unwrap());
    assert!(join(&read.collect::<Vec<_>>()).unwrap() == document, "not the same bytes once written and read");
    parts
}

#[test]
fn every_real_document_joins_to_the_very_same_bytes() {
    for (name, document) in vectors() {
        let json: Value = serde_json::from_slice(&document).unwrap();
        for seed in 0..4 {
            let parts = joins(&document, seed);
            let sections = json["entry"][0]["resource"]["section"].as_array().unwrap().len();
            assert_eq!(parts.len(), 3 + sections, "{name}");
        }
        // Every resource is in a part: each entry but composition and patient is a fragment.
        let mut cut = Cut::new(&document).unwrap();
        cut.shuffle(&mut Numbers(9));
        let parts = cut.parts();
        let entries = || parts.iter().flat_map(Part::fragments).filter(|(role, _)| *role == Role::Entry);
        let distinct: std::collections::BTreeSet<_> = entries().map(|(_, bytes)| bytes).collect();
        assert_eq!(distinct.len(), json["entry"].as_array().unwrap().len() - 2, "{name}");
    }
}

#[test]
fn documents_of_every_kind_join_to_the_very_same_bytes() {
    for (name, document) in kinds() {
        for seed in 0..3 {
            joins(&document, seed);
        }
        // A number is what was written, and not what it is worth.
        let parts = Cut::new(&document).unwrap().parts();
        for spelt in ["7.10", "1.0", "0.000", "1.50e-3", "-0.0", "2E+2", "36.60000000000000000000001"] {
            let written = document.windows(spelt.len()).filter(|window| *window == spelt.as_bytes()).count();
            let found = parts
                .iter()
                .map(|part| {
                    part.as_bytes().windows(spelt.len()).filter(|window| *window == spelt.as_bytes()).count()
                })
                .sum::<usize>();
            assert!(found >= written, "{name}: {spelt}");
        }
    }
}

#[test]
fn what_another_program_wrote_again_is_cut_the_same_way() {
    for (name, document) in vectors() {
        let json: Value = serde_json::from_slice(&document).unwrap();
        let roles = |bytes: &[u8]| -> Vec<Vec<Role>> {
            let parts = Cut::new(bytes).unwrap().parts();
            parts.iter().map(|part| part.fragments().map(|(role, _)| role).collect()).collect()
        };
        // Another writer sorts names and changes spacing: what is in which part stays.
        let respelled = serde_json::to_vec(&json).unwrap();
        let sorted = |mut roles: Vec<Vec<Role>>| {
            for part in &mut roles {
                part.sort_unstable();
            }
            roles
        };
        assert_eq!(sorted(roles(&document)), sorted(roles(&respelled)), "{name}");
        joins(&respelled, 1);
    }
}

#[test]
fn bom_carriage_returns_escapes_and_trailing_zeros_survive() {
    let text = String::from_utf8(bytes(&summary())).unwrap();
    let text = text.replace("7.1", "7.100").replace("\"Metformin\"", "\"Metform\\u0069n\\ud800\"");
    for spelled in [
        format!("\u{feff}{text}\r\n\t "),
        text.replace('\n', "\r\n"),
        text.replace("  ", "\t").replace("\"entry\"", "\"\\u0065ntry\""),
    ] {
        let parts = joins(spelled.as_bytes(), 3);
        assert!(parts.iter().any(|part| has(part, "7.100")), "a decimal lost its zeros");
    }
}

#[test]
fn each_part_has_what_belongs_to_it_and_no_more() {
    let document = summary();
    for (words, parts) in [
        ("\"birthDate\"", vec![0]),
        ("Dr. Grace", vec![0]),
        ("Secretville", vec![2]),
        ("confidentiality", vec![1]),
        ("Provenance", vec![1]),
        ("Asthma", vec![3]),
        ("Metformin", vec![4]),
        // Shared by two sections: copied into both.
        ("Shared laboratory", vec![5, 6]),
        // Medication is given for it, and that does not hand it over.
        ("Diabetes of a secret kind", vec![3]),
    ] {
        assert_eq!(parts_with(&document, words), parts, "{words}");
    }
}

#[test]
fn references_that_a_reader_cannot_follow_are_told() {
    let mut document = summary();
    document["entry"][5]["resource"]["subject"] =
        json!({ "reference": "Patient/elsewhere", "display": "who" });
    let bytes = bytes(&document);
    let cut = Cut::new(&bytes).unwrap();
    let loose: Vec<_> = cut.loose().iter().map(|one| (one.parts, one.target, one.display.clone())).collect();
    assert!(loose.contains(&(1 << 4, 1 << 3, Some("see problem one".to_owned()))), "{loose:?}");
    assert!(loose.contains(&(1 << 4, 0, Some("who".to_owned()))), "{loose:?}");
    assert_eq!(loose.len(), 2, "{loose:?}");
}

#[test]
fn cycles_nesting_contained_resources_and_double_listing_are_cut() {
    let inner = section("Inner", "8716-3", &["v1"]);
    let mut outer = section("Outer", "30954-2", &["r1", "r1"]);
    outer["section"] = json!([inner]);
    let refers = |text: &str, id: &str| json!({ "code": { "text": text }, "hasMember": [to(id)] });
    let mut document = bundle(
        &[outer, section("Same", "30954-2", &["r1"])],
        &[
            resource("Observation", "r1", refers("first", "x")),
            resource("Observation", "x", refers("second", "y")),
            resource("Observation", "y", refers("third", "x")),
            resource("Observation", "v1", json!({ "code": { "text": "nested" } })),
            resource("Observation", "z", json!({ "code": { "text": "reached by nobody" } })),
        ],
    );
    let composition = &mut document["entry"][0]["resource"];
    composition["contained"] = json!([
        { "resourceType": "Practitioner", "id": "in", "name": [{ "text": "Contained author" }] },
        { "resourceType": "Device", "id": "dev", "type": { "text": "Contained device" } },
        { "resourceType": "Device", "id": "none", "type": { "text": "Contained for nothing" } },
    ]);
    composition["author"] = json!([{ "reference": "#in" }]);
    composition["section"][1]["focus"] = json!({ "reference": "#dev" });
    for (words, parts) in [
        ("first", vec![3, 4]),
        ("second", vec![3, 4]),
        ("third", vec![3, 4]),
        ("nested", vec![3]),
        ("reached by nobody", vec![1]),
        ("Contained author", vec![0]),
        ("Contained device", vec![4]),
        ("Contained for nothing", vec![1]),
    ] {
        assert_eq!(parts_with(&document, words), parts, "{words}");
    }
    joins(&bytes(&document), 5);
}

#[test]
fn a_document_without_full_urls_or_with_its_author_listed_is_cut() {
    let mut document = summary();
    document["entry"][0]["resource"]["section"][0]["entry"].as_array_mut().unwrap().push(to("dr"));
    assert_eq!(parts_with(&document, "Dr. Grace"), [0]);
    let text = String::from_utf8(bytes(&document)).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let kinds: Vec<(String, String)> = document["entry"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|entry| {
            entry.as_object_mut().unwrap().remove("fullUrl");
            let of = |name: &str| entry["resource"][name].as_str().unwrap().to_owned();
            (format!("urn:uuid:{}\"", of("id")), format!("{}/{}\"", of("resourceType"), of("id")))
        })
        .collect();
    let mut text = String::from_utf8(bytes(&document)).unwrap();
    for (urn, typed) in kinds {
        text = text.replace(&urn, &typed);
    }
    let parts = joins(text.as_bytes(), 0);
    assert_eq!(parts.iter().filter(|part| has(part, "Shared laboratory")).count(), 2);
    assert!(!has(&parts[1], "Asthma") && Cut::new(text.as_bytes()).unwrap().loose().len() == 1);
}

#[test]
fn a_document_without_clinical_content_has_three_parts() {
    for document in [
        bundle(&[], &[]),
        json!({ "resourceType": "Bundle", "type": "document", "entry": [
            { "resource": { "resourceType": "Composition" } }, { "resource": { "resourceType": "Patient" } }, null, {},
        ] }),
    ] {
        assert_eq!(joins(&bytes(&document), 0).len(), 3);
    }
}

#[test]
fn what_is_no_document_is_refused_with_its_reason() {
    let good = summary();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        bytes(&document)
    };
    let sections = |count: usize| {
        changed(&|document| {
            document["entry"][0]["resource"]["section"] = vec![json!({ "title": "x" }); count].into();
        })
    };
    assert_eq!(Cut::new(&sections(61)).unwrap().count(), 64);
    let text = String::from_utf8(bytes(&good)).unwrap();
    for (document, reason) in [
        (b"<Bundle/>".to_vec(), CutError::Json(JsonError::Syntax(0))),
        (b"[]".to_vec(), CutError::NotADocument),
        (b"\"Bundle\"".to_vec(), CutError::NotADocument),
        (changed(&|document| document["type"] = "searchset".into()), CutError::NotADocument),
        (changed(&|document| document["resourceType"] = "Patient".into()), CutError::NotADocument),
        (changed(&|document| document["entry"] = json!([])), CutError::NoComposition),
        (changed(&|document| document["entry"] = json!({})), CutError::NoComposition),
        (changed(&|document| document["entry"].as_array_mut().unwrap().swap(0, 1)), CutError::NoComposition),
        (
            changed(&|document| document["entry"][0]["resource"]["subject"] = to("p1")),
            CutError::SubjectNotAPatient,
        ),
        (
            changed(&|document| document["entry"][1]["resource"]["resourceType"] = "Group".into()),
            CutError::SubjectNotAPatient,
        ),
        (
            changed(&|document| {
                document["entry"][0]["resource"]["subject"] = to("nobody");
                document["entry"][2]["resource"]["resourceType"] = "Patient".into();
            }),
            CutError::NoPatient,
        ),
        (sections(62), CutError::TooManySections),
        (text.replacen("\"Asthma\"", "\"Asthma\", \"text\": \"Cough\"", 1).into_bytes(), {
            let end = text.find("\"Asthma\"").unwrap()
                + text[text.find("\"Asthma\"").unwrap()..].find('}').unwrap();
            CutError::Json(JsonError::Duplicate(end + 17 + 1))
        }),
        (vec![b' '; MAX_DOCUMENT + 1], CutError::Json(JsonError::TooLarge)),
    ] {
        assert_eq!(
            Cut::new(&document).err(),
            Some(reason),
            "{}",
            String::from_utf8_lossy(&document[..document.len().min(80)])
        );
    }
    // The subject is nowhere: the only patient is meant.
    let elsewhere = changed(&|document| document["entry"][0]["resource"]["subject"] = to("nobody"));
    assert!(Cut::new(&elsewhere).is_ok());
}

#[test]
fn large_documents_join_and_copies_are_bounded() {
    let scan = |id: &str, size: usize| {
        resource("Binary", id, json!({ "contentType": "image/png", "data": "A".repeat(size) }))
    };
    let refers = |id: &str| {
        resource("Media", id, json!({ "content": { "contentType": "image/png", "url": "urn:uuid:scan" } }))
    };
    let sections =
        |count: usize| (0..count).map(|at| section("S", "x", &[&format!("m{at}")])).collect::<Vec<_>>();
    let with = |count: usize, size: usize| {
        let mut entries: Vec<_> = (0..count).map(|at| refers(&format!("m{at}"))).collect();
        entries.push(scan("scan", size));
        bytes(&bundle(&sections(count), &entries))
    };
    let parts = joins(&with(2, 2_000_000), 1);
    assert!(
        parts[3].size() > 2_000_000 && parts[4].size() > 2_000_000,
        "what an attachment names travels with it"
    );
    assert_eq!(Cut::new(&with(60, 2_000_000)).err(), Some(CutError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_graph_joins_and_each_section_has_what_it_lists(
        links in prop::collection::vec(prop::collection::vec(0_usize..8, 0..4), 8),
        lists in prop::collection::vec(prop::collection::vec(0_usize..8, 0..4), 0..6),
        seed in any::<u64>(),
    ) {
        let names: Vec<_> = (0..8).map(|at| format!("n{at}")).collect();
        let entries = links.iter().enumerate().map(|(at, links)| {
            let members: Vec<_> = links.iter().map(|to_at| to(&names[*to_at])).collect();
            resource("Observation", &names[at], json!({ "code": { "text": format!("«{at}»") }, "hasMember": members }))
        });
        let sections = lists.iter().map(|list| {
            section("S", "x", &list.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>())
        });
        let document = bytes(&bundle(&sections.collect::<Vec<_>>(), &entries.collect::<Vec<_>>()));
        joins(&document, seed);
        let parts = Cut::new(&document).unwrap().parts();
        for (section, list) in lists.iter().enumerate() {
            for at in 0..8 {
                let there = has(&parts[3 + section], &format!("«{at}»"));
                let others = lists.iter().enumerate().any(|(other, list)| other != section && list.contains(&at));
                prop_assert!(!list.contains(&at) || there, "a section lacks what it lists");
                prop_assert!(list.contains(&at) || !others || !there, "a section has what another one lists");
            }
        }
    }
}
