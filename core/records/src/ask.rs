//! Asking for a record: what a requester signs, what the authority is told, and how the record's owner alone learns who it was.
//!
//! The requester signs an ask, a statement that no log takes. Its authority vouches for it by a `record.request`, which says
//! nothing of the requester but has the ask in its seal, to the agreement key that the record's index names.
//!
//! ```cddl
//! ask = { "holder" => bstr .size 65, ? "label" => digest, "until" => uint, "purpose" => tstr, ? "reason" => tstr,
//!         "name" => tstr }                                   ; the body of a `record.ask`; its subject is the thread
//! vouch = [log: tstr, ask: bstr .cbor statement, certificate: bstr, ? (salt: bstr .size 16, policy: tstr)]
//! named = [ask: bstr .cbor statement, certificate: bstr]     ; in the request's seal
//! ```

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::sealed::{self, SealError};
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Kind, LogName, MAX_STATEMENT, PublicKey, SoftwareKey, Statement,
    UnixMillis, Value, Verified,
};
use minicbor::Decoder;
use rand_core::CryptoRng;

use crate::line::MAX_POLICY;
use crate::record::RecordId;
use crate::rules::REQUEST;

/// Somebody asks for a record. On no log: it is in the seal of a request.
pub const ASK: &str = "record.ask";
/// Longest purpose, reason and name.
pub const MAX_WORDS: usize = 240;
/// Largest certificate that goes with an ask.
const MAX_CERTIFICATE: usize = 2048;
/// Largest message to an authority.
pub const MAX_VOUCH: usize = MAX_STATEMENT + MAX_CERTIFICATE + MAX_POLICY + 128;

/// What a requester says to a record's owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// A fresh key: who has it is handed what is granted.
    pub holder: PublicKey,
    /// The line that is asked for; `None` to ask the owner.
    pub label: Option<Hash>,
    /// Until when.
    pub until: UnixMillis,
    /// What for.
    pub purpose: String,
    /// Why without the owner's word; empty but in an emergency.
    pub reason: String,
    /// What the requester is called by people.
    pub name: String,
}

impl Ask {
    /// The ask as a statement to be signed by the requester.
    pub fn draft(&self, record: &RecordId) -> Draft {
        let mut fields = Fields::new()
            .with("holder", Value::Bytes(self.holder.as_sec1().to_vec()))
            .with("until", self.until.0)
            .with("purpose", self.purpose.as_str())
            .with("name", self.name.as_str());
        if let Some(label) = self.label {
            fields.insert("label", label.into());
        }
        if !self.reason.is_empty() {
            fields.insert("reason", self.reason.as_str().into());
        }
        let subject = record.thread(&self.holder);
        Draft { kind: kind(ASK), subject, fields, prev: None, links: Vec::new(), sealed: None }
    }

    /// What a statement asks, and of which record; `None` if it is no ask, or not about the thread of its holder.
    pub fn of(statement: &Verified) -> Option<(RecordId, Self)> {
        let (fields, subject) = (statement.fields(), statement.statement().subject());
        let words = |name| fields.text(name).filter(|text| text.len() <= MAX_WORDS).map(str::to_owned);
        let ask = Self {
            holder: PublicKey::from_sec1(fields.bytes("holder")?).ok()?,
            label: fields.get("label").map(|_| fields.hash("label").ok_or(())).transpose().ok()?,
            until: UnixMillis(fields.uint("until")?),
            purpose: words("purpose")?,
            reason: fields.get("reason").map_or(Some(String::new()), |_| words("reason"))?,
            name: words("name")?,
        };
        let record = RecordId::of(subject)?;
        let whole = statement.statement().kind().as_str() == ASK && *subject == record.thread(&ask.holder);
        whole.then_some((record, ask))
    }
}

/// What an authority is asked to vouch for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vouch {
    /// The log of the line that is asked for.
    pub log: LogName,
    /// The ask, a statement.
    pub ask: Vec<u8>,
    /// The requester's certificate (DER).
    pub certificate: Vec<u8>,
    /// Salt and text of the line's policy, from the record's sheet; none where no line is asked for.
    pub policy: Option<([u8; 16], String)>,
}

impl Vouch {
    /// The message.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(if self.policy.is_some() { 5 } else { 3 })?.str(self.log.as_str())?;
            e.bytes(&self.ask)?.bytes(&self.certificate)?;
            if let Some((salt, policy)) = &self.policy {
                e.bytes(salt)?.str(policy)?;
            }
            Ok(())
        })
    }

    /// Reads what [`Vouch::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_VOUCH || cbor::check_deterministic(bytes).is_err() {
            return None;
        }
        let mut d = Decoder::new(bytes);
        let count = d.array().ok()??;
        let log = LogName::new(d.str().ok()?).ok()?;
        let (ask, certificate) = (d.bytes().ok()?.to_vec(), d.bytes().ok()?.to_vec());
        let policy = match count {
            3 => None,
            5 => Some((d.bytes().ok()?.try_into().ok()?, d.str().ok()?.to_owned())),
            _ => return None,
        };
        let bounded = ask.len() <= MAX_STATEMENT
            && certificate.len() <= MAX_CERTIFICATE
            && policy.as_ref().is_none_or(|(_, text): &([u8; 16], String)| text.len() <= MAX_POLICY);
        bounded.then_some(Self { log, ask, certificate, policy })
    }
}

/// Seals an ask, and the certificate that it is verified with, for the request that vouches for it.
pub fn seal_ask(
    ask: &Statement,
    certificate: &Certificate,
    agree: &PublicKey,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let named = encode(|e| e.array(2)?.bytes(ask.as_bytes())?.bytes(certificate.as_der())?.ok());
    sealed::seal(&named, agree, &kind(REQUEST), ask.subject(), random)
}

/// Opens the seal of a request: the ask and the certificate, neither of which is verified.
pub fn open_ask(request: &Verified, agreement: &SoftwareKey) -> Result<(Statement, Vec<u8>), SealError> {
    let sealed = request.sealed().ok_or(SealError)?;
    let subject = request.statement().subject();
    let named = sealed::open(sealed, &agreement.to_bytes(), &kind(REQUEST), subject)?;
    let read = || {
        cbor::check_deterministic(&named).ok()?;
        let mut d = Decoder::new(&named);
        let two = d.array().ok()? == Some(2);
        let ask = Statement::parse(d.bytes().ok()?).ok()?;
        Some((ask, d.bytes().ok()?.to_vec())).filter(|_| two)
    };
    read().ok_or(SealError)
}

#[expect(clippy::expect_used, reason = "a constant")]
pub(crate) fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}
