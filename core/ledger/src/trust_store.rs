//! The trust store: domain roots, enrolled certificates and revocations, and the only way to a verified statement.
//!
//! A revocation names each log of the ledger with an index: from that entry on, the certificate is not valid there. In
//! a log that it does not name the certificate is not valid at all. The order of the log decides. So a thief who
//! backdates a statement gains nothing, node and client need no common clock, and what was signed before remains valid.

use std::collections::hash_map::Entry as HashEntry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::certificate::{Certificate, CertificateError};
use crate::fields::Value;
use crate::log_name::LogName;
use crate::statement::{FormatError, Statement, Verified};
use crate::{Hash, UnixMillis};

/// The kind that enrols a member: its subject is the member, its field `certificate` the DER.
pub const ENROL: &str = "enrol";
/// The kind that revokes a certificate, from an index of a log on.
pub const REVOKE: &str = "revoke";
/// The role of registrars. The role alone allows nothing: a registrar is appointed by a trust anchor
/// ([`TrustStore::appoint`]).
pub const REGISTRAR: &str = "registrar";

/// How far a statement's time may lie ahead of the reader's clock.
pub const MAX_SKEW_MILLIS: u64 = 5 * 60 * 1000;
/// How old a statement may be when it reaches the log: a month, for phones that were offline for long. Replays are
/// always caught by (issuer, cti), so safety does not depend on this bound.
pub const MAX_AGE_MILLIS: u64 = 31 * 24 * 3600 * 1000;

/// Why a statement is refused, the most useful reason first: each check runs only if those above it pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The statement is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its time is too far in the future.
    #[error("the statement is dated in the future")]
    FromTheFuture,
    /// Its time is too far in the past.
    #[error("the statement is too old to be accepted")]
    Stale,
    /// Signed under a certificate that nobody enrolled.
    #[error("the signer is not enrolled")]
    UnknownSigner,
    /// The certificate does not belong to the statement's issuer.
    #[error("the statement's issuer is not the holder of its certificate")]
    WrongIssuer,
    /// Signed before its certificate was valid.
    #[error("the signer's certificate was not yet valid")]
    NotYetValid,
    /// Signed after its certificate had expired.
    #[error("the signer's certificate had expired")]
    Expired,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The certificate was revoked before this place in the log.
    #[error("the signer's certificate was revoked")]
    Revoked,
    /// The signer's role does not allow this kind of statement.
    #[error("the signer's role does not allow this statement")]
    Role,
    /// The registrar may not give the role of the certificate that it enrols.
    #[error("the registrar may not enrol members in this role")]
    RoleNotGiven,
    /// The signer belongs to another trust domain than the statement's subject.
    #[error("the signer belongs to another trust domain")]
    Domain,
    /// A required field is missing or of the wrong type.
    #[error("a required field is missing or of the wrong type")]
    Fields,
    /// The certificate to be enrolled is not valid.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A verified statement at its place in a log, where its signer had not been revoked.
///
/// Made only by [`TrustStore::place`]. An inclusion proof against a [`crate::TrustedCheckpoint`], or the log's own
/// store, shows that the log holds it there.
#[derive(Clone, Debug)]
pub struct Placed {
    verified: Verified,
    index: u64,
}

impl Placed {
    /// The verified statement.
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Its index in the log.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Its id.
    pub const fn id(&self) -> Hash {
        self.verified.statement().id()
    }
}

impl std::ops::Deref for Placed {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

/// The entry at one place of a log.
///
/// Made by [`TrustStore::place`], and by [`TrustStore::recall`] for what was placed before.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A statement that counts.
    Standing(Placed),
    /// A statement whose signer had been revoked from this place or an earlier one, or that carries a statement of such
    /// a signer. It keeps its place, since the next one names it as its predecessor; rules skip it, and people see it
    /// struck out.
    Void(Void),
}

/// A void statement. It cannot become a [`Placed`] one.
#[derive(Clone, Debug)]
pub struct Void(Placed);

impl Void {
    /// The statement, to be shown struck out.
    pub const fn verified(&self) -> &Verified {
        &self.0.verified
    }
}

impl Entry {
    /// The statement, if it counts.
    pub const fn standing(&self) -> Option<&Placed> {
        match self {
            Self::Standing(placed) => Some(placed),
            Self::Void(_) => None,
        }
    }

    /// The statement, if it counts.
    pub fn into_standing(self) -> Option<Placed> {
        match self {
            Self::Standing(placed) => Some(placed),
            Self::Void(_) => None,
        }
    }

    /// The statement, whether it counts or not.
    pub const fn verified(&self) -> &Verified {
        match self {
            Self::Standing(placed) | Self::Void(Void(placed)) => &placed.verified,
        }
    }

    /// Its index in the log.
    pub const fn index(&self) -> u64 {
        match self {
            Self::Standing(placed) | Self::Void(Void(placed)) => placed.index,
        }
    }

    /// Its id.
    pub const fn id(&self) -> Hash {
        self.verified().statement().id()
    }
}

/// Whether the signatures of a statement are verified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signatures {
    /// They are verified.
    Verify,
    /// They were verified before the statement was stored.
    Kept,
}

/// The pinned roots, and all that was verified from them.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    /// Each domain's roots: several while it goes from one to the next.
    roots: BTreeMap<String, Vec<Vec<u8>>>,
    /// Fingerprints of the registrars' certificates, each with the roles that it may give.
    registrars: HashMap<Hash, BTreeSet<String>>,
    certificates: HashMap<Hash, Arc<Certificate>>,
    /// Certificate fingerprint, then log, to the first index at which it is no longer valid. In a log that is not named
    /// it is not valid at all.
    revocations: HashMap<Hash, BTreeMap<LogName, u64>>,
}

impl TrustStore {
    /// An empty store, which trusts nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pins a root certificate of a trust domain, beside those that it has.
    pub fn pin(&mut self, domain: &str, root: &[u8]) {
        self.roots.entry(domain.to_owned()).or_default().push(root.to_vec());
    }

    /// Appoints a registrar of its domain: whoever has this certificate may enrol members in these roles, and revoke any
    /// member's certificate. Trust anchors alone appoint; a certificate in the role of a registrar that was enrolled later is
    /// not enough.
    pub fn appoint(
        &mut self,
        registrar: &[u8],
        roles: impl IntoIterator<Item = String>,
    ) -> Result<(), CertificateError> {
        let certificate = self.enrol(registrar)?;
        self.registrars.insert(certificate.fingerprint(), roles.into_iter().collect());
        Ok(())
    }

    /// Whether a trust anchor appointed whoever has the certificate with this fingerprint as a registrar.
    pub fn is_registrar(&self, certificate: Hash) -> bool {
        self.registrars.contains_key(&certificate)
    }

    /// The trust domains that have a root here.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.roots.keys().map(String::as_str)
    }

    /// Adds a member's certificate once its path to the domain's root has been checked.
    pub fn enrol(&mut self, der: &[u8]) -> Result<Arc<Certificate>, CertificateError> {
        if let Some(known) = self.certificates.get(&Hash::of(der)) {
            return Ok(Arc::clone(known));
        }
        let certificate = Arc::new(self.check_path(der)?);
        self.certificates.insert(certificate.fingerprint(), Arc::clone(&certificate));
        Ok(certificate)
    }

    /// The enrolled certificate with this fingerprint.
    pub fn certificate(&self, fingerprint: Hash) -> Option<&Arc<Certificate>> {
        self.certificates.get(&fingerprint)
    }

    /// Verifies a statement: its signer is enrolled, is its issuer, had a valid certificate at its time, and signed it.
    /// The same is verified of a statement that it countersigns.
    pub fn verify(&self, statement: Statement) -> Result<Verified, Refusal> {
        self.verify_by(statement, Signatures::Verify)
    }

    /// The entry at `index` of `log`, for a statement that this machine has verified and stored there before: its signature is
    /// verified again only where it changes whom the ledger trusts. A node reloads a log of millions of statements so, and
    /// must compare the root with the one that it signed.
    pub fn recall(&self, statement: Statement, log: LogName, index: u64) -> Result<Entry, Refusal> {
        let signatures = match statement.kind().as_str() {
            ENROL | REVOKE => Signatures::Verify,
            _ => Signatures::Kept,
        };
        Ok(self.place(self.verify_by(statement, signatures)?, log, index))
    }

    fn verify_by(&self, statement: Statement, signatures: Signatures) -> Result<Verified, Refusal> {
        let signer = self.certificates.get(&statement.certificate()).ok_or(Refusal::UnknownSigner)?;
        if signer.identity() != statement.issuer() {
            return Err(Refusal::WrongIssuer);
        }
        if statement.issued_at() < signer.not_before() {
            return Err(Refusal::NotYetValid);
        }
        if statement.issued_at() > signer.not_after() {
            return Err(Refusal::Expired);
        }
        if signatures == Signatures::Verify {
            statement.verify_signature(signer.key()).map_err(|_| Refusal::Signature)?;
        }
        let countersigned = match statement.countersigned() {
            Some(other) => Some(Box::new(self.verify_by(other.clone(), signatures)?)),
            None => None,
        };
        Ok(Verified::new(statement, Arc::clone(signer), countersigned))
    }

    /// Places a verified statement at `index` of `log`. It is void if its signer, or the signer of the statement that
    /// it countersigns, was revoked from this place or an earlier one: otherwise a thief with a revoked key would only
    /// need an accomplice who receives. Statements carried deeper have no effect; they only show what two parties once
    /// signed.
    pub fn place(&self, verified: Verified, log: LogName, index: u64) -> Entry {
        let revoked = |one: &Verified| self.is_revoked(one.signer().fingerprint(), log, index);
        let void = revoked(&verified) || verified.countersigned().is_some_and(revoked);
        let placed = Placed { verified, index };
        if void { Entry::Void(Void(placed)) } else { Entry::Standing(placed) }
    }

    /// Whether a certificate is no longer valid at `index` of `log`.
    pub fn is_revoked(&self, certificate: Hash, log: LogName, index: u64) -> bool {
        let Some(revocation) = self.revocations.get(&certificate) else { return false };
        revocation.get(&log).is_none_or(|&from| index >= from)
    }

    /// Checks an enrolment or a revocation without applying it. Ignores other kinds.
    pub fn check(&self, statement: &Verified) -> Result<(), Refusal> {
        match statement.statement().kind().as_str() {
            ENROL => self.check_enrolment(statement).map(|_| ()),
            REVOKE => self.check_revocation(statement).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Applies an enrolment or a revocation. Ignores other kinds. A refusal changes nothing.
    pub fn apply(&mut self, statement: &Placed) -> Result<(), Refusal> {
        match statement.statement().kind().as_str() {
            ENROL => {
                let certificate = self.check_enrolment(statement)?;
                self.certificates.entry(certificate.fingerprint()).or_insert_with(|| Arc::new(certificate));
            }
            REVOKE => {
                let Revocation { certificate, from } = self.check_revocation(statement)?;
                match self.revocations.entry(certificate) {
                    HashEntry::Vacant(vacant) => {
                        vacant.insert(from);
                    }
                    HashEntry::Occupied(mut held) => earliest(held.get_mut(), &from),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_enrolment(&self, statement: &Verified) -> Result<Certificate, Refusal> {
        let certificate = statement.fields().bytes("certificate").ok_or(Refusal::Fields)?;
        let certificate = self.check_path(certificate)?;
        if statement.statement().subject().as_str() != certificate.identity().as_str() {
            return Err(Refusal::Fields);
        }
        let roles = self.registrar_of(statement, certificate.identity().domain())?;
        if roles.contains(certificate.identity().role()) {
            Ok(certificate)
        } else {
            Err(Refusal::RoleNotGiven)
        }
    }

    /// Reads a revocation: it names the certificate, and for each log of the ledger the index from which the
    /// certificate is not valid.
    fn check_revocation(&self, statement: &Verified) -> Result<Revocation, Refusal> {
        let fields = statement.fields();
        let certificate = fields.hash("certificate").ok_or(Refusal::Fields)?;
        let mut from = BTreeMap::new();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "certificate") {
            let log = name.strip_prefix("from-").and_then(|log| LogName::new(log).ok());
            let (Some(log), Value::Uint(index)) = (log, value) else { return Err(Refusal::Fields) };
            from.insert(log, *index);
        }
        // A client may hold the revocation of a certificate that it has never seen: the subject then says whose it was.
        let subject =
            crate::Identity::parse(statement.statement().subject().as_str()).map_err(|_| Refusal::Fields)?;
        if self.certificates.get(&certificate).is_some_and(|known| known.identity() != &subject) {
            return Err(Refusal::Fields);
        }
        self.registrar_of(statement, subject.domain())?;
        Ok(Revocation { certificate, from })
    }

    /// The roles that the signer, a registrar of the domain, may give.
    fn registrar_of(&self, statement: &Verified, domain: &str) -> Result<&BTreeSet<String>, Refusal> {
        let roles = self.registrars.get(&statement.signer().fingerprint()).ok_or(Refusal::Role)?;
        if statement.signer().identity().domain() == domain { Ok(roles) } else { Err(Refusal::Domain) }
    }

    fn check_path(&self, der: &[u8]) -> Result<Certificate, CertificateError> {
        let certificate = Certificate::from_der(der)?;
        let roots = self.roots.get(certificate.identity().domain()).ok_or(CertificateError::UnknownDomain)?;
        certificate.verify_path(roots)?;
        Ok(certificate)
    }
}

/// The content of a revocation.
struct Revocation {
    certificate: Hash,
    /// For each log that it names: the index from which the certificate is not valid there.
    from: BTreeMap<LogName, u64>,
}

/// If a certificate is revoked twice, the lower index counts for each log. In a log that one of them does not name the
/// certificate is not valid from the beginning.
fn earliest(held: &mut BTreeMap<LogName, u64>, other: &BTreeMap<LogName, u64>) {
    held.retain(|log, from| match other.get(log) {
        Some(earlier) => {
            *from = (*from).min(*earlier);
            true
        }
        None => false,
    });
}

/// Checks that a statement is fresh when it reaches the log. Only a log checks this; a reader relies on the log's
/// order.
pub fn check_fresh(statement: &Statement, now: UnixMillis) -> Result<(), Refusal> {
    // The statement's time is in whole seconds, rounded down.
    if statement.issued_at().since(now) > MAX_SKEW_MILLIS {
        Err(Refusal::FromTheFuture)
    } else if now.since(statement.issued_at()) > MAX_AGE_MILLIS {
        Err(Refusal::Stale)
    } else {
        Ok(())
    }
}
