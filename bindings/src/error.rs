//! The one error type, by what the screen does next.

use std::time::Duration;

use countersign_bedside::{NotAKey, Refusal};
use countersign_custody::handover::HandoverError;
use countersign_custody::qr::NotEncoded;
use countersign_custody::report::NotAReport;
use countersign_device::UserRefusal;
use countersign_ledger::{CertificateError, GenesisError, Problem, SignError, SignerError};
use countersign_scan::NotAFrame;
use countersign_wallet::{
    ActError, AdvanceError, BadgeError, BedsideError, ClientError, CompareError, CourierError, DomainsError,
    FollowError, HeldBack, HttpsError, KeyStoreError, OpenError, RecordError, ReportError, ScansError,
    SnapshotDamaged, StoreError, SyncError, TransportError,
};

/// Why a call failed, by what to do next. Nothing was changed, and the call may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CountersignError {
    /// No network, or the node is busy or failed: try again later. The verified data stays in use.
    #[error("try again later")]
    Retry {
        /// How long the node asks to wait, if it does.
        after_millis: Option<u64>,
    },
    /// The bedside gateway does not answer, or is busy: look whether this is the hospital's network, and try again.
    #[error("the bedside gateway does not answer")]
    NoGateway,
    /// The node or the rules refuse: show why. Repeating will not help.
    #[error("refused: {reason}")]
    Refused {
        /// The reason's stable name, the key of its text.
        reason: String,
    },
    /// The input cannot be used: show that where it was entered.
    #[error("cannot be used: {reason}")]
    Invalid {
        /// The reason's stable name, the key of its text.
        reason: String,
    },
    /// An act needs the person's word: show why, and call again with their [`Consent`](crate::Consent). Nothing was signed.
    #[error("to be confirmed: {reason}")]
    ConsentNeeded {
        /// `irrevocable` if it cannot be taken back; else why its subject may not exist, such as `unknown-serial`. The key
        /// of its text.
        reason: String,
    },
    /// The person declined the prompt. Nothing is wrong: go back to where they were.
    #[error("declined")]
    Cancelled,
    /// There is no key, or it is not enrolled: offer enrolment.
    #[error("enrol first")]
    KeyNeeded,
    /// The phone's key store failed: unlock the phone, or enrol with a new key.
    #[error("the key store failed")]
    KeyStoreFailed,
    /// The node's answer contradicts what is proven, or it is not the node that was pinned: warn. The verified data
    /// stays in use.
    #[error("the node is not trusted")]
    Distrusted,
    /// By the phone's clock the node's certificate is not valid: ask the person to set the clock. The verified data stays
    /// in use.
    #[error("the phone's clock is wrong, or the node's certificate has expired")]
    Clock,
    /// The phone's storage is full or damaged: make room, or remove the database and sync again.
    #[error("the storage failed")]
    Storage,
}

use CountersignError as Error;

impl Error {
    pub(crate) fn invalid(reason: &str) -> Self {
        Self::Invalid { reason: reason.to_owned() }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Transport(TransportError::NotTheNode(_) | TransportError::TooLarge)
            | ClientError::Malformed(_) => Self::Distrusted,
            ClientError::Transport(TransportError::Clock(_)) => Self::Clock,
            ClientError::Busy { retry_after } => Self::Retry { after_millis: Some(millis(retry_after)) },
            ClientError::Transport(_) | ClientError::Gone | ClientError::Failed(_) => {
                Self::Retry { after_millis: None }
            }
            ClientError::NotFound => Self::Refused { reason: "not-found".to_owned() },
            ClientError::Refused { title, .. } => Self::Refused { reason: title },
        }
    }
}

impl From<AdvanceError> for Error {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::Store(error) => error.into(),
            _ => Self::Distrusted,
        }
    }
}

impl From<SyncError> for Error {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Client(error) => error.into(),
            SyncError::Advance(error) => error.into(),
            SyncError::Store(error) => error.into(),
            _ => Self::Distrusted,
        }
    }
}

impl From<ActError> for Error {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Client(error) => error.into(),
            ActError::Advance(error) => error.into(),
            ActError::KeyStore(error) => error.into(),
            ActError::Sign(SignError::Signer(error))
            | ActError::Certificate(CertificateError::Signer(error)) => error.into(),
            ActError::Certificate(CertificateError::Issue) | ActError::Random => Self::KeyStoreFailed,
            ActError::NotEnrolled => Self::KeyNeeded,
            ActError::Sign(SignError::Format(_)) | ActError::UnknownKind => Self::invalid("statement"),
            ActError::NotYet => Self::Retry { after_millis: None },
            ActError::BlobTooLarge { .. } => Self::Refused { reason: Problem::TooLarge.to_string() },
            ActError::Store(error) => error.into(),
            ActError::Held(held) => held.into(),
            ActError::Offered { .. } => Self::Refused { reason: "offered".to_owned() },
            _ => Self::Distrusted,
        }
    }
}

impl From<HeldBack> for Error {
    fn from(held: HeldBack) -> Self {
        match held {
            HeldBack::Misread { slip, .. } => Self::invalid(slip.key),
            HeldBack::OtherLevel { .. } | HeldBack::NoSuchLevel { .. } => Self::invalid("level"),
            HeldBack::Unknown { why, .. } | HeldBack::CannotTell { why, .. } => {
                Self::ConsentNeeded { reason: why.to_owned() }
            }
            HeldBack::Irrevocable { .. } => Self::ConsentNeeded { reason: "irrevocable".to_owned() },
        }
    }
}

impl From<CourierError> for Error {
    fn from(error: CourierError) -> Self {
        match error {
            CourierError::Act(error) => error.into(),
            CourierError::Handover(HandoverError::Sign(SignError::Signer(error))) => error.into(),
            CourierError::Checkpoint(error) => CompareError::from(error).into(),
            CourierError::Handover(_)
            | CourierError::UnknownGoods
            | CourierError::NoProfile
            | CourierError::RefusedGoods => Self::Refused { reason: error.reason().to_owned() },
        }
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Act(error) => error.into(),
            RecordError::Sync => Self::Retry { after_millis: Some(0) },
            RecordError::Clock => Self::Clock,
            RecordError::Unlawful => Self::Distrusted,
            RecordError::Link(_)
            | RecordError::Paper(_)
            | RecordError::Policy(_)
            | RecordError::Unknown
            | RecordError::NotALine
            | RecordError::Image(_)
            | RecordError::ReasonNeeded => Self::invalid(error.reason()),
            _ => Self::Refused { reason: error.reason().to_owned() },
        }
    }
}

impl From<ReportError> for Error {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::NotAReport(NotAReport::Photograph) => Self::invalid("photograph"),
            ReportError::NotAReport(_) => Self::invalid("report"),
            ReportError::NoKey => Self::Refused { reason: "no-reports".to_owned() },
            ReportError::TooMany => Self::Refused { reason: "reports-waiting".to_owned() },
            ReportError::Act(error) => error.into(),
        }
    }
}

impl From<ScansError> for Error {
    fn from(error: ScansError) -> Self {
        match error {
            ScansError::KeyStore(error) => error.into(),
            ScansError::Store(error) => error.into(),
            ScansError::Random => Self::KeyStoreFailed,
            ScansError::NotAPack => Self::invalid("product"),
        }
    }
}

impl From<BadgeError> for Error {
    fn from(error: BadgeError) -> Self {
        match error {
            BadgeError::WrongPassword { .. } => Self::invalid("password"),
            BadgeError::Password => Self::invalid("password-short"),
            BadgeError::None => Self::Refused { reason: Refusal::NoCredential.as_str().to_owned() },
            BadgeError::Keys(error) => error.into(),
            BadgeError::Store(error) => error.into(),
            BadgeError::Random => Self::KeyStoreFailed,
            BadgeError::Damaged(error) => error.into(),
        }
    }
}

impl From<BedsideError> for Error {
    fn from(error: BedsideError) -> Self {
        match error {
            BedsideError::NoAnswer
            | BedsideError::Network(_)
            | BedsideError::Refused(Refusal::Busy | Refusal::OtherKey | Refusal::Storage) => Self::NoGateway,
            BedsideError::Silent => Self::Refused { reason: Refusal::Unreachable.as_str().to_owned() },
            // A masked credential opens to something for a wrong password as well; the gateway tells.
            BedsideError::Refused(Refusal::Proof) => Self::invalid("password"),
            BedsideError::Refused(Refusal::Stale | Refusal::Ahead)
            | BedsideError::Key(NotAKey::OtherDay)
            | BedsideError::User(UserRefusal::Stale) => Self::Clock,
            BedsideError::Refused(refusal) => Self::Refused { reason: refusal.as_str().to_owned() },
            BedsideError::User(UserRefusal::Over) => {
                Self::Refused { reason: Refusal::Over.as_str().to_owned() }
            }
            BedsideError::User(UserRefusal::NotPermitted) => {
                Self::Refused { reason: Refusal::NotPermitted.as_str().to_owned() }
            }
            BedsideError::Signer(error) => error.into(),
            BedsideError::Random => Self::KeyStoreFailed,
            BedsideError::Key(_) | BedsideError::User(_) => Self::Distrusted,
        }
    }
}

impl From<DomainsError> for Error {
    fn from(error: DomainsError) -> Self {
        // A rule that another statement meanwhile made apply: the ledger's own word for it tells nothing of goods here.
        if error.problem() == Some(Problem::Rule) {
            return Self::Refused { reason: "domain-rules".to_owned() };
        }
        match error {
            DomainsError::Act(error) => error.into(),
            DomainsError::Sync(error) => error.into(),
            DomainsError::Damaged(error) => error.into(),
            DomainsError::Open(error) => error.into(),
            DomainsError::Https(error) => error.into(),
            DomainsError::File(_) | DomainsError::Kept => Self::Storage,
            DomainsError::NoMessage | DomainsError::Handshake(_) => Self::invalid("domain-message"),
            DomainsError::NotADataLedger => Self::invalid("data-ledger"),
            DomainsError::NotSynced => Self::Refused { reason: "sync-first".to_owned() },
            DomainsError::NotShared => Self::Refused { reason: "not-shared".to_owned() },
            DomainsError::OtherRoot => Self::Refused { reason: "other-root".to_owned() },
            DomainsError::OtherLedger => Self::Refused { reason: "other-data-ledger".to_owned() },
            DomainsError::NoGroup => Self::Refused { reason: "no-notaries".to_owned() },
            DomainsError::NotRegistered => Self::Refused { reason: "not-registered".to_owned() },
            DomainsError::NotAdmitted => Self::Refused { reason: "not-admitted".to_owned() },
            DomainsError::NoPolicy => Self::Refused { reason: "no-policy".to_owned() },
            DomainsError::OwnDomain => Self::Refused { reason: "own-domain".to_owned() },
            DomainsError::Behaviour => Self::Refused { reason: "behaviour".to_owned() },
            DomainsError::NoRequest | DomainsError::NoLicence => {
                Self::Refused { reason: "no-licence".to_owned() }
            }
            DomainsError::NotTheOwner => Self::Refused { reason: Problem::Role.to_string() },
            // What only desks do.
            _ => Self::invalid("statement"),
        }
    }
}

impl From<CompareError> for Error {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Checkpoint(_) => Self::invalid("checkpoint"),
            CompareError::Store(error) => error.into(),
        }
    }
}

impl From<HandoverError> for Error {
    fn from(error: HandoverError) -> Self {
        CourierError::from(error).into()
    }
}

impl From<NotEncoded> for Error {
    fn from(_: NotEncoded) -> Self {
        HandoverError::TooLong.into()
    }
}

impl From<KeyStoreError> for Error {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Cancelled => Self::Cancelled,
            KeyStoreError::Missing => Self::KeyNeeded,
            KeyStoreError::Failed => Self::KeyStoreFailed,
        }
    }
}

impl From<crate::KeyStoreError> for Error {
    fn from(error: crate::KeyStoreError) -> Self {
        KeyStoreError::from(error).into()
    }
}

impl From<SignerError> for Error {
    fn from(error: SignerError) -> Self {
        match error {
            SignerError::Cancelled => Self::Cancelled,
            SignerError::Failed => Self::KeyStoreFailed,
        }
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Genesis(_) | OpenError::NoDomain => Self::invalid("genesis"),
            OpenError::Store(error) => error.into(),
        }
    }
}

impl From<FollowError> for Error {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::NotAClass | FollowError::NotAPack => Self::invalid("product"),
            FollowError::NotAUnit => Self::invalid("unit"),
            FollowError::NotAFamily | FollowError::NotALog => Self::invalid("family"),
            FollowError::Store(error) => error.into(),
        }
    }
}

impl From<SnapshotDamaged> for Error {
    fn from(_: SnapshotDamaged) -> Self {
        Self::Storage
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            // Another call on the same wallet was quicker; this one starts again when it is repeated.
            StoreError::Moved => Self::Retry { after_millis: Some(0) },
            _ => Self::Storage,
        }
    }
}

impl From<GenesisError> for Error {
    fn from(_: GenesisError) -> Self {
        Self::invalid("genesis")
    }
}

impl From<HttpsError> for Error {
    fn from(error: HttpsError) -> Self {
        match error {
            HttpsError::Address => Self::invalid("address"),
            HttpsError::Root => Self::invalid("genesis"),
            HttpsError::Tls(_) => Self::Retry { after_millis: None },
        }
    }
}

impl From<NotAFrame> for Error {
    fn from(_: NotAFrame) -> Self {
        Self::invalid("frame")
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
