//! What an event proposes, and why it proposes nothing.

use countersign_custody::Profile;
use countersign_custody::epcis::{Fault, NotTaken, WrongContext};
use countersign_ledger::UnixMillis;
use serde_json::{Value, json};

use super::{commissioning, propose, read, read_bytes, shipment, wrapped};
use crate::play::{CLASS, LOT, identity};

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
    let proposals = read_bytes(Profile::luxury(), document.as_bytes()).unwrap().remove(0).unwrap();
    let subjects: Vec<_> = proposals.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, [format!("{LOT}/21/P1"), format!("{LOT}/21/P2")]);
    assert!(proposals.iter().all(|one| one.serials.is_empty()));
}

/// Why the partner's commissioning is refused with another value in it.
fn refused_with(name: &str, value: Value) -> NotTaken {
    let mut event = commissioning();
    event[name] = value;
    propose(&event).unwrap_err()
}

#[test]
fn an_invalid_event_is_refused_with_the_field_to_mend() {
    let lot = format!("{CLASS}/10/L%2F1");
    for (name, value, field, is) in [
        ("bizStep", json!(7), "bizStep", "not a word of the CBV"),
        ("bizStep", json!("comissioning"), "bizStep", "not a word of the CBV"),
        ("eventTimeZoneOffset", Value::Null, "eventTimeZoneOffset", "missing"),
        ("action", json!("CREATE"), "action", "not OBSERVE, ADD or DELETE"),
        ("epcList", json!(["urn:x:1", 7]), "epcList[1]", "not a URI"),
        (
            "quantityList",
            json!([{ "epcClass": lot, "quantity": "4" }]),
            "quantityList[0].quantity",
            "not a number",
        ),
        ("quantityList", json!([{ "epcClass": lot, "weight": 4 }]), "quantityList[0].weight", "unknown"),
        ("ilmd", json!({ "lotNumber": "L" }), "ilmd.lotNumber", "unknown: names of one's own need a prefix"),
        ("ilmd", json!({ "cbvmda:lotNumber": 7 }), "cbvmda:lotNumber", "not a text"),
        (
            "eventTime",
            json!("2026-11-02T08:00:00"),
            "eventTime",
            "not a time with its zone, such as 2026-11-30T12:00:00+01:00",
        ),
    ] {
        let refused = refused_with(name, value);
        assert_eq!(refused, NotTaken::Invalid(Fault { field: field.into(), is }));
        assert_eq!(refused.field(), field);
    }
}

#[test]
fn each_refusal_of_an_event_has_its_own_reason_and_field() {
    let other = "https://id.gs1.org/01/09506000134352/21/A1";
    let unit = "https://id.gs1.org/00/106141412345678908";
    let counted = |quantity: f64| json!([{ "epcClass": format!("{CLASS}/10/L%2F1"), "quantity": quantity }]);
    let measured = json!([{ "epcClass": format!("{CLASS}/10/L%2F1"), "quantity": 4, "uom": "KGM" }]);
    let party = |name: &str| json!({ "type": "possessing_party", "destination": name });
    let turned = |word: &str| WrongContext::Remapped(word.into()).into();
    let remote = "https://example.com/context";
    let expiry = json!({ "cbvmda:lotNumber": "L/1", "cbvmda:itemExpirationDate": "soon" });
    for (name, value, reason, field) in [
        ("type", json!("x:Other"), NotTaken::OtherType("x:Other".into()), "type"),
        ("bizStep", json!("receiving"), NotTaken::OtherStep("receiving".into()), "bizStep"),
        ("bizStep", json!("x:commissioning"), NotTaken::OtherStep("x:commissioning".into()), "bizStep"),
        ("epcList", json!([]), NotTaken::NoGoods, "epcList"),
        ("epcList", json!(["urn:x:1"]), NotTaken::Key("urn:x:1".into()), "epcList"),
        (
            "epcList",
            json!(["urn:epc:id:sgtin:950600013.0435.A1", other]),
            NotTaken::Twice(other.into()),
            "epcList",
        ),
        ("epcList", json!([unit]), NotTaken::WrongLevel(unit.into()), "epcList"),
        (
            "epcList",
            json!([format!("{CLASS}/10/L2/21/A1")]),
            NotTaken::SeveralLots { goods: other.into(), lots: "L/1, L2".into() },
            "ilmd.cbvmda:lotNumber",
        ),
        ("quantityList", counted(4.0), NotTaken::Count { counted: 4, named: 3 }, "quantityList.quantity"),
        ("quantityList", counted(0.5), NotTaken::Measured, "quantityList.uom"),
        ("quantityList", measured, NotTaken::Measured, "quantityList.uom"),
        ("ilmd", expiry, NotTaken::Expiry("soon".into()), "ilmd.cbvmda:itemExpirationDate"),
        (
            "destinationList",
            json!([party("urn:x:1"), party("urn:x:2")]),
            NotTaken::SeveralReceivers,
            "destinationList",
        ),
        ("@context", json!(remote), WrongContext::Remote(remote.into()).into(), "@context"),
        ("x:y", json!([{ "@context": { "epcList": "urn:x:" } }]), turned("epcList"), "@context"),
        ("epcis:errorDeclaration", json!({}), turned("epcis:errorDeclaration"), "@context"),
    ] {
        let refused = refused_with(name, value);
        assert_eq!((&refused, refused.field()), (&reason, field));
    }
    let mut ceased = shipment(&[other]);
    (ceased["action"], ceased["bizStep"]) = (json!("DELETE"), json!("commissioning"));
    assert_eq!(propose(&ceased), Err(NotTaken::NoStep));
}

#[test]
fn what_is_withdrawn_is_left_out_and_what_replaces_it_is_taken() {
    let one = format!("{CLASS}/10/L1/21/A1");
    let named = |id: &str, goods: &str| {
        let mut event = shipment(&[goods]);
        event["eventID"] = json!(id);
        event
    };
    let withdraw = |mut event: Value| {
        event["recordTime"] = json!("2026-11-04T08:00:00Z");
        event["errorDeclaration"] =
            json!({ "declarationTime": "2026-11-04T08:00:00Z", "correctiveEventIDs": ["urn:x:2"] });
        event
    };
    let withdrawn = || Err(NotTaken::Withdrawn(vec!["urn:x:2".into()]));
    let corrected = named("urn:x:2", &format!("{CLASS}/10/L2/21/A1"));
    for original in [named("urn:x:1", &one), shipment(&[&one])] {
        let declared = withdraw(original.clone());
        for events in [[&original, &declared], [&declared, &original]] {
            let read = read(&wrapped(&json!([events[0], events[1], corrected])));
            assert_eq!(read[..2], [withdrawn(), withdrawn()]);
            assert_eq!(read[2].as_ref().unwrap()[0].subject.as_str(), format!("{CLASS}/10/L2"));
        }
    }
    // A declaration counts even where the event that bears it is otherwise invalid.
    let mut careless = withdraw(named("urn:x:1", &one));
    careless["action"] = Value::Null;
    let read = read(&wrapped(&json!([named("urn:x:1", &one), careless])));
    assert_eq!(read[0], withdrawn());
    assert!(matches!(read[1], Err(NotTaken::Invalid(_))));
}

#[test]
fn what_is_said_of_all_goods_is_not_repeated_without_end() {
    let packs = |count: u32| {
        let mut event = shipment(&[]);
        event["bizStep"] = json!("consigning");
        event["epcList"] = (0..count).map(|number| format!("{LOT}/21/P{number}")).collect();
        event["x:much"] = json!("y".repeat(100_000));
        let document = wrapped(&json!([event])).to_string();
        read_bytes(Profile::luxury(), document.as_bytes()).unwrap().remove(0)
    };
    assert_eq!(packs(600).unwrap().len(), 600);
    assert_eq!(packs(700), Err(NotTaken::SaidTooOften));
}
