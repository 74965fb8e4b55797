//! Checkpoints, where the wallet is among them, and evidence against a log.

use countersign_custody::Synced;
use countersign_ledger::{LogName, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{StoreError, StoreResult, change, one};

/// Sizes of the checkpoints at which the wallet is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The newest that was ever trusted.
    pub(crate) seen: u64,
    /// The one that the snapshot is pinned to.
    pub(crate) head: Option<u64>,
}

/// Where the wallet is in a log; `None` before the first checkpoint.
pub(crate) fn position(connection: &Connection, log: LogName) -> StoreResult<Option<Position>> {
    let mut query = connection.prepare_cached("SELECT seen, head FROM positions WHERE log = ?1")?;
    let row = query.query_row([log.as_str()], |row| Ok(Position { seen: row.get(0)?, head: row.get(1)? }));
    Ok(row.optional()?)
}

/// Moves on in a log; never back, whoever has moved meanwhile.
pub(crate) fn set_position(tx: &Transaction<'_>, log: LogName, to: Position) -> StoreResult<()> {
    if let Some(now) = position(tx, log)?
        && (now.seen > to.seen || now.head > to.head)
    {
        return Err(StoreError::Moved);
    }
    let sql = "INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)";
    change(tx, sql, params![log.as_str(), to.seen, to.head])
}

/// Forgets where the wallet is in a log.
pub(crate) fn forget_position(tx: &Transaction<'_>, log: LogName) -> StoreResult<()> {
    change(tx, "DELETE FROM positions WHERE log = ?1", [log.as_str()])
}

/// The note of the checkpoint of that size.
pub(crate) fn note(connection: &Connection, log: LogName, size: u64) -> StoreResult<Option<String>> {
    one(connection, "SELECT note FROM checkpoints WHERE log = ?1 AND size = ?2", params![log.as_str(), size])
}

/// Keeps a checkpoint, in place of one of the same size.
pub(crate) fn insert_checkpoint(
    tx: &Transaction<'_>,
    log: LogName,
    size: u64,
    note: &str,
) -> StoreResult<()> {
    let sql = "INSERT INTO checkpoints VALUES (?1, ?2, ?3, 0) ON CONFLICT DO UPDATE SET note = excluded.note";
    change(tx, sql, params![log.as_str(), size, note])
}

/// Says that stored inclusion paths lead to a log's checkpoint of that size.
pub(crate) fn set_end(tx: &Transaction<'_>, log: LogName, size: u64) -> StoreResult<()> {
    change(tx, "UPDATE checkpoints SET ends = 1 WHERE log = ?1 AND size = ?2", params![log.as_str(), size])
}

/// Finds anew to which checkpoints of a log stored inclusion paths lead, after many of them were dropped: looks at all of them.
pub(crate) fn find_ends(tx: &Transaction<'_>, log: LogName) -> StoreResult<()> {
    let find = "UPDATE checkpoints SET ends = size IN (
                    SELECT size FROM statements JOIN subjects ON id = entry >> 24 WHERE log = ?1
                ) WHERE log = ?1 AND ends";
    change(tx, find, [log.as_str()])
}

/// Drops what nothing refers to any more: families' proofs of older sizes, and checkpoints to which no path leads.
pub(crate) fn prune(tx: &Transaction<'_>) -> StoreResult<()> {
    tx.execute_batch(
        "DELETE FROM families WHERE size < IFNULL((
             SELECT head FROM positions JOIN subjects USING (log) WHERE subjects.id = families.family
         ), size + 1);
         DELETE FROM checkpoints WHERE NOT ends
             AND size NOT IN (SELECT seen FROM positions WHERE log = checkpoints.log)
             AND size NOT IN (SELECT head FROM positions WHERE log = checkpoints.log AND head IS NOT NULL);",
    )?;
    Ok(())
}

/// What the clocks showed at the last sync.
pub(crate) fn synced(connection: &Connection) -> StoreResult<Option<Synced>> {
    let moment = |millis| UnixMillis(millis);
    let row = connection.query_row("SELECT phone, node FROM clocks", [], |row| {
        Ok(Synced { phone: moment(row.get(0)?), node: moment(row.get(1)?) })
    });
    Ok(row.optional()?)
}

/// Keeps what the clocks showed at this sync.
pub(crate) fn set_synced(tx: &Transaction<'_>, clocks: Synced) -> StoreResult<()> {
    let Synced { phone, node } = clocks;
    change(tx, "INSERT OR REPLACE INTO clocks VALUES (1, ?1, ?2)", [phone.0, node.0])
}

/// Keeps evidence of a fork.
pub(crate) fn fork(tx: &Transaction<'_>, held: &str, offered: &str) -> StoreResult<()> {
    change(tx, "INSERT OR IGNORE INTO forks (held, offered) VALUES (?1, ?2)", [held, offered])
}

/// All evidence of forks, oldest first.
pub(crate) fn forks(connection: &Connection) -> StoreResult<Vec<(String, String)>> {
    let mut query = connection.prepare_cached("SELECT held, offered FROM forks ORDER BY id")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
