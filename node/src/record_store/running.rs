//! Deliveries that are being ordered, or whose objects may be fetched.

use std::collections::hash_map::Entry;
use std::sync::{Arc, OnceLock};

use countersign_ledger::{Hash, LogName, Statement, Subject, UnixMillis};
use countersign_records::{RecordId, Row};

use super::{MAX_RUNNING, NotKept, RecordStore, TOKEN_MILLIS};
use crate::sequencer::Ordered;
use crate::store::StoreResult;

/// A delivery whose objects may be fetched, or that is being ordered.
pub(crate) struct Running {
    pub(crate) record: RecordId,
    pub(crate) log: LogName,
    pub(crate) thread: Subject,
    pub(crate) row: Row,
    /// Until when its objects may be fetched.
    pub(crate) until: UnixMillis,
    pub(super) nonce: Nonce,
    /// The statement and its place, once it is ordered.
    pub(crate) ordered: OnceLock<(Statement, Ordered)>,
}

/// The id of a request, and what each demand on it has but once.
pub(crate) type Nonce = (Hash, [u8; 16]);

/// A delivery that is about to be ordered.
pub(crate) struct Wish {
    pub(crate) record: RecordId,
    pub(crate) log: LogName,
    pub(crate) thread: Subject,
    /// The hash of the row.
    pub(crate) row: Hash,
    pub(crate) nonce: Nonce,
    pub(crate) proof: Hash,
    pub(crate) now: UnixMillis,
    /// Until when it was granted, as far as is known.
    pub(crate) granted: Option<UnixMillis>,
}

/// A delivery that is being ordered. If nothing comes of it, nothing is left of it.
pub(crate) struct Begun<'a> {
    store: &'a RecordStore,
    proof: Hash,
    pub(crate) running: Arc<Running>,
}

impl Begun<'_> {
    /// It is ordered: its objects may be fetched.
    pub(crate) fn done(&self, statement: Statement, ordered: Ordered) {
        let _ = self.running.ordered.set((statement, ordered));
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.running.ordered.get().is_none() {
            let mut inner = self.store.inner();
            inner.running.remove(&self.proof);
            inner.nonces.remove(&self.running.nonce);
            drop(inner);
            self.store.look_at(self.running.record);
        }
    }
}

impl RecordStore {
    /// The proof of the demand that had this nonce.
    pub(crate) fn had(&self, nonce: Nonce) -> Option<Hash> {
        self.inner().nonces.get(&nonce).copied()
    }

    /// The delivery of a demand.
    pub(crate) fn running(&self, proof: Hash) -> Option<Arc<Running>> {
        self.inner().running.get(&proof).cloned()
    }

    /// Keeps the row's objects for a delivery; `None` unless all of them are here. Busy while the same demand, or another with
    /// its nonce, is being ordered.
    pub(crate) fn begin(&self, wish: Wish) -> StoreResult<Result<Option<Begun<'_>>, NotKept>> {
        let Wish { record, log, thread, nonce, proof, now, granted, .. } = wish;
        let until = now.0.saturating_add(TOKEN_MILLIS);
        let until = UnixMillis(granted.map_or(until, |granted| until.min(granted.0)));
        let mut inner = self.inner();
        let Some(row) = inner.catalogue.whole(record, wish.row)? else { return Ok(Ok(None)) };
        if inner.running.len() >= MAX_RUNNING {
            return Ok(Err(NotKept::Busy));
        }
        let inner = &mut *inner;
        let (Entry::Vacant(place), Entry::Vacant(known)) =
            (inner.running.entry(proof), inner.nonces.entry(nonce))
        else {
            return Ok(Err(NotKept::Busy));
        };
        let running = Running { record, log, thread, row, until, nonce, ordered: OnceLock::new() };
        let running = Arc::clone(place.insert(Arc::new(running)));
        known.insert(proof);
        Ok(Ok(Some(Begun { store: self, proof, running })))
    }
}
