//! Where statements are that others link.

use countersign_ledger::{Hash, LogName, Subject};
use rusqlite::{Connection, Transaction, params};

use super::{StoreResult, change, one};

/// The subject under which a linked statement is to be found.
pub(crate) fn link(connection: &Connection, log: LogName, statement: Hash) -> StoreResult<Option<Subject>> {
    let sql = "SELECT subject FROM links WHERE log = ?1 AND statement = ?2";
    let found: Option<String> = one(connection, sql, params![log.as_str(), statement.as_bytes()])?;
    // A damaged name is none.
    Ok(found.and_then(|subject| Subject::new(subject).ok()))
}

/// Keeps where a linked statement is to be found.
pub(crate) fn set_link(
    tx: &Transaction<'_>,
    log: LogName,
    statement: Hash,
    subject: &Subject,
) -> StoreResult<()> {
    let sql = "INSERT OR REPLACE INTO links VALUES (?1, ?2, ?3)";
    change(tx, sql, params![log.as_str(), statement.as_bytes(), subject.as_str()])
}

/// Forgets it, so that it is asked for again.
pub(crate) fn forget_link(tx: &Transaction<'_>, log: LogName, statement: Hash) -> StoreResult<()> {
    let delete = "DELETE FROM links WHERE log = ?1 AND statement = ?2";
    change(tx, delete, params![log.as_str(), statement.as_bytes()])
}
