//! Third-party verification: the whole history of a product, in the order in which the profile asks its questions.

use countersign_ledger::{Hash, Identity, Kind, Placed, Subject, UnixMillis, Verified};

use crate::contents::{Aggregate, Opened, aggregate, digest_in, opened};
use crate::engine::{Context, holder_after, receiver};
use crate::fault::{Fault, Party};
use crate::subject_type::Log;
use crate::profile::Profile;
use crate::unit::packs;

/// Every statement on one subject in one log, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The log.
    pub log: Log,
    /// The trust domain that the log serves; `None` if it serves several.
    pub domain: Option<&'a str>,
    /// The statements.
    pub statements: &'a [Placed],
}

/// What the verification of a history found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// Every statement of the history, in its order, with its fault if it has one.
    pub steps: Vec<Examined>,
    /// The first failure in the profile's order; `None` if all pass.
    pub finding: Option<Finding>,
}

/// A statement, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// Its id.
    pub statement: Hash,
    /// Its kind.
    pub kind: Kind,
    /// What it is about.
    pub subject: Subject,
    /// When it was signed.
    pub at: UnixMillis,
    /// Who signed it.
    pub signer: Identity,
    /// Whom it is for.
    pub receiver: Option<Identity>,
    /// Those whose statements it carries and countersigns, the first that signed first.
    pub countersigned: Vec<Signature>,
    /// Where, coarsely, in the signer's words.
    pub place: Option<String>,
    /// In which condition the goods were, in the signer's words.
    pub condition: Option<String>,
    /// Why, in the signer's words.
    pub reason: Option<String>,
    /// If it put a unit into somebody's hands: how much of what is in it was seen.
    pub aggregate: Option<Aggregate>,
    /// If it opened a unit: how much came out, beside how much went in.
    pub opened: Option<Opened>,
    /// What is wrong with it.
    pub fault: Option<Box<Fault>>,
}

/// Who signed a statement, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The statement.
    pub statement: Hash,
    /// Who signed it.
    pub by: Identity,
    /// When.
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
    /// What it means: the profile's name for it, or [`UNORDERED`] for a step that no question covers.
    pub finding: String,
    /// The role that the published scheme holds answerable for it, where it says so.
    pub published: Option<String>,
    /// The fault. Its `answerable` goes by who signed what, and so may differ from the published role.
    pub fault: Fault,
}

impl Finding {
    /// Who answers for it.
    pub fn answerable(&self) -> &Party {
        &self.fault.answerable
    }
}

/// The finding's name for a step that no question of the profile covers.
pub const UNORDERED: &str = "rule-broken";

/// The field in which a statement says where.
const PLACE: &str = "place";
/// The field in which a statement says how the goods are.
const CONDITION: &str = "condition";
/// The field in which a statement says why.
const REASON: &str = "reason";

/// What a statement says in a field, else what one says that it carries.
fn said(statement: &Verified, carried: &[&Verified], field: &str) -> Option<String> {
    let mut all = std::iter::once(statement).chain(carried.iter().rev().copied());
    all.find_map(|one| one.fields().text(field)).map(str::to_owned)
}

impl Profile {
    /// Verifies a history as a third party: every statement of it, and every statement of `dependencies` that it links.
    ///
    /// `dependencies` holds the histories of other subjects that this one builds on, whole: the product class's for a lot.
    pub fn audit(&self, history: &History<'_>, dependencies: &[History<'_>]) -> Audit {
        let every: Vec<&Placed> =
            dependencies.iter().chain([history]).flat_map(|history| history.statements).collect();
        let mut steps = self.examine(history, &every);
        let linked = |one: &Placed| history.statements.iter().any(|other| other.links().contains(&one.id()));
        for other in dependencies {
            let examined = self.examine(other, &every).into_iter().zip(other.statements);
            steps.extend(examined.filter(|(_, statement)| linked(statement)).map(|(examined, _)| examined));
        }
        let finding = self.first_failure(&steps);
        steps.truncate(history.statements.len());
        Audit { steps, finding }
    }

    fn examine(&self, history: &History<'_>, every: &[&Placed]) -> Vec<Examined> {
        let judge = |(at, statement): (usize, &Placed)| {
            let past = Context {
                log: history.log,
                domain: history.domain,
                subject: &history.statements[..at],
                linked: every,
            };
            let mut carried: Vec<&Verified> =
                std::iter::successors(statement.countersigned(), |one| one.countersigned()).collect();
            carried.reverse();
            let texts = |name| said(statement, &carried, name);
            Examined {
                countersigned: carried.iter().map(|one| Signature::of(one)).collect(),
                place: texts(PLACE),
                condition: texts(CONDITION),
                reason: texts(REASON),
                aggregate: self.aggregate(statement, &history.statements[..=at]),
                opened: self.opened(statement, &history.statements[..at]),
                statement: statement.id(),
                kind: statement.statement().kind().clone(),
                subject: statement.statement().subject().clone(),
                at: statement.statement().issued_at(),
                signer: statement.signer().identity().clone(),
                receiver: receiver(statement),
                fault: self.check(statement, &past).err(),
            }
        };
        history.statements.iter().enumerate().map(judge).collect()
    }

    /// How much of a unit was seen when a statement, the last of these, put it into somebody's hands.
    fn aggregate(&self, statement: &Placed, until: &[Placed]) -> Option<Aggregate> {
        holder_after(self, statement)?;
        let packing = until.iter().rev().find(|one| digest_in(one).is_some())?;
        aggregate(statement, packing)
    }

    /// What came out of a unit that a statement opened, by the latest packing before.
    fn opened(&self, statement: &Placed, before: &[Placed]) -> Option<Opened> {
        if holder_after(self, statement).is_some() {
            return None;
        }
        opened(statement, before.iter().rev().find(|one| packs(self, one))?)
    }

    /// The first fault in the order of the profile's questions; then any that no question covers.
    fn first_failure(&self, steps: &[Examined]) -> Option<Finding> {
        let faults = || steps.iter().filter_map(|step| step.fault.as_deref());
        for question in self.verification() {
            for kind in &question.steps {
                if let Some(fault) = faults().find(|fault| &fault.step == kind) {
                    let published = Some(question.answers.clone());
                    return Some(Finding {
                        finding: question.finding.clone(),
                        published,
                        fault: fault.clone(),
                    });
                }
            }
        }
        let fault = faults().next()?.clone();
        Some(Finding { finding: UNORDERED.to_owned(), published: None, fault })
    }
}
