//! COSE Receipts (RFC 9942): a log's signed proof that it holds a statement.
//!
//! In scope: inclusion receipts over RFC9162_SHA256 (vds 1), written under ES256, read under ES256 and EdDSA.
//! Out of scope: CCF and other tree kinds, which are refused by name; consistency receipts.
//!
//! A receipt signs the root alone: size and index are outside the signature, and one path can fit several pairs of them
//! (127 of 767 path shapes up to size 299 do). So [`Receipt::verify`] shows only that the log holds the entry. Its
//! index follows from [`Receipt::place`], against a checkpoint that binds root and size.
//!
//! The entry is SHA-256 of the statement with its unprotected header emptied. The RFC leaves this choice to the log.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use minicbor::Decoder;

use crate::cbor;
use crate::cose::{self, ALG_ES256, CoseError, Headers, Sign1, label};
use crate::key::{PublicKey, Signature, Signer, SignerError};
use crate::tree::{MAX_PATH, ProofError, inclusion_root, leaf_hash};
use crate::{Hash, Subject, TrustedCheckpoint, UnixMillis};

/// EdDSA in the COSE algorithm registry.
const ALG_EDDSA: i64 = -8;
/// RFC9162_SHA256 in the registry of verifiable data structures.
const RFC9162_SHA256: i64 = 1;
/// Key of the subject among the CWT claims.
const SUBJECT: i64 = 2;
/// Key of inclusion proofs in the proofs map.
const INCLUSION: i64 = -1;

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a COSE_Sign1.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// A tree of another kind than RFC9162_SHA256.
    #[error("the receipt is for a kind of tree that is not read here")]
    UnsupportedVds,
    /// Signed with another algorithm than that of the verifying key.
    #[error("the receipt's algorithm is not that of the log's key")]
    Algorithm,
    /// It lists critical headers that this reader does not understand.
    #[error("the receipt has critical headers that are not understood")]
    Critical,
    /// Not exactly one inclusion proof, or one that is not of the registered shape.
    #[error("the receipt does not carry one inclusion proof")]
    Proof,
    /// The payload is not detached.
    #[error("the receipt's payload is not detached")]
    NotDetached,
    /// The path does not fit the size and index.
    #[error(transparent)]
    Path(#[from] ProofError),
    /// The log did not sign the root to which the path leads.
    #[error("the log did not sign the root of this proof")]
    Signature,
    /// Of another size or root than the checkpoint.
    #[error("the receipt is not of the trusted checkpoint")]
    OtherCheckpoint,
}

/// A log's key, for receipts.
#[derive(Clone, Debug)]
pub enum ReceiptKey {
    /// ECDSA P-256 with SHA-256.
    Es256(PublicKey),
    /// Ed25519; the 32 bytes of the public key.
    EdDsa([u8; 32]),
}

/// Key id of a P-256 key: its COSE key thumbprint (RFC 9679).
pub fn thumbprint(key: &PublicKey) -> Hash {
    let (x, y) = key.as_sec1()[1..].split_at(32);
    Hash::of(&cbor::encode(|e| {
        e.map(4)?.u8(1)?.u8(2)?.i8(-1)?.u8(1)?.i8(-2)?.bytes(x)?.i8(-3)?.bytes(y)?.ok()
    }))
}

/// The place of an entry in a tree, with the hashes that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Entries in the tree.
    pub size: u64,
    /// The entry's index.
    pub index: u64,
    /// Sibling hashes, from the leaf to the root.
    pub path: Vec<Hash>,
}

/// Writes the receipt for a statement `id` about `subject` that the log `origin` holds at `inclusion`.
pub fn issue(
    origin: &str,
    subject: &Subject,
    id: Hash,
    inclusion: &Inclusion,
    now: UnixMillis,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    let root = inclusion_root(leaf_hash(id.as_bytes()), inclusion.index, inclusion.size, &inclusion.path)?;
    let protected = cbor::encode(|e| {
        e.map(4)?.i64(label::ALG)?.i64(ALG_ES256)?;
        e.i64(label::KID)?.bytes(thumbprint(&signer.public_key()).as_bytes())?;
        e.i64(label::CWT_CLAIMS)?.map(3)?;
        e.u8(1)?
            .str(&format!("https://{origin}"))?
            .u8(2)?
            .str(subject.as_str())?
            .u8(6)?
            .u64(now.seconds())?;
        e.i64(label::VDS)?.i64(RFC9162_SHA256)?.ok()
    });
    let proof = cbor::encode(|e| {
        e.array(3)?.u64(inclusion.size)?.u64(inclusion.index)?.array(inclusion.path.len() as u64)?;
        inclusion.path.iter().try_for_each(|hash| e.bytes(hash.as_bytes())?.ok())
    });
    let signature = signer.sign(&cose::to_be_signed(&protected, root.as_bytes(), &[]))?;
    Ok(cbor::encode(|e| {
        e.tag(minicbor::data::Tag::new(cose::TAG_SIGN1))?.array(4)?.bytes(&protected)?;
        e.map(1)?.i64(label::VDP)?.map(1)?.i64(INCLUSION)?.array(1)?.bytes(&proof)?;
        e.null()?.bytes(signature.as_bytes())?.ok()
    }))
}

/// Why a receipt could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The inclusion proof does not fit its size and index.
    #[error(transparent)]
    Path(#[from] ProofError),
    /// The log's key could not be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// A parsed receipt; nothing in it has been verified.
#[derive(Clone, Debug)]
pub struct Receipt {
    algorithm: i64,
    protected: Vec<u8>,
    signature: Vec<u8>,
    inclusion: Inclusion,
}

impl Receipt {
    /// Reads a receipt that fills `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let sign1 = Sign1::parse(bytes)?;
        let (protected, unprotected) = sign1.headers()?;
        if protected.value(label::CRIT).is_some() {
            return Err(ReceiptError::Critical);
        }
        if protected.int(label::VDS) != Some(RFC9162_SHA256) {
            return Err(ReceiptError::UnsupportedVds);
        }
        if sign1.payload.is_some() {
            return Err(ReceiptError::NotDetached);
        }
        Ok(Self {
            algorithm: protected.int(label::ALG).ok_or(ReceiptError::Algorithm)?,
            inclusion: proof(&unprotected).ok_or(ReceiptError::Proof)?,
            protected: sign1.protected.to_vec(),
            signature: sign1.signature.to_vec(),
        })
    }

    /// The size, index and path that it claims.
    pub const fn claimed(&self) -> &Inclusion {
        &self.inclusion
    }

    /// The subject of the statement, as the receipt claims; `None` if it names none.
    pub fn subject(&self) -> Option<Subject> {
        let protected = Headers::parse(&self.protected).ok()?;
        let mut claims = protected.value(label::CWT_CLAIMS)?;
        for _ in 0..claims.map().ok()?? {
            if claims.i64().ok()? == SUBJECT {
                return Subject::new(claims.str().ok()?).ok();
            }
            cbor::raw_item(&mut claims).ok()?;
        }
        None
    }

    /// Checks that the log with `key` signed a tree that holds the entry `id`, and returns the root of that tree.
    pub fn verify(&self, id: Hash, key: &ReceiptKey) -> Result<Hash, ReceiptError> {
        let Inclusion { size, index, path } = &self.inclusion;
        let root = inclusion_root(leaf_hash(id.as_bytes()), *index, *size, path)?;
        let signed = cose::to_be_signed(&self.protected, root.as_bytes(), &[]);
        let verified = match (key, self.algorithm) {
            // Foreign logs may write a high s. Nothing is identified by a receipt, so the low-s form is not required.
            (ReceiptKey::Es256(key), ALG_ES256) => Signature::normalise(&self.signature)
                .is_ok_and(|signature| key.verify(&signed, &signature).is_ok()),
            (ReceiptKey::EdDsa(key), ALG_EDDSA) => {
                UnparsedPublicKey::new(&ED25519, key).verify(&signed, &self.signature).is_ok()
            }
            _ => return Err(ReceiptError::Algorithm),
        };
        if verified { Ok(root) } else { Err(ReceiptError::Signature) }
    }

    /// The entry's index, once the receipt is shown to be of `checkpoint`, which binds root and size.
    pub fn place(
        &self,
        id: Hash,
        key: &ReceiptKey,
        checkpoint: &TrustedCheckpoint,
    ) -> Result<u64, ReceiptError> {
        let root = self.verify(id, key)?;
        let trusted = checkpoint.checkpoint();
        if root == trusted.root() && self.inclusion.size == trusted.size() {
            Ok(self.inclusion.index)
        } else {
            Err(ReceiptError::OtherCheckpoint)
        }
    }
}

fn proof(unprotected: &Headers<'_>) -> Option<Inclusion> {
    let mut proofs = unprotected.value(label::VDP)?;
    let one =
        proofs.map().ok()? == Some(1) && proofs.i64().ok()? == INCLUSION && proofs.array().ok()? == Some(1);
    let bytes = proofs.bytes().ok().filter(|_| one)?;
    let mut d = Decoder::new(bytes);
    let shape = d.array().ok()? == Some(3);
    let (size, index) = (d.u64().ok()?, d.u64().ok()?);
    let count = d.array().ok()?.filter(|&count| count <= MAX_PATH as u64)?;
    let path = (0..count).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?;
    (shape && d.position() == bytes.len()).then_some(Inclusion { size, index, path })
}
