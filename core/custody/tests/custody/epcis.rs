//! Histories as EPCIS 2.0 documents, against GS1's own schema, and partners' documents as drafts.

#![allow(clippy::disallowed_methods, reason = "tests read their data")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_custody::epcis::{self, Around, MAX_EVENTS, NotADocument, NotAnEvent, NotTaken, Proposal};
use countersign_custody::{Contents, History, Profile, ProfileError, SubjectType};
use countersign_ledger::{Entry, Fields, Kind, LogName, Placed, Subject, UnixMillis};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::play::{CLASS, DOMAIN, EXPIRY, LOT, NOW, Play, SERIAL, Spec, identity};
use crate::road::{PIECE, Road, at};

/// Every statement that fits its place, in the order in which they were signed.
fn document(play: &Play) -> Value {
    let mut sound: Vec<&Placed> = Vec::new();
    for ((log, _), history) in &play.histories {
        let dependencies: Vec<_> = [play.class_history(), play.lot_history()].into();
        let history = History { log: *log, domain: Some(DOMAIN), entries: history };
        let audit = play.profile.audit(&history, &dependencies);
        let fits = audit.steps.iter().zip(history.entries).filter(|(step, _)| step.judged.counts());
        sound.extend(fits.filter_map(|(_, entry)| entry.standing()));
    }
    sound.sort_by_key(|one| one.statement().issued_at());
    epcis::document(&play.profile, &sound, Around::default(), NOW).document
}

fn placed(play: &mut Play, spec: &Spec) -> Placed {
    play.sign(spec).into_standing().unwrap()
}

fn events(document: &Value) -> &[Value] {
    document["epcisBody"]["eventList"].as_array().unwrap()
}

fn steps(document: &Value) -> Vec<&str> {
    events(document).iter().map(|event| event["bizStep"].as_str().unwrap()).collect()
}

/// The public test data; `None` where it is not at hand.
fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/epcis");
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    eprintln!("skipped: {} is not here", path.display());
    None
}

fn schema() -> Option<jsonschema::Validator> {
    let text = std::fs::read_to_string(vectors()?.join("schema/EPCIS-JSON-Schema.json")).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    Some(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
}

/// Checks that the official schema accepts a document, and that it does not accept just anything.
fn assert_valid(document: &Value) {
    let Some(schema) = schema() else { return };
    let errors: Vec<_> = schema.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {document:#}");
    for field in ["eventTimeZoneOffset", "action", "type"] {
        let mut wrong = document.clone();
        wrong["epcisBody"]["eventList"][0].as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&wrong), "without {field}");
    }
}

#[test]
fn a_dispensed_pack_of_a_lot_is_four_events_that_the_schema_accepts() {
    let mut play = Play::whole();
    play.admit("dispense");
    let document = document(&play);
    assert_eq!(steps(&document), ["inspecting", "commissioning", "shipping", "dispensing"]);
    assert_valid(&document);
}

#[test]
fn a_commissioned_lot_carries_its_number_its_count_and_its_expiry() {
    let play = Play::whole();
    let document = document(&play);
    let event = &events(&document)[1];
    assert_eq!(event["action"], "ADD");
    assert_eq!(event["quantityList"], json!([{ "epcClass": LOT, "quantity": 100 }]));
    assert_eq!(event["ilmd"], json!({ "cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-10-30" }));
    assert_eq!(event["eventTimeZoneOffset"], "+00:00");
    let id = play.latest("commission").id();
    assert_eq!(event["eventID"], format!("urn:countersign:statement:{id}"));
}

#[test]
fn goods_go_from_the_signer_to_the_receiver_and_a_pack_is_named_without_its_lot() {
    let mut play = Play::whole();
    play.admit("dispense");
    let document = document(&play);
    let [approval, _, shipping, dispensing] = events(&document) else { panic!("{document:#}") };
    assert_eq!(shipping["sourceList"][0]["source"], identity("manufacturer").as_str());
    assert_eq!(shipping["destinationList"][0]["destination"], identity("distributor").as_str());
    assert_eq!(dispensing["epcList"], json!([format!("{CLASS}/21/{SERIAL}")]));
    // An approval has a receiver, and moves nothing.
    assert_eq!((&approval["sourceList"], &dispensing["sourceList"]), (&Value::Null, &Value::Null));
}

#[test]
fn couriers_are_named_to_partners_and_consumers_are_not() {
    let road = Road::new();
    let chain = road.hand_over("courier a", "courier b", road.to_the_courier(), at(10));
    let chain = road.hand_over("courier b", "consumer", chain, at(20));
    let each = chain.statements().iter().enumerate();
    let history: Vec<Entry> = each.map(|(index, one)| road.placed(one.clone(), index as u64)).collect();
    let document = epcis::document(
        &road.profile,
        &history.iter().filter_map(Entry::standing).collect::<Vec<_>>(),
        Around::default(),
        at(30),
    )
    .document;
    assert_eq!(steps(&document), ["retail_selling", "consigning", "accepting", "receiving"]);
    let [_, consigned, accepted, received] = events(&document) else { panic!("{document:#}") };
    assert_eq!(consigned["destinationList"], accepted["sourceList"].clone().rename("source", "destination"));
    assert_eq!(accepted["destinationList"][0]["destination"], crate::road::identity("courier b").as_str());
    assert_eq!(received["epcList"][0], PIECE.replace("/10/L1", ""));
    assert!(received["destinationList"].is_null() && received["countersign:signer"].is_null());
    assert!(!document.to_string().contains("/consumer/"), "{document:#}");
    assert_eq!(received["countersign:condition"], "intact");
    assert_valid(&document);
}

trait Rename {
    fn rename(self, from: &str, to: &str) -> Value;
}

impl Rename for Value {
    /// The same list with another name for one member.
    fn rename(mut self, from: &str, to: &str) -> Value {
        for one in self.as_array_mut().unwrap() {
            let value = one.as_object_mut().unwrap().remove(from).unwrap();
            one[to] = value;
        }
        self
    }
}

#[test]
fn a_unit_holds_what_was_packed_and_is_inferred_to_be_whole_until_it_is_opened() {
    const UNIT: &str = "https://id.gs1.org/00/095060001343520003";
    let mut play = Play::until("distribution");
    let distribution = play.latest("distribution").clone();
    let spec = |play: &Play, kind: &str| {
        let mut spec = play.spec_on("receipt", UNIT);
        spec.draft.kind = Kind::new(format!("medicine.{kind}")).unwrap();
        spec.draft.links = if kind == "pack" { vec![distribution.id()] } else { vec![] };
        spec.draft.fields = Fields::new().with("count", 40).with("contents", distribution.id());
        spec.by("distributor")
    };
    let (pack, unpack) = (spec(&play, "pack"), spec(&play, "unpack"));
    let (pack, unpack) = (placed(&mut play, &pack), placed(&mut play, &unpack));
    let mut handed = |scanned: u64| {
        let mut spec = spec(&play, "handover");
        spec.draft.fields = Fields::new().with("condition", "intact").with("scanned", scanned);
        placed(&mut play, &spec)
    };
    let (unopened, counted) = (handed(3), handed(40));
    let all = [&distribution, &pack, &unopened, &counted, &unpack];
    let document = epcis::document(&play.profile, &all, Around::default(), NOW).document;
    let [_, packing, unopened, counted, unpacking] = events(&document) else { panic!("{document:#}") };
    assert_eq!(unopened["persistentDisposition"], json!({ "set": ["completeness_inferred"] }));
    assert_eq!(counted["persistentDisposition"], json!({ "set": ["completeness_verified"] }));
    assert_eq!((&unopened["bizStep"], &unopened["epcList"]), (&json!("receiving"), &json!([UNIT])));
    assert_eq!((&packing["type"], &packing["parentID"]), (&json!("AggregationEvent"), &json!(UNIT)));
    assert_eq!(packing["childQuantityList"], json!([{ "epcClass": LOT, "quantity": 40 }]));
    assert_eq!(
        (&unpacking["action"], &unpacking["disposition"]),
        (&json!("DELETE"), &json!("completeness_verified"))
    );
    assert_valid(&document);
    // Its contents are not known without the statement that they were packed from.
    let alone = epcis::document(&play.profile, &[&pack], Around::default(), NOW).document;
    assert_eq!(events(&alone), &[] as &[Value]);
}

#[test]
fn a_packing_names_its_packs_where_the_list_is_here_and_what_is_left_out_is_told() {
    const UNIT: &str = "https://id.gs1.org/00/095060001343520003";
    let mut play = Play::until("distribution");
    let distribution = play.latest("distribution").clone();
    let pack = |serial: &str| Subject::new(format!("{LOT}/21/{serial}")).unwrap();
    let inner = Subject::new("https://id.gs1.org/00/106141412345678908").unwrap();
    let list = Contents::new([pack("S001"), pack("S002"), inner.clone()]).unwrap();
    let mut packing = |kind: &str| {
        let mut spec = play.spec_on("receipt", UNIT);
        spec.draft.kind = Kind::new(format!("medicine.{kind}")).unwrap();
        spec.draft.links = if kind == "pack" { vec![distribution.id()] } else { vec![] };
        spec.draft.fields = list.fields();
        placed(&mut play, &spec.by("distributor"))
    };
    let (packed, unpacked) = (packing("pack"), packing("unpack"));
    let contents = [Contents::new([pack("S009")]).unwrap(), list.clone()];
    let around = Around { linked: &[&distribution], contents: &contents };
    let all = [&packed, &unpacked];
    let exported = epcis::document(&play.profile, &all, around, NOW);
    let names = json!([inner.as_str(), format!("{CLASS}/21/S001"), format!("{CLASS}/21/S002")]);
    let [packing, unpacking] = events(&exported.document) else { panic!("{:#}", exported.document) };
    assert_eq!((&packing["childEPCs"], &packing["childQuantityList"]), (&names, &Value::Null));
    assert_eq!((&unpacking["childEPCs"], &unpacking["action"]), (&names, &json!("DELETE")));
    assert_eq!(exported.left_out, []);
    assert_valid(&exported.document);
    // Without the list, its lot is named; without that, the packing is left out, and this is told.
    let by_lot = epcis::document(&play.profile, &all, Around { contents: &[], ..around }, NOW);
    assert_eq!(events(&by_lot.document)[0]["childQuantityList"], json!([{ "epcClass": LOT, "quantity": 3 }]));
    let alone = epcis::document(&play.profile, &all, Around::default(), NOW);
    let left: Vec<_> = alone.left_out.iter().map(|one| (one.statement, one.why)).collect();
    assert_eq!(left, [(packed.id(), NotAnEvent::Contents)]);
    let mut whole = Play::whole();
    whole.admit("dispense");
    let trial = whole.latest("trial").clone();
    let none = epcis::document(&whole.profile, &[&trial], Around::default(), NOW);
    assert_eq!(none.left_out[0].why, NotAnEvent::NoRule);
    assert_eq!(events(&none.document), &[] as &[Value]);
}

#[test]
fn a_statement_that_does_not_fit_its_place_is_no_event() {
    let mut play = Play::whole();
    let again = play.spec("commission");
    play.force(&again);
    let commissions = play.history(LogName::SUPPLY, LOT).iter();
    let commissions =
        commissions.filter(|one| one.verified().statement().kind().as_str() == "medicine.commission");
    assert_eq!(commissions.count(), 2);
    assert_eq!(steps(&document(&play)), ["inspecting", "commissioning", "shipping"]);
}

#[test]
fn a_suspension_is_set_and_its_lift_unsets_it() {
    let mut play = Play::whole();
    play.admit_all(&["suspend", "lift", "recall"]);
    let document = document(&play);
    let [.., suspension, lift, recall] = events(&document) else { panic!("{document:#}") };
    assert_eq!(suspension["persistentDisposition"], json!({ "set": ["non_sellable_other"] }));
    assert_eq!(lift["persistentDisposition"], json!({ "unset": ["non_sellable_other"] }));
    assert_eq!(recall["persistentDisposition"], json!({ "set": ["recalled"] }));
    assert_valid(&document);
}

#[test]
fn a_profile_has_no_words_that_the_vocabulary_lacks() {
    let text = include_str!("../../profiles/medicine.toml");
    for word in ["\"commissioning\"", "\"in_transit\""] {
        let wrong = text.replace(word, "\"vanishing\"");
        assert_ne!(wrong, text);
        assert!(matches!(Profile::parse(&wrong), Err(ProfileError::Syntax(_))));
    }
    let wrong = text.replace("when-signer = \"courier\", action", "when-signer = \"nobody\", action");
    assert!(matches!(Profile::parse(&wrong), Err(ProfileError::UnknownRole { .. })));
}

fn read(document: &Value) -> Vec<Result<Vec<Proposal>, NotTaken>> {
    epcis::read(Profile::medicine(), document.to_string().as_bytes()).unwrap()
}

/// What one event proposes.
fn propose(event: &Value) -> Result<Vec<Proposal>, NotTaken> {
    read(&wrapped(&json!([event]))).remove(0)
}

fn wrapped(events: &Value) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { "x": "urn:x:" }],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-01T00:00:00Z",
        "epcisBody": { "eventList": events },
    })
}

/// A partner's commissioning of three packs, in the partner's own style.
fn commissioning() -> Value {
    json!({
        "type": "ObjectEvent",
        "eventID": "ni:///sha-256;00?ver=CBV2.0",
        "action": "ADD",
        "bizStep": "urn:epcglobal:cbv:bizstep:commissioning",
        "disposition": "active",
        "eventTime": "2026-11-02T08:00:00.5+01:00",
        "eventTimeZoneOffset": "+01:00",
        "epcList": [
            "urn:epc:id:sgtin:950600013.0435.A1",
            "https://brand.example/01/9506000134352/21/A2",
            "https://id.gs1.org/01/09506000134352/10/L%2F1/21/A%2B3",
        ],
        "ilmd": { "cbvmda:lotNumber": "L/1", "cbvmda:itemExpirationDate": "2028-11-30", "x:colour": [1] },
        "sensorElementList": [{}],
    })
}

#[test]
fn a_partners_commissioning_is_a_draft_that_lacks_nothing() {
    let proposals = propose(&commissioning()).unwrap();
    let [proposal] = proposals.as_slice() else { panic!("{proposals:?}") };
    assert_eq!(proposal.kind.as_str(), "medicine.commission");
    assert_eq!(proposal.subject.as_str(), format!("{CLASS}/10/L%2F1"));
    assert_eq!(proposal.at.to_string(), "2026-11-02T07:00:00Z");
    assert_eq!(proposal.serials, ["A1", "A2", "A+3"]);
    assert_eq!(proposal.fields.uint("count"), Some(3));
    assert_eq!(UnixMillis(proposal.fields.uint("expiry").unwrap()).to_string(), "2028-11-30T23:59:59Z");
    assert_eq!(proposal.missing(Profile::medicine()), Vec::<String>::new());
}

#[test]
fn a_shipment_to_somebody_whom_the_ledger_does_not_know_says_so() {
    let event = json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit",
        "eventTime": "2026-11-02T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        "quantityList": [{ "epcClass": "urn:epc:class:lgtin:950600013.0435.L1", "quantity": 200.0 }],
        "destinationList": [
            { "type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00001" },
            { "type": "possessing_party", "destination": "urn:epc:id:pgln:4012345.00002" },
        ],
    });
    let proposals = propose(&event).unwrap();
    assert_eq!(proposals[0].subject.as_str(), LOT);
    assert_eq!(proposals[0].receiver.as_deref(), Some("urn:epc:id:pgln:4012345.00002"));
    assert_eq!(proposals[0].missing(Profile::medicine()), ["to", "class", "expiry"]);
    // A member in the wrong role is not a receiver either.
    let mut wrong = event.clone();
    wrong["destinationList"][1]["destination"] = json!(identity("supplier").as_str());
    assert_eq!(propose(&wrong).unwrap()[0].fields.text("to"), None);
}

#[test]
fn goods_that_are_consigned_piece_by_piece_are_a_draft_each() {
    let event = json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "consigning",
        "eventTime": "2026-11-02T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        "epcList": [format!("{LOT}/21/P1"), format!("{LOT}/21/P2")],
    });
    let document = wrapped(&json!([event])).to_string();
    let proposals = epcis::read(Profile::luxury(), document.as_bytes()).unwrap().remove(0).unwrap();
    let subjects: Vec<_> = proposals.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, [format!("{LOT}/21/P1"), format!("{LOT}/21/P2")]);
    assert!(proposals.iter().all(|one| one.serials.is_empty()));
}

#[test]
fn a_piece_in_our_own_document_is_read_with_its_lot() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let order = road.placed(chain.last().clone(), 1).into_standing().unwrap();
    let document = epcis::document(&road.profile, &[&order], Around::default(), at(30)).document.to_string();
    let proposals = epcis::read(&road.profile, document.as_bytes()).unwrap().remove(0).unwrap();
    let [proposal] = proposals.as_slice() else { panic!("{proposals:?}") };
    assert_eq!((&proposal.kind, &proposal.subject), (order.statement().kind(), order.statement().subject()));
    assert_eq!(proposal.fields.text("to"), order.fields().text("to"));
    assert_eq!(proposal.missing(&road.profile), ["order"]);
}

#[test]
fn each_refusal_of_an_event_has_its_own_reason() {
    let with = |name: &str, value: Value| {
        let mut event = commissioning();
        event[name] = value;
        propose(&event).unwrap_err()
    };
    let other = "https://id.gs1.org/01/09506000134369/21/A9";
    let twice = json!(["urn:epc:id:sgtin:950600013.0435.A1", "urn:epc:id:sgtin:950600013.0435.A1"]);
    let counted = json!([{ "epcClass": format!("{CLASS}/10/L%2F1"), "quantity": 4 }]);
    let measured = json!([{ "epcClass": format!("{CLASS}/10/L%2F1"), "quantity": 4, "uom": "KGM" }]);
    let half = json!([{ "epcClass": format!("{CLASS}/10/L%2F1"), "quantity": 0.5 }]);
    assert!(matches!(with("bizStep", json!(7)), NotTaken::Malformed(_)));
    assert_eq!(with("type", json!("AggregationEvent")), NotTaken::OtherType("AggregationEvent".into()));
    assert_eq!(with("errorDeclaration", json!({})), NotTaken::Withdrawn);
    assert_eq!(with("bizStep", json!("receiving")), NotTaken::OtherStep("receiving".into()));
    assert_eq!(with("bizStep", json!("x:commissioning")), NotTaken::OtherStep("x:commissioning".into()));
    assert_eq!(with("eventTime", json!("yesterday")), NotTaken::Time);
    assert_eq!(with("eventTimeZoneOffset", Value::Null), NotTaken::Time);
    assert_eq!(with("action", json!("DELETE")), NotTaken::NoStep);
    assert_eq!(with("epcList", json!([])), NotTaken::NoGoods);
    assert_eq!(with("epcList", json!(["urn:x:1"])), NotTaken::Key("urn:x:1".into()));
    assert_eq!(
        with("epcList", json!([other, "urn:epc:id:sgtin:950600013.0435.A1"])),
        NotTaken::SeveralProducts
    );
    assert_eq!(with("epcList", json!([format!("{CLASS}/10/L2/21/A1")])), NotTaken::SeveralLots);
    let mut nameless = commissioning();
    nameless["epcList"] = json!(["urn:epc:id:sgtin:950600013.0435.A1"]);
    nameless["ilmd"] = Value::Null;
    assert_eq!(propose(&nameless).unwrap_err(), NotTaken::NoLot);
    assert_eq!(with("epcList", json!(["urn:epc:id:sscc:0614141.1234567890"])), NotTaken::WrongLevel);
    assert_eq!(with("epcList", twice), NotTaken::Twice("A1".into()));
    assert_eq!(with("quantityList", counted), NotTaken::Count { counted: 4, named: 3 });
    assert_eq!(with("quantityList", measured), NotTaken::Measured);
    assert_eq!(with("quantityList", half), NotTaken::Measured);
    let expiry = json!({ "cbvmda:lotNumber": "L/1", "cbvmda:itemExpirationDate": "soon" });
    assert_eq!(with("ilmd", expiry), NotTaken::Expiry("soon".into()));
    let party = json!({ "type": "possessing_party", "destination": "urn:x:1" });
    assert_eq!(with("destinationList", json!([party, party])), NotTaken::SeveralReceivers);
}

#[test]
fn each_refusal_of_a_document_has_its_own_reason() {
    let refused =
        |document: &Value| epcis::read(Profile::medicine(), document.to_string().as_bytes()).unwrap_err();
    let good = wrapped(&json!([commissioning()]));
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        refused(&document)
    };
    assert!(matches!(refused(&json!([])), NotADocument::Malformed(_)));
    assert!(matches!(with("epcisBody", json!({})), NotADocument::Malformed(_)));
    assert_eq!(with("schemaVersion", json!("1.2")), NotADocument::Other("EPCISDocument 1.2".into()));
    assert_eq!(
        with("type", json!("EPCISQueryDocument")),
        NotADocument::Other("EPCISQueryDocument 2.0".into())
    );
    assert_eq!(with("@context", json!("https://example.com/context")), NotADocument::Vocabulary);
    let gs1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
    assert_eq!(with("@context", json!([gs1, { "cbvmda": "urn:other:" }])), NotADocument::Vocabulary);
    assert_eq!(
        with("@context", json!([gs1, { "cbvmda": { "@id": "urn:other:" } }])),
        NotADocument::Vocabulary
    );
    let many = wrapped(&Value::Array(vec![json!(0); MAX_EVENTS + 1]));
    assert_eq!(refused(&many), NotADocument::TooManyEvents);
    let long = vec![b' '; epcis::MAX_DOCUMENT + 1];
    assert_eq!(epcis::read(Profile::medicine(), &long), Err(NotADocument::TooLarge));
}

#[test]
fn every_public_document_is_read_event_by_event() {
    let Some(vectors) = vectors() else { return };
    let mut refusals: BTreeMap<String, u32> = BTreeMap::new();
    for folder in ["examples", "examples/WithDigitalLinkID", "openepcis-documents", "event-hash"] {
        for file in std::fs::read_dir(vectors.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if !path.extension().is_some_and(|ending| ending == "json" || ending == "jsonld") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let document: Value = serde_json::from_str(&text).unwrap();
            let count = document["epcisBody"]["eventList"].as_array().map_or(0, Vec::len);
            match epcis::read(Profile::medicine(), text.as_bytes()) {
                Ok(events) => {
                    assert_eq!(events.len(), count, "{}", path.display());
                    for event in events {
                        let words = event.map_or_else(|reason| format!("{reason:?}"), |_| "taken".to_owned());
                        let word = words.split(['(', ' ']).next().unwrap().to_owned();
                        *refusals.entry(word).or_default() += 1;
                    }
                }
                // Some give GS1's prefixes another meaning.
                Err(NotADocument::Vocabulary) => {
                    assert!(text.contains("\"cbvmda\": \"http"), "{}", path.display());
                }
                Err(reason) => assert_eq!(count, 0, "{}: {reason}", path.display()),
            }
        }
    }
    // None of them is malformed; most are about single packs without their lot, or about something else.
    let known = [
        ("Measured", 1),
        ("NoLot", 9),
        ("OtherStep", 42),
        ("OtherType", 37),
        ("Withdrawn", 2),
        ("WrongLevel", 1),
    ];
    assert_eq!(refusals, known.map(|(reason, count)| (reason.to_owned(), count)).into());
}

/// A text as written in a link.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|c| if c.is_ascii_alphanumeric() { char::from(c).to_string() } else { format!("%{c:02X}") })
        .collect()
}

proptest! {
    /// A document with some bytes changed, left out or doubled.
    #[test]
    fn no_bytes_make_the_reader_fail(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let mut bytes = wrapped(&json!([commissioning(), commissioning()])).to_string().into_bytes();
        for (index, byte, how) in changes {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, byte),
            }
        }
        for proposal in epcis::read(Profile::medicine(), &bytes).into_iter().flatten().flatten().flatten() {
            prop_assert_eq!(proposal.kind.as_str(), "medicine.commission");
            prop_assert_eq!(SubjectType::of(&proposal.subject), Some(SubjectType::Lot));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Kind, goods, time, count, expiry and receiver survive; what follows from the packs does not leave the ledger.
    #[test]
    fn what_is_written_is_read_as_the_same_facts(
        lot in "[!-~]{1,20}", count in 1_u64..1_000_000, days in 0_u64..20_000, name in "[a-z]{1,12}",
    ) {
        let subject = format!("{CLASS}/10/{}", escaped(&lot)).replace("%2D", "-").replace("%2E", ".")
            .replace("%5F", "_").replace("%7E", "~");
        let mut play = Play::until("approval");
        let expiry = EXPIRY + days * 86_400_000;
        let commission = play.spec("commission").on(&subject).with("count", count).with("expiry", expiry);
        let commission = placed(&mut play, &commission);
        let to = format!("spiffe://{DOMAIN}/distributor/{name}");
        let mut distribution = play.spec("approval").on(&subject).by("manufacturer").with("to", to.as_str());
        distribution.draft.kind = Kind::new("medicine.distribution").unwrap();
        let distribution = placed(&mut play, &distribution);
        let document = epcis::document(&play.profile, &[&commission, &distribution], Around::default(), NOW).document;
        let back: Vec<Proposal> = read(&document).into_iter().flat_map(Result::unwrap).collect();
        prop_assert_eq!(back.len(), 2);
        for (proposal, statement) in back.iter().zip([&commission, &distribution]) {
            let stated = statement.statement();
            prop_assert_eq!((&proposal.kind, &proposal.subject), (stated.kind(), stated.subject()));
            prop_assert_eq!(proposal.at, stated.issued_at());
            let id = format!("urn:countersign:statement:{}", statement.id());
            prop_assert_eq!(proposal.event.as_deref(), Some(id.as_str()));
            for (field, value) in proposal.fields.iter() {
                prop_assert_eq!(Some(value), statement.fields().get(field));
            }
        }
        prop_assert_eq!(back[0].fields.uint("count"), Some(count));
        prop_assert_eq!(back[0].fields.uint("expiry"), Some(expiry));
        prop_assert_eq!(back[1].fields.text("to"), Some(to.as_str()));
    }
}
