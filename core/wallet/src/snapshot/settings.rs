//! What the owner may choose, and what the wallet takes on the phone.

use countersign_ledger::Identity;

use super::Snapshot;
use crate::store::{self, StoreError};

impl Snapshot {
    /// The address of the node that the owner chose; `None` if that is left to the app.
    pub fn node(&self) -> Result<Option<String>, StoreError> {
        store::node(self.store.read())
    }

    /// Keeps the address of the node that the owner chose. No trust rests on it: what a node says is proven.
    pub fn set_node(&mut self, address: &str) -> Result<(), StoreError> {
        self.store.write(|tx| store::set_node(tx, address))
    }

    /// The members that the owner's keys are certified for. A certificate that is damaged, or leads to no pinned root, is
    /// none.
    pub fn identities(&self) -> Result<Vec<Identity>, StoreError> {
        let Ok(mut trust) = self.trust() else { return Ok(Vec::new()) };
        let mut members = Vec::new();
        for key in store::memberships(self.store.read())? {
            let Some(fingerprint) = store::membership(self.store.read(), &key)? else { continue };
            let der = store::certificate(self.store.read(), fingerprint)?;
            let certificate = der.and_then(|der| trust.enrol(&der).ok());
            members.extend(certificate.map(|certificate| certificate.identity().clone()));
        }
        Ok(members)
    }

    /// What the database takes on disk, in bytes, with what waits beside it to be written into it.
    pub fn bytes_on_disk(&self) -> u64 {
        let path = self.store.read().path().unwrap_or_default();
        let files = ["", "-wal", "-shm"].map(|kind| std::fs::metadata(format!("{path}{kind}")));
        files.iter().flatten().map(std::fs::Metadata::len).sum()
    }
}
