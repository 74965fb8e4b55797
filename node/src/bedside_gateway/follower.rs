//! How a gateway follows the ledger, and tells it what it registered: as an attribute authority does, by a wallet's snapshot.
//!
//! A round sends the outbox, brings the snapshot up to date, and says what follows for the gateway: who was revoked, and how old
//! what it knows is. Statements on one subject go one after the other, each durable as it was signed before it is sent; those on
//! others go beside them. A round that was cut off is taken up by the next: the ledger answers what it has with its place.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use countersign_bedside::{DEVICE, SESSION};
use countersign_families::families;
use countersign_ledger::{
    Certificate, CertificateError, Draft, ENROL, Fields, Hash, Identity, Kind, LogName, Statement, Subject,
    TrustedCheckpoint, UnixMillis,
};
use countersign_wallet::{ActError, Client, ClientError, Issuer, KeyStore, Snapshot, StoredKey, SyncError};
use minicbor::Decoder;
use rusqlite::Connection;

use super::KEY;
use super::desk::Update;
use super::keeper::{self, Waiting};
use crate::keys::{KeysError, random};
use crate::service_home::{ServiceHome, ServiceHomeError};
use crate::store::StoreError;

/// How long a busy node is waited for in one round.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many statements are on their way at one time.
const LANES: usize = 8;
/// Most statements of one round.
const ROUND: usize = 512;

/// Why a round stopped. The next one takes it up.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Trust(#[from] countersign_ledger::GenesisError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a statement could not be signed: {0}")]
    Sign(#[from] countersign_ledger::SignError),
    #[error("the outbox holds what no program wrote")]
    Damaged,
}

/// A snapshot of the ledger, and the way to its node.
pub(super) struct Follower {
    pub snapshot: Snapshot,
    pub client: Client,
    pub lanes: Vec<Client>,
    pub keys: Arc<dyn KeyStore>,
    pub connection: Connection,
}

impl Follower {
    pub(super) fn open(home: &ServiceHome<'_>, keys: Arc<dyn KeyStore>) -> Result<Self, ServiceHomeError> {
        let snapshot = home.snapshot()?;
        let client = || home.client(snapshot.genesis());
        let (own, lanes) = (client()?, (0..LANES).map(|_| client()).collect::<Result<_, _>>()?);
        let connection = keeper::open(home.data)?;
        Ok(Self { snapshot, client: own, lanes, keys, connection })
    }

    /// The certificate of a member that was enrolled last, if it is good.
    pub(super) fn certificate_of(&mut self, member: &Identity) -> Result<Option<Certificate>, RoundError> {
        self.snapshot.sync(&self.client, PATIENCE)?;
        let Ok(subject) = Subject::new(member.as_str()) else { return Ok(None) };
        let history = self.issuer().history(LogName::SUPPLY, &subject)?;
        let enrolled = history.iter().rev().filter_map(|entry| entry.standing());
        let enrolled = enrolled.filter(|one| one.statement().kind().as_str() == ENROL);
        let mut trust = self.snapshot.trust()?;
        for one in enrolled {
            let Some(der) = one.fields().bytes("certificate") else { continue };
            let certificate = trust.enrol(der).map_err(ActError::from)?;
            if !trust.is_revoked(certificate.fingerprint(), LogName::TRUST, u64::MAX) {
                return Ok(Some(Certificate::clone(&certificate)));
            }
        }
        Ok(None)
    }

    /// Sends what waits, looks at the ledger, and tells the gateway.
    pub(super) fn round(
        &mut self,
        own: &Certificate,
        now: UnixMillis,
        updates: &Sender<Update>,
    ) -> Result<(), RoundError> {
        let sent = self.send(own, now, updates);
        self.snapshot.sync(&self.client, PATIENCE)?;
        let as_of = self.snapshot.checkpoint(LogName::TRUST).map(TrustedCheckpoint::cosigned_at);
        let trust = self.snapshot.trust()?;
        let revoked = |one: Hash| trust.is_revoked(one, LogName::TRUST, u64::MAX);
        // A gateway that is gone needs no news.
        let tell = |update| drop(updates.send(update));
        for (cred, certificate) in keeper::resting_on(&self.connection)? {
            if revoked(certificate) {
                tell(Update::Revoke { cred, reply: None });
            }
        }
        if revoked(own.fingerprint()) {
            tell(Update::Halt);
        } else if let Some(as_of) = as_of {
            tell(Update::AsOf(as_of));
        }
        sent
    }

    /// Sends what waits, several subjects at a time.
    fn send(
        &mut self,
        own: &Certificate,
        now: UnixMillis,
        updates: &Sender<Update>,
    ) -> Result<(), RoundError> {
        loop {
            let waiting = keeper::waiting(&self.connection, ROUND)?;
            if waiting.is_empty() {
                return Ok(());
            }
            let signed = waiting.into_iter().map(|one| self.sign(one, own, now));
            let signed = signed.collect::<Result<Vec<_>, _>>()?;
            let acknowledged = submit(&mut self.lanes, signed);
            let mut first = None;
            for (one, log, id, result) in acknowledged {
                match result {
                    Ok(()) => {
                        keeper::recorded(&mut self.connection, log, &one, id)?;
                        let update = match one.kind.as_str() {
                            DEVICE => Update::Device(one.thing),
                            SESSION => continue,
                            _ => Update::Credential(one.thing),
                        };
                        // A gateway that is gone needs no news.
                        drop(updates.send(update));
                    }
                    Err(error) => {
                        if let ClientError::Refused { .. } = error {
                            // Signed anew, with a new time and what is the latest then.
                            keeper::set_signed(&self.connection, one.number, None)?;
                        }
                        first = first.or(Some(error));
                    }
                }
            }
            if let Some(error) = first {
                return Err(error.into());
            }
        }
    }

    /// The statement to be sent, durable as it is.
    fn sign(&self, one: Waiting, own: &Certificate, now: UnixMillis) -> Result<Ready, RoundError> {
        let kind = Kind::new(one.kind.clone()).map_err(|_| RoundError::Damaged)?;
        let log = families().logs(&kind).first().copied().ok_or(RoundError::Damaged)?;
        if let Some(bytes) = &one.statement {
            let statement = Statement::parse(bytes).map_err(|_| RoundError::Damaged)?;
            return Ok((one, log, statement));
        }
        let fields = Fields::decode(&mut Decoder::new(&one.fields)).map_err(|_| RoundError::Damaged)?;
        let subject = Subject::new(one.subject.clone()).map_err(|_| RoundError::Damaged)?;
        let prev = keeper::latest(&self.connection, log, &one.subject)?;
        let signer = StoredKey::find(Arc::clone(&self.keys), KEY).map_err(ActError::from)?;
        let draft =
            Draft { kind, subject, fields, prev, links: one.link.into_iter().collect(), sealed: None };
        let statement = draft.sign(own, &signer, now, random()?)?;
        keeper::set_signed(&self.connection, one.number, Some(statement.as_bytes()))?;
        Ok((one, log, statement))
    }

    pub(super) fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.client, Arc::clone(&self.keys))
    }
}

type Ready = (Waiting, LogName, Statement);

type Sent = (Waiting, LogName, Hash, Result<(), ClientError>);

/// Submits statements on different subjects, some at a time.
fn submit(lanes: &mut [Client], ready: Vec<Ready>) -> Vec<Sent> {
    let mut shares: Vec<Vec<Ready>> = lanes.iter().map(|_| Vec::new()).collect();
    for (at, one) in ready.into_iter().enumerate() {
        let lane = at % shares.len().max(1);
        shares[lane].push(one);
    }
    std::thread::scope(|scope| {
        let lane = |(client, share): (&mut Client, Vec<Ready>)| -> Vec<Sent> {
            let send = |(one, log, statement): Ready| {
                let result = client.submit(log, statement.as_bytes()).map(drop);
                (one, log, statement.id(), result)
            };
            share.into_iter().map(send).collect()
        };
        let threads: Vec<_> =
            lanes.iter_mut().zip(shares).map(|both| scope.spawn(move || lane(both))).collect();
        // What a thread that panicked has sent, the next round finds recorded.
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

impl From<CertificateError> for RoundError {
    fn from(error: CertificateError) -> Self {
        Self::Act(error.into())
    }
}
