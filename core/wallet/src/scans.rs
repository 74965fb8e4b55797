//! What this phone scanned, and the packs that its owner keeps: sealed, bounded, erased for good, and told of what comes later.
//!
//! Nothing is remembered before the owner wants it ([`Scans::remember`]), but for the packs that they keep. Each of the two
//! shelves is sealed under a secret of its own in the key store; the secret deleted, what was on the shelf is gone, wherever
//! its bytes still are. A restored phone that has the database and not the secret has no history, and begins a new one.
//!
//! After a sync [`Scans::notices`] says what is new of these packs: a recall, a suspension, an expiry, a history that no longer
//! holds. A notice stays until it is said to have been told ([`Scans::told`]), so a killed app loses none and repeats none.
//!
//! No call holds a lock while the key store is asked, which may take long or wait for a person.

mod copy;
mod row;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_custody::{Item, Reason, Verdict, VerdictKind};
use countersign_ledger::{Hash, Subject, UnixMillis};
use countersign_records::CopyKey;
use rusqlite::Transaction;
use zeroize::Zeroizing;

pub use self::copy::CopyHint;
pub use self::row::Scan;
use crate::act::ActError;
use crate::key_store::{KeyStore, KeyStoreError};
use crate::records::random;
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// Most packs that a shelf holds; those scanned longest ago are dropped first. A household has some tens, a ward's
/// cupboard some hundreds.
pub const MAX_SCANS: u64 = 1000;

/// Looking at a pack again within this time is still the same scan: people scan twice to be sure, and a camera sees a pack
/// thirty times a second.
pub const SAME_SCAN_MILLIS: u64 = 10 * 60 * 1000;

/// Why something was not remembered, or cannot be told. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ScansError {
    /// The key store did not do it.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness from the operating system.
    #[error("no randomness from the operating system")]
    Random,
    /// Only a single pack can be kept.
    #[error("what was read names no single pack")]
    NotAPack,
}

/// Where a pack is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    /// It was scanned.
    Scanned = 0,
    /// The owner keeps it.
    Kept = 1,
}

impl Shelf {
    const ALL: [Self; 2] = [Self::Scanned, Self::Kept];

    /// The name of its secret in the key store.
    const fn secret(self) -> &'static str {
        match self {
            Self::Scanned => "scans-scanned",
            Self::Kept => "scans-kept",
        }
    }
}

/// What a scan shows beside its verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When this phone first scanned the pack, and how often since; `None` if this is the first time that it remembers.
    pub before: Option<(UnixMillis, u32)>,
    /// What it would be like if there were two packs with this number.
    pub hint: Option<CopyHint>,
}

/// Something new about a pack that was scanned or is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its id, for [`Scans::told`].
    pub id: NoticeId,
    /// The pack, as it was scanned last.
    pub scan: Scan,
    /// What is new: a recall, a suspension, an expiry, or a history that no longer holds.
    pub reason: Reason,
}

/// The id of a notice: the pack's name on its shelf, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeId {
    /// The pack's name.
    pub pack: Hash,
    /// What the notice is about.
    pub about: Hash,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Whether scans are remembered.
    pub on: bool,
    /// Packs that were scanned.
    pub scanned: u64,
    /// Packs that are kept.
    pub kept: u64,
    /// Bytes of both, sealed.
    pub bytes: u64,
}

/// The scans of one phone. It remembers the secrets, so that a scan need not wait for the key store.
pub struct Scans {
    keys: Arc<dyn KeyStore>,
    secrets: Mutex<[Option<CopyKey>; 2]>,
    last: Mutex<Option<Last>>,
}

/// The last scan of this process.
#[derive(Clone)]
struct Last {
    item: Item,
    at: UnixMillis,
    told: (VerdictKind, Option<&'static str>),
    seen: Seen,
}

impl Scans {
    /// The scans that are sealed under secrets in `keys`.
    pub fn new(keys: Arc<dyn KeyStore>) -> Self {
        Self { keys, secrets: Mutex::default(), last: Mutex::default() }
    }

    /// Says whether scans are remembered from now on. If not, those that were are forgotten.
    pub fn remember(&self, snapshot: &mut Snapshot, on: bool) -> Result<(), ScansError> {
        if on {
            // What was scanned just before is noted when it is scanned again.
            self.forget_last();
        } else {
            self.erase_history(snapshot)?;
        }
        Ok(snapshot.store.write::<_, StoreError>(|tx| store::set_remembers(tx, on))?)
    }

    /// How much is remembered.
    pub fn remembered(&self, snapshot: &Snapshot) -> Result<Remembered, ScansError> {
        let on_disk = |shelf: Shelf| store::scans_on_disk(snapshot.store.read(), shelf as u8);
        let [(scanned, first), (kept, second)] = [on_disk(Shelf::Scanned)?, on_disk(Shelf::Kept)?];
        Ok(Remembered { on: store::remembers(snapshot.store.read())?, scanned, kept, bytes: first + second })
    }

    /// Notes a scan with its verdict, if scans are remembered or the pack is kept, and says what that adds. A code that
    /// was misread is nothing to remember.
    pub fn note(
        &self,
        snapshot: &mut Snapshot,
        item: &Item,
        verdict: &Verdict,
        clock: UnixMillis,
    ) -> Result<Seen, ScansError> {
        let now = snapshot.now(clock).at();
        let item = Item { readings: Vec::new(), ..item.clone() };
        let told = (verdict.kind, verdict.reasons.first().map(Reason::key));
        if let Some(last) = self.last().as_ref()
            && (&last.item, last.told) == (&item, told)
            && now.since(last.at) <= SAME_SCAN_MILLIS
        {
            return Ok(last.seen.clone());
        }
        let seen = self.note_anew(snapshot, &item, verdict, now)?;
        *self.last() = Some(Last { item, at: now, told, seen: seen.clone() });
        Ok(seen)
    }

    fn note_anew(
        &self,
        snapshot: &mut Snapshot,
        item: &Item,
        verdict: &Verdict,
        now: UnixMillis,
    ) -> Result<Seen, ScansError> {
        let shelf = match &item.pack {
            _ if verdict.kind == VerdictKind::CheckScan => None,
            Some(pack) if snapshot.follows_pack(pack)? => Some(Shelf::Kept),
            _ => store::remembers(snapshot.store.read())?.then_some(Shelf::Scanned),
        };
        let Some(shelf) = shelf else {
            return Ok(Seen { before: None, hint: snapshot.copy_hint(now, verdict)? });
        };
        let secret = self.secret_or_new(snapshot, shelf)?;
        let name = name(&secret, item);
        // What a power cut takes is the last scan.
        let scan = snapshot.store.stage(|tx| {
            let before = read(&secret, shelf, name, tx)?;
            let scan = Scan::new(item, verdict, shelf == Shelf::Kept, now, before);
            write(&secret, shelf, name, &scan, tx)?;
            Ok::<_, ScansError>(scan)
        })?;
        let before = (scan.times > 1).then_some((scan.first, scan.times - 1));
        Ok(Seen { before, hint: snapshot.copy_hint(scan.first, verdict)? })
    }

    /// Keeps a pack with all that its label says. The caller follows it ([`Snapshot::follow_pack`]).
    pub fn keep(&self, snapshot: &mut Snapshot, item: &Item, clock: UnixMillis) -> Result<(), ScansError> {
        if item.pack.is_none() {
            return Err(ScansError::NotAPack);
        }
        let now = snapshot.now(clock).at();
        let last =
            self.last().as_ref().filter(|last| last.item.pack == item.pack).map(|last| last.item.clone());
        let scanned = match self.secret(Shelf::Scanned)? {
            Some(secret) => {
                let name = name(&secret, item);
                let scan = read(&secret, Shelf::Scanned, name, snapshot.store.read())?;
                Some((name, scan)).filter(|(_, scan)| scan.is_some())
            }
            None => None,
        };
        let of_label = [last.as_ref(), scanned.as_ref().and_then(|(_, scan)| Some(&scan.as_ref()?.item))];
        let label = [Some(item)].into_iter().chain(of_label).flatten().find_map(|item| item.expires_at);
        let item = Item { expires_at: label, readings: Vec::new(), ..item.clone() };
        let verdict = snapshot.check(&item, clock);
        let secret = self.secret_or_new(snapshot, Shelf::Kept)?;
        let name = name(&secret, &item);
        snapshot.store.write(|tx| {
            let before = read(&secret, Shelf::Kept, name, tx)?;
            let before = before.or_else(|| scanned.as_ref().and_then(|(_, scan)| scan.clone()));
            let scanned_at = before.as_ref().map(|before| (before.last, before.times));
            let mut scan = Scan::new(&item, &verdict, true, now, before);
            // To keep a pack is not to scan it again.
            (scan.last, scan.times) = scanned_at.unwrap_or((scan.last, scan.times));
            write(&secret, Shelf::Kept, name, &scan, tx)?;
            let moved = scanned.as_ref().map(|(name, _)| store::forget_scan(tx, Shelf::Scanned as u8, *name));
            Ok(moved.transpose().map(drop)?)
        })
    }

    /// What was scanned, the latest first; with the packs that are kept, if they were.
    pub fn list(&self, snapshot: &Snapshot) -> Result<Vec<Scan>, ScansError> {
        let mut scans: Vec<Scan> = self.rows(snapshot)?.into_iter().map(|(_, scan)| scan).collect();
        scans.sort_by_key(|scan| std::cmp::Reverse(scan.last));
        Ok(scans)
    }

    /// Forgets what was scanned of a pack, lot or product, by its link. The caller unfollows a pack that was kept.
    pub fn forget(&self, snapshot: &mut Snapshot, link: &Subject) -> Result<(), ScansError> {
        self.forget_last();
        let rows = self.rows(snapshot)?.into_iter().filter(|(_, scan)| scan.link() == link);
        let names: Vec<Hash> = rows.map(|(name, _)| name).collect();
        Ok(snapshot.store.write::<_, StoreError>(|tx| {
            let mut places = names.iter().flat_map(|name| Shelf::ALL.map(|shelf| (shelf as u8, *name)));
            places.try_for_each(|(shelf, name)| store::forget_scan(tx, shelf, name))
        })?)
    }

    /// Forgets what was scanned, but for the packs that are kept: the secret first, so that nothing can be read from then on.
    pub fn erase_history(&self, snapshot: &mut Snapshot) -> Result<(), ScansError> {
        self.erase(snapshot, &[Shelf::Scanned])
    }

    /// Forgets everything that was scanned or kept. The caller unfollows the packs.
    pub fn erase_all(&self, snapshot: &mut Snapshot) -> Result<(), ScansError> {
        self.erase(snapshot, &Shelf::ALL)
    }

    fn erase(&self, snapshot: &mut Snapshot, shelves: &[Shelf]) -> Result<(), ScansError> {
        self.forget_last();
        for &shelf in shelves {
            self.keys.delete(shelf.secret().to_owned())?;
            self.secrets()[shelf as usize] = None;
        }
        Ok(snapshot.store.write::<_, StoreError>(|tx| {
            shelves.iter().try_for_each(|shelf| store::forget_scans(tx, *shelf as u8))
        })?)
    }

    /// What is new about the packs that were scanned or are kept, as of the snapshot: recalls first, and of the latest
    /// scan first. Each once, until it is said to have been told.
    pub fn notices(&self, snapshot: &mut Snapshot, clock: UnixMillis) -> Result<Vec<Notice>, ScansError> {
        let mut notices = Vec::new();
        for (pack, scan) in self.rows(snapshot)? {
            for reason in snapshot.news(&scan, clock) {
                let id = row::about(&reason).map(|about| NoticeId { pack, about });
                if let Some(id) = id.filter(|id| !scan.was_told(id.about)) {
                    notices.push(Notice { id, scan: scan.clone(), reason });
                }
            }
        }
        notices.sort_by_key(|notice| (urgency(&notice.reason), std::cmp::Reverse(notice.scan.last)));
        Ok(notices)
    }

    /// Says that a person was told: the notice does not come again. Of an id that is not known nothing is changed.
    pub fn told(&self, snapshot: &mut Snapshot, id: NoticeId) -> Result<(), ScansError> {
        for shelf in Shelf::ALL {
            let Some(secret) = self.secret(shelf)? else { continue };
            snapshot.store.write(|tx| match read(&secret, shelf, id.pack, tx)? {
                Some(scan) => write(&secret, shelf, id.pack, &scan.with_told(id.about), tx),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// The rows that open, with their names.
    fn rows(&self, snapshot: &Snapshot) -> Result<Vec<(Hash, Scan)>, ScansError> {
        let mut rows = Vec::new();
        for shelf in Shelf::ALL {
            let sealed = store::scans(snapshot.store.read(), shelf as u8)?;
            if sealed.is_empty() {
                continue;
            }
            let Some(secret) = self.secret(shelf)? else { continue };
            rows.extend(
                sealed
                    .iter()
                    .filter_map(|(name, sealed)| Some((*name, open(&secret, shelf, *name, sealed)?))),
            );
        }
        Ok(rows)
    }

    /// A shelf's secret; `None` if there is none.
    fn secret(&self, shelf: Shelf) -> Result<Option<CopyKey>, ScansError> {
        let known = self.secrets()[shelf as usize].clone();
        if known.is_some() {
            return Ok(known);
        }
        let bytes = match self.keys.recall_secret(shelf.secret().to_owned()) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(KeyStoreError::Missing) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let secret: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyStoreError::Failed)?;
        Ok(Some(self.take_secret(shelf, CopyKey::new(Zeroizing::new(secret)))))
    }

    /// A shelf's secret; a new one if there is none, with which nothing opens that was there before.
    fn secret_or_new(&self, snapshot: &mut Snapshot, shelf: Shelf) -> Result<CopyKey, ScansError> {
        if let Some(secret) = self.secret(shelf)? {
            return Ok(secret);
        }
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| ScansError::Random)?;
        self.keys.keep_secret(shelf.secret().to_owned(), secret.to_vec())?;
        snapshot.store.write::<_, StoreError>(|tx| store::forget_scans(tx, shelf as u8))?;
        Ok(self.take_secret(shelf, CopyKey::new(secret)))
    }

    fn take_secret(&self, shelf: Shelf, secret: CopyKey) -> CopyKey {
        self.secrets()[shelf as usize] = Some(secret.clone());
        secret
    }

    fn forget_last(&self) {
        *self.last() = None;
    }

    /// A panic leaves the old or the new value here, never a mixture; so below.
    fn secrets(&self) -> MutexGuard<'_, [Option<CopyKey>; 2]> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// What is true of a pack now that a person who once scanned it should know. A product that is not followed is judged by
    /// the trust log, which every phone has: a recall by the authority is in it, with all that proves it.
    fn news(&mut self, scan: &Scan, clock: UnixMillis) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if scan.kept || self.is_warned_of(&scan.item.class) {
            let verdict = self.check(&scan.item, clock);
            if verdict.checkpoint.is_none() {
                reasons = self.warnings(&scan.item, clock);
            }
            reasons.extend(verdict.reasons);
        }
        if let Some(at) = scan.expires_at
            && self.now(clock).is_past(at) == Some(true)
            && !reasons.iter().any(|reason| matches!(reason, Reason::Expired { .. }))
        {
            reasons.push(Reason::Expired { at });
        }
        reasons
    }
}

fn urgency(reason: &Reason) -> u8 {
    match reason {
        Reason::Recalled(_) => 0,
        Reason::BrokenHistory(_) | Reason::ConflictingCustody(_) => 1,
        Reason::Suspended(_) => 2,
        _ => 3,
    }
}

/// The name of what was read, which the secret alone makes.
fn name(secret: &CopyKey, item: &Item) -> Hash {
    let serial = item.serial.as_deref().unwrap_or_default();
    let parts = [secret.as_bytes().as_slice(), row::link(item).as_str().as_bytes(), serial.as_bytes()];
    Hash::framed("countersign/scan/v1", &parts)
}

fn read(
    secret: &CopyKey,
    shelf: Shelf,
    name: Hash,
    connection: &rusqlite::Connection,
) -> Result<Option<Scan>, ScansError> {
    let sealed = store::scan(connection, shelf as u8, name)?;
    Ok(sealed.and_then(|sealed| open(secret, shelf, name, &sealed)))
}

fn write(
    secret: &CopyKey,
    shelf: Shelf,
    name: Hash,
    scan: &Scan,
    tx: &Transaction<'_>,
) -> Result<(), ScansError> {
    let mut random = random().map_err(|_: ActError| ScansError::Random)?;
    let sealed = secret.seal(None, &place(name), &Zeroizing::new(scan.to_bytes()), &mut random);
    Ok(store::set_scan(tx, shelf as u8, name, &sealed.map_err(|_| ScansError::Random)?, MAX_SCANS)?)
}

/// `None` if it was damaged, or sealed for another place.
fn open(secret: &CopyKey, shelf: Shelf, name: Hash, sealed: &[u8]) -> Option<Scan> {
    Scan::from_bytes(&secret.open(None, &place(name), sealed).ok()?, shelf == Shelf::Kept)
}

/// What a row is sealed for: it opens in no other place.
fn place(name: Hash) -> String {
    format!("scan {name}")
}
