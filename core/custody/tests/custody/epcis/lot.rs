//! The lots of the goods: named in the event, elsewhere in the document, or asked for.

use countersign_custody::Profile;
use countersign_custody::epcis::{self, NotTaken};
use serde_json::{Value, json};

use super::{commissioning, in_xml, propose, read_bytes, shipment, wrapped};
use crate::play::CLASS;

#[test]
fn a_lot_that_no_label_can_carry_never_becomes_a_draft() {
    for lot in ["L 1", " L1", "L1 ", "", "123456789012345678901", "L#1", "Lö", "L\u{1d}1"] {
        let mut event = commissioning();
        event["ilmd"]["cbvmda:lotNumber"] = json!(lot);
        event["epcList"] = json!(["urn:epc:id:sgtin:950600013.0435.A1"]);
        assert_eq!(propose(&event), Err(NotTaken::Lot(lot.to_owned())));
        event["ilmd"] = json!({});
        let document = wrapped(&json!([event])).to_string();
        let asked = epcis::read(Profile::medicine(), document.as_bytes(), &mut |_, _| Some(lot.to_owned()));
        assert_eq!(asked.unwrap(), [Err(NotTaken::Lot(lot.to_owned()))]);
    }
}

#[test]
fn the_lot_is_the_one_that_the_link_the_class_the_commissioning_or_the_wallet_names() {
    let (one, two) = ("urn:epc:id:sgtin:950600013.0435.A1", "https://id.gs1.org/01/09506000134352/21/A2");
    let mut by_class = shipment(&[one, two]);
    by_class["quantityList"] =
        json!([{ "epcClass": "urn:epc:class:lgtin:950600013.0435.L1", "quantity": 2 }]);
    let lots = |events: &[Value], known: Option<&str>| {
        let mut asked = Vec::new();
        let document = wrapped(&json!(events)).to_string();
        let read = epcis::read(Profile::medicine(), document.as_bytes(), &mut |class, serial| {
            asked.push(format!("{class} {serial:?}"));
            known.map(str::to_owned)
        });
        let last = read.unwrap().pop().unwrap();
        let about = last.map(|all| all.iter().map(|one| one.subject.as_str().replace(CLASS, "")).collect());
        (about, asked)
    };
    let one_lot = |lot: &str| Ok(vec![format!("/10/{lot}")]);
    assert_eq!(lots(&[shipment(&[&format!("{CLASS}/10/L9/21/A1")])], None), (one_lot("L9"), vec![]));
    assert_eq!(lots(&[by_class], None), (one_lot("L1"), vec![]));
    assert_eq!(lots(&[commissioning(), shipment(&[one, two])], None), (one_lot("L%2F1"), vec![]));
    let (found, asked) = lots(&[shipment(&[one])], Some("L7"));
    assert_eq!((found, asked), (one_lot("L7"), vec![format!("{CLASS} Some(\"A1\")")]));
    assert_eq!(lots(&[shipment(&[one])], None).0, Err(NotTaken::NoLot(format!("{CLASS}/21/A1"))));
    // What the document says counts before what is known elsewhere, and must not contradict itself.
    let wrong = shipment(&[&format!("{CLASS}/10/L9/21/A1")]);
    assert!(matches!(lots(&[commissioning(), wrong], None).0, Err(NotTaken::SeveralLots { .. })));
    let mut again = commissioning();
    again["ilmd"]["cbvmda:lotNumber"] = json!("L2");
    again["epcList"] = json!([one]);
    again["eventID"] = json!("urn:x:2");
    assert!(matches!(
        lots(&[commissioning(), again, shipment(&[one])], None).0,
        Err(NotTaken::SeveralLots { .. })
    ));
}

#[test]
fn packs_of_several_lots_and_units_are_a_draft_each() {
    let event = shipment(&[
        &format!("{CLASS}/10/L1/21/A1"),
        &format!("{CLASS}/10/L2/21/A3"),
        "urn:epc:id:sscc:0614141.1234567890",
        &format!("{CLASS}/10/L1/21/A2"),
    ]);
    let proposals = propose(&event).unwrap();
    let drafts: Vec<_> = proposals.iter().map(|one| (one.kind.as_str(), one.subject.as_str())).collect();
    let unit = "https://id.gs1.org/00/106141412345678908";
    let (first, second) = (format!("{CLASS}/10/L1"), format!("{CLASS}/10/L2"));
    assert_eq!(
        drafts,
        [
            ("medicine.distribution", &*first),
            ("medicine.distribution", &*second),
            ("medicine.shipment", unit)
        ]
    );
    assert_eq!(proposals[2].missing(Profile::medicine()), ["to"]);
}

#[test]
fn many_packs_of_many_lots_are_read_in_time() {
    let mut event = shipment(&[]);
    event["epcList"] = (0..50_000).map(|number| format!("{CLASS}/21/P{number}")).collect();
    let lots =
        (0..50_000).map(|number| json!({ "epcClass": format!("{CLASS}/10/L{number}"), "quantity": 1 }));
    event["quantityList"] = lots.collect();
    assert!(matches!(propose(&event), Err(NotTaken::SeveralLots { .. })));
    event["epcList"] = (0..50_000).map(|number| format!("{CLASS}/10/L{number}/21/P{number}")).collect();
    assert_eq!(propose(&event).unwrap().len(), 50_000);
}

#[test]
fn a_quarter_of_a_million_packs_are_one_draft_in_json_and_in_xml() {
    let links = || (0..250_000).map(|number| format!("urn:epc:id:sgtin:950600013.0435.{number:06}"));
    let mut json = commissioning();
    json["epcList"] = links().collect();
    let json = wrapped(&json!([json])).to_string();
    let epcs: String = links().map(|link| format!("<epc>{link}</epc>\n")).collect();
    let xml = in_xml("1.2").replacen("<epc>urn:epc:id:sgtin:950600013.0435.A1</epc>", &epcs, 1);
    for (text, count) in [(json, 250_000), (xml, 250_001)] {
        assert!(text.len() < epcis::MAX_DOCUMENT);
        let read = read_bytes(Profile::medicine(), text.as_bytes()).unwrap();
        assert_eq!(read[0].as_ref().unwrap()[0].serials.len(), count);
    }
}
