//! What all acts share: why one was not done, and its randomness.

use countersign_ledger::receipt::ReceiptError;
use countersign_ledger::{CertificateError, Hash, HistoryError, ProofError, SignError, UnixMillis};

use crate::client::ClientError;
use crate::guard::HeldBack;
use crate::key_store::KeyStoreError;
use crate::snapshot::AdvanceError;
use crate::store::StoreError;
use crate::sync::SyncError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The node gave no answer that can be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A checkpoint was refused.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// The key store did not do it.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The statement was not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A certificate is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate that was issued is for another key.
    #[error("the certificate is not for this key")]
    OtherKey,
    /// The certificate that was issued is in another role: the code was for that one. The key keeps the one that it had.
    #[error("the code was for the role `{0}`")]
    OtherRole(String),
    /// No certificate was issued for this key yet.
    #[error("this key is not enrolled")]
    NotEnrolled,
    /// The guard holds it back: see its reasons.
    #[error(transparent)]
    Held(#[from] HeldBack),
    /// No family of rules says which log takes this kind of statement.
    #[error("no log takes statements of this kind")]
    UnknownKind,
    /// What the node says of the subject is refused.
    #[error("what the node says of the subject is refused: {0}")]
    History(#[from] HistoryError),
    /// The receipt proves nothing. The statement may be recorded: confirm it again.
    #[error("the receipt is refused: {0}")]
    Receipt(#[from] ReceiptError),
    /// The receipt does not lead into a trusted checkpoint. The statement may be recorded: confirm it again.
    #[error("the receipt does not lead into a trusted checkpoint: {0}")]
    NotProven(#[from] ProofError),
    /// A statement that another links is not to be found.
    #[error("the node does not show the statement {statement}, which another one links")]
    Linked {
        /// The statement.
        statement: Hash,
    },
    /// The blob that the statement promises is larger than the node takes. Nothing was signed.
    #[error(
        "what the statement promises has {bytes} bytes, and the node takes {most} at most; nothing was signed"
    )]
    BlobTooLarge {
        /// Bytes in it.
        bytes: u64,
        /// Most that the node takes.
        most: u64,
    },
    /// The blob is not what the statement promises, or the statement promises one and there is none. Nothing was sent.
    #[error("what goes with the statement is not what it promises")]
    OtherBlob,
    /// The goods are being offered to somebody. Nothing was signed.
    #[error("the goods are being offered: sign when the offer has been answered, or after {until}")]
    Offered {
        /// When the offer expires.
        until: UnixMillis,
    },
    /// Nothing of that id is on its way.
    #[error("no such statement is on its way")]
    NotBegun,
    /// The statement was acknowledged, and no checkpoint covers it yet: confirm it again.
    #[error("the statement is acknowledged and not yet proven")]
    NotYet,
    /// No randomness from the operating system.
    #[error("no randomness from the operating system")]
    Random,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SyncError> for ActError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Client(error) => Self::Client(error),
            SyncError::Advance(error) => Self::Advance(error),
            SyncError::Store(error) => Self::Store(error),
            SyncError::Linked { statement } => Self::Linked { statement },
            _ => Self::NotYet,
        }
    }
}

/// What makes a statement differ from every other of its signer.
pub(crate) fn random() -> Result<[u8; 16], ActError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ActError::Random)?;
    Ok(bytes)
}
