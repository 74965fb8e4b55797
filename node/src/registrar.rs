//! The domain's registrar: hands out one-time codes, certifies keys whose owner has one, revokes.
//!
//! In scope: what the registrar signs and what it remembers of its codes. Out of scope: who may have a code, which is
//! for people to decide.
//!
//! The holder makes the key and asks with a PKCS #10 request (RFC 2986), which proves possession; the registrar decides
//! who the holder is. A code is used up by the enrolment that publishes the certificate, wherever that is applied; asking
//! again with the same code for the same key returns the same certificate, so an answer that got lost costs nothing.
//!
//! The enrolment names the code by a random number that is stored with it, not by a digest of it: engines show statements to
//! others before they are ordered, and 80 bits behind a fast hash can be searched. The number reveals nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_domains::rules::NOTARY;
use countersign_domains::{Election, Group, MAX_SEATS};
use countersign_ledger::certificate::{Period, issue, requested_key};
use countersign_ledger::{
    Base64, CODE, Certificate, CertificateError, Draft, ENROL, Fields, Genesis, Hash, Identity, Kind,
    LogName, MAX_SKEW_MILLIS, NameError, NotAnIdentity, PublicKey, REVOKE, SignError, Statement, Subject,
    UnixMillis, Value, Verified,
};
use rusqlite::TransactionBehavior;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Config;
use crate::keys::{Authority, KeysError, random};
use crate::store::{self, Begin, StoreError, StoredCode};

/// Name of the database file in the data directory.
pub(crate) const DATABASE: &str = "ledger.sqlite";
/// Crockford's base 32: no letter that is read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters in a code: 80 bits, beyond guessing at any rate a node would answer.
const CODE_LENGTH: usize = 16;
const DAY_MILLIS: u64 = 24 * 3600 * 1000;
/// Most of those who wait that are told at one time.
const MAX_WAITING: usize = 16;
/// The longest that a code is good: somebody else may find it.
const MAX_VALIDITY_MILLIS: u64 = 90 * DAY_MILLIS;

/// Why the registrar did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    /// The registrar's keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Role and name form no identity.
    #[error(transparent)]
    Identity(#[from] NotAnIdentity),
    /// A role that the trust anchors do not let this registrar give.
    #[error("no members are enrolled in the role `{role}`; the roles are {}", .roles.join(", "))]
    Role {
        /// The role.
        role: String,
        /// Those that it may give.
        roles: Vec<String>,
    },
    /// A certificate or a request is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The statement could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A code that would be good for longer than any is.
    #[error("an enrolment code is good for 90 days at most")]
    Validity,
    /// No group of notaries can be made of these.
    #[error("a group is founded by 1 to {MAX_SEATS} members in the role `{NOTARY}`, each of them named once")]
    Notaries,
    /// An identity that is no subject.
    #[error(transparent)]
    Subject(#[from] NameError),
}

impl From<rusqlite::Error> for RegistrarError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a code is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodeError {
    /// No such code was ever given out.
    #[error("there is no such enrolment code")]
    Unknown,
    /// It was used for another key.
    #[error("the enrolment code has been used")]
    Used,
    /// Too late.
    #[error("the enrolment code has run out")]
    Expired,
}

/// A one-time enrolment code, to be given to one person by a way that the registrar trusts. Only its digest is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode(String);

impl EnrolmentCode {
    fn generate() -> Result<Self, KeysError> {
        let random: [u8; CODE_LENGTH] = random()?;
        // 32 divides 256, so every character is equally likely.
        Ok(Self(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()))
    }

    /// Reads a code as people type it: in either case, with spaces or hyphens, with O for 0 and I or L for 1.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|c| !matches!(c, ' ' | '-')).take(CODE_LENGTH + 1);
        let read = typed.map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
        let code: String = read.collect();
        let known = code.len() == CODE_LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        known.then_some(Self(code))
    }

    fn digest(&self) -> Hash {
        Hash::framed("countersign/enrolment-code/v1", &[self.0.as_bytes()])
    }
}

/// In groups of four.
impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, character) in self.0.chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentCode")
    }
}

/// The domain's registrar.
pub struct Registrar {
    authority: Authority,
    domain: String,
    /// The roles that it may give.
    roles: Vec<String>,
    database: PathBuf,
    certificate_days: u32,
    clock: Clock,
    /// Who waits for the holder of the root key: of each code its member, and the last request. Bounded by the codes that are
    /// good; those who wait ask again, so nothing is lost with it.
    waiting: Mutex<BTreeMap<Hash, (Identity, Vec<u8>)>>,
}

/// Somebody who enrols, and waits for the holder of the root key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// Digest of the code.
    pub(crate) code: String,
    /// The member that the code was made for.
    pub(crate) member: String,
    /// Its certification request, with the proof of possession.
    pub(crate) request: Base64,
}

impl Registrar {
    pub(crate) fn new(authority: Authority, config: &Config, genesis: &Genesis, clock: Clock) -> Self {
        if authority.root.is_none() {
            tracing::info!("the root key is not here: who enrols waits for its holder");
        }
        let domain = genesis.domains.iter().find(|domain| domain.name == config.domain);
        Self {
            authority,
            domain: config.domain.clone(),
            roles: domain.map(|domain| domain.roles.clone()).unwrap_or_default(),
            database: config.data.join(DATABASE),
            certificate_days: config.certificate_days,
            clock,
            waiting: Mutex::default(),
        }
    }

    /// The registrar's own certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.authority.certificate
    }

    /// A new code for a member called `name` in the role `role`, good for one enrolment within `valid_for`, 90 days at most.
    pub fn new_code(
        &self,
        role: &str,
        name: &str,
        valid_for: Duration,
    ) -> Result<EnrolmentCode, RegistrarError> {
        Identity::new(&self.domain, role, name)?;
        if !self.roles.iter().any(|known| known == role) {
            return Err(RegistrarError::Role { role: role.to_owned(), roles: self.roles.clone() });
        }
        let code = EnrolmentCode::generate()?;
        let lifetime =
            u64::try_from(valid_for.as_millis()).ok().filter(|&millis| millis <= MAX_VALIDITY_MILLIS);
        let lifetime = lifetime.ok_or(RegistrarError::Validity)?;
        let expires = UnixMillis((self.clock)().0.saturating_add(lifetime));
        let mut connection = store::open(&self.database, Begin::Never)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        store::put_code(&tx, code.digest(), random()?, role, name, expires)?;
        tx.commit()?;
        Ok(code)
    }

    /// Signs the revocation of `member`'s certificate `fingerprint`: it signs nothing from the given index of each log on, and
    /// nothing at all in a log that is not given. `prev` is the latest statement on the member in the trust log.
    pub fn revocation(
        &self,
        member: &Identity,
        fingerprint: Hash,
        from: &BTreeMap<LogName, u64>,
        prev: Option<Hash>,
    ) -> Result<Statement, RegistrarError> {
        let mut fields = Fields::new().with("certificate", fingerprint);
        for (log, index) in from {
            fields.insert(&format!("from-{log}"), (*index).into());
        }
        self.sign(REVOKE, member, fields, prev)
    }

    /// Signs the enrolment of a member of this domain for a ledger that several domains share, which somebody brings there.
    /// `prev` is the latest statement on the member in that ledger's log.
    pub(crate) fn introduction(
        &self,
        certificate: &Certificate,
        prev: Option<Hash>,
    ) -> Result<Statement, RegistrarError> {
        let certificate_field = Value::Bytes(certificate.as_der().to_vec());
        let fields = Fields::new().with("certificate", certificate_field);
        self.sign(ENROL, certificate.identity(), fields, prev)
    }

    /// Signs the first group of notaries, each of whom has this certificate.
    pub(crate) fn founding(&self, notaries: &[Certificate]) -> Result<Statement, RegistrarError> {
        let notary = |certificate: &Certificate| certificate.identity().role() == NOTARY;
        let group = Group::founded(notaries.iter().map(Certificate::identity));
        let group = group.filter(|_| notaries.iter().all(notary)).ok_or(RegistrarError::Notaries)?;
        self.sign_draft(&Election { epoch: 1, group }.draft(None, None))
    }

    /// Certifies `key` as that of `holder`; `None` where the root key is elsewhere.
    pub(crate) fn certify(
        &self,
        holder: &Identity,
        key: &PublicKey,
    ) -> Result<Option<Certificate>, RegistrarError> {
        let Some(root) = &self.authority.root else { return Ok(None) };
        let period = period((self.clock)(), self.certificate_days);
        Ok(Some(issue(holder, key, root, period, random()?)?))
    }

    /// Notes that somebody waits for the holder of the root key.
    pub(crate) fn wait(&self, code: Hash, member: Identity, request: &[u8]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(code, (member, request.to_vec()));
    }

    /// Some of those who wait, as many as fit into a reply.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let tell = |(code, (member, request)): (&Hash, &(Identity, Vec<u8>))| Waiting {
            code: code.to_string(),
            member: member.as_str().to_owned(),
            request: Base64(request.clone()),
        };
        waiting.iter().take(MAX_WAITING).map(tell).collect()
    }

    /// Whoever waits with this code waits no longer.
    pub(crate) fn served(&self, code: Hash) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&code);
    }

    /// Signs the enrolment that publishes `certificate` and uses up `code`. `prev` is the latest statement on the member in
    /// its log.
    pub(crate) fn enrolment(
        &self,
        certificate: &Certificate,
        code: &StoredCode,
        prev: Option<Hash>,
    ) -> Result<Statement, RegistrarError> {
        let mut fields = Fields::new();
        fields.insert("certificate", Value::Bytes(certificate.as_der().to_vec()));
        fields.insert(CODE, Value::Bytes(code.number.to_vec()));
        self.sign(ENROL, certificate.identity(), fields, prev)
    }

    fn sign(
        &self,
        kind: &str,
        member: &Identity,
        fields: Fields,
        prev: Option<Hash>,
    ) -> Result<Statement, RegistrarError> {
        let draft = Draft {
            kind: Kind::new(kind)?,
            subject: Subject::new(member.as_str())?,
            fields,
            prev,
            links: Vec::new(),
            sealed: None,
        };
        self.sign_draft(&draft)
    }

    fn sign_draft(&self, draft: &Draft) -> Result<Statement, RegistrarError> {
        Ok(draft.sign(&self.authority.certificate, &self.authority.registrar, (self.clock)(), random()?)?)
    }

    pub(crate) fn identity(&self, code: &StoredCode) -> Result<Identity, RegistrarError> {
        Ok(Identity::new(&self.domain, &code.role, &code.name)?)
    }
}

/// For how long a certificate holds that is issued `now`.
pub(crate) fn period(now: UnixMillis, days: u32) -> Period {
    Period {
        // A phone whose clock is a little behind must be able to sign at once.
        from: UnixMillis(now.0.saturating_sub(MAX_SKEW_MILLIS)),
        until: UnixMillis(now.0 + u64::from(days) * DAY_MILLIS),
    }
}

/// The code that an enrolment uses up, with the key and certificate that it was used for.
pub(crate) struct CodeUse {
    pub(crate) code: Vec<u8>,
    pub(crate) key: Hash,
    pub(crate) certificate: Hash,
}

impl CodeUse {
    /// Reads it from an enrolment; `None` for other statements, and for an enrolment without a code.
    pub(crate) fn of(statement: &Verified) -> Option<Self> {
        if statement.statement().kind().as_str() != ENROL {
            return None;
        }
        let code = statement.fields().bytes(CODE)?.to_vec();
        let certificate = Certificate::from_der(statement.fields().bytes("certificate")?).ok()?;
        Some(Self {
            code,
            key: Hash::of(certificate.key().as_sec1()),
            certificate: certificate.fingerprint(),
        })
    }
}

/// A certification request whose proof of possession holds, and the digest of the code that came with it.
pub(crate) struct EnrolmentRequest {
    pub(crate) code: Hash,
    pub(crate) key: PublicKey,
}

impl EnrolmentRequest {
    pub(crate) fn read(code: &EnrolmentCode, csr: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self { code: code.digest(), key: requested_key(csr)? })
    }

    /// What the stored code allows: a new certificate, or again the one that was issued for this key.
    pub(crate) fn judge(&self, code: Option<StoredCode>, now: UnixMillis) -> Result<Judged, CodeError> {
        let code = code.ok_or(CodeError::Unknown)?;
        match code.used {
            Some((key, certificate)) if key == Hash::of(self.key.as_sec1()) => Ok(Judged::Again(certificate)),
            Some(_) => Err(CodeError::Used),
            None if code.expires < now => Err(CodeError::Expired),
            None => Ok(Judged::Fresh(code)),
        }
    }
}

/// What a code allows.
pub(crate) enum Judged {
    /// A new certificate.
    Fresh(StoredCode),
    /// The certificate that was issued for it.
    Again(Hash),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = EnrolmentCode("0123456789ABCDEF".to_owned());
        assert_eq!(code.to_string(), "0123-4567-89AB-CDEF");
        for typed in ["0123-4567-89AB-CDEF", "o1234567 89abcdef", " Oi23-4567-89ab-cdef "] {
            let read = EnrolmentCode::parse(typed);
            assert_eq!(read.as_ref().map(|code| code.0.len()), Some(16), "{typed}");
        }
        assert_eq!(EnrolmentCode::parse("OL23-4567-89ab-cdef"), Some(code.clone()));
        assert_eq!(format!("{code:?}"), "EnrolmentCode");
    }

    #[test]
    fn other_text_is_no_code() {
        for text in ["", "0123", "0123-4567-89AB-CDEU", "0123-4567-89AB-CDEF-0", "0123-4567-89AB-CDE\u{e9}"] {
            assert_eq!(EnrolmentCode::parse(text), None, "{text}");
        }
    }
}
