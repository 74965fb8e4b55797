//! The complete history of one subject, as a node sends it and as a phone verifies it.
//!
//! ```cddl
//! history = [index-proof: bstr, entries: [* entry], certificates: [* bstr]]
//! entry = [index: uint, statement: bstr, path: [* bstr .size 32]]
//! ```
//!
//! Complete means: the subject index of the checkpoint commits to the number of statements on the subject and to the
//! latest one, and each statement names the one before it. So none can be missing, added, exchanged or withheld.

use minicbor::Decoder;

use crate::cbor;
use crate::certificate::CertificateError;
use crate::index::{IndexEntry, IndexError, IndexKey, IndexProof};
use crate::statement::{FormatError, Statement};
use crate::tree::{Inclusions, MAX_PATH, ProofError, leaf_hash};
use crate::trust_store::{Entry, Refusal, TrustStore};
use crate::{Hash, Subject, TrustedCheckpoint};

/// Most statements in one message. A subject with more is fetched in several.
pub const MAX_ENTRIES: usize = 256;
/// Most certificates in one message: a statement needs up to three, and shares most of them with others.
const MAX_CERTIFICATES: usize = 3 * MAX_ENTRIES;

/// Why a history is refused. The first failure is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Not a history message.
    #[error("not a history message")]
    Malformed,
    /// The proof from the subject index does not hold.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A certificate in the message is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A statement in the message is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The checkpoint's origin names no log of a ledger.
    #[error("the checkpoint's origin names no log of a ledger")]
    OtherLog,
    /// A statement in the message is about something else.
    #[error("the history contains a statement about another subject")]
    OtherSubject,
    /// Statements are not in the order of the log.
    #[error("the history is not in the order of the log")]
    Order,
    /// A statement does not follow the one before it: one was left out, added or exchanged.
    #[error("a statement does not follow the one before it")]
    Chain,
    /// A statement is not in the log at the place that the message gives.
    #[error("a statement of the history is not in the log: {0}")]
    NotIncluded(ProofError),
    /// A statement does not verify.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There are fewer or more statements than the subject index counts, or the latest is a different one.
    #[error("the history is not complete as of its checkpoint")]
    Incomplete,
}

/// One statement with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Index in the log.
    pub index: u64,
    /// The statement's bytes.
    pub statement: Vec<u8>,
    /// Sibling hashes from its leaf to the checkpoint's root.
    pub path: Vec<Hash>,
}

/// A subject's statements from some point on, the proof that there are no others, and their signers' certificates.
#[derive(Clone, Debug)]
pub struct SubjectHistory {
    /// The subject's entry in the subject index, or the proof that it has none.
    pub index_proof: IndexProof,
    /// The statements, in the order of the log.
    pub entries: Vec<HistoryEntry>,
    /// Certificates of their signers, and of those whom they countersign, in DER, each once.
    pub certificates: Vec<Vec<u8>>,
}

/// What has already been verified of a subject: how many statements, and the latest. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Number of statements.
    pub count: u64,
    /// Id of the latest.
    pub latest: Option<Hash>,
}

impl SubjectHistory {
    /// Writes the message.
    pub fn to_cbor(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.array(3)?.bytes(&self.index_proof.to_cbor())?.array(self.entries.len() as u64)?;
            for entry in &self.entries {
                e.array(3)?.u64(entry.index)?.bytes(&entry.statement)?.array(entry.path.len() as u64)?;
                entry.path.iter().try_for_each(|hash| e.bytes(hash.as_bytes())?.ok())?;
            }
            e.array(self.certificates.len() as u64)?;
            self.certificates.iter().try_for_each(|certificate| e.bytes(certificate)?.ok())
        })
    }

    /// Reads a message that fills `bytes`.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, HistoryError> {
        let mut d = Decoder::new(bytes);
        Self::decode(&mut d).filter(|_| d.position() == bytes.len()).ok_or(HistoryError::Malformed)
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        let shape = d.array().ok()? == Some(3);
        let index_proof = IndexProof::from_cbor(d.bytes().ok()?).ok()?;
        let entries = bounded(d, MAX_ENTRIES)?;
        let entries = (0..entries).map(|_| HistoryEntry::decode(d)).collect::<Option<_>>()?;
        let certificates = bounded(d, MAX_CERTIFICATES)?;
        let certificates =
            (0..certificates).map(|_| Some(d.bytes().ok()?.to_vec())).collect::<Option<_>>()?;
        shape.then_some(Self { index_proof, entries, certificates })
    }

    /// Verifies the message: every statement on `subject` that `checkpoint` covers, after what is `known`. Void
    /// statements keep their place. Certificates that lead to a pinned root are added to `trust` on the way.
    pub fn verify(
        &self,
        subject: &Subject,
        known: Known,
        checkpoint: &TrustedCheckpoint,
        trust: &mut TrustStore,
    ) -> Result<Vec<Entry>, HistoryError> {
        let head = checkpoint.checkpoint();
        let key = IndexKey::of(subject);
        let entry = self.index_proof.verify(&key, head.index_root())?;
        for certificate in &self.certificates {
            trust.enrol(certificate)?;
        }
        let mut inclusions = Inclusions::new(checkpoint);
        let mut latest = known.latest;
        let mut placed: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            if placed.last().is_some_and(|before| before.index() >= entry.index) {
                return Err(HistoryError::Order);
            }
            let statement = entry.verify(subject, latest, &mut inclusions, trust)?;
            latest = Some(statement.id());
            placed.push(statement);
        }
        let count = known.count + self.entries.len() as u64;
        if (count, latest) == entry.map_or((0, None), |IndexEntry { count, latest }| (count, Some(latest))) {
            Ok(placed)
        } else {
            Err(HistoryError::Incomplete)
        }
    }
}

impl HistoryEntry {
    /// Verifies one entry: a statement on `subject` that follows `prev` and is in the log at its index. All entries of
    /// one log are verified by the same `inclusions`.
    pub fn verify(
        &self,
        subject: &Subject,
        prev: Option<Hash>,
        inclusions: &mut Inclusions<'_>,
        trust: &TrustStore,
    ) -> Result<Entry, HistoryError> {
        let statement = Statement::parse(&self.statement)?;
        if statement.subject() != subject {
            return Err(HistoryError::OtherSubject);
        }
        let leaf = leaf_hash(statement.id().as_bytes());
        inclusions.verify(leaf, self.index, &self.path).map_err(HistoryError::NotIncluded)?;
        let verified = trust.verify(statement)?;
        if verified.prev() != prev {
            return Err(HistoryError::Chain);
        }
        let log = inclusions.checkpoint().log().ok_or(HistoryError::OtherLog)?;
        Ok(trust.place(verified, log, self.index))
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        let shape = d.array().ok()? == Some(3);
        let (index, statement) = (d.u64().ok()?, d.bytes().ok()?.to_vec());
        let hashes = bounded(d, MAX_PATH)?;
        let path = (0..hashes).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?;
        shape.then_some(Self { index, statement, path })
    }
}

fn bounded(d: &mut Decoder<'_>, most: usize) -> Option<usize> {
    usize::try_from(d.array().ok()??).ok().filter(|&count| count <= most)
}
