//! What an operator asks of a node, whether it runs or not.
//!
//! A running node listens on a Unix socket in its data directory, which is for its owner alone: whoever can open the socket
//! could read the keys beside it. One request and one reply a connection, each a line of JSON. Where no node runs, the
//! ledger is opened for the one request.
//!
//! In scope: codes, revocations, backups, certificates where the root key is elsewhere, what the registrar signs for a ledger
//! that several domains share. Out of scope: other operators than the owner of the data directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::certificate::{issue, requested_key};
use countersign_ledger::{Base64, Certificate, CertificateError, Hash, Identity, LogName};
use serde::{Deserialize, Serialize};

use crate::clock::system_clock;
use crate::config::Config;
#[cfg(unix)]
use crate::door;
use crate::files;
use crate::genesis::GENESIS;
use crate::keys::{KeysError, random, read_key, write_whole};
use crate::last_signed::LAST_SIGNED;
use crate::node::{Node, OpenError};
use crate::registrar::{DATABASE, RegistrarError, Waiting, period};
use crate::service::{AuthorityError, Service};
use crate::store::{self, Begin, StoreError};

/// How long a node that is starting or stopping is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// SQLite's write-ahead log beside the database.
const DATABASE_LOG: &str = "ledger.sqlite-wal";
/// Longest validity of a code, in hours: ninety days.
const MAX_CODE_HOURS: u32 = 24 * 90;

/// What an operator asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// A one-time code for the enrolment of a member. The reply is the code.
    Code {
        /// The member's role.
        role: String,
        /// The member's name within its role.
        name: String,
        /// For how many hours it is valid: 1 to 2,160.
        hours: u32,
    },
    /// Revokes a certificate. The reply names, for each log, the place from which it signs nothing.
    Revoke {
        /// SHA-256 of the certificate, in hexadecimal digits.
        certificate: String,
        /// For some logs: an earlier place from which it signs nothing. In the others it is the next one.
        #[serde(default)]
        from: BTreeMap<String, u64>,
    },
    /// Who waits for the holder of the root key. The reply is for [`certify`].
    Waiting,
    /// Publishes a certificate that the holder of the root key has issued.
    Certified {
        /// Digest of the code that the member waits with.
        code: String,
        /// The certificate (DER).
        certificate: Base64,
    },
    /// Signs the enrolment of a member of this domain for a ledger that several domains share. The reply is the statement, in
    /// base64: anybody may submit it there, within a month.
    Introduce {
        /// SHA-256 of the member's certificate, in hexadecimal digits.
        certificate: String,
        /// Id of the latest statement on the member in that ledger's log of enrolments, if there is one.
        #[serde(default)]
        prev: Option<String>,
    },
    /// Signs the revocation of a certificate for a ledger that several domains share. The reply is the statement, in base64.
    Withdraw {
        /// SHA-256 of the certificate, in hexadecimal digits.
        certificate: String,
        /// For each log there: the place from which it signs nothing. In a log that is not named it signs nothing at all.
        from: BTreeMap<String, u64>,
        /// Id of the latest statement on the member in that ledger's log `trust`, if there is one.
        #[serde(default)]
        prev: Option<String>,
    },
    /// Founds the first group of notaries of a ledger that several domains share. The reply is the statement's id.
    Found {
        /// SHA-256 of the certificate of each notary, in hexadecimal digits.
        notaries: Vec<String>,
    },
    /// Copies the ledger as it is, without its keys, into a new directory. The reply tells how much.
    Backup {
        /// An absolute path. Nothing may be there.
        to: PathBuf,
    },
}

/// Why a request was not carried out. It has then changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The ledger could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No certificate was issued or revoked.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// No code was made.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
    /// A code for no time, or for too long.
    #[error("a code is valid for 1 to {MAX_CODE_HOURS} hours")]
    Hours,
    /// Not the name of a certificate.
    #[error("a certificate or a statement is named by its SHA-256, 64 hexadecimal digits")]
    Fingerprint,
    /// No such log, or a place that it has not reached.
    #[error("the log {0} does not exist, or has not reached that place")]
    NoPlace(String),
    /// The directory of a backup exists, or its path is relative.
    #[error("a backup needs an absolute path at which nothing is: {0}")]
    Occupied(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no ledger in a directory, or there is one already.
    #[error("{0}")]
    Restore(String),
    /// The running node's reason.
    #[error("{0}")]
    Refused(String),
    /// The running node's socket failed.
    #[error("the running node does not reply: {0}")]
    Socket(#[from] io::Error),
    /// No node runs.
    #[error("no node is running on {0}")]
    NotRunning(PathBuf),
    /// The root key cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A certificate or a request for one is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Has the request carried out by the node that runs on the configured data directory, or without one. Waits for a node that
/// is just starting. A directory in which no ledger was begun is begun.
pub fn operate(config: &Config, request: &Request) -> Result<String, OperateError> {
    let began = Instant::now();
    loop {
        #[cfg(unix)]
        if let Some(reply) = door::ask(&config.data, request).map_err(OperateError::Socket)? {
            return reply.map_err(OperateError::Refused);
        }
        match Node::open(config.clone()) {
            Ok(node) => return carry_out(&node.service, request),
            Err(OpenError::Locked(_)) if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Carries out a request.
pub(crate) fn carry_out(service: &Service, request: &Request) -> Result<String, OperateError> {
    match request {
        Request::Code { role, name, hours } => {
            if !(1..=MAX_CODE_HOURS).contains(hours) {
                return Err(OperateError::Hours);
            }
            let valid_for = Duration::from_secs(u64::from(*hours) * 3600);
            Ok(service.registrar.new_code(role, name, valid_for)?.to_string())
        }
        Request::Revoke { certificate, from } => {
            let places = service.revoke(digest(certificate)?, &places(service, from)?)?;
            let places = places.iter().map(|(log, from)| format!("entry {from} of the log {log}"));
            let places: Vec<_> = places.collect();
            Ok(format!("revoked: the certificate signs nothing from {} on", places.join(" and ")))
        }
        Request::Waiting => Ok(serde_json::to_string(&service.registrar.waiting()).map_err(io::Error::from)?),
        Request::Certified { code, certificate } => {
            let code = digest(code)?;
            let certificate = Certificate::from_der(&certificate.0)?;
            service.certified(code, &certificate)?;
            Ok(certificate.fingerprint().to_string())
        }
        Request::Introduce { certificate, prev } => {
            let prev = prev.as_deref().map(digest).transpose()?;
            Ok(STANDARD.encode(service.introduce(digest(certificate)?, prev)?.as_bytes()))
        }
        Request::Withdraw { certificate, from, prev } => {
            let prev = prev.as_deref().map(digest).transpose()?;
            let place = |(name, place): (&String, &u64)| {
                let log = LogName::new(name).map_err(|_| OperateError::NoPlace(name.clone()))?;
                Ok((log, *place))
            };
            let from = from.iter().map(place).collect::<Result<_, OperateError>>()?;
            Ok(STANDARD.encode(service.withdraw(digest(certificate)?, &from, prev)?.as_bytes()))
        }
        Request::Found { notaries } => {
            let notaries: Vec<_> = notaries.iter().map(|one| digest(one)).collect::<Result<_, _>>()?;
            Ok(service.found(&notaries)?.to_string())
        }
        Request::Backup { to } => back_up(service, to),
    }
}

/// Somebody who waited for the holder of the root key.
#[cfg(unix)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certified {
    /// Who.
    pub member: Identity,
    /// Whether the certificate was published, or why not.
    pub published: Result<(), String>,
}

/// Certifies everybody who waits for it at a running node, with the domain's root key in the file `root`, and tells who that
/// was and what came of it. The node itself need not have the key: here it is in memory for as long as this takes.
///
/// `config` names the data directory in which the node's socket is, its own or one that was forwarded.
#[cfg(unix)]
pub fn certify(config: &Config, root: &Path) -> Result<Vec<Certified>, OperateError> {
    let root = read_key(root)?;
    let ask = |request: &Request| {
        let reply = door::ask(&config.data, request).map_err(OperateError::Socket)?;
        reply.ok_or_else(|| OperateError::NotRunning(config.data.clone()))
    };
    let mut certified = Vec::new();
    loop {
        let waiting = ask(&Request::Waiting)?.map_err(OperateError::Refused)?;
        let waiting: Vec<Waiting> = serde_json::from_str(&waiting).map_err(io::Error::from)?;
        if waiting.is_empty() {
            return Ok(certified);
        }
        for Waiting { code, member, request } in waiting {
            let member = Identity::parse(&member).map_err(RegistrarError::from)?;
            let key = requested_key(&request.0)?;
            let period = period(system_clock()(), config.certificate_days);
            let certificate = issue(&member, &key, &root, period, random()?)?;
            let certificate = Base64(certificate.as_der().to_vec());
            let published = ask(&Request::Certified { code, certificate })?;
            certified.push(Certified { member, published: published.map(drop) });
        }
    }
}

fn digest(text: &str) -> Result<Hash, OperateError> {
    text.parse().map_err(|_| OperateError::Fingerprint)
}

fn places(service: &Service, from: &BTreeMap<String, u64>) -> Result<BTreeMap<LogName, u64>, OperateError> {
    let view = service.published.view();
    let place = |(name, place): (&String, &u64)| {
        let log = LogName::new(name).ok().filter(|log| view.heads.contains_key(log));
        let log = log.filter(|log| *place <= view.size(*log));
        log.map(|log| (log, *place)).ok_or_else(|| OperateError::NoPlace(name.clone()))
    };
    from.iter().map(place).collect()
}

/// One read transaction sees one state of the database, whatever is written meanwhile.
fn back_up(service: &Service, to: &Path) -> Result<String, OperateError> {
    if !to.is_absolute() || to.exists() {
        return Err(OperateError::Occupied(to.to_owned()));
    }
    files::make_directory(to).map_err(|source| file_error(to, source))?;
    let database = to.join(DATABASE);
    let copy = || -> Result<u64, OperateError> {
        let connection = store::open(&service.config.data.join(DATABASE), Begin::Never)?;
        let unfinished = to.join("unfinished");
        connection.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()]).map_err(StoreError::from)?;
        let file = File::open(&unfinished).map_err(|source| file_error(&unfinished, source))?;
        file.sync_all().map_err(|source| file_error(&unfinished, source))?;
        fs::rename(&unfinished, &database).map_err(|source| file_error(&database, source))?;
        let genesis = to.join(GENESIS);
        write_whole(&genesis, service.genesis.to_json().as_bytes())
            .map_err(|source| file_error(&genesis, source))?;
        Ok(file.metadata().map_err(|source| file_error(&database, source))?.len())
    };
    match copy() {
        Ok(bytes) => Ok(format!("{bytes} bytes in {}; the keys are not among them", database.display())),
        Err(error) => {
            // What is unfinished must not be taken for a backup.
            let _ = fs::remove_dir_all(to);
            Err(error)
        }
    }
}

/// Puts a backup into the configured data directory, in which there must be the keys, what they signed last, and no ledger;
/// then opens it, so that everything is verified. A backup that lacks what the keys have signed is refused.
pub fn restore(config: &Config, from: &Path) -> Result<String, OperateError> {
    let [genesis, database, log] = [GENESIS, DATABASE, DATABASE_LOG].map(|name| config.data.join(name));
    // The write-ahead log of another database would be read as this one's.
    if let Some(there) = [&database, &log, &genesis].into_iter().find(|path| path.exists()) {
        return Err(OperateError::Restore(format!("{} is there already", there.display())));
    }
    for (name, what) in [("keys", "the ledger's keys"), (LAST_SIGNED, "what the keys signed last")] {
        let path = config.data.join(name);
        if !path.exists() {
            return Err(OperateError::Restore(format!("{} must hold {what} first", path.display())));
        }
    }
    let put = || {
        for (name, to) in [(GENESIS, &genesis), (DATABASE, &database)] {
            let path = from.join(name);
            files::copy(&path, to).map_err(|source| file_error(&path, source))?;
        }
        Ok(Node::open(config.clone())?)
    };
    match put() {
        Ok(node) => Ok(format!("restored: {} blocks, all of them verified", node.service.published.height())),
        Err(error) => {
            for path in [database, log, genesis] {
                let _ = fs::remove_file(path);
            }
            Err(error)
        }
    }
}

fn file_error(path: &Path, source: io::Error) -> OperateError {
    OperateError::File { path: path.to_owned(), source }
}
