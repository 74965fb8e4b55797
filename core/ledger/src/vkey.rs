//! Verifier keys of notes (C2SP signed-note, "Verifier keys"; C2SP tlog-cosignature, Ed25519).
//!
//! In scope: the types 0x01 (Ed25519), 0x02 (ECDSA, P-256 only) and 0x04 (timestamped Ed25519 cosignature).
//! Out of scope: P-384 and P-521 under 0x02, RFC 6962 tree heads (0x05), ML-DSA-44 (0x06).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::note::{Note, NoteSignature, is_key_name};
use crate::{Hash, PublicKey, UnixMillis};

/// The bytes before an uncompressed P-256 point in a `SubjectPublicKeyInfo` (RFC 5480 section 2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The latest time a cosignature may carry, in seconds (C2SP tlog-cosignature, "Format").
const MAX_TIMESTAMP: u64 = i64::MAX as u64;

/// Why text is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// Not `name+id+key`, or the name, the id or the Base64 is malformed.
    #[error("a verifier key is written name+id+key")]
    Malformed,
    /// A signature type that is not supported.
    #[error("signature type {0:#04x} is not supported")]
    UnknownType(u8),
    /// Not a public key of its type.
    #[error("the public key is malformed")]
    BadKey,
    /// The id is not the one that follows from the key.
    #[error("the key id does not belong to the key")]
    WrongId,
}

/// Why a note is not signed by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature line carries the key's name and id.
    #[error("the key has not signed the note")]
    Missing,
    /// A line carries the key's name and id, but not its signature over this text.
    #[error("the signature does not verify")]
    Invalid,
}

/// The types of signature that are supported, by their identifier byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureType {
    /// Ed25519 over the text.
    Ed25519 = 0x01,
    /// ECDSA with P-256 and SHA-256 over the text, in DER. High `s` is accepted: nothing is ever identified by a
    /// note's signature.
    EcdsaP256 = 0x02,
    /// Ed25519 over the text and a time.
    Cosignature = 0x04,
}

/// A key to verify notes with: `name+id+key` as text.
#[derive(Clone)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    kind: SignatureType,
    /// 32 bytes for Ed25519, a `SubjectPublicKeyInfo` for ECDSA.
    material: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl VerifierKey {
    /// A key from its name, type and public key: 32 bytes for Ed25519, a DER `SubjectPublicKeyInfo` for ECDSA.
    pub fn new(name: &str, kind: SignatureType, material: &[u8]) -> Result<Self, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError::Malformed);
        }
        let parsed = match kind {
            SignatureType::Ed25519 | SignatureType::Cosignature => ParsedPublicKey::new(&ED25519, material),
            SignatureType::EcdsaP256 => {
                let point = material.strip_prefix(&P256_SPKI_PREFIX).ok_or(VerifierKeyError::BadKey)?;
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            }
        };
        let parsed = parsed.map_err(|_| VerifierKeyError::BadKey)?;
        let id = key_id(name, kind, material);
        Ok(Self { name: name.to_owned(), id, kind, material: material.to_vec(), parsed })
    }

    /// The key's name: a log's origin, or the name of a cosigner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of signature that the key makes.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The key itself, if it is of P-256.
    pub fn p256(&self) -> Option<PublicKey> {
        (self.kind == SignatureType::EcdsaP256).then(|| PublicKey::from_spki_der(&self.material).ok())?
    }

    /// Whether both have the same public key, whatever their names and types (C2SP tlog-policy's "duplicate").
    pub fn same_public_key(&self, other: &Self) -> bool {
        self.material == other.material
    }

    /// Checks every signature that carries this key's name and id; there must be at least one, and a single invalid one
    /// fails the note. `Some` is the latest time that a cosigner states; other keys state none.
    pub fn verify(&self, note: &Note) -> Result<Option<UnixMillis>, SignatureError> {
        let times = self.signatures(note).map(|signature| self.verify_one(note.text(), signature));
        let latest = times.reduce(|a, b| Ok(a?.max(b?)));
        latest.unwrap_or(Err(SignatureError::Missing))
    }

    /// The lines of a note that carry this key's name and id, verified or not.
    pub fn signatures<'a>(&self, note: &'a Note) -> impl Iterator<Item = &'a NoteSignature> {
        note.signatures().iter().filter(|line| line.name == self.name && line.key_id == self.id)
    }

    fn verify_one(
        &self,
        text: &str,
        signature: &NoteSignature,
    ) -> Result<Option<UnixMillis>, SignatureError> {
        let check = |message: &[u8], signature: &[u8]| {
            self.parsed.verify_sig(message, signature).map_err(|_| SignatureError::Invalid)
        };
        if self.kind != SignatureType::Cosignature {
            return check(text.as_bytes(), &signature.bytes).map(|()| None);
        }
        let (time, signature) = signature.bytes.split_first_chunk().ok_or(SignatureError::Invalid)?;
        let time = u64::from_be_bytes(*time);
        if time > MAX_TIMESTAMP {
            return Err(SignatureError::Invalid);
        }
        check(cosigned_message(text, time).as_bytes(), signature)?;
        Ok(Some(UnixMillis::from_seconds(time)))
    }

    /// The line with which this key signs: `bytes` is what follows the key id.
    pub(crate) fn signature_line(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), key_id: self.id, bytes }
    }
}

/// What a cosigner signs (C2SP tlog-cosignature, "Ed25519 signed message"); `time` in seconds.
pub(crate) fn cosigned_message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// A `SubjectPublicKeyInfo` around an uncompressed P-256 point.
pub(crate) fn p256_spki(point: &[u8]) -> Vec<u8> {
    [&P256_SPKI_PREFIX[..], point].concat()
}

fn key_id(name: &str, kind: SignatureType, material: &[u8]) -> [u8; 4] {
    let hash = match kind {
        SignatureType::EcdsaP256 => Hash::of(material),
        SignatureType::Ed25519 | SignatureType::Cosignature => {
            Hash::concat(&[name.as_bytes(), b"\n", &[kind as u8], material])
        }
    };
    let [a, b, c, d, ..] = hash.0;
    [a, b, c, d]
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.kind, &self.material) == (&other.name, other.kind, &other.material)
    }
}

impl Eq for VerifierKey {}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[self.kind as u8], &self.material[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        // Base64 may contain plus signs, names and ids may not.
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(VerifierKeyError::Malformed);
        };
        let key = STANDARD.decode(key).map_err(|_| VerifierKeyError::Malformed)?;
        let (kind, material) = key.split_first().ok_or(VerifierKeyError::Malformed)?;
        let kind = match kind {
            0x01 => SignatureType::Ed25519,
            0x02 => SignatureType::EcdsaP256,
            0x04 => SignatureType::Cosignature,
            &other => return Err(VerifierKeyError::UnknownType(other)),
        };
        let key = Self::new(name, kind, material)?;
        if id == format!("{:08x}", u32::from_be_bytes(key.id)) {
            Ok(key)
        } else {
            Err(VerifierKeyError::WrongId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of C2SP signed-note.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn parse(text: &str) -> Result<VerifierKey, VerifierKeyError> {
        text.parse()
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key = parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(key.verify(&Note::parse(NOTE).unwrap()), Ok(None));
    }

    #[test]
    fn a_missing_and_a_wrong_signature_are_refused() {
        let key = parse(KEY).unwrap();
        let verify = |note: &str| key.verify(&Note::parse(note).unwrap());
        assert_eq!(verify(&NOTE.replace("message", "passage")), Err(SignatureError::Invalid));
        assert_eq!(verify(&NOTE.replace("com/foo", "com/bar")), Err(SignatureError::Missing));
        assert_eq!(verify(&NOTE.replace("Uw2QOkn", "Uw2QOkm")), Err(SignatureError::Invalid));
        assert_eq!(verify(&NOTE.replace("Uw2Q", "Uw3Q")), Err(SignatureError::Missing));
        let spoilt = format!("{NOTE}{}", NOTE.lines().last().unwrap().replace("Okn8", "Okn9") + "\n");
        assert_eq!(verify(&spoilt), Err(SignatureError::Invalid));
    }

    #[test]
    fn each_malformed_key_has_its_own_error() {
        assert_eq!(parse("example.com/foo+530d903a"), Err(VerifierKeyError::Malformed));
        assert_eq!(parse(&KEY.replace("example", "ex ample")), Err(VerifierKeyError::Malformed));
        assert_eq!(parse(&KEY.replace("AekyeR", "Aeky!R")), Err(VerifierKeyError::Malformed));
        assert_eq!(parse("a+00000000+AwEB"), Err(VerifierKeyError::UnknownType(3)));
        assert_eq!(parse("a+00000000+AQEB"), Err(VerifierKeyError::BadKey));
        assert_eq!(parse("a+00000000+AgEB"), Err(VerifierKeyError::BadKey));
        assert_eq!(parse(&KEY.replace("530d903a", "530d903b")), Err(VerifierKeyError::WrongId));
        assert_eq!(parse(&KEY.replace("530d903a", "530D903A")), Err(VerifierKeyError::WrongId));
        assert_eq!(parse(&KEY.replace("com/foo", "com/bar")), Err(VerifierKeyError::WrongId));
    }
}
