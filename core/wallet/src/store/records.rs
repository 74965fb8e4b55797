//! Medical records: a patient's own, and what a clinician was let see. All of it is sealed.

use countersign_ledger::Hash;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Digest, StoreError, StoreResult};

/// What a patient keeps of a record.
pub(crate) fn record_state(connection: &Connection, record: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT state FROM records WHERE record = ?1")?;
    Ok(query.query_row([record], |row| row.get(0)).optional()?)
}

/// The ids of all records.
pub(crate) fn records(connection: &Connection) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT record FROM records ORDER BY rowid")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Keeps what a patient keeps of a record.
pub(crate) fn set_record_state(tx: &Transaction<'_>, record: &[u8], state: &[u8]) -> Result<(), StoreError> {
    let upsert = "INSERT INTO records (record, state) VALUES (?1, ?2)
                  ON CONFLICT (record) DO UPDATE SET state = excluded.state";
    tx.execute(upsert, params![record, state])?;
    Ok(())
}

/// The signed document: the newer one that is not published yet, if it is asked for and there.
pub(crate) fn record_document(
    connection: &Connection,
    record: &[u8],
    taken: bool,
) -> Result<Option<Vec<u8>>, StoreError> {
    let column = if taken { "coalesce(taken, document)" } else { "document" };
    let mut query = connection.prepare_cached(&format!("SELECT {column} FROM records WHERE record = ?1"))?;
    Ok(query.query_row([record], |row| row.get(0)).optional()?.flatten())
}

/// Keeps a newer document.
pub(crate) fn take_document(tx: &Transaction<'_>, record: &[u8], document: &[u8]) -> Result<(), StoreError> {
    tx.execute("UPDATE records SET taken = ?2 WHERE record = ?1", params![record, document])?;
    Ok(())
}

/// The newer document is the published one, or is given up.
pub(crate) fn settle_document(
    tx: &Transaction<'_>,
    record: &[u8],
    published: bool,
) -> Result<(), StoreError> {
    if published {
        let settle = "UPDATE records SET document = coalesce(taken, document) WHERE record = ?1";
        tx.execute(settle, [record])?;
    }
    tx.execute("UPDATE records SET taken = NULL WHERE record = ?1", [record])?;
    Ok(())
}

/// Forgets a record.
pub(crate) fn forget_record(tx: &Transaction<'_>, record: &[u8]) -> Result<(), StoreError> {
    clear_objects(tx, record)?;
    forget_images(tx, record, &[])?;
    tx.execute("DELETE FROM records WHERE record = ?1", [record])?;
    Ok(())
}

/// Keeps an object until it is uploaded.
pub(crate) fn set_object(tx: &Transaction<'_>, record: &[u8], object: &[u8]) -> Result<(), StoreError> {
    let digest = Hash::of(object);
    let insert = "INSERT OR IGNORE INTO record_objects VALUES (?1, ?2, ?3)";
    tx.execute(insert, params![record, digest.as_bytes(), object])?;
    Ok(())
}

/// The objects to upload, by digest, with their lengths.
pub(crate) fn objects(connection: &Connection, record: &[u8]) -> Result<Vec<(Hash, u64)>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT digest, length(bytes) FROM record_objects WHERE record = ?1 ORDER BY digest",
    )?;
    let rows = query.query_map([record], |row| Ok((row.get::<_, Digest>(0)?.0, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An object to upload.
pub(crate) fn object(
    connection: &Connection,
    record: &[u8],
    digest: Hash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT bytes FROM record_objects WHERE record = ?1 AND digest = ?2")?;
    Ok(query.query_row(params![record, digest.as_bytes()], |row| row.get(0)).optional()?)
}

/// Forgets the objects to upload.
pub(crate) fn clear_objects(tx: &Transaction<'_>, record: &[u8]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM record_objects WHERE record = ?1", [record])?;
    Ok(())
}

/// Keeps a piece of an image.
pub(crate) fn set_image_piece(
    tx: &Transaction<'_>,
    record: &[u8],
    image: Hash,
    piece: u32,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let insert = "INSERT OR REPLACE INTO record_images VALUES (?1, ?2, ?3, ?4)";
    tx.execute(insert, params![record, image.as_bytes(), piece, bytes])?;
    Ok(())
}

/// A piece of an image.
pub(crate) fn image_piece(
    connection: &Connection,
    record: &[u8],
    image: Hash,
    piece: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT bytes FROM record_images WHERE record = ?1 AND digest = ?2 AND piece = ?3")?;
    Ok(query.query_row(params![record, image.as_bytes(), piece], |row| row.get(0)).optional()?)
}

/// How many pieces of an image are here.
pub(crate) fn image_pieces(connection: &Connection, record: &[u8], image: Hash) -> Result<u64, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT count(*) FROM record_images WHERE record = ?1 AND digest = ?2")?;
    Ok(query.query_row(params![record, image.as_bytes()], |row| row.get(0))?)
}

/// Whether there is any image of a record.
pub(crate) fn has_images(connection: &Connection, record: &[u8]) -> Result<bool, StoreError> {
    let mut query = connection.prepare_cached("SELECT 1 FROM record_images WHERE record = ?1 LIMIT 1")?;
    Ok(query.exists([record])?)
}

/// Forgets an image.
pub(crate) fn forget_image(tx: &Transaction<'_>, record: &[u8], image: Hash) -> Result<(), StoreError> {
    let delete = "DELETE FROM record_images WHERE record = ?1 AND digest = ?2";
    tx.execute(delete, params![record, image.as_bytes()])?;
    Ok(())
}

/// Forgets a record's images but for these.
pub(crate) fn forget_images(tx: &Transaction<'_>, record: &[u8], kept: &[Hash]) -> Result<(), StoreError> {
    let mut query = tx.prepare_cached("SELECT DISTINCT digest FROM record_images WHERE record = ?1")?;
    let digests =
        query.query_map([record], |row| Ok(row.get::<_, Digest>(0)?.0))?.collect::<Result<Vec<_>, _>>()?;
    digests
        .into_iter()
        .filter(|digest| !kept.contains(digest))
        .try_for_each(|digest| forget_image(tx, record, digest))
}

/// The links of records, by their records.
pub(crate) fn record_links(connection: &Connection) -> StoreResult<Vec<[Vec<u8>; 2]>> {
    let mut query = connection.prepare_cached("SELECT record, link FROM record_links ORDER BY rowid")?;
    Ok(query.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?.collect::<Result<_, _>>()?)
}

/// Keeps a record's link.
pub(crate) fn set_record_link(tx: &Transaction<'_>, record: &[u8], link: &[u8]) -> Result<(), StoreError> {
    tx.execute("INSERT OR REPLACE INTO record_links VALUES (?1, ?2)", params![record, link])?;
    Ok(())
}

/// Forgets a record's link.
pub(crate) fn forget_record_link(tx: &Transaction<'_>, record: &[u8]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM record_links WHERE record = ?1", [record])?;
    Ok(())
}

/// What was asked for, by thread.
pub(crate) fn record_asks(connection: &Connection) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut query = connection.prepare_cached("SELECT thread, ask FROM record_asks ORDER BY rowid")?;
    Ok(query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Keeps what was asked for.
pub(crate) fn set_record_ask(tx: &Transaction<'_>, thread: &str, ask: &[u8]) -> Result<(), StoreError> {
    let upsert = "INSERT INTO record_asks (thread, ask) VALUES (?1, ?2)
                  ON CONFLICT (thread) DO UPDATE SET ask = excluded.ask";
    tx.execute(upsert, params![thread, ask])?;
    Ok(())
}

/// Forgets what was asked for, with what was kept of the answer.
pub(crate) fn forget_record_ask(tx: &Transaction<'_>, thread: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM record_asks WHERE thread = ?1", [thread])?;
    Ok(())
}

/// What is kept of an answer.
pub(crate) fn kept(connection: &Connection, thread: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT kept FROM record_asks WHERE thread = ?1")?;
    Ok(query.query_row([thread], |row| row.get(0)).optional()?.flatten())
}

/// Keeps an answer, or nothing of it any more.
pub(crate) fn set_kept(tx: &Transaction<'_>, thread: &str, kept: Option<&[u8]>) -> Result<(), StoreError> {
    tx.execute("UPDATE record_asks SET kept = ?2 WHERE thread = ?1", params![thread, kept])?;
    Ok(())
}

/// The key that an authority issued.
pub(crate) fn attribute_key(connection: &Connection, authority: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT key FROM attribute_keys WHERE authority = ?1")?;
    Ok(query.query_row([authority], |row| row.get(0)).optional()?)
}

/// Keeps the key that an authority issued.
pub(crate) fn set_attribute_key(tx: &Transaction<'_>, authority: &str, key: &[u8]) -> Result<(), StoreError> {
    tx.execute("INSERT OR REPLACE INTO attribute_keys VALUES (?1, ?2)", params![authority, key])?;
    Ok(())
}
