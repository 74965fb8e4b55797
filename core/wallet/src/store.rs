//! The wallet's database: SQLite, one writer, WAL, `synchronous=FULL` for all that could not be fetched again.
//!
//! What is stored is not trusted: whoever reads verifies. Functions that only read take a [`Connection`]; those that
//! write take a [`Transaction`], so that what belongs together is written together.
//!
//! A verdict needs no write, so a full or read-only disk must not stop one. SQLite shares its index of the WAL with other
//! processes in a file that it has to make and lengthen; where it cannot, the database is opened to be read, with that index
//! in memory ([`Access`]).

mod access;
mod badges;
mod checkpoints;
mod courier;
mod domains;
mod follows;
mod links;
mod meetings;
mod members;
mod outbox;
mod records;
mod reports;
mod rescue;
mod scans;
mod statements;

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_ledger::{Hash, LogName};
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Params, Transaction, TransactionBehavior, ffi,
};

use self::access::Access;

pub(crate) use self::badges::{Wrapped, badge, badges, forget_badge, meet_device, met_devices, set_badge};
pub(crate) use self::checkpoints::{
    Position, find_ends, forget_position, fork, forks, insert_checkpoint, note, position, prune, set_end,
    set_position, set_synced, synced,
};
pub(crate) use self::courier::{
    Handover, chain, chains, close_handover, contents, extensions, forget_chain, handover, handovers,
    set_chain, set_contents, set_extensions, set_handover,
};
pub(crate) use self::domains::{keep_of_domains, kept_of_domains};
pub(crate) use self::follows::{
    Row as FollowRow, follow, followed, followed_of, followed_units, follows, ready, set_ready, unfollow,
};
pub(crate) use self::links::{forget_link, link, set_link};
pub(crate) use self::meetings::{compared, meet, meetings};
pub(crate) use self::members::{
    certificate, certificates, family_proof, filter, insert_certificate, insert_family_proof, insert_filter,
    insert_receipt, membership, memberships, node, receipt, set_membership, set_node,
};
pub(crate) use self::outbox::{Outgoing, outgoing, outgoing_blob, post, set_outgoing, take_out};
pub(crate) use self::records::{
    attribute_key, clear_objects, forget_image, forget_images, forget_record, forget_record_ask,
    forget_record_link, has_images, image_piece, image_pieces, kept, object, objects, record_asks,
    record_document, record_links, record_state, records, set_attribute_key, set_image_piece, set_kept,
    set_object, set_record_ask, set_record_link, set_record_state, settle_document, take_document,
};
pub(crate) use self::reports::{
    post_report, report_later, report_next_due, report_received, report_refused, reports, reports_due,
    reports_waiting, settle_report,
};
pub(crate) use self::scans::{
    forget_scan, forget_scans, remembers, scan, scans, scans_on_disk, set_remembers, set_scan,
};
pub(crate) use self::statements::{
    STATEMENTS_AT_ONCE, Stored, append_statements, append_whole_log, drop_whole_log, filter_hint,
    insert_subject, lots_by_filter, names, set_filter_hint, statements, subject_id, whole_log,
};

/// The schema's versions, each the step from the one before.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];
/// How long a second process waits for the first one's writing.
const BUSY: Duration = Duration::from_secs(10);

/// Why the database cannot be used. What SQLite says of it is for whoever debugs, and no part of the words.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room on the disk.
    #[error("the disk is full: make room and try again; packs can be checked meanwhile")]
    Full,
    /// The database, or its folder, cannot be written.
    #[error(
        "the wallet cannot be written where it is: make its folder writable; packs can be checked meanwhile"
    )]
    ReadOnly,
    /// Another process is writing, for longer than one does.
    #[error("another program is using the wallet: try again when it is done")]
    Busy,
    /// What is in the file is not what was written. Opened again, and synced, it is repaired.
    #[error(
        "the wallet's database is damaged: open it again and sync, which fetches again what the ledger proves"
    )]
    Damaged(rusqlite::Error),
    /// The disk, or access to it, failed.
    #[error(
        "the wallet's database cannot be read or written: look at the disk, and at who may use the wallet's folder"
    )]
    Disk(rusqlite::Error),
    /// Written by a newer version of this crate.
    #[error("the wallet's database is of version {0}, which is newer than this program")]
    Newer(usize),
    /// It belongs to another ledger than the genesis.
    #[error("the wallet's database is of another ledger")]
    OtherLedger,
    /// Another process has moved the wallet on.
    #[error("another process has moved the wallet on; open it again")]
    Moved,
}

impl StoreError {
    /// Whether it is the disk's doing, so that reading may go on.
    const fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly | Self::Disk(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            // To lengthen the shared index of the WAL takes room.
            Some(ErrorCode::SystemIoFailure) if extended == Some(ffi::SQLITE_IOERR_SHMSIZE) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::AuthorizationForStatementDenied,
            ) => Self::Disk(error),
            // Not a database, a missing table, a value of the wrong type: what is there is not what was written.
            _ => Self::Damaged(error),
        }
    }
}

pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// The open database.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    waiting: Waiting,
    /// Why it cannot be written.
    refused: Option<Refused>,
}

/// Why a database was opened to be read alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Full,
    ReadOnly,
}

/// Whether a commit waits for the disk: SQLite's `synchronous`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Full,
    Normal,
}

impl Store {
    /// Opens or makes the database of the ledger with this genesis. Where the disk takes no write it is opened to be read,
    /// if it is there and of this version.
    pub(crate) fn open(path: &Path, genesis: Hash) -> StoreResult<Self> {
        let error = match Self::open_to_write(path, genesis) {
            Err(error) if error.is_of_the_disk() => error,
            opened => return opened,
        };
        let refused = if matches!(error, StoreError::Full) { Refused::Full } else { Refused::ReadOnly };
        // The first way takes notice of other processes, which may write.
        for access in [Access::Read, Access::Alone] {
            match Self::open_to_read(path, genesis, access, refused) {
                Err(error) if error.is_of_the_disk() => {}
                opened => return opened,
            }
        }
        Err(error)
    }

    fn open_to_write(path: &Path, genesis: Hash) -> StoreResult<Self> {
        make_private(path)?;
        let mut connection = configured(Access::Write, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection, MIGRATIONS)?;
        let mut store = Self { connection, waiting: Waiting::Full, refused: None };
        store.write(|transaction| match of_ledger(transaction)? {
            None => {
                transaction.execute("INSERT INTO ledger VALUES (1, ?1)", [genesis.as_bytes()])?;
                Ok(())
            }
            Some(known) if known == genesis => Ok(()),
            Some(_) => Err(StoreError::OtherLedger),
        })?;
        Ok(store)
    }

    fn open_to_read(path: &Path, genesis: Hash, access: Access, refused: Refused) -> StoreResult<Self> {
        let connection = configured(access, path)?;
        let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version.cmp(&MIGRATIONS.len()) {
            std::cmp::Ordering::Less => return Err(StoreError::ReadOnly),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err(StoreError::Newer(version)),
        }
        match of_ledger(&connection)? {
            Some(known) if known == genesis => {
                Ok(Self { connection, waiting: Waiting::Full, refused: Some(refused) })
            }
            Some(_) => Err(StoreError::OtherLedger),
            None => Err(StoreError::ReadOnly),
        }
    }

    /// The same; one that is damaged beyond opening, or was found to be ([`Store::mark_damaged`]), is begun anew. Returns the way
    /// to a copy of the damaged one, if it was.
    pub(crate) fn open_or_rescue(path: &Path, genesis: Hash) -> StoreResult<(Self, Option<PathBuf>)> {
        let opened = if rescue::is_due(path) { None } else { Some(Self::open(path, genesis)) };
        let damaged = match opened {
            Some(Err(error @ StoreError::Damaged(_))) => Some(error),
            Some(opened) => return Ok((opened?, None)),
            None => None,
        };
        match rescue::resume(path, genesis) {
            Ok(kept) => Ok((Self::open(path, genesis)?, Some(kept))),
            // Where nothing can be written, what is there is all there is.
            Err(_) => damaged.map_or_else(|| Ok((Self::open(path, genesis)?, None)), Err),
        }
    }

    /// Has the database begun anew when it is opened the next time: what can be read of the owner's own is kept.
    pub(crate) fn mark_damaged(&self) {
        if let Some(path) = self.connection.path() {
            rescue::mark(Path::new(path));
        }
    }

    /// Whether the disk took writes when it was opened.
    pub(crate) const fn takes_writes(&self) -> bool {
        self.refused.is_none()
    }

    /// For reading.
    pub(crate) const fn read(&self) -> &Connection {
        &self.connection
    }

    /// A number that is another one when another connection has written since.
    pub(crate) fn version(&self) -> StoreResult<u32> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Reads as of one moment as long as this lives. For many queries: each by itself would lock the file and let it go.
    pub(crate) fn reading(&self) -> StoreResult<Transaction<'_>> {
        Ok(self.connection.unchecked_transaction()?)
    }

    /// Runs `work` in one transaction, durable when this returns, with all that was staged before; an error undoes it.
    pub(crate) fn write<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.transact(Waiting::Full, work)
    }

    /// Runs `work` in one transaction that a power cut may undo, as a whole and with those after it; a kill may not. For
    /// what can be fetched again: it need not wait for the disk at every step.
    pub(crate) fn stage<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.transact(Waiting::Normal, work)
    }

    fn transact<R, E: From<StoreError>>(
        &mut self,
        waiting: Waiting,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let database = StoreError::from;
        match self.refused {
            Some(Refused::Full) => return Err(StoreError::Full.into()),
            Some(Refused::ReadOnly) => return Err(StoreError::ReadOnly.into()),
            None => {}
        }
        if self.waiting != waiting {
            let level = if waiting == Waiting::Full { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level).map_err(database)?;
            self.waiting = waiting;
        }
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
        let result = work(&transaction)?;
        transaction.commit().map_err(database)?;
        Ok(result)
    }
}

/// A connection, set up as all are.
fn configured(access: Access, path: &Path) -> StoreResult<Connection> {
    let connection = access.connect(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What is sorted stays in memory: on a full disk there is no other place.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Else SQLite prepares a query anew whenever another limit or bound is asked for, which takes longer than to answer.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The ledger that the database is of, by its genesis.
fn of_ledger(connection: &Connection) -> StoreResult<Option<Hash>> {
    let row = connection.query_row("SELECT genesis FROM ledger", [], |row| row.get::<_, Digest>(0));
    Ok(row.optional()?.map(|digest| digest.0))
}

/// Makes the file, if there is none, for its owner alone: it tells what a person takes. SQLite would make it as the umask says,
/// and its other files as this one is.
fn make_private(path: &Path) -> StoreResult<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::ReadOnly,
    })
}

/// Asks what a verdict asks, of nothing: SQLite then has the queries prepared, which takes longer than to answer them.
pub(crate) fn prepare_verdict(connection: &Connection) -> StoreResult<()> {
    let log = LogName::SUPPLY;
    followed_of(connection, log, "")?;
    followed_units(connection, log)?;
    family_proof(connection, log, "", 0)?;
    names(connection, log, "")?;
    subject_id(connection, log, "")?;
    statements(connection, 0, 0, 0)?;
    filter(connection, Hash::default())?;
    Ok(())
}

/// The first column of the row that a query finds, if it finds one.
fn one<T: FromSql>(connection: &Connection, sql: &str, values: impl Params) -> StoreResult<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}

/// The first column of all rows that a query finds.
fn all<T: FromSql>(connection: &Connection, sql: &str, values: impl Params) -> StoreResult<Vec<T>> {
    Ok(connection.prepare_cached(sql)?.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Changes rows.
fn change(tx: &Transaction<'_>, sql: &str, values: impl Params) -> StoreResult<()> {
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Brings the schema to the newest version, one transaction a step.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> StoreResult<()> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > migrations.len() {
            return Err(StoreError::Newer(version));
        }
        let Some(step) = migrations.get(version) else { return Ok(()) };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

/// A digest as a column holds it.
struct Digest(Hash);

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Hash::from_slice(value.as_blob()?).map(Self).ok_or(FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    fn genesis() -> Hash {
        Hash::of(b"genesis")
    }

    fn version(store: &Store) -> usize {
        store.read().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_database_belongs_to_one_ledger() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wallet.db");
        let store = Store::open(&path, genesis()).unwrap();
        assert_eq!(version(&store), MIGRATIONS.len());
        drop(store);
        assert!(Store::open(&path, genesis()).is_ok());
        assert!(matches!(Store::open(&path, Hash::of(b"other")).unwrap_err(), StoreError::OtherLedger));
    }

    #[test]
    fn every_write_is_synchronised() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("wallet.db"), genesis()).unwrap();
        let pragma =
            |name| store.read().pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(pragma("synchronous").unwrap(), rusqlite::types::Value::Integer(2));
        assert_eq!(pragma("journal_mode").unwrap(), rusqlite::types::Value::Text("wal".into()));
    }

    #[test]
    fn a_query_is_prepared_once_whatever_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("wallet.db"), genesis()).unwrap();
        let sql = "SELECT bytes FROM statements WHERE entry >= ?1 AND entry < ?2 ORDER BY entry LIMIT ?3";
        let mut query = store.read().prepare(sql).unwrap();
        for asked in [[1, 2, 3], [4, 50, 6], [7, 8, 900]] {
            assert!(!query.exists(asked).unwrap());
        }
        assert_eq!(query.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn older_databases_are_brought_up_to_date_and_keep_what_they_hold() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps =
            ["CREATE TABLE a (x INTEGER) STRICT", "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7"];
        migrate(&mut connection, &steps[..1]).unwrap();
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        migrate(&mut connection, &steps).unwrap();
        migrate(&mut connection, &steps).unwrap();
        let row = connection.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row, Ok((1, 7)));
        assert!(matches!(migrate(&mut connection, &steps[..1]).unwrap_err(), StoreError::Newer(2)));
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection, &["CREATE TABLE a (x INTEGER) STRICT; SELECT nonsense"]).is_err());
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
        assert_eq!(tables, Ok(0));
        migrate(&mut connection, &["CREATE TABLE a (x INTEGER) STRICT"]).unwrap();
    }
}
