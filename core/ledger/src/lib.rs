//! Statements, the log, and what it takes to believe them.

mod cbor;
pub mod certificate;
mod checkpoint;
pub mod cose;
mod fields;
mod genesis;
mod hash;
mod history;
mod identity;
mod index;
mod key;
mod notary;
mod note;
mod policy;
pub mod receipt;
pub mod sealed;
mod signer;
mod statement;
mod subject;
mod tile;
mod time;
mod tree;
mod trust;
mod vkey;

pub use cbor::{CborError, check_deterministic};
pub use certificate::{Certificate, CertificateError};
pub use checkpoint::{
    AdvanceError, Checkpoint, CheckpointError, CheckpointTextError, ForkEvidence, TreeHead, TrustedCheckpoint,
};
pub use fields::{Fields, FieldsError, Value};
pub use genesis::{Base64, Genesis, GenesisDomain, GenesisError};
pub use hash::{Hash, NotAHash};
pub use history::{HistoryEntry, HistoryError, Known, MAX_ENTRIES, SubjectHistory};
pub use identity::{Identity, NotAnIdentity};
pub use index::{Family, FamilyProof, Index, IndexEntry, IndexError, IndexKey, IndexProof};
pub use key::{KeyError, PublicKey, Signature, Signer, SignerError, SoftwareKey};
pub use notary::{Notary, NotaryRefusal};
pub use note::{MAX_NOTE_LEN, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use policy::{Policy, PolicyError, PolicyFault, Shortfall};
pub use signer::{Cosigner, NoteSigner};
pub use statement::{Draft, FormatError, MAX_STATEMENT, SignError, Statement, Verified};
pub use subject::{Kind, NameError, Subject};
pub use tile::{TILE_WIDTH, TileError, TileKind, TilePath, Tiles, read_bundle, write_bundle};
pub use time::UnixMillis;
pub use tree::{
    Frontier, MAX_PATH, ProofError, Tree, empty_root, inclusion_root, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};
pub use trust::{
    ENROL, Logged, MAX_AGE_MILLIS, MAX_SKEW_MILLIS, REGISTRAR, REVOKE, Refusal, Trust, check_fresh,
};
pub use vkey::{SignatureError, SignatureType, VerifierKey, VerifierKeyError};
