//! Why nothing was done across trust domains.

use countersign_domains::{Finding, NoPass, NotAuthenticated, PolicyError};
use countersign_ledger::{CertificateError, FormatError, GenesisError, SignError};

use crate::act::ActError;
use crate::client::{ClientError, HttpsError};
use crate::key_store::KeyStoreError;
use crate::snapshot::{OpenError, SnapshotDamaged};
use crate::store::StoreError;
use crate::sync::SyncError;

/// Why a call did nothing.
#[derive(Debug, thiserror::Error)]
pub enum DomainsError {
    /// The network, the ledger, the database or the key.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The snapshot could not be brought up to date.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// What is stored is damaged.
    #[error(transparent)]
    Damaged(#[from] SnapshotDamaged),
    /// A data ledger's snapshot cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A data ledger's node cannot be asked.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// A message of the handshake, or what was shown, is refused.
    #[error(transparent)]
    Handshake(#[from] NotAuthenticated),
    /// The domain does not answer.
    #[error(transparent)]
    NoPass(#[from] NoPass),
    /// The text is no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The ledger has no log across domains, or does not hold it whole.
    #[error("this ledger has no log `authorization` that is held whole: it is not shared by domains")]
    NotShared,
    /// Nothing was synced yet.
    #[error("sync first")]
    NotSynced,
    /// The ledger has no log of one domain's data that is held whole.
    #[error("this ledger has no log `data` of one domain that is held whole")]
    NotADataLedger,
    /// The domain is none of the shared ledger's, or has another root there.
    #[error("the shared ledger does not know this domain, or knows it by another root")]
    OtherRoot,
    /// Another ledger of that domain is known here already.
    #[error("another ledger of this domain is known here: remove it first")]
    OtherLedger,
    /// A file beside the wallet could not be read or written.
    #[error("a file of the data ledgers could not be read or written: {0}")]
    File(std::io::ErrorKind),
    /// What is kept here does not open, or is not of the format.
    #[error("what this wallet keeps of trust domains is damaged")]
    Kept,
    /// The certificate is that of another key.
    #[error("the certificate is not for this key")]
    OtherKey,
    /// The message is not of the format.
    #[error("this is no message between trust domains")]
    NoMessage,
    /// No notary group was founded.
    #[error("no group of notaries is in office: a registrar of the shared ledger founds the first one")]
    NoGroup,
    /// The notaries have not agreed on the domain.
    #[error("the domain is not registered, or no longer: its authority registers it, and the notaries agree")]
    NotRegistered,
    /// The domain is registered by this certificate.
    #[error("the domain is registered already, by this certificate")]
    Registered,
    /// The user is not known.
    #[error("the domain that holds the data does not know this user, or no longer")]
    NotAdmitted,
    /// No policy was published.
    #[error("nobody has published a policy for this data")]
    NoPolicy,
    /// The data is another owner's.
    #[error("the data is another owner's")]
    NotTheOwner,
    /// The signer has no seat.
    #[error("this notary has no seat in the group in office")]
    NoSeat,
    /// There is nothing to vote on.
    #[error("there is nothing to vote on, or no longer")]
    NoBallot,
    /// The notary has voted.
    #[error("this notary has voted on that")]
    Voted,
    /// Another motion waits.
    #[error("the notaries vote on another motion about this: wait until it is settled, or its time is over")]
    OtherMotion,
    /// Too few have reported.
    #[error("too few notaries have reported since the group came into office: more than two thirds must")]
    TooFewReports,
    /// There is no such request.
    #[error("there is no such request")]
    NoRequest,
    /// The request is no licence.
    #[error("the request is no licence: it is not decided, it was denied, or the licence was revoked")]
    NoLicence,
    /// The user has broken too many rules.
    #[error("the user has broken too many rules for a request to be forwarded")]
    Behaviour,
    /// The time is over, or too long.
    #[error("it must end later than now, and within 30 days")]
    Window,
    /// The domain holds the data itself.
    #[error("the data is held by this domain itself: nothing has to be asked")]
    OwnDomain,
    /// What is to be stated of data is of no sound form.
    #[error("a state is created from none, modified or shared from one, derived from one to eight others")]
    Unsound,
}

macro_rules! through_act {
    ($($error:ty),+) => {
        $(impl From<$error> for DomainsError {
            fn from(error: $error) -> Self {
                Self::Act(error.into())
            }
        })+
    };
}

through_act!(ClientError, KeyStoreError, StoreError, SignError, CertificateError);

impl From<FormatError> for DomainsError {
    fn from(_: FormatError) -> Self {
        Self::NoMessage
    }
}

impl From<GenesisError> for DomainsError {
    fn from(error: GenesisError) -> Self {
        Self::Open(error.into())
    }
}

impl From<std::io::Error> for DomainsError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error.kind())
    }
}

impl From<Finding> for DomainsError {
    fn from(finding: Finding) -> Self {
        Self::NoPass(finding.into())
    }
}

impl DomainsError {
    /// The ledger's stable name for a refusal, if the node refused.
    pub fn problem(&self) -> Option<countersign_ledger::Problem> {
        match self {
            Self::Act(ActError::Client(error)) | Self::Sync(SyncError::Client(error)) => error.problem(),
            _ => None,
        }
    }
}
