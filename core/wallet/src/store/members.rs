//! Certificates, families' proofs, filters, and what the owner has of their own.

use countersign_ledger::{Hash, LogName, Subject};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Digest, StoreError, insert_subject};

/// A certificate that was kept.
pub(crate) fn certificate(connection: &Connection, fingerprint: Hash) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT der FROM certificates WHERE fingerprint = ?1")?;
    Ok(query.query_row([fingerprint.as_bytes()], |row| row.get(0)).optional()?)
}

/// Certificates that were kept, at most `most`.
pub(crate) fn certificates(connection: &Connection, most: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT der FROM certificates LIMIT ?1")?;
    Ok(query.query_map([most], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Keeps a certificate, in place of what may have been damaged.
pub(crate) fn insert_certificate(transaction: &Transaction<'_>, der: &[u8]) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO certificates VALUES (?1, ?2)")?;
    insert.execute(params![Hash::of(der).as_bytes(), der])?;
    Ok(())
}

/// What the subject index said of a family at the checkpoint of `size`.
pub(crate) fn family_proof(
    connection: &Connection,
    log: LogName,
    family: &str,
    size: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT proof FROM families JOIN subjects ON id = families.family
         WHERE log = ?1 AND text = ?2 AND size = ?3",
    )?;
    Ok(query.query_row(params![log.as_str(), family, size], |row| row.get(0)).optional()?)
}

/// Keeps what the subject index says of a family.
pub(crate) fn insert_family_proof(
    transaction: &Transaction<'_>,
    log: LogName,
    family: &Subject,
    size: u64,
    proof: &[u8],
) -> Result<(), StoreError> {
    let id = insert_subject(transaction, log, family)?;
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO families VALUES (?1, ?2, ?3)")?;
    insert.execute(params![size, id, proof])?;
    Ok(())
}

/// A filter over a lot's serials.
pub(crate) fn filter(connection: &Connection, digest: Hash) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT bytes FROM filters WHERE digest = ?1")?;
    Ok(query.query_row([digest.as_bytes()], |row| row.get(0)).optional()?)
}

/// Keeps a filter, in place of what may have been damaged.
pub(crate) fn insert_filter(
    transaction: &Transaction<'_>,
    digest: Hash,
    bytes: &[u8],
) -> Result<(), StoreError> {
    transaction
        .execute("INSERT OR REPLACE INTO filters VALUES (?1, ?2)", params![digest.as_bytes(), bytes])?;
    Ok(())
}

/// Fingerprint of the certificate that was issued for a key of the owner's.
pub(crate) fn membership(connection: &Connection, key: &str) -> Result<Option<Hash>, StoreError> {
    let mut query = connection.prepare_cached("SELECT fingerprint FROM memberships WHERE key = ?1")?;
    Ok(query.query_row([key], |row| row.get::<_, Digest>(0)).optional()?.map(|digest| digest.0))
}

/// All keys of the owner's that were certified, by name.
pub(crate) fn memberships(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut query = connection.prepare_cached("SELECT key FROM memberships ORDER BY key")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Keeps which certificate was issued for a key of the owner's.
pub(crate) fn set_membership(
    transaction: &Transaction<'_>,
    key: &str,
    fingerprint: Hash,
) -> Result<(), StoreError> {
    let insert = "INSERT OR REPLACE INTO memberships VALUES (?1, ?2)";
    transaction.execute(insert, params![key, fingerprint.as_bytes()])?;
    Ok(())
}

/// The address of the node that the owner chose.
pub(crate) fn node(connection: &Connection) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row("SELECT address FROM node", [], |row| row.get(0)).optional()?)
}

/// Keeps the address of the node that the owner chose.
pub(crate) fn set_node(transaction: &Transaction<'_>, address: &str) -> Result<(), StoreError> {
    transaction.execute("INSERT OR REPLACE INTO node VALUES (1, ?1)", [address])?;
    Ok(())
}

/// The receipt for a statement of the owner's, and its log.
pub(crate) fn receipt(connection: &Connection, id: Hash) -> Result<Option<(LogName, Vec<u8>)>, StoreError> {
    let mut query = connection.prepare_cached("SELECT log, receipt FROM receipts WHERE id = ?1")?;
    let row =
        query.query_row([id.as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
    Ok(row.and_then(|(log, receipt)| Some((LogName::new(&log).ok()?, receipt))))
}

/// Keeps the receipt for a statement of the owner's.
pub(crate) fn insert_receipt(
    transaction: &Transaction<'_>,
    id: Hash,
    log: LogName,
    receipt: &[u8],
) -> Result<(), StoreError> {
    let insert = "INSERT OR REPLACE INTO receipts VALUES (?1, ?2, ?3)";
    transaction.execute(insert, params![id.as_bytes(), log.as_str(), receipt])?;
    Ok(())
}
