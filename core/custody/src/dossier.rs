//! Everything that is proven of one product class, judged once, so that a verdict is a look-up.

use std::collections::BTreeMap;

use countersign_ledger::{Entry, Hash, IndexEntry, Kind, LogName, Placed, Subject, UnixMillis};

use crate::alert::{Alert, standing_alerts};
use crate::audit::{Audit, Finding, History, Judged};
use crate::conflict::{Conflict, Dispute, conflicts, dispute};
use crate::facts::{AsOf, Facts, LotFacts};
use crate::fault::Party;
use crate::filter::SerialFilter;
use crate::lateness::Lateness;
use crate::profile::Profile;
use crate::step::{After, Covers, Effect, Step};
use crate::subject_type::SubjectType;
use crate::timeline::{Mark, TimelineEvent};
use crate::unit::UnitFile;

/// Everything that is proven of one product class, judged.
#[derive(Clone, Debug)]
pub struct Dossier {
    pub(crate) class: Subject,
    pub(crate) members: BTreeMap<Hash, IndexEntry>,
    pub(crate) lots: BTreeMap<Subject, LotFile>,
    pub(crate) units: Vec<UnitFile>,
    pub(crate) alerts: BTreeMap<Subject, Vec<Alert>>,
    pub(crate) alert_events: BTreeMap<Subject, Vec<TimelineEvent>>,
    /// When the last of the class's certificates expires; `None` if it has none, or if its use does not depend on one.
    pub(crate) certified_until: Option<UnixMillis>,
    pub(crate) pack_record: PackRecord,
    pub(crate) state: State,
    pub(crate) supply: AsOf,
    pub(crate) trust: AsOf,
}

/// What a statement on a pack in the index means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PackRecord {
    /// The pack was dispensed, and after each further one that was taken back or it was dispensed again: the profile has no
    /// other kinds on packs.
    Dispensed,
    /// It may be of several kinds.
    Something,
}

/// One lot, judged.
#[derive(Clone, Debug)]
pub(crate) struct LotFile {
    pub(crate) finding: Option<Finding>,
    pub(crate) commission: Option<Commission>,
    pub(crate) gap: Option<Gap>,
    pub(crate) filter: FilterState,
    pub(crate) state: State,
    pub(crate) packs: BTreeMap<Hash, IndexEntry>,
    pub(crate) followed: BTreeMap<Subject, PackFile>,
    pub(crate) events: Vec<TimelineEvent>,
}

/// The values that a lot's commission fixes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commission {
    pub(crate) statement: Hash,
    /// `None` for goods that do not expire.
    pub(crate) expiry: Option<UnixMillis>,
    filter: Hash,
    filter_length: u64,
}

/// The step that is missing on the way to the public, and who should have made it.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub(crate) step: Kind,
    pub(crate) party: Party,
}

#[derive(Clone, Debug)]
pub(crate) enum FilterState {
    Missing,
    Damaged,
    Ready(SerialFilter),
}

/// Whether a history matches the count and the latest statement in the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Intact,
    Damaged,
}

/// One pack that is followed, judged.
#[derive(Clone, Debug)]
pub(crate) struct PackFile {
    pub(crate) finding: Option<Finding>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) dispute: Option<Dispute>,
    pub(crate) dispensed: Option<TimelineEvent>,
    pub(crate) state: State,
    pub(crate) events: Vec<TimelineEvent>,
}

impl Dossier {
    /// Judges `facts` by the profile's rules. Signatures and completeness have been verified before.
    pub fn new(profile: &Profile, facts: Facts) -> Self {
        let class = History { log: LogName::SUPPLY, domain: Some(&facts.domain), entries: &facts.history };
        let recorded = Lateness::new(&facts.earlier, facts.entries());
        let class_events = events(profile, &profile.audit(&class, &[]), class.entries, &recorded);
        let (alerts, alert_events) = standing_alerts(profile, &facts);
        let dependencies = facts.dependencies.values().map(|entries| History { entries, ..class });
        let dependencies: Vec<History<'_>> = [class].into_iter().chain(dependencies).collect();
        let lots = facts.lots.iter().map(|lot| {
            let entry = facts.members.get(&digest(&lot.subject));
            let mut file = LotFile::new(profile, &dependencies, lot, entry, &recorded);
            file.events.splice(..0, class_events.iter().cloned());
            (lot.subject.clone(), file)
        });
        let lots: BTreeMap<Subject, LotFile> = lots.collect();
        // A unit is packed from lots, of this class or of others.
        let of_lots = facts.lots.iter().map(|lot| History { entries: &lot.history, ..class });
        let dependencies = [dependencies, of_lots.collect()].concat();
        let units = facts.units.iter().flat_map(|unit| {
            let history = History { entries: &unit.history, ..class };
            UnitFile::all(profile, unit, &history, &dependencies, |audit, entries| {
                events(profile, audit, entries, &recorded)
            })
        });
        let units: Vec<UnitFile> = units.collect();
        let whole = facts
            .units
            .iter()
            .all(|unit| state(&unit.subject, &unit.history, unit.entry.as_ref()) == State::Intact);
        Self {
            lots,
            units,
            alerts,
            alert_events,
            state: match facts.members.get(&digest(&facts.class)) {
                _ if !whole => State::Damaged,
                None if facts.history.is_empty() => State::Intact,
                entry => state(&facts.class, &facts.history, entry),
            },
            certified_until: certified_until(profile, &facts.history),
            pack_record: pack_record(profile),
            members: facts.members,
            supply: facts.supply,
            trust: facts.trust,
            class: facts.class,
        }
    }

    /// The product class.
    pub const fn class(&self) -> &Subject {
        &self.class
    }

    /// The lots, of those that are known here, that a serial number is of. Only lots whose commission stands count.
    pub fn lots_of<'a>(&'a self, serial: &'a str) -> impl Iterator<Item = &'a Subject> {
        let holds = move |lot: &LotFile| match &lot.filter {
            FilterState::Ready(filter) => lot.commission.is_some() && filter.contains(serial),
            FilterState::Missing | FilterState::Damaged => false,
        };
        self.lots.iter().filter(move |(_, lot)| holds(lot)).map(|(subject, _)| subject)
    }

    /// The moment up to which everything here is known: that of the older of the two checkpoints.
    pub fn as_of(&self) -> UnixMillis {
        self.supply.at.min(self.trust.at)
    }

    /// The moment of the younger of the two: it has passed.
    pub(crate) fn known_until(&self) -> UnixMillis {
        self.supply.at.max(self.trust.at)
    }

    /// Whether a lot is proven to have a serial.
    pub fn holds(&self, lot: &Subject, serial: &str) -> bool {
        let filter = self.lots.get(lot).map(|lot| &lot.filter);
        matches!(filter, Some(FilterState::Ready(filter)) if filter.contains(serial))
    }

    /// Whether the class has such a lot.
    pub(crate) fn has_lot(&self, lot: &Subject) -> bool {
        self.members.contains_key(&digest(lot))
    }
}

impl LotFile {
    /// `dependencies`: the histories that the lot builds on, the class's first.
    fn new(
        profile: &Profile,
        dependencies: &[History<'_>],
        lot: &LotFacts,
        entry: Option<&IndexEntry>,
        recorded: &Lateness,
    ) -> Self {
        let domain = dependencies.first().and_then(|class| class.domain);
        let history = History { log: LogName::SUPPLY, domain, entries: &lot.history };
        let audit = profile.audit(&history, dependencies);
        let commission = commission(profile, &lot.history);
        let dependencies = [dependencies, &[history]].concat();
        let followed = lot.followed.iter().map(|(pack, entries)| {
            let entry = lot.packs.get(&digest(pack));
            let pack_history = History { entries, ..history };
            (pack.clone(), PackFile::new(profile, &pack_history, &dependencies, entry, recorded))
        });
        Self {
            gap: gap(profile, &lot.history, &audit),
            filter: filter_state(lot.filter.as_deref(), commission),
            state: state(&lot.subject, &lot.history, entry),
            followed: followed.collect(),
            packs: lot.packs.clone(),
            events: events(profile, &audit, &lot.history, recorded),
            finding: audit.finding,
            commission,
        }
    }
}

impl PackFile {
    fn new(
        profile: &Profile,
        history: &History<'_>,
        dependencies: &[History<'_>],
        entry: Option<&IndexEntry>,
        recorded: &Lateness,
    ) -> Self {
        let audit = profile.audit(history, dependencies);
        let events = events(profile, &audit, history.entries, recorded);
        let effect = |event: &TimelineEvent| profile.step(&event.kind).map(|step| &step.effect);
        // What was taken back by the rules was not done; what breaks them takes nothing back.
        let dispensed = events.iter().fold(None, |dispensed, event| match (effect(event), event.mark) {
            (Some(Effect::Dispense), Mark::Verified | Mark::AtFault) => dispensed.or(Some(event)),
            (Some(Effect::UndoDispense), Mark::Verified) => None,
            _ => dispensed,
        });
        let subject = history.entries.first().map(|first| first.verified().statement().subject());
        Self {
            conflicts: conflicts(profile, history.entries, &audit),
            dispute: dispute(profile, history.entries, &audit),
            dispensed: dispensed.cloned(),
            state: match subject {
                Some(subject) => state(subject, history.entries, entry),
                None if entry.is_some() => State::Damaged,
                None => State::Intact,
            },
            events,
            finding: audit.finding,
        }
    }
}

/// The digest under which the index lists a subject within its family.
pub(crate) fn digest(subject: &Subject) -> Hash {
    Hash::of(subject.as_str().as_bytes())
}

fn events(profile: &Profile, audit: &Audit, history: &[Entry], recorded: &Lateness) -> Vec<TimelineEvent> {
    let each = audit.steps.iter().zip(history);
    each.map(|(step, entry)| TimelineEvent {
        late: recorded.late(entry),
        ..TimelineEvent::new(profile, step)
    })
    .collect()
}

/// The standing statements of a history.
fn standing(history: &[Entry]) -> impl DoubleEndedIterator<Item = &Placed> {
    history.iter().filter_map(Entry::standing)
}

fn commission(profile: &Profile, history: &[Entry]) -> Option<Commission> {
    standing(history).find_map(|statement| {
        let step = profile.step(statement.statement().kind())?;
        let Effect::Commission { expiry, filter, filter_length, .. } = &step.effect else { return None };
        let fields = statement.fields();
        Some(Commission {
            statement: statement.id(),
            expiry: match expiry {
                Some(expiry) => Some(UnixMillis(fields.uint(expiry)?)),
                None => None,
            },
            filter: fields.hash(filter)?,
            filter_length: fields.uint(filter_length)?,
        })
    })
}

fn filter_state(bytes: Option<&[u8]>, commission: Option<Commission>) -> FilterState {
    let (Some(bytes), Some(commission)) = (bytes, commission) else { return FilterState::Missing };
    if bytes.len() as u64 != commission.filter_length || Hash::of(bytes) != commission.filter {
        return FilterState::Damaged;
    }
    SerialFilter::parse(bytes).map_or(FilterState::Damaged, FilterState::Ready)
}

fn state(subject: &Subject, history: &[Entry], entry: Option<&IndexEntry>) -> State {
    let whole = entry.is_some_and(|entry| {
        entry.count == history.len() as u64 && history.last().is_some_and(|last| last.id() == entry.latest)
    });
    let own = history.iter().all(|entry| entry.verified().statement().subject() == subject);
    if whole && own { State::Intact } else { State::Damaged }
}

/// The first step on the way to the profile's `complete` that the history lacks.
fn gap(profile: &Profile, history: &[Entry], audit: &Audit) -> Option<Gap> {
    let made = |kind: &Kind| standing(history).any(|statement| statement.statement().kind() == kind);
    let mut way = vec![profile.step(profile.complete())?];
    while let Some(before) = way.last().and_then(|step| before(profile, &step.after)) {
        // safe: ends here if the profile's steps form a cycle.
        if way.iter().any(|step| step.kind == before.kind) {
            break;
        }
        way.push(before);
    }
    let missing = way.into_iter().rev().find(|step| !made(&step.kind))?;
    let role = missing.signer.roles.first()?.clone();
    let counted = audit.steps.iter().rev().filter(|step| step.judged != Judged::Void);
    let parties = counted.flat_map(|step| [Some(&step.signer), step.receiver.as_ref()]);
    let identity = parties.flatten().find(|identity| identity.role() == role).cloned();
    Some(Gap { step: missing.kind.clone(), party: Party { role, identity } })
}

fn before<'a>(profile: &'a Profile, after: &[After]) -> Option<&'a Step> {
    after.iter().find_map(|after| match after {
        After::Kind(kind) => profile.step(kind),
        After::Nothing => None,
    })
}

fn certified_until(profile: &Profile, history: &[Entry]) -> Option<UnixMillis> {
    let until =
        standing(history).filter_map(|statement| match &profile.step(statement.statement().kind())?.effect {
            Effect::Certify { until, covers: Covers::Use, .. } => statement.fields().uint(until),
            _ => None,
        });
    until.max().map(UnixMillis)
}

fn pack_record(profile: &Profile) -> PackRecord {
    let on_packs = |step: &&Step| step.log == LogName::SUPPLY && step.subject.contains(&SubjectType::Pack);
    let in_turn = |step: &Step| matches!(step.effect, Effect::Dispense | Effect::UndoDispense);
    if profile.steps().iter().filter(on_packs).all(in_turn) {
        PackRecord::Dispensed
    } else {
        PackRecord::Something
    }
}
