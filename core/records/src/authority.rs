//! What an attribute authority publishes, and what it is asked: for keys, and to vouch for whoever asks for a record.
//!
//! A member asks for the key of an epoch by a signed statement that no log takes, and names an agreement key of its own: the
//! answer is a key of attribute-based encryption, sealed to that.
//!
//! ```cddl
//! key-ask = [ask: bstr .cbor statement, certificate: bstr]     ; an `authority.ask`; its subject is the authority
//! body = { "agree" => bstr .size 65 }                          ; of the ask
//! vouch = [log: tstr, ask: bstr .cbor statement, certificate: bstr, ? (salt: bstr .size 16, policy: tstr)]
//! ; ask: a `record.ask`; log: that of the line; salt, policy: from the record's sheet, none where no line is asked for
//! ```

use countersign_abe::MAX_TEXT as MAX_POLICY;
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::sealed::{self, SealError};
use countersign_ledger::{
    Draft, Fields, Hash, Identity, Kind, LogName, MAX_STATEMENT, PublicKey, SoftwareKey, Subject, Value,
    Verified,
};
use minicbor::Decoder;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::rules::AUTHORITY_KEY;

/// A member asks its authority for the key of an epoch. On no log.
pub const KEY_ASK: &str = "authority.ask";
/// Largest certificate that goes with an ask.
const MAX_CERTIFICATE: usize = 2048;
/// Largest message that asks for a key.
pub const MAX_KEY_ASK: usize = MAX_STATEMENT + MAX_CERTIFICATE + 16;
/// Largest message that asks to vouch.
pub const MAX_VOUCH: usize = MAX_STATEMENT + MAX_CERTIFICATE + MAX_POLICY + 128;

/// The subject of what an authority publishes.
#[expect(
    clippy::expect_used,
    reason = "the parts of an identity have no character that a subject may not have"
)]
pub fn authority(identity: &Identity) -> Subject {
    Subject::new(format!("urn:countersign:authority:{}:{}", identity.domain(), identity.name()))
        .expect("a subject")
}

/// What an authority publishes for an epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorityKey {
    /// The suite, first byte of the key's encoding.
    pub suite: u64,
    /// The public key.
    pub key: Vec<u8>,
    /// The epoch.
    pub epoch: u64,
    /// SHA-256 of the text that says which labels its attributes have, and what they mean.
    pub vocabulary: Hash,
}

impl AuthorityKey {
    /// The key as a statement to be signed by the authority, after `prev`.
    pub fn draft(&self, authority: &Identity, prev: Option<Hash>) -> Draft {
        let fields = Fields::new()
            .with("suite", self.suite)
            .with("key", Value::Bytes(self.key.clone()))
            .with("epoch", self.epoch)
            .with("vocabulary", self.vocabulary);
        let subject = self::authority(authority);
        Draft { kind: kind(AUTHORITY_KEY), subject, fields, prev, links: Vec::new(), sealed: None }
    }

    /// The key that a statement publishes.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let key = || {
            Some(Self {
                suite: fields.uint("suite")?,
                key: fields.bytes("key")?.to_vec(),
                epoch: fields.uint("epoch")?,
                vocabulary: fields.hash("vocabulary")?,
            })
        };
        key().filter(|_| statement.statement().kind().as_str() == AUTHORITY_KEY)
    }
}

/// A member's ask for a key, as it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyAsk {
    /// The signed ask.
    pub ask: Vec<u8>,
    /// The member's certificate (DER).
    pub certificate: Vec<u8>,
}

impl KeyAsk {
    /// The ask as a statement to be signed by the member. What `authority` answers is sealed to `agree`.
    pub fn draft(authority: &Identity, agree: &PublicKey) -> Draft {
        let fields = Fields::new().with("agree", Value::Bytes(agree.as_sec1().to_vec()));
        let subject = self::authority(authority);
        Draft { kind: kind(KEY_ASK), subject, fields, prev: None, links: Vec::new(), sealed: None }
    }

    /// The agreement key that a statement names; `None` if it is no ask to `authority`.
    pub fn agree(statement: &Verified, authority: &Identity) -> Option<PublicKey> {
        let (of, fields) = (statement.statement(), statement.fields());
        let ask = of.kind().as_str() == KEY_ASK && *of.subject() == self::authority(authority);
        ask.then(|| PublicKey::from_sec1(fields.bytes("agree")?).ok())?
    }

    /// The message.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| e.array(2)?.bytes(&self.ask)?.bytes(&self.certificate)?.ok())
    }

    /// Reads what [`KeyAsk::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_KEY_ASK || cbor::check_deterministic(bytes).is_err() {
            return None;
        }
        let mut d = Decoder::new(bytes);
        let two = d.array().ok()? == Some(2);
        let (ask, certificate) = (d.bytes().ok()?.to_vec(), d.bytes().ok()?.to_vec());
        let bounded = ask.len() <= MAX_STATEMENT && certificate.len() <= MAX_CERTIFICATE;
        (two && bounded).then_some(Self { ask, certificate })
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

/// Seals the encoding of a key for the member that asked for it.
pub fn seal_key(
    key: &[u8],
    authority: &Identity,
    agree: &PublicKey,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    sealed::seal(key, agree, &kind(KEY_ASK), &self::authority(authority), random)
}

/// Opens what an authority answered to an ask: the encoding of a key, a secret.
pub fn open_key(
    sealed: &[u8],
    authority: &Identity,
    agreement: &SoftwareKey,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    sealed::open(sealed, &agreement.to_bytes(), &kind(KEY_ASK), &self::authority(authority))
}

#[expect(clippy::expect_used, reason = "the kinds of this crate are constants")]
fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}
