//! Reports of suspicions on their way. All of them are sealed.

use countersign_ledger::{Hash, UnixMillis};
use rusqlite::{Connection, Transaction, params};

use super::{Digest, StoreResult, change, one};
use crate::back_off::Due;
use crate::reports::{ReportState, SentReport};

const WAITING: u8 = 0;
const RECEIVED: u8 = 1;
const REFUSED: u8 = 2;

/// A report to be sent.
pub(crate) struct DueReport {
    pub(crate) id: Hash,
    pub(crate) sealed: Vec<u8>,
    pub(crate) due: Due,
}

/// Puts a sealed report on its way.
pub(crate) fn post_report(tx: &Transaction<'_>, sealed: &[u8], written: UnixMillis) -> StoreResult<()> {
    let sql = "INSERT OR IGNORE INTO reports (id, written, sealed, state, reason, tries, due)
               VALUES (?1, ?2, ?3, 0, '', 0, 0)";
    change(tx, sql, params![Hash::of(sealed).as_bytes(), written.0, sealed])
}

/// All of them, the latest first.
pub(crate) fn reports(connection: &Connection) -> StoreResult<Vec<SentReport>> {
    let sql = "SELECT id, written, state, reason, tries FROM reports ORDER BY number DESC";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map([], |row| {
        Ok(SentReport {
            id: row.get::<_, Digest>(0)?.0,
            written: UnixMillis(row.get(1)?),
            state: match row.get::<_, u8>(2)? {
                WAITING => ReportState::Waiting,
                RECEIVED => ReportState::Received,
                _ => ReportState::Refused(row.get(3)?),
            },
            tries: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many wait.
pub(crate) fn reports_waiting(connection: &Connection) -> StoreResult<u64> {
    Ok(one(connection, "SELECT count(*) FROM reports WHERE state = ?1", [WAITING])?.unwrap_or(0))
}

/// The first that are due by then.
pub(crate) fn reports_due(
    connection: &Connection,
    by: UnixMillis,
    most: usize,
) -> StoreResult<Vec<DueReport>> {
    let sql =
        "SELECT id, sealed, tries, due FROM reports WHERE state = ?1 AND due <= ?2 ORDER BY number LIMIT ?3";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map(params![WAITING, number(by), most as u64], |row| {
        let due = Due { tries: row.get(2)?, at: UnixMillis(row.get(3)?) };
        Ok(DueReport { id: row.get::<_, Digest>(0)?.0, sealed: row.get(1)?, due })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the next one is due.
pub(crate) fn report_next_due(connection: &Connection) -> StoreResult<Option<UnixMillis>> {
    let sql = "SELECT due FROM reports WHERE state = ?1 ORDER BY due LIMIT 1";
    Ok(one(connection, sql, [WAITING])?.map(UnixMillis))
}

/// The node has it: what was sealed is forgotten, and of all that were received the oldest lines beyond `most`.
pub(crate) fn report_received(tx: &Transaction<'_>, id: Hash, most: u64) -> StoreResult<()> {
    let sql = "UPDATE reports SET state = ?2, sealed = x'', tries = tries + 1 WHERE id = ?1";
    change(tx, sql, params![id.as_bytes(), RECEIVED])?;
    let drop = "DELETE FROM reports WHERE state = ?1 AND number <= (
                    SELECT number FROM reports WHERE state = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2
                )";
    change(tx, drop, params![RECEIVED, most])
}

/// The node refuses it.
pub(crate) fn report_refused(tx: &Transaction<'_>, id: Hash, reason: &str) -> StoreResult<()> {
    let sql = "UPDATE reports SET state = ?2, reason = ?3, tries = tries + 1 WHERE id = ?1";
    change(tx, sql, params![id.as_bytes(), REFUSED, reason])
}

/// It is tried again.
pub(crate) fn report_later(tx: &Transaction<'_>, id: Hash, due: Due) -> StoreResult<()> {
    let update = "UPDATE reports SET tries = ?2, due = ?3 WHERE id = ?1";
    change(tx, update, params![id.as_bytes(), due.tries, number(due.at)])
}

/// A moment as SQLite has it, whose numbers are signed.
fn number(at: UnixMillis) -> u64 {
    at.0.min(i64::MAX.unsigned_abs())
}

/// Takes one off that does not wait.
pub(crate) fn settle_report(tx: &Transaction<'_>, id: Hash) -> StoreResult<()> {
    change(tx, "DELETE FROM reports WHERE id = ?1 AND state <> ?2", params![id.as_bytes(), WAITING])
}
