//! What the user follows.

use countersign_custody::{Contents, SubjectType};
use countersign_ledger::{Hash, Subject};
use rusqlite::Connection;

use super::Snapshot;
use crate::log::Log;
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
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The product class, pack or unit.
    pub subject: Subject,
    /// The product class; the same as the subject where that is one, or a unit.
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
    /// Follows a product class: its certificates, all its lots, and which of their packs have something on record.
    pub fn follow(&mut self, class: &Subject) -> Result<(), FollowError> {
        if SubjectType::of(class) != Some(SubjectType::Class) {
            return Err(FollowError::NotAClass);
        }
        self.change_follows(|tx| store::follow(tx, class, class.as_str()))
    }

    /// Follows one pack: its own history, and of its class what is needed to judge it.
    pub fn follow_pack(&mut self, pack: &Subject) -> Result<(), FollowError> {
        let (_, class) = lot_and_class(pack).ok_or(FollowError::NotAPack)?;
        self.change_follows(|tx| store::follow(tx, pack, class.as_str()))
    }

    /// Follows a logistic unit: its own history, which is that of the packs in it as far as the list of its contents is
    /// here ([`Snapshot::keep_contents`]).
    pub fn follow_unit(&mut self, unit: &Subject) -> Result<(), FollowError> {
        if SubjectType::of(unit) != Some(SubjectType::Unit) {
            return Err(FollowError::NotAUnit);
        }
        self.change_follows(|tx| store::follow(tx, unit, unit.as_str()))
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
        contents(self.store.read(), digest)
    }

    /// Follows a class, pack or unit no longer. What was kept for its class goes with the last that is followed of it.
    pub fn unfollow(&mut self, subject: &Subject) -> Result<(), FollowError> {
        let class = lot_and_class(subject).map_or_else(|| subject.clone(), |(_, class)| class);
        self.change_follows(|tx| store::unfollow(tx, subject, class.as_str()))
    }

    /// All that is followed, each class before its packs.
    pub fn following(&self) -> Result<Vec<Following>, StoreError> {
        let rows = store::followed(self.store.read())?;
        Ok(rows.into_iter().filter_map(|row| self.following_row(&row)).collect())
    }

    fn following_row(&self, row: &FollowRow) -> Option<Following> {
        let head = self.checkpoint(Log::Supply).map(|head| head.checkpoint().size());
        let ready = row.ready.is_some() && row.ready == head;
        Some(Following {
            // A damaged name is followed no longer.
            subject: Subject::new(row.subject.as_str()).ok()?,
            class: Subject::new(row.class.as_str()).ok()?,
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

/// A list of contents as stored, if it is what its digest says. One that was damaged is not here.
pub(super) fn contents(connection: &Connection, digest: Hash) -> Result<Option<Contents>, StoreError> {
    let list = store::contents(connection, digest)?;
    let list = list.and_then(|list| Contents::from_bytes(&list).ok());
    Ok(list.filter(|list| list.digest() == digest))
}

/// The lot and the class of a pack; `None` for anything but a pack of a lot.
pub(crate) fn lot_and_class(pack: &Subject) -> Option<(Subject, Subject)> {
    let lot = Subject::new(pack.family()).ok()?;
    let class = Subject::new(lot.family()).ok()?;
    let levels = [pack, &lot, &class].map(SubjectType::of);
    (levels == [Some(SubjectType::Pack), Some(SubjectType::Lot), Some(SubjectType::Class)]).then_some((lot, class))
}
