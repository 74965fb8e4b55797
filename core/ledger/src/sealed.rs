//! The confidential part of a statement: HPKE (RFC 9180) to its receiver's agreement key.
//!
//! In scope: base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message per encapsulation. The
//! statement's signature covers the sealed bytes, so the sender is authenticated there. Out of scope: other suites.
//!
//! Form: the encapsulated key (65 bytes, uncompressed SEC1) followed by the ciphertext with its tag.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

use crate::key::PublicKey;
use crate::{Kind, Subject};

type PublicAgreementKey = <DhP256HkdfSha256 as Kem>::PublicKey;
type SecretAgreementKey = <DhP256HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <DhP256HkdfSha256 as Kem>::EncappedKey;

/// Length of the encapsulated key.
const ENCAPPED: usize = 65;
const INFO: &[u8] = b"countersign/sealed/v1";

/// A sealed part cannot be made or opened. No further detail, so that an attacker learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the confidential part cannot be opened with this key")]
pub struct SealError;

/// Seals `plaintext` to `receiver`'s agreement key, bound to the kind and subject of the statement that will carry it.
pub fn seal(
    plaintext: &[u8],
    receiver: &PublicKey,
    kind: &Kind,
    subject: &Subject,
    random: &mut impl rand_core::CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let receiver = PublicAgreementKey::from_bytes(receiver.as_sec1()).map_err(|_| SealError)?;
    let (encapped, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeS::Base,
        &receiver,
        INFO,
        plaintext,
        &context(kind, subject),
        random,
    )
    .map_err(|_| SealError)?;
    Ok([encapped.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens a sealed part with the receiver's 32-byte secret agreement key.
pub fn open(
    sealed: &[u8],
    secret: &[u8; 32],
    kind: &Kind,
    subject: &Subject,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (encapped, ciphertext) = sealed.split_at_checked(ENCAPPED).ok_or(SealError)?;
    let secret = SecretAgreementKey::from_bytes(secret).map_err(|_| SealError)?;
    let encapped = EncappedKey::from_bytes(encapped).map_err(|_| SealError)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapped,
        INFO,
        ciphertext,
        &context(kind, subject),
    )
    .map(Zeroizing::new)
    .map_err(|_| SealError)
}

fn context(kind: &Kind, subject: &Subject) -> [u8; 32] {
    crate::Hash::framed("countersign/sealed/v1", &[kind.as_str().as_bytes(), subject.as_str().as_bytes()]).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Signer as _, SoftwareKey};

    /// A counter: random enough for a test of what is sealed, not of how well.
    struct Counter(u8);

    impl rand_core::TryRng for Counter {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            let mut bytes = [0; 4];
            self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Counter {}

    #[test]
    fn only_the_receiver_opens_it_and_only_in_its_place() {
        let (receiver, other) = ([7; 32], [8; 32]);
        let key = SoftwareKey::from_bytes(&receiver).unwrap().public_key();
        let (kind, subject) = (Kind::new("medicine.material").unwrap(), Subject::new("urn:x:1").unwrap());
        let sealed = seal(b"price 12", &key, &kind, &subject, &mut Counter(0)).unwrap();
        assert_eq!(open(&sealed, &receiver, &kind, &subject).unwrap().as_slice(), b"price 12");
        assert_eq!(open(&sealed, &other, &kind, &subject), Err(SealError));
        assert_eq!(open(&sealed, &receiver, &Kind::new("recall").unwrap(), &subject), Err(SealError));
        assert_eq!(open(&sealed, &receiver, &kind, &Subject::new("urn:x:2").unwrap()), Err(SealError));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&damaged, &receiver, &kind, &subject), Err(SealError), "byte {at}");
        }
        assert_eq!(open(&sealed[..64], &receiver, &kind, &subject), Err(SealError));
    }
}
