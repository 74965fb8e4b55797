//! A witness in a process of its own (C2SP tlog-witness), for those who would rather not trust the process of a node.
//!
//! It has a key, the last checkpoint that it cosigned of each log, and nothing else: no ledger, no domain, no root. It answers
//! `POST /add-checkpoint` and `GET /{origin}/checkpoint` within the bounds of a node ([`Limits`]), of which only the writes of
//! one address are more: a node asks for each block. A node asks it by an entry `[[outside]]` of its configuration.
//!
//! What it shows is that a log does not fork: it cosigns what extends the checkpoint that it cosigned before, as durable as a
//! node's own. It does not recompute the subject index, as the witnesses in a node's process do: a node lets nobody read
//! the entries of a block that has no quorum yet.
//!
//! Whoever sets its data folder back to an older state takes its memory of what it has cosigned since: nothing can tell. So
//! there is one copy of it, and of a backup the key alone is used, for a log that it has never cosigned.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_ledger::{Cosigner, UnixMillis, VerifierKey};
use serde::Deserialize;

use crate::clock::{Clock, Uptime, system_clock, system_uptime};
use crate::config::{ConfigError, Limits, TlsConfig, is_log_key, read_text};
use crate::keys::{KeyFiles, KeysError};
use crate::limits::Bounds;
use crate::metrics::Metrics;
use crate::node::{OpenError, lock};
use crate::others_logs::{Cosigning, OthersLogs};
use crate::routes;
use crate::server::{self, Server, Serving, StartError};
use crate::timekeeper::Timekeeper;
use crate::tls::Endpoint;

/// Name of its key, among its secrets.
const SEED: &str = "notary.seed";
/// Name of the folder of what it cosigned last.
const COSIGNED: &str = "cosigned";
/// Checkpoints from one address: in a second, in the long run, and at once.
const PER_SECOND: u32 = 1000;
const BURST: u32 = 2000;

/// The configuration of a witness in a process of its own.
///
/// `countersign-notary.example.toml` beside this crate documents every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotaryConfig {
    /// What it is called in its cosignatures: a URL without a scheme, as C2SP tlog-cosignature recommends.
    pub name: String,
    /// Where its key and what it cosigned last live.
    pub data: PathBuf,
    /// Address to listen on; port 0 takes any free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Verifier keys of the logs that it cosigns.
    #[serde(default)]
    pub cosigns: Vec<String>,
    /// The TLS endpoint.
    #[serde(default)]
    pub tls: TlsConfig,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8444).into()
}

impl NotaryConfig {
    /// Reads a configuration file. Relative paths in it start at the file's own directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::parse(&read_text(path)?)?;
        if let Some(base) = path.parent() {
            config.data = base.join(&config.data);
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
        if let Some(other) = self.cosigns.iter().find(|key| !key.parse().is_ok_and(|key| is_log_key(&key))) {
            return Err(ConfigError::Cosigns(other.clone()));
        }
        self.tls.check()
    }
}

/// A witness that is open: it has its key, and what it cosigned last. Nothing listens yet.
pub struct Notary {
    config: NotaryConfig,
    key: VerifierKey,
    cosigning: Arc<Cosigning>,
    bounds: Arc<Bounds>,
    endpoint: Endpoint,
    /// Held for as long as it uses its data folder.
    _lock: File,
}

/// A witness that listens. Dropping it stops it.
pub struct RunningNotary {
    server: Server,
    _notary: Notary,
}

impl Notary {
    /// The key of a witness's cosignatures, which the operators of logs put into their configurations. It is made at the first
    /// time, as its TLS root is; the witness may be running.
    pub fn key(config: &NotaryConfig) -> Result<VerifierKey, OpenError> {
        let (cosigner, _) = keys(config, system_clock()())?;
        Ok(cosigner.verifier_key().clone())
    }

    /// Opens the witness in its data folder, or begins one there.
    ///
    /// `today` is the day, if an operator says it, as for a node ([`Surroundings`](crate::Surroundings)).
    pub fn open(config: NotaryConfig, today: Option<UnixMillis>) -> Result<Self, OpenError> {
        Self::open_with(config, today, system_clock(), system_uptime())
    }

    /// As [`Notary::open`], with clocks of the caller's choice.
    pub fn open_with(
        config: NotaryConfig,
        today: Option<UnixMillis>,
        clock: Clock,
        uptime: Uptime,
    ) -> Result<Self, OpenError> {
        config.check()?;
        let lock = lock(&config.data)?;
        let (cosigner, endpoint) = keys(&config, clock())?;
        let logs = OthersLogs::open(config.data.join(COSIGNED), cosigner, &config.cosigns)?;
        let time = Timekeeper::new(clock, uptime, Vec::new(), 0, logs.last_at(), today)?;
        let key = logs.verifier_key().clone();
        let bounds = Arc::new(Bounds::new(&limits(), Arc::new(Metrics::default())));
        let cosigning = Cosigning::new(logs, &Arc::new(time), &bounds);
        Ok(Self { config, key, cosigning, bounds, endpoint, _lock: lock })
    }

    /// The key of its cosignatures.
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The root of its TLS certificate (DER), where it has one for development.
    pub fn tls_root(&self) -> Option<&[u8]> {
        self.endpoint.root.as_deref()
    }

    /// Starts to listen, on threads of its own.
    pub fn start(self) -> Result<RunningNotary, StartError> {
        let limits = limits();
        let server = server::start(Serving {
            listen: self.config.listen,
            metrics: None,
            router: routes::witness_router(&self.cosigning, &self.bounds, &limits),
            tls: Arc::clone(&self.endpoint.config),
            limits,
            bounds: Arc::clone(&self.bounds),
        })?;
        Ok(RunningNotary { server, _notary: self })
    }
}

impl RunningNotary {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Stops: no new connections, open requests are finished.
    pub fn stop(mut self) {
        self.server.stop();
    }
}

fn limits() -> Limits {
    Limits { writes_per_second: PER_SECOND, write_burst: BURST, ..Limits::default() }
}

/// Its key and its TLS endpoint, which are made until it has begun to cosign.
fn keys(config: &NotaryConfig, now: UnixMillis) -> Result<(Cosigner, Endpoint), OpenError> {
    let may_make = !config.data.join(COSIGNED).exists();
    let files = KeyFiles::open(&config.data, may_make)?;
    let seed = files.secret(SEED)?;
    let cosigner = Cosigner::new(&config.name, &seed).map_err(KeysError::from)?;
    Ok((cosigner, Endpoint::open(&config.tls, &config.name, config.listen, &files, now)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../countersign-notary.example.toml");

    #[test]
    fn the_example_is_a_configuration_and_each_way_to_be_wrong_is_named() {
        let example = NotaryConfig::parse(EXAMPLE).unwrap();
        assert_eq!((example.listen, example.cosigns.len()), (default_listen(), 0));
        let cosigns = |key: &str| {
            let changed = EXAMPLE.replace("\ncosigns = [\n]", &format!("\ncosigns = [\"{key}\"]"));
            assert_ne!(changed, EXAMPLE);
            NotaryConfig::parse(&changed)
        };
        let log = countersign_ledger::NoteSigner::ed25519("example.com/log", &[1; 32]).unwrap();
        assert!(cosigns(&log.verifier_key().to_string()).is_ok());
        let witness = Cosigner::new("example.com/witness", &[1; 32]).unwrap();
        for other in [witness.verifier_key().to_string(), "example.com/log".to_owned()] {
            assert!(matches!(cosigns(&other), Err(ConfigError::Cosigns(key)) if key == other));
        }
        let tls = EXAMPLE.replace("# key = \"tls", "key = \"tls");
        assert!(matches!(NotaryConfig::parse(&tls), Err(ConfigError::Tls)));
        assert!(matches!(
            NotaryConfig::parse("name = \"w\"\ndata = \"d\"\nquorum = 2\n"),
            Err(ConfigError::Format(_))
        ));
    }
}
