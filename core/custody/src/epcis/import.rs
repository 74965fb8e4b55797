//! Events as drafts of statements: what a partner's system reports as made and shipped.
//!
//! A document is untrusted input. It is bounded, nothing in it is fetched, and only words listed in the standard count.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::{Day, Fields, Identity, Kind, Subject, UnixMillis};
use serde_json::{Map, Value, json};

use super::context::{MASTER_DATA, Names};
use super::form;
use super::found::Found;
use super::key::{self, Key};
use super::refused::{Fault, NotADocument, NotTaken};
use super::{EventType, MAX_DOCUMENT, NAMESPACE, extensions, hash, schema, time, words};
use crate::field::RECEIVER;
use crate::profile::Profile;
use crate::step::{Effect, FieldType, Presence, Step};
use crate::subject_type::SubjectType;

/// The business steps that are accepted. Other events must be signed by the people who were there.
const TAKEN: [&str; 3] = ["commissioning", "shipping", "consigning"];

/// Most bytes that drafts repeat of their events: what an event says of all of its goods, as often as it has drafts.
const MAX_SAID: usize = 4 * MAX_DOCUMENT;

/// A statement that an event proposes. It counts for nothing until somebody signs it as their own statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The event's id.
    pub event: Option<String>,
    /// When it happened, to the second.
    pub at: UnixMillis,
    /// The kind of statement.
    pub kind: Kind,
    /// Its subject.
    pub subject: Subject,
    /// The fields that the event gives.
    pub fields: Fields,
    /// The packs that it commissions, as printed on the labels.
    pub serials: Vec<String>,
    /// The receiver's name in the document, if the ledger does not have it.
    pub receiver: Option<String>,
    /// What the partner has added, and what sensors measured: members of the event, unread, with the context of their
    /// prefixes.
    pub extensions: Map<String, Value>,
}

impl Proposal {
    /// The names of the fields that the signer has to add: neither the event nor the rules give them. `serials` stands
    /// for all fields that follow from the packs.
    pub fn missing(&self, profile: &Profile) -> Vec<String> {
        let Some(step) = profile.step(&self.kind) else { return Vec::new() };
        let of_packs: Vec<&str> = match &step.effect {
            Effect::Commission { count, serials, filter, filter_length, .. } => {
                [count, serials, filter, filter_length].map(String::as_str).to_vec()
            }
            _ => Vec::new(),
        };
        let to = step.receiver.as_ref().map(|_| RECEIVER);
        let asked = step.fields.iter().filter(|(name, rule)| {
            rule.presence == Presence::Required
                && rule.kind != FieldType::Chain
                && !of_packs.contains(&name.as_str())
        });
        let asked = to.into_iter().chain(asked.map(|(name, _)| name.as_str()));
        let mut missing: Vec<String> =
            asked.filter(|name| self.fields.get(name).is_none()).map(str::to_owned).collect();
        if !of_packs.is_empty() && self.serials.is_empty() {
            missing.push("serials".to_owned());
        }
        missing
    }
}

/// What the reader knows of lots beyond the document: the lot of the packs of a class, or of the one with a serial number.
pub type LotOf<'a> = dyn FnMut(&Subject, Option<&str>) -> Option<String> + 'a;

/// What each event of a document proposes, or why it is not taken. A step on single packs gives a proposal for each pack,
/// one on lots for each lot, one on logistic units for each unit. `lot_of` is asked where the document does not name a lot.
pub fn read(
    profile: &Profile,
    bytes: &[u8],
    lot_of: &mut LotOf<'_>,
) -> Result<Vec<Result<Vec<Proposal>, NotTaken>>, NotADocument> {
    let mut entries = Vec::new();
    form::events(bytes, &mut |found| entries.push(Entry::of(found)))?;
    let standing = standing(entries);
    let mut commissioned = Commissioned::default();
    standing.iter().flatten().for_each(|event| commissioned.note(event));
    let mut left = MAX_SAID;
    let propose = |event: Result<Event, NotTaken>| {
        let event = event?;
        let proposals = propose(profile, &event, &commissioned, lot_of)?;
        let rest = left.checked_sub(proposals.len().saturating_mul(event.length()));
        left = rest.ok_or(NotTaken::SaidTooOften)?;
        Ok(proposals
            .into_iter()
            .map(|one| Proposal { extensions: event.extensions.clone(), ..one })
            .collect())
    };
    Ok(standing.into_iter().map(propose).collect())
}

/// The CBV's event hash of each event of a document that can be read, as an id.
pub fn event_ids(bytes: &[u8]) -> Result<Vec<String>, NotADocument> {
    let mut ids = Vec::new();
    form::events(bytes, &mut |found| {
        ids.extend(found.map(|Found { members, names, .. }| hash::id(&members, &names)));
    })?;
    Ok(ids)
}

/// An event in its place, and how it is told from others.
struct Entry {
    id: Option<String>,
    /// The event's hash, which does not know the lots in the names of packs, and these.
    content: Option<(String, BTreeSet<String>)>,
    /// The events that replace it, if it is declared to be wrong.
    withdrawn: Option<Vec<String>>,
    event: Result<Event, NotTaken>,
}

impl Entry {
    fn of(found: Result<Found, NotTaken>) -> Self {
        let Found { members, names, context } = match found {
            Ok(found) => found,
            Err(reason) => return Self { id: None, content: None, withdrawn: None, event: Err(reason) },
        };
        let withdrawn = members.get("errorDeclaration").map(|declaration| {
            let by = declaration.get("correctiveEventIDs").and_then(Value::as_array);
            by.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        });
        let goods = members.get("epcList").and_then(Value::as_array).into_iter().flatten();
        let goods = goods.filter_map(Value::as_str).filter_map(Key::parse);
        let with_lot = goods.filter(|key| matches!(key, Key::Item { lot: Some(_), serial: Some(_), .. }));
        let with_lot = with_lot.filter_map(|key| Some(key.subject()?.as_str().to_owned())).collect();
        let judged = context.map_err(NotTaken::from).and_then(|()| schema::judge(&members, &names));
        Self {
            id: text(&members, "eventID").map(str::to_owned),
            content: Some((hash::id(&members, &names), with_lot)),
            withdrawn,
            event: judged.and_then(|()| Event::of(members, &names)),
        }
    }
}

/// The events that count: not what its sender declared to be wrong, and of the same events the first. A declaration is the
/// event itself once more: it has the event's id, or its content where the event has none.
fn standing(entries: Vec<Entry>) -> Vec<Result<Event, NotTaken>> {
    let (mut ids_withdrawn, mut contents_withdrawn) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        if let Some(by) = &entry.withdrawn {
            ids_withdrawn.extend(entry.id.clone().map(|id| (id, by.clone())));
            contents_withdrawn
                .extend(entry.content.clone().map(|content| (content, (entry.id.is_some(), by.clone()))));
        }
    }
    let withdrawn = |entry: &Entry| {
        let by_id = entry.id.as_ref().or_else(|| Some(&entry.content.as_ref()?.0));
        let by_content = entry.content.as_ref().and_then(|content| contents_withdrawn.get(content));
        let by_content = by_content.filter(|(named, _)| !named || entry.id.is_none()).map(|(_, by)| by);
        by_id.and_then(|id| ids_withdrawn.get(id)).or(by_content).cloned()
    };
    // Where each id, and each content, was met first.
    let (mut ids, mut contents) = (BTreeMap::new(), BTreeMap::new());
    let stand = |(number, entry): (usize, Entry)| {
        let withdrawn = withdrawn(&entry);
        let event = entry.event?;
        if let Some(by) = withdrawn {
            return Err(NotTaken::Withdrawn(by));
        }
        if let Some(first) = entry.content.as_ref().and_then(|content| contents.get(content)) {
            return Err(NotTaken::Repeated(*first));
        }
        if let Some(first) = entry.id.as_ref().and_then(|id| ids.get(id)) {
            return Err(NotTaken::SameId(*first));
        }
        ids.extend(entry.id.map(|id| (id, number)));
        contents.extend(entry.content.map(|content| (content, number)));
        Ok(event)
    };
    (1..).zip(entries).map(stand).collect()
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// What is read of an event.
struct Event {
    kind: String,
    id: Option<String>,
    action: String,
    step: String,
    at: UnixMillis,
    goods: Vec<String>,
    quantities: Vec<Quantity>,
    /// The lots that it names for all of its goods.
    lots: BTreeSet<String>,
    /// The lots in its classes' names, by GTIN.
    lots_of_classes: BTreeMap<String, BTreeSet<String>>,
    expiry: Option<String>,
    /// Type and name of each.
    destinations: Vec<(String, String)>,
    extensions: Map<String, Value>,
}

struct Quantity {
    class: String,
    count: Option<f64>,
    is_measured: bool,
}

impl Event {
    /// How many bytes of it are in each of its drafts.
    fn length(&self) -> usize {
        let names = self.destinations.iter().map(|(_, name)| name.len()).sum::<usize>();
        let extensions =
            if self.extensions.is_empty() { 0 } else { json!(self.extensions).to_string().len() };
        self.id.as_ref().map_or(0, String::len) + names + extensions
    }

    /// Reads an event that has been judged.
    fn of(members: Map<String, Value>, names: &Names) -> Result<Self, NotTaken> {
        let owned = |name| text(&members, name).unwrap_or_default().to_owned();
        let each = |name| members.get(name).and_then(Value::as_array).into_iter().flatten();
        let quantity = |one: &Value| Quantity {
            class: one["epcClass"].as_str().unwrap_or_default().to_owned(),
            count: one.get("quantity").and_then(Value::as_f64),
            is_measured: one.get("uom").is_some(),
        };
        let destination = |one: &Value| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (words::PARTIES.read(&text("type")).unwrap_or_default().to_owned(), text("destination"))
        };
        let at = time::moment(&owned("eventTime")).map_or(0, UnixMillis::seconds);
        let mut event = Self {
            kind: owned("type"),
            id: text(&members, "eventID").map(str::to_owned),
            action: owned("action"),
            step: owned("bizStep"),
            at: UnixMillis::from_seconds(at),
            goods: each("epcList").filter_map(Value::as_str).map(str::to_owned).collect(),
            quantities: each("quantityList").map(quantity).collect(),
            lots: BTreeSet::new(),
            lots_of_classes: BTreeMap::new(),
            expiry: None,
            destinations: each("destinationList").map(destination).collect(),
            extensions: Map::new(),
        };
        for quantity in &event.quantities {
            if let Some(Key::Item { gtin, lot: Some(lot), .. }) = Key::parse(&quantity.class) {
                event.lots_of_classes.entry(gtin).or_default().insert(lot);
            }
        }
        event.read_own(members, names)?;
        Ok(event)
    }

    /// Reads lot and expiry; the rest of what is not EPCIS is kept as it is.
    fn read_own(&mut self, members: Map<String, Value>, names: &Names) -> Result<(), NotTaken> {
        for (name, value) in members {
            if name == "ilmd" {
                let Value::Object(ilmd) = value else { continue };
                let mut others = Map::new();
                for (name, value) in ilmd {
                    match names.expand(&name).strip_prefix(MASTER_DATA) {
                        Some("lotNumber") => self.lots.extend([own_text(&name, &value)?]),
                        Some("itemExpirationDate") => self.expiry = Some(own_text(&name, &value)?),
                        _ => {
                            others.insert(name, value);
                        }
                    }
                }
                if !others.is_empty() {
                    self.extensions.insert("ilmd".to_owned(), others.into());
                }
            } else if let Some(ours) = names.expand(&name).strip_prefix(NAMESPACE) {
                // The lot of single packs, in our own documents.
                if ours == "lot" {
                    self.lots.extend([own_text(&name, &value)?]);
                }
            } else if name == "sensorElementList" || (names.are_own(&name) && name != "@context") {
                self.extensions.insert(name, value);
            }
        }
        self.extensions = extensions::kept(std::mem::take(&mut self.extensions), names);
        if let Some(wrong) = self.lots.iter().find(|lot| !key::is_value(lot)) {
            return Err(NotTaken::Lot(wrong.clone()));
        }
        Ok(())
    }
}

fn own_text(name: &str, value: &Value) -> Result<String, NotTaken> {
    let fault = || Fault { field: name.to_owned(), is: "not a text" };
    Ok(value.as_str().ok_or_else(fault)?.to_owned())
}

/// The lots of the packs that a document commissions, by GTIN and serial number: one, unless it contradicts itself.
#[derive(Default)]
struct Commissioned(BTreeMap<(String, String), BTreeSet<String>>);

impl Commissioned {
    fn note(&mut self, event: &Event) {
        let commissions = event.kind == "ObjectEvent"
            && event.action == "ADD"
            && words::STEP.read(&event.step) == Some("commissioning");
        for name in event.goods.iter().filter(|_| commissions) {
            let Some(Key::Item { gtin, lot, serial: Some(serial) }) = Key::parse(name) else { continue };
            let own: BTreeSet<&String> = event.lots.iter().chain(&lot).collect();
            let class = event.lots_of_classes.get(&gtin).into_iter().flatten();
            let lots: Vec<&String> = if own.is_empty() { class.collect() } else { own.into_iter().collect() };
            let lots = lots.into_iter().cloned();
            self.0.entry((gtin, serial)).or_default().extend(lots);
        }
    }
}

fn propose(
    profile: &Profile,
    event: &Event,
    commissioned: &Commissioned,
    lot_of: &mut LotOf<'_>,
) -> Result<Vec<Proposal>, NotTaken> {
    if event.kind != "ObjectEvent" {
        return Err(NotTaken::OtherType(event.kind.clone()));
    }
    let word = words::STEP.read(&event.step).filter(|word| TAKEN.contains(word));
    let word = word.ok_or_else(|| NotTaken::OtherStep(event.step.clone()))?;
    let is_such = |step: &&Step| {
        step.epcis.iter().any(|rule| {
            rule.event == EventType::Object && rule.step == word && rule.action.as_str() == event.action
        })
    };
    let steps: Vec<&Step> = profile.steps().iter().filter(is_such).collect();
    if steps.is_empty() {
        return Err(NotTaken::NoStep);
    }
    let goods = Goods::of(event, commissioned, lot_of)?;
    let mut proposals = Vec::new();
    for (gtin, lot, item) in &goods.items {
        let levels: &[SubjectType] = if item.serials.is_empty() {
            &[SubjectType::Lot]
        } else {
            &[SubjectType::Pack, SubjectType::Lot]
        };
        let class = Key::Item { gtin: gtin.clone(), lot: None, serial: None };
        let (step, level) = step(&steps, levels, &class)?;
        let key = |serial| Key::Item { gtin: gtin.clone(), lot: Some(lot.clone()), serial };
        if level == SubjectType::Pack {
            for serial in &item.serials {
                proposals.push(proposal(event, step, &key(Some(serial.clone())), None, &[])?);
            }
        } else {
            proposals.push(proposal(event, step, &key(None), item.count()?, &item.serials)?);
        }
    }
    for sscc in &goods.units {
        let unit = Key::Unit { sscc: sscc.clone() };
        let (step, _) = step(&steps, &[SubjectType::Unit], &unit)?;
        proposals.push(proposal(event, step, &unit, None, &[])?);
    }
    Ok(proposals)
}

/// The step for goods of the first of these levels that one allows.
fn step<'a>(
    steps: &[&'a Step],
    levels: &[SubjectType],
    goods: &Key,
) -> Result<(&'a Step, SubjectType), NotTaken> {
    let fits = levels.iter().find_map(|level| {
        let mut allowed = steps.iter().filter(|step| step.subject.contains(level));
        let first = allowed.clone().next()?;
        let alone = allowed.find(|step| step.countersigned.is_none());
        Some((*alone.unwrap_or(first), *level))
    });
    let (step, level) = fits.ok_or_else(|| NotTaken::WrongLevel(goods.epc()))?;
    if step.countersigned.is_some() { Err(NotTaken::BothSides) } else { Ok((step, level)) }
}

fn proposal(
    event: &Event,
    step: &Step,
    goods: &Key,
    count: Option<u64>,
    serials: &[String],
) -> Result<Proposal, NotTaken> {
    let (fields, receiver) = fields(step, event, count)?;
    let commissions = matches!(step.effect, Effect::Commission { .. });
    Ok(Proposal {
        event: event.id.clone(),
        at: event.at,
        kind: step.kind.clone(),
        subject: goods.subject().ok_or_else(|| NotTaken::WrongLevel(goods.epc()))?,
        fields,
        serials: if commissions { serials.to_vec() } else { Vec::new() },
        receiver,
        extensions: Map::new(),
    })
}

/// The objects of an event.
struct Goods {
    /// By GTIN and lot.
    items: Vec<(String, String, Item)>,
    /// By SSCC.
    units: Vec<String>,
}

/// Packs of one lot.
#[derive(Default)]
struct Item {
    serials: Vec<String>,
    counted: Option<u64>,
}

impl Goods {
    fn of(event: &Event, commissioned: &Commissioned, lot_of: &mut LotOf<'_>) -> Result<Self, NotTaken> {
        let mut items: BTreeMap<(String, String), Item> = BTreeMap::new();
        let (mut units, mut named) = (Vec::new(), BTreeSet::new());
        let keys = |names: Vec<&String>| -> Result<Vec<Key>, NotTaken> {
            names
                .into_iter()
                .map(|name| Key::parse(name).ok_or_else(|| NotTaken::Key(name.clone())))
                .collect()
        };
        let (packs, classes) = (
            keys(event.goods.iter().collect())?,
            keys(event.quantities.iter().map(|one| &one.class).collect())?,
        );
        if packs.is_empty() && classes.is_empty() {
            return Err(NotTaken::NoGoods);
        }
        let mut lots = Lots { event, commissioned, lot_of };
        for key in packs {
            if !named.insert(key.epc()) {
                return Err(NotTaken::Twice(key.epc()));
            }
            match key {
                Key::Unit { sscc } => units.push(sscc),
                Key::Item { gtin, lot, serial } => {
                    let lot = lots.of(&gtin, lot, serial.as_deref())?;
                    items.entry((gtin, lot)).or_default().serials.extend(serial);
                }
            }
        }
        for (key, quantity) in classes.into_iter().zip(&event.quantities) {
            let name = key.epc();
            let Key::Item { gtin, lot, serial: None } = key else { return Err(NotTaken::Key(name)) };
            if quantity.is_measured {
                return Err(NotTaken::Measured);
            }
            // A class without its lot counts the packs that are named, if these are of one lot.
            let from = items.range((gtin.clone(), String::new())..);
            let mut of_class =
                from.take_while(|((known, _), _)| *known == gtin).map(|((_, lot), _)| lot.clone());
            let lot = match (lot, of_class.next(), of_class.next()) {
                (None, Some(only), None) => only,
                (lot, ..) => lots.of(&gtin, lot, None)?,
            };
            let item = items.entry((gtin, lot)).or_default();
            if !named.insert(name.clone()) {
                return Err(NotTaken::Twice(name));
            }
            item.counted = quantity.count.map(whole).transpose()?;
        }
        let items = items.into_iter().map(|((gtin, lot), item)| (gtin, lot, item)).collect();
        Ok(Self { items, units })
    }
}

/// A number of pieces, which may be written as `200.0`.
fn whole(count: f64) -> Result<u64, NotTaken> {
    let most = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    if count.fract() == 0.0 && (0.0..=most).contains(&count) {
        Ok(count as u64)
    } else {
        Err(NotTaken::Measured)
    }
}

impl Item {
    /// The number of packs, as counted or as named.
    fn count(&self) -> Result<Option<u64>, NotTaken> {
        let named = self.serials.len() as u64;
        match self.counted {
            Some(counted) if named > 0 && counted != named => Err(NotTaken::Count { counted, named }),
            None if named > 0 => Ok(Some(named)),
            counted => Ok(counted),
        }
    }
}

/// Finds the lot of goods.
struct Lots<'a, 'b> {
    event: &'a Event,
    commissioned: &'a Commissioned,
    lot_of: &'a mut LotOf<'b>,
}

impl Lots<'_, '_> {
    /// The lot that the goods' own name, the event, or its commissioning in the document says; else the one that a class
    /// beside it names; else what is known elsewhere.
    fn of(&mut self, gtin: &str, own: Option<String>, serial: Option<&str>) -> Result<String, NotTaken> {
        let goods = Key::Item { gtin: gtin.to_owned(), lot: None, serial: serial.map(str::to_owned) };
        let known = serial.and_then(|serial| self.commissioned.0.get(&(gtin.to_owned(), serial.to_owned())));
        let known = known.into_iter().flatten().cloned();
        let said: BTreeSet<String> = self.event.lots.iter().cloned().chain(own).chain(known).collect();
        let said = match (said.is_empty(), serial) {
            (true, Some(_)) => self.event.lots_of_classes.get(gtin).cloned().unwrap_or_default(),
            _ => said,
        };
        let mut lots = said.iter();
        match (lots.next(), lots.next()) {
            (Some(lot), None) => return Ok(lot.clone()),
            (Some(_), Some(_)) => {
                let lots = said.into_iter().take(5).collect::<Vec<_>>().join(", ");
                return Err(NotTaken::SeveralLots { goods: goods.epc(), lots });
            }
            _ => {}
        }
        let class = Key::Item { gtin: gtin.to_owned(), lot: None, serial: None };
        let lot = class.subject().and_then(|class| (self.lot_of)(&class, serial));
        let lot = lot.ok_or_else(|| NotTaken::NoLot(goods.epc()))?;
        if key::is_value(&lot) { Ok(lot) } else { Err(NotTaken::Lot(lot)) }
    }
}

/// The fields that the event gives, and the receiver's name if the ledger does not know it.
fn fields(step: &Step, event: &Event, count: Option<u64>) -> Result<(Fields, Option<String>), NotTaken> {
    let mut fields = Fields::new();
    if let Effect::Commission { expiry, count: counts, .. } = &step.effect {
        if let (Some(expiry), Some(day)) = (expiry, &event.expiry) {
            let end = day.parse::<Day>().map_err(|_| NotTaken::Expiry(day.clone()))?.ends();
            fields.insert(expiry, end.0.into());
        }
        if let Some(count) = count {
            fields.insert(counts, count.into());
        }
    }
    // Some partners name only who owns the goods then.
    let of = |kind: &str| event.destinations.iter().filter(|(known, _)| known == kind).collect::<Vec<_>>();
    let parties =
        Some(of("possessing_party")).filter(|all| !all.is_empty()).unwrap_or_else(|| of("owning_party"));
    let to = match parties.as_slice() {
        [] => return Ok((fields, None)),
        [(_, to)] => to,
        _ => return Err(NotTaken::SeveralReceivers),
    };
    let Some(rule) = &step.receiver else { return Ok((fields, None)) };
    match Identity::parse(to) {
        Ok(identity) if rule.roles.iter().any(|role| role == identity.role()) => {
            Ok((fields.with(RECEIVER, to.as_str()), None))
        }
        _ => Ok((fields, Some(to.clone()))),
    }
}
