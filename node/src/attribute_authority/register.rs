//! What an attribute authority keeps: its members' attributes, and whom it has vouched for.
//!
//! One SQLite database. The operator's commands and the running authority use it at one time; a change is durable when the
//! call returns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use countersign_abe::Attribute;
use countersign_ledger::{Hash, Identity, LogName, Subject, UnixMillis};
use countersign_records::RecordId;
use countersign_records::rules::SLOTS;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::AuthorityConfig;
use crate::files;
use crate::store::{StoreError, StoreResult};

const SCHEMA: &str = include_str!("register.sql");
const VERSION: i64 = 1;
/// Name of the database in the data directory.
const DATABASE: &str = "register.sqlite";
/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Most attributes of one member: with those of epochs and its identity a key has more.
pub(super) const MAX_ATTRIBUTES: usize = 32;
/// Labels that the authority gives by itself.
pub(super) const OWN_LABELS: [&str; 2] = ["epoch", "member"];
/// How long an answer is kept for who asks again; a request is worth nothing after five minutes.
const ANSWER_MILLIS: u64 = 10 * 60 * 1000;
/// Requests of a day by one member for one record.
const OF_ONE_MEMBER: u64 = 16;
pub(super) const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// Why a member's attributes are not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The label is none of the configuration's.
    #[error("`{label}` is no label of this authority: its configuration's [vocabulary] has {}", .labels.join(", "))]
    Label {
        /// The label.
        label: String,
        /// Those that there are.
        labels: Vec<String>,
    },
    /// The authority gives such attributes by itself.
    #[error("the authority gives `{0}` by itself")]
    Own(String),
    /// More than one member may have.
    #[error("a member has at most {MAX_ATTRIBUTES} attributes")]
    TooMany,
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for RegisterError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why no slot is left for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    /// For the record today.
    Record,
    /// For this member and the record today.
    Member,
}

/// What is to be kept of a request.
pub(super) struct Asked<'a> {
    pub ask: Hash,
    pub record: RecordId,
    pub log: LogName,
    pub thread: &'a Subject,
    pub certificate: Hash,
    pub at: UnixMillis,
    pub emergency: bool,
}

/// A request that may be open.
pub(super) struct Open {
    pub ask: Hash,
    pub log: LogName,
    pub thread: Subject,
    pub at: UnixMillis,
}

/// The register of an authority.
pub struct Register {
    connection: Connection,
    labels: BTreeSet<String>,
}

impl Register {
    /// Opens the register in the authority's data directory, or begins one there.
    pub fn open(config: &AuthorityConfig) -> StoreResult<Self> {
        files::make_directory(&config.data).map_err(StoreError::File)?;
        let connection = open(&config.data.join(DATABASE))?;
        Ok(Self { connection, labels: config.vocabulary.keys().cloned().collect() })
    }

    /// Registers the attributes of a member, in place of those that it had.
    pub fn set(&mut self, member: &Identity, attributes: &BTreeSet<Attribute>) -> Result<(), RegisterError> {
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(RegisterError::TooMany);
        }
        for attribute in attributes {
            let label = attribute.as_str().split(':').next().unwrap_or_default();
            if OWN_LABELS.contains(&label) {
                return Err(RegisterError::Own(label.to_owned()));
            }
            if !self.labels.contains(label) {
                let labels = self.labels.iter().cloned().collect();
                return Err(RegisterError::Label { label: label.to_owned(), labels });
            }
        }
        let lines: Vec<_> = attributes.iter().map(Attribute::as_str).collect();
        let sql = "INSERT INTO members (identity, attributes) VALUES (?, ?)
                   ON CONFLICT (identity) DO UPDATE SET attributes = excluded.attributes";
        self.connection.execute(sql, params![member.as_str(), lines.join("\n")])?;
        Ok(())
    }

    /// Takes a member off the register; whether it was there.
    pub fn remove(&mut self, member: &Identity) -> StoreResult<bool> {
        Ok(self.connection.execute("DELETE FROM members WHERE identity = ?", [member.as_str()])? > 0)
    }

    /// The attributes that are registered of a member.
    pub fn attributes(&self, member: &Identity) -> StoreResult<BTreeSet<Attribute>> {
        let sql = "SELECT attributes FROM members WHERE identity = ?";
        let lines: Option<String> =
            self.connection.prepare_cached(sql)?.query_row([member.as_str()], |row| row.get(0)).optional()?;
        parse(&lines.unwrap_or_default())
    }

    /// All members that have been registered, with their attributes.
    pub fn members(&self) -> StoreResult<BTreeMap<String, BTreeSet<Attribute>>> {
        let mut query = self.connection.prepare("SELECT identity, attributes FROM members")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| row.map_err(StoreError::from).and_then(|(member, lines)| Ok((member, parse(&lines)?))))
            .collect()
    }

    /// Notes the id of the public key at the first time; whether it is the one that the authority has begun with.
    pub(super) fn begin_with(&mut self, key: &[u8; 32]) -> StoreResult<bool> {
        self.connection
            .execute("INSERT INTO keys (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM keys)", [key])?;
        Ok(self.connection.query_row("SELECT id FROM keys", [], |row| row.get::<_, [u8; 32]>(0))? == *key)
    }

    /// The answer to an ask, if it was answered in the last minutes.
    pub(super) fn answer(&self, ask: Hash) -> StoreResult<Option<Vec<u8>>> {
        let sql = "SELECT request FROM answers WHERE ask = ?";
        Ok(self.connection.query_row(sql, [ask.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Keeps what is vouched for, with the request that `sign` makes for its slot. Durable when it returns, or as if it had not
    /// been called.
    pub(super) fn vouch<E>(
        &mut self,
        asked: &Asked<'_>,
        sign: impl FnOnce(u64) -> Result<Vec<u8>, E>,
    ) -> StoreResult<Result<Result<Vec<u8>, E>, Full>> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (first, day) = (if asked.emergency { SLOTS } else { 0 }, asked.at.0 / DAY_MILLIS);
        let (used, own): (u64, u64) = tx.query_row(
            "SELECT count(*), count(*) FILTER (WHERE certificate = ?5) FROM requests
             WHERE record = ?1 AND day = ?2 AND slot >= ?3 AND slot < ?4",
            params![asked.record.0, signed(day), signed(first), signed(first + SLOTS), asked.certificate.0],
            |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
        )?;
        if used >= SLOTS {
            return Ok(Err(Full::Record));
        }
        if own >= OF_ONE_MEMBER {
            return Ok(Err(Full::Member));
        }
        let request = match sign(first + used) {
            Ok(request) => request,
            Err(error) => return Ok(Ok(Err(error))),
        };
        tx.execute(
            "INSERT INTO requests (ask, record, day, slot, log, thread, certificate, at, due)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            params![
                asked.ask.0,
                asked.record.0,
                signed(day),
                signed(first + used),
                asked.log.as_str(),
                asked.thread.as_str(),
                asked.certificate.0,
                signed(asked.at.0)
            ],
        )?;
        tx.execute("DELETE FROM answers WHERE at < ?", [signed(asked.at.0.saturating_sub(ANSWER_MILLIS))])?;
        let answer = "INSERT INTO answers (ask, at, request) VALUES (?, ?, ?)";
        tx.execute(answer, params![asked.ask.0, signed(asked.at.0), request])?;
        tx.commit()?;
        Ok(Ok(Ok(request)))
    }

    /// Certificates of those whose requests may be open.
    pub(super) fn requesters(&self) -> StoreResult<Vec<Hash>> {
        let sql = "SELECT DISTINCT certificate FROM requests WHERE due IS NOT NULL";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map([], |row| Ok(Hash(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A requester's requests that may be open and are due.
    pub(super) fn open_of(&self, certificate: Hash, now: UnixMillis) -> StoreResult<Vec<Open>> {
        let sql = "SELECT ask, log, thread, at FROM requests WHERE certificate = ? AND due IS NOT NULL AND due <= ?";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map(params![certificate.0, signed(now.0)], |row| Ok(open_row(row)))?;
        rows.map(|row| row?.ok_or(StoreError::Damaged("requests"))).collect()
    }

    /// When to look at a request next; never, if it is over.
    pub(super) fn set_due(&mut self, ask: Hash, due: Option<UnixMillis>) -> StoreResult<()> {
        let due = due.map(|due| signed(due.0));
        self.connection.execute("UPDATE requests SET due = ? WHERE ask = ?", params![due, ask.0])?;
        Ok(())
    }
}

fn open_row(row: &Row<'_>) -> Option<Open> {
    Some(Open {
        ask: Hash(row.get(0).ok()?),
        log: LogName::new(&row.get::<_, String>(1).ok()?).ok()?,
        thread: Subject::new(row.get::<_, String>(2).ok()?).ok()?,
        at: UnixMillis(row.get::<_, i64>(3).ok()?.cast_unsigned()),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn parse(lines: &str) -> StoreResult<BTreeSet<Attribute>> {
    let attributes = lines.lines().map(|line| line.parse().map_err(|_| StoreError::Damaged("members")));
    attributes.collect()
}

fn open(path: &Path) -> StoreResult<Connection> {
    files::private().truncate(false).open(path).map_err(StoreError::File)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Two commands that begin it at one time make one of it.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match tx.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => tx.execute_batch(SCHEMA)?,
        VERSION => {}
        other => return Err(StoreError::Version(other)),
    }
    tx.commit()?;
    Ok(connection)
}
