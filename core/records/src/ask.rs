//! Who asks: the requester's own statement, sealed to the record's owner inside the authority's request.
//!
//! The log shows that somebody asked whom an authority vouches for, and nobody but the owner learns who. The authority signs the
//! request; the requester signs the ask, so an authority cannot name somebody who did not ask. One whose seal does not open
//! has not said who asked, and its signature shows that.
//!
//! ```cddl
//! ; record.ask, about the thread
//! body = { "holder" => bstr .size 65, ? "label" => digest, "until" => uint, "purpose" => tstr, ? "reason" => tstr, "name" => tstr }
//! asked = [ask: bstr .cbor statement, certificate: bstr]
//! ```
//!
//! ```text
//! sealed = HPKE to `agree` of the linked index (countersign_ledger::sealed) of: length of `asked` (4 bytes, big-endian), `asked`,
//!          zeros up to a multiple of 2048 bytes
//! ```
//!
//! Padding hides how long the requester's name and words are: on the log they would tell one doctor from another.

use std::sync::Arc;

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{
    Certificate, CertificateError, Draft, Fields, Hash, Kind, LogName, Placed, PublicKey, Refusal,
    SoftwareKey, Statement, Subject, TrustStore, UnixMillis, Value, sealed,
};
use minicbor::Decoder;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::record::RecordId;
use crate::rules::REQUEST;

/// The kind of what a requester signs.
pub const ASK: &str = "record.ask";
/// Longest purpose: a code of HL7's `PurposeOfUse`.
const MAX_PURPOSE: usize = 32;
/// Longest name.
const MAX_NAME: usize = 128;

/// What is sealed is padded to a multiple of this: an ask with its certificate has about 1,500 bytes.
const STEP: usize = 2048;

/// What a requester says to a record's owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The key of this request, made for it.
    pub holder: PublicKey,
    /// The line that is asked for; none where the requester asks the owner for a line of their own.
    pub label: Option<Hash>,
    /// Until when.
    pub until: UnixMillis,
    /// What for: a code of HL7's `PurposeOfUse`, such as `TREAT` or `ETREAT`.
    pub purpose: String,
    /// Why, in the requester's words; an emergency has a reason.
    pub reason: Option<String>,
    /// The requester's name, as people know it.
    pub name: String,
}

/// What is sealed in a request does not name its requester. Each reason blames the authority that vouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It does not open, or what opens is no statement of a requester.
    #[error("the authority did not name the requester: what it sealed does not open")]
    Seal,
    /// The requester's certificate is not one of the ledger's.
    #[error("the authority named a requester whom nobody enrolled: {0}")]
    Certificate(#[from] CertificateError),
    /// The requester is not enrolled, or did not sign.
    #[error("the authority named a requester who did not sign: {0}")]
    Signature(#[from] Refusal),
    /// The requester had been revoked when the request was ordered.
    #[error("the authority vouched for a requester who had been revoked")]
    Revoked,
    /// The ask was made for another request: another record or line, another end, or by way of another log entry.
    #[error("the authority named somebody who asked for something else")]
    OtherRequest,
    /// The ask names another holder's key: not the one to which the request's deliveries go.
    #[error("the authority put another holder's key into the request than the requester named")]
    OtherHolder,
}

/// Who asked, verified.
#[derive(Clone, Debug)]
pub struct Requester {
    /// What was said.
    pub ask: Ask,
    /// Who said it.
    pub certificate: Arc<Certificate>,
}

impl Ask {
    /// The statement for the requester to sign.
    pub fn draft(&self, record: &RecordId) -> Draft {
        let mut fields = Fields::new()
            .with("until", self.until.0)
            .with("purpose", self.purpose.as_str())
            .with("name", self.name.as_str());
        fields.insert("holder", Value::Bytes(self.holder.as_sec1().to_vec()));
        if let Some(label) = self.label {
            fields.insert("label", label.into());
        }
        if let Some(reason) = &self.reason {
            fields.insert("reason", reason.as_str().into());
        }
        let (subject, links) = (record.thread(&self.holder), vec![]);
        Draft { kind: kind(ASK), subject, fields, prev: None, links, sealed: None }
    }

    /// Reads the ask of a verified statement, as an authority does before it vouches.
    pub fn of(statement: &countersign_ledger::Verified) -> Option<Self> {
        if statement.statement().kind().as_str() != ASK {
            return None;
        }
        let fields = statement.fields();
        let text = |name, most| {
            let text = fields.text(name)?;
            (1..=most).contains(&text.len()).then(|| text.to_owned())
        };
        let label = fields.hash("label");
        (fields.get("label").is_none() == label.is_none()).then_some(Self {
            holder: PublicKey::from_sec1(fields.bytes("holder")?).ok()?,
            label,
            until: UnixMillis(fields.uint("until")?),
            purpose: text("purpose", MAX_PURPOSE)?,
            reason: fields.text("reason").map(str::to_owned),
            name: text("name", MAX_NAME)?,
        })
    }
}

/// Seals an ask with its signer's certificate to the record's owner, for the request on `thread`. `agree` is that of the record's
/// index.
pub fn seal_ask(
    ask: &Statement,
    certificate: &Certificate,
    agree: &PublicKey,
    thread: &Subject,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, sealed::SealError> {
    let asked =
        Zeroizing::new(encode(|e| e.array(2)?.bytes(ask.as_bytes())?.bytes(certificate.as_der())?.ok()));
    let length = u32::try_from(asked.len()).map_err(|_| sealed::SealError)?.to_be_bytes();
    let mut padded = Zeroizing::new([&length[..], &asked].concat());
    let whole = padded.len().next_multiple_of(STEP);
    padded.resize(whole, 0);
    sealed::seal(&padded, agree, &kind(REQUEST), thread, random)
}

/// What was asked, without its padding, which has one form.
fn unpadded(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk()?;
    let (asked, padding) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let honest =
        padded.len().is_multiple_of(STEP) && padding.len() < STEP && padding.iter().all(|byte| *byte == 0);
    honest.then_some(asked)
}

/// Opens what is sealed in a request of `log`, with the agreement key of the index that the request links.
///
/// Also an auditor can, to whom the owner handed that key.
pub fn open_ask(
    request: &Placed,
    log: LogName,
    agreement: &SoftwareKey,
    trust: &TrustStore,
) -> Result<Requester, AskError> {
    let subject = request.statement().subject();
    let sealed = request.sealed().ok_or(AskError::Seal)?;
    let opened = sealed::open(sealed, &agreement.to_bytes(), &kind(REQUEST), subject);
    let padded = opened.map_err(|_| AskError::Seal)?;
    let opened = unpadded(&padded).ok_or(AskError::Seal)?;
    cbor::check_deterministic(opened).map_err(|_| AskError::Seal)?;
    let read = || {
        let mut d = Decoder::new(opened);
        let two = d.array().ok()? == Some(2);
        let (ask, certificate) = (d.bytes().ok()?, d.bytes().ok()?);
        let ask = Statement::parse(ask).ok()?;
        (two && d.position() == opened.len()).then(|| (ask, certificate.to_vec()))
    };
    let (ask, certificate) = read().ok_or(AskError::Seal)?;
    let mut trust = trust.clone();
    trust.enrol(&certificate)?;
    let ask = trust.verify(ask)?;
    if trust.is_revoked(ask.signer().fingerprint(), log, request.index()) {
        return Err(AskError::Revoked);
    }
    let said = Ask::of(&ask).ok_or(AskError::Seal)?;
    let fields = request.fields();
    let same = *ask.statement().subject() == *subject
        && said.label == fields.hash("label")
        && Some(said.until.0) == fields.uint("until");
    if !same {
        return Err(AskError::OtherRequest);
    }
    if Some(&said.holder.as_sec1()[..]) != fields.bytes("holder") {
        return Err(AskError::OtherHolder);
    }
    let certificate = trust.certificate(ask.signer().fingerprint()).ok_or(Refusal::UnknownSigner)?;
    Ok(Requester { ask: said, certificate: Arc::clone(certificate) })
}

pub(crate) fn kind(name: &str) -> Kind {
    #[expect(clippy::expect_used, reason = "the kinds of this crate are constants")]
    Kind::new(name).expect("a kind")
}
