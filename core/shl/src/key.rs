//! The key of a link: it is in the link and nowhere else.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Base64url as people write it: with padding or without, and with a last digit whose spare bits are set, as keys that were made
/// by hand have it. What is written here has neither.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// 32 bytes that open every file of a link. Erased when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A fresh key.
    pub fn random(random: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let read = Zeroizing::new(LENIENT.decode(text).ok()?);
        let mut bytes = Zeroizing::new([0; 32]);
        (read.len() == bytes.len()).then(|| bytes.copy_from_slice(&read))?;
        Some(Self(bytes))
    }

    pub(crate) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(LENIENT.encode(self.0.as_slice()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}
