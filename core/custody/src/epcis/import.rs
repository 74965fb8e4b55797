//! Events as drafts of statements: what a partner's system reports as made and shipped.
//!
//! A document is untrusted input. It is bounded, nothing in it is fetched, and only words listed in the standard count.

use std::collections::BTreeSet;

use countersign_ledger::{Fields, Identity, Kind, Subject, UnixMillis};
use serde_json::value::RawValue;

use super::key::Key;
use super::refused::{NotADocument, NotTaken};
use super::shape::{Document, Event, Quantity};
use super::{EventType, MAX_DOCUMENT, MAX_EVENTS, time};
use crate::field::RECEIVER;
use crate::profile::Profile;
use crate::step::{Effect, FieldType, Presence, Step};
use crate::subject_type::SubjectType;

/// The business steps that are accepted. Other events must be signed by the people who were there.
const TAKEN: [&str; 3] = ["commissioning", "shipping", "consigning"];

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

/// What each event of a document proposes, or why it is not accepted. A step on single packs gives a proposal for each
/// pack.
pub fn read(profile: &Profile, bytes: &[u8]) -> Result<Vec<Result<Vec<Proposal>, NotTaken>>, NotADocument> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(NotADocument::TooLarge);
    }
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| NotADocument::Malformed(error.to_string()))?;
    if document.kind != "EPCISDocument" || document.schema_version != "2.0" {
        return Err(NotADocument::Other(format!("{} {}", document.kind, document.schema_version)));
    }
    if !document.speaks_gs1() {
        return Err(NotADocument::Vocabulary);
    }
    let events = document.epcis_body.event_list.0;
    if events.len() > MAX_EVENTS {
        return Err(NotADocument::TooManyEvents);
    }
    Ok(events.iter().map(|event| propose(profile, event)).collect())
}

fn propose(profile: &Profile, event: &RawValue) -> Result<Vec<Proposal>, NotTaken> {
    let event: Event =
        serde_json::from_str(event.get()).map_err(|error| NotTaken::Malformed(error.to_string()))?;
    if event.kind != "ObjectEvent" {
        return Err(NotTaken::OtherType(event.kind));
    }
    if event.error_declaration.is_some() {
        return Err(NotTaken::Withdrawn);
    }
    let word = event.biz_step.as_deref().unwrap_or_default();
    let word = TAKEN.into_iter().find(|known| is_word(word, "BizStep", known));
    let word = word.ok_or_else(|| NotTaken::OtherStep(event.biz_step.clone().unwrap_or_default()))?;
    let zone = event.zone.as_deref().and_then(time::offset);
    let at = event.time.as_deref().and_then(time::moment).filter(|_| zone.is_some());
    let at = UnixMillis::from_seconds(at.ok_or(NotTaken::Time)?.seconds());
    let action = event.action.as_deref().unwrap_or_default();
    let is_such = |step: &&Step| {
        step.epcis.iter().any(|rule| {
            rule.event == EventType::Object && rule.step == word && rule.action.as_str() == action
        })
    };
    let step = profile.steps().iter().find(is_such).ok_or(NotTaken::NoStep)?;
    if step.countersigned.is_some() {
        return Err(NotTaken::BothSides);
    }
    let goods = Goods::of(&event)?;
    let (fields, receiver) = fields(step, &event, goods.count)?;
    let serials =
        if matches!(step.effect, Effect::Commission { .. }) { goods.serials.clone() } else { Vec::new() };
    let proposal = |subject| Proposal {
        event: event.id.clone(),
        at,
        kind: step.kind.clone(),
        subject,
        fields: fields.clone(),
        serials: serials.clone(),
        receiver: receiver.clone(),
    };
    Ok(goods.subjects(step)?.into_iter().map(proposal).collect())
}

/// Whether a word is this word of the CBV, in any of the forms in which it may be written.
fn is_word(text: &str, of: &str, word: &str) -> bool {
    let uri = |start: &str, join: &str| {
        text.strip_prefix(start).and_then(|rest| rest.strip_prefix(join)) == Some(word)
    };
    text == word
        || uri("https://ref.gs1.org/cbv/", &format!("{of}-"))
        || uri("cbv:", &format!("{of}-"))
        || uri("urn:epcglobal:cbv:", &format!("{}:", of.to_lowercase()))
}

/// The objects of an event.
struct Goods {
    gtin: Option<String>,
    lot: Option<String>,
    serials: Vec<String>,
    units: Vec<String>,
    count: Option<u64>,
}

impl Goods {
    fn of(event: &Event) -> Result<Self, NotTaken> {
        let classes = event.quantity_list.iter().map(|quantity| &quantity.epc_class);
        let (mut gtins, mut lots) = (BTreeSet::new(), BTreeSet::new());
        let mut goods = Self { gtin: None, lot: None, serials: Vec::new(), units: Vec::new(), count: None };
        for name in event.epc_list.iter().chain(classes) {
            match Key::parse(name).ok_or_else(|| NotTaken::Key(name.clone()))? {
                Key::Item { gtin, lot, serial } => {
                    gtins.insert(gtin);
                    lots.extend(lot);
                    goods.serials.extend(serial);
                }
                Key::Unit { sscc } => goods.units.push(sscc),
            }
        }
        if gtins.is_empty() && goods.units.is_empty() {
            return Err(NotTaken::NoGoods);
        }
        lots.extend(event.ilmd.iter().filter_map(|ilmd| ilmd.lot.clone()));
        lots.extend(event.lot.clone());
        if event.quantity_list.iter().any(|quantity| quantity.uom.is_some()) {
            return Err(NotTaken::Measured);
        }
        if gtins.len() + goods.units.len() > 1 {
            return Err(NotTaken::SeveralProducts);
        }
        if lots.len() > 1 || event.quantity_list.len() > 1 {
            return Err(NotTaken::SeveralLots);
        }
        let mut known = BTreeSet::new();
        if let Some(twice) = goods.serials.iter().find(|serial| !known.insert(serial.as_str())) {
            return Err(NotTaken::Twice(twice.clone()));
        }
        (goods.gtin, goods.lot) = (gtins.pop_first(), lots.pop_first());
        goods.count = counted(event, goods.serials.len() as u64)?;
        Ok(goods)
    }

    /// The subjects of the narrowest level that the step allows and the event names.
    fn subjects(&self, step: &Step) -> Result<Vec<Subject>, NotTaken> {
        let allowed = |level| step.subject.contains(&level);
        let subject = |key: Key| key.subject().ok_or(NotTaken::WrongLevel);
        if let [sscc] = self.units.as_slice() {
            let unit = Key::Unit { sscc: sscc.clone() };
            return if allowed(SubjectType::Unit) {
                Ok(vec![subject(unit)?])
            } else {
                Err(NotTaken::WrongLevel)
            };
        }
        let packs = allowed(SubjectType::Pack) && !self.serials.is_empty();
        if !packs && !allowed(SubjectType::Lot) {
            return Err(NotTaken::WrongLevel);
        }
        let lot = self.lot.clone().ok_or(NotTaken::NoLot)?;
        let gtin = self.gtin.clone().ok_or(NotTaken::NoGoods)?;
        let item = |serial| subject(Key::Item { gtin: gtin.clone(), lot: Some(lot.clone()), serial });
        if packs {
            self.serials.iter().map(|serial| item(Some(serial.clone()))).collect()
        } else {
            Ok(vec![item(None)?])
        }
    }
}

/// The number of packs, as counted or as named.
fn counted(event: &Event, named: u64) -> Result<Option<u64>, NotTaken> {
    let counted = event.quantity_list.first().map(whole).transpose()?.flatten();
    match counted {
        Some(counted) if named > 0 && counted != named => Err(NotTaken::Count { counted, named }),
        None if named > 0 => Ok(Some(named)),
        counted => Ok(counted),
    }
}

/// A number of pieces, which may be written as `200.0`.
fn whole(quantity: &Quantity) -> Result<Option<u64>, NotTaken> {
    let Some(number) = &quantity.count else { return Ok(None) };
    let text = number.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().map(Some).map_err(|_| NotTaken::Measured)
}

/// The fields that the event gives, and the receiver's name if the ledger does not know it.
fn fields(step: &Step, event: &Event, count: Option<u64>) -> Result<(Fields, Option<String>), NotTaken> {
    let mut fields = Fields::new();
    if let Effect::Commission { expiry, count: counts, .. } = &step.effect {
        let day = event.ilmd.as_ref().and_then(|ilmd| ilmd.expiry.as_deref());
        if let (Some(expiry), Some(day)) = (expiry, day) {
            let end = time::end_of_day(day).ok_or_else(|| NotTaken::Expiry(day.to_owned()))?;
            fields.insert(expiry, end.0.into());
        }
        if let Some(count) = count {
            fields.insert(counts, count.into());
        }
    }
    let parties = event.destination_list.iter().filter(|one| is_word(&one.kind, "SDT", "possessing_party"));
    let mut parties = parties.map(|one| one.destination.as_str());
    let (to, other) = (parties.next(), parties.next());
    if other.is_some() {
        return Err(NotTaken::SeveralReceivers);
    }
    let (Some(rule), Some(to)) = (&step.receiver, to) else { return Ok((fields, None)) };
    match Identity::parse(to) {
        Ok(identity) if rule.roles.iter().any(|role| role == identity.role()) => {
            Ok((fields.with(RECEIVER, to), None))
        }
        _ => Ok((fields, Some(to.to_owned()))),
    }
}
