//! Bedside devices: what the ledger has of them, and which were met here.

use countersign_bedside::{DeviceRow, device};
use countersign_device::Id;
use countersign_ledger::{Identity, LogName, UnixMillis};

use crate::snapshot::{Snapshot, SnapshotDamaged};
use crate::store::{self, StoreError};

/// How many devices are remembered.
const MOST: u32 = 12;

/// The devices that a wallet knows of.
pub struct BedsideDevices<'a>(pub &'a mut Snapshot);

impl BedsideDevices<'_> {
    /// The newest row of a device, and the gateway that wrote it; `None` if the ledger has none, as far as is known here.
    pub fn registered(&mut self, sid: &Id) -> Result<Option<(DeviceRow, Identity)>, SnapshotDamaged> {
        let history = self.0.history(LogName::TRUST, &device(sid))?.unwrap_or_default();
        Ok(history.iter().rev().find_map(|entry| {
            let row = entry.standing()?;
            Some((DeviceRow::of(row)?, row.signer().identity().clone()))
        }))
    }

    /// Devices at which somebody signed in, and when, the latest first.
    pub fn met(&self) -> Result<Vec<(Id, UnixMillis)>, StoreError> {
        let rows = store::met_devices(self.0.store.read())?;
        Ok(rows.into_iter().map(|(sid, met)| (sid, UnixMillis(met))).collect())
    }

    /// Remembers that somebody signed in at a device.
    pub fn meet(&mut self, sid: &Id, now: UnixMillis) -> Result<(), StoreError> {
        self.0.store.write(|tx| store::meet_device(tx, sid, now.0, MOST))
    }
}
