//! Memberships, node and knowledge, as a settings screen shows them.

use countersign_custody::handover;
use countersign_ledger::Certificate;

use crate::clock::Clock;

/// The content of a settings screen.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Settings {
    /// The members that this wallet's keys sign for, and until when.
    pub memberships: Vec<Membership>,
    /// The address of the node in use; see [`crate::Wallet::set_node`].
    pub node: String,
    /// The state of the verified data.
    pub knowledge: Knowledge,
    /// How many products, packs and logistic units are followed.
    pub following: u64,
    /// Size of the database on this phone, in bytes.
    pub bytes: u64,
}

/// The member that a key signs for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Membership {
    /// The key's name in the key store.
    pub key: String,
    /// SPIFFE ID of the member.
    pub identity: String,
    /// When the certificate expires.
    pub until_millis: u64,
}

/// A newly certified key.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Enrolment {
    /// The member that it signs for.
    pub membership: Membership,
    /// The result of [`crate::KeyStore::attest`], for the registrar if they ask; the ledger does not use it.
    pub attestation: Vec<Vec<u8>>,
}

/// The state of the wallet's verified data.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Knowledge {
    /// The ledger's name.
    pub ledger: String,
    /// Statements in the supply log's checkpoint; absent before the first sync.
    pub checkpoint: Option<u64>,
    /// When it was cosigned.
    pub as_of_millis: Option<u64>,
    /// How long ago that was; absent also if the clock cannot tell.
    pub age_millis: Option<u64>,
    /// Whether the phone's clock can be right.
    pub clock: Clock,
    /// Some stored data is damaged: the next sync repairs it.
    pub damaged: bool,
    /// Number of pairs of signed checkpoints that contradict each other: evidence that the log has forked.
    pub contradictions: u64,
}

/// How another phone's newest checkpoint compares with this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Meeting {
    /// Both have seen the same.
    Same,
    /// The other has seen a smaller one. The next sync shows whether this log extends it.
    Older,
    /// The other has seen a larger one. The next sync shows whether it extends this log.
    Newer,
    /// The log has forked: it has signed contradicting checkpoints for the two phones. The evidence is kept: inform the
    /// office.
    Contradicts,
    /// There is nothing to compare: this phone has never synced, or the other is of another ledger.
    Nothing,
}

impl Membership {
    pub(crate) fn new(key: &str, certificate: &Certificate) -> Self {
        Self {
            key: key.to_owned(),
            identity: certificate.identity().to_string(),
            until_millis: certificate.not_after().0,
        }
    }
}

impl From<Option<handover::Meeting>> for Meeting {
    fn from(meeting: Option<handover::Meeting>) -> Self {
        match meeting {
            Some(handover::Meeting::Same) => Self::Same,
            Some(handover::Meeting::Older) => Self::Older,
            Some(handover::Meeting::Newer) => Self::Newer,
            Some(handover::Meeting::Fork) => Self::Contradicts,
            None => Self::Nothing,
        }
    }
}
