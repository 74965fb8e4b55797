//! Third-party verification: the whole history of a product, in the order in which the profile asks its questions.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};

use countersign_ledger::{Entry, Folded, Hash, Identity, Kind, LogName, Subject, UnixMillis, Verified};

use crate::contents::{Aggregate, Opened, aggregate, opened};
use crate::engine::{Past, Voids};
use crate::fault::{Fault, Party};
use crate::field::receiver;
use crate::field::{CONDITION, PLACE, REASON};
use crate::profile::Profile;
use crate::state::SubjectState;
use crate::step::Effect;

/// Every statement on one subject in one log, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The log.
    pub log: LogName,
    /// The trust domain that the log serves; `None` if it serves several.
    pub domain: Option<&'a str>,
    /// The entries, void ones in their place.
    pub entries: &'a [Entry],
}

/// The result of verifying a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// Every statement of the history, in order, with its fault if it has one.
    pub steps: Vec<Examined>,
    /// The first failure in the profile's order; `None` if all pass.
    pub finding: Option<Finding>,
}

/// A statement and its result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// Its id.
    pub statement: Hash,
    /// Its kind.
    pub kind: Kind,
    /// Its subject.
    pub subject: Subject,
    /// When it was signed.
    pub at: UnixMillis,
    /// Who signed it.
    pub signer: Identity,
    /// Whom it is for.
    pub receiver: Option<Identity>,
    /// The signers of the statements that it carries and countersigns, in the order of signing.
    pub countersigned: Vec<Signature>,
    /// Where, coarsely, in the signer's words.
    pub place: Option<String>,
    /// The condition of the goods, in the signer's words.
    pub condition: Option<String>,
    /// Why, in the signer's words.
    pub reason: Option<String>,
    /// If it handed over a unit: how much of its contents was seen.
    pub aggregate: Option<Aggregate>,
    /// If it opened a unit: how many packs came out, and how many went in.
    pub opened: Option<Opened>,
    /// Its result.
    pub judged: Judged,
}

/// The result of judging an entry. Its signatures have been verified in any case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It fits its place.
    Sound,
    /// It fits its place only if a void entry counts: the fault of that entry.
    RestsOn(Box<Fault>),
    /// It does not fit its place.
    AtFault(Box<Fault>),
    /// Its signer, or the signer of what it carries, had been revoked: it is void.
    Void,
}

impl Judged {
    /// The fault that it shows in the history, if any.
    fn failure(&self) -> Option<&Fault> {
        match self {
            Self::RestsOn(fault) | Self::AtFault(fault) => Some(fault),
            Self::Sound | Self::Void => None,
        }
    }

    /// Whether it counts: its signer was entitled to sign it, as far as the signer could know.
    pub const fn counts(&self) -> bool {
        matches!(self, Self::Sound | Self::RestsOn(_))
    }

    /// The fault of the entry itself, if any.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::AtFault(fault) => Some(fault),
            Self::Sound | Self::RestsOn(_) | Self::Void => None,
        }
    }
}

/// Who signed a statement, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The statement.
    pub statement: Hash,
    /// Who signed it.
    pub by: Identity,
    /// When it was signed.
    pub at: UnixMillis,
}

impl Signature {
    fn of(statement: &Verified) -> Self {
        Self {
            statement: statement.statement().id(),
            by: statement.signer().identity().clone(),
            at: statement.statement().issued_at(),
        }
    }
}

/// The first failure of a third-party verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The profile's name for the finding, or [`UNORDERED`] for a step that no question covers.
    pub finding: String,
    /// The fault. Its `accountable` follows from who signed what, so it may differ from the role that the published
    /// scheme names.
    pub fault: Fault,
}

impl Finding {
    /// Who is accountable for it.
    pub fn accountable(&self) -> &Party {
        &self.fault.accountable
    }
}

/// The finding's name for a step that no question of the profile covers.
pub const UNORDERED: &str = "rule-broken";

/// The value of a field of a statement, else of a statement that it carries.
fn said(statement: &Verified, carried: &[&Verified], field: &str) -> Option<String> {
    let mut all = std::iter::once(statement).chain(carried.iter().rev().copied());
    all.find_map(|one| one.fields().text(field)).map(str::to_owned)
}

impl Profile {
    /// Verifies a history as a third party: every statement of it, and every statement of `dependencies` that it links.
    ///
    /// `dependencies` holds the histories of other subjects that this one builds on, whole: the product class's for a lot.
    pub fn audit(&self, history: &History<'_>, dependencies: &[History<'_>]) -> Audit {
        let every = dependencies.iter().chain([history]).flat_map(|history| history.entries);
        let every: HashMap<Hash, &Entry> = every.map(|entry| (entry.id(), entry)).collect();
        let mut steps = self.examine(history, &every);
        let linked = links(history);
        for other in
            dependencies.iter().filter(|other| other.entries.iter().any(|one| linked.contains(&one.id())))
        {
            let examined = self.examine(other, &every).into_iter();
            steps.extend(examined.filter(|step| linked.contains(&step.statement)));
        }
        let finding = self.first_failure(&steps);
        steps.truncate(history.entries.len());
        Audit { steps, finding }
    }

    fn examine(&self, history: &History<'_>, every: &HashMap<Hash, &Entry>) -> Vec<Examined> {
        let successors = LazyCell::new(|| successors(history.entries));
        let (mut folded, mut prev, mut packing) = (Folded::<SubjectState>::default(), None, None);
        let mut latest_void = None;
        let mut steps = Vec::with_capacity(history.entries.len());
        for entry in history.entries {
            let statement = entry.verified();
            let carried = carried(statement);
            let rival = carried.last().filter(|rival| rival.countersigned().is_some());
            let past = Past {
                log: history.log,
                domain: history.domain,
                subject: &folded.standing,
                prev,
                linked: every,
                rival: rival.and_then(|rival| successors.get(&rival.prev()).copied()),
                voids: Voids::PassedOver,
            };
            let judged = match entry {
                Entry::Standing(_) => self.judge(statement, &past, folded.presumed.as_ref(), latest_void),
                Entry::Void(_) => Judged::Void,
            };
            let texts = |name| said(statement, &carried, name);
            let effect = self.step(statement.statement().kind()).map(|step| &step.effect);
            if effect == Some(&Effect::Pack) && judged != Judged::Void {
                packing = Some(statement);
            }
            steps.push(Examined {
                countersigned: carried.iter().map(|one| Signature::of(one)).collect(),
                place: texts(PLACE),
                condition: texts(CONDITION),
                reason: texts(REASON),
                aggregate: packing
                    .filter(|_| self.holder_after(statement).is_some())
                    .and_then(|packing| aggregate(statement, packing)),
                opened: packing
                    .filter(|_| effect == Some(&Effect::Unpack))
                    .and_then(|packing| opened(statement, packing)),
                statement: entry.id(),
                kind: statement.statement().kind().clone(),
                subject: statement.statement().subject().clone(),
                at: statement.statement().issued_at(),
                signer: statement.signer().identity().clone(),
                receiver: receiver(statement),
                judged,
            });
            if entry.standing().is_none() {
                latest_void = Some(entry);
            }
            self.push(&mut folded, entry);
            prev = Some(entry.id());
        }
        steps
    }

    /// Judges a standing statement. If it fits only as if nothing were void, it depends on a void statement: the signer
    /// of that one is accountable, not those who continued from it in good faith.
    fn judge<'p>(
        &self,
        statement: &Verified,
        past: &Past<'p>,
        presumed: Option<&'p SubjectState>,
        latest_void: Option<&'p Entry>,
    ) -> Judged {
        let Err(fault) = self.check(statement, past) else { return Judged::Sound };
        let links = statement.links().iter().filter_map(|id| past.linked.get(id).copied());
        let mut void = links.filter(|entry| entry.standing().is_none());
        let Some(void) = void.next().or(latest_void) else { return Judged::AtFault(fault) };
        let past = Past { subject: presumed.unwrap_or(past.subject), voids: Voids::Presumed, ..*past };
        match self.check(statement, &past) {
            Ok(()) => Judged::RestsOn(Box::new(Fault::void(void))),
            Err(_) => Judged::AtFault(fault),
        }
    }

    /// The first fault in the order of the profile's questions, then any that no question covers.
    fn first_failure(&self, steps: &[Examined]) -> Option<Finding> {
        let faults = || steps.iter().filter_map(|step| step.judged.failure());
        for question in self.verification() {
            for kind in &question.steps {
                if let Some(fault) = faults().find(|fault| &fault.step == kind) {
                    return Some(Finding { finding: question.finding.clone(), fault: fault.clone() });
                }
            }
        }
        let fault = faults().next()?.clone();
        Some(Finding { finding: UNORDERED.to_owned(), fault })
    }
}

/// The statements that one carries, in the order of signing.
fn carried(statement: &Verified) -> Vec<&Verified> {
    let mut carried: Vec<&Verified> =
        std::iter::successors(statement.countersigned(), |one| one.countersigned()).collect();
    carried.reverse();
    carried
}

/// The entries that the statements of a history link.
fn links(history: &History<'_>) -> HashSet<Hash> {
    history.entries.iter().flat_map(|entry| entry.verified().links()).copied().collect()
}

/// The entries of a history, by the statement that each follows.
fn successors(entries: &[Entry]) -> HashMap<Option<Hash>, &Entry> {
    let mut successors = HashMap::new();
    for entry in entries {
        successors.entry(entry.verified().prev()).or_insert(entry);
    }
    successors
}
