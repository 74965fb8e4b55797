//! A node: what `open` makes of a data directory, and what `start` makes of a node.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ledger::{
    Certificate, CertificateError, CheckpointTextError, Families, Genesis, GenesisError, Hash, Identity,
    IndexKey, LogName, NoteSigner, PublicKey, Signer as _, SoftwareKey, Statement, Subject, UnixMillis,
    receipt,
};
use rusqlite::Connection;

use crate::checkpoint_signers::{CheckpointSigners, LocalWitness, LogSigner};
use crate::clock::{Clock, Uptime, system_clock, system_uptime};
use crate::committer::{CommitError, CommitPoint, Committer, Observer};
use crate::config::{Config, ConfigError, WitnessConfig};
#[cfg(unix)]
use crate::door::Door;
use crate::files;
use crate::genesis::{self, PinnedError};
use crate::halt::{Halt, Halts};
use crate::in_memory::InMemory;
use crate::keys::{KeyFiles, Keys, KeysError, LogKeys, cosigner};
use crate::last_signed::{LastSigned, LastSignedError, SignedFiles};
use crate::ledger::Ledger;
use crate::limits::{Bounded, Bounds};
use crate::local::Local;
use crate::machine::StateMachine;
use crate::metrics::{Metrics, header, line};
use crate::others_logs::OthersLogs;
use crate::outside_witnesses::OutsideWitnesses;
use crate::published::{Published, View};
use crate::record_store::{Cleaner, KeepObserver, RecordStore};
use crate::recovery::{self, RecoveryError};
use crate::registrar::{CodeError, DATABASE, EnrolmentCode, Judged, Registrar, RegistrarError, Request};
use crate::routes::{self, Cosigning};
use crate::sequencer::{Outcome, Reason, Sequencer};
use crate::server::{self, Server, Serving, StartError};
use crate::store::{self, Begin, Readers, StoreError};
use crate::timekeeper::{ClockError, Timekeeper};
use crate::tls::{Endpoint, TlsError};
use crate::uploads::Uploads;

/// How often a registrar's statement is signed anew when another on the same member came in between.
const RETRIES: usize = 4;

/// Why a node could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is not valid.
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
    /// Another process uses the data directory.
    #[error("another process is running on {0}")]
    Locked(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The TLS endpoint cannot be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Keys and configuration do not form a valid genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The trust anchors that clients have pinned are not those of the keys and the configuration.
    #[error(transparent)]
    Pinned(#[from] PinnedError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is damaged, or something is missing. Nothing was changed; restore a backup.
    #[error("the ledger is damaged, the node does not start: {0}")]
    Damaged(#[from] RecoveryError),
    /// What a signer has signed last cannot be read, or it has another key.
    #[error(transparent)]
    LastSigned(#[from] LastSignedError),
    /// It is not the day that was confirmed.
    #[error(transparent)]
    Clock(#[from] ClockError),
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

/// Makes an engine that commits its blocks with this committer.
pub type Engine = Box<dyn FnOnce(Committer) -> Result<Arc<dyn Sequencer>, CommitError>>;

/// What a node is given besides its configuration.
pub struct Surroundings {
    /// The families of rules that the node follows.
    pub families: Families,
    /// Tells the time.
    pub clock: Clock,
    /// Tells how long the machine has been running, by which a clock that was set is noticed.
    pub uptime: Uptime,
    /// The clocks of witnesses that have another than the node, by name.
    pub witness_clocks: BTreeMap<String, Clock>,
    /// The day, if an operator says it: its midnight, UTC. A node that was off for more than a week, or whose clock is
    /// behind what it has signed, orders nothing until it is told, or the clock is right.
    pub today: Option<UnixMillis>,
    /// Sees each commit point.
    pub observer: Observer,
    /// Sees each step of the record store.
    pub keep_observer: KeepObserver,
    /// The engine; [`Local`] where there is none.
    pub engine: Option<Engine>,
}

impl Default for Surroundings {
    /// All families, the system's clock, no observer, and the engine in this process.
    fn default() -> Self {
        let observer = Box::new(|_: CommitPoint| ());
        Self {
            families: countersign_families::families(),
            clock: system_clock(),
            uptime: system_uptime(),
            witness_clocks: BTreeMap::new(),
            today: None,
            observer,
            keep_observer: Box::new(|_| ()),
            engine: None,
        }
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
    /// Removes what is superseded in the record store.
    _cleaner: Option<Cleaner>,
    /// Writes blobs; SQLite lets one of this connection and the sequencer's write at a time.
    pub(crate) blobs: Mutex<Connection>,
    pub(crate) endpoint: Endpoint,
    /// The witnesses here that cosign for others, by name.
    pub(crate) cosigning: BTreeMap<String, Arc<Cosigning>>,
}

impl Node {
    /// Opens the ledger in the configured data directory, or begins one. Everything in it is read and verified.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        Self::open_with(config, Surroundings::default())
    }

    /// As [`Node::open`], in surroundings of the caller's choice.
    pub fn open_with(config: Config, surroundings: Surroundings) -> Result<Self, OpenError> {
        config.check()?;
        let Surroundings { families, clock, uptime, witness_clocks, today, observer, keep_observer, engine } =
            surroundings;
        let (now, lock) = (clock(), lock(&config.data)?);
        let database = config.data.join(DATABASE);
        let first_start = !database.exists();
        let keys = Keys::open(&config, &families, first_start, now)?;
        let others = others_logs(&config)?;
        let files = KeyFiles::open(&config.data, first_start)?;
        let endpoint = Endpoint::open(&config.tls, &config.name, config.listen, &files, now)?;
        let genesis = keys.genesis(&config, endpoint.root.clone());
        let (policy, trust) = genesis.trust_anchors()?;

        let Keys { authority, logs, cosigners, .. } = keys;
        let signed = SignedFiles::new(&config.data, first_start);
        let (mut receipts, mut signers) = (BTreeMap::new(), BTreeMap::new());
        for (log, LogKeys { checkpoint: keys, receipt }) in logs {
            let last = signed.open(&format!("log-{log}"), &keys.each_ref().map(NoteSigner::verifier_key))?;
            receipts.insert(log, receipt);
            signers.insert(log, LogSigner { keys, last });
        }
        let (mut witnesses, mut clocks) = (Vec::new(), Vec::new());
        for (WitnessConfig { name, .. }, cosigner) in config.witnesses.iter().zip(cosigners) {
            let clock = witness_clocks.get(name).unwrap_or(&clock);
            let last = signed.open(name, &[cosigner.verifier_key()])?;
            witnesses.push(LocalWitness::new(cosigner, &policy, Arc::clone(clock), last));
            clocks.push((name.clone(), Arc::clone(clock)));
        }
        // After the signers, who know better which of them was exchanged.
        let genesis = genesis::keep(&config.data, first_start, genesis)?;
        let (quorum, outside, unseen) = (config.inside_quorum(), None, BTreeMap::new());
        let mut checkpoint_signers = CheckpointSigners { logs: signers, witnesses, quorum, outside, unseen };

        // The database comes last: where there is one, or somebody has signed, it was begun, and is not begun again.
        let begun = checkpoint_signers.last_signed().any(LastSigned::has_signed);
        let connection = match store::open(&database, if begun { Begin::Never } else { Begin::New }) {
            Err(StoreError::Gone(path)) => {
                let missing = checkpoint_signers.last_signed().find_map(LastSigned::all_missing);
                return Err(
                    missing.map_or(StoreError::Gone(path).into(), |error| RecoveryError::from(error).into())
                );
            }
            opened => opened?,
        };
        let ledger = Arc::new(Ledger { name: config.name.clone(), logs: genesis.logs.clone(), families });
        let state = Arc::new(InMemory::new(ledger.log_names()));
        let mut machine = StateMachine::new(ledger, trust, state);
        let heads = recovery::restore(&connection, &mut machine, &mut checkpoint_signers, &policy)?;
        checkpoint_signers.outside = OutsideWitnesses::start(&config, &policy, machine.state())?;
        store::keep_tidy(&connection)?;
        tracing::info!(blocks = machine.last().height, "the ledger is whole");

        let signed_at = checkpoint_signers.last_signed().map(LastSigned::at).max().unwrap_or_default();
        let last = signed_at.max(machine.last().time);
        let time = Timekeeper::new(Arc::clone(&clock), uptime, clocks, quorum, last, today)?;
        let (time, halts) = (Arc::new(time), Arc::new(Halts::default()));
        let (view, readers) = (View::new(&machine, heads), Readers::new(database.clone()));
        let records = config.record_store.as_ref();
        let records =
            records.map(|store| RecordStore::open(&config.data, &config.domain, store, keep_observer));
        let records = records.transpose()?.map(Arc::new);
        let published = Arc::new(Published::new(view, &machine, readers, records.clone()));
        let metrics = Arc::new(Metrics::default());
        let mut committer = Committer {
            machine,
            connection,
            checkpoint_signers,
            published: Arc::clone(&published),
            time: Arc::clone(&time),
            halts: Arc::clone(&halts),
            metrics: Arc::clone(&metrics),
            observer,
        };
        // What was stored is signed anew: the witnesses have just recomputed it, and its age starts at nought. Where that is
        // not possible now, what was signed before is shown.
        match committer.recosign() {
            Err(error) if error.halt().is_some() && published.is_signed() => {
                tracing::error!(%error, "the node starts, and orders nothing yet");
            }
            done => done?,
        }
        halts.be_patient();
        let sequencer = match engine {
            Some(engine) => engine(committer)?,
            None => {
                let recosign = Duration::from_secs(config.recosign_seconds);
                Arc::new(Local::start(committer, config.limits.queue, recosign)?)
            }
        };
        let registrar = Registrar::new(authority, &config, &genesis, Arc::clone(&clock));
        let bounds = Arc::new(Bounds::new(&config.limits, metrics));
        let others = others.into_iter();
        let cosigning = others.map(|(name, logs)| (name, Cosigning::new(logs, &time, &bounds))).collect();
        let uploads = Uploads::new(config.data.clone());
        let blobs = Mutex::new(store::open_for_blobs(&database)?);
        let cleaner =
            records.clone().map(|store| Cleaner::start(store, Arc::clone(&published), Arc::clone(&time)));
        let cleaner = cleaner.transpose().map_err(CommitError::Thread)?;
        let service = Service {
            config,
            clock,
            time,
            halts,
            genesis,
            published,
            sequencer,
            registrar,
            receipts,
            bounds,
            uploads,
            records,
            _cleaner: cleaner,
            blobs,
            endpoint,
            cosigning,
        };
        if let Some(store) = &service.records
            && service.store_certificate(store).is_err()
        {
            tracing::warn!("the record store has no certificate yet, and delivers nothing until it has");
        }
        Ok(Self { service: Arc::new(service), _lock: lock })
    }

    /// What phones pin, from its file. Of a ledger that has not begun the keys are made first, and nothing else: witnesses
    /// elsewhere must know those of its logs before it can begin. The node may be running.
    pub fn anchors(config: &Config, families: &Families) -> Result<Genesis, OpenError> {
        config.check()?;
        if let Some(pinned) = genesis::read(&config.data)? {
            return Ok(pinned);
        }
        let _lock = lock(&config.data)?;
        let (now, first_start) = (system_clock()(), !config.data.join(DATABASE).exists());
        let keys = Keys::open(config, families, first_start, now)?;
        let files = KeyFiles::open(&config.data, first_start)?;
        let endpoint = Endpoint::open(&config.tls, &config.name, config.listen, &files, now)?;
        Ok(genesis::keep(&config.data, first_start, keys.genesis(config, endpoint.root))?)
    }

    /// What phones pin.
    pub fn genesis(&self) -> &Genesis {
        &self.service.genesis
    }

    /// The newest checkpoint of a log, with all its signatures: a note as text. Empty if there is no such log.
    pub fn checkpoint(&self, log: LogName) -> String {
        self.service.published.view().heads.get(&log).map(|head| head.note.to_string()).unwrap_or_default()
    }

    /// The engine, for submitting in process.
    pub fn sequencer(&self) -> &dyn Sequencer {
        &*self.service.sequencer
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
        self.service.revoke(fingerprint, &BTreeMap::new()).map(|_| ())
    }

    /// Starts to listen, on threads of its own.
    pub fn start(self) -> Result<Running, StartError> {
        let (service, config) = (&self.service, &self.service.config);
        let metrics =
            config.metrics_listen.map(|listen| (listen, routes::metrics_router(Arc::clone(service))));
        let server = server::start(Serving {
            listen: config.listen,
            metrics,
            router: routes::router(service),
            tls: Arc::clone(&service.endpoint.config),
            limits: config.limits.clone(),
            bounds: Arc::clone(&service.bounds),
        })?;
        #[cfg(unix)]
        let door = Door::open(Arc::clone(&self.service)).map_err(StartError::Operator)?;
        Ok(Running {
            node: self,
            server,
            #[cfg(unix)]
            door,
        })
    }
}

/// A node that listens. Dropping it stops it.
pub struct Running {
    node: Node,
    server: Server,
    #[cfg(unix)]
    door: Door,
}

impl Running {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The address that it serves `/metrics` on, if it does.
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.server.metrics_addr()
    }

    /// The node.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Stops: no new connections, open requests are finished, waiting statements are ordered, all is durable.
    pub fn stop(mut self) {
        #[cfg(unix)]
        drop(self.door);
        self.server.stop();
        self.node.service.sequencer.shutdown();
    }
}

impl Bounded for Service {
    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

impl Service {
    pub(crate) fn enrol(&self, code: &EnrolmentCode, csr: &[u8]) -> Result<Certificate, AuthorityError> {
        let request = Request::read(code, csr).map_err(RegistrarError::from)?;
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
        let request = Request { code, key: certificate.key().clone() };
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
        request: &Request,
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

/// What the witnesses here cosign for others, by name.
fn others_logs(config: &Config) -> Result<Vec<(String, OthersLogs)>, KeysError> {
    let serving = config.witnesses.iter().filter(|witness| !witness.cosigns.is_empty());
    let open = |witness: &WitnessConfig| {
        let folder = config.data.join("cosigned").join(&witness.name);
        let logs = OthersLogs::open(folder, cosigner(config, witness)?, &witness.cosigns)?;
        Ok((witness.name.clone(), logs))
    };
    serving.map(open).collect()
}

/// Makes a data directory and keeps a second process out of it.
pub(crate) fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join("lock");
    let failed = |source| OpenError::Directory { path: path.clone(), source };
    files::make_directory(data).map_err(failed)?;
    let file = files::private().truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::Locked(data.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
