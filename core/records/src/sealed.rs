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
//! inventory = [record: bstr .size 16, version: uint, document: digest, [* [part: uint, rotation: uint, digest]]]   ; by part
//! ```

use countersign_abe::SharedKey;
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Hash, LogName};
use minicbor::Decoder;
use rand_core::CryptoRng;

use crate::cut::{HEADER, MAX_PARTS};
use crate::document::Extraction;
use crate::keys::{LineKey, Secret};
use crate::line::{LineError, Lock, Row, Scope, Wraps};
use crate::object::{self, ObjectError, What};
use crate::record::RecordId;
use crate::rule::Parts;

/// What the owner keeps of a document's objects: enough to wrap their keys anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inventory {
    record: RecordId,
    version: u64,
    document: Hash,
    parts: Vec<Kept>,
}

/// A part's object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kept {
    number: u8,
    /// How often its key has been replaced.
    rotation: u32,
    object: Hash,
}

/// A document's objects, for the upload.
pub struct Sealed {
    /// What the owner keeps of them.
    pub inventory: Inventory,
    /// Those that were sealed, each to be uploaded once.
    pub objects: Vec<Vec<u8>>,
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
            inventory.parts.push(Kept { number, rotation: 0, object: Hash([0; 32]) });
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
        }
        inventory.seal(extraction, secret, parts, &mut objects, random)?;
        Ok(Self { inventory, objects })
    }
}

impl Inventory {
    /// The version of the document.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The parts.
    pub fn parts(&self) -> Parts {
        Parts::of(self.parts.iter().map(|part| part.number))
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
        let row = Row { document: self.document, wraps: Hash::of(&wraps), parts: objects };
        Ok(Line { wraps, row })
    }

    /// The inventory as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(4)?.bytes(&self.record.0)?.u64(self.version)?.bytes(self.document.as_bytes())?;
            e.array(self.parts.len() as u64)?;
            self.parts.iter().try_for_each(|part| {
                e.array(3)?.u8(part.number)?.u32(part.rotation)?.bytes(part.object.as_bytes())?.ok()
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
            (d.array().ok()? == Some(3)).then_some(())?;
            let (number, rotation) = (d.u8().ok()?, d.u32().ok()?);
            let next = parts.last().is_none_or(|last| last.number < number);
            (next && usize::from(number) < MAX_PARTS).then_some(())?;
            parts.push(Kept { number, rotation, object: Hash::from_slice(d.bytes().ok()?)? });
        }
        Some(Self { record, version, document, parts })
    }
}
