//! HMAC-SHA-256 over labelled fields, and the keys that it takes.
//!
//! ```text
//! MAC(K, label, field...) = HMAC-SHA-256(K, len8 | label, then len8 | field for each)
//! ```
//!
//! Each label and field is at most 255 bytes, so the encoding is injective.

use core::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

/// Length of a tag on the wire: half of the hash, RFC 2104's floor.
pub const TAG: usize = 16;
/// The length of SHA-256's block, to which HMAC pads a key with zeros.
const BLOCK: usize = 64;

/// A 32-byte secret. It is wiped when dropped, never shown, and compared in constant time where it matters.
///
/// `Eq` and `Hash` are for a model checker, which holds whole machines.
#[derive(Clone, PartialEq, Eq, Hash, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// A key made elsewhere, uniformly random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself, for whoever keeps it.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether each byte differs from the one before by the same number: zeros, one byte 32 times, `00 01 02 ..`. Default and
    /// test keys look so, and random ones never do.
    pub fn is_a_pattern(&self) -> bool {
        let mut steps = self.0.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        let first = steps.next();
        steps.all(|step| Some(step) == first)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Computes MACs and counts them: the number is what a sensor's energy goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Macs(u32);

impl Macs {
    /// How many were computed since this was last asked.
    pub fn take(&mut self) -> u32 {
        core::mem::take(&mut self.0)
    }

    pub(crate) fn mac(&mut self, key: &Key, label: &str, fields: &[&[u8]]) -> Key {
        self.0 = self.0.saturating_add(1);
        let mut padded = [0; BLOCK];
        padded[..32].copy_from_slice(&key.0);
        let mut mac = Hmac::<Sha256>::new(&padded.into());
        padded.zeroize();
        for field in core::iter::once(label.as_bytes()).chain(fields.iter().copied()) {
            debug_assert!(field.len() <= 255, "a field is at most 255 bytes");
            #[allow(
                clippy::cast_possible_truncation,
                reason = "all fields are of a fixed length, or a frame's"
            )]
            mac.update(&[field.len() as u8]);
            mac.update(field);
        }
        Key(mac.finalize().into_bytes().into())
    }
}

/// What of a MAC goes on the wire.
pub(crate) fn tag(mac: &Key) -> [u8; TAG] {
    let mut tag = [0; TAG];
    tag.copy_from_slice(&mac.0[..TAG]);
    tag
}

/// Whether `given` is the tag of `mac`, in constant time.
pub(crate) fn matches(mac: &Key, given: &[u8; TAG]) -> bool {
    mac.0[..TAG].ct_eq(given).into()
}
