//! Histories as EPCIS 2.0 documents, against GS1's own schema, and back.

use countersign_custody::epcis::{self, Around, NotAnEvent, Proposal};
use countersign_custody::{Contents, Profile, ProfileError};
use countersign_ledger::{Entry, Fields, Kind, LogName, Subject};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{assert_valid, commissioning, document, events, in_xml, placed, propose, read, read_bytes};
use crate::play::{CLASS, DOMAIN, EXPIRY, LOT, NOW, Play, SERIAL, identity};
use crate::road::{PIECE, Road, at};

fn steps(document: &Value) -> Vec<&str> {
    events(document).iter().map(|event| event["bizStep"].as_str().unwrap()).collect()
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
    assert_eq!(event["countersign:statement"], play.latest("commission").id().to_string());
    // The id is the event's hash: it names what the event says, and nothing else.
    let id = event["eventID"].as_str().unwrap();
    assert!(id.starts_with("ni:///sha-256;") && id.ends_with("?ver=CBV2.0"), "{id}");
    assert_eq!(self::document(&Play::whole())["epcisBody"]["eventList"][1]["eventID"].as_str(), Some(id));
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
    // The type of each comes first in the file, and nothing else changes.
    let text = epcis::text(&document);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    let sources =
        text.split("\"sourceList\": [").skip(1).map(|rest| rest.trim_start_matches([' ', '\n', '{']));
    assert!(
        sources.clone().count() > 0 && sources.into_iter().all(|rest| rest.starts_with("\"type\"")),
        "{text}"
    );
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
    let text = include_str!("../../../profiles/medicine.toml");
    for word in ["\"commissioning\"", "\"in_transit\""] {
        let wrong = text.replace(word, "\"vanishing\"");
        assert_ne!(wrong, text);
        assert!(matches!(Profile::parse(&wrong), Err(ProfileError::Syntax(_))));
    }
    let wrong = text.replace("when-signer = \"courier\", action", "when-signer = \"nobody\", action");
    assert!(matches!(Profile::parse(&wrong), Err(ProfileError::UnknownRole { .. })));
}

#[test]
fn a_piece_in_our_own_document_is_read_with_its_lot() {
    let road = Road::new();
    let chain = road.to_the_courier();
    let order = road.placed(chain.last().clone(), 1).into_standing().unwrap();
    let document = epcis::document(&road.profile, &[&order], Around::default(), at(30)).document.to_string();
    let proposals = read_bytes(&road.profile, document.as_bytes()).unwrap().remove(0).unwrap();
    let [proposal] = proposals.as_slice() else { panic!("{proposals:?}") };
    assert_eq!((&proposal.kind, &proposal.subject), (order.statement().kind(), order.statement().subject()));
    assert_eq!(proposal.fields.text("to"), order.fields().text("to"));
    assert_eq!(proposal.missing(&road.profile), ["order"]);
}

#[test]
fn what_a_partner_added_survives_import_and_export_unread() {
    let sensors = commissioning()["sensorElementList"].clone();
    let json = propose(&commissioning()).unwrap().remove(0).extensions;
    assert_eq!(json["sensorElementList"], sensors);
    assert_eq!(json["ilmd"], json!({ "x:colour": [1] }));
    assert_eq!(json["@context"], json!({ "x": "urn:x:" }));
    let xml = read_bytes(Profile::medicine(), in_xml("1.2").as_bytes()).unwrap();
    let xml = xml.into_iter().next().unwrap().unwrap().remove(0).extensions;
    assert_eq!(xml["ns1:note"], json!({ "by": "me", "text": "fragile & cold" }));
    assert_eq!(
        (&xml["ilmd"], &xml["@context"]),
        (&json!({ "ns1:colour": "red" }), &json!({ "ns1": "http://x.example/" }))
    );

    let play = Play::whole();
    let plain = document(&play);
    let commission = play.latest("commission").id();
    for kept in [Value::from(json), Value::from(xml)] {
        let mut written = plain.clone();
        epcis::extend(&mut written, |statement| {
            (statement == commission).then(|| kept.as_object().unwrap().clone())
        });
        assert_valid(&written);
        let [_, event, ..] = events(&written) else { panic!("{written:#}") };
        assert_ne!(event["eventID"], events(&plain)[1]["eventID"]);
        assert_eq!(event["eventID"], epcis::event_ids(written.to_string().as_bytes()).unwrap()[1]);
        assert_eq!(event["ilmd"]["cbvmda:lotNumber"], "L1");
        let back = read(&written).remove(1).unwrap().remove(0);
        assert_eq!((back.extensions, back.subject.as_str()), (kept.as_object().unwrap().clone(), LOT));
    }
    // What would turn the meaning of an event is left out.
    for wrong in [
        json!({ "@context": { "action": "urn:x:" }, "x:y": 1 }),
        json!({ "action": "DELETE" }),
        json!({ "x:y": { "@context": "https://example.com/" } }),
        json!({ "sensorElementList": [{}] }),
    ] {
        let mut written = plain.clone();
        epcis::extend(&mut written, |_| wrong.as_object().cloned());
        assert_eq!(written, plain, "{wrong}");
    }
}

/// A text as written in a link.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|c| if c.is_ascii_alphanumeric() { char::from(c).to_string() } else { format!("%{c:02X}") })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Kind, goods, time, count, expiry and receiver survive; what follows from the packs does not leave the ledger.
    #[test]
    fn what_is_written_is_read_as_the_same_facts(
        lot in "[!\"%-?A-Z_a-z]{1,20}", count in 1_u64..1_000_000, days in 0_u64..20_000, name in "[a-z]{1,12}",
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
            prop_assert!(proposal.event.as_deref().is_some_and(|id| id.starts_with("ni:///sha-256;")));
            for (field, value) in proposal.fields.iter() {
                prop_assert_eq!(Some(value), statement.fields().get(field));
            }
        }
        prop_assert_eq!(back[0].fields.uint("count"), Some(count));
        prop_assert_eq!(back[0].fields.uint("expiry"), Some(expiry));
        prop_assert_eq!(back[1].fields.text("to"), Some(to.as_str()));
    }
}
