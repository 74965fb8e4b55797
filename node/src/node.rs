//! A node: what `open` makes of a data directory, and what `start` makes of a node.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_custody::Profile;
use countersign_ledger::{
    Certificate, CheckpointTextError, Genesis, GenesisError, Hash, Signer as _, receipt,
};
use rusqlite::Connection;

use crate::published::{Published, Head, View};
use crate::clock::{Clock, system_clock};
use crate::config::{Config, ConfigError};
use crate::keys::{Keys, KeysError};
use crate::limits::WriteRate;
use crate::local::{CodeUse, CommitError, CommitPoint, Local, Observer, Parts};
use crate::log::LogId;
use crate::machine::{StateMachine, index_key};
use crate::metrics::Metrics;
use crate::recovery::{self, Recent, RecoveryError};
use crate::registrar::{CodeError, DATABASE, EnrolmentCode, Judged, Registrar, RegistrarError, Request};
use crate::sequencer::{Outcome, Reason, Sequencer as _};
use crate::server::{self, Server, StartError};
use crate::checkpoint_signers::CheckpointSigners;
use crate::store::{self, Readers, StoreError};
use crate::tls::{Endpoint, TlsError};

/// How often a registrar's statement is signed anew when another on the same member came in between.
const RETRIES: usize = 4;

/// Why a node could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be used.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Another node uses the data directory.
    #[error("another node is running on {0}")]
    Locked(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The TLS endpoint cannot be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Keys and configuration form no genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is damaged. Nothing was changed; restore a backup.
    #[error("the ledger is damaged, the node does not start: {0}")]
    Damaged(#[from] RecoveryError),
    /// The ledger's name cannot stand in a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointTextError),
    /// The sequencer could not begin.
    #[error(transparent)]
    Sequencer(#[from] CommitError),
}

/// Why a certificate was not issued or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The enrolment code is not good.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The registrar could not do it, or the request is not good.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
    /// Nobody has a certificate with this fingerprint.
    #[error("there is no such certificate")]
    UnknownCertificate,
    /// The registrar's own statement was refused.
    #[error(transparent)]
    Refused(Reason),
    /// The node is busy; ask again after this time.
    #[error("the node is busy")]
    Busy(Duration),
}

/// What a node is given besides its configuration.
pub struct Surroundings {
    /// The industries whose rules the node follows.
    pub profiles: Vec<Profile>,
    /// Tells the time.
    pub clock: Clock,
    /// Sees each commit point.
    pub observer: Observer,
}

impl Default for Surroundings {
    /// The built-in profiles, the system's clock, and nobody watching.
    fn default() -> Self {
        Self { profiles: Profile::all(), clock: system_clock(), observer: Box::new(|_: CommitPoint| ()) }
    }
}

/// An open node: the ledger is whole, statements can be submitted, nothing listens yet.
pub struct Node {
    pub(crate) service: Arc<Service>,
    /// Held for as long as the node uses its data directory.
    _lock: File,
}

/// What requests are answered from.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) genesis: Genesis,
    pub(crate) published: Arc<Published>,
    pub(crate) sequencer: Local,
    pub(crate) registrar: Registrar,
    pub(crate) receipts: [countersign_ledger::SoftwareKey; LogId::COUNT],
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rate: WriteRate,
    /// Writes blobs; SQLite lets one of this connection and the sequencer's write at a time.
    pub(crate) blobs: Mutex<Connection>,
    pub(crate) endpoint: Endpoint,
}

impl Node {
    /// Opens the ledger in the configured data directory, or begins one. Everything in it is read and verified.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        Self::open_with(config, Surroundings::default())
    }

    /// As [`Node::open`], in surroundings of the caller's choice.
    pub fn open_with(config: Config, surroundings: Surroundings) -> Result<Self, OpenError> {
        config.check()?;
        let Surroundings { profiles, clock, observer } = surroundings;
        let now = clock();
        let lock = lock(&config)?;
        let database = config.data.join(DATABASE);
        let first_start = !database.exists();
        let keys = Keys::open(&config, first_start, now)?;
        let endpoint = Endpoint::open(&config, first_start, now)?;
        let genesis = keys.genesis(&config, endpoint.root.clone());
        let (policy, trust) = genesis.trust_anchors()?;

        // The database comes after the keys: where there is one, the keys that it was begun with must be there too.
        let connection = store::open(&database)?;
        let Keys { authority, logs: [trust_keys, supply_keys], cosigners } = keys;
        let receipts = [trust_keys.receipt, supply_keys.receipt];
        let signers = [trust_keys.checkpoint, supply_keys.checkpoint];
        let mut checkpoint_signers = CheckpointSigners::new(signers, cosigners, &policy);
        let mut machine = StateMachine::new(&config.name, &config.domain, trust, profiles);
        let keep = crate::published::RECENT_CHECKPOINTS as u64;
        let recent = recovery::restore(&connection, &mut machine, &mut checkpoint_signers, &policy, keep)?;
        let blocks = machine.last().height;
        tracing::info!(blocks, "the ledger is whole");

        let view = view(&machine, recent)?;
        let published =
            Arc::new(Published::new(view, Arc::clone(machine.shared()), Readers::new(database.clone())));
        let metrics = Arc::new(Metrics::default());
        let parts = Parts {
            machine,
            connection,
            checkpoint_signers,
            published: Arc::clone(&published),
            clock: Arc::clone(&clock),
            metrics: Arc::clone(&metrics),
            observer,
            recosign: Duration::from_secs(config.recosign_seconds),
            queue: config.limits.queue,
        };
        let sequencer = Local::start(parts)?;
        let registrar = Registrar::new(authority, &config, Arc::clone(&clock));
        let rate = WriteRate::new(config.limits.writes_per_second, config.limits.write_burst);
        let blobs = Mutex::new(store::open(&database)?);
        let service = Service {
            config,
            clock,
            genesis,
            published,
            sequencer,
            registrar,
            receipts,
            metrics,
            rate,
            blobs,
            endpoint,
        };
        Ok(Self { service: Arc::new(service), _lock: lock })
    }

    /// What phones pin.
    pub fn genesis(&self) -> &Genesis {
        &self.service.genesis
    }

    /// The newest checkpoint of a log, with all its signatures: a note as text.
    pub fn checkpoint(&self, log: LogId) -> String {
        self.service.published.view().head(log).note.to_string()
    }

    /// The engine, for submitting in process.
    pub fn sequencer(&self) -> &Local {
        &self.service.sequencer
    }

    /// The domain's registrar.
    pub fn registrar(&self) -> &Registrar {
        &self.service.registrar
    }

    /// Certifies the key in `request` (PKCS #10, DER) for the member that `code` was made for, and publishes the
    /// certificate. Returns when that is durable. The same code and key again return the same certificate.
    pub fn enrol(&self, code: &EnrolmentCode, request: &[u8]) -> Result<Certificate, AuthorityError> {
        self.service.enrol(code, request)
    }

    /// Revokes a certificate: from now on it signs nothing in any log. Returns when that is durable.
    pub fn revoke(&self, fingerprint: Hash) -> Result<(), AuthorityError> {
        self.service.revoke(fingerprint)
    }

    /// Starts to listen, on threads of its own.
    pub fn start(self) -> Result<Running, StartError> {
        let server = server::start(Arc::clone(&self.service))?;
        Ok(Running { node: self, server })
    }
}

/// A node that listens. Dropping it stops it.
pub struct Running {
    node: Node,
    server: Server,
}

impl Running {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The node.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Stops: no new connections, open requests are finished, waiting statements are ordered, all is durable.
    pub fn stop(mut self) {
        self.server.stop();
        self.node.service.sequencer.shutdown();
    }
}

impl Service {
    pub(crate) fn enrol(&self, code: &EnrolmentCode, csr: &[u8]) -> Result<Certificate, AuthorityError> {
        let request = Request::read(code, csr).map_err(RegistrarError::from)?;
        let mut refused = Reason::Code;
        for _ in 0..RETRIES {
            let stored = self
                .published
                .readers()
                .with(|c| store::code(c, request.code))
                .map_err(RegistrarError::from)?;
            let member = match request.judge(stored, (self.clock)())? {
                Judged::Again(fingerprint) => return self.certificate(fingerprint),
                Judged::Fresh(code) => self.registrar.identity(&code)?,
            };
            let certificate = self.registrar.certify(&member, &request.key)?;
            let prev = self.latest(LogId::Supply, certificate.identity().as_str())?;
            let enrolment = self.registrar.enrolment(&certificate, prev)?;
            let used = CodeUse {
                code: request.code,
                key: request.key_digest(),
                certificate: certificate.fingerprint(),
            };
            match self.sequencer.submit_with(LogId::Supply, enrolment.as_bytes(), Some(used)).wait() {
                Outcome::Accepted(_) | Outcome::Duplicate(_) => return Ok(certificate),
                Outcome::Busy { retry_after } => return Err(AuthorityError::Busy(retry_after)),
                // Somebody used the code, or published on the same member, in between: look again.
                Outcome::Refused(reason @ (Reason::Code | Reason::NotLatest { .. })) => refused = reason,
                Outcome::Refused(reason) => return Err(AuthorityError::Refused(reason)),
            }
        }
        Err(AuthorityError::Refused(refused))
    }

    fn revoke(&self, fingerprint: Hash) -> Result<(), AuthorityError> {
        let member = self.certificate(fingerprint)?.identity().clone();
        LogId::ALL.into_iter().try_for_each(|log| self.revoke_in(log, &member, fingerprint))
    }

    fn revoke_in(
        &self,
        log: LogId,
        member: &countersign_ledger::Identity,
        fingerprint: Hash,
    ) -> Result<(), AuthorityError> {
        let mut refused = Reason::Replay;
        for _ in 0..RETRIES {
            let prev = self.latest(LogId::Trust, member.as_str())?;
            let from = self.published.view().size(log);
            let origin = self.config.origin(log.as_str());
            let statement = self.registrar.revocation(member, fingerprint, &origin, from, prev)?;
            match self.sequencer.submit_with(LogId::Trust, statement.as_bytes(), None).wait() {
                Outcome::Accepted(_) | Outcome::Duplicate(_) => return Ok(()),
                Outcome::Busy { retry_after } => return Err(AuthorityError::Busy(retry_after)),
                Outcome::Refused(reason @ Reason::NotLatest { .. }) => refused = reason,
                Outcome::Refused(reason) => return Err(AuthorityError::Refused(reason)),
            }
        }
        Err(AuthorityError::Refused(refused))
    }

    fn certificate(&self, fingerprint: Hash) -> Result<Certificate, AuthorityError> {
        let view = self.published.view();
        let certificate = view.trust.certificate(fingerprint).ok_or(AuthorityError::UnknownCertificate)?;
        Ok(Certificate::clone(certificate))
    }

    /// Id of the latest published statement on `subject`.
    fn latest(&self, log: LogId, subject: &str) -> Result<Option<Hash>, AuthorityError> {
        let subject = countersign_ledger::Subject::new(subject).map_err(RegistrarError::from)?;
        let view = self.published.view();
        Ok(view.head(log).index().and_then(|index| index.get(&index_key(&subject))).map(|entry| entry.latest))
    }

    /// The keys that receipts are signed with: each log's key id and public key.
    pub(crate) fn receipt_keys(&self) -> [(Hash, countersign_ledger::PublicKey); LogId::COUNT] {
        LogId::ALL.map(|log| {
            let key = self.receipts[log.slot()].public_key();
            (receipt::thumbprint(&key), key)
        })
    }
}

/// Makes the data directory and keeps a second node out of it.
fn lock(config: &Config) -> Result<File, OpenError> {
    let path = config.data.join("lock");
    let failed = |source| OpenError::Directory { path: path.clone(), source };
    fs::create_dir_all(&config.data).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked(config.data.clone())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// What readers would see if the machine's state were signed.
fn view(machine: &StateMachine, recent: Recent) -> Result<View, CheckpointTextError> {
    let [trust, supply] = recent;
    let head = |log, recent| {
        Ok::<_, CheckpointTextError>(Head::unsigned(
            machine.checkpoint(log)?,
            recent,
            machine.index(log).clone(),
        ))
    };
    let heads = [head(LogId::Trust, trust)?, head(LogId::Supply, supply)?];
    Ok(View { height: machine.last().height, trust: Arc::clone(machine.trust()), heads })
}
