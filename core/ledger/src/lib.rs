//! Signed statements, the transparency logs that hold them, and the verification of both.
//!
//! A statement is one signed claim about one subject (a SCITT Signed Statement). A log orders statements and commits to
//! all of them in one root; witnesses cosign that root. A client that trusts a quorum of witnesses verifies offline
//! what is in the log, and that nothing was left out. Nothing here uses a clock, a disk or a socket.
//!
//! # Reading order
//!
//! | step | modules | result |
//! | --- | --- | --- |
//! | who may sign | `identity`, [`certificate`], `trust` | [`TrustStore`]: pinned roots, enrolled members, revocations |
//! | what is said | `subject`, `fields`, `statement` on [`cose`] and `cbor`, [`sealed`] | [`Statement`], then [`Verified`] |
//! | where it is recorded | `tree`, `index`, `tile` | [`Tree`], [`Index`] and the proofs of both |
//! | what the log commits to | `note`, `vkey`, `checkpoint`, `policy`, `witness`, `add_checkpoint` | [`TrustedCheckpoint`] |
//! | how it is shown | `history`, [`receipt`], `tlog_proof` | [`Placed`] statements, complete for their subject |
//!
//! Each of these types is made only by the function that checks it. [`Statement::parse`] exposes headers; the payload
//! is inaccessible until verified. [`TrustStore::verify`] makes a [`Verified`], [`TrustStore::place`] a [`Placed`],
//! [`Policy::trust`] a [`TrustedCheckpoint`].
//!
//! # The life of a statement
//!
//! ```
//! use countersign_ledger::certificate::{self, Period};
//! use countersign_ledger::{
//!     Draft, Fields, Identity, Kind, Signer as _, SoftwareKey, Statement, Subject, Tree, TrustStore, UnixMillis, leaf_hash,
//!     verify_inclusion,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UnixMillis(1_795_000_000_000);
//! let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
//! let (registrar, maker) = (SoftwareKey::from_bytes(&[1; 32])?, SoftwareKey::from_bytes(&[2; 32])?);
//!
//! // A domain's registrar certifies its members; whoever pins the domain's root trusts them.
//! let root = certificate::root("meds.example", &registrar, year, [1; 16])?;
//! let identity = Identity::new("meds.example", "manufacturer", "northwind")?;
//! let member = certificate::issue(&identity, &maker.public_key(), &registrar, year, [2; 16])?;
//! let mut trust = TrustStore::new();
//! trust.pin("meds.example", &root);
//! trust.enrol(member.as_der())?;
//!
//! // The member makes a statement; anyone who trusts the registrar can read it.
//! let draft = Draft {
//!     kind: Kind::new("medicine.lot")?,
//!     subject: Subject::new("https://id.gs1.org/01/09506000134352/10/L1")?,
//!     fields: Fields::new().with("packs", 10_000),
//!     prev: None,
//!     links: vec![],
//!     sealed: None,
//! };
//! let bytes = draft.sign(&member, &maker, now, [3; 16])?.as_bytes().to_vec();
//! let verified = trust.verify(Statement::parse(&bytes)?)?;
//! assert_eq!(verified.signer().identity().role(), "manufacturer");
//!
//! // A log holds it, and proves that to whoever has the root.
//! let (mut log, leaf) = (Tree::default(), leaf_hash(verified.statement().id().as_bytes()));
//! let index = log.push(leaf);
//! let path = log.inclusion(index, log.size()).ok_or("not in the log")?;
//! verify_inclusion(leaf, index, log.size(), &path, log.root())?;
//!
//! // With one byte changed, nothing verifies.
//! let mut altered = bytes;
//! *altered.last_mut().ok_or("empty")? ^= 1;
//! assert!(Statement::parse(&altered).map_or(true, |statement| trust.verify(statement).is_err()));
//! # Ok(())
//! # }
//! ```

mod add_checkpoint;
pub mod cbor;
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
mod log_name;
mod membership;
mod note;
mod policy;
mod problem;
pub mod receipt;
mod rules;
pub mod sealed;
mod signer;
mod statement;
mod subject;
mod tile;
mod time;
mod tlog_proof;
mod tree;
mod trust_store;
mod vkey;
mod witness;

pub use add_checkpoint::{AddCheckpoint, AddCheckpointRefusal, AddCheckpointTextError};
pub use certificate::{Certificate, CertificateError};
pub use checkpoint::{
    AdvanceError, Checkpoint, CheckpointError, CheckpointTextError, ForkEvidence, TreeHead, TrustedCheckpoint,
};
pub use fields::{Fields, FieldsError, Value};
pub use genesis::{Base64, Genesis, GenesisDomain, GenesisError};
pub use hash::{Hash, NotAHash};
pub use history::{HistoryEntry, HistoryError, Known, MAX_ENTRIES, SubjectHistory};
pub use identity::{Identity, NotAnIdentity};
pub use index::{Family, FamilyProof, FamilyProofHead, Index, IndexEntry, IndexError, IndexKey, IndexProof};
pub use key::{KeyError, PublicKey, Signature, Signer, SignerError, SoftwareKey};
pub use log_name::{Held, LogName, LogSpec, NotALogName};
pub use membership::{CODE, Membership};
pub use note::{MAX_NOTE_LEN, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use policy::{Policy, PolicyError, PolicyFault, Shortfall};
pub use problem::Problem;
pub use rules::{Checkpoints, Context, Families, Folded, Promise, Rules, State, Violation};
pub use signer::{Cosigner, NoteSigner};
pub use statement::{Draft, FormatError, MAX_STATEMENT, SignError, Statement, Verified};
pub use subject::{Kind, NameError, Subject};
pub use tile::{TILE_WIDTH, TileError, TileKind, TilePath, Tiles, read_bundle, write_bundle};
pub use time::{Day, NotATime, UnixMillis};
pub use tlog_proof::{LogProof, LogProofError, LogProofTextError};
pub use tree::{
    Frontier, Inclusions, MAX_PATH, ProofError, Tree, empty_root, inclusion_root, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};
pub use trust_store::{
    ENROL, Entry, MAX_AGE_MILLIS, MAX_SKEW_MILLIS, Placed, REGISTRAR, REVOKE, Refusal, TrustStore, Void,
    check_fresh,
};
pub use vkey::{SignatureError, SignatureType, VerifierKey, VerifierKeyError};
pub use witness::{Witness, WitnessRefusal};
