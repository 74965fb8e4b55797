//! The node's SQLite database: one writer, any number of readers.
//!
//! Functions that write take the transaction, so that the caller decides what becomes durable together.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_ledger::{Blob, Hash, LogName, UnixMillis};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, params};

use crate::files;
use crate::halt::{Halt, Passing};
use crate::ledger::Place;

const SCHEMA: &str = include_str!("schema.sql");
/// `PRAGMA user_version` of [`SCHEMA`].
const VERSION: i64 = 1;
/// How long a connection waits for another's lock before it gives up: longer than an upload or a backup's step takes. The
/// ordering thread then says that it stands still, and waits on.
const BUSY: Duration = Duration::from_secs(2);
/// How long a blob is expected, and kept, that only a statement names which was refused for the lack of it.
const ANNOUNCED_MILLIS: u64 = 24 * 3600 * 1000;
/// Bytes of a blob that are written at a time.
const BLOB_PIECE: usize = 64 * 1024;
/// Pages that a reader and a writer of blobs keep in memory, in KiB: a look-up needs few, and the system keeps the rest.
const SMALL_CACHE: i64 = -512;
/// Connections kept for the next reader.
const IDLE_READERS: usize = 16;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refuses: the disk, the permissions, the file's structure.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be made or written.
    #[error("the database's file: {0}")]
    File(io::Error),
    /// Written by another version of this program.
    #[error("the database has schema version {0}, this program reads {VERSION}")]
    Version(i64),
    /// A value that this program never writes.
    #[error("the database holds a damaged row in {0}")]
    Damaged(&'static str),
    /// The bytes of a blob cannot be read or written.
    #[error("a blob: {0}")]
    Blob(io::Error),
    /// A sealed object cannot be read or written where objects lie.
    #[error("the records' objects: {0}")]
    Object(io::Error),
    /// A log that is none of this ledger's.
    #[error("the ledger has no log `{0}`")]
    NoLog(LogName),
    /// The file is gone or empty, and the ledger has begun.
    #[error("the database {0} is missing or empty")]
    Gone(PathBuf),
}

/// A lock, a full disk, a device that fails. What was asked is undone and may be asked again.
impl Passing for StoreError {
    fn halt(&self) -> Option<Halt> {
        use rusqlite::ErrorCode as Code;
        let error = match self {
            Self::Sqlite(error) => error,
            // Of a file, unless SQLite says it of a value.
            Self::Blob(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(error) => error,
                None => return Some(Halt::Storage),
            },
            Self::Object(_) => return Some(Halt::Storage),
            _ => return None,
        };
        let passes = matches!(
            error.sqlite_error_code()?,
            Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::PermissionDenied
        );
        passes.then_some(Halt::Storage)
    }
}

/// The result of reading or writing a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Where the machine fetches statements that it no longer holds in memory.
pub trait Bodies {
    /// The bytes of the statement at `place`.
    fn body(&self, place: Place) -> StoreResult<Vec<u8>>;
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
    /// Number of statements in all logs together after it.
    pub(crate) statements: u64,
    pub(crate) digest: Hash,
}

/// An enrolment code's record.
pub(crate) struct StoredCode {
    /// The number by which an enrolment names it.
    pub(crate) number: [u8; 16],
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) expires: UnixMillis,
    /// Once used: the key that it enrolled, and its certificate.
    pub(crate) used: Option<(Hash, Hash)>,
}

/// Whether a database may be begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// There is none yet, or one without anything in it.
    New,
    /// It was begun before.
    Never,
}

/// Opens the database for writing. What is in its write-ahead log stays there when the connection is closed, until
/// [`keep_tidy`]: if something is damaged, people may want to look at it.
pub(crate) fn open(path: &Path, begin: Begin) -> StoreResult<Connection> {
    let mut flags = OpenFlags::default();
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, begin == Begin::New);
    if begin == Begin::Never && !path.exists() {
        return Err(StoreError::Gone(path.to_owned()));
    }
    if begin == Begin::New {
        // SQLite would make it as the umask says, and its other files as the database is.
        files::private().truncate(false).open(path).map_err(StoreError::File)?;
    }
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY)?;
    if begin == Begin::Never && version(&connection)? == 0 {
        return Err(StoreError::Gone(path.to_owned()));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit returns only when the log of changes has reached the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Larger than the default 4 MB: under load, fewer interruptions to move pages from the log into the file.
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    prepare_once(&connection)?;
    match version(&connection)? {
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

fn version(connection: &Connection) -> StoreResult<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// The database is whole: when the connection is closed, the write-ahead log may go into it.
pub(crate) fn keep_tidy(connection: &Connection) -> StoreResult<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Opens the database for writing blobs, which need no cache.
pub(crate) fn open_for_blobs(path: &Path) -> StoreResult<Connection> {
    let connection = open(path, Begin::Never)?;
    connection.pragma_update(None, "cache_size", SMALL_CACHE)?;
    Ok(connection)
}

/// Otherwise SQLite prepares a query again for other limits and bounds, which takes longer than running it.
fn prepare_once(connection: &Connection) -> StoreResult<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// SQLite's own check of the file's structure.
pub(crate) fn check_structure(connection: &Connection) -> StoreResult<()> {
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
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| self.connect(), Ok)?;
        let result = read(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        result
    }

    fn connect(&self) -> StoreResult<Connection> {
        open_to_read(&self.path)
    }
}

/// As [`open_to_read`], if there is anything in it.
pub(crate) fn open_to_verify(path: &Path) -> StoreResult<Connection> {
    let gone = || StoreError::Gone(path.to_owned());
    let connection = if path.exists() { open_to_read(path)? } else { return Err(gone()) };
    if version(&connection)? == 0 { Err(gone()) } else { Ok(connection) }
}

/// Opens a database that is there for reading alone.
pub(crate) fn open_to_read(path: &Path) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", SMALL_CACHE)?;
    prepare_once(&connection)?;
    Ok(connection)
}

/// A number as SQLite stores it; none here reaches 2^63.
const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn unsigned(row: &Row<'_>, column: usize) -> StoreResult<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn hash(row: &Row<'_>, column: usize, table: &'static str) -> StoreResult<Hash> {
    Hash::from_slice(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)
        .ok_or(StoreError::Damaged(table))
}

/// Appends a block's record.
pub(crate) fn put_block(tx: &Transaction<'_>, block: &StoredBlock) -> StoreResult<()> {
    let sql = "INSERT INTO blocks (height, time, statements, digest) VALUES (?, ?, ?, ?)";
    let StoredBlock { height, time, statements, digest } = block;
    let row = params![signed(*height), signed(time.0), signed(*statements), digest.as_bytes()];
    tx.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Appends a statement as number `number` of the ledger.
pub(crate) fn put_statement(
    tx: &Transaction<'_>,
    number: u64,
    place: Place,
    id: Hash,
    bytes: &[u8],
) -> StoreResult<()> {
    let sql = "INSERT INTO statements (number, log, entry, id, bytes) VALUES (?, ?, ?, ?, ?)";
    let row = params![signed(number), place.log.as_str(), signed(place.index), id.as_bytes(), bytes];
    tx.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Keeps a log's newest checkpoint.
pub(crate) fn put_checkpoint(tx: &Transaction<'_>, log: LogName, note: &str) -> StoreResult<()> {
    let mut upsert = tx.prepare_cached("INSERT OR REPLACE INTO checkpoints (log, note) VALUES (?, ?)")?;
    upsert.execute(params![log.as_str(), note])?;
    Ok(())
}

/// A log's newest checkpoint.
pub(crate) fn checkpoint(connection: &Connection, log: LogName) -> StoreResult<Option<String>> {
    let mut select = connection.prepare_cached("SELECT note FROM checkpoints WHERE log = ?")?;
    Ok(select.query_row([log.as_str()], |row| row.get(0)).optional()?)
}

/// Up to `limit` blocks from `height` on.
pub(crate) fn blocks(connection: &Connection, height: u64, limit: u32) -> StoreResult<Vec<StoredBlock>> {
    let sql = "SELECT height, time, statements, digest FROM blocks WHERE height >= ? ORDER BY height LIMIT ?";
    let mut select = connection.prepare_cached(sql)?;
    let block = |row: &Row<'_>| {
        let (height, time) = (unsigned(row, 0)?, UnixMillis(unsigned(row, 1)?));
        let (statements, digest) = (unsigned(row, 2)?, hash(row, 3, "blocks")?);
        Ok(StoredBlock { height, time, statements, digest })
    };
    select.query_and_then(params![signed(height), limit], block)?.collect()
}

/// The newest block's number, and that of statements in all logs together; nought if there is none.
pub(crate) fn last_block(connection: &Connection) -> StoreResult<(u64, u64)> {
    let mut select =
        connection.prepare_cached("SELECT height, statements FROM blocks ORDER BY height DESC LIMIT 1")?;
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else { return Ok((0, 0)) };
    Ok((unsigned(row, 0)?, unsigned(row, 1)?))
}

/// The statements after the first `after` of the ledger, up to number `until`, in the order in which they were applied.
pub(crate) fn applied(connection: &Connection, after: u64, until: u64) -> StoreResult<Vec<StoredStatement>> {
    let sql = "SELECT log, entry, id, bytes FROM statements WHERE number > ? AND number <= ? ORDER BY number";
    let mut statements = Vec::new();
    each_statement(connection, sql, params![signed(after), signed(until)], |stored| {
        statements.push(stored);
        ControlFlow::Continue(())
    })?;
    Ok(statements)
}

/// The statements of one log from `from` to before `until`, in order: as many as fit into a bundle of `most` bytes, at
/// least one.
pub(crate) fn statements(
    connection: &Connection,
    log: LogName,
    from: u64,
    until: u64,
    most: usize,
) -> StoreResult<Vec<StoredStatement>> {
    let sql = "SELECT log, entry, id, bytes FROM statements WHERE log = ? AND entry >= ? AND entry < ? \
               ORDER BY entry";
    let range = params![log.as_str(), signed(from), signed(until)];
    let (mut statements, mut left) = (Vec::new(), most);
    each_statement(connection, sql, range, |stored| {
        match left.checked_sub(stored.bytes.len() + 2) {
            Some(rest) => left = rest,
            None if statements.is_empty() => left = 0,
            None => return ControlFlow::Break(()),
        }
        statements.push(stored);
        ControlFlow::Continue(())
    })?;
    Ok(statements)
}

/// Visits the statements that are selected, as long as `visit` goes on.
fn each_statement(
    connection: &Connection,
    sql: &str,
    range: &[&dyn rusqlite::ToSql],
    mut visit: impl FnMut(StoredStatement) -> ControlFlow<()>,
) -> StoreResult<()> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(range)?;
    while let Some(row) = rows.next()? {
        let log = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let log = LogName::new(log).map_err(|_| StoreError::Damaged("statements"))?;
        let place = Place { log, index: unsigned(row, 1)? };
        let (id, bytes) = (hash(row, 2, "statements")?, row.get(3)?);
        if visit(StoredStatement { place, id, bytes }).is_break() {
            break;
        }
    }
    Ok(())
}

impl Bodies for Connection {
    fn body(&self, place: Place) -> StoreResult<Vec<u8>> {
        let mut select = self.prepare_cached("SELECT bytes FROM statements WHERE log = ? AND entry = ?")?;
        let body = select.query_row(params![place.log.as_str(), signed(place.index)], |row| row.get(0));
        body.optional()?.ok_or(StoreError::Damaged("statements"))
    }
}

/// The ids, without the bodies, of the statements of one log from `from` to before `until`.
pub(crate) fn ids(connection: &Connection, log: LogName, from: u64, until: u64) -> StoreResult<Vec<Hash>> {
    let sql = "SELECT id FROM statements WHERE log = ? AND entry >= ? AND entry < ? ORDER BY entry";
    let mut select = connection.prepare_cached(sql)?;
    let range = params![log.as_str(), signed(from), signed(until)];
    select.query_and_then(range, |row| hash(row, 0, "statements"))?.collect()
}

/// Number of statements in all logs together.
pub(crate) fn statement_count(connection: &Connection) -> StoreResult<u64> {
    let count: i64 = connection.query_row("SELECT count(*) FROM statements", [], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// Keeps a new enrolment code, under the number by which an enrolment names it.
pub(crate) fn put_code(
    tx: &Transaction<'_>,
    digest: Hash,
    number: [u8; 16],
    role: &str,
    name: &str,
    expires: UnixMillis,
) -> StoreResult<()> {
    let sql = "INSERT INTO codes (digest, number, role, name, expires) VALUES (?, ?, ?, ?, ?)";
    tx.execute(sql, params![digest.as_bytes(), number, role, name, signed(expires.0)])?;
    Ok(())
}

/// An enrolment code.
pub(crate) fn code(connection: &Connection, digest: Hash) -> StoreResult<Option<StoredCode>> {
    let sql = "SELECT number, role, name, expires, key, certificate FROM codes WHERE digest = ?";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([digest.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let unused = row.get_ref(4)? == rusqlite::types::ValueRef::Null;
    let used = if unused { None } else { Some((hash(row, 4, "codes")?, hash(row, 5, "codes")?)) };
    let expires = UnixMillis(unsigned(row, 3)?);
    Ok(Some(StoredCode { number: row.get(0)?, role: row.get(1)?, name: row.get(2)?, expires, used }))
}

/// Marks a code as used for a key and its certificate. A code that is not in this database is ignored.
pub(crate) fn use_code(tx: &Transaction<'_>, number: &[u8], key: Hash, certificate: Hash) -> StoreResult<()> {
    let sql = "UPDATE codes SET key = ?, certificate = ? WHERE number = ?";
    tx.prepare_cached(sql)?.execute(params![key.as_bytes(), certificate.as_bytes(), number])?;
    Ok(())
}

/// Records that an admitted statement promises a blob: it is kept for good.
pub(crate) fn promise_blob(tx: &Transaction<'_>, blob: Blob) -> StoreResult<()> {
    let sql = "INSERT INTO blobs (digest, length) VALUES (?, ?)
               ON CONFLICT (digest) DO UPDATE SET announced = NULL, member = NULL";
    tx.prepare_cached(sql)?.execute(params![blob.digest.as_bytes(), signed(blob.length)])?;
    Ok(())
}

/// Lets a blob be brought that a statement of `member` promises, which was refused for nothing but the lack of it. False if
/// what the member has announced, and no admitted statement names yet, would have more than `most` bytes together.
pub(crate) fn announce_blob(
    tx: &Transaction<'_>,
    blob: Blob,
    member: &str,
    now: UnixMillis,
    most: u64,
) -> StoreResult<bool> {
    tx.execute("DELETE FROM blobs WHERE announced < ?", [signed(now.0.saturating_sub(ANNOUNCED_MILLIS))])?;
    let sql = "SELECT coalesce(sum(length), 0) FROM blobs WHERE announced IS NOT NULL AND member = ? AND digest <> ?";
    let others: i64 = tx.query_row(sql, params![member, blob.digest.as_bytes()], |row| row.get(0))?;
    if others.cast_unsigned().saturating_add(blob.length) > most {
        return Ok(false);
    }
    // While nobody has brought it, the newest announcement says how long it is.
    let sql = "INSERT INTO blobs (digest, length, announced, member) VALUES (?, ?, ?, ?)
               ON CONFLICT (digest) DO UPDATE SET announced = excluded.announced, member = excluded.member,
               length = iif(bytes IS NULL, excluded.length, length) WHERE announced IS NOT NULL";
    let row = params![blob.digest.as_bytes(), signed(blob.length), signed(now.0), member];
    tx.execute(sql, row)?;
    Ok(true)
}

/// Whether the bytes of a promise are here, and stay until a statement that comes in now is admitted.
pub(crate) fn holds_blob(connection: &Connection, blob: Blob, now: UnixMillis) -> StoreResult<bool> {
    let sql = "SELECT 1 FROM blobs WHERE digest = ? AND length = ? AND bytes IS NOT NULL
               AND (announced IS NULL OR announced > ?)";
    let since = signed(now.0.saturating_sub(ANNOUNCED_MILLIS / 2));
    let mut select = connection.prepare_cached(sql)?;
    Ok(select.exists(params![blob.digest.as_bytes(), signed(blob.length), since])?)
}

/// What is known of a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoredBlob {
    /// Its promised length.
    pub(crate) length: u64,
    /// Whether its bytes are here.
    pub(crate) held: bool,
}

/// The digests of all blobs that statements name.
pub(crate) fn blob_digests(connection: &Connection) -> StoreResult<Vec<Hash>> {
    let mut select = connection.prepare("SELECT digest FROM blobs ORDER BY digest")?;
    select.query_and_then([], |row| hash(row, 0, "blobs"))?.collect()
}

/// What is known of a blob; `None` when no statement names it.
pub(crate) fn blob(connection: &Connection, digest: Hash) -> StoreResult<Option<StoredBlob>> {
    let mut select =
        connection.prepare_cached("SELECT length, bytes IS NOT NULL FROM blobs WHERE digest = ?")?;
    let mut rows = select.query([digest.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(StoredBlob { length: unsigned(row, 0)?, held: row.get(1)? }))
}

/// Keeps the bytes of a promised blob, `length` of them, without holding them in memory.
pub(crate) fn put_blob(
    tx: &Transaction<'_>,
    digest: Hash,
    length: u64,
    mut bytes: impl Read,
) -> StoreResult<()> {
    let sql = "UPDATE blobs SET bytes = zeroblob(?1), length = ?1 WHERE digest = ?2 RETURNING rowid";
    let row: i64 = tx.query_row(sql, params![signed(length), digest.as_bytes()], |row| row.get(0))?;
    let mut blob = tx.blob_open("main", "blobs", "bytes", row, false)?;
    let mut piece = vec![0; BLOB_PIECE];
    loop {
        match bytes.read(&mut piece).map_err(StoreError::Blob)? {
            0 => return Ok(blob.close()?),
            more => blob.write_all(&piece[..more]).map_err(StoreError::Blob)?,
        }
    }
}

/// The bytes of a blob that is here from `from` on, up to `most` of them.
pub(crate) fn blob_bytes(
    connection: &Connection,
    digest: Hash,
    from: u64,
    most: usize,
) -> StoreResult<Vec<u8>> {
    let mut select = connection.prepare_cached("SELECT rowid FROM blobs WHERE digest = ?")?;
    let row = select.query_row([digest.as_bytes()], |row| row.get(0))?;
    let mut blob = connection.blob_open("main", "blobs", "bytes", row, true)?;
    blob.seek(SeekFrom::Start(from)).map_err(StoreError::Blob)?;
    let mut bytes = Vec::new();
    blob.take(most as u64).read_to_end(&mut bytes).map_err(StoreError::Blob)?;
    Ok(bytes)
}

/// SHA-256 of the bytes of a blob that is here.
pub(crate) fn hash_blob(connection: &Connection, digest: Hash) -> StoreResult<Hash> {
    let (mut hash, mut from) = (Context::new(&SHA256), 0);
    loop {
        let piece = blob_bytes(connection, digest, from, BLOB_PIECE)?;
        if piece.is_empty() {
            return Hash::from_slice(hash.finish().as_ref()).ok_or(StoreError::Damaged("blobs"));
        }
        hash.update(&piece);
        from += piece.len() as u64;
    }
}

/// Opens a database beside the ledger's, or begins it: durable at each commit.
pub(crate) fn open_beside(path: &Path, schema: &str, version: i64) -> StoreResult<Connection> {
    files::private().truncate(false).open(path).map_err(StoreError::File)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            let tx = connection.transaction()?;
            tx.execute_batch(schema)?;
            tx.commit()?;
        }
        found if found == version => {}
        other => return Err(StoreError::Version(other)),
    }
    Ok(connection)
}
