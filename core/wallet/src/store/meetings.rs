//! Checkpoints that other phones showed and that are still to be compared.

use countersign_ledger::LogName;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;

/// Most of them that are kept: the rest of a crowd shows little that is new.
const MAX_MEETINGS: u64 = 32;

/// Keeps a log's checkpoint of some size, a note's text, unless there are many.
pub(crate) fn meet(tx: &Transaction<'_>, log: LogName, note: &str, size: u64) -> Result<(), StoreError> {
    let insert =
        "INSERT OR IGNORE INTO meetings SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM meetings) < ?4";
    tx.execute(insert, params![note, log.as_str(), size, MAX_MEETINGS])?;
    Ok(())
}

/// Those of a log, of at most that size.
pub(crate) fn meetings(connection: &Connection, log: LogName, until: u64) -> Result<Vec<String>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT note FROM meetings WHERE log = ?1 AND size <= ?2 ORDER BY size")?;
    Ok(query.query_map(params![log.as_str(), until], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// One has been compared.
pub(crate) fn compared(tx: &Transaction<'_>, note: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM meetings WHERE note = ?1", [note])?;
    Ok(())
}
