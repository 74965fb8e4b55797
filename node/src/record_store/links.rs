//! What SMART Health Links lead to lies in the record store: an object of a record, given out by a name that cannot be guessed, until
//! it ends. Only the record's owner puts it there. It says nothing that the store does not know, but who fetched it from where.

use std::io;
use std::sync::Arc;

use countersign_ledger::{Hash, UnixMillis};
use countersign_records::RecordId;
use countersign_shl::Gate;

use super::{NotKept, RecordStore};
use crate::health_links::{Denied, Opened, Shelf};
use crate::store::{StoreError, StoreResult};

/// Where a link leads.
pub(super) struct Leading {
    pub(super) record: RecordId,
    /// The encrypted file.
    pub(super) digest: Hash,
    pub(super) gate: Gate,
}

impl RecordStore {
    /// Gives out an object of a record, which is held, by a name. The same again changes nothing: attempts are not given back. When
    /// this returns it is durable.
    pub(crate) fn link(
        &self,
        name: &str,
        record: RecordId,
        digest: Hash,
        gate: Gate,
    ) -> StoreResult<Result<(), NotKept>> {
        self.inner().catalogue.link(name, &Leading { record, digest, gate })
    }

    /// Gives an object of a record out no more. One that is not given out is not either afterwards.
    pub(crate) fn unlink(&self, name: &str, record: RecordId) -> StoreResult<()> {
        self.inner().catalogue.unlink(name, record)?;
        self.look_at(record);
        Ok(())
    }
}

/// The store, as what gives out files.
pub(crate) struct Links(pub(crate) Arc<RecordStore>);

impl Links {
    fn leading(&self, name: &str) -> Result<Leading, Denied> {
        self.0.inner().catalogue.leading(name)?.ok_or(Denied::Ended)
    }
}

impl Shelf for Links {
    fn gate(&self, name: &str) -> Result<Gate, Denied> {
        Ok(self.leading(name)?.gate)
    }

    fn keep(&self, name: &str, gate: &Gate) -> Result<(), Denied> {
        Ok(self.0.inner().catalogue.set_gate(name, gate)?)
    }

    fn open(&self, name: &str) -> Result<(Opened, u64), Denied> {
        let Leading { record, digest, .. } = self.leading(name)?;
        let Some((size, true)) = self.0.object(record, digest)? else { return Err(Denied::Ended) };
        let mut opened = self.0.place.get(record, digest)?;
        let store = Arc::clone(&self.0);
        let read = move |from, most| store.place.read(&mut opened, from, most);
        Ok((Box::new(read), size))
    }

    fn ended(&self, name: &str) {
        // Its time is looked at with the next round; nobody can open it that has no attempts left.
        if let Ok(Some(leading)) = self.0.inner().catalogue.leading(name) {
            self.0.look_at(leading.record);
        }
    }
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Storage(io::Error::other(error))
    }
}

/// When a link ends.
pub(super) const fn ends(gate: &Gate) -> UnixMillis {
    UnixMillis(gate.expires().saturating_mul(1000))
}
