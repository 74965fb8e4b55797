//! Who I am, whom I ask and what I know, as a settings screen shows it.

use countersign_custody::handover;
use countersign_ledger::Certificate;

/// What a settings screen shows.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Settings {
    /// Who this wallet's keys speak for, and until when.
    pub memberships: Vec<Membership>,
    /// The address of the node that is asked; see [`crate::Wallet::set_node`].
    pub node: String,
    /// What is known, and as of when.
    pub knowledge: Knowledge,
    /// How many products, packs and logistic units are followed.
    pub following: u64,
    /// What all of it takes on this phone, in bytes.
    pub bytes: u64,
}

/// Who a key speaks for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Membership {
    /// The key's name in the key store.
    pub key: String,
    /// SPIFFE ID of the member.
    pub identity: String,
    /// When the certificate ends.
    pub until_millis: u64,
}

/// A key that was certified.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Enrolment {
    /// Who it speaks for.
    pub membership: Membership,
    /// What [`crate::KeyStore::attest`] proves of it, for the registrar, should they ask: the ledger does not.
    pub attestation: Vec<Vec<u8>>,
}

/// What the wallet knows.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Knowledge {
    /// The ledger's name.
    pub ledger: String,
    /// Statements in the supply log's checkpoint; absent before the first sync.
    pub checkpoint: Option<u64>,
    /// When it was cosigned.
    pub as_of_millis: Option<u64>,
    /// How long ago that was.
    pub age_millis: Option<u64>,
    /// Something stored was damaged: the next sync repairs it.
    pub damaged: bool,
    /// Pairs of signed checkpoints that contradict each other: the node has lied to somebody.
    pub contradictions: u64,
}

/// What another phone's newest checkpoint says beside this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Meeting {
    /// Both have seen the same.
    Same,
    /// The other has seen less. The next sync shows whether it was the beginning of the same.
    Older,
    /// The other has seen more. The next sync shows whether it goes on from the same.
    Newer,
    /// The ledger has told the two phones different things, and has signed both. The evidence is kept: tell the office.
    Contradicts,
    /// There is nothing to compare: this phone was never up to date, or the other is of another ledger.
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
