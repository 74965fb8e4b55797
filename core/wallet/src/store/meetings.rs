//! Checkpoints that other phones showed and that are still to be compared.

use countersign_ledger::LogName;
use rusqlite::{Connection, Transaction, params};

use super::{StoreResult, all, change};

/// Most of them that are kept: the rest of a crowd shows little that is new.
const MAX_MEETINGS: u64 = 32;

/// Keeps a log's checkpoint of some size, a note's text, unless there are many.
pub(crate) fn meet(tx: &Transaction<'_>, log: LogName, note: &str, size: u64) -> StoreResult<()> {
    let insert =
        "INSERT OR IGNORE INTO meetings SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM meetings) < ?4";
    change(tx, insert, params![note, log.as_str(), size, MAX_MEETINGS])
}

/// Those of a log, of at most that size.
pub(crate) fn meetings(connection: &Connection, log: LogName, until: u64) -> StoreResult<Vec<String>> {
    let sql = "SELECT note FROM meetings WHERE log = ?1 AND size <= ?2 ORDER BY size";
    all(connection, sql, params![log.as_str(), until])
}

/// One has been compared.
pub(crate) fn compared(tx: &Transaction<'_>, note: &str) -> StoreResult<()> {
    change(tx, "DELETE FROM meetings WHERE note = ?1", [note])
}
