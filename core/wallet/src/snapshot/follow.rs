//! What the user follows: families of subjects, and products, which are families with more to them.

use countersign_custody::{Contents, SubjectType};
use countersign_ledger::{Entry, Hash, Held, IndexEntry, LogName, Subject, Tree};

use super::database::stored_contents;
use super::{Snapshot, SnapshotDamaged};
use crate::facts::{self, Histories as _, PRODUCTS, Proofs as _, digest, is, lot_and_class};
use crate::store::{self, FollowRow, StoreError};

/// Why something cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Not a product class.
    #[error("not a product class: https://id.gs1.org/01/<GTIN>")]
    NotAClass,
    /// Not a pack of a lot.
    #[error("not a pack of a lot: https://id.gs1.org/01/<GTIN>/10/<lot>/21/<serial>")]
    NotAPack,
    /// Not a logistic unit.
    #[error("not a logistic unit: https://id.gs1.org/00/<SSCC>")]
    NotAUnit,
    /// Not the subject that gives a family its name.
    #[error("not the head of a family")]
    NotAFamily,
    /// Not a log of this ledger whose subjects are followed one by one.
    #[error("no log of this ledger that is followed by subject")]
    NotALog,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The log.
    pub log: LogName,
    /// The product class, pack, unit or head of a family.
    pub subject: Subject,
    /// Of a pack, its product class; else the same as the subject.
    pub class: Subject,
    /// Whether all of it is here.
    pub state: FollowState,
}

/// Whether all of what is followed is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowState {
    /// Not before the next sync.
    Waiting,
    /// As of the snapshot's head.
    Ready,
}

impl Snapshot {
    /// Follows a family in any log that is followed by subject: the names and histories of all its members. `head` is the
    /// subject that gives the family its name, such as `urn:countersign:record:77`.
    pub fn follow_family(&mut self, log: LogName, head: &Subject) -> Result<(), FollowError> {
        if self.genesis.log(log).is_none_or(|log| log.held != Held::Followed) {
            return Err(FollowError::NotALog);
        }
        if head.family() != head.as_str() {
            return Err(FollowError::NotAFamily);
        }
        self.change_follows(|tx| store::follow(tx, log, head, head.as_str()))
    }

    /// Follows a family no longer, and drops what was kept of it.
    pub fn unfollow_family(&mut self, log: LogName, head: &Subject) -> Result<(), FollowError> {
        self.change_follows(|tx| store::unfollow(tx, log, head, head.as_str()))
    }

    /// All statements of a log on a subject as of the snapshot's head, oldest first, void ones in their place; `None` if
    /// neither the subject nor its family is followed and here.
    pub fn history(
        &mut self,
        log: LogName,
        subject: &Subject,
    ) -> Result<Option<Vec<Entry>>, SnapshotDamaged> {
        if let Some(head) = self.head.as_ref().filter(|_| self.is_whole(log)) {
            return Ok(Some(head.whole.entries(log, subject)));
        }
        let Some(mut database) = self.database(log) else { return Ok(None) };
        if database.is_ready(&facts::family(subject))? || database.is_ready(subject)? {
            database.history(subject).map(Some)
        } else {
            Ok(None)
        }
    }

    /// All entries of a log that is held whole, in its order, and the tree over them; `None` before the first sync, and where the
    /// log is not held whole.
    pub(crate) fn whole_log(&self, log: LogName) -> Option<(Vec<Entry>, Tree)> {
        let head = self.head.as_ref().filter(|_| self.is_whole(log))?;
        Some((head.whole.all(log).collect(), head.whole.tree(log)))
    }

    /// All members of a family in a log as of the snapshot's head, with the number and the latest of their statements;
    /// `None` if the family is not followed and here.
    pub fn members(
        &mut self,
        log: LogName,
        head: &Subject,
    ) -> Result<Option<Vec<(Subject, IndexEntry)>>, SnapshotDamaged> {
        if let Some(pinned) = self.head.as_ref().filter(|_| self.is_whole(log)) {
            let names = pinned.whole.members(log, head.as_str());
            let index = pinned.whole.index(log);
            let entry = |name: &Subject| index.get(&countersign_ledger::IndexKey::of(name));
            return Ok(Some(names.filter_map(|name| Some((name.clone(), entry(name)?))).collect()));
        }
        let Some(mut database) = self.database(log) else { return Ok(None) };
        if !database.is_ready(head)? {
            return Ok(None);
        }
        let members = database.family(head)?;
        let names = database.names(head, &members)?.into_iter();
        Ok(Some(names.filter_map(|name| Some((name.clone(), *members.get(&digest(&name))?))).collect()))
    }

    fn is_whole(&self, log: LogName) -> bool {
        self.genesis.log(log).is_some_and(|log| log.held == Held::Whole)
    }

    /// Follows a product class: its certificates, all its lots, and which of their packs have something on record.
    pub fn follow(&mut self, class: &Subject) -> Result<(), FollowError> {
        if !is(class, SubjectType::Class) {
            return Err(FollowError::NotAClass);
        }
        self.follow_family(PRODUCTS, class)
    }

    /// Follows one pack: its own history, and of its class what is needed to judge it.
    pub fn follow_pack(&mut self, pack: &Subject) -> Result<(), FollowError> {
        let (_, class) = lot_and_class(pack).ok_or(FollowError::NotAPack)?;
        self.change_follows(|tx| store::follow(tx, PRODUCTS, pack, class.as_str()))
    }

    /// Whether a pack is followed: the medicine list has those.
    pub(crate) fn follows_pack(&self, pack: &Subject) -> Result<bool, StoreError> {
        store::follows(self.store.read(), PRODUCTS, pack)
    }

    /// Follows a logistic unit: its own history, which is that of the packs in it as far as the list of its contents is
    /// here ([`Snapshot::keep_contents`]).
    pub fn follow_unit(&mut self, unit: &Subject) -> Result<(), FollowError> {
        if !is(unit, SubjectType::Unit) {
            return Err(FollowError::NotAUnit);
        }
        self.follow_family(PRODUCTS, unit)
    }

    /// Keeps the list of what is in a unit, which came with it. It counts where it is the one that the ledger names.
    pub fn keep_contents(&mut self, contents: &Contents) -> Result<(), StoreError> {
        let (digest, list) = (contents.digest(), contents.to_bytes());
        self.store.write::<_, StoreError>(|tx| store::set_contents(tx, digest, &list))?;
        self.warm.clear();
        Ok(())
    }

    /// The list of what is in a unit, by its digest; `None` if it is not here.
    pub fn contents(&self, digest: Hash) -> Result<Option<Contents>, StoreError> {
        stored_contents(self.store.read(), digest)
    }

    /// The followed units that are closed, with the lists of what is in them, as far as those are here.
    pub fn closed_units(&mut self) -> Result<Vec<(Subject, Contents)>, SnapshotDamaged> {
        let profiles = self.profiles;
        let Some(mut database) = self.database(PRODUCTS) else { return Ok(Vec::new()) };
        let mut closed = Vec::new();
        for unit in database.units()? {
            let history = facts::history(&mut database, &unit)?;
            if let Some(digest) = profiles.iter().find_map(|profile| profile.closed_list(&history))
                && let Some(list) = database.contents(digest)?
            {
                closed.push((unit, list));
            }
        }
        Ok(closed)
    }

    /// Keeps what a partner had added to the event that a statement was drafted from, as JSON. It is told on unread.
    pub fn keep_extensions(&mut self, statement: Hash, members: &str) -> Result<(), StoreError> {
        self.store.write(|tx| store::set_extensions(tx, statement, members))
    }

    /// What was kept with a statement by [`Self::keep_extensions`].
    pub fn extensions(&self, statement: Hash) -> Result<Option<String>, StoreError> {
        store::extensions(self.store.read(), statement)
    }

    /// Follows a class, pack or unit no longer. What was kept for its class goes with the last that is followed of it.
    pub fn unfollow(&mut self, subject: &Subject) -> Result<(), FollowError> {
        let class = lot_and_class(subject).map_or_else(|| subject.clone(), |(_, class)| class);
        self.change_follows(|tx| store::unfollow(tx, PRODUCTS, subject, class.as_str()))
    }

    /// All that is followed, log by log, each class before its packs.
    pub fn following(&self) -> Result<Vec<Following>, StoreError> {
        let rows = store::followed(self.store.read())?;
        Ok(rows.into_iter().filter_map(|row| self.following_row(&row)).collect())
    }

    fn following_row(&self, row: &FollowRow) -> Option<Following> {
        let log = LogName::new(&row.log).ok()?;
        let head = self.checkpoint(log).map(|head| head.checkpoint().size());
        let ready = row.ready.is_some() && row.ready == head;
        Some(Following {
            log,
            // A damaged name is followed no longer.
            subject: Subject::new(row.subject.as_str()).ok()?,
            class: Subject::new(row.family.as_str()).ok()?,
            state: if ready { FollowState::Ready } else { FollowState::Waiting },
        })
    }

    fn change_follows(
        &mut self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), FollowError> {
        self.store.write(change)?;
        // A round under way was planned for something else.
        self.round = None;
        self.warm.clear();
        Ok(())
    }
}
