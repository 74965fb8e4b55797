//! Statements, the log, and what it takes to believe them.

mod cbor;
pub mod certificate;
pub mod cose;
mod fields;
mod hash;
mod note;
mod signer;
mod identity;
mod key;
pub mod sealed;
mod statement;
mod subject;
mod time;
mod tree;
mod vkey;
mod trust;

pub use cbor::{CborError, check_deterministic};
pub use certificate::{Certificate, CertificateError};
pub use fields::{Fields, FieldsError, Value};
pub use hash::{Hash, NotAHash};
pub use note::{MAX_NOTE_LEN, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use signer::{Cosigner, NoteSigner};
pub use identity::{Identity, NotAnIdentity};
pub use key::{KeyError, PublicKey, Signature, Signer, SignerError, SoftwareKey};
pub use statement::{Draft, FormatError, MAX_STATEMENT, SignError, Statement, Verified};
pub use subject::{Kind, NameError, Subject};
pub use time::UnixMillis;
pub use tree::{
    Frontier, MAX_PATH, ProofError, Tree, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
pub use vkey::{SignatureError, SignatureType, VerifierKey, VerifierKeyError};
pub use trust::{
    ENROL, Logged, MAX_AGE_MILLIS, MAX_SKEW_MILLIS, REGISTRAR, REVOKE, Refusal, Trust, check_fresh,
};
