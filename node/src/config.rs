//! A node's configuration: a TOML file, or the same values made in code.
//!
//! `countersign-node.example.toml` beside this crate documents every key.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use countersign_ledger::{Held, Identity, LogName, LogSpec, SignatureType, VerifierKey};
use countersign_records::rules::STORE;
use reqwest::Url;
use serde::Deserialize;

use crate::files;
use crate::other_domains::{MAX_DOMAINS, OtherDomain};

/// Most witnesses; a policy has room for 48.
const MAX_WITNESSES: usize = 16;

/// Largest configuration file.
const MAX_FILE: u64 = 1024 * 1024;

/// Names of the groups of witnesses in the policy: of those in this process, of those elsewhere, and of both. No witness may
/// have one of them.
pub(crate) const QUORUM: &str = "witnesses";
pub(crate) const OUTSIDE: &str = "outside";
pub(crate) const BOTH: &str = "everywhere";

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Not TOML, or a key that is unknown, missing or of the wrong type.
    #[error("the configuration: {0}")]
    Format(#[from] toml::de::Error),
    /// A name that cannot stand in a checkpoint's origin or in a key's name.
    #[error("`{0}` is not a name of lower-case letters, digits, dots and hyphens")]
    Name(String),
    /// The quorum is zero or above the number of witnesses.
    #[error("a quorum of {quorum} cannot be met by {witnesses} witnesses")]
    Quorum {
        /// How many must cosign.
        quorum: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// No witness, too many, one name twice, or one that the policy uses for something else.
    #[error(
        "there must be 1 to {MAX_WITNESSES} witnesses, each with a name of its own that is not `{QUORUM}` or `none`"
    )]
    Witnesses,
    /// The quorum of witnesses elsewhere is zero or above their number.
    #[error("an outside quorum of {quorum} cannot be met by {witnesses} outside witnesses")]
    OutsideQuorum {
        /// How many must cosign.
        quorum: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// A witness elsewhere whose key is no cosigner's, or whose URL is none.
    #[error("the outside witness `{0}` needs a cosigner's key and an http or https URL")]
    Outside(String),
    /// A log that a witness shall cosign for others: no key of a log, or a log of this ledger.
    #[error("`{0}` is not the verifier key of another's log")]
    Cosigns(String),
    /// A number that makes no sense.
    #[error("`{name}` is {value}, which makes no sense: it can be {least} to {most}")]
    Range {
        /// Its name in the file.
        name: &'static str,
        /// What it is.
        value: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that makes sense.
        most: u64,
    },
    /// A bucket that cannot be asked as it is configured.
    #[error(
        "`record_store.s3` needs a bucket, a region, and an https endpoint (http on the machine itself alone)"
    )]
    Bucket,
    /// A label of an attribute authority's vocabulary that is none, or whose meaning is.
    #[error(
        "the vocabulary's label `{0}`: up to 32 labels of letters a-z, digits and hyphens, other than `member` and `epoch`, each with a meaning of up to 200 characters"
    )]
    Label(String),
    /// A role of a bedside gateway with an operation that there is not.
    #[error("`{0}` is no operation: read, stream, settings, start, stop, silence, service, break-glass")]
    Operation(String),
    /// Another domain that is this node's own, that is named twice, or in whose name nobody may do anything.
    #[error(
        "the other domain `{0}` needs a role, is named once, and is not the node's own; there are at most {MAX_DOMAINS}"
    )]
    OtherDomain(String),
    /// A certificate without its key, or a key without its certificate.
    #[error("`tls.certificate` and `tls.key` come together or not at all")]
    Tls,
}

/// A node's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The ledger's name; its logs are called `<name>/<log>`. Fixed for ever at the first start.
    pub name: String,
    /// The logs, in the order in which a block's statements are applied. Fixed for ever at the first start; where none is
    /// named, `trust`, held whole, and `supply` of the domain, followed.
    #[serde(default, rename = "log")]
    pub logs: Vec<LogSpec>,
    /// The trust domain whose root and registrar this node keeps.
    pub domain: String,
    /// Further trust domains, whose registrars may enrol members here. Fixed for ever at the first start.
    #[serde(default, rename = "other_domain")]
    pub other_domains: Vec<OtherDomain>,
    /// Where keys and the database live.
    pub data: PathBuf,
    /// Address to listen on; port 0 takes any free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Address to serve `/metrics` on, over plain HTTP, to the operator alone; port 0 takes any free one. Where there is none,
    /// they are not served.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// How many of the witnesses in this process must have cosigned a checkpoint, where there are any.
    #[serde(default = "default_quorum")]
    pub quorum: usize,
    /// The witnesses in this process: three where nothing is said. There may be none, if there are some elsewhere.
    #[serde(default = "default_witnesses", rename = "witness")]
    pub witnesses: Vec<WitnessConfig>,
    /// How many of the witnesses elsewhere must have cosigned as well, where there are any.
    #[serde(default = "default_outside_quorum")]
    pub outside_quorum: usize,
    /// Witnesses elsewhere that are asked to cosign.
    #[serde(default)]
    pub outside: Vec<OutsideConfig>,
    /// When nothing happens, the witnesses cosign again after this many seconds, so that phones see that nothing newer
    /// exists.
    #[serde(default = "default_recosign")]
    pub recosign_seconds: u64,
    /// For how many days the registrar's certificates are valid.
    #[serde(default = "default_certificate_days")]
    pub certificate_days: u32,
    /// The TLS endpoint.
    #[serde(default)]
    pub tls: TlsConfig,
    /// The store of medical records, if this node keeps one.
    #[serde(default)]
    pub record_store: Option<RecordStoreConfig>,
    /// Bounds on what clients may ask.
    #[serde(default)]
    pub limits: Limits,
}

/// A witness held in this process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its name in the policy. In its cosignatures it is called `<ledger>/witness/<name>`.
    pub name: String,
    /// File with its Ed25519 seed in hexadecimal; made at the first start below `data/keys` where none is named.
    pub seed: Option<PathBuf>,
    /// Verifier keys of others' logs that it cosigns as well, at `/witness/<name>` (C2SP tlog-witness).
    #[serde(default)]
    pub cosigns: Vec<String>,
}

/// A witness elsewhere (C2SP tlog-witness).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideConfig {
    /// Its name in the policy.
    pub name: String,
    /// The key of its cosignatures: `name+id+key`.
    pub key: String,
    /// Its submission prefix.
    pub url: String,
    /// File with the root of its TLS certificate (PEM or DER), where the platform does not trust that.
    pub root: Option<PathBuf>,
}

impl OutsideConfig {
    /// Where it is asked.
    pub(crate) fn endpoint(&self) -> Option<Url> {
        let url = Url::parse(&format!("{}/add-checkpoint", self.url.trim_end_matches('/'))).ok()?;
        (["http", "https"].contains(&url.scheme()) && !self.url.contains(char::is_whitespace)).then_some(url)
    }

    fn is_usable(&self) -> bool {
        let key = self.key.parse::<VerifierKey>();
        key.is_ok_and(|key| key.kind() == SignatureType::Cosignature) && self.endpoint().is_some()
    }
}

/// A store of medical records: sealed objects, which it cannot read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordStoreConfig {
    /// Its name: records name it as `spiffe://<domain>/record-store/<name>`.
    pub name: String,
    /// Most bytes that are kept for one record.
    #[serde(default = "default_record_bytes")]
    pub record_bytes: usize,
    /// The bucket that objects lie in, if they do not lie in the data directory.
    #[serde(default)]
    pub s3: Option<S3Config>,
}

/// A bucket that speaks S3.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Where it is asked: an https URL, or an http URL on the machine itself.
    pub endpoint: String,
    /// File with the id of the access key in one line and the secret key in the next; for its owner alone.
    pub credentials: PathBuf,
}

/// The TLS endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Host names and addresses for the development certificate, besides `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// PEM file with a certificate chain, in place of the development certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file with its key.
    pub key: Option<PathBuf>,
}

/// Bounds on what clients may ask. A statement's own size is bounded by its format.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// How much of each of these numbers one address may have, in percent. An IPv6 address counts by its /64 network. Behind
    /// a proxy, which has one address for all, 100.
    pub address_percent: usize,
    /// Bytes in memory for requests and answers.
    pub memory_bytes: usize,
    /// Answers being looked up at one time.
    pub reads: usize,
    /// Whole requests to write being carried out at one time.
    pub writes: usize,
    /// Blobs being received at one time.
    pub uploads: usize,
    /// Bytes in a blob.
    pub blob_bytes: usize,
    /// Bytes on disk for blobs that are not whole yet.
    pub unfinished_bytes: usize,
    /// Bytes on disk for reports of suspicions, until an authority has them removed; and of those that come within a day.
    pub report_bytes: usize,
    /// Seconds for a TLS handshake and for a request's header.
    pub header_seconds: u64,
    /// Seconds for a whole request, its body included; a blob has more, by its length.
    pub request_seconds: u64,
    /// Bytes a second at which a client must take its answers, if it takes longer than a request may.
    pub answer_pace: u64,
    /// Bytes a second at which a blob must come, if it takes longer than a request may.
    pub upload_pace: u64,
    /// Writes per second and address, in the long run.
    pub writes_per_second: u32,
    /// Writes from one address at once.
    pub write_burst: u32,
    /// Statements waiting to be ordered; beyond these the node answers that it is busy.
    pub queue: usize,
    /// Seconds that open requests are given when the node stops.
    pub stop_seconds: u64,
}

impl Limits {
    /// Least memory for requests and answers: a quarter is room for the largest of them.
    pub(crate) const LEAST_MEMORY: usize = 8 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            address_percent: 25,
            memory_bytes: 64 << 20,
            reads: 16,
            writes: 256,
            uploads: 32,
            blob_bytes: 64 << 20,
            unfinished_bytes: 512 << 20,
            report_bytes: 256 << 20,
            header_seconds: 10,
            request_seconds: 30,
            answer_pace: 512,
            upload_pace: 8192,
            writes_per_second: 50,
            write_burst: 200,
            queue: 8192,
            stop_seconds: 10,
        }
    }
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8443).into()
}

fn default_quorum() -> usize {
    2
}

fn default_witnesses() -> Vec<WitnessConfig> {
    (1..=3).map(|i| WitnessConfig { name: format!("witness-{i}"), seed: None, cosigns: Vec::new() }).collect()
}

fn default_outside_quorum() -> usize {
    1
}

fn default_recosign() -> u64 {
    60
}

fn default_record_bytes() -> usize {
    256 << 20
}

fn default_certificate_days() -> u32 {
    365
}

/// The text of a configuration file.
pub(crate) fn read_text(path: &Path) -> Result<String, ConfigError> {
    let failed = |source: std::io::Error| {
        let source = match source.kind() {
            std::io::ErrorKind::NotFound => std::io::Error::other("there is no such file"),
            _ => source,
        };
        ConfigError::Read { path: path.to_owned(), source }
    };
    String::from_utf8(files::read(path, MAX_FILE).map_err(failed)?)
        .map_err(|_| failed(std::io::Error::other("it is not text in UTF-8")))
}

/// Whether a key is one that logs sign with.
pub(crate) fn is_log_key(key: &VerifierKey) -> bool {
    key.kind() != SignatureType::Cosignature
}

impl S3Config {
    /// Without TLS anybody on the way could exchange what is stored, and would read the key's id.
    fn check(&self) -> Result<(), ConfigError> {
        let url = Url::parse(&self.endpoint).map_err(|_| ConfigError::Bucket)?;
        let local = ["localhost", "127.0.0.1", "[::1]"].contains(&url.host_str().unwrap_or_default());
        let safe = url.scheme() == "https" || url.scheme() == "http" && local;
        if safe && !self.bucket.is_empty() && !self.region.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Bucket)
        }
    }
}

impl TlsConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.certificate.is_some() == self.key.is_some() { Ok(()) } else { Err(ConfigError::Tls) }
    }

    /// Relative paths start at `base`.
    pub(crate) fn resolve(&mut self, base: &Path) {
        for path in [self.certificate.as_mut(), self.key.as_mut()].into_iter().flatten() {
            *path = base.join(&*path);
        }
    }
}

impl Config {
    /// A configuration for development, demos and tests: any free port on the loopback interface, three witnesses of
    /// which two suffice.
    pub fn development(data: impl Into<PathBuf>) -> Self {
        Self {
            name: "ledger.meds.example".to_owned(),
            logs: Vec::new(),
            domain: "meds.example".to_owned(),
            other_domains: Vec::new(),
            data: data.into(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            metrics_listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
            quorum: default_quorum(),
            witnesses: default_witnesses(),
            outside_quorum: default_outside_quorum(),
            outside: Vec::new(),
            recosign_seconds: default_recosign(),
            certificate_days: default_certificate_days(),
            tls: TlsConfig::default(),
            record_store: None,
            limits: Limits::default(),
        }
    }

    /// Reads a configuration file. Relative paths in it start at the file's own directory.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::parse(&read_text(path)?)?;
        if let Some(base) = path.parent() {
            config.resolve(base);
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
        let inside = self.witnesses.iter().map(|witness| witness.name.as_str());
        let mut names: Vec<_> =
            inside.chain(self.outside.iter().map(|witness| witness.name.as_str())).collect();
        for name in names.iter().chain([&self.name.as_str(), &self.domain.as_str()]) {
            // Names stand in origins, note lines and identities; the identity's form is the narrowest of these.
            Identity::new(name, "role", "name").map_err(|_| ConfigError::Name((*name).to_owned()))?;
        }
        names.sort_unstable();
        names.dedup();
        let taken = names.iter().any(|name| [QUORUM, OUTSIDE, BOTH, "none"].contains(name));
        let all = self.witnesses.len() + self.outside.len();
        if names.len() != all || !(1..=MAX_WITNESSES).contains(&all) || taken {
            return Err(ConfigError::Witnesses);
        }
        let inside = self.witnesses.len();
        if inside > 0 && !(1..=inside).contains(&self.quorum) {
            return Err(ConfigError::Quorum { quorum: self.quorum, witnesses: inside });
        }
        let outside = self.outside.len();
        if outside > 0 && !(1..=outside).contains(&self.outside_quorum) {
            return Err(ConfigError::OutsideQuorum { quorum: self.outside_quorum, witnesses: outside });
        }
        if let Some(witness) = self.outside.iter().find(|witness| !witness.is_usable()) {
            return Err(ConfigError::Outside(witness.name.clone()));
        }
        let own: Vec<_> = self.log_specs().iter().map(|log| format!("{}/{}", self.name, log.name)).collect();
        let is_others = |key: &VerifierKey| is_log_key(key) && !own.iter().any(|origin| origin == key.name());
        for cosigns in self.witnesses.iter().flat_map(|witness| &witness.cosigns) {
            if !cosigns.parse().is_ok_and(|key| is_others(&key)) {
                return Err(ConfigError::Cosigns(cosigns.clone()));
            }
        }
        self.check_other_domains()?;
        self.tls.check()?;
        if let Some(store) = &self.record_store {
            let name = Identity::new(&self.domain, STORE, &store.name);
            name.map_err(|_| ConfigError::Name(store.name.clone()))?;
            if let Some(s3) = &store.s3 {
                s3.check()?;
            }
        }
        self.check_numbers()
    }

    fn check_other_domains(&self) -> Result<(), ConfigError> {
        for (at, other) in self.other_domains.iter().enumerate() {
            Identity::new(&other.name, "role", "name").map_err(|_| ConfigError::Name(other.name.clone()))?;
            let before = self.other_domains.iter().take(at).map(|before| &before.name);
            let twice = before.chain([&self.domain]).any(|name| *name == other.name);
            if twice || other.roles.is_empty() || at >= MAX_DOMAINS {
                return Err(ConfigError::OtherDomain(other.name.clone()));
            }
        }
        Ok(())
    }

    /// How many of the witnesses in this process must cosign.
    pub(crate) fn inside_quorum(&self) -> usize {
        if self.witnesses.is_empty() { 0 } else { self.quorum }
    }

    /// The logs of the ledger.
    pub(crate) fn log_specs(&self) -> Vec<LogSpec> {
        if !self.logs.is_empty() {
            return self.logs.clone();
        }
        let supply =
            LogSpec { name: LogName::SUPPLY, held: Held::Followed, domain: Some(self.domain.clone()) };
        vec![LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None }, supply]
    }

    /// Every number must be one that makes sense: one that is absurd stops the node here and not under load.
    fn check_numbers(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let bytes = |bytes: usize| bytes as u64;
        let numbers = [
            ("recosign_seconds", self.recosign_seconds, 1..=86_400),
            ("certificate_days", self.certificate_days.into(), 1..=3650),
            ("limits.connections", bytes(limits.connections), 1..=65_536),
            ("limits.address_percent", bytes(limits.address_percent), 1..=100),
            ("limits.memory_bytes", bytes(limits.memory_bytes), bytes(Limits::LEAST_MEMORY)..=1 << 40),
            ("limits.reads", bytes(limits.reads), 1..=256),
            ("limits.writes", bytes(limits.writes), 1..=65_536),
            ("limits.uploads", bytes(limits.uploads), 1..=4096),
            // SQLite holds no larger value.
            ("limits.blob_bytes", bytes(limits.blob_bytes), 1024..=1_000_000_000),
            ("limits.unfinished_bytes", bytes(limits.unfinished_bytes), bytes(limits.blob_bytes)..=1 << 40),
            ("limits.report_bytes", bytes(limits.report_bytes), 1 << 20..=1 << 40),
            ("limits.header_seconds", limits.header_seconds, 1..=600),
            ("limits.request_seconds", limits.request_seconds, 1..=3600),
            ("limits.answer_pace", limits.answer_pace, 1..=1 << 30),
            ("limits.upload_pace", limits.upload_pace, 1..=1 << 30),
            ("limits.writes_per_second", limits.writes_per_second.into(), 1..=1_000_000),
            ("limits.write_burst", limits.write_burst.into(), 1..=1_000_000),
            ("limits.queue", bytes(limits.queue), 1..=1_000_000),
            ("limits.stop_seconds", limits.stop_seconds, 0..=3600),
        ];
        let records = self.record_store.as_ref().map(|store| bytes(store.record_bytes));
        let records = records.map(|most| ("record_store.record_bytes", most, 1 << 20..=1 << 40));
        match numbers.into_iter().chain(records).find(|(_, value, range)| !range.contains(value)) {
            Some((name, value, range)) => {
                Err(ConfigError::Range { name, value, least: *range.start(), most: *range.end() })
            }
            None => Ok(()),
        }
    }

    fn resolve(&mut self, base: &Path) {
        let seeds = self.witnesses.iter_mut().filter_map(|witness| witness.seed.as_mut());
        let roots = self.outside.iter_mut().filter_map(|witness| witness.root.as_mut());
        let bucket = self.record_store.as_mut().and_then(|store| store.s3.as_mut());
        let credentials = bucket.map(|bucket| &mut bucket.credentials);
        let others = self.other_domains.iter_mut().map(|other| &mut other.genesis);
        for path in seeds.chain(roots).chain(credentials).chain(others).chain([&mut self.data]) {
            *path = base.join(&*path);
        }
        self.tls.resolve(base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../countersign-node.example.toml");

    fn with(from: &str, to: &str) -> Result<Config, ConfigError> {
        assert!(EXAMPLE.contains(from), "{from}");
        Config::parse(&EXAMPLE.replace(from, to))
    }

    #[test]
    fn the_example_is_a_configuration_with_the_defaults() {
        let example = Config::parse(EXAMPLE).unwrap();
        let (limits, default) = (format!("{:?}", example.limits), format!("{:?}", Limits::default()));
        assert_eq!(limits, default);
        assert_eq!((example.quorum, example.witnesses.len()), (2, 3));
        let defaults = Config { logs: Vec::new(), ..example.clone() };
        assert_eq!(example.logs, defaults.log_specs());
    }

    #[test]
    fn each_way_to_be_wrong_is_named() {
        assert!(matches!(
            with("quorum = 2", "quorum = 4"),
            Err(ConfigError::Quorum { quorum: 4, witnesses: 3 })
        ));
        assert!(matches!(with("quorum = 2", "quorum = 0"), Err(ConfigError::Quorum { .. })));
        assert!(matches!(with("quorum = 2", "quroum = 2"), Err(ConfigError::Format(_))));
        assert!(matches!(with("\"witness-2\"", "\"witness-1\""), Err(ConfigError::Witnesses)));
        assert!(matches!(with("\"witness-2\"", "\"witnesses\""), Err(ConfigError::Witnesses)));
        assert!(matches!(with("\"witness-2\"", "\"witness 2\""), Err(ConfigError::Name(_))));
        assert!(matches!(with("\"ledger.meds.example\"", "\"a/b\""), Err(ConfigError::Name(_))));
        let outside = |text: &str| Config::parse(&format!("{EXAMPLE}\n[[outside]]\n{text}"));
        let key = countersign_ledger::Cosigner::new("w", &[1; 32]).unwrap().verifier_key().to_string();
        let good = format!("name = \"w\"\nkey = \"{key}\"\nurl = \"https://w.example/w\"\n");
        assert!(outside(&good).is_ok());
        assert!(matches!(outside(&good.replace("https", "ftp")), Err(ConfigError::Outside(_))));
        assert!(matches!(outside(&good.replace("\"w+", "\"v+")), Err(ConfigError::Outside(_))));
        assert!(matches!(outside(&good.replace("\"w\"", "\"outside\"")), Err(ConfigError::Witnesses)));
        let elsewhere = Config {
            witnesses: Vec::new(),
            outside: Config::parse(&format!("{EXAMPLE}\n[[outside]]\n{good}")).unwrap().outside,
            ..Config::development("data")
        };
        assert_eq!((elsewhere.check().is_ok(), elsewhere.inside_quorum()), (true, 0));
        let nobody = Config { outside: Vec::new(), ..elsewhere };
        assert!(matches!(nobody.check(), Err(ConfigError::Witnesses)));
        let many =
            EXAMPLE.replace("quorum = 2", "quorum = 2\noutside_quorum = 2") + "\n[[outside]]\n" + &good;
        let refused: Result<(), _> = Err(ConfigError::OutsideQuorum { quorum: 2, witnesses: 1 });
        assert_eq!(format!("{:?}", Config::parse(&many).map(drop)), format!("{refused:?}"));
        let cosigns = |origin: &str| {
            let key = countersign_ledger::NoteSigner::ed25519(origin, &[1; 32]).unwrap();
            let line = format!("name = \"witness-3\"\ncosigns = [\"{}\"]", key.verifier_key());
            with("name = \"witness-3\"", &line)
        };
        assert!(cosigns("example.com/log").is_ok());
        assert!(matches!(cosigns("ledger.meds.example/supply"), Err(ConfigError::Cosigns(_))));
        assert!(matches!(with("queue = 8192", "queue = -1"), Err(ConfigError::Format(_))));
        assert!(matches!(with("# key = \"tls", "key = \"tls"), Err(ConfigError::Tls)));
    }

    #[test]
    fn a_number_that_makes_no_sense_is_refused_by_name_with_those_that_do() {
        let numbers: Vec<(&str, i64)> = EXAMPLE
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .filter(|(name, _)| *name != "quorum" && !name.starts_with('#'))
            .collect();
        assert_eq!(numbers.len(), 19, "{numbers:?}");
        for (name, value) in numbers {
            for absurd in [0, i64::MAX] {
                let changed = with(&format!("\n{name} = {value}\n"), &format!("\n{name} = {absurd}\n"));
                match changed {
                    Err(ConfigError::Range { name: told, value, least, most }) => {
                        assert!(told.ends_with(name) && value == absurd.cast_unsigned(), "{told}: {value}");
                        assert!(least <= most && !(least..=most).contains(&value), "{told}");
                    }
                    // Beyond the type: the format's error shows the line.
                    Err(ConfigError::Format(error)) => assert!(error.to_string().contains(name), "{error}"),
                    Ok(_) => assert_eq!((name, absurd), ("stop_seconds", 0)),
                    Err(other) => panic!("{name} = {absurd}: {other}"),
                }
            }
        }
    }
}
