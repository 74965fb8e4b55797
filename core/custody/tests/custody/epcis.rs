//! EPCIS: histories as documents for partners, and partners' documents as drafts.

#![allow(clippy::disallowed_methods, reason = "tests read their data")]

mod event;
mod export;
mod form;
mod hash;
mod lot;

use std::path::{Path, PathBuf};

use countersign_custody::epcis::{self, Around, NotADocument, NotTaken, Proposal};
use countersign_custody::{History, Profile};
use countersign_ledger::Placed;
use serde_json::{Value, json};

use crate::play::{DOMAIN, NOW, Play, Spec};

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

/// The public test data, beside the repository or above it; `None` where it is not at hand.
fn vectors() -> Option<PathBuf> {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path =
        folders.find_map(|folder| Some(folder.join("shared/vectors/epcis")).filter(|path| path.is_dir()));
    if path.is_none() {
        assert!(std::env::var_os("CI").is_none(), "shared/vectors/epcis is missing");
        eprintln!("skipped: shared/vectors/epcis is not here");
    }
    path
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

type Read = Vec<Result<Vec<Proposal>, NotTaken>>;

/// What a document proposes to whoever knows no lots but its own.
fn read_bytes(profile: &Profile, bytes: &[u8]) -> Result<Read, NotADocument> {
    epcis::read(profile, bytes, &mut |_, _| None)
}

fn read(document: &Value) -> Read {
    read_bytes(Profile::medicine(), document.to_string().as_bytes()).unwrap()
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
        "sensorElementList": [{ "sensorReport": [{ "type": "Temperature", "value": 21.5, "uom": "CEL" }] }],
    })
}

/// A partner's shipment of these packs, which says nothing of lots.
fn shipment(goods: &[&str]) -> Value {
    json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit",
        "eventTime": "2026-11-03T08:00:00Z", "eventTimeZoneOffset": "+00:00", "epcList": goods,
    })
}

/// The commissioning and a shipment, as EPCIS 1.2 and 2.0 write them in XML.
fn in_xml(version: &str) -> String {
    let major = &version[..1];
    let [open, close] = if major == "1" { ["<extension>", "</extension>"] } else { ["", ""] };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- a partner's export -->
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{major}" xmlns:cbvmda="urn:epcglobal:cbv:mda"
    xmlns:x="http://x.example/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    schemaVersion="{version}" creationDate="2026-11-01T00:00:00Z">
  <EPCISBody><EventList>
    <ObjectEvent>
      <eventTime>2026-11-02T08:00:00.5+01:00</eventTime>
      <eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
      <epcList>
        <epc>urn:epc:id:sgtin:950600013.0435.A1</epc> <!-- the first -->
        <epc> https://brand.example/01/9506000134352/21/A2
        </epc>
      </epcList>
      <action>ADD</action>
      <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
      <disposition>urn:epcglobal:cbv:disp:active</disposition>
      {open}<ilmd>
        <cbvmda:lotNumber>L1</cbvmda:lotNumber>
        <cbvmda:itemExpirationDate>2028-11-30</cbvmda:itemExpirationDate>
        <x:colour>red</x:colour>
      </ilmd>{close}
      <x:note by="me">fragile &amp; cold</x:note>
    </ObjectEvent>
    <ObjectEvent>
      <eventTime>2026-11-03T08:00:00Z</eventTime>
      <eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
      <epcList/>
      <action>OBSERVE</action>
      <bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep>
      {open}<quantityList><quantityElement>
        <epcClass>urn:epc:class:lgtin:950600013.0435.L1</epcClass><quantity>2.0</quantity>
        <uom xsi:nil="true"/>
      </quantityElement></quantityList>
      <destinationList>
        <destination type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:pgln:4012345.00001</destination>
      </destinationList>{close}
    </ObjectEvent>
  </EventList></EPCISBody>
</epcis:EPCISDocument>"#
    )
}

/// The public documents: where each is, and what it says.
fn public() -> Vec<(PathBuf, Value)> {
    let Some(vectors) = vectors() else { return Vec::new() };
    let mut documents = Vec::new();
    for folder in ["examples", "examples/WithDigitalLinkID", "openepcis-documents", "event-hash"] {
        for file in std::fs::read_dir(vectors.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "json" || ending == "jsonld") {
                let document = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                documents.push((path, document));
            }
        }
    }
    documents
}
