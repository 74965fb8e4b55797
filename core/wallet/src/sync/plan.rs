//! What there is to do for what is followed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_ledger::{Hash, IndexEntry, Subject, SubjectHistory, TrustedCheckpoint};

use super::histories::Believed;
use super::{SyncError, Trusted};
use crate::missing_links::MissingLinks;
use crate::snapshot::Snapshot;

/// Something to do, for a class, a lot or a pack.
pub(super) enum Task {
    /// To know the members of a class.
    Class(Subject),
    /// To know their names, and to have their histories.
    Names(Names),
    /// To have a subject's history.
    History(Wanted),
    /// To have the filter over a lot's serials.
    Filter(Subject),
    /// To have a history on which the others build, in which this statement is to be found.
    Dependency(Subject, Hash),
}

impl Task {
    pub(super) const fn subject(&self) -> &Subject {
        match self {
            Self::Class(subject)
            | Self::Names(Names { class: subject, .. })
            | Self::History(Wanted { subject, .. })
            | Self::Filter(subject)
            | Self::Dependency(subject, _) => subject,
        }
    }
}

/// The names of a class's members, as far as they are known.
pub(super) struct Names {
    pub(super) class: Subject,
    /// Those that are known and not yet planned; `None` before the database was asked.
    pub(super) named: Option<BTreeMap<Hash, Subject>>,
    /// So many of the first members are planned.
    pub(super) planned: usize,
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
    /// The number under which it is stored, if it has one.
    pub(super) id: Option<u64>,
    /// How many statements. None also if what is stored is not whole, and to be replaced.
    pub(super) count: u64,
    /// Id of the last of them.
    pub(super) last: Option<Hash>,
    /// Whether that is what was stored before this round: whole, but perhaps another subject's.
    pub(super) from_before: bool,
}

/// What was asked for, and what the node answered to that.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) asked: Vec<(Wanted, Held)>,
    pub(super) histories: Vec<SubjectHistory>,
}

/// What there is to do until the head can move, and whom to believe meanwhile.
pub(super) struct Plan {
    pub(super) trusted: Trusted,
    pub(super) supply: TrustedCheckpoint,
    pub(super) work: Work,
}

/// What there is to do, and what was found on the way.
pub(super) struct Work {
    pub(super) tasks: VecDeque<Task>,
    /// Lots of which is to be known which packs have something on record.
    pub(super) lots: VecDeque<Subject>,
    /// Histories that were asked for already, or why there are none.
    pub(super) ahead: Option<Result<Ahead, SyncError>>,
    /// Histories that are not yet written.
    pub(super) believed: Option<Believed>,
    /// What is followed: classes and packs.
    pub(super) followed: BTreeSet<Subject>,
    /// Signers whose certificates are stored, whole.
    pub(super) certified: BTreeSet<Hash>,
    /// What the statements build on.
    pub(super) links: MissingLinks,
    /// Subjects whose histories were asked for because of that.
    pub(super) dependencies: BTreeSet<Subject>,
    /// Members of families, as proven at the checkpoint.
    pub(super) members: BTreeMap<Subject, BTreeMap<Hash, IndexEntry>>,
}

impl Work {
    pub(super) fn remaining(&self) -> u64 {
        (self.tasks.len() + self.lots.len()) as u64 + u64::from(self.ahead.is_some()) + 1
    }

    /// Plans what of `asked` there was no room for in the answer, and what goes on behind its page. What was answered is
    /// left in `asked`.
    pub(super) fn go_on(&mut self, asked: &mut Vec<(Wanted, Held)>, histories: &[SubjectHistory]) {
        for (wanted, held) in asked.split_off(histories.len()).into_iter().rev() {
            self.tasks.push_front(Task::History(Wanted { held: Some(held), ..wanted }));
        }
        for ((wanted, held), history) in asked.iter().zip(histories).rev() {
            let count = held.count + history.entries.len() as u64;
            if count < wanted.entry.count {
                let last = history.entries.last().map(|last| Hash::of(&last.statement));
                let held = Some(Held { count, last, from_before: false, ..*held });
                self.tasks.push_front(Task::History(Wanted { held, ..wanted.clone() }));
            }
        }
    }

    /// Plans once more what was asked for, each history from the first of its pages here on.
    pub(super) fn again(&mut self, asked: Vec<(Wanted, Held)>) {
        let ahead = self.ahead.take_if(|ahead| ahead.is_ok()).and_then(Result::ok);
        let later = ahead.into_iter().flat_map(|ahead| ahead.asked);
        let mut planned = BTreeSet::new();
        let asked = asked.into_iter().chain(later);
        let first: Vec<_> = asked.filter(|(wanted, _)| planned.insert(wanted.subject.clone())).collect();
        self.tasks.retain(|task| !matches!(task, Task::History(wanted) if planned.contains(&wanted.subject)));
        for (wanted, held) in first.into_iter().rev() {
            self.tasks.push_front(Task::History(Wanted { held: Some(held), ..wanted }));
        }
    }

    /// Takes the next task if it is to have a history.
    pub(super) fn next_history(&mut self) -> Option<Wanted> {
        match self.tasks.pop_front_if(|task| matches!(task, Task::History(_)))? {
            Task::History(wanted) => Some(wanted),
            _ => None,
        }
    }

    /// Takes the next task if it is to know names.
    pub(super) fn next_names(&mut self) -> Option<Names> {
        match self.tasks.pop_front_if(|task| matches!(task, Task::Names(_)))? {
            Task::Names(names) => Some(names),
            _ => None,
        }
    }

    /// Plans to have the filter over a subject's serials, should its history name one. Those on which the followed build
    /// need none.
    pub(super) fn plan_filter(&mut self, subject: &Subject) {
        if !self.dependencies.contains(subject) {
            self.tasks.push_back(Task::Filter(subject.clone()));
        }
    }

    /// Takes the next task if it is to have a filter.
    pub(super) fn next_filter(&mut self) -> Option<Subject> {
        match self.tasks.pop_front_if(|task| matches!(task, Task::Filter(_)))? {
            Task::Filter(lot) => Some(lot),
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
            work: Work {
                tasks: classes.into_iter().map(Task::Class).collect(),
                lots: VecDeque::new(),
                ahead: None,
                believed: None,
                followed: following.into_iter().map(|following| following.subject).collect(),
                certified: BTreeSet::new(),
                links: MissingLinks::default(),
                dependencies: BTreeSet::new(),
                members: BTreeMap::new(),
            },
        })
    }
}
