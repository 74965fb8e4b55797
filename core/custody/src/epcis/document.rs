//! Statements as events.
//!
//! - An event's time is the statement's, in UTC; a statement has no other zone. There is no record time, since the
//!   ledger orders statements and keeps no clock of its own.
//! - Goods are named by canonical GS1 Digital Links, so a pack is named without its lot; the lot is a separate field.
//! - Parties are named by their identities in the ledger, as `possessing_party`. End users (patients, consumers) are
//!   not named: they are not a partner's business.
//! - An event's id is its hash, as the CBV has it, so whoever has the event can tell whether it was changed.
//! - Terms that EPCIS lacks are under [`NAMESPACE`]; one of them is the id of the statement in the ledger.
//! - What is in a unit is named pack by pack where its list is given, and else by lots.

use countersign_ledger::{Hash, Kind, Placed, Subject, UnixMillis};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::context::{MASTER_DATA, Names};
use super::key::Key;
use super::{Action, EventType, NAMESPACE, Rule, hash};
use crate::contents::{Contents, aggregate, digest_in, opened};
use crate::field::receiver;
use crate::field::{CONDITION, PLACE, REASON};
use crate::profile::Profile;
use crate::step::{Effect, Step};
use crate::subject_type::SubjectType;

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
/// Steps by which goods change hands, besides those that the profile marks as such.
const MOVES: [&str; 4] = ["shipping", "consigning", "accepting", "receiving"];
/// For a unit that was received by its own code, and for one whose packs were scanned one by one.
const INFERRED: &str = "completeness_inferred";
const VERIFIED: &str = "completeness_verified";

/// A document, and which statements are not in it.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The document (JSON-LD).
    pub document: Value,
    /// What is left out, in order.
    pub left_out: Vec<LeftOut>,
}

/// A statement that is no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// The statement.
    pub statement: Hash,
    /// Its kind.
    pub kind: Kind,
    /// Why.
    pub why: NotAnEvent,
}

/// Why a statement is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// The profile has no event for this kind of statement, by this signer.
    #[error("the profile has no event for it")]
    NoRule,
    /// It is about something else than goods.
    #[error("it is about no goods")]
    NoGoods,
    /// What was packed is not known: neither its list is here, nor the statements on its lots.
    #[error("what is in the unit is not known here")]
    Contents,
}

/// What a document can refer to beside its own statements.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// Statements that others link: those on the lots of what was packed.
    pub linked: &'a [&'a Placed],
    /// Lists of what is in units. One that no packing names is ignored.
    pub contents: &'a [Contents],
}

/// What an event is made from.
struct Source<'a> {
    profile: &'a Profile,
    statements: &'a [&'a Placed],
    around: Around<'a>,
}

/// A document, made at `now`, of those among `statements` that are events by the profile, in the order given. They
/// should be sound: a document cannot show that a statement does not fit its place.
pub fn document(profile: &Profile, statements: &[&Placed], around: Around<'_>, now: UnixMillis) -> Exported {
    let source = Source { profile, statements, around };
    let (mut events, mut left_out) = (Vec::new(), Vec::new());
    for one in statements {
        match event(&source, one) {
            Ok(event) => events.push(event),
            Err(why) => {
                left_out.push(LeftOut { statement: one.id(), kind: one.statement().kind().clone(), why });
            }
        }
    }
    let document = json!({
        "@context": [CONTEXT, { "countersign": NAMESPACE, "cbvmda": MASTER_DATA }],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": now.to_string(),
        "epcisBody": { "eventList": events },
    });
    Exported { document, left_out }
}

/// A document as the text of a file. The type of each object comes first: there are implementations of the event hash that take
/// sources and destinations in the order in which they are written.
pub fn text(document: &Value) -> String {
    serde_json::to_string_pretty(&TypeFirst(document)).unwrap_or_default() + "\n"
}

struct TypeFirst<'a>(&'a Value);

impl Serialize for TypeFirst<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(values) => serializer.collect_seq(values.iter().map(TypeFirst)),
            Value::Object(members) => {
                let is_type = |name: &str| name == "type";
                let first = members.iter().filter(|(name, _)| is_type(name));
                let all = first.chain(members.iter().filter(|(name, _)| !is_type(name)));
                serializer.collect_map(all.map(|(name, value)| (name, TypeFirst(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

fn event(source: &Source<'_>, statement: &Placed) -> Result<Value, NotAnEvent> {
    let step = source.profile.step(statement.statement().kind()).ok_or(NotAnEvent::NoRule)?;
    let role = statement.signer().identity().role();
    let fits = |rule: &&Rule| rule.when_signer.as_ref().is_none_or(|one| one == role);
    let rule = step.epcis.iter().find(fits).ok_or(NotAnEvent::NoRule)?;
    let mut event = Event(Map::new());
    event.put("countersign:statement", statement.id().to_string());
    event.put("action", rule.action.as_str());
    event.put("bizStep", rule.step.as_str());
    event.put("disposition", rule.disposition.as_str());
    event.put("eventTime", statement.statement().issued_at().to_string());
    event.put("eventTimeZoneOffset", "+00:00");
    match rule.event {
        EventType::Object => object(&mut event, source, step, rule, statement)?,
        EventType::Aggregation => aggregation(&mut event, source, rule, statement)?,
    }
    hands(&mut event, step, rule, statement);
    said(&mut event, step, statement);
    let id = hash::id(&event.0, &Names::gs1());
    event.put("eventID", id);
    Ok(Value::Object(event.0))
}

struct Event(Map<String, Value>);

impl Event {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

/// The goods, and what the event means for them.
fn object(
    event: &mut Event,
    source: &Source<'_>,
    step: &Step,
    rule: &Rule,
    statement: &Placed,
) -> Result<(), NotAnEvent> {
    let all = source.statements;
    let subject = statement.statement().subject();
    event.put("type", "ObjectEvent");
    let level = SubjectType::of(subject).ok_or(NotAnEvent::NoGoods)?;
    match level {
        SubjectType::Pack | SubjectType::Unit => {
            event.put("epcList", json!([name(subject)]));
            if let Some(Key::Item { lot: Some(lot), .. }) = Key::parse(subject.as_str()) {
                event.put("countersign:lot", lot);
            }
        }
        SubjectType::Class | SubjectType::Lot => {
            event.put("quantityList", json!([quantity(step, statement)]));
        }
        SubjectType::Matter => return Err(NotAnEvent::NoGoods),
    }
    let persistent = match step.effect {
        Effect::Recall | Effect::Suspend => Some(json!({ "set": [rule.disposition] })),
        Effect::Lift => suspended(source.profile).map(|disposition| json!({ "unset": [disposition] })),
        Effect::None | Effect::Pack | Effect::Unpack if level == SubjectType::Unit => {
            Some(json!({ "set": [completeness(statement, all)] }))
        }
        _ => None,
    };
    if let Some(persistent) = persistent {
        event.put("persistentDisposition", persistent);
    }
    if rule.action == Action::Add {
        event.put("ilmd", ilmd(step, statement));
    }
    Ok(())
}

/// The name of goods; their subject itself if the key is not valid by GS1 rules, which the ledger does not require.
fn name(subject: &Subject) -> String {
    Key::parse(subject.as_str()).map_or_else(|| subject.as_str().to_owned(), |key| key.epc())
}

/// Whether a unit's contents were seen when it changed hands, according to the latest packing before.
fn completeness(statement: &Placed, all: &[&Placed]) -> &'static str {
    match packing(statement, all).and_then(|packing| aggregate(statement, packing)) {
        Some(aggregate) if aggregate.inferred() == 0 => VERIFIED,
        _ => INFERRED,
    }
}

/// The CBV's term if other contents came out of a unit than went in.
fn mismatch(statement: &Placed, all: &[&Placed]) -> Option<&'static str> {
    let opened = opened(statement, packing(statement, all)?)?;
    match (opened.same, opened.packed == opened.unpacked) {
        (true, _) => None,
        (false, true) => Some("mismatch_instance"),
        (false, false) => Some("mismatch_quantity"),
    }
}

/// The latest packing of a unit before a statement on it.
fn packing<'a>(statement: &Placed, all: &[&'a Placed]) -> Option<&'a Placed> {
    let before = all.iter().take_while(|one| one.id() != statement.id());
    let same = before.filter(|one| one.statement().subject() == statement.statement().subject());
    same.filter(|one| digest_in(one).is_some()).last().copied()
}

/// The disposition that a suspension sets.
fn suspended(profile: &Profile) -> Option<&str> {
    let suspension = profile.steps().iter().find(|step| step.effect == Effect::Suspend)?;
    Some(&suspension.epcis.first()?.disposition)
}

/// A class or a lot, and how many packs of it, if the statement counts them.
fn quantity(step: &Step, statement: &Placed) -> Value {
    let mut quantity = json!({ "epcClass": name(statement.statement().subject()) });
    if let Effect::Commission { count, .. } = &step.effect
        && let Some(count) = statement.fields().uint(count)
    {
        quantity["quantity"] = json!(count);
    }
    quantity
}

/// Master data of commissioned goods.
fn ilmd(step: &Step, statement: &Placed) -> Value {
    let mut ilmd = Map::new();
    if let Some(Key::Item { lot: Some(lot), .. }) = Key::parse(statement.statement().subject().as_str()) {
        ilmd.insert("cbvmda:lotNumber".to_owned(), json!(lot));
    }
    if let Effect::Commission { expiry: Some(expiry), .. } = &step.effect
        && let Some(expiry) = statement.fields().uint(expiry)
    {
        let day: String = UnixMillis(expiry).to_string().chars().take(10).collect();
        ilmd.insert("cbvmda:itemExpirationDate".to_owned(), json!(day));
    }
    Value::Object(ilmd)
}

/// A unit and its contents: each pack if the list is here, else packs of the lots whose statements it links, with their count
/// if they are of one lot. A packing of which neither is known gives no event.
fn aggregation(
    event: &mut Event,
    source: &Source<'_>,
    rule: &Rule,
    statement: &Placed,
) -> Result<(), NotAnEvent> {
    event.put("type", "AggregationEvent");
    event.put("parentID", name(statement.statement().subject()));
    if rule.action == Action::Delete
        && let Some(mismatch) = mismatch(statement, source.statements)
    {
        event.put("disposition", mismatch);
    }
    if let Some(list) = source.around.contents.iter().find(|list| list.is_of(statement)) {
        event.put("childEPCs", list.packs().map(name).collect::<Vec<_>>());
        return Ok(());
    }
    let known = || source.statements.iter().chain(source.around.linked);
    let of = |link: &Hash| {
        let linked = known().find(|one| one.id() == *link)?.statement().subject();
        (SubjectType::of(linked) == Some(SubjectType::Lot)).then(|| name(linked))
    };
    let lots: Vec<String> = statement.links().iter().filter_map(of).collect();
    let count = statement.fields().uint("count");
    let children: Vec<Value> = match (lots.as_slice(), count) {
        ([lot], Some(count)) => vec![json!({ "epcClass": lot, "quantity": count })],
        (lots, _) => lots.iter().map(|lot| json!({ "epcClass": lot })).collect(),
    };
    match (children.is_empty(), rule.action) {
        (true, Action::Delete) => Ok(()),
        (true, _) => Err(NotAnEvent::Contents),
        (false, _) => {
            event.put("childQuantityList", children);
            Ok(())
        }
    }
}

/// The parties: from whom, to whom.
fn hands(event: &mut Event, step: &Step, rule: &Rule, statement: &Placed) {
    if step.custody.is_none() && !MOVES.contains(&rule.step.as_str()) {
        return;
    }
    let signer = statement.signer().identity().clone();
    let (from, to) = match (statement.countersigned(), receiver(statement)) {
        (Some(offer), _) => (offer.signer().identity().clone(), signer),
        (None, Some(receiver)) => (signer, receiver),
        (None, None) => return,
    };
    event.put("sourceList", json!([{ "type": "possessing_party", "source": from.as_str() }]));
    if !takes_for_themselves(step, statement) {
        event.put("destinationList", json!([{ "type": "possessing_party", "destination": to.as_str() }]));
    }
}

/// Whether the signer is the end user.
fn takes_for_themselves(step: &Step, statement: &Placed) -> bool {
    step.effect == Effect::Dispense && statement.countersigned().is_some()
}

/// The statement behind the event: its kind, its signer, and the signer's words.
fn said(event: &mut Event, step: &Step, statement: &Placed) {
    event.put("countersign:kind", statement.statement().kind().as_str());
    if !takes_for_themselves(step, statement) {
        event.put("countersign:signer", statement.signer().identity().as_str());
    }
    for field in [PLACE, CONDITION, REASON] {
        match statement.fields().text(field) {
            Some(place) if field == "place" && is_location(place) => {
                event.put("readPoint", json!({ "id": place }));
            }
            Some(text) => event.put(&format!("countersign:{field}"), text),
            None => {}
        }
    }
}

/// Whether a place has a form that EPCIS allows: coordinates, or a GS1 Digital Link of a location.
fn is_location(place: &str) -> bool {
    let uri = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/,;=%".contains(&c);
    (place.starts_with("geo:") || place.starts_with("https://id.gs1.org/414/")) && place.bytes().all(uri)
}
