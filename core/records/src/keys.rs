//! The keys of a record: one secret on the patient's phone, and all that follows from it by HKDF-SHA-256 (RFC 5869).
//!
//! Each key is erased when it is dropped. The input of HKDF is the secret without a salt, its context the framed SHA-256 of a
//! label and of what the key is for, so that no two keys are one.

use countersign_abe::SharedKey;
use countersign_ledger::{Hash, LogName, SoftwareKey, UnixMillis};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::copy::CopyKey;
use crate::epoch::Epoch;
use crate::record::RecordId;

/// A 32-byte key. Its bytes are shown to nobody but the ciphers of this crate and whoever keeps it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl ZeroizeOnDrop for Key {}

impl Key {
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        (bytes.len() == key.len()).then(|| key.copy_from_slice(bytes))?;
        Some(Self(key))
    }

    pub fn derive(&self, label: &str, parts: &[&[u8]]) -> Self {
        derived(self.0.as_slice(), label, parts)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

fn derived(secret: &[u8], label: &str, parts: &[&[u8]]) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    // safe: HKDF gives up to 255 times 32 bytes.
    let _ =
        Hkdf::<Sha256>::new(None, secret).expand(Hash::framed(label, parts).as_bytes(), key.as_mut_slice());
    Key(key)
}

/// `R`: 32 random bytes, sealed by the key store of the patient's phone. On paper it is the whole backup.
#[derive(Clone)]
pub struct Secret(Key);

impl Secret {
    /// The secret from its bytes.
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Key::new(bytes))
    }

    /// The bytes, to be sealed by a key store and written on paper.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// `L`: what the link has beside the record's name. Without it nothing opens, whatever an authority issues.
    pub fn link(&self) -> Link {
        Link(self.0.derive("countersign/record-link/v1", &[]))
    }

    /// The key of a part. A new rotation is a new key, for a part that somebody may no longer read.
    pub fn part(&self, version: u64, part: u8, rotation: u32) -> PartKey {
        let of = [&version.to_be_bytes()[..], &[part], &rotation.to_be_bytes()];
        PartKey(self.0.derive("countersign/record-part-key/v1", &of))
    }

    /// `a`: the agreement key to which requesters' names are sealed. A new generation ends what an auditor can open.
    pub fn agreement(&self, generation: u32) -> SoftwareKey {
        let mut attempt = 0_u32;
        loop {
            let of = [&generation.to_be_bytes()[..], &attempt.to_be_bytes()];
            let bytes = self.0.derive("countersign/record-agreement/v1", &of);
            // Fewer than one in 2^32 of all 32-byte numbers are no secret key of P-256.
            if let Ok(key) = SoftwareKey::from_bytes(bytes.as_bytes()) {
                return key;
            }
            attempt += 1;
        }
    }

    /// When the record is to be wrapped for an epoch: in its first week, at a time that only the owner can tell.
    pub fn roll_at(&self, epoch: Epoch) -> UnixMillis {
        const WEEK_MILLIS: u64 = 7 * 24 * 3600 * 1000;
        let derived = self.0.derive("countersign/record-roll/v1", &[&epoch.0.to_be_bytes()]);
        let number = derived.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        UnixMillis(epoch.start().0 + number % WEEK_MILLIS)
    }

    /// The key of what the owner's phone keeps.
    pub fn copy(&self) -> CopyKey {
        CopyKey(self.0.derive("countersign/record-copy/v1", &[]))
    }

    /// The label of the owner's own line, which nobody else can tell from others.
    pub fn own_label(&self, record: &RecordId) -> Hash {
        Hash(*self.0.derive("countersign/record-own-label/v1", &[&record.0]).as_bytes())
    }

    /// The key under which the owner's own line is wrapped: the store as a backup.
    pub(crate) fn own_line(&self, record: &RecordId, log: LogName) -> LineKey {
        LineKey(self.0.derive("countersign/record-own-line/v1", &[&record.0, log.as_str().as_bytes()]))
    }
}

/// `L`, the secret in a record's link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link(pub(crate) Key);

impl Link {
    /// A link's secret from its bytes.
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Key::new(bytes))
    }

    /// The bytes, for the QR code.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key that wraps the part keys of a line: it takes what the policy opens *and* the link.
    pub(crate) fn line(
        &self,
        opened: &SharedKey,
        record: &RecordId,
        log: LogName,
        label: Hash,
        epoch: Epoch,
    ) -> LineKey {
        let mut secret = [*opened.as_bytes(), *self.as_bytes()].concat();
        let of = [&record.0[..], log.as_str().as_bytes(), label.as_bytes(), &epoch.0.to_be_bytes()];
        let key = derived(&secret, "countersign/record-line/v1", &of);
        secret.zeroize();
        LineKey(key)
    }

    /// The key of what a line's wraps are sealed with.
    pub(crate) fn wraps(&self, label: Hash) -> Key {
        self.0.derive("countersign/record-wraps-key/v1", &[label.as_bytes()])
    }

    /// The key of the sheets of the record's indexes.
    pub(crate) fn sheet(&self) -> Key {
        self.0.derive("countersign/record-sheet-key/v1", &[])
    }
}

/// The key of one part's object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartKey(pub(crate) Key);

impl PartKey {
    /// The key of the signed statement's object: who opens the header opens that, and nobody else.
    pub(crate) fn document(&self) -> Key {
        self.0.derive("countersign/record-document-key/v1", &[])
    }

    /// The key of a large image that the part names.
    pub(crate) fn image(&self, digest: Hash) -> Key {
        self.0.derive("countersign/record-image-key/v1", &[digest.as_bytes()])
    }
}

/// The key that wraps the part keys of one line.
#[derive(Clone)]
pub(crate) struct LineKey(pub(crate) Key);
