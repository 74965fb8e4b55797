//! Credentials at bedside gateways, as they are wrapped.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{StoreResult, change};
use crate::vault::Cost;

/// A wrapped credential.
pub(crate) struct Wrapped {
    pub(crate) address: String,
    pub(crate) keeping: u8,
    pub(crate) cost: Cost,
    pub(crate) salt: [u8; 16],
    pub(crate) bytes: Vec<u8>,
}

/// Gateways at which there is a credential.
pub(crate) fn badges(connection: &Connection) -> StoreResult<Vec<String>> {
    super::all(connection, "SELECT gateway FROM badges ORDER BY gateway", [])
}

pub(crate) fn badge(connection: &Connection, gateway: &str) -> StoreResult<Option<Wrapped>> {
    let sql = "SELECT address, keeping, memory, passes, lanes, salt, wrapped FROM badges WHERE gateway = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let cost = Cost { memory_kib: row.get(2)?, passes: row.get(3)?, lanes: row.get(4)? };
        let (salt, bytes) = (row.get(5)?, row.get(6)?);
        Ok(Wrapped { address: row.get(0)?, keeping: row.get(1)?, cost, salt, bytes })
    };
    Ok(connection.prepare_cached(sql)?.query_row([gateway], read).optional()?)
}

pub(crate) fn set_badge(tx: &Transaction<'_>, gateway: &str, badge: &Wrapped) -> StoreResult<()> {
    let Wrapped { address, keeping, cost, salt, bytes } = badge;
    change(
        tx,
        "INSERT OR REPLACE INTO badges VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![gateway, address, keeping, cost.memory_kib, cost.passes, cost.lanes, salt, bytes],
    )
}

pub(crate) fn forget_badge(tx: &Transaction<'_>, gateway: &str) -> StoreResult<()> {
    change(tx, "DELETE FROM badges WHERE gateway = ?1", [gateway])
}
