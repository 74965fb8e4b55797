//! An attribute authority, a process of its own: it says who may open what, and knows no record.
//!
//! It gives members of its domain keys of attribute-based encryption for the attributes that its operator has registered, and
//! vouches for their requests so that the ledger does not show who asks. It follows the ledger as a phone does, and refuses who
//! was revoked, whose certificate has run out, and whom nobody certified. What it holds is a vault, sealed by a passphrase and
//! for its owner alone, with the key that it is enrolled with and the master key; a wallet's database; and a register. Nothing
//! of a node's is among it.
//!
//! | path | answer |
//! | --- | --- |
//! | `POST /keys` | a [`KeyAsk`](countersign_records::KeyAsk) -> a key for today's attributes, sealed to who asked |
//! | `POST /vouch` | a [`Vouch`](countersign_records::Vouch) -> the signed `record.request`, which the app submits |
//! | `GET /authority` | `[identity: tstr]`: its SPIFFE ID |
//! | `GET /vocabulary` | the labels of its attributes and what they mean, a line each |
//! | `GET /health` | who it is, the epoch of its key, when it last saw the ledger (JSON) |
//!
//! Each epoch it publishes its public key on the trust log. The master key stays the same: a key is for its own epoch and the
//! seven before, what is wrapped is for one. Who has the master key opens everything that was ever wrapped, given the records'
//! links: keep the vault and its passphrase in two places.

mod follower;
mod office;
mod register;
mod vocabulary;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_abe::{FormatError, MasterKey};
use countersign_ledger::{Certificate, TrustStore, UnixMillis};
use countersign_records::rules::AUTHORITY;
use countersign_wallet::{Cost, KeyStore, KeyStoreError};
use serde::Deserialize;
use zeroize::Zeroizing;

use self::follower::{Follower, RoundError, Seen};
pub use self::register::{Register, RegisterError};
pub(crate) use self::vocabulary::Vocabulary;
use crate::clock::{Clock, system_clock};
use crate::config::{ConfigError, Limits, TlsConfig, read_text};
use crate::keys::{KeyFiles, KeysError};
use crate::limits::{Bounded, Bounds};
use crate::metrics::Metrics;
use crate::node::OpenError;
use crate::routes;
use crate::server::{self, Server, Serving, StartError};
use crate::service_home::{ServiceHome, ServiceHomeError, begin_secret};
use crate::store::StoreError;
use crate::tls::Endpoint;

/// What begins it at a desk.
const COMMAND: &str = "authority";
/// Names in the vault: the key that the authority is enrolled with, and its master key.
const KEY: &str = "authority";
const MASTER: &str = "master";

/// The configuration of an attribute authority.
///
/// `countersign-authority.example.toml` beside this crate documents every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityConfig {
    /// Where its keys, its register and its snapshot of the ledger live.
    pub data: PathBuf,
    /// Address to listen on; port 0 takes any free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The ledger's node: `https://host:port`.
    pub node: String,
    /// The ledger's genesis file, from a source that is trusted.
    pub genesis: PathBuf,
    /// How often it looks at the ledger, in seconds.
    #[serde(default = "default_follow")]
    pub follow_seconds: u64,
    /// The labels of the attributes that it gives, and what each means.
    pub vocabulary: BTreeMap<String, String>,
    /// The TLS endpoint.
    #[serde(default)]
    pub tls: TlsConfig,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8445).into()
}

const fn default_follow() -> u64 {
    5
}

impl AuthorityConfig {
    /// Reads a configuration file. Relative paths in it start at the file's own directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::parse(&read_text(path)?)?;
        if let Some(base) = path.parent() {
            config.data = base.join(&config.data);
            config.genesis = base.join(&config.genesis);
            config.tls.resolve(base);
        }
        Ok(config)
    }

    /// Reads a configuration and checks it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Checks values made in code as those from a file are checked.
    pub fn check(&self) -> Result<(), ConfigError> {
        Vocabulary::new(&self.vocabulary).map_err(ConfigError::Label)?;
        if !(1..=60).contains(&self.follow_seconds) {
            let value = self.follow_seconds;
            return Err(ConfigError::Range { name: "follow_seconds", value, least: 1, most: 60 });
        }
        self.tls.check()
    }
}

/// Why an attribute authority could not be begun or opened.
#[derive(Debug, thiserror::Error)]
pub enum AttributeAuthorityError {
    /// Its data directory, its vault, its certificate, or its view of the ledger.
    #[error(transparent)]
    Home(#[from] ServiceHomeError),
    /// The master key is no key.
    #[error("the master key in the vault is none: {0}")]
    Master(#[from] FormatError),
    /// The register was begun with another master key.
    #[error(
        "the vault has another master key than this authority has begun with: restore the vault from a backup"
    )]
    OtherMaster,
}

impl From<OpenError> for AttributeAuthorityError {
    fn from(error: OpenError) -> Self {
        Self::Home(error.into())
    }
}

impl From<KeysError> for AttributeAuthorityError {
    fn from(error: KeysError) -> Self {
        Self::Home(error.into())
    }
}

impl From<StoreError> for AttributeAuthorityError {
    fn from(error: StoreError) -> Self {
        Self::Home(error.into())
    }
}

impl From<ConfigError> for AttributeAuthorityError {
    fn from(error: ConfigError) -> Self {
        OpenError::from(error).into()
    }
}

/// What the authority's requests are answered from.
pub(crate) struct Shared {
    certificate: Certificate,
    keys: Arc<dyn KeyStore>,
    master: MasterKey,
    vocabulary: Vocabulary,
    clock: Clock,
    /// How long what was seen of the ledger is good for.
    fresh: Duration,
    follower: Mutex<Follower>,
    seen: Mutex<(Seen, Option<Instant>)>,
    register: Mutex<Register>,
    bounds: Arc<Bounds>,
}

impl Bounded for Shared {
    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

impl Shared {
    pub(crate) const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What is told of the authority to whoever asks.
    pub(crate) fn health(&self) -> serde_json::Value {
        let seen = self.seen();
        serde_json::json!({
            "authority": self.certificate.identity().as_str(),
            "epoch": seen.0.epoch.map(|epoch| epoch.to_string()),
            "seen": seen.0.cosigned_at.to_string(),
        })
    }

    // What is behind these locks is changed by single assignments, or in a transaction of its own.
    fn follower(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, (Seen, Option<Instant>)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self) -> bool {
        self.seen().1.is_some_and(|at| at.elapsed() < self.fresh)
    }

    /// Looks at the ledger, unless that was done just now.
    fn look(&self) -> Result<(), RoundError> {
        if self.is_fresh() {
            return Ok(());
        }
        let mut follower = self.follower();
        // Somebody else may have looked meanwhile.
        if self.is_fresh() { Ok(()) } else { self.look_by(&mut follower) }
    }

    fn look_by(&self, follower: &mut Follower) -> Result<(), RoundError> {
        let began = Instant::now();
        let seen = follower.look(&self.certificate)?;
        *self.seen() = (seen, Some(began));
        Ok(())
    }

    /// Looks at the ledger, and does what follows from it.
    fn round(&self) -> Result<(), RoundError> {
        let mut follower = self.follower();
        self.look_by(&mut follower)?;
        let now = (self.clock)();
        if follower.publish(self, now)? {
            self.look_by(&mut follower)?;
        }
        follower.withdraw(self, now)
    }
}

/// An attribute authority that is open. Nothing listens yet.
pub struct AttributeAuthority {
    config: AuthorityConfig,
    shared: Arc<Shared>,
    endpoint: Endpoint,
    /// Held for as long as it uses its data directory.
    _lock: File,
}

/// An attribute authority that listens. Dropping it stops it.
pub struct RunningAuthority {
    server: Server,
    follows: Option<(Sender<()>, JoinHandle<()>)>,
    authority: AttributeAuthority,
}

impl AttributeAuthority {
    /// Begins an authority: makes its vault and its keys, unless they are there, and has it certified by a one-time code of the
    /// registrar's. If that is cut off, the same again goes on; with another code it renews the certificate.
    pub fn init(
        config: &AuthorityConfig,
        passphrase: &[u8],
        cost: Cost,
        code: &str,
    ) -> Result<Certificate, AttributeAuthorityError> {
        config.check()?;
        let home = home(config);
        let _lock = home.claim()?;
        let keys = home.begin(passphrase, cost)?;
        // Phones pin its root.
        let (files, now) = (KeyFiles::open(&config.data, true)?, system_clock()());
        Endpoint::open(&config.tls, KEY, config.listen, &files, now).map_err(OpenError::from)?;
        begin_secret(&*keys, MASTER, |random| MasterKey::new(&random).to_bytes())?;
        master(&*keys, &mut Register::open(config)?)?;
        let mut follower = Follower::open(&home, keys)?;
        Ok(home.enrol(follower.issuer(), code)?)
    }

    /// Opens the authority that was begun in its data directory.
    pub fn open(config: AuthorityConfig, passphrase: &[u8]) -> Result<Self, AttributeAuthorityError> {
        Self::open_with(config, passphrase, system_clock())
    }

    /// As [`AttributeAuthority::open`], with a clock of the caller's choice.
    pub fn open_with(
        config: AuthorityConfig,
        passphrase: &[u8],
        clock: Clock,
    ) -> Result<Self, AttributeAuthorityError> {
        config.check()?;
        let home = home(&config);
        let lock = home.claim()?;
        let keys = home.open(passphrase)?;
        let files = KeyFiles::open(&config.data, false)?;
        let mut register = Register::open(&config)?;
        let master = master(&*keys, &mut register)?;
        let mut follower = Follower::open(&home, Arc::clone(&keys))?;
        let certificate = home.certificate(&follower.issuer())?;
        let endpoint = Endpoint::open(&config.tls, KEY, config.listen, &files, clock());
        let endpoint = endpoint.map_err(OpenError::from)?;
        let seen = Seen { trust: TrustStore::new(), cosigned_at: UnixMillis(0), epoch: None };
        let shared = Arc::new(Shared {
            certificate,
            keys,
            master,
            vocabulary: Vocabulary::new(&config.vocabulary).map_err(ConfigError::Label)?,
            clock,
            fresh: Duration::from_secs(2 * config.follow_seconds),
            follower: Mutex::new(follower),
            seen: Mutex::new((seen, None)),
            register: Mutex::new(register),
            bounds: Arc::new(Bounds::new(&Limits::default(), Arc::new(Metrics::default()))),
        });
        Ok(Self { config, shared, endpoint, _lock: lock })
    }

    /// The certificate that it is enrolled with.
    pub fn certificate(&self) -> &Certificate {
        self.shared.certificate()
    }

    /// The root of its TLS certificate (DER), where it has one for development.
    pub fn tls_root(&self) -> Option<&[u8]> {
        self.endpoint.root.as_deref()
    }

    /// Looks at the ledger once, and then starts to listen and to follow it, on threads of its own.
    pub fn start(self) -> Result<RunningAuthority, StartError> {
        let follow = |shared: &Shared| {
            if let Err(error) = shared.round() {
                tracing::warn!(%error, "the ledger was not followed to its end; the next round takes it up");
            }
        };
        // Whoever asks when it listens finds its key published.
        follow(&self.shared);
        let server = server::start(Serving {
            listen: self.config.listen,
            metrics: None,
            router: routes::authority_router(&self.shared, &self.shared.bounds, &Limits::default()),
            tls: Arc::clone(&self.endpoint.config),
            limits: Limits::default(),
            bounds: Arc::clone(&self.shared.bounds),
        })?;
        let (stop, stopped) = mpsc::channel();
        let (shared, pause) = (Arc::clone(&self.shared), Duration::from_secs(self.config.follow_seconds));
        let rounds = move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                follow(&shared);
            }
        };
        let thread = std::thread::Builder::new().name("follow".to_owned()).spawn(rounds);
        let thread = thread.map_err(StartError::Thread)?;
        Ok(RunningAuthority { server, follows: Some((stop, thread)), authority: self })
    }
}

impl RunningAuthority {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The certificate that it is enrolled with.
    pub fn certificate(&self) -> &Certificate {
        self.authority.certificate()
    }

    /// The root of its TLS certificate (DER), where it has one for development.
    pub fn tls_root(&self) -> Option<&[u8]> {
        self.authority.tls_root()
    }

    /// Stops: no new connections, open requests are finished.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RunningAuthority {
    fn drop(&mut self) {
        self.server.stop();
        if let Some((stop, thread)) = self.follows.take() {
            // Fails if the thread has ended by itself.
            let _ = stop.send(());
            if thread.join().is_err() {
                tracing::error!("the thread that follows the ledger had panicked");
            }
        }
    }
}

fn home(config: &AuthorityConfig) -> ServiceHome<'_> {
    ServiceHome {
        data: &config.data,
        node: &config.node,
        genesis: &config.genesis,
        command: COMMAND,
        role: AUTHORITY,
        key: KEY,
    }
}

/// The master key, which is the one that the register was begun with.
fn master(keys: &dyn KeyStore, register: &mut Register) -> Result<MasterKey, AttributeAuthorityError> {
    let bytes = keys.recall_secret(MASTER.to_owned()).map(Zeroizing::new).map_err(|error| match error {
        KeyStoreError::Missing => ServiceHomeError::NotBegun(COMMAND),
        error => error.into(),
    })?;
    let master = MasterKey::parse(&bytes)?;
    if register.begin_with(master.public_key().id())? {
        Ok(master)
    } else {
        Err(AttributeAuthorityError::OtherMaster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../countersign-authority.example.toml");

    #[test]
    fn the_example_is_a_configuration_and_each_way_to_be_wrong_is_named() {
        let example = AuthorityConfig::parse(EXAMPLE).unwrap();
        assert_eq!((example.listen, example.follow_seconds), (default_listen(), default_follow()));
        let changed = |from: &str, to: &str| {
            let changed = EXAMPLE.replace(from, to);
            assert_ne!(changed, EXAMPLE);
            AuthorityConfig::parse(&changed)
        };
        for label in ["member", "epoch", "Role", "and"] {
            let wrong = changed("\nrole =", &format!("\n{label} ="));
            assert!(matches!(wrong, Err(ConfigError::Label(named)) if named == label));
        }
        let often = changed("\nfollow_seconds = 5", "\nfollow_seconds = 0");
        assert!(matches!(often, Err(ConfigError::Range { name: "follow_seconds", .. })));
        let tls = changed("# key = \"tls", "key = \"tls");
        assert!(matches!(tls, Err(ConfigError::Tls)));
        assert!(matches!(changed("\nnode =", "\nquorum = 2\nnode ="), Err(ConfigError::Format(_))));
    }
}
