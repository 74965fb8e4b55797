//! Lines: one policy and the parts that it opens.
//!
//! A policy's key K comes from attribute-based encryption ([`countersign_abe`]), for `(policy) and epoch: …`. The part keys are
//! wrapped under K *and* the link's secret: neither the authority, which can make any K, nor a machine that breaks its
//! encryption opens anything with one of the two.
//!
//! ```cddl
//! wraps = [lock / null, [* [part: uint, wrap: bstr .size 60]]]  ; by part; null in the owner's own line
//! lock = [authority: tstr, epoch: uint, encapsulation: bstr]    ; a SPIFFE ID; quarters since 1970
//! row = [document: digest, wraps: digest, [* part: digest], [* images]]   ; of sealed objects; parts as in wraps
//! images = [* digest]                                           ; of each part, or of none at all: the pieces of its images
//! ```
//!
//! A wrap is a random nonce of 12 bytes and AES-256-GCM of the part key; record, version, part and label are its associated
//! data. The hash of the row stands in the record's index: exactly these objects are served.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use countersign_abe::{
    DecapsulateError, Encapsulation, Policy, PolicyError, PublicKey, SecretKey, SharedKey,
};
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Hash, Identity};
use minicbor::Decoder;
use minicbor::data::Type;
use rand_core::CryptoRng;

use crate::cut::MAX_PARTS;
use crate::epoch::Epoch;
use crate::image::MAX_PIECES;
use crate::keys::{Key, LineKey, Link, PartKey};
use crate::object::{self, ObjectError, What};
use crate::record::RecordId;
use crate::rule::Parts;

const NONCE: usize = 12;
/// Length of a wrap: nonce, key, tag.
const WRAP: usize = NONCE + 32 + 16;

/// Why a line does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not of the format.
    #[error("this is no line of a record")]
    Malformed,
    /// The link's secret or the label is another, or the object was altered.
    #[error("the line does not open with this link")]
    Link,
    /// The key for attributes was issued by another authority, or under a key that it has replaced.
    #[error("the line is locked for the keys of another authority")]
    Authority,
    /// The key for attributes is not of the line's epoch.
    #[error("the line is locked for keys of {0}: ask the authority for this quarter's")]
    Epoch(Epoch),
    /// The attributes do not fit the policy.
    #[error("these attributes do not fit the line's policy")]
    Attributes,
    /// The key is not this line's: of another record, version or log; or what locks the line was altered.
    #[error("this key does not open this line")]
    Key,
}

/// The label of a line: it names a policy to whoever has the salt and the text, and nobody else.
pub fn label(record: &RecordId, salt: &[u8; 16], policy: &Policy) -> Hash {
    Hash::framed("countersign/record-label/v1", &[&record.0, salt, policy.as_str().as_bytes()])
}

/// What a line is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The record.
    pub record: &'a RecordId,
    /// The version of the document.
    pub version: u64,
    /// The line's label.
    pub label: Hash,
}

impl Scope<'_> {
    fn associated_data(&self, part: u8) -> Hash {
        let of = [&self.record.0[..], &self.version.to_be_bytes(), &[part], self.label.as_bytes()];
        Hash::framed("countersign/record-wrap/v1", &of)
    }
}

/// What a line is locked with: whoever has a key for attributes that fit makes K of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    authority: Identity,
    epoch: Epoch,
    encapsulation: Encapsulation,
}

impl Lock {
    /// A new K for whoever fits `policy` by a key of `epoch`, and its lock. `key` is what `authority` published; `random` is 32
    /// bytes of a secure source.
    pub fn new(
        policy: &Policy,
        epoch: Epoch,
        authority: &Identity,
        key: &PublicKey,
        random: &[u8; 32],
    ) -> Result<(Self, SharedKey), PolicyError> {
        let (encapsulation, opened) = key.encapsulate(&epoch.policy(policy)?, random);
        Ok((Self { authority: authority.clone(), epoch, encapsulation }, opened))
    }

    /// The authority that issues the keys.
    pub const fn authority(&self) -> &Identity {
        &self.authority
    }

    /// The epoch of the keys.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The policy with its epoch.
    pub const fn policy(&self) -> &Policy {
        self.encapsulation.policy()
    }

    /// K, by a key for attributes that fit. `public` is the key of the authority.
    pub fn open(&self, held: &SecretKey, public: &PublicKey) -> Result<SharedKey, LineError> {
        held.decapsulate(public, &self.encapsulation).map_err(|error| match error {
            DecapsulateError::OtherAuthority => LineError::Authority,
            DecapsulateError::NotSatisfied if !held.attributes().contains(&self.epoch.attribute()) => {
                LineError::Epoch(self.epoch)
            }
            DecapsulateError::NotSatisfied => LineError::Attributes,
            DecapsulateError::Refused => LineError::Key,
        })
    }
}

/// The part keys of a line, wrapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wraps {
    lock: Option<Lock>,
    wraps: Vec<(u8, [u8; WRAP])>,
}

impl Wraps {
    /// Wraps the keys of some parts, by number.
    pub fn new(
        lock: Option<Lock>,
        key: &LineKey,
        scope: Scope<'_>,
        parts: &[(u8, PartKey)],
        random: &mut impl CryptoRng,
    ) -> Result<Self, LineError> {
        let cipher = Aes256Gcm::new(key.0.as_bytes().into());
        let mut wraps = Vec::with_capacity(parts.len());
        for (part, part_key) in parts {
            let mut nonce = [0; NONCE];
            random.fill_bytes(&mut nonce);
            let aad = scope.associated_data(*part);
            let payload = Payload { msg: part_key.0.as_bytes(), aad: aad.as_bytes() };
            let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| LineError::Malformed)?;
            let wrap = [&nonce[..], &sealed].concat();
            wraps.push((*part, wrap.try_into().map_err(|_| LineError::Malformed)?));
        }
        wraps.sort_unstable();
        let wraps = Self { lock, wraps };
        // What is written here reads again, or is not written.
        Self::from_bytes(&wraps.to_bytes())
    }

    /// What the line is locked with; nothing in the owner's own.
    pub const fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// The part keys, by number.
    pub fn open(&self, key: &LineKey, scope: Scope<'_>) -> Result<Vec<(u8, PartKey)>, LineError> {
        let cipher = Aes256Gcm::new(key.0.as_bytes().into());
        let open = |(part, wrap): &(u8, [u8; WRAP])| {
            let (nonce, sealed) = wrap.split_first_chunk::<NONCE>().ok_or(LineError::Malformed)?;
            let aad = scope.associated_data(*part);
            let payload = Payload { msg: sealed, aad: aad.as_bytes() };
            let opened = cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| LineError::Key)?;
            let opened = zeroize::Zeroizing::new(opened);
            Ok((*part, PartKey(Key::from_slice(&opened).ok_or(LineError::Malformed)?)))
        };
        self.wraps.iter().map(open).collect()
    }

    /// Seals the line as an object under the link's secret: the store sees noise.
    pub fn seal(
        &self,
        link: &Link,
        record: &RecordId,
        label: Hash,
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ObjectError> {
        object::seal(&link.wraps(label), record, What::Wraps { label }, &self.to_bytes(), random)
    }

    /// The parts that it opens.
    pub fn parts(&self) -> Parts {
        Parts::of(self.wraps.iter().map(|(part, _)| *part))
    }

    /// Opens a line's object.
    pub fn unseal(link: &Link, record: &RecordId, label: Hash, object: &[u8]) -> Result<Self, LineError> {
        let bytes = object::open(&link.wraps(label), record, What::Wraps { label }, object);
        Self::from_bytes(&bytes.map_err(|_| LineError::Link)?)
    }

    fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(2)?;
            match &self.lock {
                Some(lock) => {
                    e.array(3)?.str(lock.authority.as_str())?.u32(lock.epoch.0)?;
                    e.bytes(lock.encapsulation.as_bytes())?;
                }
                None => {
                    e.null()?;
                }
            }
            e.array(self.wraps.len() as u64)?;
            self.wraps.iter().try_for_each(|(part, wrap)| e.array(2)?.u8(*part)?.bytes(wrap)?.ok())
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, LineError> {
        cbor::check_deterministic(bytes).map_err(|_| LineError::Malformed)?;
        let read = || {
            let mut d = Decoder::new(bytes);
            (d.array().ok()? == Some(2)).then_some(())?;
            let lock = match d.datatype().ok()? {
                Type::Null => d.null().map(|()| None).ok()?,
                _ => Some(read_lock(&mut d)?),
            };
            let count = d.array().ok()?.filter(|count| *count <= MAX_PARTS as u64)?;
            let mut wraps: Vec<(u8, [u8; WRAP])> = Vec::new();
            for _ in 0..count {
                let two = d.array().ok()? == Some(2);
                let (part, wrap) = (d.u8().ok()?, d.bytes().ok()?.try_into().ok()?);
                let next = wraps.last().is_none_or(|(last, _)| *last < part);
                (two && next && usize::from(part) < MAX_PARTS).then_some(())?;
                wraps.push((part, wrap));
            }
            Some(Self { lock, wraps })
        };
        read().ok_or(LineError::Malformed)
    }
}

fn read_lock(d: &mut Decoder<'_>) -> Option<Lock> {
    let three = d.array().ok()? == Some(3);
    let (authority, epoch) = (Identity::parse(d.str().ok()?).ok()?, Epoch(d.u32().ok()?));
    let encapsulation = Encapsulation::parse(d.bytes().ok()?).ok()?;
    three.then_some(Lock { authority, epoch, encapsulation })
}

/// Largest row: its parts, and the pieces of its images.
pub(crate) const MAX_ROW: usize = (MAX_PARTS + MAX_PIECES) * 36 + 512;

/// The objects of a line by their digests: the signed document, the wraps, and each part with its images, in the order of the wraps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The document's object.
    pub document: Hash,
    /// The wraps' object.
    pub wraps: Hash,
    /// The parts' objects.
    pub parts: Vec<Hash>,
    /// The objects of each part's images, in the order of the parts; empty if no part has any here.
    pub images: Vec<Vec<Hash>>,
}

impl Row {
    /// A row of these objects; `images` are those of each part.
    pub fn new(document: Hash, wraps: Hash, parts: Vec<Hash>, images: Vec<Vec<Hash>>) -> Self {
        let some = images.iter().any(|of_part| !of_part.is_empty());
        Self { document, wraps, parts, images: if some { images } else { vec![] } }
    }

    /// The objects of a part's images, by its place among the parts.
    pub fn images_of(&self, at: usize) -> &[Hash] {
        self.images.get(at).map_or(&[], Vec::as_slice)
    }

    /// The hash that stands in the record's index.
    pub fn hash(&self) -> Hash {
        Hash::framed("countersign/record-row/v1", &[&self.to_bytes()])
    }

    /// All digests.
    pub fn digests(&self) -> impl Iterator<Item = Hash> {
        let images = self.images.iter().flatten().copied();
        [self.document, self.wraps].into_iter().chain(self.parts.iter().copied()).chain(images)
    }

    /// The row as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(4)?.bytes(self.document.as_bytes())?.bytes(self.wraps.as_bytes())?;
            e.array(self.parts.len() as u64)?;
            self.parts.iter().try_for_each(|part| e.bytes(part.as_bytes())?.ok())?;
            e.array(self.images.len() as u64)?;
            self.images.iter().try_for_each(|of_part| {
                e.array(of_part.len() as u64)?;
                of_part.iter().try_for_each(|piece| e.bytes(piece.as_bytes())?.ok())
            })
        })
    }

    /// Reads what [`Row::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LineError> {
        cbor::check_deterministic(bytes).map_err(|_| LineError::Malformed)?;
        let read = || {
            let mut d = Decoder::new(bytes);
            let four = d.array().ok()? == Some(4);
            let mut digest = || Hash::from_slice(d.bytes().ok()?);
            let (document, wraps) = (digest()?, digest()?);
            let count = d.array().ok()?.filter(|count| four && *count <= MAX_PARTS as u64)?;
            let mut digest = || Hash::from_slice(d.bytes().ok()?);
            let parts = (0..count).map(|_| digest()).collect::<Option<Vec<_>>>()?;
            let lists = d.array().ok()?.filter(|lists| [0, count].contains(lists))?;
            let (mut images, mut left) = (Vec::new(), MAX_PIECES as u64);
            for _ in 0..lists {
                let pieces = d.array().ok()?.filter(|pieces| *pieces <= left)?;
                left -= pieces;
                let piece = |_| Hash::from_slice(d.bytes().ok()?);
                images.push((0..pieces).map(piece).collect::<Option<Vec<_>>>()?);
            }
            // A row has one form.
            (lists == 0 || left < MAX_PIECES as u64).then_some(Self { document, wraps, parts, images })
        };
        read().ok_or(LineError::Malformed)
    }
}
