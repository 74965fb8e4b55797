//! Chains of custody, handovers under way, and the lists of what is in units.

use countersign_ledger::Hash;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{Digest, StoreResult, all, change, one};

/// A handover that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    pub(crate) offer: Hash,
    pub(crate) receiving: bool,
    pub(crate) subject: String,
    pub(crate) message: Vec<u8>,
    pub(crate) expires: u64,
}

/// The chain of custody of some goods.
pub(crate) fn chain(connection: &Connection, subject: &str) -> StoreResult<Option<Vec<u8>>> {
    one(connection, "SELECT chain FROM goods WHERE subject = ?1", [subject])
}

/// The chains of custody of all goods.
pub(crate) fn chains(connection: &Connection) -> StoreResult<Vec<Vec<u8>>> {
    all(connection, "SELECT chain FROM goods ORDER BY subject", [])
}

/// Keeps the chain of custody of some goods.
pub(crate) fn set_chain(tx: &Transaction<'_>, subject: &str, chain: &[u8]) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO goods VALUES (?1, ?2)", params![subject, chain])
}

/// Forgets the chain of custody of some goods.
pub(crate) fn forget_chain(tx: &Transaction<'_>, subject: &str) -> StoreResult<()> {
    change(tx, "DELETE FROM goods WHERE subject = ?1", [subject])
}

/// The list of what is in a unit.
pub(crate) fn contents(connection: &Connection, digest: Hash) -> StoreResult<Option<Vec<u8>>> {
    one(connection, "SELECT list FROM contents WHERE digest = ?1", [digest.as_bytes()])
}

/// Keeps the list of what is in a unit.
pub(crate) fn set_contents(tx: &Transaction<'_>, digest: Hash, list: &[u8]) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO contents VALUES (?1, ?2)", params![digest.as_bytes(), list])
}

/// What a partner had added to the event that a statement was drafted from.
pub(crate) fn extensions(connection: &Connection, statement: Hash) -> StoreResult<Option<String>> {
    one(connection, "SELECT members FROM extensions WHERE statement = ?1", [statement.as_bytes()])
}

/// Keeps what a partner had added to the event that a statement was drafted from.
pub(crate) fn set_extensions(tx: &Transaction<'_>, statement: Hash, members: &str) -> StoreResult<()> {
    change(tx, "INSERT OR REPLACE INTO extensions VALUES (?1, ?2)", params![statement.as_bytes(), members])
}

/// A handover by its offer's id, open or not.
pub(crate) fn handover(connection: &Connection, offer: Hash) -> StoreResult<Option<Handover>> {
    let mut query = connection.prepare_cached("SELECT * FROM handovers WHERE offer = ?1")?;
    Ok(query.query_row([offer.as_bytes()], read_handover).optional()?)
}

/// The handovers that are open.
pub(crate) fn handovers(connection: &Connection) -> StoreResult<Vec<Handover>> {
    let mut query = connection.prepare_cached("SELECT * FROM handovers WHERE open = 1 ORDER BY expires")?;
    Ok(query.query_map([], read_handover)?.collect::<Result<_, _>>()?)
}

/// Keeps a handover.
pub(crate) fn set_handover(tx: &Transaction<'_>, one: &Handover) -> StoreResult<()> {
    let insert = "INSERT OR REPLACE INTO handovers VALUES (?1, ?2, ?3, ?4, ?5, 1)";
    let values = params![one.offer.as_bytes(), one.receiving, one.subject, one.message, one.expires];
    change(tx, insert, values)
}

/// A handover is done, or given up.
pub(crate) fn close_handover(tx: &Transaction<'_>, offer: Hash) -> StoreResult<()> {
    change(tx, "UPDATE handovers SET open = 0 WHERE offer = ?1", [offer.as_bytes()])
}

fn read_handover(row: &Row<'_>) -> rusqlite::Result<Handover> {
    Ok(Handover {
        offer: row.get::<_, Digest>(0)?.0,
        receiving: row.get(1)?,
        subject: row.get(2)?,
        message: row.get(3)?,
        expires: row.get(4)?,
    })
}
