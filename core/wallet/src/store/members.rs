//! Certificates, families' proofs, filters, and what the owner has of their own.

use countersign_ledger::{Hash, LogName, Subject};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Digest, StoreResult, all, change, insert_subject, one};

/// A certificate that was kept.
pub(crate) fn certificate(connection: &Connection, fingerprint: Hash) -> StoreResult<Option<Vec<u8>>> {
    one(connection, "SELECT der FROM certificates WHERE fingerprint = ?1", [fingerprint.as_bytes()])
}

/// Certificates that were kept, at most `most`.
pub(crate) fn certificates(connection: &Connection, most: u64) -> StoreResult<Vec<Vec<u8>>> {
    all(connection, "SELECT der FROM certificates LIMIT ?1", [most])
}

/// Keeps a certificate, in place of what may have been damaged.
pub(crate) fn insert_certificate(tx: &Transaction<'_>, der: &[u8]) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO certificates VALUES (?1, ?2)", params![Hash::of(der).as_bytes(), der])
}

/// What the subject index said of a family at the checkpoint of `size`.
pub(crate) fn family_proof(
    connection: &Connection,
    log: LogName,
    family: &str,
    size: u64,
) -> StoreResult<Option<Vec<u8>>> {
    let sql = "SELECT proof FROM families JOIN subjects ON id = families.family
         WHERE log = ?1 AND text = ?2 AND size = ?3";
    one(connection, sql, params![log.as_str(), family, size])
}

/// Keeps what the subject index says of a family.
pub(crate) fn insert_family_proof(
    tx: &Transaction<'_>,
    log: LogName,
    family: &Subject,
    size: u64,
    proof: &[u8],
) -> StoreResult<()> {
    let id = insert_subject(tx, log, family)?;
    change(tx, "INSERT OR REPLACE INTO families VALUES (?1, ?2, ?3)", params![size, id, proof])
}

/// A filter over a lot's serials.
pub(crate) fn filter(connection: &Connection, digest: Hash) -> StoreResult<Option<Vec<u8>>> {
    one(connection, "SELECT bytes FROM filters WHERE digest = ?1", [digest.as_bytes()])
}

/// Keeps a filter, in place of what may have been damaged.
pub(crate) fn insert_filter(tx: &Transaction<'_>, digest: Hash, bytes: &[u8]) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO filters VALUES (?1, ?2)", params![digest.as_bytes(), bytes])
}

/// Fingerprint of the certificate that was issued for a key of the owner's.
pub(crate) fn membership(connection: &Connection, key: &str) -> StoreResult<Option<Hash>> {
    let sql = "SELECT fingerprint FROM memberships WHERE key = ?1";
    Ok(one::<Digest>(connection, sql, [key])?.map(|digest| digest.0))
}

/// All keys of the owner's that were certified, by name.
pub(crate) fn memberships(connection: &Connection) -> StoreResult<Vec<String>> {
    all(connection, "SELECT key FROM memberships ORDER BY key", [])
}

/// Keeps which certificate was issued for a key of the owner's.
pub(crate) fn set_membership(tx: &Transaction<'_>, key: &str, fingerprint: Hash) -> StoreResult<()> {
    let insert = "INSERT OR REPLACE INTO memberships VALUES (?1, ?2)";
    change(tx, insert, params![key, fingerprint.as_bytes()])
}

/// The address of the node that the owner chose.
pub(crate) fn node(connection: &Connection) -> StoreResult<Option<String>> {
    one(connection, "SELECT address FROM node", [])
}

/// Keeps the address of the node that the owner chose.
pub(crate) fn set_node(tx: &Transaction<'_>, address: &str) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO node VALUES (1, ?1)", [address])
}

/// The receipt for a statement of the owner's, and its log.
pub(crate) fn receipt(connection: &Connection, id: Hash) -> StoreResult<Option<(LogName, Vec<u8>)>> {
    let mut query = connection.prepare_cached("SELECT log, receipt FROM receipts WHERE id = ?1")?;
    let row =
        query.query_row([id.as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
    Ok(row.and_then(|(log, receipt)| Some((LogName::new(&log).ok()?, receipt))))
}

/// Keeps the receipt for a statement of the owner's.
pub(crate) fn insert_receipt(
    tx: &Transaction<'_>,
    id: Hash,
    log: LogName,
    receipt: &[u8],
) -> StoreResult<()> {
    let insert = "INSERT OR REPLACE INTO receipts VALUES (?1, ?2, ?3)";
    change(tx, insert, params![id.as_bytes(), log.as_str(), receipt])
}
