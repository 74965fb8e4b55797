//! Opening what a store delivers. Nothing is shown before digests, signature and rule have been checked.

use countersign_abe::SharedKey;
use countersign_ledger::cbor;
use countersign_ledger::{Hash, LogName, Statement, TrustStore};
use minicbor::Decoder;

use crate::cut::HEADER;
use crate::document::{Commitment, Current, Disclosure, Opened, Refused};
use crate::image::SharedImage;
use crate::keys::{LineKey, Link, PartKey, Secret};
use crate::line::{LineError, Lock, Row, Scope, Wraps};
use crate::object::{self, What};
use crate::part::Part;
use crate::record::RecordId;
use crate::rule::Parts;

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The list of objects is not the one in the record's index.
    #[error("the store lists other objects than the patient's index names")]
    Row,
    /// The line's wraps or the signed document were not delivered, and nothing opens without them.
    #[error("the store did not deliver what opens the record")]
    Incomplete,
    /// The line's wraps or the signed document are not the bytes that the row names.
    #[error("what opens the record was altered")]
    Altered,
    /// A part's object is not the bytes that the row names.
    #[error("part {0} was altered on its way or in the store")]
    AlteredPart(u8),
    /// A part's object is that of another part of the same row.
    #[error("the store delivered part {found} in the place of part {expected}")]
    Swapped {
        /// The part that was asked for.
        expected: u8,
        /// The part whose object came.
        found: u8,
    },
    /// The row is as it was signed and a part does not open: it was sealed for another record, version or part.
    #[error("part {0} is sealed for another record, version or part")]
    Foreign(u8),
    /// The signed document does not open: it was sealed for another record or version.
    #[error("the signed document is sealed for another record or version")]
    ForeignDocument,
    /// The line does not open.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Parts were not delivered, and the author does not permit to show the rest without them.
    #[error("the store did not deliver {0} parts, without which the others may not be shown")]
    Missing(usize),
    /// A piece of an image was not delivered.
    #[error("the store did not deliver all of an image of part {0}")]
    ImageMissing(u8),
    /// A piece of an image is not the bytes that the row names.
    #[error("an image of part {0} was altered on its way or in the store")]
    AlteredImage(u8),
    /// The row is as it was signed, and an image is not the one that the author signed.
    #[error("an image of part {0} is not the one that the author signed")]
    ForeignImage(u8),
    /// The document or a part is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What a reader goes by: the link, the record's index, and whom to trust.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The record.
    pub record: &'a RecordId,
    /// The link's secret.
    pub link: &'a Link,
    /// The log whose index names the line.
    pub log: LogName,
    /// The line's label.
    pub label: Hash,
    /// The hash of the line's row.
    pub row: Hash,
    /// The current document.
    pub current: Current,
    /// Whom to trust.
    pub trust: &'a TrustStore,
}

/// What the store delivered, in the order of the row; `None` where it delivered nothing.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The list of objects.
    pub row: &'a Row,
    /// The document's object.
    pub document: Option<&'a [u8]>,
    /// The wraps' object.
    pub wraps: Option<&'a [u8]>,
    /// The parts' objects.
    pub parts: &'a [Option<&'a [u8]>],
}

/// A delivery that was opened.
pub struct Received {
    /// The parts that are shown, verified.
    pub opened: Opened,
    /// The parts that the patient shares and the store did not deliver.
    pub not_delivered: Parts,
    /// The images of the parts that are shown, where the patient shares them: to be fetched one by one.
    pub images: Vec<SharedImage>,
}

impl Reader<'_> {
    /// Opens a delivery. `key` makes K of the line's lock, by a key for attributes: [`Lock::open`].
    pub fn open(
        &self,
        delivery: Delivery<'_>,
        key: impl FnOnce(&Lock) -> Result<SharedKey, LineError>,
    ) -> Result<Received, DeliveryError> {
        self.open_line(delivery, |wraps| {
            let lock = wraps.lock().ok_or(LineError::Key)?;
            Ok(self.link.line(&key(lock)?, self.record, self.log, self.label, lock.epoch()))
        })
    }

    /// Opens the owner's own line.
    pub fn open_own(&self, delivery: Delivery<'_>, secret: &Secret) -> Result<Received, DeliveryError> {
        self.open_line(delivery, |_| Ok(secret.own_line(self.record, self.log)))
    }

    fn open_line(
        &self,
        delivery: Delivery<'_>,
        key: impl FnOnce(&Wraps) -> Result<LineKey, LineError>,
    ) -> Result<Received, DeliveryError> {
        let row = delivery.row;
        if row.hash() != self.row || delivery.parts.len() != row.parts.len() {
            return Err(DeliveryError::Row);
        }
        let whole = |object: Option<&[u8]>, digest| match object {
            Some(object) if Hash::of(object) == digest => Ok(()),
            Some(_) => Err(DeliveryError::Altered),
            None => Err(DeliveryError::Incomplete),
        };
        whole(delivery.wraps, row.wraps)?;
        whole(delivery.document, row.document)?;

        let wraps = delivery.wraps.ok_or(DeliveryError::Incomplete)?;
        let wraps = Wraps::unseal(self.link, self.record, self.label, wraps)?;
        let line = key(&wraps)?;
        let version = self.current.version;
        let keys = wraps.open(&line, Scope { record: self.record, version, label: self.label })?;
        if keys.len() != row.parts.len() {
            return Err(DeliveryError::Row);
        }

        let header = keys.iter().find(|(number, _)| *number == HEADER).ok_or(Refused::NotPermitted)?;
        let document = delivery.document.ok_or(DeliveryError::Incomplete)?;
        let signed = object::open(&header.1.document(), self.record, What::Document { version }, document);
        let (document, certificate) = read_signed(&signed.map_err(|_| DeliveryError::ForeignDocument)?)?;
        let index = Some(self.current);
        let commitment = Commitment::verify(document, &certificate, self.trust, self.record, index)?;

        let shared = Parts::of(keys.iter().map(|(number, _)| *number));
        if !commitment.rule().permits(shared) {
            return Err(Refused::NotPermitted.into());
        }
        let (mut disclosures, mut images) = (Vec::new(), Vec::new());
        for (at, (number, key)) in keys.iter().enumerate() {
            let Some(object) = delivery.parts[at] else { continue };
            check_object(object, row, at, &keys)?;
            let what = What::Part { version, part: *number };
            let bytes = object::open(&key.0, self.record, what, object);
            let one = Disclosure::from_bytes(&bytes.map_err(|_| DeliveryError::Foreign(*number))?)?;
            if one.part().number() != *number {
                let found = one.part().number();
                return Err(Refused::Misplaced { expected: *number, found }.into());
            }
            images.extend(self.images(one.part(), key, row.images_of(at))?);
            disclosures.push(one);
        }
        let delivered = Parts::of(disclosures.iter().map(|one| one.part().number()));
        let not_delivered = Parts(shared.0 & !delivered.0);
        if !commitment.rule().permits(delivered) {
            return Err(DeliveryError::Missing(not_delivered.count()));
        }
        Ok(Received { opened: commitment.open(disclosures)?, not_delivered, images })
    }

    /// The images of a part, which has these objects.
    fn images(
        &self,
        part: &Part,
        key: &PartKey,
        mut objects: &[Hash],
    ) -> Result<Vec<SharedImage>, DeliveryError> {
        let mut images = Vec::new();
        let named = if objects.is_empty() { &[] } else { part.images() };
        for image in named {
            let (own, rest) = objects.split_at_checked(image.pieces()).ok_or(DeliveryError::Row)?;
            objects = rest;
            images.push(SharedImage {
                record: *self.record,
                version: self.current.version,
                part: part.number(),
                image: image.clone(),
                key: key.clone(),
                objects: own.to_vec(),
            });
        }
        if objects.is_empty() { Ok(images) } else { Err(DeliveryError::Row) }
    }
}

/// Checks that an object is the one that the row names at this place.
fn check_object(object: &[u8], row: &Row, at: usize, keys: &[(u8, PartKey)]) -> Result<(), DeliveryError> {
    let (digest, expected) = (Hash::of(object), keys[at].0);
    if digest == row.parts[at] {
        return Ok(());
    }
    match row.parts.iter().position(|other| *other == digest) {
        Some(other) => Err(DeliveryError::Swapped { expected, found: keys[other].0 }),
        None => Err(DeliveryError::AlteredPart(expected)),
    }
}

fn read_signed(bytes: &[u8]) -> Result<(Statement, Vec<u8>), Refused> {
    cbor::check_deterministic(bytes).map_err(|_| Refused::Malformed)?;
    let read = || {
        let mut d = Decoder::new(bytes);
        let two = d.array().ok()? == Some(2);
        let (document, certificate) = (d.bytes().ok()?, d.bytes().ok()?);
        two.then(|| (document, certificate.to_vec()))
    };
    let (document, certificate) = read().ok_or(Refused::Malformed)?;
    Ok((Statement::parse(document)?, certificate))
}
