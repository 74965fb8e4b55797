//! The random oracle of the scheme: SHA-512 (FIPS 180-4) over a label and a list of parts, each preceded by its length, so that
//! no two inputs look alike. A label always goes with the same number of parts.

use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::curve::Scalar;

/// 64 bytes that nobody can tell from random ones who does not know all the parts.
pub(crate) fn oracle(label: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut hasher = Sha512::new_with_prefix("countersign/abe/1/");
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = Zeroizing::new([0; 64]);
    hasher.finalize_into((&mut *bytes).into());
    bytes
}

/// The first half of what the oracle says.
pub(crate) fn oracle_32(label: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let bytes = oracle(label, parts);
    let mut half = Zeroizing::new([0; 32]);
    half.copy_from_slice(&bytes[..32]);
    half
}

/// What the oracle says, modulo the order of the groups.
pub(crate) fn oracle_scalar(label: &str, parts: &[&[u8]]) -> Scalar {
    Scalar::from_wide(&oracle(label, parts))
}
