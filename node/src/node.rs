//! A node: what `open` makes of a data directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ledger::{
    Certificate, CheckpointTextError, Families, Genesis, GenesisError, Hash, LogName, UnixMillis,
};

use crate::checkpoint_signers::{CheckpointSigners, LocalWitness};
use rusqlite::Connection;

use crate::clock::{Clock, Uptime, system_clock, system_uptime};
use crate::committer::{CommitError, CommitPoint, Committer, Observer};
use crate::config::{Config, ConfigError, WitnessConfig};
use crate::files;
use crate::genesis::{self, PinnedError};
use crate::halt::Halts;
use crate::in_memory::InMemory;
use crate::keys::{KeyFiles, Keys, KeysError, LogKeys, cosigner};
use crate::last_signed::{LastSigned, LastSignedError, SignedFile, Signer};
use crate::ledger::Ledger;
use crate::limits::Bounds;
use crate::local::Local;
use crate::machine::StateMachine;
use crate::metrics::Metrics;
use crate::others_logs::{Cosigning, OthersLogs};
use crate::outside_witnesses::OutsideWitnesses;
use crate::published::{Published, View};
use crate::record_cleaner::Cleaner;
use crate::record_store::{KeepObserver, RecordStore, RecordStoreError};
use crate::recovery::{self, RecoveryError};
use crate::registrar::{DATABASE, EnrolmentCode, Registrar};
use crate::reports::Reports;
use crate::sequencer::Sequencer;
use crate::service::{AuthorityError, Service};
use crate::store::{self, Begin, Readers, StoreError};
use crate::timekeeper::{ClockError, Timekeeper};
use crate::tls::{Endpoint, TlsError};
use crate::uploads::Uploads;

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
    /// The record store cannot be used.
    #[error("the record store: {0}")]
    Records(#[from] RecordStoreError),
    /// The reports of suspicions.
    #[error(
        "the reports, in reports.sqlite: {0}; put that file aside, and the ledger goes on without those that are in it"
    )]
    Reports(StoreError),
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

/// What the signers have signed last, which is of these signers and these keys.
fn signed_file(
    config: &Config,
    signers: &[Signer<'_>],
    first_start: bool,
) -> Result<SignedFile, LastSignedError> {
    let data = &config.data;
    let signed = if first_start { SignedFile::begin(data, signers)? } else { SignedFile::open(data)? };
    signers.iter().try_for_each(|signer| signed.of(signer).map(drop))?;
    Ok(signed)
}

/// The database comes last: where there is one, or somebody has signed, it was begun, and is not begun again.
fn open_database(path: &Path, signed: &SignedFile) -> Result<Connection, OpenError> {
    let begun = signed.signers().any(LastSigned::has_signed);
    match store::open(path, if begun { Begin::Never } else { Begin::New }) {
        Err(StoreError::Gone(path)) => {
            let missing = signed.signers().find_map(LastSigned::all_missing);
            Err(missing.map_or(StoreError::Gone(path).into(), |error| RecoveryError::from(error).into()))
        }
        opened => Ok(opened?),
    }
}

/// What was stored is signed anew: the witnesses have just recomputed it, and its age starts at nought. Where that is not
/// possible now, what was signed before is shown.
fn sign_again(committer: &mut Committer) -> Result<(), CommitError> {
    match committer.recosign() {
        Err(error) if error.halt().is_some() && committer.published().is_signed() => {
            tracing::error!(%error, "the node starts, and orders nothing yet");
            Ok(())
        }
        done => done,
    }
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

        let signers = keys.signers(&config);
        let signed = signed_file(&config, &signers, first_start)?;
        let Keys { authority, logs: log_keys, cosigners, .. } = keys;
        let (mut receipts, mut logs) = (BTreeMap::new(), BTreeMap::new());
        for (log, LogKeys { checkpoint, receipt }) in log_keys {
            receipts.insert(log, receipt);
            logs.insert(log, checkpoint);
        }
        let (mut witnesses, mut clocks) = (Vec::new(), Vec::new());
        for (WitnessConfig { name, .. }, cosigner) in config.witnesses.iter().zip(cosigners) {
            let clock = witness_clocks.get(name).unwrap_or(&clock);
            witnesses.push(LocalWitness::new(name.clone(), cosigner, &policy, Arc::clone(clock)));
            clocks.push((name.clone(), Arc::clone(clock)));
        }
        // After the signers, who know better which of them was exchanged.
        let genesis = genesis::keep(&config.data, first_start, genesis)?;
        let (quorum, outside, unseen) = (config.inside_quorum(), None, BTreeMap::new());
        let mut checkpoint_signers = CheckpointSigners { logs, witnesses, quorum, signed, outside, unseen };

        let connection = open_database(&database, &checkpoint_signers.signed)?;
        let ledger = Arc::new(Ledger { name: config.name.clone(), logs: genesis.logs.clone(), families });
        let state = Arc::new(InMemory::new(ledger.log_names()));
        let mut machine = StateMachine::new(ledger, trust, state);
        let heads = recovery::restore(&connection, &mut machine, &mut checkpoint_signers, &policy)?;
        checkpoint_signers.outside = OutsideWitnesses::start(&config, &policy, machine.state())?;
        store::keep_tidy(&connection)?;
        tracing::info!(blocks = machine.last().height, "the ledger is whole");

        let signed_at = checkpoint_signers.signed.signers().map(LastSigned::at).max().unwrap_or_default();
        let last = signed_at.max(machine.last().time);
        let time = Timekeeper::new(Arc::clone(&clock), uptime, clocks, quorum, last, today)?;
        let (time, halts) = (Arc::new(time), Arc::new(Halts::default()));
        let (view, readers) = (View::new(&machine, heads), Readers::new(database.clone()));
        let records = config
            .record_store
            .as_ref()
            .map(|store| RecordStore::open(&config.data, &config.domain, store, keep_observer).map(Arc::new));
        let records = records.transpose()?;
        let reports = Reports::open(&config.data, config.limits.report_bytes);
        let reports = reports.map_err(OpenError::Reports)?;
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
        sign_again(&mut committer)?;
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
            reports,
            _cleaner: cleaner,
            blobs,
            endpoint,
            cosigning,
        };
        service.begin_records();
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
