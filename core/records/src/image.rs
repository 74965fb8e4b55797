//! Large images, which a part names and does not contain: cut into pieces, each an object of its own, so that nobody has more of an
//! image in memory than a piece.
//!
//! ```text
//! piece = 4 MiB of the image, the last one what is left; sealed as objects are, under a key that follows from the part's
//! ```
//!
//! How many pieces there are follows from the length that the author signed. Who opens the part opens its images, and nobody else; a
//! part that is withheld withholds their names as well. The images of a part are shared when the patient has all of them.

use std::io::{self, Read, Write};

use countersign_ledger::Hash;
use countersign_ledger::cbor::{self, encode};
use minicbor::Decoder;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::delivery::DeliveryError;
use crate::keys::{Key, PartKey};
use crate::object::{self, ObjectError, What};
use crate::part::Image;
use crate::record::RecordId;

/// Bytes of an image that are one object.
pub const PIECE: usize = 4 * 1024 * 1024;
/// Most pieces of a line's images: 2 GiB.
pub const MAX_PIECES: usize = 512;

/// An image that is read piece by piece, and what it was so far.
#[derive(Default)]
pub struct Hashed {
    hash: Sha256,
    length: u64,
}

impl Hashed {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The digest of all bytes, and their number.
    pub fn finish(self) -> (Hash, u64) {
        (Hash(self.hash.finalize().into()), self.length)
    }
}

impl Image {
    /// Reads an image to its end, to be named by a document under `locator`.
    pub fn read(locator: &str, media_type: &str, from: &mut dyn Read) -> io::Result<Self> {
        let mut hashed = Hashed::default();
        while let Some(piece) = next_piece(from)? {
            hashed.update(&piece);
        }
        let (digest, length) = hashed.finish();
        Ok(Self { locator: locator.to_owned(), digest, length, media_type: media_type.to_owned() })
    }

    /// How many objects it is.
    pub fn pieces(&self) -> usize {
        usize::try_from(self.length.div_ceil(PIECE as u64)).unwrap_or(usize::MAX)
    }

    /// How many bytes a piece has.
    fn length_of(&self, piece: u32) -> Option<usize> {
        let before = u64::from(piece) * PIECE as u64;
        let left = self.length.checked_sub(before).filter(|left| *left > 0)?;
        usize::try_from(left.min(PIECE as u64)).ok()
    }
}

/// The next piece of an image; `None` at its end.
pub fn next_piece(from: &mut dyn Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut piece = Zeroizing::new(Vec::new());
    from.take(PIECE as u64).read_to_end(&mut piece)?;
    Ok((!piece.is_empty()).then_some(piece))
}

/// What an image's objects are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageOf<'a> {
    pub record: &'a RecordId,
    pub version: u64,
    pub part: u8,
    pub image: &'a Image,
}

impl ImageOf<'_> {
    const fn what(self, piece: u32) -> What {
        What::Image { version: self.version, part: self.part, digest: self.image.digest, piece }
    }

    /// Seals a piece.
    pub fn seal(
        self,
        key: &PartKey,
        piece: u32,
        bytes: &[u8],
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ObjectError> {
        if self.image.length_of(piece) != Some(bytes.len()) {
            return Err(ObjectError);
        }
        object::seal(&key.image(self.image.digest), self.record, self.what(piece), bytes, random)
    }
}

/// An image of a part that was opened, with what opens it. Its key is erased when it is dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedImage {
    pub(crate) record: RecordId,
    pub(crate) version: u64,
    pub(crate) part: u8,
    pub(crate) image: Image,
    pub(crate) key: PartKey,
    pub(crate) objects: Vec<Hash>,
}

impl SharedImage {
    /// The part that names it.
    pub const fn part(&self) -> u8 {
        self.part
    }

    /// What the author signed of it.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Writes the image to `to`, from its objects as `fetch` brings them, one after the other. What was written is the image when this
    /// returns, and is to be thrown away if it fails.
    pub fn write<E: From<DeliveryError> + From<io::Error>>(
        &self,
        mut fetch: impl FnMut(Hash) -> Result<Option<Vec<u8>>, E>,
        to: &mut dyn Write,
    ) -> Result<(), E> {
        let mut hashed = Hashed::default();
        for (piece, digest) in (0..).zip(&self.objects) {
            let object = fetch(*digest)?.ok_or(DeliveryError::ImageMissing(self.part))?;
            let bytes = self.open(piece, *digest, &object)?;
            hashed.update(&bytes);
            to.write_all(&bytes)?;
        }
        if hashed.finish() == (self.image.digest, self.image.length) {
            Ok(())
        } else {
            Err(DeliveryError::ForeignImage(self.part).into())
        }
    }

    /// A piece, if `object` is the one that the row names.
    pub fn open(&self, piece: u32, digest: Hash, object: &[u8]) -> Result<Zeroizing<Vec<u8>>, DeliveryError> {
        if Hash::of(object) != digest {
            return Err(DeliveryError::AlteredImage(self.part));
        }
        let foreign = DeliveryError::ForeignImage(self.part);
        let of = ImageOf { record: &self.record, version: self.version, part: self.part, image: &self.image };
        let key = self.key.image(self.image.digest);
        let bytes = object::open(&key, &self.record, of.what(piece), object).map_err(|_| foreign)?;
        if self.image.length_of(piece) == Some(bytes.len()) { Ok(bytes) } else { Err(foreign) }
    }

    /// What is kept of it on a phone, to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(|e| {
            let Image { locator, digest, length, media_type } = &self.image;
            e.array(8)?.u64(self.version)?.u8(self.part)?.str(locator)?.bytes(digest.as_bytes())?;
            e.u64(*length)?.str(media_type)?.bytes(self.key.0.as_bytes())?;
            e.array(self.objects.len() as u64)?;
            self.objects.iter().try_for_each(|piece| e.bytes(piece.as_bytes())?.ok())
        }))
    }

    /// Reads what [`SharedImage::to_bytes`] wrote of an image of a record.
    pub fn from_bytes(record: RecordId, bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let mut d = Decoder::new(bytes);
        let eight = d.array().ok()? == Some(8);
        let (version, part, locator) = (d.u64().ok()?, d.u8().ok()?, d.str().ok()?.to_owned());
        let (digest, length) = (Hash::from_slice(d.bytes().ok()?)?, d.u64().ok()?);
        let image = Image { locator, digest, length, media_type: d.str().ok()?.to_owned() };
        let key = PartKey(Key::from_slice(d.bytes().ok()?)?);
        let pieces = d.array().ok()?.filter(|pieces| eight && *pieces <= MAX_PIECES as u64)?;
        let objects = (0..pieces).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?;
        Some(Self { record, version, part, image, key, objects })
    }

    /// Its objects, in order.
    pub fn objects(&self) -> &[Hash] {
        &self.objects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::tests::Counter;

    const RECORD: RecordId = RecordId([1; 16]);

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
    }

    /// An image, sealed, and its objects by their digests.
    fn sealed(bytes: &[u8]) -> (SharedImage, Vec<Vec<u8>>) {
        let image = Image::read("urn:scan", "image/png", &mut &*bytes).unwrap();
        let key = PartKey(Key::new(Zeroizing::new([9; 32])));
        let of = ImageOf { record: &RECORD, version: 2, part: 5, image: &image };
        let (mut from, mut objects) = (bytes, Vec::new());
        while let Some(piece) = next_piece(&mut from).unwrap() {
            let number = u32::try_from(objects.len()).unwrap();
            objects.push(of.seal(&key, number, &piece, &mut Counter(7)).unwrap());
        }
        assert_eq!(objects.len(), image.pieces());
        let digests = objects.iter().map(|object| Hash::of(object)).collect();
        (SharedImage { record: RECORD, version: 2, part: 5, image, key, objects: digests }, objects)
    }

    #[derive(Debug, PartialEq)]
    enum Failed {
        Delivery(DeliveryError),
        Disk,
    }

    impl From<DeliveryError> for Failed {
        fn from(error: DeliveryError) -> Self {
            Self::Delivery(error)
        }
    }

    impl From<io::Error> for Failed {
        fn from(_: io::Error) -> Self {
            Self::Disk
        }
    }

    fn written(shared: &SharedImage, objects: &[Vec<u8>]) -> Result<Vec<u8>, Failed> {
        let mut to = Vec::new();
        let fetch = |digest| Ok(objects.iter().find(|object| Hash::of(object) == digest).cloned());
        shared.write(fetch, &mut to).map(|()| to)
    }

    #[test]
    fn an_image_of_any_length_comes_back_as_it_was() {
        for length in [1, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 77] {
            let bytes = bytes(length);
            let (shared, objects) = sealed(&bytes);
            assert_eq!(shared.image().length, length as u64);
            assert_eq!(shared.image().digest, Hash::of(&bytes));
            assert!(written(&shared, &objects).unwrap() == bytes, "{length}");
        }
        let none = Image::read("urn:scan", "image/png", &mut &[][..]).unwrap();
        assert_eq!((none.pieces(), none.length), (0, 0));
    }

    #[test]
    fn pieces_are_neither_altered_left_out_exchanged_nor_anothers() {
        let (shared, objects) = sealed(&bytes(2 * PIECE + 77));
        let error = |shared: &SharedImage, objects: &[Vec<u8>]| written(shared, objects).unwrap_err();
        assert_eq!(error(&shared, &objects[..2]), Failed::Delivery(DeliveryError::ImageMissing(5)));
        // Other bytes than the row names.
        let mut altered = objects[1].clone();
        altered[100] ^= 1;
        let digest = Hash::of(&objects[1]);
        assert_eq!(shared.open(1, digest, &altered), Err(DeliveryError::AlteredImage(5)));
        let foreign = || Failed::Delivery(DeliveryError::ForeignImage(5));
        // A row that names them in another order, some of them, or those of another part or version.
        for order in [vec![1, 0, 2], vec![0, 1], vec![0, 2], vec![0, 0, 2], vec![0, 1, 2, 2]] {
            let named = order.iter().map(|at| shared.objects[*at]).collect();
            assert_eq!(
                error(&SharedImage { objects: named, ..shared.clone() }, &objects),
                foreign(),
                "{order:?}"
            );
        }
        assert_eq!(
            error(&SharedImage { part: 6, ..shared.clone() }, &objects),
            Failed::Delivery(DeliveryError::ForeignImage(6))
        );
        assert_eq!(error(&SharedImage { version: 3, ..shared.clone() }, &objects), foreign());
        assert_eq!(error(&SharedImage { record: RecordId([2; 16]), ..shared.clone() }, &objects), foreign());
        let key = PartKey(Key::new(Zeroizing::new([8; 32])));
        assert_eq!(error(&SharedImage { key, ..shared.clone() }, &objects), foreign());
        // Nothing can be sealed in the place of a piece that has another length.
        let of = ImageOf { record: &RECORD, version: 2, part: 5, image: &shared.image };
        assert!(of.seal(&shared.key, 3, &[1], &mut Counter(0)).is_err());
        assert!(of.seal(&shared.key, 0, &[1], &mut Counter(0)).is_err());
    }
}
