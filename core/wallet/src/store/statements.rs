//! Statements: the logs that are held whole, and the histories of what is followed.

use countersign_ledger::{Hash, HistoryEntry, LogName, Subject};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Digest, StoreResult, all, change, one};

/// Bits of an entry's key that number the statements of one subject.
const NUMBER_BITS: u32 = 24;

/// How many statements of a subject are read at once, where they need not all be at hand. The first of so many is stored
/// with its whole path.
pub(crate) const STATEMENTS_AT_ONCE: u64 = 256;

/// A statement as stored, with the checkpoint that its path leads to.
pub(crate) struct Stored {
    /// The statement at its place.
    pub(crate) entry: HistoryEntry,
    /// Size of the checkpoint.
    pub(crate) size: u64,
}

/// Statements of a log that is held whole from `from` on, at most `most`.
pub(crate) fn whole_log(
    connection: &Connection,
    log: LogName,
    from: u64,
    most: u64,
) -> StoreResult<Vec<Vec<u8>>> {
    let sql = "SELECT bytes FROM whole_logs WHERE log = ?1 AND position >= ?2 AND position < ?2 + ?3 ORDER BY position";
    all(connection, sql, params![log.as_str(), from, most])
}

/// Keeps a statement of a log that is held whole.
pub(crate) fn append_whole_log(
    tx: &Transaction<'_>,
    log: LogName,
    position: u64,
    bytes: &[u8],
) -> StoreResult<()> {
    let sql = "INSERT OR REPLACE INTO whole_logs VALUES (?1, ?2, ?3)";
    change(tx, sql, params![log.as_str(), position, bytes])
}

/// Drops a log that was held whole.
pub(crate) fn drop_whole_log(tx: &Transaction<'_>, log: LogName) -> StoreResult<()> {
    change(tx, "DELETE FROM whole_logs WHERE log = ?1", [log.as_str()])
}

/// The number under which a subject's statements are kept, if they are.
pub(crate) fn subject_id(connection: &Connection, log: LogName, subject: &str) -> StoreResult<Option<u64>> {
    one(connection, "SELECT id FROM subjects WHERE log = ?1 AND text = ?2", [log.as_str(), subject])
}

/// The names that are known of members of a family.
pub(crate) fn names(connection: &Connection, log: LogName, family: &str) -> StoreResult<Vec<String>> {
    let sql = "SELECT text FROM subjects WHERE log = ?1 AND family = ?2 ORDER BY text";
    all(connection, sql, [log.as_str(), family])
}

/// The number under which a subject's statements are to be kept.
pub(crate) fn insert_subject(tx: &Transaction<'_>, log: LogName, subject: &Subject) -> StoreResult<u64> {
    if let Some(id) = subject_id(tx, log, subject.as_str())? {
        return Ok(id);
    }
    let mut insert = tx.prepare_cached("INSERT INTO subjects (log, text, family) VALUES (?1, ?2, ?3)")?;
    insert.execute([log.as_str(), subject.as_str(), subject.family()])?;
    Ok(tx.last_insert_rowid().unsigned_abs())
}

/// A subject's statements from number `from` on, a multiple of [`STATEMENTS_AT_ONCE`], at most `most`, oldest first.
pub(crate) fn statements(
    connection: &Connection,
    subject: u64,
    from: u64,
    most: u64,
) -> StoreResult<Vec<Stored>> {
    let (first, beyond) = keys(subject);
    let mut query = connection.prepare_cached(
        "SELECT bytes, place, size, path, above FROM statements WHERE entry >= ?1 AND entry < ?2
         ORDER BY entry LIMIT ?3",
    )?;
    let mut rows = query.query([first.saturating_add(from).min(beyond), beyond, most])?;
    let mut stored: Vec<Stored> = Vec::new();
    while let Some(row) = rows.next()? {
        // What was damaged here is a place, a size or a path that proves nothing, and is then seen to.
        let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let lower = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?.as_chunks().0;
        let before = stored.last().map_or(&[][..], |before| &before.entry.path);
        let joins = before.len().saturating_sub(usize::try_from(number(4)?).unwrap_or(usize::MAX));
        let path = lower.iter().map(|&hash| Hash(hash)).chain(before[joins..].iter().copied()).collect();
        let entry = HistoryEntry { statement: row.get(0)?, index: number(1)?, path };
        stored.push(Stored { entry, size: number(2)? });
    }
    Ok(stored)
}

/// Keeps statements of a subject from number `first` on, as proven against the checkpoint of `size`. Neighbours' paths meet
/// below the root, and what is above is kept once in each batch.
pub(crate) fn append_statements(
    tx: &Transaction<'_>,
    subject: u64,
    first: u64,
    entries: &[HistoryEntry],
    size: u64,
) -> StoreResult<()> {
    let mut insert =
        tx.prepare_cached("INSERT OR REPLACE INTO statements VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut before: &[Hash] = &[];
    for (number, entry) in (first..).zip(entries) {
        let same = before.iter().rev().zip(entry.path.iter().rev()).take_while(|(one, other)| one == other);
        let above = if number.is_multiple_of(STATEMENTS_AT_ONCE) { 0 } else { same.count() };
        let lower = &entry.path[..entry.path.len() - above];
        let path: Vec<u8> = lower.iter().flat_map(|hash| hash.0).collect();
        let key = keys(subject).0 + number;
        insert.execute(params![key, entry.statement, entry.index, size, path, above])?;
        before = &entry.path;
    }
    Ok(())
}

/// Digest and length of the filter that a lot's commission names, as noted when the commission was ingested.
pub(crate) fn filter_hint(
    connection: &Connection,
    log: LogName,
    lot: &str,
) -> StoreResult<Option<(Hash, u64)>> {
    let mut query = connection.prepare_cached(
        "SELECT filter, length FROM subjects JOIN commissions ON subject = id
         WHERE log = ?1 AND text = ?2",
    )?;
    let row = query.query_row([log.as_str(), lot], |row| Ok((row.get::<_, Digest>(0)?.0, row.get(1)?)));
    Ok(row.optional()?)
}

/// Notes which filter a lot's commission names, so that it can be fetched. The commission itself is authoritative.
pub(crate) fn set_filter_hint(
    tx: &Transaction<'_>,
    subject: u64,
    digest: Hash,
    length: u64,
) -> StoreResult<()> {
    let sql = "INSERT OR REPLACE INTO commissions VALUES (?1, ?2, ?3)";
    change(tx, sql, params![subject, digest.as_bytes(), length])
}

/// Lots of a class whose filter `may_hold` something: it is asked with the digest that the commission names, and with the
/// bytes that are here under it.
pub(crate) fn lots_by_filter(
    connection: &Connection,
    log: LogName,
    class: &str,
    may_hold: impl Fn(Hash, Option<&[u8]>) -> bool,
) -> StoreResult<Vec<String>> {
    let mut query = connection.prepare_cached(
        "SELECT text, filter, bytes FROM subjects JOIN commissions ON subject = id
         LEFT JOIN filters ON digest = filter WHERE log = ?1 AND family = ?2",
    )?;
    let (mut rows, mut lots) = (query.query([log.as_str(), class])?, Vec::new());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreError};

    #[test]
    fn paths_come_back_whole_from_wherever_a_batch_begins() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("wallet.db"), Hash::of(b"genesis")).unwrap();
        // Neighbours in a tree of 2^12 leaves: a path's hash at each height is named by where the path passes there.
        let hash = |height: u64, place: u64| Hash::of(&[height.to_be_bytes(), place.to_be_bytes()].concat());
        let entry = |place: u64| HistoryEntry {
            statement: place.to_be_bytes().to_vec(),
            index: place,
            path: (0..12).map(|height| hash(height, (place >> height) ^ 1)).collect(),
        };
        let entries: Vec<HistoryEntry> = (0..700).map(|number| entry(number * 3)).collect();
        store
            .stage::<_, StoreError>(|tx| {
                append_statements(tx, 7, 0, &entries[..300], 4096)?;
                append_statements(tx, 7, 300, &entries[300..], 4096)
            })
            .unwrap();
        for from in [0, STATEMENTS_AT_ONCE, 2 * STATEMENTS_AT_ONCE] {
            let stored = statements(store.read(), 7, from, 1000).unwrap();
            let stored: Vec<HistoryEntry> = stored.into_iter().map(|stored| stored.entry).collect();
            assert_eq!(stored, entries[usize::try_from(from).unwrap()..]);
        }
        let bytes: u64 =
            store.read().query_row("SELECT sum(length(path)) FROM statements", [], |row| row.get(0)).unwrap();
        assert!(bytes < 700 * 12 * 32 / 2, "{bytes}");
    }
}
