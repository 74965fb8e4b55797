//! Keys that sign notes: a log's (C2SP signed-note, types 0x01 and 0x02) and a cosigner's (C2SP tlog-cosignature,
//! type 0x04).
//!
//! In scope: signing in software, from a secret that the caller keeps. Out of scope: where secrets come from. Neither
//! type returns its secret, and both erase it when dropped: p256 by `ZeroizeOnDrop`, AWS-LC by cleansing every key that
//! it frees.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

use crate::UnixMillis;
use crate::note::NoteSignature;
use crate::vkey::{SignatureType, VerifierKey, VerifierKeyError, cosigned_message, p256_spki};

/// A log's key.
pub struct NoteSigner {
    secret: Secret,
    public: VerifierKey,
}

enum Secret {
    Ed25519(Ed25519KeyPair),
    EcdsaP256(SigningKey),
}

impl NoteSigner {
    /// An Ed25519 key from its seed (RFC 8032 section 5.1.5).
    pub fn ed25519(name: &str, seed: &[u8; 32]) -> Result<Self, VerifierKeyError> {
        let (pair, public) = ed25519(name, SignatureType::Ed25519, seed)?;
        Ok(Self { secret: Secret::Ed25519(pair), public })
    }

    /// A P-256 key from its scalar, big-endian; zero and values beyond the group's order are refused. It signs
    /// deterministically (RFC 6979).
    pub fn p256(name: &str, scalar: &[u8; 32]) -> Result<Self, VerifierKeyError> {
        let secret = SigningKey::from_slice(scalar).map_err(|_| VerifierKeyError::BadKey)?;
        let spki = p256_spki(secret.verifying_key().to_sec1_point(false).as_bytes());
        let public = VerifierKey::new(name, SignatureType::EcdsaP256, &spki)?;
        Ok(Self { secret: Secret::EcdsaP256(secret), public })
    }

    /// The key that verifies what this one signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs a note's text, including its final newline.
    pub fn sign(&self, text: &str) -> NoteSignature {
        let signature = match &self.secret {
            Secret::Ed25519(pair) => pair.sign(text.as_bytes()).as_ref().to_vec(),
            Secret::EcdsaP256(key) => {
                let signature: DerSignature = key.sign(text.as_bytes());
                signature.as_bytes().to_vec()
            }
        };
        self.public.signature_line(signature)
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.public)
    }
}

/// A witness's key: it cosigns checkpoints with the time at which it does.
pub struct Cosigner {
    secret: Ed25519KeyPair,
    public: VerifierKey,
}

impl Cosigner {
    /// A cosigner's key from its Ed25519 seed. The signed message does not name the cosigner, so one seed serves one
    /// name.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, VerifierKeyError> {
        let (secret, public) = ed25519(name, SignatureType::Cosignature, seed)?;
        Ok(Self { secret, public })
    }

    /// The key that verifies what this one signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// Cosigns a checkpoint's text at `now`, rounded down to the second. A cosignature states that the checkpoint is
    /// the largest that the cosigner has seen of the log; [`crate::Witness`] ensures that.
    pub fn cosign(&self, text: &str, now: UnixMillis) -> NoteSignature {
        let time = now.seconds();
        let signature = self.secret.sign(cosigned_message(text, time).as_bytes());
        self.public.signature_line([&time.to_be_bytes()[..], signature.as_ref()].concat())
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.public)
    }
}

fn ed25519(
    name: &str,
    kind: SignatureType,
    seed: &[u8; 32],
) -> Result<(Ed25519KeyPair, VerifierKey), VerifierKeyError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| VerifierKeyError::BadKey)?;
    let public = VerifierKey::new(name, kind, pair.public_key().as_ref())?;
    Ok((pair, public))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Note;
    use crate::vkey::SignatureError;

    fn signed(text: &str, signature: NoteSignature) -> Note {
        let mut note = Note::new(text.to_owned()).unwrap();
        note.add(signature).unwrap();
        Note::parse(&note.to_string()).unwrap()
    }

    #[test]
    fn what_a_log_signs_verifies_and_the_key_survives_its_text_form() {
        for signer in [NoteSigner::ed25519("log", &[7; 32]), NoteSigner::p256("log", &[7; 32])] {
            let signer = signer.unwrap();
            let key: VerifierKey = signer.verifier_key().to_string().parse().unwrap();
            assert_eq!(&key, signer.verifier_key());
            assert_eq!(key.verify(&signed("text\n", signer.sign("text\n"))), Ok(None));
            let other = signed("next\n", signer.sign("text\n"));
            assert_eq!(key.verify(&other), Err(SignatureError::Invalid));
        }
    }

    #[test]
    fn a_cosignature_carries_its_time_and_the_latest_counts() {
        let cosigner = Cosigner::new("witness", &[8; 32]).unwrap();
        let key = cosigner.verifier_key();
        let early = UnixMillis(1_700_000_000_999);
        let mut note = signed("text\n", cosigner.cosign("text\n", early));
        assert_eq!(key.verify(&note), Ok(Some(UnixMillis(1_700_000_000_000))));
        note.add(cosigner.cosign("text\n", UnixMillis(1_800_000_000_000))).unwrap();
        note.add(cosigner.cosign("text\n", UnixMillis(5))).unwrap();
        assert_eq!(key.verify(&note), Ok(Some(UnixMillis(1_800_000_000_000))));
    }

    #[test]
    fn the_time_of_a_cosignature_is_signed() {
        let cosigner = Cosigner::new("witness", &[8; 32]).unwrap();
        for byte in 0..8 {
            let mut signature = cosigner.cosign("text\n", UnixMillis(0));
            signature.bytes[byte] ^= 0x80;
            let note = signed("text\n", signature);
            assert_eq!(cosigner.verifier_key().verify(&note), Err(SignatureError::Invalid));
        }
        let mut cut = cosigner.cosign("text\n", UnixMillis(0));
        cut.bytes.truncate(7);
        assert_eq!(cosigner.verifier_key().verify(&signed("text\n", cut)), Err(SignatureError::Invalid));
    }

    #[test]
    fn a_time_beyond_the_standards_bound_is_refused_although_it_is_signed() {
        let cosigner = Cosigner::new("witness", &[8; 32]).unwrap();
        let verify = |time: u64| {
            let signature = cosigner.secret.sign(cosigned_message("text\n", time).as_bytes());
            let bytes = [&time.to_be_bytes()[..], signature.as_ref()].concat();
            let line = cosigner.public.signature_line(bytes);
            cosigner.verifier_key().verify(&signed("text\n", line))
        };
        let last = (1 << 63) - 1;
        assert_eq!(verify(last), Ok(Some(UnixMillis::from_seconds(last))));
        assert_eq!(verify(1 << 63), Err(SignatureError::Invalid));
    }

    #[test]
    fn one_seed_under_two_types_has_two_ids_and_neither_signs_for_the_other() {
        let log = NoteSigner::ed25519("name", &[9; 32]).unwrap();
        let cosigner = Cosigner::new("name", &[9; 32]).unwrap();
        assert!(log.verifier_key().same_public_key(cosigner.verifier_key()));
        let note = signed("text\n", log.sign("text\n"));
        assert_eq!(cosigner.verifier_key().verify(&note), Err(SignatureError::Missing));
    }

    #[test]
    fn impossible_secrets_are_refused() {
        assert_eq!(NoteSigner::p256("log", &[0; 32]).unwrap_err(), VerifierKeyError::BadKey);
        assert_eq!(NoteSigner::p256("log", &[0xff; 32]).unwrap_err(), VerifierKeyError::BadKey);
        assert_eq!(Cosigner::new("a b", &[1; 32]).unwrap_err(), VerifierKeyError::Malformed);
    }
}
