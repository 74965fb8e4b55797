//! The interface for families of rules: which statements are allowed, for node and client alike.
//!
//! A family is a set of kinds that belong together: membership is one, a supply chain's profile another. It says which
//! logs accept a kind, whether a statement may follow those before it, and what it promises. Rules do not see the
//! history itself but a small [`State`] that the family folds from it, so the ten-thousandth statement on a subject
//! costs as much as the first. The node keeps a state for each subject; a client folds it from the history that it
//! received.
//!
//! # Void statements
//!
//! A revocation may void statements that were accepted before it was known ([`Entry::Void`]). They keep their place,
//! and the next statement on the subject names them as its predecessor. Rules skip them: the state that counts is
//! folded from the standing statements. A statement that was accepted while a void one still counted may depend on it,
//! and its signer must not be blamed for that. So a second state is kept beside the first, as if nothing were void
//! ([`Folded`]).
//!
//! In scope: the interface. Out of scope: the families themselves, the storage of states.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::log_name::LogName;
use crate::problem::Problem;
use crate::statement::Verified;
use crate::subject::{Kind, Subject};
use crate::trust_store::{Entry, REGISTRAR, TrustStore};
use crate::{Hash, UnixMillis};

/// What a family keeps about one subject, in the family's own encoding; empty before the first statement. Bytes, so
/// that it can be stored; small, whatever the length of the history. A subject has one state in a log, so a family
/// must refuse statements about subjects that are another family's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State(pub Vec<u8>);

impl State {
    /// Whether the state is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a rule refuses a statement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Violation {
    /// Stable name, for programs.
    pub problem: Problem,
    /// One sentence for people. It contains nothing from the statement.
    pub text: String,
}

/// What a statement promises outside the log. It is admitted once the node holds that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Promise {
    /// Bytes that anybody may fetch.
    Blob(Blob),
    /// Sealed objects, which a store hands to those alone whom the log names.
    Objects(Objects),
}

impl Promise {
    /// The blob, if it is one.
    pub const fn blob(&self) -> Option<Blob> {
        if let Self::Blob(blob) = self { Some(*blob) } else { None }
    }
}

/// Bytes outside the log, identified by their digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub digest: Hash,
    /// Their number.
    pub length: u64,
}

/// Objects that a store keeps for a subject, by the hashes of the lists that name them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objects {
    /// The store's SPIFFE ID.
    pub store: String,
    /// The head of the family that they belong to.
    pub subject: Subject,
    /// The hashes of the lists.
    pub rows: Vec<Hash>,
}

/// Look-up of the past checkpoints of a log.
pub trait Checkpoints {
    /// The root of `log` at `size` entries, and a lower bound on the time at which it reached that size; `None` if it
    /// has not.
    fn at(&self, log: LogName, size: u64) -> Option<(Hash, UnixMillis)>;
}

/// What a rule may know besides the statement itself.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The log that holds the statement, or that it is submitted to.
    pub log: LogName,
    /// The trust domain that the log serves; `None` if it serves several.
    pub domain: Option<&'a str>,
    /// When the statement enters the log; `None` on a client, which cannot know.
    pub time: Option<UnixMillis>,
    /// The state of the statement's subject in this log.
    pub subject: &'a State,
    /// The state, in this log, of the subject that heads the statement's subject family: the lot of a pack, the record
    /// of a request. The same as `subject` if the subject is the head itself.
    pub head: &'a State,
    /// The statements that it links, from any log, as far as they are known.
    pub linked: &'a [Arc<Entry>],
    /// If it carries a statement that was signed to follow another one: the entry that took that place instead.
    pub rival: Option<&'a Entry>,
    /// The states that the family looks at ([`Rules::looks_at`]), in that order; none on a client, which cannot know the order
    /// of two logs.
    pub elsewhere: &'a [State],
    /// The members whom the ledger trusts.
    pub trust: &'a TrustStore,
    /// The checkpoints of the ledger's logs; `None` on a client.
    pub checkpoints: Option<&'a dyn Checkpoints>,
}

/// A family of rules. Pure: the same statement in the same context gives the same result on every machine.
pub trait Rules: Send + Sync {
    /// The logs that accept this kind; `None` if the kind is not of this family.
    fn logs(&self, kind: &Kind) -> Option<&[LogName]>;

    /// The roles of the members who make statements of this family.
    fn roles(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The subjects whose states in any log the rule asks for besides: few, since a node looks each of them up.
    fn looks_at(&self, _statement: &Verified) -> Vec<(LogName, Subject)> {
        Vec::new()
    }

    /// Whether the statement is allowed at its place. A refusal changes nothing.
    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation>;

    /// The state of the subject after the statement.
    fn fold(&self, before: &State, statement: &Verified) -> State;

    /// Whether the statement may come next, by its kind alone. If it may not and is in the log, it was accepted while a
    /// void statement before it still counted.
    fn may_follow(&self, _before: &State, _statement: &Verified) -> bool {
        true
    }

    /// What the statement uses up: a ledger accepts no second statement that uses up the same.
    fn uses_up(&self, _statement: &Verified) -> Option<Hash> {
        None
    }

    /// What the statement promises.
    fn promise(&self, _statement: &Verified) -> Option<Promise> {
        None
    }
}

/// The families of a ledger.
#[derive(Clone, Default)]
pub struct Families(Vec<Arc<dyn Rules>>);

impl Families {
    /// These families. A kind belongs to the first that has it.
    pub fn new(families: impl IntoIterator<Item = Arc<dyn Rules>>) -> Self {
        Self(families.into_iter().collect())
    }

    /// The family that a kind belongs to.
    pub fn of(&self, kind: &Kind) -> Option<&Arc<dyn Rules>> {
        self.0.iter().find(|family| family.logs(kind).is_some())
    }

    /// The roles of all families, without that of registrars, who are appointed and never enrolled.
    pub fn roles(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|family| family.roles()).filter(|role| *role != REGISTRAR).collect()
    }

    /// The logs that accept this kind; empty if no family has it.
    pub fn logs(&self, kind: &Kind) -> &[LogName] {
        self.0.iter().find_map(|family| family.logs(kind)).unwrap_or_default()
    }
}

/// The result of folding a history: `standing` counts; `presumed` is the result as if nothing were void, kept only if
/// something is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded<S> {
    /// Folded from the standing statements.
    pub standing: S,
    /// Folded from all statements.
    pub presumed: Option<S>,
}

impl<S: Clone> Folded<S> {
    /// Adds the next entry of the history. `may_follow` and `fold` are those of [`Rules`].
    ///
    /// If a statement may not follow the standing ones before it, it depends on a void one: it was accepted while that
    /// one counted, and the history continues from there.
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
