//! An event is known by its hash.

use countersign_custody::epcis::{self, NotTaken};
use serde_json::{Value, json};

use super::{public, read, shipment, wrapped};
use crate::play::CLASS;

#[test]
fn the_same_event_twice_is_one() {
    let link = format!("{CLASS}/10/L1/21/A1");
    let event = shipment(&[&link, &format!("{CLASS}/10/L1/21/A2")]);
    let mut elsewhere = shipment(&[&format!("{CLASS}/10/L1/21/A2"), &link]);
    elsewhere["bizStep"] = json!("https://ref.gs1.org/cbv/BizStep-shipping");
    elsewhere["eventTime"] = json!("2026-11-03T08:00:00.000Z");
    elsewhere["recordTime"] = json!("2026-11-03T09:00:00Z");
    let mut other = event.clone();
    other["disposition"] = Value::Null;
    let read = read(&wrapped(&json!([event, elsewhere, other])));
    assert_eq!(read[1], Err(NotTaken::Repeated(1)));
    assert!(read[0].is_ok() && read[2].is_ok(), "{read:?}");
    let (mut first, mut second) = (event, other);
    (first["eventID"], second["eventID"]) = (json!("urn:x:1"), json!("urn:x:1"));
    assert_eq!(self::read(&wrapped(&json!([first, second])))[1], Err(NotTaken::SameId(1)));
}

#[test]
fn event_hashes_are_those_of_the_published_examples() {
    let documents = public();
    let mut compared = 0;
    for (path, document) in &documents {
        let Ok(hashes) = std::fs::read_to_string(path.with_extension("hashes")) else { continue };
        let ids = epcis::event_ids(document.to_string().as_bytes()).unwrap();
        assert_eq!(ids, hashes.lines().collect::<Vec<_>>(), "{}", path.display());
        compared += ids.len();
    }
    assert!(documents.is_empty() || compared == 11, "{compared}");
}
