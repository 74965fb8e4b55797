//! Sealed objects, which a store keeps and cannot read: AES-256-GCM (SP 800-38D) in chunks of 1 MiB.
//!
//! ```text
//! object = prefix (7 random bytes), chunks: each AES-256-GCM of up to 1 MiB, with its 16-byte tag
//! nonce  = prefix, number of the chunk (4 bytes, big-endian), 1 for the last chunk and 0 for others
//! chunks = length (8 bytes, big-endian), the contents, zeros up to the padded length
//! ```
//!
//! Chunks cannot be left out, added or exchanged: their numbers and the last one are in the nonces. What an object is, its
//! associated data says, so one in the place of another does not open. Padding (Padmé: Nikitin et al., PETS 2019; from 1 KiB)
//! hides all of a length but its magnitude.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use countersign_ledger::{Hash, LogName};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::keys::Key;
use crate::part::MAX_PART;
use crate::record::RecordId;

/// Length of a chunk before it is sealed.
const CHUNK: usize = 1024 * 1024;
/// Length of the nonces' common beginning.
const PREFIX: usize = 7;
/// Length of an AES-GCM tag.
const TAG: usize = 16;
/// Length of the length in front of the contents.
const LENGTH: usize = 8;
/// Length of the smallest padded contents.
const LEAST: usize = 1024;
/// Largest object.
pub const MAX_OBJECT: usize = 2 * MAX_PART;

/// An object does not open: it was altered, cut, exchanged, or is sealed under another key. No further detail, so that an
/// attacker learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object does not open: it was altered or is not the one that belongs here")]
pub struct ObjectError;

/// What an object is; bound to it as associated data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A disclosure.
    Part {
        /// The version of the document.
        version: u64,
        /// The part's number.
        part: u8,
    },
    /// The statement that signs a document, and the author's certificate.
    Document {
        /// The version of the document.
        version: u64,
    },
    /// A piece of a large image.
    Image {
        /// The version of the document.
        version: u64,
        /// The part that names it.
        part: u8,
        /// The digest of the whole image.
        digest: Hash,
        /// The number of the piece.
        piece: u32,
    },
    /// A line's policy and wraps.
    Wraps {
        /// The line's label.
        label: Hash,
    },
    /// The policies of an index.
    Sheet {
        /// The index's log.
        log: LogName,
        /// The index's number.
        wrap: u64,
    },
    /// What a phone keeps for itself.
    Copy {
        /// Digest of the name under which it keeps it.
        name: Hash,
    },
}

impl What {
    pub(crate) fn associated_data(self, record: &RecordId) -> Hash {
        let framed = |label: &str, parts: &[&[u8]]| Hash::framed(label, &[&[&record.0[..]], parts].concat());
        match self {
            Self::Part { version, part } => {
                framed("countersign/record-object-part/v1", &[&version.to_be_bytes(), &[part]])
            }
            Self::Document { version } => {
                framed("countersign/record-object-document/v1", &[&version.to_be_bytes()])
            }
            Self::Image { version, part, digest, piece } => framed(
                "countersign/record-object-image/v1",
                &[&version.to_be_bytes(), &[part], digest.as_bytes(), &piece.to_be_bytes()],
            ),
            Self::Wraps { label } => framed("countersign/record-object-wraps/v1", &[label.as_bytes()]),
            Self::Sheet { log, wrap } => {
                framed("countersign/record-object-sheet/v1", &[log.as_str().as_bytes(), &wrap.to_be_bytes()])
            }
            Self::Copy { name } => framed("countersign/record-object-copy/v1", &[name.as_bytes()]),
        }
    }
}

/// Seals an object.
pub(crate) fn seal(
    key: &Key,
    record: &RecordId,
    what: What,
    contents: &[u8],
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, ObjectError> {
    let length = padded(LENGTH + contents.len());
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    plain.extend_from_slice(&(contents.len() as u64).to_be_bytes());
    plain.extend_from_slice(contents);
    plain.resize(length, 0);
    let mut prefix = [0; PREFIX];
    random.fill_bytes(&mut prefix);
    let (cipher, aad) = (Aes256Gcm::new(key.as_bytes().into()), what.associated_data(record));
    let mut object = Vec::with_capacity(sealed_length(length));
    object.extend_from_slice(&prefix);
    let chunks = plain.chunks(CHUNK);
    let last = chunks.len() - 1;
    for (at, chunk) in chunks.enumerate() {
        let nonce = nonce(prefix, at, at == last)?;
        let payload = Payload { msg: chunk, aad: aad.as_bytes() };
        object.extend(cipher.encrypt(&nonce, payload).map_err(|_| ObjectError)?);
    }
    if object.len() > MAX_OBJECT { Err(ObjectError) } else { Ok(object) }
}

/// Opens an object. Nothing of it is returned before all of it has been checked.
pub(crate) fn open(
    key: &Key,
    record: &RecordId,
    what: What,
    object: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ObjectError> {
    let (prefix, sealed) = object.split_first_chunk::<PREFIX>().ok_or(ObjectError)?;
    if object.len() > MAX_OBJECT || sealed.is_empty() {
        return Err(ObjectError);
    }
    let (cipher, aad) = (Aes256Gcm::new(key.as_bytes().into()), what.associated_data(record));
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let chunks = sealed.chunks(CHUNK + TAG);
    let last = chunks.len() - 1;
    for (at, chunk) in chunks.enumerate() {
        let nonce = nonce(*prefix, at, at == last)?;
        let payload = Payload { msg: chunk, aad: aad.as_bytes() };
        let opened = Zeroizing::new(cipher.decrypt(&nonce, payload).map_err(|_| ObjectError)?);
        plain.extend_from_slice(&opened);
    }
    let (length, rest) = plain.split_first_chunk::<LENGTH>().ok_or(ObjectError)?;
    let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| ObjectError)?;
    let (contents, padding) = rest.split_at_checked(length).ok_or(ObjectError)?;
    // Each contents has one padded form.
    let honest = padded(LENGTH + length) == plain.len() && padding.iter().all(|byte| *byte == 0);
    if honest { Ok(Zeroizing::new(contents.to_vec())) } else { Err(ObjectError) }
}

/// The length after padding: at most 12 % more, and only as many lengths as bits of the logarithm distinguish.
fn padded(length: usize) -> usize {
    let length = length.max(LEAST);
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let step = 1_usize << (exponent - kept);
    length.next_multiple_of(step)
}

const fn sealed_length(padded: usize) -> usize {
    PREFIX + padded + padded.div_ceil(CHUNK) * TAG
}

fn nonce(
    prefix: [u8; PREFIX],
    at: usize,
    last: bool,
) -> Result<Nonce<aes_gcm::aead::consts::U12>, ObjectError> {
    let number = u32::try_from(at).map_err(|_| ObjectError)?.to_be_bytes();
    let mut nonce = [0; 12];
    nonce[..PREFIX].copy_from_slice(&prefix);
    nonce[PREFIX..PREFIX + 4].copy_from_slice(&number);
    nonce[11] = u8::from(last);
    Ok(nonce.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A counter: random enough for a test of what is sealed, not of how well.
    pub(crate) struct Counter(pub u8);

    impl rand_core::TryRng for Counter {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|number| u32::try_from(number & 0xff).unwrap_or_default())
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 = self.0.wrapping_add(1);
            Ok(self.0.into())
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes
                .iter_mut()
                .try_for_each(|byte| self.try_next_u32().map(|number| *byte = number.to_le_bytes()[0]))
        }
    }

    impl rand_core::TryCryptoRng for Counter {}

    #[test]
    fn an_object_opens_as_what_it_is_and_as_nothing_else_under_the_same_key() {
        let (key, record, digest) = (Key::new(Zeroizing::new([7; 32])), RecordId([1; 16]), Hash([3; 32]));
        let all = [
            What::Part { version: 1, part: 3 },
            What::Part { version: 2, part: 3 },
            What::Part { version: 1, part: 4 },
            What::Document { version: 1 },
            What::Document { version: 2 },
            What::Image { version: 1, part: 3, digest, piece: 0 },
            What::Image { version: 2, part: 3, digest, piece: 0 },
            What::Image { version: 1, part: 4, digest, piece: 0 },
            What::Image { version: 1, part: 3, digest: Hash([4; 32]), piece: 0 },
            What::Image { version: 1, part: 3, digest, piece: 1 },
            What::Wraps { label: digest },
            What::Wraps { label: Hash([4; 32]) },
            What::Sheet { log: LogName::TRUST, wrap: 1 },
            What::Sheet { log: LogName::TRUST, wrap: 2 },
            What::Sheet { log: LogName::SUPPLY, wrap: 1 },
            What::Copy { name: digest },
            What::Copy { name: Hash([4; 32]) },
        ];
        for sealed_as in all {
            let object = seal(&key, &record, sealed_as, b"contents", &mut Counter(0)).unwrap();
            for opened_as in all {
                let opened = open(&key, &record, opened_as, &object);
                assert_eq!(opened.is_ok(), opened_as == sealed_as, "{sealed_as:?} as {opened_as:?}");
            }
            assert!(
                open(&key, &RecordId([2; 16]), sealed_as, &object).is_err(),
                "{sealed_as:?} of another record"
            );
            assert!(open(&Key::new(Zeroizing::new([8; 32])), &record, sealed_as, &object).is_err());
        }
    }

    #[test]
    fn chunks_are_neither_left_out_exchanged_nor_added_and_no_object_ends_early() {
        let (key, record) = (Key::new(Zeroizing::new([7; 32])), RecordId([1; 16]));
        let what = What::Part { version: 1, part: 3 };
        let contents = vec![5; 2 * CHUNK + 1000];
        let object = seal(&key, &record, what, &contents, &mut Counter(0)).unwrap();
        assert!(*open(&key, &record, what, &object).unwrap() == contents);
        let sealed = CHUNK + TAG;
        let at = |number: usize| PREFIX + number * sealed..PREFIX + (number + 1) * sealed;
        let mut exchanged = object.clone();
        exchanged[at(0)].copy_from_slice(&object[at(1)]);
        exchanged[at(1)].copy_from_slice(&object[at(0)]);
        let left_out = [&object[..at(0).end], &object[at(1).end..]].concat();
        let doubled = [&object[..at(0).end], &object[PREFIX..]].concat();
        for altered in
            [&exchanged[..], &left_out, &doubled, &object[..at(1).end], &object[..PREFIX], &object[..3], &[]]
        {
            assert_eq!(open(&key, &record, what, altered), Err(ObjectError));
        }
    }

    #[test]
    fn padding_costs_at_most_an_eighth_and_leaves_few_lengths() {
        let lengths: std::collections::BTreeSet<_> = (0..1 << 20).step_by(97).map(padded).collect();
        assert!(lengths.len() < 256, "{}", lengths.len());
        for length in (LEAST..1 << 24).step_by(9973) {
            assert!(padded(length) >= length && padded(length) - length <= length / 8, "{length}");
        }
    }
}
