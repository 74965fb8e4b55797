//! The filter over a lot's serials that phones hold: a binary fuse filter (Graf and Lemire, 2022) of 32-bit fingerprints.
//!
//! In scope: our canonical byte form, below, and its strict reader. Out of scope: construction and look-up (`xorf`).
//!
//! ```text
//! filter = "CBF1" || seed, 8 bytes || log2 of the segment length, 1 byte || segments, 4 bytes || fingerprints, 4 bytes each
//! ```
//!
//! All numbers are big-endian. There are `(segments + 2) << log2` fingerprints; the length follows and is not stated. A
//! serial's key is the first eight bytes of its framed SHA-256.
//!
//! The filter never denies a serial of the lot. It admits one in 2^32 others, and an hour of computing finds such a
//! serial. Like a copied serial it passes here; a [`crate::SerialProof`] distinguishes it from the lot's own.

use countersign_ledger::Hash;
use xorf::{BinaryFuse32, Descriptor, Filter as _};

/// Largest filter that is read: enough for fourteen million packs.
pub const MAX_FILTER: usize = 64 * 1024 * 1024;

const MAGIC: &[u8; 4] = b"CBF1";
const HEADER: usize = MAGIC.len() + 8 + 1 + 4;
/// Longest segment that construction makes, 2^18 fingerprints.
const MAX_SEGMENT_BITS: u8 = 18;
/// A key's three fingerprints are in three neighbouring segments.
const EXTRA_SEGMENTS: u32 = 2;
const LABEL: &str = "countersign/custody/serial/v1";

/// Why bytes are not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Larger than [`MAX_FILTER`].
    #[error("the filter is larger than {MAX_FILTER} bytes")]
    TooLarge,
    /// Not a filter of this version.
    #[error("not a serial filter")]
    Header,
    /// The parameters are outside what construction makes.
    #[error("the filter's parameters are outside the format")]
    Parameters,
    /// The number of fingerprints does not fit the parameters.
    #[error("the filter's length does not fit its parameters")]
    Length,
}

/// A filter over the serials of a lot.
#[derive(Clone, Debug)]
pub struct SerialFilter(BinaryFuse32);

impl SerialFilter {
    /// Builds the filter over distinct serials; `None` if no seed fits, which practically never happens.
    pub(crate) fn build<'a>(serials: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut keys: Vec<u64> = serials.map(key).collect();
        // Two serials with the same key are both found by it.
        keys.sort_unstable();
        keys.dedup();
        BinaryFuse32::try_from(keys).ok().map(Self)
    }

    /// Reads a filter that fills `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, FilterError> {
        if bytes.len() > MAX_FILTER {
            return Err(FilterError::TooLarge);
        }
        let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(FilterError::Header)?;
        let [m0, m1, m2, m3, s0, s1, s2, s3, s4, s5, s6, s7, bits, c0, c1, c2, c3] = *header;
        if [m0, m1, m2, m3] != *MAGIC {
            return Err(FilterError::Header);
        }
        let segments = u32::from_be_bytes([c0, c1, c2, c3]);
        if bits > MAX_SEGMENT_BITS || segments == 0 {
            return Err(FilterError::Parameters);
        }
        let (words, rest) = body.as_chunks::<4>();
        let expected = (u64::from(segments) + u64::from(EXTRA_SEGMENTS)) << bits;
        if !rest.is_empty() || words.len() as u64 != expected {
            return Err(FilterError::Length);
        }
        // safe: `expected` fits the bytes that are there, far below 2^32, so no product overflows. Every index that a
        // look-up computes lies in one of `segments` + 2 segments.
        let segment_length = 1 << bits;
        Ok(Self(BinaryFuse32 {
            descriptor: Descriptor {
                seed: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
                segment_length,
                segment_length_mask: segment_length - 1,
                segment_count_length: segments << bits,
            },
            fingerprints: words.iter().map(|word| u32::from_be_bytes(*word)).collect(),
        }))
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.0.descriptor;
        let mut bytes = Vec::with_capacity(HEADER + 4 * self.0.fingerprints.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&seed.to_be_bytes());
        bytes.extend(u8::try_from(segment_length.trailing_zeros()));
        bytes.extend_from_slice(&(segment_count_length / segment_length).to_be_bytes());
        self.0.fingerprints.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
        bytes
    }

    /// Whether the serial may be one of the lot's: always true if it is; true for one in 2^32 serials if it is not.
    pub fn contains(&self, serial: &str) -> bool {
        self.0.contains(&key(serial))
    }
}

fn key(serial: &str) -> u64 {
    let Hash(digest) = Hash::framed(LABEL, &[serial.as_bytes()]);
    // safe: a digest has 32 bytes.
    digest.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn serials(count: u32) -> Vec<String> {
        (0..count).map(|i| format!("SN{i:08}")).collect()
    }

    fn filter(count: u32) -> SerialFilter {
        SerialFilter::build(serials(count).iter().map(String::as_str)).unwrap()
    }

    #[test]
    fn no_serial_of_the_lot_is_denied_whatever_its_size() {
        for count in [1, 2, 3, 4, 5, 10, 100, 1000, 10_000, 65_537] {
            let filter = SerialFilter::parse(&filter(count).to_bytes()).unwrap();
            assert!(serials(count).iter().all(|serial| filter.contains(serial)), "{count}");
        }
    }

    #[test]
    fn a_lot_costs_about_five_bytes_a_pack_and_strangers_are_denied() {
        // Bytes for a thousand packs.
        for (count, most) in [(10_000, 5_300), (100_000, 4_900), (1_000_000, 4_600)] {
            let filter = filter(count);
            assert!(filter.to_bytes().len() < most * count as usize / 1000);
            let admitted = (0..1_000_000).filter(|i| filter.contains(&format!("XX{i:08}"))).count();
            assert!(admitted <= 1, "{admitted}");
        }
    }

    #[test]
    fn the_bytes_are_canonical() {
        let bytes = filter(500).to_bytes();
        assert_eq!(SerialFilter::parse(&bytes).unwrap().to_bytes(), bytes);
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused() {
        let bytes = filter(500).to_bytes();
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            SerialFilter::parse(&bytes).map(|_| ()).unwrap_err()
        };
        assert_eq!(with(0, b'X'), FilterError::Header);
        assert_eq!(with(12, 19), FilterError::Parameters);
        assert_eq!(with(12, 255), FilterError::Parameters);
        assert_eq!(with(12, 2), FilterError::Length);
        assert_eq!(with(13, 255), FilterError::Length);
        assert_eq!(SerialFilter::parse(&bytes[..bytes.len() - 1]).unwrap_err(), FilterError::Length);
        assert_eq!(SerialFilter::parse(&[&bytes[..], &[0; 4]].concat()).unwrap_err(), FilterError::Length);
        assert_eq!(SerialFilter::parse(&bytes[..HEADER - 1]).unwrap_err(), FilterError::Header);
        let mut empty = bytes[..HEADER].to_vec();
        empty[13..].fill(0);
        assert_eq!(SerialFilter::parse(&empty).unwrap_err(), FilterError::Parameters);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = SerialFilter::parse(&bytes);
        }

        #[test]
        fn what_is_read_can_be_asked(
            seed in any::<u64>(), bits in 0_u8..5, segments in 1_u32..9, fill in any::<u8>(), serial in ".{0,20}",
        ) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&seed.to_be_bytes());
            bytes.push(bits);
            bytes.extend_from_slice(&segments.to_be_bytes());
            bytes.resize(HEADER + 4 * ((segments as usize + 2) << bits), fill);
            let filter = SerialFilter::parse(&bytes).unwrap();
            filter.contains(&serial);
            prop_assert_eq!(filter.to_bytes(), bytes);
        }
    }
}
