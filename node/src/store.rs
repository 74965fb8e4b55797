//! The node's SQLite database: one writer, any number of readers.
//!
//! Functions that write take the transaction, so that the caller decides what becomes durable together.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_ledger::{Hash, UnixMillis};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, params};

use crate::log::{LogId, Place};

const SCHEMA: &str = include_str!("schema.sql");
/// `PRAGMA user_version` of [`SCHEMA`].
const VERSION: i64 = 1;
/// How long a connection waits for another's lock before it gives up.
const BUSY: Duration = Duration::from_secs(10);
/// Connections kept for the next reader.
const IDLE_READERS: usize = 16;
/// Bits of a row's key that hold the index in the log.
const INDEX_BITS: u32 = 48;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refuses: the disk, the permissions, the file's structure.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Written by another version of this program.
    #[error("the database has schema version {0}, this program reads {VERSION}")]
    Version(i64),
    /// A value that this program never writes.
    #[error("the database holds a damaged row in {0}")]
    Damaged(&'static str),
}

/// A statement as the database holds it.
pub(crate) struct StoredStatement {
    pub(crate) place: Place,
    pub(crate) id: Hash,
    pub(crate) bytes: Vec<u8>,
}

/// A block's record.
pub(crate) struct StoredBlock {
    pub(crate) height: u64,
    pub(crate) time: UnixMillis,
    /// Sizes of the logs after it.
    pub(crate) sizes: [u64; LogId::COUNT],
    pub(crate) digest: Hash,
}

/// An enrolment code's record.
pub(crate) struct StoredCode {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) expires: UnixMillis,
    /// The key that it enrolled and the certificate that it bought, once used.
    pub(crate) used: Option<(Hash, Hash)>,
}

/// Opens the database for writing, and makes it if there is none.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit returns only when the log of changes has reached the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Larger than the default 4 MB: under load, fewer interruptions to move pages from the log into the file.
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    prepare_once(&connection)?;
    match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            let tx = connection.transaction()?;
            tx.execute_batch(SCHEMA)?;
            tx.commit()?;
        }
        VERSION => {}
        other => return Err(StoreError::Version(other)),
    }
    Ok(connection)
}

/// Else SQLite prepares a query anew whenever another limit or bound is asked for, which takes longer than to answer.
fn prepare_once(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// SQLite's own check of the file's structure.
pub(crate) fn check_structure(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged("the file's structure")) }
}

/// Connections for reading; they see what was committed when each of their queries began.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Runs `read` on an idle connection, or on a new one.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| self.connect(), Ok)?;
        let result = read(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        result
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        prepare_once(&connection)?;
        Ok(connection)
    }
}

fn key(place: Place) -> i64 {
    // safe: a log has fewer than 2^48 entries, and there are fewer than 2^15 logs.
    ((place.log.slot() as u64) << INDEX_BITS | place.index).cast_signed()
}

fn hash(row: &Row<'_>, column: usize, table: &'static str) -> Result<Hash, StoreError> {
    Hash::from_slice(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)
        .ok_or(StoreError::Damaged(table))
}

/// Appends a block's record.
pub(crate) fn put_block(tx: &Transaction<'_>, block: &StoredBlock) -> Result<(), StoreError> {
    let mut insert =
        tx.prepare_cached("INSERT INTO blocks (height, time, sizes, digest) VALUES (?, ?, ?, ?)")?;
    let sizes: Vec<u8> = block.sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    let (height, time) = (block.height.cast_signed(), block.time.0.cast_signed());
    insert.execute(params![height, time, sizes, block.digest.as_bytes()])?;
    Ok(())
}

/// Appends a statement.
pub(crate) fn put_statement(
    tx: &Transaction<'_>,
    place: Place,
    id: Hash,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached("INSERT INTO statements (entry, id, bytes) VALUES (?, ?, ?)")?;
    insert.execute(params![key(place), id.as_bytes(), bytes])?;
    Ok(())
}

/// Keeps a log's newest checkpoint.
pub(crate) fn put_checkpoint(tx: &Transaction<'_>, log: LogId, note: &str) -> Result<(), StoreError> {
    let mut upsert = tx.prepare_cached("INSERT OR REPLACE INTO checkpoints (log, note) VALUES (?, ?)")?;
    upsert.execute(params![log as u8, note])?;
    Ok(())
}

/// A log's newest checkpoint.
pub(crate) fn checkpoint(connection: &Connection, log: LogId) -> Result<Option<String>, StoreError> {
    let mut select = connection.prepare_cached("SELECT note FROM checkpoints WHERE log = ?")?;
    Ok(select.query_row([log as u8], |row| row.get(0)).optional()?)
}

/// Up to `limit` blocks from `height` on.
pub(crate) fn blocks(
    connection: &Connection,
    height: u64,
    limit: u32,
) -> Result<Vec<StoredBlock>, StoreError> {
    let sql = "SELECT height, time, sizes, digest FROM blocks WHERE height >= ? ORDER BY height LIMIT ?";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![height.cast_signed(), limit])?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next()? {
        blocks.push(StoredBlock {
            height: row.get::<_, i64>(0)?.cast_unsigned(),
            time: UnixMillis(row.get::<_, i64>(1)?.cast_unsigned()),
            sizes: sizes(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?)?,
            digest: hash(row, 3, "blocks")?,
        });
    }
    Ok(blocks)
}

fn sizes(bytes: &[u8]) -> Result<[u64; LogId::COUNT], StoreError> {
    let (sizes, rest) = bytes.as_chunks();
    let sizes = <[[u8; 8]; LogId::COUNT]>::try_from(sizes).ok().filter(|_| rest.is_empty());
    Ok(sizes.ok_or(StoreError::Damaged("blocks"))?.map(u64::from_be_bytes))
}

/// The height of the newest block; 0 if there is none.
pub(crate) fn height(connection: &Connection) -> Result<u64, StoreError> {
    let height: Option<i64> = connection.query_row("SELECT max(height) FROM blocks", [], |row| row.get(0))?;
    Ok(height.unwrap_or(0).cast_unsigned())
}

/// The statements of one log from `from` to before `until`, in order.
pub(crate) fn statements(
    connection: &Connection,
    log: LogId,
    from: u64,
    until: u64,
) -> Result<Vec<StoredStatement>, StoreError> {
    let sql = "SELECT entry, id, bytes FROM statements WHERE entry >= ? AND entry < ? ORDER BY entry";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([from, until].map(|index| key(Place { log, index })))?;
    let mut statements = Vec::new();
    while let Some(row) = rows.next()? {
        let index = row.get::<_, i64>(0)?.cast_unsigned() & ((1 << INDEX_BITS) - 1);
        let (id, bytes) = (hash(row, 1, "statements")?, row.get(2)?);
        statements.push(StoredStatement { place: Place { log, index }, id, bytes });
    }
    Ok(statements)
}

/// The bytes of one statement.
pub(crate) fn body(connection: &Connection, place: Place) -> Result<Vec<u8>, StoreError> {
    let mut select = connection.prepare_cached("SELECT bytes FROM statements WHERE entry = ?")?;
    select.query_row([key(place)], |row| row.get(0)).optional()?.ok_or(StoreError::Damaged("statements"))
}

/// The ids, without the bodies, of the statements of one log from `from` to before `until`.
pub(crate) fn ids(
    connection: &Connection,
    log: LogId,
    from: u64,
    until: u64,
) -> Result<Vec<Hash>, StoreError> {
    let sql = "SELECT id FROM statements WHERE entry >= ? AND entry < ? ORDER BY entry";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([from, until].map(|index| key(Place { log, index })))?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(hash(row, 0, "statements")?);
    }
    Ok(ids)
}

/// Number of statements in all logs together.
pub(crate) fn statement_count(connection: &Connection) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM statements", [], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// Keeps a new enrolment code.
pub(crate) fn put_code(
    tx: &Transaction<'_>,
    digest: Hash,
    role: &str,
    name: &str,
    expires: UnixMillis,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO codes (digest, role, name, expires) VALUES (?, ?, ?, ?)";
    tx.execute(sql, params![digest.as_bytes(), role, name, expires.0.cast_signed()])?;
    Ok(())
}

/// An enrolment code.
pub(crate) fn code(connection: &Connection, digest: Hash) -> Result<Option<StoredCode>, StoreError> {
    let sql = "SELECT role, name, expires, key, certificate FROM codes WHERE digest = ?";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([digest.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let unused = row.get_ref(3)? == rusqlite::types::ValueRef::Null;
    let used = if unused { None } else { Some((hash(row, 3, "codes")?, hash(row, 4, "codes")?)) };
    let expires = UnixMillis(row.get::<_, i64>(2)?.cast_unsigned());
    Ok(Some(StoredCode { role: row.get(0)?, name: row.get(1)?, expires, used }))
}

/// Marks a code as used for a key, and for the certificate that it bought.
pub(crate) fn use_code(
    tx: &Transaction<'_>,
    digest: Hash,
    key: Hash,
    certificate: Hash,
) -> Result<(), StoreError> {
    let sql = "UPDATE codes SET key = ?, certificate = ? WHERE digest = ?";
    tx.prepare_cached(sql)?.execute([key, certificate, digest].map(|hash| hash.0))?;
    Ok(())
}

/// Remembers that an admitted statement names a blob.
pub(crate) fn promise_blob(tx: &Transaction<'_>, digest: Hash, length: u64) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO blobs (digest, length) VALUES (?, ?)";
    tx.prepare_cached(sql)?.execute(params![digest.as_bytes(), length.cast_signed()])?;
    Ok(())
}

/// The promised length of a blob; `None` when no statement names it.
pub(crate) fn blob_length(connection: &Connection, digest: Hash) -> Result<Option<u64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT length FROM blobs WHERE digest = ?")?;
    let length = select.query_row([digest.as_bytes()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(length.map(i64::cast_unsigned))
}

/// Keeps the bytes of a promised blob.
pub(crate) fn put_blob(tx: &Transaction<'_>, digest: Hash, bytes: &[u8]) -> Result<(), StoreError> {
    tx.execute("UPDATE blobs SET bytes = ? WHERE digest = ?", params![bytes, digest.as_bytes()])?;
    Ok(())
}

/// The bytes of a blob, once somebody has brought them.
pub(crate) fn blob(connection: &Connection, digest: Hash) -> Result<Option<Vec<u8>>, StoreError> {
    let mut select = connection.prepare_cached("SELECT bytes FROM blobs WHERE digest = ?")?;
    Ok(select.query_row([digest.as_bytes()], |row| row.get(0)).optional()?.flatten())
}
