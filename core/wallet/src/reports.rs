//! Reports of suspicions: on a phone, from the scan until the node has it; at an authority, from the node to the words.
//!
//! What a person writes is sealed to the authority's key, as the trusted snapshot has it, and durable in the outbox of reports
//! before the call returns: this phone itself cannot open it any more. It leaves by [`Snapshot::send_reports`] when there is a
//! signal; sending twice is harmless. What was received stays as a line without contents, so that a person sees that it arrived.

use std::sync::Arc;
use std::time::Duration;

use countersign_custody::report::{self, Kept, NotAReport, Report, Request, Scanned};
use countersign_ledger::{Hash, LogName, PublicKey, Signer as _, SoftwareKey, UnixMillis};
use zeroize::Zeroizing;

use crate::act::ActError;
use crate::back_off::BackOff;
use crate::client::{Client, ClientError};
use crate::issuer::{Issuer, Recorded};
use crate::key_store::{KeyStore, KeyStoreError, StoredKey};
use crate::outbox::Round;
use crate::records::random;
use crate::snapshot::{Snapshot, domain};
use crate::store::{self, StoreError};

/// Most reports that wait on a phone.
const MAX_WAITING: u64 = 32;
/// Most lines of reports that were received.
const MAX_RECEIVED: u64 = 64;
/// Most reports that one round sends.
const ROUND: usize = 4;
const BACK_OFF: BackOff = BackOff { first: Duration::from_secs(30), most: Duration::from_hours(6) };
/// The authority's secret keys in its key store, each named after the statement that published it.
const SECRET: &str = "report-key";

/// Why a report was not taken. Nothing is kept of it.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// What was written is not a report.
    #[error(transparent)]
    NotAReport(#[from] NotAReport),
    /// No authority of this ledger has published a key, by the last sync.
    #[error(
        "this ledger takes no reports yet: its authority has published no key for them, by the last sync"
    )]
    NoKey,
    /// Too many reports wait.
    #[error("{MAX_WAITING} reports wait already: send those first")]
    TooMany,
    /// Everything else.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Act(error.into())
    }
}

/// What a person adds to a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What they saw.
    pub words: String,
    /// Where, if they say so.
    pub place: Option<String>,
    /// A photograph, JPEG or PNG.
    pub photograph: Option<Vec<u8>>,
    /// How they can be answered; `None` to stay anonymous.
    pub answer: Option<String>,
}

/// A report of this phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReport {
    /// SHA-256 of what is sent.
    pub id: Hash,
    /// When it was written.
    pub written: UnixMillis,
    /// How far it has come.
    pub state: ReportState,
    /// How often it was tried.
    pub tries: u32,
}

/// How far a report has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportState {
    /// It waits for a network.
    Waiting,
    /// The node has it, durably.
    Received,
    /// The node refuses it, by this name.
    Refused(String),
}

impl Snapshot {
    /// Seals a report of a scan, and keeps it to be sent. It is durable when this returns.
    pub fn report(&mut self, scan: Scanned, words: Words, clock: UnixMillis) -> Result<Hash, ReportError> {
        let now = self.now(clock).at();
        let domain = domain(&self.genesis);
        let (id, key) = self.report_key(&domain).ok_or(ReportError::NoKey)?;
        let Words { words, place, photograph, answer } = words;
        let report = Report { written: now, scan, words, place, photograph, answer };
        let sealed = report.seal(&domain, (id, &key), &mut random()?)?.to_bytes();
        if store::reports_waiting(self.store.read())? >= MAX_WAITING {
            return Err(ReportError::TooMany);
        }
        self.store.write::<_, StoreError>(|tx| store::post_report(tx, &sealed, now))?;
        Ok(Hash::of(&sealed))
    }

    /// Whether this ledger takes reports, by the last sync.
    pub fn takes_reports(&self) -> bool {
        self.report_key(&domain(&self.genesis)).is_some()
    }

    fn report_key(&self, domain: &str) -> Option<(Hash, PublicKey)> {
        let history = self.head.as_ref()?.whole.entries(LogName::TRUST, &report::subject(domain));
        report::current_key(domain, &history)
    }

    /// The reports of this phone, the latest first.
    pub fn reports(&self) -> Result<Vec<SentReport>, StoreError> {
        store::reports(self.store.read())
    }

    /// Takes a report off the list: one that was received or refused.
    pub fn settle_report(&mut self, id: Hash) -> Result<(), StoreError> {
        self.store.write(|tx| store::settle_report(tx, id))
    }

    /// Sends the reports that are due, in one bounded round. `proven` of what it returns are those that the node has.
    pub fn send_reports(&mut self, client: &Client, clock: UnixMillis) -> Result<Round, StoreError> {
        let now = self.now(clock).at();
        self.send_reports_until(now, client, now)
    }

    /// The same at once, also of those that are not due: a person asks for it.
    pub fn send_reports_now(&mut self, client: &Client, clock: UnixMillis) -> Result<Round, StoreError> {
        let now = self.now(clock).at();
        self.send_reports_until(UnixMillis(u64::MAX), client, now)
    }

    fn send_reports_until(
        &mut self,
        by: UnixMillis,
        client: &Client,
        now: UnixMillis,
    ) -> Result<Round, StoreError> {
        let mut round = Round::default();
        for due in store::reports_due(self.store.read(), by, ROUND)? {
            let tried = client.report(&due.sealed);
            self.store.write(|tx| match &tried {
                Ok(()) => {
                    round.proven += 1;
                    store::report_received(tx, due.id, MAX_RECEIVED)
                }
                Err(ClientError::Refused { title, .. }) => {
                    round.refused += 1;
                    store::report_refused(tx, due.id, title)
                }
                Err(error) => store::report_later(tx, due.id, BACK_OFF.after(due.due, Some(error), now)),
            })?;
            if tried.is_err() {
                break;
            }
        }
        round.waiting = usize::try_from(store::reports_waiting(self.store.read())?).unwrap_or(usize::MAX);
        round.next_due = store::report_next_due(self.store.read())?;
        Ok(round)
    }
}

/// A report that an authority read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedReport {
    /// Its number at the node.
    pub number: u64,
    /// When it came, by the node's clock.
    pub received: UnixMillis,
    /// What it says; `None` if this key store has no key that opens it.
    pub report: Option<Report>,
}

impl Issuer<'_> {
    /// Makes a new key for reports, keeps its secret half, and publishes the other by the authority's key `key`. Those that were
    /// sealed to an earlier one are opened as before.
    pub fn publish_report_key(&mut self, key: &str, now: UnixMillis) -> Result<Recorded, ActError> {
        let domain = self.certificate(key)?.identity().domain().to_owned();
        let subject = report::subject(&domain);
        self.send_about(&subject, now)?;
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| ActError::Random)?;
        let made = SoftwareKey::from_bytes(secret.as_slice()).map_err(|_| ActError::Random)?;
        let public = made.public_key();
        // The secret is durable before anybody seals to its other half; by which statement, the log says later.
        self.keys.keep_secret(secret_name(&public), secret.to_vec())?;
        let prev = self.latest(LogName::TRUST, &subject)?.map(|entry| entry.latest);
        self.record(key, &report::key_draft(&domain, &public, prev), None, now)
    }

    /// The reports after the one of this number, oldest first, opened: a page of them.
    pub fn read_reports(
        &mut self,
        key: &str,
        after: u64,
        now: UnixMillis,
    ) -> Result<Vec<ReceivedReport>, ActError> {
        let (domain, request) = self.report_request(key, Request::Read { after }, now)?;
        let kept = self.client.read_reports(&request)?;
        let history = self.snapshot.history(LogName::TRUST, &report::subject(&domain)).ok().flatten();
        let history = history.unwrap_or_default();
        let opened = kept.into_iter().map(|Kept { number, received, envelope }| {
            let named = history.iter().find(|entry| entry.id() == envelope.key);
            let public = named.and_then(|entry| entry.verified().fields().bytes("key"));
            let public = public.and_then(|key| PublicKey::from_sec1(key).ok());
            let secret = public.map(|public| report_secret(&*self.keys, &public)).transpose()?.flatten();
            let report = secret.and_then(|secret| envelope.open(&domain, &secret).ok());
            Ok(ReceivedReport { number, received, report })
        });
        opened.collect()
    }

    /// Has the node remove a report.
    pub fn remove_report(&mut self, key: &str, number: u64, now: UnixMillis) -> Result<(), ActError> {
        let (_, request) = self.report_request(key, Request::Remove { number }, now)?;
        Ok(self.client.remove_report(&request)?)
    }

    fn report_request(
        &self,
        key: &str,
        request: Request,
        now: UnixMillis,
    ) -> Result<(String, Vec<u8>), ActError> {
        let certificate = self.certificate(key)?;
        let domain = certificate.identity().domain().to_owned();
        let signer = StoredKey::find(Arc::clone(&self.keys), key)?;
        let statement = request.draft(&domain).sign(&certificate, &signer, now, crate::act::random()?)?;
        Ok((domain, statement.as_bytes().to_vec()))
    }
}

fn secret_name(public: &PublicKey) -> String {
    format!("{SECRET}-{}", Hash::of(public.as_sec1()))
}

fn report_secret(keys: &dyn KeyStore, public: &PublicKey) -> Result<Option<Zeroizing<[u8; 32]>>, ActError> {
    match keys.recall_secret(secret_name(public)) {
        Ok(secret) => {
            let secret = Zeroizing::new(secret);
            Ok(secret.as_slice().try_into().ok().map(Zeroizing::new))
        }
        Err(KeyStoreError::Missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
