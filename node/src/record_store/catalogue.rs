//! What the record store knows of its objects: a SQLite database of its own, beside the ledger's.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_ledger::{Hash, UnixMillis};
use countersign_records::{Announced, RecordId, Row, Ticket};
use countersign_shl::Gate;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::NotKept;
use super::links::{Leading, ends};
use crate::store::{self, StoreError, StoreResult};

const SCHEMA: &str = include_str!("../records.sql");
/// `PRAGMA user_version` of [`SCHEMA`].
const VERSION: i64 = 2;
/// The file in the data directory.
pub(super) const FILE: &str = "records.sqlite";

/// The database.
pub(super) struct Catalogue(Connection);

/// What is known of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub(super) size: u64,
    pub(super) held: bool,
    /// It is being removed.
    pub(super) going: bool,
}

impl Catalogue {
    pub(super) fn open(data: &Path) -> StoreResult<Self> {
        let connection = store::open_beside(&data.join(FILE), SCHEMA, VERSION)?;
        Ok(Self(connection))
    }

    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>) -> StoreResult<T> {
        let tx = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    /// Announces the objects of a ticket and keeps its rows, and returns the objects whose bytes are not here. All of a
    /// record's objects together have at most `most` bytes.
    pub(super) fn take(
        &mut self,
        ticket: &Ticket,
        rows: &[Row],
        most: u64,
    ) -> StoreResult<Result<Vec<Hash>, NotKept>> {
        let (record, until) = (ticket.record(), signed(ticket.until().0));
        let (mut lacking, mut refused) = (Vec::new(), None);
        let taken = self.write(|tx| {
            let sql = "INSERT INTO objects (record, digest, size, until) VALUES (?, ?, ?, ?)
                       ON CONFLICT DO UPDATE SET until = max(until, excluded.until)
                       WHERE until IS NOT NULL";
            let mut insert = tx.prepare_cached(sql)?;
            for Announced { digest, size } in ticket.objects() {
                match known(tx, record, *digest)? {
                    Some(known) if known.going || known.size != u64::from(*size) => {
                        refused = Some(NotKept::Busy);
                    }
                    Some(known) if known.held => {}
                    _ => lacking.push(*digest),
                }
                insert.execute(params![record.0, digest.as_bytes(), size, until])?;
            }
            let sql = "INSERT INTO rows (record, hash, bytes, until) VALUES (?, ?, ?, ?)
                       ON CONFLICT DO UPDATE SET until = max(until, excluded.until) WHERE until IS NOT NULL";
            let mut insert = tx.prepare_cached(sql)?;
            for row in rows {
                insert.execute(params![record.0, row.hash().as_bytes(), row.to_bytes(), until])?;
            }
            let sql = "SELECT coalesce(sum(size), 0), count(*) FROM objects WHERE record = ?";
            let (bytes, objects): (i64, i64) =
                tx.query_row(sql, [record.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: i64 =
                tx.query_row("SELECT count(*) FROM rows WHERE record = ?", [record.0], |r| r.get(0))?;
            if bytes.cast_unsigned() > most || objects > MAX_OBJECTS || rows > MAX_ROWS {
                refused = Some(NotKept::Full);
            }
            // Nothing of a ticket that is refused is kept: an error undoes the transaction.
            if refused.is_some() { Err(StoreError::Damaged("objects")) } else { Ok(()) }
        });
        match (taken, refused) {
            (_, Some(refused)) => Ok(Err(refused)),
            (Ok(()), None) => Ok(Ok(lacking)),
            (Err(error), None) => Err(error),
        }
    }

    /// What is known of an object of a record.
    pub(super) fn object(&self, record: RecordId, digest: Hash) -> StoreResult<Option<Known>> {
        known(&self.0, record, digest)
    }

    /// An object's bytes are durable where objects lie.
    pub(super) fn hold(&mut self, record: RecordId, digest: Hash) -> StoreResult<()> {
        let sql = "UPDATE objects SET held = 1 WHERE record = ? AND digest = ?";
        self.write(|tx| Ok(tx.prepare_cached(sql)?.execute(params![record.0, digest.as_bytes()])?))?;
        Ok(())
    }

    /// A row, if it is here.
    pub(super) fn row(&self, record: RecordId, hash: Hash) -> StoreResult<Option<Row>> {
        let mut select = self.0.prepare_cached("SELECT bytes FROM rows WHERE record = ? AND hash = ?")?;
        let bytes: Option<Vec<u8>> =
            select.query_row(params![record.0, hash.as_bytes()], |row| row.get(0)).optional()?;
        let Some(bytes) = bytes else { return Ok(None) };
        let row = Row::from_bytes(&bytes).map_err(|_| StoreError::Damaged("rows"))?;
        if row.hash() == hash { Ok(Some(row)) } else { Err(StoreError::Damaged("rows")) }
    }

    /// A row, if it and all its objects are here.
    pub(super) fn whole(&self, record: RecordId, hash: Hash) -> StoreResult<Option<Row>> {
        let Some(row) = self.row(record, hash)? else { return Ok(None) };
        for digest in row.digests() {
            if !self.object(record, digest)?.is_some_and(|known| known.held && !known.going) {
                return Ok(None);
            }
        }
        Ok(Some(row))
    }

    /// The records of which something is here.
    pub(super) fn records(&self) -> StoreResult<BTreeSet<RecordId>> {
        self.select("SELECT record FROM objects UNION SELECT record FROM rows", None)
    }

    /// The records of which something was kept for a ticket that has ended, or for a link.
    pub(super) fn ended(&self, now: UnixMillis) -> StoreResult<BTreeSet<RecordId>> {
        let sql = "SELECT record FROM objects WHERE until < ?1 UNION SELECT record FROM rows WHERE until < ?1
                   UNION SELECT record FROM links WHERE ends <= ?1";
        self.select(sql, Some(signed(now.0)))
    }

    fn select(&self, sql: &str, argument: Option<i64>) -> StoreResult<BTreeSet<RecordId>> {
        let mut select = self.0.prepare_cached(sql)?;
        let records =
            select.query_map(rusqlite::params_from_iter(argument), |row| row.get::<_, [u8; 16]>(0))?;
        records.map(|record| Ok(RecordId(record?))).collect()
    }

    /// Gives out an object by a name. What is given out is still there at its end, if it was when this began.
    pub(super) fn link(&mut self, name: &str, leading: &Leading) -> StoreResult<Result<(), NotKept>> {
        let Leading { record, digest, gate } = leading;
        self.write(|tx| {
            if let Some(before) = read_link(tx, name)? {
                let same = (before.record, before.digest) == (*record, *digest);
                return Ok(if same { Ok(()) } else { Err(NotKept::Taken) });
            }
            if !known(tx, *record, *digest)?.is_some_and(|known| known.held && !known.going) {
                return Ok(Err(NotKept::Unannounced));
            }
            let sql = "SELECT count(*) FROM links WHERE record = ?";
            if tx.query_row(sql, [record.0], |row| row.get::<_, i64>(0))? >= MAX_LINKS {
                return Ok(Err(NotKept::Full));
            }
            let sql = "INSERT INTO links (name, record, digest, ends, gate) VALUES (?, ?, ?, ?, ?)";
            tx.execute(
                sql,
                params![name, record.0, digest.as_bytes(), signed(ends(gate).0), gate.to_json()],
            )?;
            Ok(Ok(()))
        })
    }

    /// Where a name leads.
    pub(super) fn leading(&self, name: &str) -> StoreResult<Option<Leading>> {
        read_link(&self.0, name)
    }

    /// Keeps a gate's new state.
    pub(super) fn set_gate(&mut self, name: &str, gate: &Gate) -> StoreResult<()> {
        let sql = "UPDATE links SET gate = ? WHERE name = ?";
        self.write(|tx| Ok(tx.execute(sql, params![gate.to_json(), name])?))?;
        Ok(())
    }

    /// Gives out an object of this record no more.
    pub(super) fn unlink(&mut self, name: &str, record: RecordId) -> StoreResult<()> {
        let sql = "DELETE FROM links WHERE name = ? AND record = ?";
        self.write(|tx| Ok(tx.execute(sql, params![name, record.0])?))?;
        Ok(())
    }

    /// Decides what of a record is to go: all that no row that is `current` or `running` names, no link leads to and no ticket
    /// keeps. Rows are gone at once, and links that have ended; objects are marked, are not held from now on, and may then be removed. What is `busy` is left for later.
    pub(super) fn doom(
        &mut self,
        record: RecordId,
        current: &BTreeSet<Hash>,
        running: &BTreeSet<Hash>,
        mut busy: impl FnMut(Hash) -> bool,
        now: UnixMillis,
    ) -> StoreResult<Vec<Hash>> {
        let mut objects = BTreeSet::new();
        for hash in current.union(running) {
            objects.extend(self.row(record, *hash)?.iter().flat_map(Row::digests));
        }
        self.write(|tx| {
            tx.execute("DELETE FROM links WHERE record = ? AND ends <= ?", params![record.0, signed(now.0)])?;
            let mut linked = tx.prepare_cached("SELECT digest FROM links WHERE record = ?")?;
            for digest in linked.query_map([record.0], |row| row.get(0).map(Hash))? {
                objects.insert(digest?);
            }
            let mut named = tx.prepare_cached(
                "UPDATE objects SET until = NULL WHERE record = ? AND digest = ? AND until <> 0",
            )?;
            for digest in &objects {
                named.execute(params![record.0, digest.as_bytes()])?;
            }
            let mut named =
                tx.prepare_cached("UPDATE rows SET until = NULL WHERE record = ? AND hash = ?")?;
            for hash in current {
                named.execute(params![record.0, hash.as_bytes()])?;
            }
            // What has begun to go goes, whatever names it: its bytes may be gone.
            let gone = |table: &str, column: &str, kept: &BTreeSet<Hash>| -> StoreResult<Vec<Hash>> {
                let sql = format!(
                    "SELECT {column}, until IS 0 FROM {table} WHERE record = ? AND (until IS NULL OR until < ?)"
                );
                let mut select = tx.prepare_cached(&sql)?;
                let mut rows = select.query(params![record.0, signed(now.0)])?;
                let mut gone = Vec::new();
                while let Some(row) = rows.next()? {
                    let digest = Hash(row.get(0)?);
                    if row.get(1)? || !kept.contains(&digest) {
                        gone.push(digest);
                    }
                }
                Ok(gone)
            };
            let mut delete = tx.prepare_cached("DELETE FROM rows WHERE record = ? AND hash = ?")?;
            for hash in gone("rows", "hash", &current.union(running).copied().collect())? {
                delete.execute(params![record.0, hash.as_bytes()])?;
            }
            let mut doomed = gone("objects", "digest", &objects)?;
            doomed.retain(|digest| !busy(*digest));
            let mut mark =
                tx.prepare_cached("UPDATE objects SET until = 0, held = 0 WHERE record = ? AND digest = ?")?;
            for digest in &doomed {
                mark.execute(params![record.0, digest.as_bytes()])?;
            }
            Ok(doomed)
        })
    }

    /// Forgets what has been removed.
    pub(super) fn forget(&mut self, record: RecordId, removed: &[Hash]) -> StoreResult<()> {
        self.write(|tx| {
            let sql = "DELETE FROM objects WHERE record = ? AND digest = ? AND until = 0";
            let mut delete = tx.prepare_cached(sql)?;
            for digest in removed {
                delete.execute(params![record.0, digest.as_bytes()])?;
            }
            Ok(())
        })
    }

    /// How many objects are held, and their bytes together.
    pub(super) fn sums(&self) -> StoreResult<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE held = 1";
        let sums = self.0.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        Ok((sums.0.cast_unsigned(), sums.1.cast_unsigned()))
    }
}

/// Most objects of one record, held or announced: its parts and images, twice while they are sealed anew, and the wraps of its lines.
const MAX_OBJECTS: i64 = 4096;
/// Most links that lead to one record at one time: some a month for a year.
const MAX_LINKS: i64 = 32;
/// Most rows of one record: those of its indexes, of a delivery for each way of deciding, and of some tickets.
const MAX_ROWS: i64 = 256;

fn known(connection: &Connection, record: RecordId, digest: Hash) -> StoreResult<Option<Known>> {
    let sql = "SELECT size, held, until IS 0 FROM objects WHERE record = ? AND digest = ?";
    let mut select = connection.prepare_cached(sql)?;
    let known = select.query_row(params![record.0, digest.as_bytes()], |row| {
        let size = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(Known { size, held: row.get(1)?, going: row.get(2)? })
    });
    Ok(known.optional()?)
}

fn read_link(connection: &Connection, name: &str) -> StoreResult<Option<Leading>> {
    let mut select = connection.prepare_cached("SELECT record, digest, gate FROM links WHERE name = ?")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?));
    let Some((record, digest, gate)) = select.query_row([name], read).optional()? else { return Ok(None) };
    let gate = Gate::parse(&gate).ok_or(StoreError::Damaged("links"))?;
    Ok(Some(Leading { record: RecordId(record), digest: Hash(digest), gate }))
}

/// A time as SQLite stores it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
