//! What a member of a trust domain keeps, sealed.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{StoreError, StoreResult};

/// What was kept under a name.
pub(crate) fn kept_of_domains(connection: &Connection, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let mut query = connection.prepare_cached("SELECT sealed FROM domains_kept WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?)
}

/// Keeps something under a name, in place of what was there.
pub(crate) fn keep_of_domains(tx: &Transaction<'_>, name: &str, sealed: &[u8]) -> Result<(), StoreError> {
    let upsert = "INSERT INTO domains_kept (name, sealed) VALUES (?1, ?2)
                  ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed";
    tx.execute(upsert, params![name, sealed])?;
    Ok(())
}
