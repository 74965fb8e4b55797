//! SHA-256 digests (FIPS 180-4), and the injective encoding of the input in our own formats.

use std::fmt;
use std::str::FromStr;

use base16ct::HexDisplay;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; Hash::LEN]);

impl Hash {
    /// Length of a digest in bytes.
    pub const LEN: usize = 32;

    /// SHA-256 of `data`.
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }

    /// SHA-256 of the concatenation of `parts`. Only for published formats that fix the lengths themselves;
    /// use [`Hash::framed`] for formats of ours.
    pub fn concat(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// SHA-256 of a context label and `parts`, each preceded by its length as 64-bit big-endian, so that no two
    /// different lists hash alike.
    pub fn framed(context: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in std::iter::once(context.as_bytes()).chain(parts.iter().copied()) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads exactly [`Hash::LEN`] bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", HexDisplay(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is written as 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = Self::default();
        let length = base16ct::mixed::decode(text, &mut hash.0).map_or(0, <[u8]>::len);
        if length == Self::LEN { Ok(hash) } else { Err(NotAHash) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_keeps_lists_apart_that_concatenation_confuses() {
        assert_eq!(Hash::concat(&[b"ab", b"c"]), Hash::concat(&[b"a", b"bc"]));
        assert_ne!(Hash::framed("x", &[b"ab", b"c"]), Hash::framed("x", &[b"a", b"bc"]));
        assert_ne!(Hash::framed("x", &[b""]), Hash::framed("x", &[]));
    }

    #[test]
    fn text_form_is_read_back_and_nothing_else_is() {
        let hash = Hash::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        for text in ["", "ba78", &format!("{hash}0"), &format!("{hash}00"), &hash.to_string()[1..]] {
            assert_eq!(text.parse::<Hash>(), Err(NotAHash), "{text}");
        }
        assert_eq!("+".repeat(64).parse::<Hash>(), Err(NotAHash));
    }
}
