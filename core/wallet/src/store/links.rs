//! Where statements are that others link.

use countersign_ledger::{Hash, LogName, Subject};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::StoreError;

/// The subject under which a linked statement is to be found.
pub(crate) fn link(
    connection: &Connection,
    log: LogName,
    statement: Hash,
) -> Result<Option<Subject>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT subject FROM links WHERE log = ?1 AND statement = ?2")?;
    let found: Option<String> =
        query.query_row(params![log.as_str(), statement.as_bytes()], |row| row.get(0)).optional()?;
    // A damaged name is none.
    Ok(found.and_then(|subject| Subject::new(subject).ok()))
}

/// Keeps where a linked statement is to be found.
pub(crate) fn set_link(
    tx: &Transaction<'_>,
    log: LogName,
    statement: Hash,
    subject: &Subject,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR REPLACE INTO links VALUES (?1, ?2, ?3)",
        params![log.as_str(), statement.as_bytes(), subject.as_str()],
    )?;
    Ok(())
}

/// Forgets it, so that it is asked for again.
pub(crate) fn forget_link(tx: &Transaction<'_>, log: LogName, statement: Hash) -> Result<(), StoreError> {
    let delete = "DELETE FROM links WHERE log = ?1 AND statement = ?2";
    tx.execute(delete, params![log.as_str(), statement.as_bytes()])?;
    Ok(())
}
