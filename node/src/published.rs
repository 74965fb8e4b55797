//! What is published: durable, cosigned, and open to every reader.
//!
//! Readers never see further than the newest published checkpoints, though the machine may already be ahead.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use countersign_ledger::{Checkpoint, Hash, Index, TrustStore, UnixMillis};

use crate::log::{LogId, Place};
use crate::machine::{Bodies, Shared};
use crate::sequencer::{Ordered, Status};
use crate::store::{self, Readers, StoreError};

/// How many checkpoints back proofs from the subject index are given. A phone that took a checkpoint before the last
/// one was published can finish its sync under it.
pub(crate) const RECENT_CHECKPOINTS: usize = 64;

/// A log as of its newest checkpoint.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Arc<str>,
    pub(crate) cosigned_at: UnixMillis,
    /// The subject index of the last checkpoints, by size, newest last. Clones share what they have in common.
    indices: VecDeque<(u64, Index)>,
}

impl Head {
    /// A log whose checkpoint is not signed yet.
    pub(crate) fn unsigned(checkpoint: Checkpoint, recent: VecDeque<(u64, Index)>, index: Index) -> Self {
        let size = checkpoint.size();
        let mut head =
            Self { checkpoint, note: "".into(), cosigned_at: UnixMillis(0), indices: VecDeque::new() };
        for (size, index) in recent {
            head.remember(size, index);
        }
        head.remember(size, index);
        head
    }

    /// Remembers the index of a checkpoint.
    pub(crate) fn remember(&mut self, size: u64, index: Index) {
        if self.indices.back().is_some_and(|(newest, _)| *newest == size) {
            return;
        }
        if self.indices.len() == RECENT_CHECKPOINTS {
            self.indices.pop_front();
        }
        self.indices.push_back((size, index));
    }

    /// The subject index as of the newest checkpoint.
    pub(crate) fn index(&self) -> Option<&Index> {
        self.indices.back().map(|(_, index)| index)
    }

    /// The subject index as of the checkpoint of `size`, if that is recent.
    pub(crate) fn index_at(&self, size: u64) -> Option<&Index> {
        self.indices.iter().rev().find(|(at, _)| *at == size).map(|(_, index)| index)
    }

    /// The successor of this head.
    pub(crate) fn next(
        &self,
        checkpoint: Checkpoint,
        note: Arc<str>,
        cosigned_at: UnixMillis,
        index: &Index,
    ) -> Self {
        let mut next = Self { checkpoint, note, cosigned_at, indices: self.indices.clone() };
        next.remember(next.checkpoint.size(), index.clone());
        next
    }
}

/// All logs, and whom to believe, as of one moment.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) height: u64,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) heads: [Head; LogId::COUNT],
}

impl View {
    pub(crate) const fn head(&self, log: LogId) -> &Head {
        &self.heads[log.slot()]
    }

    pub(crate) fn size(&self, log: LogId) -> u64 {
        self.head(log).checkpoint.size()
    }

    /// When the witnesses last cosigned every log.
    pub(crate) fn cosigned_at(&self) -> UnixMillis {
        self.heads.iter().map(|head| head.cosigned_at).min().unwrap_or_default()
    }
}

/// The published state and the ways to read it.
pub(crate) struct Published {
    view: RwLock<Arc<View>>,
    shared: Arc<Shared>,
    readers: Readers,
}

impl Published {
    pub(crate) fn new(view: View, shared: Arc<Shared>, readers: Readers) -> Self {
        Self { view: RwLock::new(Arc::new(view)), shared, readers }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish(&self, view: View) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Where a statement stands, once published.
    pub(crate) fn ordered(&self, id: Hash) -> Option<Ordered> {
        let place = self.shared.place(id)?;
        let size = self.view().size(place.log);
        (place.index < size).then_some(Ordered { place, size })
    }

    pub(crate) fn status(&self, id: Hash) -> Status {
        self.ordered(id).map_or(Status::Unknown, Status::Ordered)
    }
}

impl Bodies for Published {
    fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.readers.with(|connection| store::body(connection, place))
    }
}

impl Bodies for rusqlite::Connection {
    fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        store::body(self, place)
    }
}
