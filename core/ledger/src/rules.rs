//! The seam for families of rules: what a statement may do, asked by node and phone alike.
//!
//! A family is a set of kinds that belong together: membership is one, a supply chain's profile another. It says which logs
//! take a kind, whether a statement may stand after what was there before, and what it promises. What was there before
//! is not the history but a small [`State`] that the family folds from it, so that the ten-thousandth statement on a subject
//! costs as much as the first. The node keeps a state for each subject; a phone folds it from the history that it was shown.
//!
//! # Void statements
//!
//! A revocation may void statements that were taken before it was known ([`Entry::Void`]). They stay in their place, and the
//! next statement on the subject names them as its predecessor. Rules pass over them: the state that counts is folded from
//! the statements that stand. One that was taken honestly while a void one still counted may rest on it, and must not be
//! blamed for that: so a second state is kept beside the first, as if nothing were void ([`Folded`]).
//!
//! In scope: the seam. Out of scope: any family, where states are kept.

use std::sync::Arc;

use crate::log_name::LogName;
use crate::problem::Problem;
use crate::statement::Verified;
use crate::subject::Kind;
use crate::trust_store::{Entry, TrustStore};
use crate::{Hash, UnixMillis};

/// What a family remembers of one subject, in a form of its own; empty before the first statement. Bytes, so that it can lie
/// on disk; small, whatever the length of the history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State(pub Vec<u8>);

impl State {
    /// Whether nothing is remembered.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a rule refuses a statement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Violation {
    /// For programs.
    pub problem: Problem,
    /// For people: one sentence, which contains nothing that the statement says.
    pub text: String,
}

/// A blob that a statement promises: bytes beside the ledger, which are named by their digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Promise {
    /// SHA-256 of the bytes.
    pub digest: Hash,
    /// How many there are.
    pub length: u64,
}

/// What is asked about the checkpoints of a log.
pub trait Checkpoints {
    /// The root of `log` when it had `size` entries, and a time before which it had not grown so far; `None` if it never had
    /// so many.
    fn at(&self, log: LogName, size: u64) -> Option<(Hash, UnixMillis)>;
}

/// What was there before a statement.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The log that the statement is in, or is to enter.
    pub log: LogName,
    /// The trust domain that the log serves; `None` if it serves several.
    pub domain: Option<&'a str>,
    /// When the statement enters the log; `None` on a phone, which cannot know.
    pub time: Option<UnixMillis>,
    /// What is remembered of the statement's subject, in this log.
    pub subject: &'a State,
    /// What is remembered of the subject that gives the family its name, in this log: the lot of a pack, the record of a
    /// request. The same as `subject` for the head itself.
    pub head: &'a State,
    /// The statements that it links, as far as they are known, from any log.
    pub linked: &'a [Arc<Entry>],
    /// If it carries a statement that was signed to follow another one: what stands there instead.
    pub rival: Option<&'a Entry>,
    /// Whom the ledger trusts.
    pub trust: &'a TrustStore,
    /// The checkpoints of the ledger's logs; `None` on a phone.
    pub checkpoints: Option<&'a dyn Checkpoints>,
}

/// A family of rules. Pure: the same statement in the same context is judged alike on every machine.
pub trait Rules: Send + Sync {
    /// The logs that take statements of this kind; `None` if the kind is not of this family.
    fn logs(&self, kind: &Kind) -> Option<&[LogName]>;

    /// Whether the statement may stand in its place. A refusal changes nothing.
    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation>;

    /// What is remembered of the subject once the statement stands.
    fn fold(&self, before: &State, statement: &Verified) -> State;

    /// Whether the statement may come next by its kind alone. One that may not, and was taken, was taken while a void one
    /// before it still counted.
    fn may_follow(&self, _before: &State, _statement: &Verified) -> bool {
        true
    }

    /// What the statement uses up: a ledger takes no second statement that uses up the same.
    fn uses_up(&self, _statement: &Verified) -> Option<Hash> {
        None
    }

    /// What the statement promises beside the ledger.
    fn promise(&self, _statement: &Verified) -> Option<Promise> {
        None
    }
}

/// The families of a ledger.
#[derive(Clone, Default)]
pub struct Families(Vec<Arc<dyn Rules>>);

impl Families {
    /// These families. A kind belongs to the first that knows it.
    pub fn new(families: impl IntoIterator<Item = Arc<dyn Rules>>) -> Self {
        Self(families.into_iter().collect())
    }

    /// The family that a kind belongs to.
    pub fn of(&self, kind: &Kind) -> Option<&Arc<dyn Rules>> {
        self.0.iter().find(|family| family.logs(kind).is_some())
    }

    /// The logs that take statements of this kind; none if no family knows it.
    pub fn logs(&self, kind: &Kind) -> &[LogName] {
        self.0.iter().find_map(|family| family.logs(kind)).unwrap_or_default()
    }
}

/// What a history comes to: `standing` counts; `presumed` is what it would be if nothing were void, kept only where something
/// is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded<S> {
    /// Folded from the statements that stand.
    pub standing: S,
    /// Folded from all.
    pub presumed: Option<S>,
}

impl<S: Clone> Folded<S> {
    /// Adds the next entry of the history. `may_follow` and `fold` are those of [`Rules`].
    ///
    /// Where a statement stands that may not come next by what stands before it, it rests on a void one: it was taken while
    /// that one counted, and the history goes on from there.
    pub fn push(
        &mut self,
        entry: &Entry,
        may_follow: impl Fn(&S, &Verified) -> bool,
        fold: impl Fn(&S, &Verified) -> S,
    ) {
        let statement = entry.verified();
        let stands = entry.standing().is_some();
        if self.presumed.is_none() && !stands {
            self.presumed = Some(self.standing.clone());
        }
        if let Some(presumed) = &mut self.presumed {
            let rests = stands && !may_follow(&self.standing, statement) && may_follow(presumed, statement);
            *presumed = fold(presumed, statement);
            if rests {
                self.standing = presumed.clone();
                return;
            }
        }
        if stands {
            self.standing = fold(&self.standing, statement);
        }
    }
}
