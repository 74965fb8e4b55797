//! Statements on their way to the ledger.

use countersign_ledger::{Hash, LogName, Statement, UnixMillis};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, Transaction, params};

use super::{Digest, StoreResult, change, one};
use crate::back_off::Due;

/// A statement on its way.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) id: Hash,
    pub(crate) log: LogName,
    /// The owner's key that put it here.
    pub(crate) key: String,
    pub(crate) subject: String,
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) event: u64,
    pub(crate) state: u8,
    pub(crate) reason: String,
    pub(crate) due: Due,
    /// The statement on the same goods that it follows; `None` if that is not known.
    pub(crate) follows: Option<Hash>,
}

/// A log's name as a column holds it.
struct Name(LogName);

impl FromSql for Name {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        LogName::new(value.as_str()?).map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}

/// Everything that is on its way, in order.
pub(crate) fn outgoing(connection: &Connection) -> StoreResult<Vec<Outgoing>> {
    let mut query = connection.prepare_cached(
        "SELECT id, log, key, subject, kind, bytes, event, state, reason, tries, due, follows
         FROM outbox ORDER BY number",
    )?;
    Ok(query.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// What a statement on its way promises; `None` if that is nothing.
pub(crate) fn outgoing_blob(connection: &Connection, id: Hash) -> StoreResult<Option<Vec<u8>>> {
    Ok(one(connection, "SELECT blob FROM outbox WHERE id = ?1", [id.as_bytes()])?.flatten())
}

/// Puts a statement on its way, unless it is on it, with what it promises. It follows another one on the same goods.
pub(crate) fn post(
    tx: &Transaction<'_>,
    (log, key): (LogName, &str),
    statement: &Statement,
    follows: Option<Hash>,
    blob: Option<&[u8]>,
) -> StoreResult<()> {
    let insert =
        "INSERT OR IGNORE INTO outbox (id, log, key, subject, kind, bytes, event, state, reason, tries, due, follows, blob)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '', 0, 0, ?8, ?9)";
    let (id, follows) = (statement.id(), follows.as_ref().map(Hash::as_bytes));
    let values = params![
        id.as_bytes(),
        log.as_str(),
        key,
        statement.subject().as_str(),
        statement.kind().as_str(),
        statement.as_bytes(),
        statement.issued_at().0,
        follows,
        blob,
    ];
    change(tx, insert, values)
}

/// What became of a try.
pub(crate) fn set_outgoing(
    tx: &Transaction<'_>,
    id: Hash,
    state: u8,
    reason: &str,
    due: Due,
) -> StoreResult<()> {
    let update = "UPDATE outbox SET state = ?2, reason = ?3, tries = ?4, due = ?5 WHERE id = ?1";
    // SQLite's numbers are signed.
    let at = due.at.0.min(i64::MAX.unsigned_abs());
    change(tx, update, params![id.as_bytes(), state, reason, due.tries, at])
}

/// Takes a statement out of the outbox.
pub(crate) fn take_out(tx: &Transaction<'_>, id: Hash) -> StoreResult<()> {
    change(tx, "DELETE FROM outbox WHERE id = ?1", [id.as_bytes()])
}

fn read(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get::<_, Digest>(0)?.0,
        log: row.get::<_, Name>(1)?.0,
        key: row.get(2)?,
        subject: row.get(3)?,
        kind: row.get(4)?,
        bytes: row.get(5)?,
        event: row.get(6)?,
        state: row.get(7)?,
        reason: row.get(8)?,
        due: Due { tries: row.get(9)?, at: UnixMillis(row.get(10)?) },
        follows: row.get::<_, Option<Digest>>(11)?.map(|digest| digest.0),
    })
}
