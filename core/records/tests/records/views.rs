//! What a screen shows of a document, and of a part of one.

use countersign_records::{Cut, Mark, Part, State, View};
use serde_json::{Value, json};

use crate::support::{bundle, bytes, resource, section, summary, vectors};

fn view(document: &Value) -> View {
    View::of(&Cut::new(&bytes(document)).unwrap().parts())
}

fn empty(code: &str) -> Value {
    json!({ "title": code, "emptyReason": { "coding": [{ "code": code }] } })
}

#[test]
fn a_summary_is_shown_in_short_lines() {
    let shown = view(&summary());
    assert_eq!((shown.title.as_str(), shown.patient.as_str()), ("A summary", "Jane Roe"));
    assert_eq!((shown.authors, shown.birth_date.as_str()), (vec!["Dr. Grace".to_owned()], "1970-01-01"));
    let lines: Vec<_> = shown.sections.iter().flat_map(|section| section.lines.clone()).collect();
    assert_eq!(
        lines,
        ["Diabetes of a secret kind", "Asthma", "Metformin", "Glucose: 7.1 mmol/L", "Pulse: 7.1 mmol/L"]
    );
}

#[test]
fn an_author_in_a_role_has_the_persons_name() {
    let mut document = bundle(
        &[],
        &[resource("PractitionerRole", "role", json!({ "practitioner": crate::support::to("dr") }))],
    );
    document["entry"][0]["resource"]["author"] = json!([crate::support::to("role")]);
    assert_eq!(view(&document).authors, ["Dr. Grace"]);
}

#[test]
fn real_documents_are_shown() {
    for (name, document) in vectors() {
        let parts = Cut::new(&document).unwrap().parts();
        let shown = View::of(&parts);
        assert!(
            !shown.patient.is_empty() && !shown.title.is_empty() && !shown.authors.is_empty(),
            "{name}: {shown:?}"
        );
        let json: Value = serde_json::from_slice(&document).unwrap();
        for (section, written) in
            shown.sections.iter().zip(json["entry"][0]["resource"]["section"].as_array().unwrap())
        {
            assert_eq!(section.title, written["title"].as_str().unwrap(), "{name}");
            let entries = written["entry"].as_array().map_or(0, Vec::len);
            assert_eq!(section.lines.len(), entries, "{name}: {section:?}");
            assert_eq!(
                matches!(section.state, State::Empty(_)),
                written.get("emptyReason").is_some(),
                "{name}"
            );
            assert!(section.lines.iter().all(|line| !line.is_empty()), "{name}: {section:?}");
        }
    }
}

#[test]
fn empty_withheld_and_unstated_never_look_alike() {
    let document = bundle(
        &[
            empty("nilknown"),
            empty("notasked"),
            empty("withheld"),
            empty("unavailable"),
            json!({ "title": "own", "emptyReason": { "text": "The lab burnt down" } }),
            json!({ "title": "code", "emptyReason": { "coding": [{ "code": "local-7" }] } }),
            json!({ "title": "first bare" }),
            json!({ "title": "second bare", "text": { "status": "empty", "div": "<div> </div>" } }),
            json!({ "title": "text", "text": { "status": "generated", "div": "<div>Born in a storm</div>" } }),
        ],
        &[],
    );
    let shown = view(&document);
    let states: Vec<_> = shown.sections.iter().map(|section| section.state.clone()).collect();
    let words = |state: &State| match state {
        State::Empty(Some(words)) | State::Withheld(words) => words.clone(),
        _ => panic!("{state:?}"),
    };
    for (state, start) in states[..6].iter().zip([
        "none known",
        "not asked",
        "withheld",
        "not available",
        "The lab burnt down",
        "local-7",
    ]) {
        assert!(words(state).starts_with(start), "{state:?}");
        assert_eq!(matches!(state, State::Withheld(_)), start == "withheld");
    }
    assert_eq!(states[6..], [State::Empty(None), State::Empty(None), State::Present]);
    assert_eq!(shown.sections[8].marks, [Mark::NarrativeOnly]);
    assert_eq!(shown.nothing_stated().unwrap(), "no data stated for first bare, second bare");
}

#[test]
fn no_known_allergies_is_a_statement_and_no_emptiness() {
    let none = json!({ "code": { "coding": [{ "code": "716186003", "display": "No known allergy" }] },
        "clinicalStatus": { "coding": [{ "code": "active" }] } });
    let document =
        bundle(&[section("Allergies", "48765-2", &["a"])], &[resource("AllergyIntolerance", "a", none)]);
    let shown = view(&document);
    assert_eq!(shown.sections[0].state, State::Present);
    assert_eq!(shown.sections[0].lines, ["No known allergy (active)"]);
}

#[test]
fn a_code_that_says_that_there_is_nothing_is_shown_in_words_and_any_other_as_it_is() {
    let coded =
        |system: &str, code: &str| json!({ "code": { "coding": [{ "system": system, "code": code }] } });
    let ips = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";
    let document = bundle(
        &[section("Allergies", "48765-2", &["a", "b", "c", "d"]), section("Medication", "10160-0", &["m"])],
        &[
            resource("AllergyIntolerance", "a", coded(ips, "no-allergy-info")),
            resource("AllergyIntolerance", "b", coded("http://snomed.info/sct", "716186003")),
            // The same digits in a list of somebody's own may be anything.
            resource("AllergyIntolerance", "c", coded("http://hospital.example/codes", "716186003")),
            resource("AllergyIntolerance", "d", coded("http://snomed.info/sct", "764146007")),
            resource(
                "MedicationStatement",
                "m",
                json!({ "medicationCodeableConcept": { "coding": [{ "system": ips, "code": "no-known-medications" }] } }),
            ),
        ],
    );
    let shown = view(&document);
    let lines = ["No information about allergies", "No known allergy", "716186003", "764146007"];
    assert_eq!(shown.sections[0].lines, lines);
    assert_eq!(shown.sections[1].lines, ["No known medication"]);
    assert!(shown.sections.iter().all(|section| section.state == State::Present));
}

#[test]
fn entries_without_an_address_are_found_by_type_and_id() {
    let to = |name: &str| json!({ "reference": name });
    let document = json!({ "resourceType": "Bundle", "type": "document", "entry": [
        { "resource": {
            "resourceType": "Composition", "id": "c", "status": "final", "title": "Without addresses", "date": "2026-01-02",
            "subject": to("Patient/p"), "author": [to("Practitioner/dr")],
            "section": [
                { "title": "Results", "code": { "coding": [{ "code": "30954-2" }] }, "entry": [to("Observation/o")] },
                { "title": "Vital signs", "code": { "coding": [{ "code": "8716-3" }] }, "entry": [to("Observation/v")] },
            ],
        } },
        { "resource": { "resourceType": "Patient", "id": "p", "name": [{ "family": "Roe", "given": ["Jane"] }] } },
        { "resource": { "resourceType": "Practitioner", "id": "dr", "name": [{ "text": "Dr. Grace" }] } },
        { "resource": { "resourceType": "Observation", "id": "o", "code": { "text": "Glucose" }, "performer": [to("Organization/lab")] } },
        { "resource": { "resourceType": "Observation", "id": "v", "code": { "text": "Pulse" }, "performer": [to("Organization/lab")] } },
        { "resource": { "resourceType": "Organization", "id": "lab", "name": "Laboratory" } },
    ] });
    let bytes = bytes(&document);
    let parts = Cut::new(&bytes).unwrap().parts();
    // Each part alone, as somebody sees it who is shown no other.
    for (number, line) in [(3, "Glucose"), (4, "Pulse")] {
        let shown = View::of(&[parts[0].clone(), parts[number].clone()]);
        assert_eq!((shown.patient.as_str(), shown.authors), ("Jane Roe", vec!["Dr. Grace".to_owned()]));
        assert_eq!(
            (shown.sections[0].lines.as_slice(), shown.sections[0].resources),
            (&[line.to_owned()][..], 2)
        );
        assert_eq!(shown.sections[0].marks, [Mark::NoNarrative]);
    }
    assert!(countersign_records::join(&parts).unwrap() == bytes);
}

#[test]
fn a_section_within_a_section_says_for_itself_why_it_is_empty() {
    let outer = |inner: Value| json!({ "title": "Outer", "section": inner });
    let inner = |code: &str| json!({ "title": "Inner", "emptyReason": { "coding": [{ "code": code }] } });
    let mut filled = section("Social history", "29762-2", &["o"]);
    filled["section"] = json!([inner("withheld")]);
    let document = bundle(
        &[
            outer(json!([inner("notasked"), inner("withheld")])),
            outer(json!([inner("unavailable")])),
            outer(json!([{ "title": "Inner" }])),
            filled,
        ],
        &[resource("Observation", "o", json!({ "code": { "text": "Smoker" } }))],
    );
    let shown = view(&document);
    let states: Vec<_> = shown.sections.iter().map(|section| section.state.as_str()).collect();
    assert_eq!(states, ["withheld", "empty", "empty", "present"]);
    assert_eq!(shown.sections[0].marks.len(), 2);
    assert!(
        shown.sections[0].marks[1].sentence().starts_with("Inner: empty; withheld"),
        "{:?}",
        shown.sections[0]
    );
    assert_eq!(shown.sections[2].state, State::Empty(None));
    assert!(matches!(&shown.sections[3].marks[0], Mark::EmptyWithin(title, _) if title == "Inner"));
    assert_eq!(shown.nothing_stated().unwrap(), "no data stated for Outer");
}

#[test]
fn an_entry_belongs_to_the_section_that_lists_it() {
    // Problems, with the results behind them in a section of its own.
    let mut problems = section("Problems", "11450-4", &["p", "x", "bare"]);
    problems["section"] = json!([section("Findings", "30954-2", &["o", "q"])]);
    let mut bare = resource("Condition", "bare", json!({ "code": { "text": "Asthma" } }));
    bare["resource"].as_object_mut().unwrap().remove("resourceType");
    let document = bundle(
        &[problems],
        &[
            resource("Condition", "p", json!({ "code": { "text": "Diabetes" } })),
            resource("Immunization", "x", json!({ "vaccineCode": { "text": "Influenza" } })),
            bare,
            resource("Observation", "o", json!({ "code": { "text": "Glucose" } })),
            resource("Condition", "q", json!({ "code": { "text": "Anaemia" } })),
        ],
    );
    let shown = &view(&document).sections[0];
    assert_eq!(
        shown.lines,
        ["Diabetes", "Influenza", "Asthma", "Glucose", "Anaemia"],
        "in the document's order"
    );
    let wrong: Vec<_> = shown.marks.iter().filter(|mark| matches!(mark, Mark::WrongKind(_))).collect();
    let kinds = ["Immunization", "", "Condition"].map(|kind| Mark::WrongKind(kind.to_owned()));
    assert_eq!(wrong, kinds.iter().collect::<Vec<_>>());
    assert_eq!(kinds[1].sentence(), "an entry does not say what it is");
}

#[test]
fn a_text_is_shown_where_the_entries_do_not_say_the_same() {
    let with_text = |mut section: Value, words: &str| {
        section["text"] = json!({ "status": "generated", "div": format!("<div>{words}</div>") });
        section
    };
    let allergies = || section("Allergies", "48765-2", &["a"]);
    let document = bundle(
        &[
            with_text(allergies(), "Penicillin"),
            with_text(allergies(), "Penicillin. Latex, severe"),
            with_text(allergies(), "See the letter"),
            with_text(json!({ "title": "Alone" }), "Told on the phone: nuts"),
            with_text(empty("unavailable"), "The old clinic has burnt down"),
        ],
        &[resource("AllergyIntolerance", "a", json!({ "code": { "text": "Penicillin" } }))],
    );
    let shown = view(&document).sections;
    let texts: Vec<_> =
        shown.iter().map(|one| one.text_beside_lines().map(|text| text.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            None,
            Some("Penicillin. Latex, severe"),
            Some("See the letter"),
            Some("Told on the phone: nuts"),
            Some("The old clinic has burnt down"),
        ]
    );
    assert_eq!(shown[1].marks, [Mark::NarrativeSaysMore(vec!["Latex".to_owned(), "severe".to_owned()])]);
    assert!(shown[2].marks.contains(&Mark::NarrativeSaysLess(vec!["Penicillin".to_owned()])));
}

#[test]
fn a_patient_has_a_name_with_a_text_and_without_one() {
    for text in [Value::Null, json!({ "status": "generated", "div": "<div>Somebody Else</div>" })] {
        let mut document = summary();
        let patient = document["entry"].as_array_mut().unwrap().iter_mut();
        let patient =
            patient.map(|entry| &mut entry["resource"]).find(|one| one["resourceType"] == "Patient");
        let patient = patient.unwrap().as_object_mut().unwrap();
        patient.remove("text");
        if !text.is_null() {
            patient.insert("text".to_owned(), text);
        }
        let shown = view(&document);
        assert_eq!((shown.patient.as_str(), shown.birth_date.as_str()), ("Jane Roe", "1970-01-01"));
    }
}

#[test]
fn what_summaries_do_beside_the_standard_is_shown_and_marked() {
    let mut wrong = section("Medication", "10160-0", &["o", "gone"]);
    wrong["emptyReason"] = json!({ "coding": [{ "code": "nilknown" }] });
    wrong["text"] = json!({ "status": "additional", "div":
        "<div><table><tr><th>Substance</th></tr><tr><td>Ibuprofen</td></tr></table></div>" });
    let mut bare = section("Results", "30954-2", &["o2"]);
    bare.as_object_mut().unwrap().remove("text");
    let document = bundle(
        &[wrong, bare],
        &[
            resource("Observation", "o", json!({ "code": { "text": "Warfarin level" } })),
            resource(
                "Observation",
                "o2",
                json!({ "code": { "text": "Potassium" }, "dataAbsentReason": { "text": "sample lost" } }),
            ),
        ],
    );
    let shown = view(&document);
    let marks = &shown.sections[0].marks;
    let has = |wanted: &Mark| marks.contains(wanted);
    assert!(has(&Mark::WrongKind("Observation".to_owned())), "{marks:?}");
    assert!(has(&Mark::NotHere("urn:uuid:gone".to_owned())), "{marks:?}");
    assert!(has(&Mark::NarrativeSaysMore(vec!["Ibuprofen".to_owned()])), "{marks:?}");
    assert!(has(&Mark::NarrativeSaysLess(vec!["Warfarin level".to_owned()])), "{marks:?}");
    assert!(marks.iter().any(|mark| matches!(mark, Mark::NotEmpty(_))), "{marks:?}");
    assert_eq!(shown.sections[0].state, State::Present);
    assert!(shown.sections[0].narrative.as_ref().unwrap().text.contains("Ibuprofen"), "both are shown");
    assert_eq!(shown.sections[1].marks, [Mark::NoNarrative]);
    assert_eq!(shown.sections[1].lines, ["Potassium: no value, sample lost"]);
    // The signed bytes are what was received.
    let bytes = bytes(&document);
    assert!(countersign_records::join(&Cut::new(&bytes).unwrap().parts()).unwrap() == bytes);
}

#[test]
fn a_part_alone_shows_its_own_and_says_what_is_elsewhere() {
    let bytes = bytes(&summary());
    let parts = Cut::new(&bytes).unwrap().parts();
    let shown = View::of(&[parts[0].clone(), parts[4].clone()]);
    assert_eq!(
        shown.sections.iter().map(|section| section.title.as_str()).collect::<Vec<_>>(),
        ["Medication"]
    );
    assert_eq!(
        (shown.patient.as_str(), shown.sections[0].lines.as_slice()),
        ("Jane Roe", &["Metformin".to_owned()][..])
    );
}

#[test]
fn doses_reactions_and_what_must_not_be_given_are_in_the_line() {
    let request = json!({
        "status": "active", "doNotPerform": true,
        "medicationReference": { "reference": "#med" },
        "contained": [{ "resourceType": "Medication", "id": "med", "code": { "text": "Penicillin" } }],
    });
    let given = json!({
        "status": "completed",
        "medicationReference": { "reference": "Medication/med2" },
        "dosage": [{ "text": "1 tablet daily" }],
        "effectivePeriod": { "start": "2015-03" },
    });
    let allergy = json!({
        "code": { "text": "Latex" }, "criticality": "high",
        "verificationStatus": { "coding": [{ "code": "refuted" }] },
        "reaction": [{ "manifestation": [{ "text": "Rash" }] }],
        "modifierExtension": [{ "url": "x" }],
    });
    let pressure = json!({ "code": { "text": "Blood pressure" }, "component": [
        { "code": { "text": "systolic" }, "valueQuantity": { "value": 120.50, "unit": "mmHg" } },
        { "code": { "text": "diastolic" }, "valueQuantity": { "value": 80, "comparator": "<", "unit": "mmHg" } },
    ] });
    let document = bundle(
        &[section("All", "x", &["r", "g", "a", "b"])],
        &[
            resource("MedicationRequest", "r", request),
            resource("MedicationStatement", "g", given),
            resource("Medication", "med2", json!({ "code": { "coding": [{ "display": "Anastrozole" }] } })),
            resource("AllergyIntolerance", "a", allergy),
            resource("Observation", "b", pressure),
        ],
    );
    let lines = view(&document).sections[0].lines.clone();
    assert!(lines[0].starts_with("not to be given:"), "{}", lines[0]);
    assert_eq!(lines[1], "Anastrozole (completed; 1 tablet daily; since 2015-03)");
    assert!(
        lines[2].starts_with("Latex (refuted; criticality high; Rash; with more that changes"),
        "{}",
        lines[2]
    );
    assert_eq!(lines[3], "Blood pressure: systolic 120.5 mmHg, diastolic <80 mmHg");
}

#[test]
fn a_screen_is_bounded_whatever_the_document_has() {
    let names: Vec<String> = (0..1500).map(|at| format!("o{at}")).collect();
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let entries =
        names.iter().map(|id| resource("Observation", id, json!({ "code": { "text": "x".repeat(1000) } })));
    let shown = view(&bundle(&[section("Many", "x", &listed)], &entries.collect::<Vec<_>>()));
    assert_eq!(shown.sections[0].lines.len(), 1000);
    assert!(shown.sections[0].marks.contains(&Mark::Shortened(500)));
    assert!(shown.sections[0].lines.iter().all(|line| line.len() < 500));
}

#[test]
fn parts_keep_their_sections_when_they_are_numbered_anew() {
    let bytes = bytes(&summary());
    let mut cut = Cut::new(&bytes).unwrap();
    cut.shuffle(&mut crate::support::Numbers(3));
    let parts: Vec<Part> = cut.parts();
    let in_order: Vec<_> = cut
        .sections()
        .iter()
        .map(|number| View::of(&[parts[0].clone(), parts[usize::from(*number)].clone()]))
        .collect();
    let titles: Vec<_> = in_order.iter().map(|view| view.sections[0].title.clone()).collect();
    assert_eq!(titles, ["Problems", "Medication", "Results", "Vital signs", "Nothing"]);
}
