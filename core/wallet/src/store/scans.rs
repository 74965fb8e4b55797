//! What this phone scanned, and what its owner keeps. All of it is sealed.

use countersign_ledger::Hash;
use rusqlite::{Connection, Transaction, params};

use super::{Digest, StoreResult, all, change, one};

/// A row of a shelf, by its name.
pub(crate) fn scan(connection: &Connection, shelf: u8, name: Hash) -> StoreResult<Option<Vec<u8>>> {
    one(connection, "SELECT scan FROM scans WHERE shelf = ?1 AND name = ?2", params![shelf, name.as_bytes()])
}

/// The rows of a shelf with their names, the latest scan first.
pub(crate) fn scans(connection: &Connection, shelf: u8) -> StoreResult<Vec<(Hash, Vec<u8>)>> {
    let sql = "SELECT name, scan FROM scans WHERE shelf = ?1 ORDER BY number DESC";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map([shelf], |row| Ok((row.get::<_, Digest>(0)?.0, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts a row on top of a shelf, in place of the one of that name; those below the `most` that a shelf holds are dropped.
pub(crate) fn set_scan(
    tx: &Transaction<'_>,
    shelf: u8,
    name: Hash,
    scan: &[u8],
    most: u64,
) -> StoreResult<()> {
    let insert = "INSERT OR REPLACE INTO scans (number, shelf, name, scan)
                  VALUES ((SELECT IFNULL(max(number), 0) + 1 FROM scans), ?1, ?2, ?3)";
    change(tx, insert, params![shelf, name.as_bytes(), scan])?;
    let drop = "DELETE FROM scans WHERE shelf = ?1 AND number <= (
                    SELECT number FROM scans WHERE shelf = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2
                )";
    change(tx, drop, params![shelf, most])
}

/// Forgets a row.
pub(crate) fn forget_scan(tx: &Transaction<'_>, shelf: u8, name: Hash) -> StoreResult<()> {
    change(tx, "DELETE FROM scans WHERE shelf = ?1 AND name = ?2", params![shelf, name.as_bytes()])
}

/// Forgets all rows of a shelf.
pub(crate) fn forget_scans(tx: &Transaction<'_>, shelf: u8) -> StoreResult<()> {
    change(tx, "DELETE FROM scans WHERE shelf = ?1", [shelf])
}

/// Number of rows of a shelf, and their bytes.
pub(crate) fn scans_on_disk(connection: &Connection, shelf: u8) -> StoreResult<(u64, u64)> {
    let sql = "SELECT count(*), IFNULL(sum(length(scan)), 0) FROM scans WHERE shelf = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([shelf], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Whether scans are remembered.
pub(crate) fn remembers(connection: &Connection) -> StoreResult<bool> {
    Ok(!all::<u64>(connection, "SELECT one FROM remembering", [])?.is_empty())
}

/// Says whether scans are remembered.
pub(crate) fn set_remembers(tx: &Transaction<'_>, remembers: bool) -> StoreResult<()> {
    let sql =
        if remembers { "INSERT OR IGNORE INTO remembering VALUES (1)" } else { "DELETE FROM remembering" };
    change(tx, sql, [])
}
