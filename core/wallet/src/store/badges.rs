//! Credentials at bedside gateways, as they are wrapped, and devices that were met.

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
    pub(crate) subject: String,
}

/// Gateways at which there is a credential, and what that is on the ledger.
pub(crate) fn badges(connection: &Connection) -> StoreResult<Vec<(String, String)>> {
    let mut statement = connection.prepare_cached("SELECT gateway, subject FROM badges ORDER BY gateway")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

pub(crate) fn badge(connection: &Connection, gateway: &str) -> StoreResult<Option<Wrapped>> {
    let sql = "SELECT address, keeping, memory, passes, lanes, salt, wrapped, subject
               FROM badges WHERE gateway = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let cost = Cost { memory_kib: row.get(2)?, passes: row.get(3)?, lanes: row.get(4)? };
        let (salt, bytes, subject) = (row.get(5)?, row.get(6)?, row.get(7)?);
        Ok(Wrapped { address: row.get(0)?, keeping: row.get(1)?, cost, salt, bytes, subject })
    };
    Ok(connection.prepare_cached(sql)?.query_row([gateway], read).optional()?)
}

pub(crate) fn set_badge(tx: &Transaction<'_>, gateway: &str, badge: &Wrapped) -> StoreResult<()> {
    let Wrapped { address, keeping, cost, salt, bytes, subject } = badge;
    change(
        tx,
        "INSERT OR REPLACE INTO badges VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![gateway, address, keeping, cost.memory_kib, cost.passes, cost.lanes, salt, bytes, subject],
    )
}

pub(crate) fn forget_badge(tx: &Transaction<'_>, gateway: &str) -> StoreResult<()> {
    change(tx, "DELETE FROM badges WHERE gateway = ?1", [gateway])
}

/// Devices that were met, and when, the latest first.
pub(crate) fn met_devices(connection: &Connection) -> StoreResult<Vec<([u8; 16], u64)>> {
    let mut statement =
        connection.prepare_cached("SELECT sid, met FROM bedside_devices ORDER BY met DESC")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// A device was met: it comes first, and of the others `most - 1` stay.
pub(crate) fn meet_device(tx: &Transaction<'_>, sid: &[u8; 16], met: u64, most: u32) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO bedside_devices VALUES (?1, ?2)", params![sid, met])?;
    let rest = "DELETE FROM bedside_devices WHERE sid NOT IN
                (SELECT sid FROM bedside_devices ORDER BY met DESC, sid = ?1 DESC LIMIT ?2)";
    change(tx, rest, params![sid, most])
}
