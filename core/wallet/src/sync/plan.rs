//! What there is to do for what is followed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_ledger::{Hash, IndexEntry, Subject, SubjectHistory, TrustedCheckpoint};

use super::{SyncError, Trusted};
use crate::client::ClientError;
use crate::links::Links;
use crate::snapshot::Snapshot;

/// Something to do, for a class, a lot or a pack.
pub(super) enum Task {
    /// To know the members of a class.
    Class(Subject),
    /// To know their names.
    Names(Subject),
    /// To have a subject's history.
    History(Wanted),
    /// To have the filter over a lot's serials.
    Filter(Subject),
    /// To know which packs of a lot have something on record.
    Packs(Subject),
    /// To have a history on which the others build, in which this statement is to be found.
    Around(Subject, Hash),
}

impl Task {
    pub(super) const fn subject(&self) -> &Subject {
        match self {
            Self::Class(subject)
            | Self::Names(subject)
            | Self::History(Wanted { subject, .. })
            | Self::Filter(subject)
            | Self::Packs(subject)
            | Self::Around(subject, _) => subject,
        }
    }
}

/// A history that is to be had.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) subject: Subject,
    /// What the subject index says of it.
    pub(super) entry: IndexEntry,
    /// What of it is here and whole: known once that was hashed.
    pub(super) held: Option<Held>,
}

impl Wanted {
    pub(super) const fn new(subject: Subject, entry: IndexEntry) -> Self {
        Self { subject, entry, held: None }
    }
}

/// What of a history is here and whole.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The number under which it is stored.
    pub(super) id: u64,
    /// How many statements.
    pub(super) count: u64,
    /// Id of the last of them.
    pub(super) last: Option<Hash>,
}

/// What was asked for, and what the node answered to that.
pub(super) type Ahead = (Vec<(Wanted, Held)>, Result<Vec<SubjectHistory>, ClientError>);

/// What there is to do until the head can move.
pub(super) struct Plan {
    pub(super) trusted: Trusted,
    pub(super) supply: TrustedCheckpoint,
    pub(super) tasks: VecDeque<Task>,
    /// Histories that were asked for already, with the answer.
    pub(super) ahead: Option<Ahead>,
    /// What is followed: classes and packs.
    pub(super) followed: BTreeSet<Subject>,
    /// Signers whose certificates are stored, whole.
    pub(super) certified: BTreeSet<Hash>,
    /// What the statements build on.
    pub(super) links: Links,
    /// Subjects whose histories were asked for because of that.
    pub(super) around: BTreeSet<Subject>,
    /// Members of families, as proven at the checkpoint.
    pub(super) members: BTreeMap<Subject, BTreeMap<Hash, IndexEntry>>,
}

impl Plan {
    pub(super) fn remaining(&self) -> u64 {
        self.tasks.len() as u64 + u64::from(self.ahead.is_some()) + 1
    }

    /// Takes the next task if it is to have a history.
    pub(super) fn next_history(&mut self) -> Option<Wanted> {
        match self.tasks.pop_front_if(|task| matches!(task, Task::History(_)))? {
            Task::History(wanted) => Some(wanted),
            _ => None,
        }
    }

    /// Packs of a lot that are followed.
    pub(super) fn packs_of(&self, lot: &Subject) -> Vec<Subject> {
        self.followed
            .iter()
            .filter(|subject| subject.family() == lot.as_str() && *subject != lot)
            .cloned()
            .collect()
    }
}

impl Snapshot {
    pub(super) fn plan(&self, trusted: Trusted, supply: TrustedCheckpoint) -> Result<Plan, SyncError> {
        let following = self.following()?;
        let classes: BTreeSet<Subject> = following.iter().map(|following| following.class.clone()).collect();
        Ok(Plan {
            trusted,
            supply,
            tasks: classes.into_iter().map(Task::Class).collect(),
            ahead: None,
            followed: following.into_iter().map(|following| following.subject).collect(),
            certified: BTreeSet::new(),
            links: Links::default(),
            around: BTreeSet::new(),
            members: BTreeMap::new(),
        })
    }
}
