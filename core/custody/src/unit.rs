//! Logistic units on whose way packs were: who follows a unit, and has the list of what is in it, knows the packs' way too.
//!
//! A pack gets no statement for travelling in a unit, and the ledger says nowhere in which unit it is. The list does, and the
//! ledger has the list's digest: so a list that fits a packing is as good as the packing. From there until the unit is
//! opened, what happened to the unit happened to the pack, as far as one may infer.

use countersign_ledger::{Hash, IndexEntry, Placed, Subject};

use crate::audit::{Audit, Finding, History};
use crate::contents::{Contents, digest_in};
use crate::conflict::{Conflict, Dispute, conflicts, dispute};
use crate::engine::holder_after;
use crate::unpacking::Unpacking;
use crate::profile::Profile;
use crate::timeline::TimelineEvent;

/// What was proven of one logistic unit.
#[derive(Clone, Debug)]
pub struct UnitFacts {
    /// The unit.
    pub subject: Subject,
    /// What the index says of it.
    pub entry: Option<IndexEntry>,
    /// Its history.
    pub history: Vec<Placed>,
    /// Lists of what is in it, as they came. One that no packing names says nothing.
    pub contents: Vec<Contents>,
}

/// One unit from its packing until it was opened, judged.
#[derive(Clone, Debug)]
pub(crate) struct UnitFile {
    pub(crate) unit: Subject,
    pub(crate) contents: Contents,
    pub(crate) finding: Option<Finding>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) dispute: Option<Dispute>,
    /// If it was opened, and something else came out than went in.
    pub(crate) opening: Option<Unpacking>,
    pub(crate) events: Vec<TimelineEvent>,
}

impl UnitFile {
    /// A file for each packing of which there is a list. `events` is the whole history's timeline.
    pub(crate) fn all(
        profile: &Profile,
        unit: &UnitFacts,
        history: &History<'_>,
        dependencies: &[History<'_>],
        events: impl Fn(&Audit, &[Placed]) -> Vec<TimelineEvent>,
    ) -> Vec<Self> {
        let audit = profile.audit(history, dependencies);
        let events = events(&audit, history.statements);
        let packings = history.statements.iter().enumerate().filter(|(_, one)| packs(profile, one));
        let files = packings.filter_map(|(from, packing)| {
            let contents = unit.contents.iter().find(|contents| contents.is_of(packing))?.clone();
            let after = &history.statements[from + 1..];
            let end = after.iter().position(|one| digest_in(one).is_some());
            let opened = end.is_some_and(|at| !packs(profile, &after[at]));
            let until = from + 1 + end.map_or(after.len(), |at| at + usize::from(opened));
            let statements = &history.statements[from..until];
            let within = |id: Hash| statements.iter().any(|one| one.id() == id);
            let opening = audit.steps[from + 1..until].last().filter(|step| opened && step.fault.is_none());
            let opening = opening.and_then(|step| {
                Unpacking::new(packing, &history.statements[until - 1], step.opened?, &unit.contents)
            });
            let part = Audit { steps: audit.steps[from..until].to_vec(), finding: None };
            Some(Self {
                unit: unit.subject.clone(),
                contents,
                finding: audit.finding.clone().filter(|finding| within(finding.fault.statement)),
                conflicts: conflicts(profile, history.statements, &audit)
                    .into_iter()
                    .filter(|conflict| within(conflict.stands))
                    .collect(),
                // Once it is open, there is no unit any more that somebody could accept.
                dispute: dispute(profile, statements, &part).filter(|_| !opened),
                opening,
                events: events[from..until].to_vec(),
            })
        });
        files.collect()
    }
}

/// Whether a statement packs a unit: it names what is in it, and who holds it.
pub(crate) fn packs(profile: &Profile, statement: &Placed) -> bool {
    digest_in(statement).is_some() && holder_after(profile, statement).is_some()
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
