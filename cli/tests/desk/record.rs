//! Medical records at a desk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{countersign, succeed};

/// A summary with contents, with a section that says why it is empty, and with one that says nothing.
pub fn summary() -> Value {
    let to = |id: &str| json!({ "reference": format!("urn:uuid:{id}") });
    let entry =
        |id: &str, resource: Value| json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": resource });
    json!({ "resourceType": "Bundle", "type": "document", "entry": [
        entry("c", json!({
            "resourceType": "Composition", "status": "final", "title": "Summary", "date": "2026-01-02",
            "subject": to("p"), "author": [to("dr")], "section": [
                { "title": "Results", "code": { "coding": [{ "code": "30954-2" }] }, "entry": [to("o"), to("gone")] },
                { "title": "Allergies", "emptyReason": { "coding": [{ "code": "notasked" }] } },
                { "title": "Secrets", "emptyReason": { "coding": [{ "code": "withheld" }] } },
                { "title": "Devices" },
            ],
        })),
        entry("p", json!({ "resourceType": "Patient", "name": [{ "text": "Jane Roe" }], "birthDate": "1970-01-01" })),
        entry("dr", json!({ "resourceType": "Practitioner", "name": [{ "text": "Dr. Grace" }] })),
        entry("o", json!({
            "resourceType": "Observation", "code": { "text": "Glucose" }, "valueQuantity": { "value": 7.10, "unit": "mmol/L" },
            "performer": [{ "reference": "Organization/elsewhere" }],
        })),
    ] })
}

pub fn written(folder: &Path, name: &str, contents: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lines(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_document_is_inspected_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "summary.json", &serde_json::to_vec(&summary()).unwrap());
    let parts = lines(&succeed(folder.path(), &["record", "inspect", &file, "--json"]));
    let of = |name: &str| parts.iter().map(|part| part[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("part"), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        of("section"),
        [json!(null), json!(null), json!(null), json!(1), json!(2), json!(3), json!(4)]
    );
    assert_eq!(of("title")[3..], ["Results", "Allergies", "Secrets", "Devices"]);
    assert_eq!(of("state"), ["present", "empty", "empty", "present", "empty", "withheld", "empty"]);
    assert_eq!(
        (&parts[3]["code"], &parts[3]["resources"], &parts[0]["resources"]),
        (&json!("30954-2"), &json!(1), &json!(1))
    );
    assert_eq!(parts[3]["lines"], json!(["Glucose: 7.1 mmol/L"]));
    assert_eq!(parts[3]["outside"], json!(["Organization/elsewhere", "urn:uuid:gone"]));
    assert!(parts[4]["reason"].as_str().unwrap().starts_with("not asked"));
    assert!(parts.iter().all(|part| part["sha256"].as_str().unwrap().len() == 64 && part["file"] == file));

    let told = succeed(folder.path(), &["record", "inspect", &file]);
    for words in
        ["Jane Roe, born 1970-01-01", "by Dr. Grace", "Glucose: 7.1 mmol/L", "no data stated for Devices"]
    {
        assert!(told.contains(words), "{words} is not in {told}");
    }
}

#[test]
fn a_document_is_proven_to_survive_whole_and_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let document =
        serde_json::to_string_pretty(&summary()).unwrap().replace("7.1", "7.100").replace('\n', "\r\n");
    let mut files = vec![written(folder.path(), "summary.json", document.as_bytes())];
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let real =
        above.map(|folder| folder.join("shared/vectors/fhir/ips-validated")).find(|folder| folder.is_dir());
    match real {
        Some(folder) => {
            let real = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            files.extend(real.map(|path: PathBuf| path.to_str().unwrap().to_owned()));
        }
        None => println!("skipped: the shared vectors are absent (fhir)"),
    }
    let arguments: Vec<&str> =
        ["record", "prove", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let proven = lines(&succeed(folder.path(), &arguments));
    assert_eq!(proven.len(), files.len());
    for (line, file) in proven.iter().zip(&files) {
        assert_eq!(line["file"], *file);
        assert_eq!(line["bytes"], fs::metadata(file).unwrap().len());
        for claim in ["identical", "half_opens", "outsider_refused"] {
            assert_eq!(line[claim], true, "{line}");
        }
        assert!(line["ms"]["open"].is_number() && line["parts"].as_u64().unwrap() >= 3, "{line}");
    }
}

#[test]
fn what_is_no_document_is_answered_in_one_sentence_and_the_others_are_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let good = written(folder.path(), "good.json", &serde_json::to_vec(&summary()).unwrap());
    let twice = serde_json::to_string(&summary())
        .unwrap()
        .replace("\"text\":\"Glucose\"", "\"text\":\"Glucose\",\"text\":\"Iron\"");
    for (name, contents, sentence) in [
        ("xml.json", b"<Bundle/>".to_vec(), "it is not JSON from byte 0 on"),
        ("list.json", b"[]".to_vec(), "this is no FHIR document"),
        (
            "search.json",
            br#"{"resourceType":"Bundle","type":"searchset"}"#.to_vec(),
            "this is no FHIR document",
        ),
        ("twice.json", twice.into_bytes(), "a name stands twice"),
        ("large.json", vec![b' '; 50_000_000], "more than 16777216 bytes"),
        ("none.json", vec![], "it is not JSON from byte 0 on"),
    ] {
        let bad = written(folder.path(), name, &contents);
        for command in ["inspect", "prove"] {
            let output = countersign(folder.path(), &["record", command, &bad, &good, "--json"]);
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains(sentence) && told.contains(name) && told.lines().count() == 1, "{told}");
            assert_eq!(output.status.code(), Some(1));
            let lines = lines(&String::from_utf8(output.stdout).unwrap());
            assert!(!lines.is_empty() && lines.iter().all(|line| line["file"] == good), "{lines:?}");
        }
    }
}
