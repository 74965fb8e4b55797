//! ECDSA over P-256 with SHA-256 (FIPS 186-5), low-s only.
//!
//! One form each, said in the type: a public key is an uncompressed SEC1 point, a signature is `r || s` with `s <=
//! n/2`. The output of a key store (DER, high s) is normalised here and nowhere else.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

/// Half the order of P-256, rounded down: the largest s that is low.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Why a key or a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a point on P-256, or not in an encoding that we read.
    #[error("not a P-256 public key")]
    PublicKey,
    /// Not an ECDSA signature in DER or raw form.
    #[error("not a P-256 signature")]
    Encoding,
    /// The malleable (high-s) form of a signature.
    #[error("the signature's s is above half the group order")]
    HighS,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The secret key is not a number between 1 and the group order.
    #[error("not a P-256 secret key")]
    SecretKey,
}

/// A P-256 public key, parsed and ready to verify.
#[derive(Clone)]
pub struct PublicKey {
    point: [u8; 65],
    parsed: Arc<ParsedPublicKey>,
}

impl PublicKey {
    /// Reads a SEC1 point, compressed or not.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_p256(&p256::PublicKey::from_sec1_bytes(bytes).map_err(|_| KeyError::PublicKey)?)
    }

    /// Reads a DER `SubjectPublicKeyInfo`.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_p256(&p256::PublicKey::from_public_key_der(der).map_err(|_| KeyError::PublicKey)?)
    }

    /// The uncompressed SEC1 point.
    pub const fn as_sec1(&self) -> &[u8; 65] {
        &self.point
    }

    /// The key as a DER `SubjectPublicKeyInfo`.
    pub fn to_spki_der(&self) -> Vec<u8> {
        let key = p256::PublicKey::from_sec1_bytes(&self.point).ok();
        // safe: the point was on the curve when it was read, and its encoding has a fixed length.
        key.and_then(|key| key.to_public_key_der().ok()).map_or_else(Vec::new, |der| der.as_bytes().to_vec())
    }

    /// Verifies `signature` over SHA-256 of `message`.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        self.parsed.verify_sig(message, &signature.0).map_err(|_| KeyError::Signature)
    }

    fn from_p256(key: &p256::PublicKey) -> Result<Self, KeyError> {
        let point: [u8; 65] =
            key.to_sec1_point(false).as_bytes().try_into().map_err(|_| KeyError::PublicKey)?;
        let parsed =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::PublicKey)?;
        Ok(Self { point, parsed: Arc::new(parsed) })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", crate::Hash::of(&self.point))
    }
}

/// A low-s ECDSA signature: `r || s`, 32 bytes each, big-endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature([u8; Signature::LEN]);

impl Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// Reads `r || s`, refusing a high s: what arrives signed must already be in the one form.
    pub fn from_raw(bytes: &[u8]) -> Result<Self, KeyError> {
        let raw: [u8; Self::LEN] = bytes.try_into().map_err(|_| KeyError::Encoding)?;
        if raw[32..] > HALF_ORDER[..] { Err(KeyError::HighS) } else { Ok(Self(raw)) }
    }

    /// Normalises the output of a key store: DER or raw, s high or low.
    pub fn normalise(bytes: &[u8]) -> Result<Self, KeyError> {
        let parsed = match bytes.len() {
            Self::LEN => p256::ecdsa::Signature::from_slice(bytes),
            _ => p256::ecdsa::Signature::from_der(bytes),
        };
        Ok(Self(parsed.map_err(|_| KeyError::Encoding)?.normalize_s().to_bytes().into()))
    }

    /// `r || s`.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The DER form that X.509 carries.
    pub(crate) fn to_p256_der(self) -> Result<p256::ecdsa::DerSignature, KeyError> {
        let raw = p256::ecdsa::Signature::from_slice(&self.0).map_err(|_| KeyError::Encoding)?;
        Ok(raw.to_der())
    }
}

/// Why a key could not be used. Reveals nothing about the message or the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The person declined the prompt; nothing is wrong.
    #[error("signing was cancelled")]
    Cancelled,
    /// The key store failed or has no such key.
    #[error("the key could not be used")]
    Failed,
}

/// A signer with a P-256 key, which may be in hardware.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs SHA-256 of `message`.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;
}

/// A P-256 key in memory, for the command line, tests and nodes; erased when dropped.
pub struct SoftwareKey(p256::ecdsa::SigningKey);

impl SoftwareKey {
    /// Makes a key from `random`.
    pub fn generate(random: &mut impl rand_core::CryptoRng) -> Self {
        use p256::elliptic_curve::Generate as _;
        Self(p256::ecdsa::SigningKey::generate_from_rng(random))
    }

    /// Reads the 32-byte big-endian secret number.
    pub fn from_bytes(secret: &[u8]) -> Result<Self, KeyError> {
        p256::ecdsa::SigningKey::from_slice(secret).map(Self).map_err(|_| KeyError::SecretKey)
    }

    /// The 32-byte big-endian secret number, erased when dropped.
    pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes().into())
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareKey")
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        let key = p256::PublicKey::from(self.0.verifying_key());
        #[expect(clippy::expect_used, reason = "a public key derived from a secret one is on the curve")]
        PublicKey::from_p256(&key).expect("a derived key is valid")
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let signature: p256::ecdsa::Signature = self.0.try_sign(message).map_err(|_| SignerError::Failed)?;
        Ok(Signature(signature.normalize_s().to_bytes().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6979 appendix A.2.5: the key, the message "sample", and r; s there is high and is normalised here.
    const SECRET: [u8; 32] = [
        0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21, 0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e,
        0x50, 0xc3, 0xdb, 0x36, 0xe8, 0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21,
    ];

    fn negated(signature: &Signature) -> [u8; 64] {
        let parsed = p256::ecdsa::Signature::from_slice(&signature.0).unwrap();
        let (r, s) = parsed.split_scalars();
        p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap().to_bytes().into()
    }

    #[test]
    fn signing_is_deterministic_and_low() {
        let key = SoftwareKey::from_bytes(&SECRET).unwrap();
        let signature = key.sign(b"sample").unwrap();
        assert_eq!(signature.as_bytes()[..4], [0xef, 0xd4, 0x8b, 0x2a]);
        assert_eq!(signature, Signature::from_raw(signature.as_bytes()).unwrap());
        key.public_key().verify(b"sample", &signature).unwrap();
        assert_eq!(key.public_key().verify(b"Sample", &signature), Err(KeyError::Signature));
    }

    #[test]
    fn the_high_twin_verifies_elsewhere_and_is_refused_here() {
        let key = SoftwareKey::from_bytes(&SECRET).unwrap();
        let twin = negated(&key.sign(b"sample").unwrap());
        assert!(key.public_key().parsed.verify_sig(b"sample", &twin).is_ok());
        assert_eq!(Signature::from_raw(&twin), Err(KeyError::HighS));
        assert_eq!(Signature::normalise(&twin).unwrap(), key.sign(b"sample").unwrap());
    }

    #[test]
    fn half_the_order_itself_is_low() {
        let mut raw = [1; 64];
        raw[32..].copy_from_slice(&HALF_ORDER);
        assert!(Signature::from_raw(&raw).is_ok());
        raw[63] += 1;
        assert_eq!(Signature::from_raw(&raw), Err(KeyError::HighS));
    }

    #[test]
    fn key_encodings_agree() {
        let key = SoftwareKey::from_bytes(&SECRET).unwrap().public_key();
        assert_eq!(PublicKey::from_spki_der(&key.to_spki_der()), Ok(key.clone()));
        let compressed = [&[2 | (key.as_sec1()[64] & 1)], &key.as_sec1()[1..33]].concat();
        assert_eq!(PublicKey::from_sec1(&compressed), Ok(key));
        assert_eq!(PublicKey::from_sec1(&[4; 65]).unwrap_err(), KeyError::PublicKey);
    }
}
