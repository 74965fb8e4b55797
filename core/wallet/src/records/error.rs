//! Why nothing was done with a record.

use countersign_abe::PolicyError;
use countersign_ledger::{CertificateError, FormatError, SignError};
use countersign_records::rules::MAX_LINES;
use countersign_records::{
    AskError, DeliveryError, LineError, NotALink, NotAPaper, ObjectError, Refused, SheetError, TicketError,
};

use super::by_link::LinkNotMade;
use crate::act::ActError;
use crate::client::ClientError;
use crate::key_store::KeyStoreError;
use crate::snapshot::{FollowError, SnapshotDamaged};
use crate::store::StoreError;

/// Why a call on a record did nothing.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The network, the ledger, the database or the key.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The document is refused.
    #[error(transparent)]
    Document(#[from] Refused),
    /// What the store delivered is refused.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A line could not be made.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The list of policies does not open, or is too long.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The policy is none.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Not a link.
    #[error(transparent)]
    Link(#[from] NotALink),
    /// What this phone keeps of the record was damaged.
    #[error("what this phone keeps of the record is damaged: restore it from its paper")]
    Damaged,
    /// The text is no record's secret as it is written on paper.
    #[error(transparent)]
    Paper(#[from] NotAPaper),
    /// The ledger has nothing that the secret opens.
    #[error(
        "the ledger has nothing that this paper opens: it is of another record, or the record was erased"
    )]
    OtherPaper,
    /// The owner has fetched as often as a day has slots.
    #[error("the record was fetched too often today: try again tomorrow")]
    Tomorrow,
    /// The bytes are not those of the image that the author signed.
    #[error("this is not the image that the document names")]
    OtherImage,
    /// The document's images are more than a line can name.
    #[error("the images of a record have at most 2 GiB together")]
    ImagesTooLarge,
    /// An image could not be read or written.
    #[error("the image could not be read or written: {0}")]
    Image(std::io::ErrorKind),
    /// A SMART Health Link could not be made.
    #[error(transparent)]
    NoLink(#[from] LinkNotMade),
    /// No such record, line or request here.
    #[error("this phone has no such record, line or request")]
    Unknown,
    /// The ledger has no logs for records.
    #[error("this ledger keeps no medical records")]
    NoLogs,
    /// The snapshot is too old for that.
    #[error("sync first")]
    Sync,
    /// The certificate is for somebody else than the record's owner.
    #[error("the code was for somebody else: show this record's number, and ask for a code of its own")]
    OtherOwner,
    /// The document was signed for the key of another phone.
    #[error("the document was signed for another phone: show this one's key to the doctor")]
    OtherHolder,
    /// A part of the document is missing.
    #[error("a patient takes a whole document: {0} sections are missing")]
    NotWhole(usize),
    /// The version does not rise.
    #[error("the record has version {current} already; this one is {shown}")]
    NotNewer {
        /// The version that was shown.
        shown: u64,
        /// The version that the record has.
        current: u64,
    },
    /// The author's certificate has been revoked.
    #[error("the author has been revoked")]
    AuthorRevoked,
    /// There is no document yet.
    #[error("the record has no document yet")]
    NoDocument,
    /// The author's rule does not permit it.
    #[error("the author does not permit to show these parts without others")]
    NotPermitted,
    /// More lines than an index has.
    #[error("a record has at most {} lines on a log", MAX_LINES - 1)]
    TooManyLines,
    /// A line cannot be opened by nobody, or for no time.
    #[error("a line is opened at once, on asking or in an emergency, and for a minute at least")]
    NotALine,
    /// A change is on its way.
    #[error("a change of this record is on its way: wait for it")]
    UnderWay,
    /// Somebody else publishes for the record.
    #[error("another key has published for this record: if that was not you, close it")]
    Moved,
    /// The authority has published no key.
    #[error("the attribute authority has published no key: sync, or choose another")]
    NoAuthorityKey,
    /// The request does not wait for an answer, or there is nothing to withdraw.
    #[error("the request does not wait for this answer")]
    NotWaiting,
    /// Nobody is named to whom a line of their own could be given.
    #[error(transparent)]
    Unnamed(#[from] AskError),
    /// The link is of another ledger.
    #[error("the link is of another ledger than this phone's")]
    OtherLedger,
    /// An emergency has a reason.
    #[error("an emergency needs a reason, in words")]
    ReasonNeeded,
    /// The owner, or the rule that the owner made before, said no.
    #[error("the request was denied")]
    Denied,
    /// The owner has not answered yet.
    #[error("the request waits for the patient")]
    Waiting,
    /// The grant was withdrawn.
    #[error("the grant was withdrawn")]
    Withdrawn,
    /// The grant has ended.
    #[error("the grant has ended")]
    Ended,
    /// The node let something through that the rules do not allow, or the request is not the one that was signed.
    #[error("the ledger's answer is not what follows from the patient's rules")]
    Unlawful,
    /// There is no key for attributes.
    #[error("there is no key of this authority: fetch one")]
    NoKey,
    /// Nothing is kept.
    #[error("nothing of it is kept here: open it again")]
    NothingKept,
    /// The clock is behind what is proven.
    #[error(
        "the phone's clock is wrong: set it. What was kept has been erased, since nobody can tell when it ends"
    )]
    Clock,
}

impl RecordError {
    /// The reason's stable name, under which apps keep its text.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Act(ActError::KeyStore(KeyStoreError::Cancelled)) => "cancelled",
            Self::Act(ActError::Client(_)) => "no-answer",
            Self::Act(ActError::NotEnrolled) => "not-enrolled",
            Self::Act(_) => "failed",
            Self::Document(error) | Self::Delivery(DeliveryError::Refused(error)) => refused(error),
            Self::Delivery(error) => delivery(error),
            Self::Line(error) => line(*error),
            Self::Sheet(SheetError::Link) | Self::Link(_) => "record-link",
            Self::Sheet(SheetError::TooLong) | Self::TooManyLines => "too-many-lines",
            Self::Policy(_) => "policy",
            Self::Damaged => "record-damaged",
            Self::Paper(_) => "record-paper",
            Self::OtherPaper => "other-paper",
            Self::Tomorrow => "fetched-too-often",
            Self::OtherImage => "other-image",
            Self::ImagesTooLarge => "images-too-large",
            Self::Image(_) => "image-file",
            Self::NoLink(LinkNotMade::Days) => "link-days",
            Self::NoLink(LinkNotMade::Passcode) => "link-passcode",
            Self::NoLink(LinkNotMade::Link) => "link-label",
            Self::NoLink(LinkNotMade::TooMany) => "too-many-links",
            Self::NoLink(LinkNotMade::TooLarge) => "link-too-large",
            Self::Unknown => "record-unknown",
            Self::NoLogs => "no-records",
            Self::Sync => "sync-first",
            Self::OtherOwner => "other-owner",
            Self::OtherHolder => "other-holder",
            Self::NotWhole(_) => "document-not-whole",
            Self::NotNewer { .. } => "document-not-newer",
            Self::AuthorRevoked => "author-revoked",
            Self::NoDocument => "no-document",
            Self::NotPermitted => "not-permitted",
            Self::NotALine => "no-line",
            Self::UnderWay => "change-under-way",
            Self::Moved => "record-moved",
            Self::NoAuthorityKey => "no-authority-key",
            Self::NotWaiting => "request-not-waiting",
            Self::Unnamed(_) => "requester-unnamed",
            Self::OtherLedger => "other-ledger",
            Self::ReasonNeeded => "reason-needed",
            Self::Denied => "request-denied",
            Self::Waiting => "request-waiting",
            Self::Withdrawn => "grant-withdrawn",
            Self::Ended => "grant-ended",
            Self::Unlawful => "unlawful",
            Self::NoKey => "no-attribute-key",
            Self::NothingKept => "nothing-kept",
            Self::Clock => "clock",
        }
    }
}

const fn refused(error: &Refused) -> &'static str {
    match error {
        Refused::Author(_) | Refused::Signature(_) => "author-unknown",
        Refused::OtherRecord => "other-record",
        Refused::Older { .. } => "document-older",
        Refused::Newer { .. } => "sync-first",
        Refused::OtherDocument => "other-document",
        Refused::NotSigned(_) => "part-altered",
        Refused::Misplaced { .. } => "part-swapped",
        Refused::NotPermitted => "not-permitted",
        _ => "document-malformed",
    }
}

const fn delivery(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::Row => "delivery-other-row",
        DeliveryError::Incomplete | DeliveryError::Missing(_) | DeliveryError::ImageMissing(_) => {
            "delivery-incomplete"
        }
        DeliveryError::Altered | DeliveryError::AlteredPart(_) | DeliveryError::AlteredImage(_) => {
            "part-altered"
        }
        DeliveryError::ForeignImage(_) => "other-image",
        DeliveryError::Swapped { .. } => "part-swapped",
        DeliveryError::Foreign(_) | DeliveryError::ForeignDocument => "other-record",
        DeliveryError::Line(error) => line(*error),
        DeliveryError::Refused(error) => refused(error),
    }
}

const fn line(error: LineError) -> &'static str {
    match error {
        LineError::Link => "record-link",
        LineError::Authority => "other-authority",
        LineError::Epoch(_) => "attribute-key-old",
        LineError::Attributes => "attributes-unfit",
        LineError::Malformed | LineError::Key => "line-locked",
    }
}

impl From<StoreError> for RecordError {
    fn from(error: StoreError) -> Self {
        Self::Act(error.into())
    }
}

impl From<ClientError> for RecordError {
    fn from(error: ClientError) -> Self {
        Self::Act(error.into())
    }
}

impl From<KeyStoreError> for RecordError {
    fn from(error: KeyStoreError) -> Self {
        Self::Act(error.into())
    }
}

impl From<SignError> for RecordError {
    fn from(error: SignError) -> Self {
        Self::Act(error.into())
    }
}

impl From<CertificateError> for RecordError {
    fn from(error: CertificateError) -> Self {
        Self::Act(error.into())
    }
}

impl From<FormatError> for RecordError {
    fn from(error: FormatError) -> Self {
        Self::Act(SignError::from(error).into())
    }
}

impl From<SnapshotDamaged> for RecordError {
    fn from(_: SnapshotDamaged) -> Self {
        Self::Sync
    }
}

impl From<ObjectError> for RecordError {
    fn from(_: ObjectError) -> Self {
        Self::Damaged
    }
}

impl From<TicketError> for RecordError {
    fn from(_: TicketError) -> Self {
        Self::NotALine
    }
}

impl From<FollowError> for RecordError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => error.into(),
            _ => Self::NoLogs,
        }
    }
}
