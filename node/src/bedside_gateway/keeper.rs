//! What a gateway keeps: one SQLite database, and the devices' keys in a file beside it.
//!
//! | before this leaves | this is durable |
//! | --- | --- |
//! | m2 | its number's block, in the database |
//! | m5 | the audit in the outbox, in the database; then c and `K^d`, in the file |
//!
//! The audit comes first: cut off between the two, the ledger is told of a session that the device agreed on and nobody was
//! answered, and the leg goes on as after a lost m3. The other way round, a session could be answered that nobody is told of.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use countersign_bedside::{CredentialRow, DeviceRow, Measured, SessionRow, Status};
use countersign_device::{
    Audit, Class, Device, Id, Key, LegRow, Ops, Point, Reading, Staff, Store, StoreError as NotKept,
    UnixMillis as At, WrongProofs,
};
use countersign_ledger::cbor::encode;
use countersign_ledger::{Draft, Hash, Identity, LogName, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::ratchets::{RatchetPoint, Ratchets, Secrets};
use crate::files;
use crate::store::{StoreError, StoreResult};

const SCHEMA: &str = include_str!("gateway.sql");
const VERSION: i64 = 1;
/// Name of the database in the data directory.
const DATABASE: &str = "gateway.sqlite";
/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// A moment of making a session durable, for tests that end a gateway there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionPoint {
    /// The audit is in the outbox; the device's key is the one before.
    Audited,
    /// Of the device's keys.
    Keys(RatchetPoint),
}

/// Told each moment of a session; an error ends it there, as a crash would.
pub type SessionObserver = Box<dyn FnMut(SessionPoint) -> io::Result<()> + Send>;

/// A device that was provisioned: what it is given at the bench, over a wire.
#[derive(Debug, Clone)]
pub(super) struct Provisioned {
    pub sid: Id,
    pub epoch: u16,
    pub auth: Key,
    pub ratchet: Key,
    pub max_ops: Ops,
}

/// A credential's row in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CredentialOf {
    pub member: Identity,
    pub certificate: Hash,
    pub point: Point,
    pub role: u8,
    pub may: [Ops; 3],
    pub until: u64,
}

impl CredentialOf {
    pub(super) fn staff(&self, cred: Id) -> Staff {
        Staff {
            id: countersign_bedside::user_id(&self.member),
            cred,
            epoch: 1,
            role: self.role,
            may: self.may,
            key: Some(self.point),
            until: At(self.until),
        }
    }

    pub(super) fn row(&self, status: Status) -> CredentialRow {
        let Self { certificate, role, may, until, .. } = *self;
        CredentialRow { certificate, epoch: 1, role, may, until, status }
    }
}

/// What may be in use.
pub(super) struct Known {
    pub devices: Vec<Id>,
    pub credentials: Vec<Id>,
    pub wrong: Vec<(Id, WrongProofs)>,
}

/// A statement that the ledger is still to be told.
pub(super) struct Waiting {
    pub number: i64,
    pub kind: String,
    pub subject: String,
    pub thing: Id,
    pub link: Option<Hash>,
    pub fields: Vec<u8>,
    pub statement: Option<Vec<u8>>,
}

/// Where a device's keys are, what the file repeats of them, and whether the device may be ahead.
#[derive(Clone)]
struct Place {
    number: u32,
    epoch: u32,
    auth: Key,
    restored: bool,
    /// Its row on the ledger.
    row: Hash,
}

/// The gateway's store.
pub(super) struct Keeper {
    connection: Connection,
    ratchets: Ratchets,
    places: BTreeMap<Id, Place>,
    observer: Option<SessionObserver>,
}

/// Opens the database, or begins it.
pub(super) fn open(data: &Path) -> StoreResult<Connection> {
    files::make_directory(data).map_err(StoreError::File)?;
    let path = data.join(DATABASE);
    files::private().truncate(false).open(&path).map_err(StoreError::File)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match tx.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => tx.execute_batch(SCHEMA)?,
        VERSION => {}
        other => return Err(StoreError::Version(other)),
    }
    tx.commit()?;
    Ok(connection)
}

impl Keeper {
    pub(super) fn open(data: &Path, key: &[u8; 32], observer: Option<SessionObserver>) -> StoreResult<Self> {
        let connection = open(data)?;
        let ratchets = Ratchets::open(data, key).map_err(StoreError::File)?;
        Ok(Self { connection, ratchets, places: BTreeMap::new(), observer })
    }

    /// Notes the time; `false` if the gateway ran later than that before.
    pub(super) fn note_time(&self, now: UnixMillis) -> StoreResult<bool> {
        let latest: i64 = self.connection.query_row("SELECT latest FROM clock", [], |row| row.get(0))?;
        if latest > signed(now.0) {
            return Ok(false);
        }
        self.connection.execute("UPDATE clock SET latest = ?", [signed(now.0)])?;
        Ok(true)
    }

    /// Provisions a device: a new one, or one that is known, anew, with the next epoch and new keys.
    pub(super) fn provision(
        &mut self,
        sid: Id,
        class: Class,
        max_ops: Ops,
        [auth, ratchet]: [Key; 2],
    ) -> StoreResult<Provisioned> {
        let sql = "SELECT place, epoch FROM devices WHERE sid = ?";
        let known: Option<(u32, u16)> =
            self.connection.query_row(sql, [sid], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let next = "SELECT coalesce(max(place) + 1, 0) FROM devices";
        let (place, epoch) = match known {
            Some((place, epoch)) => (place, epoch.checked_add(1).ok_or(StoreError::Damaged("devices"))?),
            None => (self.connection.query_row(next, [], |row| row.get(0))?, 1),
        };
        // Keys without a row are nobody's, and the next device takes their place.
        let secrets =
            Secrets { sid, epoch: u32::from(epoch), index: 0, auth: auth.clone(), ratchet: ratchet.clone() };
        self.ratchets.write(place, &secrets, &mut |_| Ok(())).map_err(StoreError::File)?;
        let commitment = DeviceRow::commitment(auth.as_bytes());
        let row = DeviceRow { class, max_ops, commitment, epoch: u64::from(epoch), status: Status::Active };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT INTO devices (sid, place, class, max_ops, commitment, epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (sid) DO UPDATE SET class = ?3, max_ops = ?4, commitment = ?5, epoch = ?6, reserved = 0,
                 restored = 0, row = NULL, ended = 0",
            params![sid, place, class_number(class), max_ops.bits(), commitment.0, epoch],
        )?;
        post(&tx, &row.draft(&sid), sid)?;
        tx.commit()?;
        self.places.remove(&sid);
        Ok(Provisioned { sid, epoch, auth, ratchet, max_ops })
    }

    /// The device, once the ledger has its row; its keys are ready to be used.
    pub(super) fn device(&mut self, sid: Id) -> StoreResult<Option<Device>> {
        let sql = "SELECT place, class, max_ops, epoch, association, reserved, restored, row FROM devices
                   WHERE sid = ? AND row IS NOT NULL AND ended = 0";
        let read = |row: &Row<'_>| {
            Ok((
                row.get::<_, u32>(0)?,
                (class(row.get(1)?), Ops::from_bits(row.get(2)?)),
                row.get::<_, u32>(3)?,
                (row.get::<_, u32>(4)?, row.get::<_, u32>(5)?, row.get::<_, bool>(6)?, Hash(row.get(7)?)),
            ))
        };
        let Some((place, (class, max_ops), epoch, (association, reserved, restored, row))) =
            self.connection.query_row(sql, [sid], read).optional()?
        else {
            return Ok(None);
        };
        let secrets = self.ratchets.read(place).map_err(StoreError::File)?;
        let secrets = secrets.filter(|secrets| secrets.sid == sid && secrets.epoch == epoch);
        let (Some(secrets), Some(class)) = (secrets, class) else {
            return Err(StoreError::Damaged("ratchets"));
        };
        let Secrets { auth, index, ratchet, .. } = secrets;
        self.places.insert(sid, Place { number: place, epoch, auth: auth.clone(), restored, row });
        let leg = LegRow { sid, auth, index, ratchet, reserved, restored };
        Ok(Some(Device { class, max_ops, association, leg }))
    }

    /// Takes a device out of service: nothing secret of it is left here.
    pub(super) fn retire(&mut self, sid: Id) -> StoreResult<bool> {
        let sql = "SELECT place, class, max_ops, commitment, epoch FROM devices WHERE sid = ? AND ended = 0";
        let read = |row: &Row<'_>| {
            let class = class(row.get(1)?).unwrap_or(Class::Auxiliary);
            let (max_ops, commitment) = (Ops::from_bits(row.get(2)?), Hash(row.get(3)?));
            let epoch = row.get::<_, u32>(4)?.into();
            Ok((
                row.get::<_, u32>(0)?,
                DeviceRow { class, max_ops, commitment, epoch, status: Status::Ended },
            ))
        };
        let Some((place, row)) = self.connection.query_row(sql, [sid], read).optional()? else {
            return Ok(false);
        };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("UPDATE devices SET ended = 1 WHERE sid = ?", [sid])?;
        post(&tx, &row.draft(&sid), sid)?;
        tx.commit()?;
        self.ratchets.erase(place).map_err(StoreError::File)?;
        self.places.remove(&sid);
        Ok(true)
    }

    /// The device is with another patient from now on, or with none. Both ends are kept. `false` if it is not in service.
    pub(super) fn associate(&mut self, sid: Id, association: u32, now: UnixMillis) -> StoreResult<bool> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let set = "UPDATE devices SET association = ? WHERE sid = ? AND ended = 0";
        if tx.execute(set, params![association, sid])? == 0 {
            return Ok(false);
        }
        let end = "UPDATE associations SET until = ? WHERE sid = ? AND until IS NULL";
        tx.execute(end, params![signed(now.0), sid])?;
        if association != 0 {
            let begin = "INSERT INTO associations (sid, association, since) VALUES (?, ?, ?)";
            tx.execute(begin, params![sid, association, signed(now.0)])?;
        }
        tx.commit()?;
        Ok(true)
    }

    /// Issues a credential: it counts once the ledger has its row.
    pub(super) fn issue(&mut self, cred: Id, of: &CredentialOf) -> StoreResult<()> {
        let may: Vec<u8> = of.may.iter().flat_map(|ops| ops.bits().to_be_bytes()).collect();
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT INTO credentials (cred, member, certificate, point, role, may, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![cred, of.member.as_str(), of.certificate.0, of.point, of.role, may, signed(of.until)],
        )?;
        post(&tx, &of.row(Status::Active).draft(&cred), cred)?;
        Ok(tx.commit()?)
    }

    /// The credential, once the ledger has its row.
    pub(super) fn credential(&self, cred: Id) -> StoreResult<Option<CredentialOf>> {
        let sql = "SELECT member, certificate, point, role, may, until FROM credentials
                   WHERE cred = ? AND row IS NOT NULL AND ended = 0";
        let found = self.connection.query_row(sql, [cred], credential).optional()?;
        found.map(|found| found.ok_or(StoreError::Damaged("credentials"))).transpose()
    }

    /// Ends a credential; whether it was in use.
    pub(super) fn revoke(&mut self, cred: Id) -> StoreResult<bool> {
        let sql = "SELECT member, certificate, point, role, may, until FROM credentials WHERE cred = ? AND ended = 0";
        let Some(found) = self.connection.query_row(sql, [cred], credential).optional()? else {
            return Ok(false);
        };
        let found = found.ok_or(StoreError::Damaged("credentials"))?;
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("UPDATE credentials SET ended = 1 WHERE cred = ?", [cred])?;
        post(&tx, &found.row(Status::Ended).draft(&cred), cred)?;
        tx.commit()?;
        Ok(true)
    }

    /// Everything that may be in use: devices, credentials, wrong proofs.
    pub(super) fn known(&self) -> StoreResult<Known> {
        let ids = |sql| -> StoreResult<Vec<Id>> {
            let mut query = self.connection.prepare(sql)?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let mut query =
            self.connection.prepare("SELECT cred, count, last FROM wrong_proofs WHERE count > 0")?;
        let wrong = query.query_map([], |row| {
            let last = At(row.get::<_, i64>(2)?.cast_unsigned());
            Ok((row.get(0)?, WrongProofs { count: row.get(1)?, last }))
        })?;
        Ok(Known {
            devices: ids("SELECT sid FROM devices WHERE row IS NOT NULL AND ended = 0")?,
            credentials: ids("SELECT cred FROM credentials WHERE row IS NOT NULL AND ended = 0")?,
            wrong: wrong.collect::<Result<_, _>>()?,
        })
    }

    /// Keeps a reading; one that is there already stays as it is.
    pub(super) fn keep_reading(&self, one: &Measured) -> StoreResult<()> {
        let sql = "INSERT OR IGNORE INTO readings (sid, q, seq, association, at, reading) VALUES (?, ?, ?, ?, ?, ?)";
        let bytes = one.reading.to_bytes();
        let row = params![one.sid, one.q, one.seq, one.association, signed(one.at.0), bytes];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn reach(&mut self, point: SessionPoint) -> io::Result<()> {
        self.observer.as_mut().map_or(Ok(()), |observer| observer(point))
    }

    fn commit_session(
        &mut self,
        sid: &Id,
        index: u32,
        ratchet: &Key,
        audit: Option<&Audit>,
    ) -> StoreResult<()> {
        let place = self.places.get(sid).cloned().ok_or(StoreError::Damaged("devices"))?;
        if let Some(audit) = audit {
            let act = audit.signed.as_ref().map(|(message, signature)| {
                (Hash::framed("countersign/bedside-act/v1", &[message, signature]), message, signature)
            });
            let digest = act.map(|(digest, ..)| digest);
            let row = SessionRow { user: audit.user, scope: audit.scope, asked: audit.asked.0, act: digest };
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some((digest, message, signature)) = act {
                let sql = "INSERT OR IGNORE INTO acts (digest, message, signature) VALUES (?, ?, ?)";
                tx.execute(sql, params![digest.0, message, signature])?;
            }
            post(&tx, &row.draft(sid, place.row), *sid)?;
            tx.commit()?;
        }
        self.reach(SessionPoint::Audited).map_err(StoreError::File)?;
        let Place { number, epoch, auth, restored, row: registered } = place;
        let secrets = Secrets { sid: *sid, epoch, index, auth, ratchet: ratchet.clone() };
        let mut observer = self.observer.take();
        let mut reached =
            |point| observer.as_mut().map_or(Ok(()), |observer| observer(SessionPoint::Keys(point)));
        let written = self.ratchets.write(number, &secrets, &mut reached);
        self.observer = observer;
        written.map_err(StoreError::File)?;
        if restored {
            // Only now: as long as the key is the backup's, the device may be ahead of it by more than one.
            self.connection.execute("UPDATE devices SET restored = 0 WHERE sid = ?", [sid])?;
            self.places
                .insert(*sid, Place { number, epoch, auth: secrets.auth, restored: false, row: registered });
        }
        Ok(())
    }
}

impl Store for Keeper {
    fn reserve(&mut self, sid: &Id, until: u32) -> Result<(), NotKept> {
        let sql = "UPDATE devices SET reserved = ? WHERE sid = ?";
        done(self.connection.execute(sql, params![until, sid]).map(drop).map_err(StoreError::from))
    }

    fn commit(&mut self, sid: &Id, index: u32, ratchet: &Key, audit: Option<&Audit>) -> Result<(), NotKept> {
        done(self.commit_session(sid, index, ratchet, audit))
    }

    fn wrong_proofs(&mut self, cred: &Id, wrong: WrongProofs) -> Result<(), NotKept> {
        let sql = "INSERT INTO wrong_proofs (cred, count, last) VALUES (?1, ?2, ?3)
                   ON CONFLICT (cred) DO UPDATE SET count = ?2, last = ?3";
        let row = params![cred, wrong.count, signed(wrong.last.0)];
        done(self.connection.execute(sql, row).map(drop).map_err(StoreError::from))
    }
}

fn done(result: StoreResult<()>) -> Result<(), NotKept> {
    result.map_err(|error| {
        tracing::error!(%error, "the gateway could not write");
        NotKept
    })
}

/// Puts a statement into the outbox.
fn post(tx: &Transaction<'_>, draft: &Draft, thing: Id) -> StoreResult<()> {
    let sql = "INSERT INTO outbox (kind, subject, thing, link, fields) VALUES (?, ?, ?, ?, ?)";
    let fields = encode(|e| draft.fields.encode(e));
    let link = draft.links.first().map(|link| link.0);
    tx.execute(sql, params![draft.kind.as_str(), draft.subject.as_str(), thing, link, fields])?;
    Ok(())
}

/// The first statement that waits of each subject in each log, at most so many.
pub(super) fn waiting(connection: &Connection, most: usize) -> StoreResult<Vec<Waiting>> {
    let sql = "SELECT min(number), kind, subject, thing, link, fields, statement FROM outbox
               GROUP BY subject, kind = ?1 ORDER BY 1 LIMIT ?2";
    let mut query = connection.prepare_cached(sql)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = query.query_map(params![countersign_bedside::SESSION, most], |row| {
        Ok(Waiting {
            number: row.get(0)?,
            kind: row.get(1)?,
            subject: row.get(2)?,
            thing: row.get(3)?,
            link: row.get::<_, Option<[u8; 32]>>(4)?.map(Hash),
            fields: row.get(5)?,
            statement: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps what was signed, before it is sent; or forgets it, so that it is signed anew.
pub(super) fn set_signed(connection: &Connection, number: i64, statement: Option<&[u8]>) -> StoreResult<()> {
    connection.execute("UPDATE outbox SET statement = ? WHERE number = ?", params![statement, number])?;
    Ok(())
}

/// The latest statement on a subject in a log.
pub(super) fn latest(connection: &Connection, log: LogName, subject: &str) -> StoreResult<Option<Hash>> {
    let sql = "SELECT id FROM latest WHERE log = ? AND subject = ?";
    let found = connection.query_row(sql, params![log.as_str(), subject], |row| row.get(0)).optional()?;
    Ok(found.map(Hash))
}

/// The ledger has a statement: it leaves the outbox, and what it registers may be used.
pub(super) fn recorded(
    connection: &mut Connection,
    log: LogName,
    one: &Waiting,
    id: Hash,
) -> StoreResult<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM outbox WHERE number = ?", [one.number])?;
    let sql = "INSERT INTO latest (log, subject, id) VALUES (?1, ?2, ?3)
               ON CONFLICT (log, subject) DO UPDATE SET id = ?3";
    tx.execute(sql, params![log.as_str(), one.subject, id.0])?;
    match one.kind.as_str() {
        countersign_bedside::DEVICE => {
            tx.execute("UPDATE devices SET row = ? WHERE sid = ?", params![id.0, one.thing])?;
        }
        countersign_bedside::CREDENTIAL => {
            tx.execute("UPDATE credentials SET row = ? WHERE cred = ?", params![id.0, one.thing])?;
        }
        _ => {}
    }
    Ok(tx.commit()?)
}

/// Credentials in use, with the certificates that they rest on.
pub(super) fn resting_on(connection: &Connection) -> StoreResult<Vec<(Id, Hash)>> {
    let mut query = connection.prepare_cached("SELECT cred, certificate FROM credentials WHERE ended = 0")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, Hash(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The readings of an association, by when they came.
pub(super) fn readings(connection: &Connection, association: u32) -> StoreResult<Vec<Measured>> {
    let sql = "SELECT sid, q, seq, at, reading FROM readings WHERE association = ? ORDER BY at, sid, q, seq";
    let mut query = connection.prepare(sql)?;
    let rows = query.query_map([association], |row| {
        let (at, bytes) = (UnixMillis(row.get::<_, i64>(3)?.cast_unsigned()), row.get::<_, Vec<u8>>(4)?);
        let (sid, q, seq) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Reading::parse(&bytes).map(|reading| Measured { sid, q, seq, association, at, reading }))
    })?;
    rows.map(|row| row?.ok_or(StoreError::Damaged("readings"))).collect()
}

/// After a restore of the database: numbers go on above all that were used, and a device may be ahead, once.
pub(super) fn restored(connection: &Connection, newest: UnixMillis) -> StoreResult<usize> {
    // The file with the keys is not in a backup; a device whose keys are gone is provisioned anew.
    let floor = LegRow::new([0; 16], Key::new([0; 32]), Key::new([0; 32])).restored(At(newest.0)).reserved;
    let sql = "UPDATE devices SET reserved = max(reserved, ?), restored = 1 WHERE ended = 0";
    Ok(connection.execute(sql, [floor])?)
}

fn credential(row: &Row<'_>) -> rusqlite::Result<Option<CredentialOf>> {
    let (member, may): (String, [u8; 6]) = (row.get(0)?, row.get(4)?);
    let ops = |at: usize| Ops::from_bits(u16::from_be_bytes([may[at], may[at + 1]]));
    let Ok(member) = Identity::parse(&member) else { return Ok(None) };
    Ok(Some(CredentialOf {
        member,
        certificate: Hash(row.get(1)?),
        point: row.get(2)?,
        role: row.get(3)?,
        may: [ops(0), ops(2), ops(4)],
        until: row.get::<_, i64>(5)?.cast_unsigned(),
    }))
}

const CLASSES: [Class; 3] = [Class::Diagnostic, Class::Treatment, Class::Auxiliary];

fn class_number(class: Class) -> u8 {
    (1..).zip(CLASSES).find(|(_, own)| *own == class).map_or(0, |(number, _)| number)
}

fn class(number: u8) -> Option<Class> {
    (1..).zip(CLASSES).find(|(own, _)| *own == number).map(|(_, class)| class)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
