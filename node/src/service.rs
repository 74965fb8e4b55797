//! What requests are answered from, and what the registrar does for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_domains::AUTHORIZATION;
use countersign_ledger::{
    Certificate, CertificateError, Genesis, Hash, Identity, IndexKey, LogName, PublicKey, Signer as _,
    SoftwareKey, Statement, Subject, receipt,
};
use rusqlite::Connection;

use crate::clock::Clock;
use crate::config::Config;
use crate::halt::{Halt, Halts};
use crate::limits::{Bounded, Bounds};
use crate::metrics::{header, line};
use crate::others_logs::Cosigning;
use crate::published::Published;
use crate::reason::Reason;
use crate::record_cleaner::Cleaner;
use crate::record_store::RecordStore;
use crate::registrar::{CodeError, EnrolmentCode, EnrolmentRequest, Judged, Registrar, RegistrarError};
use crate::reports::Reports;
use crate::sequencer::{Outcome, Sequencer};
use crate::store;
use crate::timekeeper::Timekeeper;
use crate::tls::Endpoint;
use crate::uploads::Uploads;

/// How often a registrar's statement is signed anew when another on the same member came in between.
const RETRIES: usize = 4;

/// Why a certificate was not issued or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The enrolment code is not valid.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The registrar failed, or the request is not valid.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
    /// No certificate has this fingerprint.
    #[error("there is no such certificate")]
    UnknownCertificate,
    /// The root key is elsewhere: whoever has it issues the certificate. The same code and key may then ask again.
    #[error("whoever keeps the root key has to issue the certificate: ask again with the same code")]
    RootElsewhere,
    /// The registrar's own statement was refused.
    #[error(transparent)]
    Refused(Reason),
    /// The node is busy; ask again after this time.
    #[error("the node is busy")]
    Busy(Duration),
    /// The node orders nothing for now.
    #[error("{0}")]
    Halted(Halt),
}

/// What requests are answered from.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) halts: Arc<Halts>,
    pub(crate) genesis: Genesis,
    pub(crate) published: Arc<Published>,
    pub(crate) sequencer: Arc<dyn Sequencer>,
    pub(crate) registrar: Registrar,
    pub(crate) receipts: BTreeMap<LogName, SoftwareKey>,
    pub(crate) bounds: Arc<Bounds>,
    pub(crate) uploads: Uploads,
    pub(crate) records: Option<Arc<RecordStore>>,
    pub(crate) reports: Reports,
    /// Removes what is superseded in the record store.
    pub(crate) _cleaner: Option<Cleaner>,
    /// Writes blobs; SQLite lets one of this connection and the sequencer's write at a time.
    pub(crate) blobs: Mutex<Connection>,
    pub(crate) endpoint: Endpoint,
    /// The witnesses here that cosign for others, by name.
    pub(crate) cosigning: BTreeMap<String, Arc<Cosigning>>,
}

impl Bounded for Service {
    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

impl Service {
    pub(crate) fn enrol(&self, code: &EnrolmentCode, csr: &[u8]) -> Result<Certificate, AuthorityError> {
        let request = EnrolmentRequest::read(code, csr).map_err(RegistrarError::from)?;
        self.enrol_with(&request, |holder| {
            let certificate = self.registrar.certify(holder, &request.key)?;
            certificate.ok_or_else(|| {
                self.registrar.wait(request.code, holder.clone(), csr);
                AuthorityError::RootElsewhere
            })
        })
    }

    /// Publishes a certificate that the holder of the root key has issued for somebody who waits with this code.
    pub(crate) fn certified(&self, code: Hash, certificate: &Certificate) -> Result<(), AuthorityError> {
        self.registrar.served(code);
        let request = EnrolmentRequest { code, key: certificate.key().clone() };
        let issued = |holder: &Identity| {
            let same = certificate.identity() == holder;
            let other = || RegistrarError::from(CertificateError::Identity).into();
            same.then(|| certificate.clone()).ok_or_else(other)
        };
        self.enrol_with(&request, issued).map(drop)
    }

    /// Publishes what is `issued` for whom the code of a request was made for.
    fn enrol_with(
        &self,
        request: &EnrolmentRequest,
        issued: impl Fn(&Identity) -> Result<Certificate, AuthorityError>,
    ) -> Result<Certificate, AuthorityError> {
        let readers = self.published.readers();
        self.submit_until_it_fits(LogName::SUPPLY, || {
            let stored = readers.with(|c| store::code(c, request.code)).map_err(RegistrarError::from)?;
            let code = match request.judge(stored, (self.clock)())? {
                Judged::Again(fingerprint) => return Ok((None, self.certificate(fingerprint)?)),
                Judged::Fresh(code) => code,
            };
            let certificate = issued(&self.registrar.identity(&code)?)?;
            let prev = self.latest(LogName::SUPPLY, certificate.identity())?;
            let enrolment = self.registrar.enrolment(&certificate, &code, prev)?;
            Ok((Some(enrolment), certificate))
        })
    }

    /// Returns the place of each log from which the certificate signs nothing: the one in `earlier`, or the next.
    pub(crate) fn revoke(
        &self,
        fingerprint: Hash,
        earlier: &BTreeMap<LogName, u64>,
    ) -> Result<BTreeMap<LogName, u64>, AuthorityError> {
        let member = self.certificate(fingerprint)?.identity().clone();
        self.submit_until_it_fits(LogName::TRUST, || {
            let prev = self.latest(LogName::TRUST, &member)?;
            let view = self.published.view();
            let mut from: BTreeMap<_, _> = view.heads.keys().map(|&log| (log, view.size(log))).collect();
            from.extend(earlier);
            Ok((Some(self.registrar.revocation(&member, fingerprint, &from, prev)?), from))
        })
    }

    /// The enrolment of a member of this domain, for a ledger that several domains share.
    pub(crate) fn introduce(
        &self,
        fingerprint: Hash,
        prev: Option<Hash>,
    ) -> Result<Statement, AuthorityError> {
        Ok(self.registrar.introduction(&self.certificate(fingerprint)?, prev)?)
    }

    /// The revocation of a member's certificate, for a ledger that several domains share: from these places of its logs on.
    pub(crate) fn withdraw(
        &self,
        fingerprint: Hash,
        from: &BTreeMap<LogName, u64>,
        prev: Option<Hash>,
    ) -> Result<Statement, AuthorityError> {
        let certificate = self.certificate(fingerprint)?;
        Ok(self.registrar.revocation(certificate.identity(), fingerprint, from, prev)?)
    }

    /// Founds the first group of notaries, and tells which statement it is.
    pub(crate) fn found(&self, notaries: &[Hash]) -> Result<Hash, AuthorityError> {
        let notaries: Vec<_> =
            notaries.iter().map(|fingerprint| self.certificate(*fingerprint)).collect::<Result<_, _>>()?;
        self.submit_until_it_fits(AUTHORIZATION, || {
            let founding = self.registrar.founding(&notaries)?;
            let id = founding.id();
            Ok((Some(founding), id))
        })
    }

    /// Has a statement of the registrar ordered, if there is one, and tells what was made with it. It is signed anew when
    /// another on the same member came in between, or somebody has used the same code.
    fn submit_until_it_fits<T>(
        &self,
        log: LogName,
        sign: impl Fn() -> Result<(Option<Statement>, T), AuthorityError>,
    ) -> Result<T, AuthorityError> {
        let mut tries = 0;
        loop {
            let (statement, made) = sign()?;
            let Some(statement) = statement else { return Ok(made) };
            tries += 1;
            match self.sequencer.submit(log, statement.as_bytes()).wait() {
                Outcome::Accepted(_) | Outcome::Duplicate(_) => return Ok(made),
                Outcome::Busy { retry_after } => return Err(AuthorityError::Busy(retry_after)),
                Outcome::Halted(halt) => return Err(AuthorityError::Halted(halt)),
                Outcome::Refused(Reason::Code | Reason::NotLatest { .. }) if tries < RETRIES => {}
                Outcome::Refused(reason) => return Err(AuthorityError::Refused(reason)),
            }
        }
    }

    fn certificate(&self, fingerprint: Hash) -> Result<Certificate, AuthorityError> {
        let view = self.published.view();
        let certificate = view.trust.certificate(fingerprint).ok_or(AuthorityError::UnknownCertificate)?;
        Ok(Certificate::clone(certificate))
    }

    /// Id of the latest published statement on a member.
    fn latest(&self, log: LogName, member: &Identity) -> Result<Option<Hash>, AuthorityError> {
        let key = IndexKey::of(&Subject::new(member.as_str()).map_err(RegistrarError::from)?);
        let size = self.published.view().size(log);
        let read = || match self.published.state().index_at(log, size)? {
            Some(index) => index.get(&key),
            None => Ok(None),
        };
        let entry = read().map_err(RegistrarError::from)?;
        Ok(entry.map(|entry| entry.latest))
    }

    /// Why nothing is ordered, in words for operators.
    pub(crate) fn why_halted(&self) -> Option<String> {
        let error = || self.time.now().err().map(|error| error.to_string());
        self.halts.why().map(|(_, why)| why).or_else(error)
    }

    /// What stands still, as metrics.
    pub(crate) fn halts_to(&self, text: &mut String) {
        let now = self.sequencer.health().halted;
        header(text, "gauge", "countersign_halted", "1 while nothing is ordered, for this reason.");
        for halt in Halt::ALL {
            let name = format!("countersign_halted{{reason=\"{}\"}}", halt.problem());
            line(text, &name, (now == Some(halt)).into());
        }
        header(text, "counter", "countersign_halts_total", "How often ordering has stood still.");
        for halt in Halt::ALL {
            let name = format!("countersign_halts_total{{reason=\"{}\"}}", halt.problem());
            line(text, &name, self.halts.count(halt));
        }
        header(
            text,
            "gauge",
            "countersign_witness_clock_off",
            "1 while a witness has another time than the node.",
        );
        for (witness, off) in self.time.witnesses() {
            line(text, &format!("countersign_witness_clock_off{{witness=\"{witness}\"}}"), off.into());
        }
    }

    /// The keys that receipts are signed with: each log's key id and public key, in the order of the logs.
    pub(crate) fn receipt_keys(&self) -> Vec<(Hash, PublicKey)> {
        self.genesis.logs.iter().filter_map(|log| self.receipt_key(log.name)).collect()
    }

    /// The key that a log's receipts are signed with, and its id.
    pub(crate) fn receipt_key(&self, log: LogName) -> Option<(Hash, PublicKey)> {
        let key = self.receipts.get(&log)?.public_key();
        Some((receipt::thumbprint(&key), key))
    }
}
