//! A verdict as a screen shows it.

use countersign_custody as custody;
use countersign_custody::{AsOf, Mark, Reason, TimelineEvent, Verdict};
use countersign_ledger::LogName;

use crate::clock::Clock;
use crate::handover::Packed;
use crate::screens::step_key;

/// The answer about a pack.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Answer {
    /// The verdict in a word.
    pub verdict: VerdictKind,
    /// Why, the most important first; empty if everything is in order.
    pub reasons: Vec<Text>,
    /// The product that the code names.
    pub product: Product,
    /// The end of the day on which it expires: by the label, or by what was stated if that is earlier.
    pub expires_millis: Option<u64>,
    /// Other readings of the code that the ledger knows, if it may have been misread: offer these. The reason's key is what
    /// seems to have happened, and its argument `mend` the English words for it.
    pub readings: Vec<Product>,
    /// Who is accountable for the first reason that somebody is accountable for: a SPIFFE ID, or a role's name.
    pub accountable: Option<String>,
    /// What happened to the pack, its lot and its class, in order of time.
    pub history: Vec<Event>,
    /// The checkpoint that it is complete as of; absent if the product is not followed.
    pub checkpoint: Option<u64>,
    /// The moment up to which everything is known: the older one of `logs`.
    pub as_of_millis: Option<u64>,
    /// Each log, and how far it is known: an event of `history` may be younger than `as_of_millis`.
    pub logs: Vec<KnownLog>,
    /// How long ago `as_of_millis` was; absent also if the clock cannot tell.
    pub age_millis: Option<u64>,
    /// Whether the phone's clock can be right.
    pub clock: Clock,
}

/// How far a log is known.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct KnownLog {
    /// The log's name.
    pub log: String,
    /// Its checkpoint.
    pub checkpoint: u64,
    /// When that was cosigned.
    pub as_of_millis: u64,
}

/// The verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum VerdictKind {
    /// The pack is one of a lot whose whole history verifies.
    Authentic,
    /// The data on this phone is not enough for an answer.
    CannotTell,
    /// The code was misread.
    CheckScan,
    /// The product is known, but there is a reason against using it.
    Attention,
    /// A potential suspect: the product is not what its label says, or its history does not hold. Never "fake".
    Suspect,
}

/// A text that the app holds, in every language.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Text {
    /// Its stable key.
    pub key: String,
    /// Its arguments, by name.
    pub arguments: Vec<Argument>,
}

/// An argument of a text.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// An argument's value, to be formatted for the person's language.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Value {
    /// Text, to be shown unchanged.
    Text(String),
    /// The key of a step's title.
    Step(String),
    /// A party: its name, if it is known, and the key of its role's name.
    Party {
        /// The member's name in its domain.
        name: Option<String>,
        /// The role.
        role: String,
    },
    /// A day: milliseconds since 1970, UTC.
    Time(u64),
    /// A moment that matters to the minute: milliseconds since 1970, UTC.
    Moment(u64),
    /// A number.
    Number(u64),
}

/// What a code names.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Product {
    /// The product class as a link: what to follow.
    pub class: String,
    /// The narrowest subject that the code names, as a link.
    pub link: String,
    /// The serial number.
    pub serial: Option<String>,
    /// The end of the day on the label.
    pub expires_millis: Option<u64>,
}

/// Something that happened to a product.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Event {
    /// When it was signed, as its signer claims.
    pub at_millis: u64,
    /// If it was recorded a day or more later: the lower bound on the time of inclusion in the log. Being late is no
    /// accusation.
    pub late_millis: Option<u64>,
    /// Its kind, the key of its title.
    pub kind: String,
    /// Who signed it.
    pub party: String,
    /// Its receiver.
    pub receiver: Option<String>,
    /// If it came in a logistic unit: how many of its packs were scanned. The other packs are inferred to be in it.
    pub unit: Option<Packed>,
    /// If it opened the logistic unit: how many packs came out, and how many went in.
    pub opened: Option<Opened>,
    /// The statement's SHA-256, in hexadecimal.
    pub statement: String,
    /// Whether it fits its place.
    pub in_order: bool,
    /// Whether its signer's certificate, or that of the signer whom it countersigns, had been revoked: it is void, and
    /// to be shown struck out.
    pub is_void: bool,
}

/// An opened logistic unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Opened {
    /// How many packs went in, as the packer stated.
    pub packed: u64,
    /// How many came out, as the unpacker stated.
    pub unpacked: u64,
    /// Whether the two lists are the same.
    pub same: bool,
}

impl Answer {
    pub(crate) fn new(item: &custody::Item, verdict: &Verdict) -> Self {
        let lost = verdict.reasons.iter().find_map(|reason| match reason {
            Reason::Misread { readings, .. } => Some(readings),
            _ => None,
        });
        Self {
            verdict: verdict.kind.into(),
            reasons: verdict.reasons.iter().map(Text::from).collect(),
            product: item.into(),
            expires_millis: verdict.expires_at.map(|at| at.0),
            readings: lost.into_iter().flatten().map(Product::from).collect(),
            accountable: verdict.accountable.as_ref().map(ToString::to_string),
            history: verdict.timeline.iter().map(Event::from).collect(),
            checkpoint: verdict.checkpoint,
            as_of_millis: verdict.as_of.map(|moment| moment.0),
            logs: verdict.logs.iter().map(KnownLog::from).collect(),
            age_millis: verdict.age_millis,
            clock: verdict.clock.into(),
        }
    }
}

impl From<&(LogName, AsOf)> for KnownLog {
    fn from((log, as_of): &(LogName, AsOf)) -> Self {
        Self { log: log.as_str().to_owned(), checkpoint: as_of.size, as_of_millis: as_of.at.0 }
    }
}

impl From<custody::VerdictKind> for VerdictKind {
    fn from(kind: custody::VerdictKind) -> Self {
        match kind {
            custody::VerdictKind::Authentic => Self::Authentic,
            custody::VerdictKind::CannotTell => Self::CannotTell,
            custody::VerdictKind::CheckScan => Self::CheckScan,
            custody::VerdictKind::Attention => Self::Attention,
            custody::VerdictKind::Suspect => Self::Suspect,
        }
    }
}

impl From<&Reason> for Text {
    fn from(reason: &Reason) -> Self {
        let arguments = reason.arguments().into_iter();
        let arguments =
            arguments.map(|(name, value)| Argument { name: name.to_owned(), value: value.into() });
        Self { key: reason.key().to_owned(), arguments: arguments.collect() }
    }
}

impl From<custody::Argument> for Value {
    fn from(argument: custody::Argument) -> Self {
        match argument {
            custody::Argument::Text(text) => Self::Text(text),
            custody::Argument::Step(kind) => Self::Step(step_key(kind.as_str())),
            custody::Argument::Party(party) => Self::Party {
                name: party.identity.as_ref().map(|member| member.name().to_owned()),
                role: party.role,
            },
            custody::Argument::Time(moment) => Self::Time(moment.0),
            custody::Argument::Moment(moment) => Self::Moment(moment.0),
            custody::Argument::Number(number) => Self::Number(number),
        }
    }
}

impl From<&custody::Item> for Product {
    fn from(item: &custody::Item) -> Self {
        let narrowest = item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class);
        Self {
            class: item.class.to_string(),
            link: narrowest.to_string(),
            serial: item.serial.clone(),
            expires_millis: item.expires_at.map(|moment| moment.0),
        }
    }
}

impl From<&TimelineEvent> for Event {
    fn from(event: &TimelineEvent) -> Self {
        Self {
            at_millis: event.at.0,
            late_millis: event.late.map(|moment| moment.0),
            kind: event.kind.as_str().to_owned(),
            party: event.party.to_string(),
            receiver: event.receiver.as_ref().map(ToString::to_string),
            unit: event.aggregate.map(Packed::from),
            opened: event.opened.map(Opened::from),
            statement: event.statement.to_string(),
            in_order: event.mark == Mark::Verified,
            is_void: event.mark == Mark::Void,
        }
    }
}

impl From<custody::Opened> for Opened {
    fn from(custody::Opened { packed, unpacked, same }: custody::Opened) -> Self {
        Self { packed, unpacked, same }
    }
}

#[cfg(test)]
mod tests {
    use countersign_custody::Aggregate;
    use countersign_ledger::{Hash, Identity, Kind, UnixMillis};

    use super::*;

    #[test]
    fn a_late_event_in_a_unit_has_both_times_and_the_number_of_scanned_packs() {
        let event = Event::from(&TimelineEvent {
            at: UnixMillis(1_000),
            kind: Kind::new("medicine.handover").unwrap(),
            title: String::new(),
            party: (&Identity::new("meds.example", "courier", "ann").unwrap()).into(),
            receiver: None,
            countersigned: Vec::new(),
            place: None,
            condition: None,
            reason: None,
            aggregate: Some(Aggregate { count: 20, scanned: 3 }),
            opened: Some(custody::Opened { packed: 20, unpacked: 19, same: false }),
            statement: Hash::of(b"statement"),
            fault: None,
            mark: Mark::Verified,
            late: Some(UnixMillis(90_000_000)),
        });
        assert_eq!((event.at_millis, event.late_millis), (1_000, Some(90_000_000)));
        assert_eq!(event.unit, Some(Packed { packs: 20, scanned: 3 }));
        assert_eq!(event.opened, Some(Opened { packed: 20, unpacked: 19, same: false }));
        assert!(event.in_order && !event.is_void);
    }
}
