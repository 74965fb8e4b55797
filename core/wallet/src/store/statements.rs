//! Statements: the whole trust log, and the histories of what is followed.

use countersign_ledger::{Hash, HistoryEntry, Subject};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Digest, StoreError};

/// Bits of an entry's key that number the statements of one subject.
const NUMBER_BITS: u32 = 24;

/// A statement as stored, with the checkpoint that its path leads to.
pub(crate) struct Stored {
    /// The statement at its place.
    pub(crate) entry: HistoryEntry,
    /// Size of the checkpoint.
    pub(crate) size: u64,
}

/// Statements of the trust log from `from` on, at most `most`.
pub(crate) fn trust_statements(
    connection: &Connection,
    from: u64,
    most: u64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT bytes FROM trust_statements WHERE position >= ?1 AND position < ?1 + ?2 ORDER BY position",
    )?;
    let rows = query.query_map([from, most], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a statement of the trust log.
pub(crate) fn append_trust_statement(
    transaction: &Transaction<'_>,
    position: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO trust_statements VALUES (?1, ?2)")?;
    insert.execute(params![position, bytes])?;
    Ok(())
}

/// Drops the trust log from `from` on.
pub(crate) fn cut_trust_statements(transaction: &Transaction<'_>, from: u64) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM trust_statements WHERE position >= ?1", [from])?;
    Ok(())
}

/// The number under which a subject's statements are kept, if they are.
pub(crate) fn subject_id(connection: &Connection, subject: &str) -> Result<Option<u64>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id FROM subjects WHERE text = ?1")?;
    Ok(query.query_row([subject], |row| row.get(0)).optional()?)
}

/// The names that are known of members of a family.
pub(crate) fn names(connection: &Connection, family: &str) -> Result<Vec<String>, StoreError> {
    let mut query = connection.prepare_cached("SELECT text FROM subjects WHERE family = ?1 ORDER BY text")?;
    let rows = query.query_map([family], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The number under which a subject's statements are to be kept.
pub(crate) fn insert_subject(transaction: &Transaction<'_>, subject: &Subject) -> Result<u64, StoreError> {
    if let Some(id) = subject_id(transaction, subject.as_str())? {
        return Ok(id);
    }
    let mut insert = transaction.prepare_cached("INSERT INTO subjects (text, family) VALUES (?1, ?2)")?;
    insert.execute([subject.as_str(), subject.family()])?;
    Ok(transaction.last_insert_rowid().unsigned_abs())
}

/// A subject's statements from number `from` on, at most `most`, oldest first.
pub(crate) fn statements(
    connection: &Connection,
    subject: u64,
    from: u64,
    most: u64,
) -> Result<Vec<Stored>, StoreError> {
    let (first, beyond) = keys(subject);
    let mut query = connection.prepare_cached(
        "SELECT bytes, place, size, path FROM statements WHERE entry >= ?1 AND entry < ?2 ORDER BY entry LIMIT ?3",
    )?;
    let rows = query.query_map([first.saturating_add(from).min(beyond), beyond, most], |row| {
        let path: Vec<u8> = row.get(3)?;
        // A path of broken length leads nowhere, and is then seen to.
        let path = path.as_chunks().0.iter().map(|&hash| Hash(hash)).collect();
        Ok(Stored {
            entry: HistoryEntry { statement: row.get(0)?, index: row.get(1)?, path },
            size: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a subject's statement number `number`, as proven against the checkpoint of `size`.
pub(crate) fn append_statement(
    transaction: &Transaction<'_>,
    subject: u64,
    number: u64,
    entry: &HistoryEntry,
    size: u64,
) -> Result<(), StoreError> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO statements VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let path: Vec<u8> = entry.path.iter().flat_map(|hash| hash.0).collect();
    insert.execute(params![keys(subject).0 + number, entry.statement, entry.index, size, path])?;
    Ok(())
}

/// Digest and length of the filter that a lot's commission names, as noted when the commission was taken in.
pub(crate) fn filter_hint(connection: &Connection, lot: &str) -> Result<Option<(Hash, u64)>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT filter, length FROM subjects JOIN commissions ON subject = id WHERE text = ?1",
    )?;
    let row = query.query_row([lot], |row| Ok((row.get::<_, Digest>(0)?.0, row.get(1)?)));
    Ok(row.optional()?)
}

/// Notes which filter a lot's commission names, so that it can be fetched. Judged is it by the commission itself.
pub(crate) fn set_filter_hint(
    transaction: &Transaction<'_>,
    subject: u64,
    digest: Hash,
    length: u64,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO commissions VALUES (?1, ?2, ?3)")?;
    insert.execute(params![subject, digest.as_bytes(), length])?;
    Ok(())
}

/// Lots of a class whose filter `may_hold` something: it is asked with the digest that the commission names, and with the
/// bytes that are here under it.
pub(crate) fn lots_by_filter(
    connection: &Connection,
    class: &str,
    may_hold: impl Fn(Hash, Option<&[u8]>) -> bool,
) -> Result<Vec<String>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT text, filter, bytes FROM subjects JOIN commissions ON subject = id
         LEFT JOIN filters ON digest = filter WHERE family = ?1",
    )?;
    let (mut rows, mut lots) = (query.query([class])?, Vec::new());
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        if may_hold(row.get::<_, Digest>(1)?.0, bytes) {
            lots.push(row.get(0)?);
        }
    }
    Ok(lots)
}

/// The range of keys of a subject's statements.
const fn keys(subject: u64) -> (u64, u64) {
    // A damaged number leads to another range, never to an overflow.
    let subject = subject & ((1 << 38) - 1);
    (subject << NUMBER_BITS, (subject + 1) << NUMBER_BITS)
}
