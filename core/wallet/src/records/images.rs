//! Large images of a patient's own document: what a doctor hands over beside it, kept here piece by piece.

use std::io::{self, Read, Write};

use countersign_records::{
    Disclosure, Extraction, Hashed, Image, MAX_PIECES, Opened, Part, RecordId, Secret, next_piece,
};
use rusqlite::Transaction;
use zeroize::Zeroizing;

use super::error::RecordError;
use super::patient::Records;
use super::random;
use super::state::{Change, Holding};
use crate::store::{self, StoreError};

/// An image that a document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldImage {
    /// What the author signed of it.
    pub image: Image,
    /// The part that names it.
    pub part: u8,
    /// Whether this phone has it. The images of a part are shared when all of them are here.
    pub here: bool,
}

impl Records<'_> {
    /// The images that the patient's own document names.
    pub fn images(&self, record: &RecordId) -> Result<Vec<HeldImage>, RecordError> {
        let opened = self.document(record)?;
        let named =
            opened.parts().iter().flat_map(|part| part.images().iter().map(|image| (part.number(), image)));
        let held = named.map(|(part, image)| {
            let here = self.has_image(record, image)?;
            Ok(HeldImage { image: image.clone(), part, here })
        });
        held.collect()
    }

    /// Takes an image that the document names, from whoever signed it. It is shared with its part, by the next step.
    pub fn take_image(
        &mut self,
        record: &RecordId,
        image: &Image,
        from: &mut dyn Read,
    ) -> Result<(), RecordError> {
        let (secret, holding) = self.load(record)?;
        let opened = self.document(record)?;
        let images = || opened.parts().iter().flat_map(Part::images);
        if !images().any(|named| named == image) {
            return Err(RecordError::Unknown);
        }
        if images().map(Image::pieces).fold(0, usize::saturating_add) > MAX_PIECES {
            return Err(RecordError::ImagesTooLarge);
        }
        if !self.has_image(record, image)? {
            let mut random = random()?;
            self.snapshot.store.write::<_, RecordError>(|tx| {
                let mut hashed = Hashed::default();
                let mut number = 0;
                // Nothing is read beyond the end that was signed.
                let from = &mut from.take(image.length + 1);
                while let Some(piece) = next_piece(from)? {
                    hashed.update(&piece);
                    keep(tx, record, &secret, image, number, &piece, &mut random)?;
                    number += 1;
                }
                let same = hashed.finish() == (image.digest, image.length);
                if same { Ok(()) } else { Err(RecordError::OtherImage) }
            })?;
        }
        self.share_images(record, &secret, holding, &opened)
    }

    /// Has the images published that are here and were not, unless that follows from the change that is planned.
    fn share_images(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        holding: Holding,
        opened: &Opened,
    ) -> Result<(), RecordError> {
        let published = holding.change.is_none() && holding.content.document.is_some();
        let inventory = holding.content.document.as_ref().and_then(|document| document.inventory.as_ref());
        let mut lacking = false;
        for part in opened.parts().iter().filter(|_| published) {
            lacking |= inventory.is_some_and(|inventory| inventory.lacks_images_of(part))
                && self.has_images(record, part.images())?;
        }
        if lacking {
            let change = Change::new(holding.content.clone());
            self.begin_change(record, secret, holding, change, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Writes one of the patient's own images. What was written is to be thrown away if this fails.
    pub fn write_image(
        &self,
        record: &RecordId,
        image: &Image,
        to: &mut dyn Write,
    ) -> Result<(), RecordError> {
        let (secret, _) = self.load(record)?;
        let mut hashed = Hashed::default();
        for number in 0..pieces(image) {
            let piece = piece(self.snapshot.store.read(), record, &secret, image, number)?;
            hashed.update(&piece);
            to.write_all(&piece)?;
        }
        if hashed.finish() == (image.digest, image.length) { Ok(()) } else { Err(RecordError::Unknown) }
    }

    /// Whether this phone has an image.
    pub(super) fn has_image(&self, record: &RecordId, image: &Image) -> Result<bool, RecordError> {
        let kept = store::image_pieces(self.snapshot.store.read(), &record.0, image.digest)?;
        Ok(kept == image.pieces() as u64)
    }

    pub(super) fn has_images(&self, record: &RecordId, images: &[Image]) -> Result<bool, RecordError> {
        for image in images {
            if !self.has_image(record, image)? {
                return Ok(false);
            }
        }
        Ok(!images.is_empty())
    }

    /// The images that a document names.
    pub(super) fn images_of(document: &Extraction) -> Vec<countersign_ledger::Hash> {
        let parts = document.disclosures().iter().map(Disclosure::part);
        parts.flat_map(Part::images).map(|image| image.digest).collect()
    }
}

/// How many pieces an image has, as they are numbered.
pub(super) fn pieces(image: &Image) -> u32 {
    u32::try_from(image.pieces()).unwrap_or(u32::MAX)
}

/// Keeps a piece of an image, sealed as all is that a phone keeps of a record.
pub(super) fn keep(
    tx: &Transaction<'_>,
    record: &RecordId,
    secret: &Secret,
    image: &Image,
    number: u32,
    piece: &[u8],
    random: &mut impl getrandom::rand_core::CryptoRng,
) -> Result<(), RecordError> {
    let sealed = secret.copy().seal(Some(record), &name(image, number), piece, random)?;
    Ok(store::set_image_piece(tx, &record.0, image.digest, number, &sealed)?)
}

/// A piece that is kept.
pub(super) fn piece(
    connection: &rusqlite::Connection,
    record: &RecordId,
    secret: &Secret,
    image: &Image,
    number: u32,
) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    let sealed = store::image_piece(connection, &record.0, image.digest, number)?;
    Ok(secret.copy().open(Some(record), &name(image, number), &sealed.ok_or(RecordError::Damaged)?)?)
}

/// The name under which a piece is sealed.
fn name(image: &Image, number: u32) -> String {
    format!("image {} {number}", image.digest)
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Image(error.kind())
    }
}

impl Records<'_> {
    /// Seals the images of a document that are here and not in its inventory yet, and keeps their objects for the upload, in place of
    /// all that were kept before.
    pub(super) fn seal_images(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        inventory: &mut countersign_records::Inventory,
        document: impl FnOnce(&Self) -> Result<Extraction, RecordError>,
    ) -> Result<(), RecordError> {
        let mut parts = Vec::new();
        if store::has_images(self.snapshot.store.read(), &record.0)? {
            for one in document(self)?.disclosures() {
                let part = one.part();
                if inventory.lacks_images_of(part) && self.has_images(record, part.images())? {
                    parts.push(part.clone());
                }
            }
        }
        let mut random = random()?;
        self.snapshot.store.write::<_, RecordError>(|tx| {
            store::clear_objects(tx, &record.0)?;
            for part in &parts {
                let read = |image: &Image, number| piece(tx, record, secret, image, number);
                let keep = |object: &[u8]| Ok::<_, RecordError>(store::set_object(tx, &record.0, object)?);
                inventory.seal_images(part, secret, &mut random, read, keep)?;
            }
            Ok(())
        })
    }

    /// Keeps an image as the owner's own line has it, for a phone that restores the record.
    pub(super) fn recover_image(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        shared: &countersign_records::SharedImage,
        mut fetch: impl FnMut(countersign_ledger::Hash) -> Result<Vec<u8>, RecordError>,
    ) -> Result<(), RecordError> {
        let (image, mut random) = (shared.image(), random()?);
        for (number, digest) in (0..).zip(shared.objects()) {
            if store::image_piece(self.snapshot.store.read(), &record.0, image.digest, number)?.is_some() {
                continue;
            }
            let piece = shared.open(number, *digest, &fetch(*digest)?)?;
            self.snapshot
                .store
                .write::<_, RecordError>(|tx| keep(tx, record, secret, image, number, &piece, &mut random))?;
        }
        let whole = self.write_image(record, image, &mut io::sink());
        if whole.is_err() {
            let digest = image.digest;
            self.snapshot.store.write::<_, StoreError>(|tx| store::forget_image(tx, &record.0, digest))?;
        }
        whole
    }
}
