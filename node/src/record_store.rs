//! The record store: sealed objects, kept for the owners of records and handed to whom the logs name. It can read nothing of
//! them, and nothing rests on its word: whoever opens an object compares it with the record's index.
//!
//! | what | where |
//! | --- | --- |
//! | what is held, and for how long | [`catalogue`] |
//! | where the bytes lie: a folder or a bucket | [`place`] |
//! | deliveries under way | [`running`] |
//! | what SMART Health Links lead to | [`links`] |
//! | what is superseded is removed | [`clean`], [`crate::record_cleaner`] |
//! | a demand becomes a delivery | `routes/records/deliver.rs` |
//!
//! # The life of an object
//!
//! 1. The owner's ticket announces it ([`RecordStore::take`]): from then on it is waited for, for a day.
//! 2. It is uploaded, and held once it is durable ([`RecordStore::keep`]).
//! 3. An index that names it is looked at: the object is *pinned* from that check until the index is ordered, and readers see it,
//!    or refused ([`RecordStore::pin`]). So an index is never ordered without its objects.
//! 4. From then on it is kept by the rows of current indexes and of running deliveries alone. Once none names it, and no
//!    submission is under check, it is removed: marked first, so that it is held no more, then its bytes, then its row.
//!
//! # Who gets it
//!
//! There is no rule here. For each demand the store signs a `record.delivery` and submits it; the state machine is the gate, so
//! the log's order decides between a withdrawal and a delivery. What was delivered may be fetched for [`TOKEN_MILLIS`], by a token
//! that says nothing to anybody else.
//!
//! People without this app get an object that is encrypted for a link alone, from whoever has the record's key ([`links`]); the
//! logs do not know of it.

mod catalogue;
mod clean;
mod links;
mod place;
mod running;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::hmac;
use countersign_ledger::{
    Certificate, CertificateError, Hash, Identity, Objects, Signer as _, SoftwareKey, UnixMillis,
};
use countersign_records::rules::STORE;
use countersign_records::{RecordId, Row, Ticket};

use self::catalogue::{Catalogue, Known};
pub(crate) use self::links::Links;
pub(crate) use self::place::Opened;
use self::place::Place;
pub(crate) use self::running::{Begun, Running, Wish};
use crate::config::RecordStoreConfig;
use crate::keys::{KeyFiles, KeysError, random};
use crate::registrar::EnrolmentCode;
use crate::store::{StoreError, StoreResult};

/// For how long the objects of a delivery may be fetched.
const TOKEN_MILLIS: u64 = 10 * 60 * 1000;
/// For how long objects may be uploaded before the ticket is shown again.
const UPLOAD_MILLIS: u64 = 3600 * 1000;
/// Most deliveries running at one time: each costs some kilobytes of memory.
const MAX_RUNNING: usize = 16 * 1024;
/// The certificate, beside the key.
pub(crate) const CERTIFICATE: &str = "record-store.crt";

/// The steps of what the store does with an object. A crash between any two of them loses nothing that was acknowledged, and
/// leaves nothing that is not removed later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepPoint {
    /// A ticket is durable: its objects are waited for.
    Announced,
    /// An object's bytes are durable under a name that nobody reads.
    Copied,
    /// They lie where they are read.
    Placed,
    /// The object is held.
    Held,
    /// Objects are marked: they are held no more.
    Doomed,
    /// Their bytes are gone.
    Removed,
    /// Their rows are gone.
    Forgotten,
}

impl KeepPoint {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Announced,
        Self::Copied,
        Self::Placed,
        Self::Held,
        Self::Doomed,
        Self::Removed,
        Self::Forgotten,
    ];
}

/// Sees each [`KeepPoint`] as it is passed.
pub type KeepObserver = Box<dyn Fn(KeepPoint) + Send + Sync>;

/// The store.
pub(crate) struct RecordStore {
    identity: Identity,
    key: SoftwareKey,
    pub(crate) certificate: Mutex<Option<Arc<Certificate>>>,
    /// The code with which the certificate is asked for, until it is there.
    pub(crate) code: Mutex<Option<EnrolmentCode>>,
    /// What tokens are made with; another one each time the node starts.
    secret: hmac::Key,
    most: u64,
    inner: Mutex<Inner>,
    /// Submissions under check, by record. One is added under the lock of `inner`, so that none comes while a record is being
    /// cleaned; one is taken away without it, so that the ordering thread waits for no disk.
    pins: Mutex<HashMap<RecordId, usize>>,
    place: Place,
    /// Objects that are being placed or removed: one thread at a time.
    busy: Mutex<HashSet<(RecordId, Hash)>>,
    cleaner: OnceLock<Mutex<Sender<Told>>>,
    observer: KeepObserver,
}

struct Inner {
    catalogue: Catalogue,
    /// Deliveries whose objects may be fetched, or that are being ordered, by the proofs of their demands.
    running: HashMap<Hash, Arc<Running>>,
    /// Of each request, the demands by their nonces.
    nonces: HashMap<(Hash, [u8; 16]), Hash>,
}

/// What the thread that removes things is told.
pub(crate) enum Told {
    /// Something has changed about a record.
    Changed(RecordId),
    /// The node stops.
    Stop,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordStoreError {
    /// Its key, its certificate, its bucket's credentials, or its folder.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What it knows of its objects.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Objects are kept where they are until this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Pin(#[expect(dead_code, reason = "held for its drop")] Arc<Pinned>);

struct Pinned {
    store: Arc<RecordStore>,
    record: RecordId,
}

impl std::fmt::Debug for Pinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pinned({})", self.record)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut pins = self.store.pins();
        if let Some(count) = pins.get_mut(&self.record) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.record);
            }
        }
        drop(pins);
        self.store.look_at(self.record);
    }
}

/// Nobody else places or removes an object until this is dropped.
struct Claim<'a> {
    store: &'a RecordStore,
    object: (RecordId, Hash),
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.store.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.object);
    }
}

/// Why something is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotKept {
    /// The record would have more bytes than it may.
    Full,
    /// Another upload, or a removal, is at work on it.
    Busy,
    /// No ticket announces it, or it has not been uploaded.
    Unannounced,
    /// A link's name leads to something else.
    Taken,
}

impl RecordStore {
    /// Opens the store of a data directory. Its key is made once; what it holds is compared with the logs by its [`Cleaner`].
    pub(crate) fn open(
        data: &Path,
        domain: &str,
        config: &RecordStoreConfig,
        observer: KeepObserver,
    ) -> Result<Self, RecordStoreError> {
        let identity = Identity::new(domain, STORE, &config.name)
            .map_err(|_| KeysError::from(CertificateError::Identity))?;
        let keys = data.join("keys");
        let begun = keys.join(CERTIFICATE).exists();
        let key = KeyFiles::open(data, !begun)?.software("record-store.p256")?;
        let certificate = if begun { Some(certificate(&keys.join(CERTIFICATE), &key)?) } else { None };
        Ok(Self {
            certificate: Mutex::new(certificate.filter(|one| *one.identity() == identity)),
            identity,
            key,
            code: Mutex::default(),
            secret: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?),
            most: config.record_bytes as u64,
            inner: Mutex::new(Inner {
                catalogue: Catalogue::open(data)?,
                running: HashMap::new(),
                nonces: HashMap::new(),
            }),
            pins: Mutex::default(),
            place: Place::open(data, config.s3.as_ref())?,
            busy: Mutex::default(),
            cleaner: OnceLock::new(),
            observer,
        })
    }

    /// The store's name.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its key.
    pub(crate) const fn key(&self) -> &SoftwareKey {
        &self.key
    }

    /// The records of which something is here.
    pub(crate) fn records(&self) -> StoreResult<BTreeSet<RecordId>> {
        self.inner().catalogue.records()
    }

    /// The records of which something was kept for a ticket that has ended.
    pub(crate) fn ended(&self, now: UnixMillis) -> StoreResult<BTreeSet<RecordId>> {
        self.inner().catalogue.ended(now)
    }

    /// Whether a row and all its objects are here.
    pub(crate) fn is_whole(&self, record: RecordId, row: Hash) -> StoreResult<bool> {
        Ok(self.inner().catalogue.whole(record, row)?.is_some())
    }

    /// Most bytes of a record.
    pub(crate) const fn most(&self) -> u64 {
        self.most
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<RecordId, usize>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn passed(&self, point: KeepPoint) {
        (self.observer)(point);
    }

    /// Something has changed about a record: what of it is superseded is removed soon.
    fn look_at(&self, record: RecordId) {
        self.tell(Told::Changed(record));
    }

    /// Whom to tell what has changed.
    pub(crate) fn tells(&self, cleaner: Sender<Told>) {
        let _ = self.cleaner.set(Mutex::new(cleaner));
    }

    pub(crate) fn tell(&self, told: Told) {
        if let Some(cleaner) = self.cleaner.get() {
            // Nobody listens when the node stops; the next start looks at every record.
            let _ = cleaner.lock().unwrap_or_else(PoisonError::into_inner).send(told);
        }
    }

    fn claim(&self, record: RecordId, digest: Hash) -> Option<Claim<'_>> {
        let object = (record, digest);
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(object).then_some(Claim { store: self, object })
    }

    /// Takes a ticket with its rows, and returns the objects that are to be uploaded. When this returns, both are durable.
    pub(crate) fn take(&self, ticket: &Ticket, rows: &[Row]) -> StoreResult<Result<Vec<Hash>, NotKept>> {
        let taken = self.inner().catalogue.take(ticket, rows, self.most)?;
        if taken.is_ok() {
            self.passed(KeepPoint::Announced);
        }
        Ok(taken)
    }

    /// What is known of an object: its size, and whether it is held. `None` if no ticket has announced it, or it is on its way out.
    pub(crate) fn object(&self, record: RecordId, digest: Hash) -> StoreResult<Option<(u64, bool)>> {
        let known = self.inner().catalogue.object(record, digest)?;
        Ok(known.filter(|known| !known.going).map(|Known { size, held, .. }| (size, held)))
    }

    /// Keeps an object, whose bytes have its digest. When this returns, it is durable and held.
    pub(crate) fn keep(
        &self,
        record: RecordId,
        digest: Hash,
        bytes: File,
    ) -> StoreResult<Result<(), NotKept>> {
        let Some(_claim) = self.claim(record, digest) else { return Ok(Err(NotKept::Busy)) };
        // From here on nobody else places or removes it.
        match self.object(record, digest)? {
            Some((_, true)) => return Ok(Ok(())),
            None => return Ok(Err(NotKept::Unannounced)),
            Some((_, false)) => {}
        }
        let passed = |point| self.passed(point);
        self.place.put(record, digest, bytes, &passed).map_err(StoreError::Object)?;
        // After a crash here its bytes are there and it is not held: it is uploaded again, or removed with its ticket.
        self.passed(KeepPoint::Placed);
        self.inner().catalogue.hold(record, digest)?;
        self.passed(KeepPoint::Held);
        Ok(Ok(()))
    }

    /// Memory that [`RecordStore::keep`] needs for an object of so many bytes.
    pub(crate) fn memory(&self, bytes: u64) -> usize {
        self.place.memory(bytes)
    }

    /// Pins the objects that an index promises, if all of them are held.
    pub(crate) fn pin(self: &Arc<Self>, objects: &Objects) -> StoreResult<Option<Pin>> {
        let Some(record) = RecordId::of(&objects.subject) else { return Ok(None) };
        if objects.store != self.identity.as_str() {
            return Ok(None);
        }
        let inner = self.inner();
        for row in &objects.rows {
            if inner.catalogue.whole(record, *row)?.is_none() {
                return Ok(None);
            }
        }
        *self.pins().entry(record).or_default() += 1;
        Ok(Some(Pin(Arc::new(Pinned { store: Arc::clone(self), record }))))
    }

    /// A token for a record's uploads, and when it ends.
    pub(crate) fn upload_token(&self, record: RecordId, now: UnixMillis) -> (Vec<u8>, UnixMillis) {
        let until = UnixMillis(now.0 + UPLOAD_MILLIS);
        (self.token(b"upload", &[&record.0[..], &until.0.to_be_bytes()].concat()), until)
    }

    /// The record whose objects may be uploaded by a token.
    pub(crate) fn uploads(&self, token: &[u8], now: UnixMillis) -> Option<RecordId> {
        let (record, until) = self.said(b"upload", token)?.split_first_chunk::<16>()?;
        let until = UnixMillis(u64::from_be_bytes(until.try_into().ok()?));
        (now < until).then_some(RecordId(*record))
    }

    /// A token for the objects of a running delivery, by the proof of its demand.
    pub(crate) fn delivery_token(&self, proof: Hash) -> Vec<u8> {
        self.token(b"delivery", proof.as_bytes())
    }

    /// The running delivery that a token is for.
    pub(crate) fn delivered(&self, token: &[u8], now: UnixMillis) -> Option<Arc<Running>> {
        let proof = Hash::from_slice(self.said(b"delivery", token)?)?;
        let running = self.inner().running.get(&proof).cloned()?;
        (running.ordered.get().is_some() && now < running.until).then_some(running)
    }

    /// What is said, and a tag over it.
    fn token(&self, purpose: &[u8], said: &[u8]) -> Vec<u8> {
        let tag = hmac::sign(&self.secret, &[purpose, said].concat());
        [said, tag.as_ref()].concat()
    }

    /// What a token says, if this store has made it for this purpose since it was started.
    fn said<'a>(&self, purpose: &[u8], token: &'a [u8]) -> Option<&'a [u8]> {
        let (said, tag) = token.split_at_checked(token.len().checked_sub(32)?)?;
        hmac::verify(&self.secret, &[purpose, said].concat(), tag).ok()?;
        Some(said)
    }

    /// Opens an object of a running delivery.
    pub(crate) fn get(&self, running: &Running, digest: Hash) -> StoreResult<Option<(u64, Opened)>> {
        let named = running.row.digests().any(|one| one == digest);
        let Some((size, true)) = self.object(running.record, digest)?.filter(|_| named) else {
            return Ok(None);
        };
        let opened = self.place.get(running.record, digest).map_err(StoreError::Object)?;
        Ok(Some((size, opened)))
    }

    /// Bytes of an opened object from `from` on, `most` of them or, at its end, fewer.
    pub(crate) fn read(&self, object: &mut Opened, from: u64, most: usize) -> StoreResult<Vec<u8>> {
        self.place.read(object, from, most).map_err(StoreError::Object)
    }

    /// The objects that are held, their bytes, and the deliveries that are running.
    pub(crate) fn sums(&self) -> StoreResult<[u64; 3]> {
        let inner = self.inner();
        let (objects, bytes) = inner.catalogue.sums()?;
        Ok([objects, bytes, inner.running.len() as u64])
    }
}

/// Reads the store's own certificate.
fn certificate(path: &Path, key: &SoftwareKey) -> Result<Arc<Certificate>, KeysError> {
    let bytes = crate::files::read(path, 64 * 1024);
    let bytes = bytes.map_err(|source| KeysError::File { path: path.to_owned(), source })?;
    let certificate = Certificate::from_der(&bytes).map_err(|_| KeysError::Malformed(path.to_owned()))?;
    if *certificate.key() == key.public_key() {
        Ok(Arc::new(certificate))
    } else {
        Err(KeysError::Other(path.with_extension("p256")))
    }
}
