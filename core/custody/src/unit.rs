//! Logistic units that packs travelled in: a client that follows a unit, and has the list of its contents, knows the
//! way of its packs too.
//!
//! A pack gets no statement for travelling in a unit, and the ledger does not say which unit it is in. The list does,
//! and the packing has the list's digest, so a list that matches a packing proves as much as the packing. From the
//! packing until the unit is opened, the history of the unit is inferred to be that of the pack.

use countersign_ledger::{Entry, Hash, IndexEntry, Subject, UnixMillis};

use crate::audit::{Audit, Finding, History};
use crate::conflict::{Conflict, Dispute, conflicts, dispute};
use crate::contents::Contents;
use crate::fault::Party;
use crate::packing::{Misplaced, PackingFault, packing_fault};
use crate::profile::Profile;
use crate::step::Effect;
use crate::timeline::TimelineEvent;
use crate::unpacking::{Difference, DifferenceKind, Unpacking};

/// The facts that are proven of one logistic unit.
#[derive(Clone, Debug)]
pub struct UnitFacts {
    /// The unit.
    pub subject: Subject,
    /// What the index says of it.
    pub entry: Option<IndexEntry>,
    /// Its history.
    pub history: Vec<Entry>,
    /// Lists of its contents, as received. A list that no packing names is ignored.
    pub contents: Vec<Contents>,
}

/// One unit from its packing until its opening, judged.
#[derive(Clone, Debug)]
pub(crate) struct UnitFile {
    pub(crate) unit: Subject,
    pub(crate) contents: Contents,
    /// Who packed it.
    packer: Party,
    at: UnixMillis,
    packing: Hash,
    /// Whether it was opened since.
    opened: bool,
    pub(crate) finding: Option<Finding>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) dispute: Option<Dispute>,
    /// The difference, if it was opened and other contents came out than went in.
    pub(crate) unpacking: Option<Unpacking>,
    pub(crate) events: Vec<TimelineEvent>,
}

impl UnitFile {
    /// One for each packing whose list is here. `events` is the timeline of the whole history.
    pub(crate) fn all(
        profile: &Profile,
        unit: &UnitFacts,
        history: &History<'_>,
        dependencies: &[History<'_>],
        events: impl Fn(&Audit, &[Entry]) -> Vec<TimelineEvent>,
    ) -> Vec<Self> {
        let audit = profile.audit(history, dependencies);
        let events = events(&audit, history.entries);
        let entries = history.entries;
        let effect = |entry: &Entry| {
            let statement = entry.standing()?;
            profile.step(statement.statement().kind()).map(|step| &step.effect)
        };
        let packings = entries.iter().enumerate().filter(|(_, one)| effect(one) == Some(&Effect::Pack));
        let files = packings.filter_map(|(from, packing)| {
            let contents = unit.contents.iter().find(|contents| contents.is_of(packing.verified()))?.clone();
            let after = &entries[from + 1..];
            let ends = |one: &Entry| matches!(effect(one), Some(Effect::Pack | Effect::Unpack));
            let end = after.iter().position(ends);
            let opened = end.is_some_and(|at| effect(&after[at]) == Some(&Effect::Unpack));
            let until = from + 1 + end.map_or(after.len(), |at| at + usize::from(opened));
            let within = |id: Hash| entries[from..until].iter().any(|one| one.id() == id);
            let last = audit.steps[from + 1..until].last().filter(|step| opened && step.judged.counts());
            let unpacking = last.and_then(|step| {
                let unpacking = entries[until - 1].standing()?;
                Unpacking::new(packing.standing()?, unpacking, step.opened?, &unit.contents)
            });
            let part = Audit { steps: audit.steps[from..until].to_vec(), finding: None };
            Some(Self {
                unit: unit.subject.clone(),
                contents,
                packer: packing.verified().signer().identity().into(),
                at: packing.verified().statement().issued_at(),
                packing: packing.id(),
                opened,
                finding: audit.finding.clone().filter(|finding| within(finding.fault.statement)),
                conflicts: conflicts(profile, entries, &audit)
                    .into_iter()
                    .filter(|conflict| within(conflict.stands))
                    .collect(),
                // Once it is open, there is no unit left that somebody could accept.
                dispute: dispute(profile, &entries[from..until], &part).filter(|_| !opened),
                unpacking,
                events: events[from..until].to_vec(),
            })
        });
        files.collect()
    }
}

/// The units in which a pack is or was, the innermost first: a case may be on a pallet.
pub(crate) fn carriers<'a>(pack: &Subject, units: &'a [UnitFile]) -> Vec<&'a UnitFile> {
    let mut found: Vec<&UnitFile> = Vec::new();
    let mut inside: Vec<&Subject> = vec![pack];
    while let Some(one) = inside.pop() {
        for unit in units.iter().filter(|unit| unit.contents.contains(one)) {
            if found.iter().all(|known| !std::ptr::eq(*known, unit)) {
                found.push(unit);
                inside.push(&unit.unit);
            }
        }
    }
    found
}

/// What of a pack, and of the units that it is in, was packed where it cannot be. The packing that came last is at fault.
pub(crate) fn misplaced(pack: &Subject, units: &[UnitFile]) -> Vec<Misplaced> {
    let closed: Vec<&UnitFile> = units.iter().filter(|unit| !unit.opened).collect();
    let mut chain: Vec<&Subject> = carriers(pack, units).into_iter().map(|unit| &unit.unit).collect();
    chain.push(pack);
    let mut found = Vec::new();
    for unit in closed.iter().filter(|unit| chain.iter().any(|what| unit.contents.contains(what))) {
        let before = closed.iter().filter(|other| (other.at, other.packing) < (unit.at, unit.packing));
        let before: Vec<_> = before.map(|other| (other.unit.clone(), other.contents.clone())).collect();
        let concerned = unit.contents.packs().filter(|what| chain.contains(what));
        let (what, other) = match packing_fault(&unit.unit, concerned, &before) {
            None => continue,
            Some(PackingFault::Itself) => (unit.unit.clone(), unit.unit.clone()),
            Some(PackingFault::Elsewhere { what, unit }) => (what, unit),
        };
        let (unit, packer, at, packing) = (unit.unit.clone(), unit.packer.clone(), unit.at, unit.packing);
        found.push(Misplaced { what, unit, other, packer, at, packing });
    }
    found
}

/// The differences that concern a pack, or the units that it is or was in.
pub(crate) fn differences(pack: &Subject, units: &[UnitFile]) -> Vec<Difference> {
    let mut whats: Vec<&Subject> = carriers(pack, units).into_iter().map(|unit| &unit.unit).collect();
    whats.push(pack);
    let of_unit = |unit: &UnitFile| {
        let unpacking = unit.unpacking.as_ref()?;
        whats.iter().find_map(|what| unpacking.difference(&unit.unit, &unit.contents, what))
    };
    units.iter().filter_map(of_unit).collect()
}

/// The units that a pack came out of without having gone in.
pub(crate) fn came_out_of<'a>(
    pack: &'a Subject,
    units: &'a [UnitFile],
) -> impl Iterator<Item = &'a UnitFile> {
    units.iter().filter(move |unit| {
        let unpacking = unit.unpacking.as_ref();
        unpacking.and_then(|unpacking| unpacking.kind(&unit.contents, pack))
            == Some(DifferenceKind::NotPacked)
    })
}
