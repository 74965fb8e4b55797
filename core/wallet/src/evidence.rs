//! Evidence for a court: everything that a verdict rests on, in one file that anybody can verify with the genesis alone.
//!
//! ```cddl
//! evidence = [body: bstr .cbor body, sum: bstr .size 32]          ; sum: SHA-256 of body
//! body = ["countersign evidence 1", genesis: bstr .size 32, item, trust, supply, certificates: [* bstr], filter: bstr / null,
//!         contents: [* bstr]]                                     ; lists of what is in the units among the histories
//! item = [class: tstr, lot: tstr / null, pack: tstr / null, serial: tstr / null, expires-at: uint / null]
//! trust = [note: tstr, [* [subject: tstr, index-proof: bstr, [* [place: uint, statement: bstr, path]]]]]
//! supply = [[+ note: tstr], [* [family: tstr, family-proof: bstr]], [* [subject: tstr, [* [place: uint, statement: bstr, path, size: uint]]]]]
//! path = [* bstr .size 32]
//! ```
//!
//! Deterministic CBOR. The first note of `supply` is the checkpoint that everything is as of; the others are those that
//! older paths lead to. What must not be left out cannot be: the families and index proofs count the statements on every
//! subject, and for each signer the trust log's entries on that member are there, so that no revocation is hidden.
//!
//! In which units a pack was, no log says: evidence tells of those whose contents its maker knew.
//!
//! The sum is no protection against a forger, who can compute it too; it lets a reader tell damage from forgery, and
//! refuses a changed byte even where nothing hangs on it, such as in the signature of a witness whom the policy does not
//! know.

mod bundle;
mod delivery;
mod export;
mod form;
mod trust_part;
mod verify;

use countersign_custody::handover::HandoverError;
use countersign_custody::{AsOf, Item, Verdict};
use countersign_ledger::receipt::ReceiptError;
use countersign_ledger::{
    CertificateError, CheckpointError, GenesisError, HistoryError, IndexError, Subject,
};

pub use self::delivery::{ProvenDelivery, is_delivery, verify_delivery};
pub use self::verify::verify_evidence;

/// Why there is no evidence, or it proves nothing. The first that applies is reported.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Nothing of the product is followed and here.
    #[error("nothing is held about this product")]
    NotHere,
    /// What is held is not what was proven.
    #[error(transparent)]
    Snapshot(#[from] crate::SnapshotDamaged),
    /// Not of the format.
    #[error("the evidence is not of the format")]
    Malformed,
    /// It was changed or damaged since it was made.
    #[error("the evidence was changed or damaged")]
    Sum,
    /// The genesis is not good.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// It is from another ledger than the genesis.
    #[error("the evidence is from another ledger")]
    OtherLedger,
    /// A checkpoint in it is not to be trusted.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint in it is of another log, or later than the one that everything is as of.
    #[error("a checkpoint in the evidence is of another log or size")]
    OtherLog,
    /// A certificate in it leads to no pinned root.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// What it says of a family is not what the checkpoint commits to.
    #[error("the proof of {family} does not hold: {reason}")]
    Family {
        /// The family.
        family: Subject,
        /// What is wrong.
        reason: IndexError,
    },
    /// A history in it does not hold.
    #[error("the history of {subject} does not hold: {reason}")]
    History {
        /// What it is about.
        subject: Subject,
        /// What is wrong.
        reason: HistoryError,
    },
    /// The chain of custody in it does not hold.
    #[error("the chain of custody does not hold: {0}")]
    Chain(#[from] HandoverError),
    /// A receipt in it is not the log's, or for no statement in it.
    #[error("a receipt in the evidence proves nothing: {0}")]
    Receipt(#[from] ReceiptError),
    /// The filter in it is not the one that the lot's commission names.
    #[error("the filter over the lot's serials is not the one that was commissioned")]
    Filter,
    /// Something is left out without which nothing can be concluded.
    #[error("the evidence lacks what the logs hold on {0}")]
    Lacks(String),
}

/// What evidence proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was read from the pack, by the word of whoever made the evidence.
    pub item: Item,
    /// The verdict, as of the checkpoints; with what has expired since, and how old they are.
    pub verdict: Verdict,
    /// The checkpoint of the supply log.
    pub supply: AsOf,
    /// The checkpoint of the trust log.
    pub trust: AsOf,
}
