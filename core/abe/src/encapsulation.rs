//! An encapsulation, and the key that it hands over.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::curve::{G1_LEN, G2_LEN};
use crate::encoding::{FormatError, Reader};
use crate::oracle::oracle_32;
use crate::policy::Policy;

/// The hidden seed.
pub(crate) const MASKED: usize = 32;
/// What stands before the rows of a part: `h^(a1 s1)`, `h^(a2 s2)`, `h^(s1 + s2)`, the hidden seed.
pub(crate) const PART_HEAD: usize = 3 * G2_LEN + MASKED;
/// A row of a part.
pub(crate) const ROW: usize = 3 * G1_LEN;

/// 32 bytes that only who made the encapsulation and who opens it know. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SharedKey([u8; 32]);

impl SharedKey {
    pub(crate) fn new(seed: &[u8; 32], encapsulation: &[u8]) -> Self {
        Self(*oracle_32("key", &[seed, encapsulation]))
    }

    /// The key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SharedKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SharedKey {}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey")
    }
}

/// What is kept or sent beside what the key seals. It tells its policy to everybody.
///
/// Encoding: suite (1), id of the public key (32), length of the policy (2) and its canonical text; then for each policy without
/// repetition that it is split into: `h^(a1 s1)`, `h^(a2 s2)`, `h^(s1 + s2)` (96 each), the seed hidden by the secret of the part
/// (32), and for each attribute in the order of the text three points of G1 (48 each).
///
/// To read one checks its form alone. Its points are checked where they are used, and all of it byte for byte by who opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Encapsulation {
    bytes: Vec<u8>,
    policy: Policy,
    public_key: [u8; 32],
}

impl Encapsulation {
    pub(crate) const fn new(bytes: Vec<u8>, policy: Policy, public_key: [u8; 32]) -> Self {
        Self { bytes, policy, public_key }
    }

    /// Reads an encapsulation.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes)?;
        let public_key = *reader.array()?;
        let text = reader.text()?.ok_or(FormatError::NotCanonical)?;
        let policy = Policy::parse(text)?;
        if policy.as_str() != text {
            return Err(FormatError::NotCanonical);
        }
        match reader.rest().len().cmp(&policy.sharings().iter().map(part_len).sum()) {
            std::cmp::Ordering::Less => Err(FormatError::Truncated),
            std::cmp::Ordering::Equal => Ok(Self { bytes: bytes.to_vec(), policy, public_key }),
            std::cmp::Ordering::Greater => Err(FormatError::Trailing),
        }
    }

    /// Its encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Who may open it.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The id of the public key under which it was made.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The bytes of its parts, one for each of the policy's sharings.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let lens: Vec<usize> = self.policy.sharings().iter().map(part_len).collect();
        let mut rest = &self.bytes[self.bytes.len() - lens.iter().sum::<usize>()..];
        lens.into_iter().map(move |len| {
            let (part, after) = rest.split_at(len);
            rest = after;
            part
        })
    }
}

fn part_len(sharing: &crate::sharing::Sharing) -> usize {
    PART_HEAD + ROW * sharing.rows().len()
}

impl fmt::Debug for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encapsulation({})", self.policy)
    }
}
