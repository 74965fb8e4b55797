//! Sealing a signed document for the store, and wrapping its keys for who may read it.
//!
//! # The life of a document
//!
//! 1. The author cuts what was received ([`crate::Cut`]), salts the parts, and signs ([`crate::Unsigned`]).
//! 2. The patient seals each part once ([`Sealed::new`]), and wraps its key for each line that opens it ([`Inventory::line`]).
//! 3. The store keeps the objects by their digests; the record's index has the hash of each line's row.
//! 4. A reader who has the link and a key that fits the policy opens what the row lists ([`crate::Reader::open`]).
//! 5. Rights change by other wraps; the parts that somebody may no longer read are sealed anew ([`Sealed::anew`]).
//!
//! ```cddl
//! inventory = [record: bstr .size 16, version: uint, document: digest, [* kept]]       ; by part
//! kept = [part: uint, rotation: uint, digest, images: [* digest]]                       ; images: the pieces of all, or none
//! ```

use countersign_abe::SharedKey;
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Hash, LogName};
use minicbor::Decoder;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cut::{HEADER, MAX_PARTS};
use crate::document::Extraction;
use crate::epoch::Epoch;
use crate::image::{ImageOf, MAX_PIECES};
use crate::keys::{LineKey, Link, PartKey, Secret};
use crate::line::{LineError, Lock, Row, Scope, Wraps};
use crate::object::{self, ObjectError, What};
use crate::part::{Image, Part};
use crate::record::RecordId;
use crate::rule::Parts;

/// How often a part is looked up under other keys, when the owner's secret alone is there: once for each time that it was closed to
/// somebody.
const MAX_ROTATIONS: u32 = 4096;

/// What the owner keeps of a document's objects: enough to wrap their keys anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inventory {
    record: RecordId,
    version: u64,
    document: Hash,
    parts: Vec<Kept>,
}

/// A part's object.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Kept {
    number: u8,
    /// How often its key has been replaced.
    rotation: u32,
    object: Hash,
    /// The objects of its images; none before all of them are sealed.
    images: Vec<Hash>,
}

/// A document's objects, for the upload.
pub struct Sealed {
    /// What the owner keeps of them.
    pub inventory: Inventory,
    /// Those that were sealed, each to be uploaded once.
    pub objects: Vec<Vec<u8>>,
}

/// What whoever has the link's secret sees of a line by its object: the parts that it opens, and the epoch that it is locked for.
pub fn line_of(
    link: &Link,
    record: &RecordId,
    label: Hash,
    wraps: &[u8],
) -> Result<(Parts, Option<Epoch>), LineError> {
    let wraps = Wraps::unseal(link, record, label, wraps)?;
    Ok((wraps.parts(), wraps.lock().map(Lock::epoch)))
}

/// A line's objects beside those of the parts.
pub struct Line {
    /// The sealed wraps, to be uploaded.
    pub wraps: Vec<u8>,
    /// The objects that make up the line.
    pub row: Row,
}

impl Sealed {
    /// Seals all parts of a document, and the statement that signs it.
    pub fn new(
        extraction: &Extraction,
        secret: &Secret,
        record: &RecordId,
        version: u64,
        random: &mut impl CryptoRng,
    ) -> Result<Self, ObjectError> {
        let mut inventory = Inventory { record: *record, version, document: Hash([0; 32]), parts: vec![] };
        let mut objects = Vec::new();
        for disclosure in extraction.disclosures() {
            let number = disclosure.part().number();
            inventory.parts.push(Kept { number, rotation: 0, object: Hash([0; 32]), images: vec![] });
        }
        inventory.parts.sort_unstable_by_key(|part| part.number);
        let all = inventory.parts();
        inventory.seal(extraction, secret, all, &mut objects, random)?;
        Ok(Self { inventory, objects })
    }

    /// Seals `parts` under new keys, since somebody who has the old ones may no longer read them. With the header comes the
    /// statement that signs the document. `extraction` has these parts.
    pub fn anew(
        inventory: &Inventory,
        extraction: &Extraction,
        secret: &Secret,
        parts: Parts,
        random: &mut impl CryptoRng,
    ) -> Result<Self, ObjectError> {
        let (mut inventory, mut objects) = (inventory.clone(), Vec::new());
        for part in inventory.parts.iter_mut().filter(|part| parts.has(part.number)) {
            part.rotation += 1;
            // Its images are under its key.
            part.images.clear();
        }
        inventory.seal(extraction, secret, parts, &mut objects, random)?;
        Ok(Self { inventory, objects })
    }
}

impl Inventory {
    /// The inventory as the owner's own line of `log` shows it: what a new phone has that knows the secret alone. `wraps` is the
    /// line's object.
    pub fn of_own_line(
        secret: &Secret,
        record: &RecordId,
        log: LogName,
        version: u64,
        row: &Row,
        wraps: &[u8],
    ) -> Result<Self, LineError> {
        let label = secret.own_label(record);
        let wraps = Wraps::unseal(&secret.link(), record, label, wraps)?;
        let keys = wraps.open(&secret.own_line(record, log), Scope { record, version, label })?;
        if keys.len() != row.parts.len() {
            return Err(LineError::Malformed);
        }
        let kept = |(at, (number, key)): (usize, &(u8, PartKey))| {
            let mut rotations = 0..=MAX_ROTATIONS;
            let rotation = rotations.find(|rotation| secret.part(version, *number, *rotation) == *key);
            let (object, images) = (row.parts[at], row.images_of(at).to_vec());
            Ok(Kept { number: *number, rotation: rotation.ok_or(LineError::Key)?, object, images })
        };
        let parts = keys.iter().enumerate().map(kept).collect::<Result<_, LineError>>()?;
        Ok(Self { record: *record, version, document: row.document, parts })
    }

    /// The version of the document.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The parts.
    pub fn parts(&self) -> Parts {
        Parts::of(self.parts.iter().map(|part| part.number))
    }

    /// Whether the images of a part, if it has any, are still to be sealed.
    pub fn lacks_images_of(&self, part: &Part) -> bool {
        let kept = self.parts.iter().find(|kept| kept.number == part.number());
        part.images().iter().any(|image| image.pieces() > 0)
            && kept.is_some_and(|kept| kept.images.is_empty())
    }

    /// Seals the images of a part: `read` brings a piece of one, `keep` takes its object. At most a piece is in memory.
    pub fn seal_images<E: From<ObjectError>>(
        &mut self,
        part: &Part,
        secret: &Secret,
        random: &mut impl CryptoRng,
        mut read: impl FnMut(&Image, u32) -> Result<Zeroizing<Vec<u8>>, E>,
        mut keep: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (record, version, number) = (self.record, self.version, part.number());
        let kept = self.parts.iter_mut().find(|kept| kept.number == number).ok_or(ObjectError)?;
        let key = secret.part(version, number, kept.rotation);
        let mut images = Vec::new();
        for image in part.images() {
            let of = ImageOf { record: &record, version, part: number, image };
            for piece in 0..u32::try_from(image.pieces()).map_err(|_| ObjectError)? {
                let object = of.seal(&key, piece, &read(image, piece)?, random)?;
                images.push(Hash::of(&object));
                keep(&object)?;
            }
        }
        kept.images = images;
        Ok(())
    }

    fn seal(
        &mut self,
        extraction: &Extraction,
        secret: &Secret,
        parts: Parts,
        objects: &mut Vec<Vec<u8>>,
        random: &mut impl CryptoRng,
    ) -> Result<(), ObjectError> {
        let (record, version) = (self.record, self.version);
        for part in self.parts.iter_mut().filter(|part| parts.has(part.number)) {
            let disclosure = extraction.disclosures().iter().find(|one| one.part().number() == part.number);
            let contents = disclosure.ok_or(ObjectError)?.to_bytes();
            let key = secret.part(version, part.number, part.rotation);
            let what = What::Part { version, part: part.number };
            let object = object::seal(&key.0, &record, what, &contents, random)?;
            part.object = Hash::of(&object);
            objects.push(object);
            if part.number == HEADER {
                let signed = encode(|e| {
                    let (document, certificate) = (extraction.document(), extraction.certificate());
                    e.array(2)?.bytes(document.as_bytes())?.bytes(certificate)?.ok()
                });
                let what = What::Document { version };
                let object = object::seal(&key.document(), &record, what, &signed, random)?;
                self.document = Hash::of(&object);
                objects.push(object);
            }
        }
        Ok(())
    }

    /// Wraps the keys of `parts` for whoever opens the lock, in the line `label` of `log`.
    pub fn line(
        &self,
        secret: &Secret,
        log: LogName,
        label: Hash,
        (lock, opened): (Lock, &SharedKey),
        parts: Parts,
        random: &mut impl CryptoRng,
    ) -> Result<Line, LineError> {
        let key = secret.link().line(opened, &self.record, log, label, lock.epoch());
        self.wrap(secret, label, Some(lock), &key, parts, random)
    }

    /// The owner's own line of `log`, with all parts: the store as a backup.
    pub fn own_line(
        &self,
        secret: &Secret,
        log: LogName,
        random: &mut impl CryptoRng,
    ) -> Result<Line, LineError> {
        let key = secret.own_line(&self.record, log);
        self.wrap(secret, secret.own_label(&self.record), None, &key, self.parts(), random)
    }

    fn wrap(
        &self,
        secret: &Secret,
        label: Hash,
        lock: Option<Lock>,
        key: &LineKey,
        parts: Parts,
        random: &mut impl CryptoRng,
    ) -> Result<Line, LineError> {
        let shared = || self.parts.iter().filter(|part| parts.has(part.number));
        let part_key = |part: &Kept| (part.number, secret.part(self.version, part.number, part.rotation));
        let keys: Vec<_> = shared().map(part_key).collect();
        let scope = Scope { record: &self.record, version: self.version, label };
        let wraps = Wraps::new(lock, key, scope, &keys, random)?;
        let wraps = wraps.seal(&secret.link(), &self.record, label, random);
        let wraps = wraps.map_err(|_| LineError::Malformed)?;
        let objects = shared().map(|part| part.object).collect();
        let images = shared().map(|part| part.images.clone()).collect();
        let row = Row::new(self.document, Hash::of(&wraps), objects, images);
        Ok(Line { wraps, row })
    }

    /// The inventory as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(4)?.bytes(&self.record.0)?.u64(self.version)?.bytes(self.document.as_bytes())?;
            e.array(self.parts.len() as u64)?;
            self.parts.iter().try_for_each(|part| {
                e.array(4)?.u8(part.number)?.u32(part.rotation)?.bytes(part.object.as_bytes())?;
                e.array(part.images.len() as u64)?;
                part.images.iter().try_for_each(|piece| e.bytes(piece.as_bytes())?.ok())
            })
        })
    }

    /// Reads what [`Inventory::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let mut d = Decoder::new(bytes);
        (d.array().ok()? == Some(4)).then_some(())?;
        let (record, version) = (RecordId(d.bytes().ok()?.try_into().ok()?), d.u64().ok()?);
        let document = Hash::from_slice(d.bytes().ok()?)?;
        let count = d.array().ok()?.filter(|count| *count <= MAX_PARTS as u64)?;
        let mut parts: Vec<Kept> = Vec::new();
        for _ in 0..count {
            (d.array().ok()? == Some(4)).then_some(())?;
            let (number, rotation) = (d.u8().ok()?, d.u32().ok()?);
            let next = parts.last().is_none_or(|last| last.number < number);
            (next && usize::from(number) < MAX_PARTS).then_some(())?;
            let object = Hash::from_slice(d.bytes().ok()?)?;
            let pieces = d.array().ok()?.filter(|pieces| *pieces <= MAX_PIECES as u64)?;
            let images = (0..pieces).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?;
            parts.push(Kept { number, rotation, object, images });
        }
        Some(Self { record, version, document, parts })
    }
}
