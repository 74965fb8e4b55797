//! A Bloom filter over the parents of the states in one block: data -> "its next state may be here".
//!
//! It never denies a parent that is there. The positions are keyed by the block's id, which nobody knows before the
//! block is committed, so nobody can choose states that fill a filter. The paper leaves its size open; ten bits a key
//! and seven hashes admit 0.8 % of others.
//!
//! ```text
//! filter = "CPF1" || hashes, 1 byte || bytes of the bits, 4 bytes, big-endian || bits
//!                                      ; bit n is in byte n / 8, the lowest first
//! position i = ((h1 + i * h2) mod 2^64) mod bits
//!                                      ; the first two 8 bytes of a framed SHA-256, big-endian; h2 is made odd
//! ```

use countersign_ledger::Hash;

/// Largest filter that is read, in bytes: of more than 800,000 keys.
pub const MAX_FILTER: usize = 1 << 20;
/// Most hashes.
pub const MAX_HASHES: u8 = 32;

const MAGIC: &[u8; 4] = b"CPF1";
const HEADER: usize = MAGIC.len() + 1 + 4;

/// Why bytes are not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Larger than [`MAX_FILTER`].
    #[error("the filter is larger than {MAX_FILTER} bytes")]
    TooLarge,
    /// Not a filter of this version.
    #[error("not a filter over parents")]
    Header,
    /// No hash, or more than [`MAX_HASHES`].
    #[error("the filter has no hash, or too many")]
    Hashes,
    /// The number of bits is not as stated, or there are none.
    #[error("the filter's length is not as it states")]
    Length,
}

/// How many bits a filter has for each key, and how many of them it looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Bits for each key.
    pub bits: u32,
    /// Hashes: best near `bits * ln 2`.
    pub hashes: u8,
}

impl Default for Shape {
    fn default() -> Self {
        Self { bits: 10, hashes: 7 }
    }
}

/// A filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParentFilter {
    hashes: u8,
    bits: Vec<u8>,
}

impl ParentFilter {
    /// A filter over these parents, keyed by `block`. One that would be larger than [`MAX_FILTER`] has that size, and
    /// admits more.
    pub fn build(block: Hash, parents: &[Hash], shape: Shape) -> Self {
        let bits = (parents.len() as u64).saturating_mul(shape.bits.into()).div_ceil(8);
        let length = usize::try_from(bits).unwrap_or(MAX_FILTER).clamp(1, MAX_FILTER - HEADER);
        let mut filter = Self { hashes: shape.hashes.clamp(1, MAX_HASHES), bits: vec![0; length] };
        for parent in parents {
            for (byte, bit) in filter.positions(block, *parent) {
                filter.bits[byte] |= bit;
            }
        }
        filter
    }

    /// Whether the next state of `parent` may be in `block`.
    pub fn may_have(&self, block: Hash, parent: Hash) -> bool {
        self.positions(block, parent).all(|(byte, bit)| self.bits[byte] & bit != 0)
    }

    /// Bytes and the bits in them.
    fn positions(&self, block: Hash, parent: Hash) -> impl Iterator<Item = (usize, u8)> + use<> {
        let Hash(digest) = Hash::framed("countersign/parent-filter/v1", &[&block.0, &parent.0]);
        let (words, _) = digest.as_chunks::<8>();
        let (first, second) = (u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1]) | 1);
        let bits = self.bits.len() as u64 * 8;
        (0..u64::from(self.hashes)).map(move |at| {
            let position = first.wrapping_add(at.wrapping_mul(second)) % bits;
            // safe: below the number of bits, which are in memory.
            (usize::try_from(position / 8).unwrap_or_default(), 1 << (position % 8))
        })
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // safe: at most `MAX_FILTER`.
        let length = u32::try_from(self.bits.len()).unwrap_or_default();
        [&MAGIC[..], &[self.hashes], &length.to_be_bytes(), &self.bits].concat()
    }

    /// Reads a filter that fills `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, FilterError> {
        if bytes.len() > MAX_FILTER {
            return Err(FilterError::TooLarge);
        }
        let (header, bits) = bytes.split_first_chunk::<HEADER>().ok_or(FilterError::Header)?;
        let [m0, m1, m2, m3, hashes, l0, l1, l2, l3] = *header;
        if [m0, m1, m2, m3] != *MAGIC {
            return Err(FilterError::Header);
        }
        if !(1..=MAX_HASHES).contains(&hashes) {
            return Err(FilterError::Hashes);
        }
        if bits.is_empty() || u32::try_from(bits.len()) != Ok(u32::from_be_bytes([l0, l1, l2, l3])) {
            return Err(FilterError::Length);
        }
        Ok(Self { hashes, bits: bits.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: Hash = Hash([5; 32]);

    fn key(number: u32) -> Hash {
        Hash::of(&number.to_be_bytes())
    }

    /// How many of ten thousand strangers a filter over a thousand keys admits.
    fn admitted(shape: Shape) -> usize {
        let filter = ParentFilter::build(BLOCK, &(0..1000).map(key).collect::<Vec<_>>(), shape);
        (1000..11_000).filter(|number| filter.may_have(BLOCK, key(*number))).count()
    }

    #[test]
    fn it_admits_as_few_strangers_as_the_formula_says() {
        for (bits, hashes) in [(10, 4), (10, 7), (10, 13), (8, 2), (8, 6), (8, 12)] {
            let (k, ratio) = (f64::from(hashes), f64::from(bits));
            let expected = (1.0 - (-k / ratio).exp()).powf(k) * 10_000.0;
            let found = admitted(Shape { bits, hashes });
            let found = f64::from(u32::try_from(found).unwrap());
            assert!(
                (found - expected).abs() < 5.0 * expected.sqrt(),
                "{bits}, {hashes}: {found} of {expected}"
            );
        }
    }

    #[test]
    fn the_key_is_the_blocks_own() {
        let filter = ParentFilter::build(BLOCK, &[key(1)], Shape::default());
        assert!(filter.may_have(BLOCK, key(1)));
        assert!((0..64_u8).any(|other| !filter.may_have(Hash([other; 32]), key(1))));
    }

    #[test]
    fn other_bytes_have_their_reason() {
        let good = ParentFilter::build(BLOCK, &[key(1), key(2)], Shape::default()).to_bytes();
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            ParentFilter::parse(&bytes).map(|_| ())
        };
        assert_eq!(with(0, b'X'), Err(FilterError::Header));
        assert_eq!((with(4, 0), with(4, 33)), (Err(FilterError::Hashes), Err(FilterError::Hashes)));
        assert_eq!((with(8, 0), with(5, 1)), (Err(FilterError::Length), Err(FilterError::Length)));
        assert_eq!(ParentFilter::parse(&good[..good.len() - 1]).map(|_| ()), Err(FilterError::Length));
        assert_eq!(ParentFilter::parse(&good[..8]).map(|_| ()), Err(FilterError::Header));
        assert_eq!(ParentFilter::parse(&vec![0; MAX_FILTER + 1]).map(|_| ()), Err(FilterError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_parent_is_denied_whatever_the_shape(
            numbers in prop::collection::vec(any::<u32>(), 0..200), bits in 0_u32..20, hashes in 0_u8..40,
        ) {
            let parents: Vec<_> = numbers.into_iter().map(key).collect();
            let filter = ParentFilter::build(BLOCK, &parents, Shape { bits, hashes });
            let filter = ParentFilter::parse(&filter.to_bytes()).unwrap();
            prop_assert!(parents.iter().all(|parent| filter.may_have(BLOCK, *parent)));
        }

        #[test]
        fn whatever_is_read_is_written_the_same_and_can_be_asked(
            hashes in any::<u8>(), bits in prop::collection::vec(any::<u8>(), 0..40), length in 0_u8..40,
        ) {
            let bytes = [&MAGIC[..], &[hashes, 0, 0, 0, length], &bits].concat();
            if let Ok(filter) = ParentFilter::parse(&bytes) {
                filter.may_have(BLOCK, key(1));
                prop_assert_eq!(filter.to_bytes(), bytes);
            }
        }
    }
}
