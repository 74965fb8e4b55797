//! A node's secrets: made at the first start, read at every other.
//!
//! Everything lies in `data/keys`, one secret a file, readable by the owner only. The domain's root key is made there as well,
//! so that one command sets up a working domain. Once there is a root certificate, the key may be taken away: then whoever has it
//! certifies those who enrol ([`certify`](crate::certify)), and the node runs without it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Base64, Certificate, CertificateError, Cosigner, Families, Genesis, GenesisDomain, Hash, Identity,
    LogName, NoteSigner, REGISTRAR, SoftwareKey, UnixMillis, VerifierKeyError,
};
use zeroize::Zeroizing;

use crate::checkpoint_signers::log_signer;
use crate::config::{BOTH, Config, OUTSIDE, QUORUM, WitnessConfig};
use crate::files;
use crate::last_signed::Signer;
use crate::other_domains::OtherDomainError;

const DAY_MILLIS: u64 = 24 * 3600 * 1000;
/// Largest file of a key.
const MAX_FILE: u64 = 64 * 1024;
/// How long the certificates of the domain's root and registrar are valid.
const ROOT_DAYS: u64 = 3650;

/// Why the node's keys cannot be used. Names files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// What is kept was begun with a key that is gone.
    #[error("{0} is missing, and what is kept here was begun with it: restore it from a backup")]
    Missing(PathBuf),
    /// A file does not hold what its name says.
    #[error("{0} does not hold what its name says: restore it from a backup")]
    Malformed(PathBuf),
    /// A key is another than the one in its certificate.
    #[error("{0} is another key than the one in its certificate: restore it from a backup")]
    Other(PathBuf),
    /// Others than its owner may read a secret.
    #[error(
        "{0} is a secret that others may read: its permissions must be 0600, and it may be known already"
    )]
    Exposed(PathBuf),
    /// There is no randomness.
    #[error("the system gives no random numbers")]
    Random,
    /// A witness elsewhere cannot be asked as it is configured.
    #[error("the witness {0} cannot be asked: its URL or its TLS root is none")]
    Outside(String),
    /// Another domain's trust anchors cannot be used.
    #[error(transparent)]
    OtherDomain(#[from] OtherDomainError),
    /// A key was refused.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// A certificate could not be made or read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// The keys of one log: two sign each checkpoint, and the P-256 key signs receipts as well.
pub(crate) struct LogKeys {
    pub(crate) checkpoint: [NoteSigner; 2],
    pub(crate) receipt: SoftwareKey,
}

/// The domain's authority.
pub(crate) struct Authority {
    /// None where somebody else keeps it.
    pub(crate) root: Option<SoftwareKey>,
    pub(crate) root_der: Vec<u8>,
    pub(crate) registrar: SoftwareKey,
    pub(crate) certificate: Certificate,
}

/// All keys of a node.
pub(crate) struct Keys {
    pub(crate) authority: Authority,
    pub(crate) logs: BTreeMap<LogName, LogKeys>,
    pub(crate) cosigners: Vec<Cosigner>,
    /// The roles that the registrar may give.
    roles: Vec<String>,
    /// The trust anchors of other domains.
    others: Vec<GenesisDomain>,
}

impl Keys {
    /// Reads the keys; makes those that are missing, which only a `first_start` allows. The registrar may then give the
    /// roles of `families`; a later version that knows more changes nothing that clients have pinned.
    pub(crate) fn open(
        config: &Config,
        families: &Families,
        first_start: bool,
        now: UnixMillis,
    ) -> Result<Self, KeysError> {
        let files = KeyFiles::open(&config.data, first_start)?;
        // Before any key is made: nothing is begun with trust anchors that are not there.
        let mut others = Vec::new();
        for other in &config.other_domains {
            others.extend(other.read(families)?);
        }
        let logs = config.log_specs().into_iter().map(|log| {
            let origin = format!("{}/{}", config.name, log.name);
            Ok((log.name, LogKeys::open(&files, log.name, &origin)?))
        });
        for made in config.witnesses.iter().filter(|witness| witness.seed.is_none()) {
            files.secret(&format!("{}.seed", made.name))?;
        }
        Ok(Self {
            authority: Authority::open(&files, &config.domain, now)?,
            logs: logs.collect::<Result<_, KeysError>>()?,
            cosigners: config
                .witnesses
                .iter()
                .map(|witness| cosigner(config, witness))
                .collect::<Result<_, _>>()?,
            roles: roles(&files, families)?,
            others,
        })
    }

    /// Who signs checkpoints here, with the keys that they sign with.
    pub(crate) fn signers<'a>(&'a self, config: &Config) -> Vec<Signer<'a>> {
        let logs = self.logs.iter().map(|(log, keys)| {
            (log_signer(*log), keys.checkpoint.iter().map(NoteSigner::verifier_key).collect())
        });
        let witnesses = config.witnesses.iter().zip(&self.cosigners);
        let witnesses = witnesses.map(|(witness, key)| (witness.name.clone(), vec![key.verifier_key()]));
        logs.chain(witnesses).collect()
    }

    /// The trust anchors of this ledger, which phones pin.
    pub(crate) fn genesis(&self, config: &Config, tls: Option<Vec<u8>>) -> Genesis {
        let keys = self.logs.values().flat_map(|keys| &keys.checkpoint);
        let logs = keys.map(|key| format!("log {}", key.verifier_key()));
        let keys = self.cosigners.iter().map(Cosigner::verifier_key);
        let witnesses = config.witnesses.iter().zip(keys).map(|(w, key)| format!("witness {} {key}", w.name));
        let outside = config.outside.iter().map(|w| format!("witness {} {} {}", w.name, w.key, w.url));
        let group = |name, quorum, members: Vec<&str>| format!("group {name} {quorum} {}", members.join(" "));
        let inside = config.witnesses.iter().map(|witness| witness.name.as_str()).collect();
        let elsewhere = config.outside.iter().map(|witness| witness.name.as_str()).collect();
        let inside = group(QUORUM, config.quorum, inside);
        let elsewhere = group(OUTSIDE, config.outside_quorum, elsewhere);
        let quorum = match (config.witnesses.is_empty(), config.outside.is_empty()) {
            (_, true) => vec![inside, format!("quorum {QUORUM}\n")],
            (true, false) => vec![elsewhere, format!("quorum {OUTSIDE}\n")],
            (false, false) => {
                let both = format!("group {BOTH} all {QUORUM} {OUTSIDE}\nquorum {BOTH}\n");
                vec![inside, elsewhere, both]
            }
        };
        let lines: Vec<_> = logs.chain(witnesses).chain(outside).chain(quorum).collect();
        let own = GenesisDomain {
            name: config.domain.clone(),
            root: Base64(self.authority.root_der.clone()),
            registrar: Base64(self.authority.certificate.as_der().to_vec()),
            roles: self.roles.clone(),
        };
        Genesis {
            name: config.name.clone(),
            logs: config.log_specs(),
            policy: lines.join("\n"),
            domains: std::iter::once(own).chain(self.others.iter().cloned()).collect(),
            tls: tls.into_iter().map(Base64).collect(),
        }
    }
}

impl LogKeys {
    fn open(files: &KeyFiles, log: LogName, origin: &str) -> Result<Self, KeysError> {
        let (path, scalar) = files.p256(&format!("log-{log}.p256"))?;
        let seed = files.secret(&format!("log-{log}.ed25519"))?;
        Ok(Self {
            checkpoint: [NoteSigner::p256(origin, &scalar)?, NoteSigner::ed25519(origin, &seed)?],
            receipt: SoftwareKey::from_bytes(&scalar[..]).map_err(|_| KeysError::Malformed(path))?,
        })
    }
}

impl Authority {
    pub(crate) fn open(files: &KeyFiles, domain: &str, now: UnixMillis) -> Result<Self, KeysError> {
        let has = |name: &str| files.directory.join(name).exists();
        let apart = has("root.crt") && !has("root.p256");
        let root = if apart { None } else { Some(files.software("root.p256")?) };
        let registrar = files.software("registrar.p256")?;
        let signer = || root.as_ref().ok_or_else(|| KeysError::Missing(files.directory.join("root.p256")));
        let period = Period {
            from: UnixMillis(now.0.saturating_sub(DAY_MILLIS)),
            until: UnixMillis(now.0 + ROOT_DAYS * DAY_MILLIS),
        };
        let root_der =
            files.keep("root.crt", || Ok(certificate::root(domain, signer()?, period, random()?)?))?;
        let certificate = files.keep("registrar.crt", || {
            let identity =
                Identity::new(domain, REGISTRAR, REGISTRAR).map_err(|_| CertificateError::Identity)?;
            let key = countersign_ledger::Signer::public_key(&registrar);
            Ok(certificate::issue(&identity, &key, signer()?, period, random()?)?.as_der().to_vec())
        })?;
        let damaged = |name: &str| KeysError::Malformed(files.directory.join(name));
        let root_key = certificate::root_key(&root_der).map_err(|_| damaged("root.crt"))?;
        let certificate = Certificate::from_der(&certificate).map_err(|_| damaged("registrar.crt"))?;
        // A key that was exchanged is told now, and not by whoever cannot verify what it signs.
        let root_pair = root.iter().map(|root| ("root.p256", root, &root_key));
        for (name, key, certified) in root_pair.chain([("registrar.p256", &registrar, certificate.key())]) {
            if countersign_ledger::Signer::public_key(key) != *certified {
                return Err(KeysError::Other(files.directory.join(name)));
            }
        }
        Ok(Self { root, root_der: root_der.to_vec(), registrar, certificate })
    }
}

/// A witness's key, once it is there. It is called by a URL without a scheme, as C2SP tlog-cosignature recommends.
pub(crate) fn cosigner(config: &Config, witness: &WitnessConfig) -> Result<Cosigner, KeysError> {
    let path = match &witness.seed {
        Some(path) => path.clone(),
        None => config.data.join("keys").join(format!("{}.seed", witness.name)),
    };
    let seed = read_secret(&path)?.ok_or(KeysError::Missing(path))?;
    Ok(Cosigner::new(&format!("{}/witness/{}", config.name, witness.name), &seed)?)
}

/// A role a line, then SHA-256 of these lines: nothing else would tell that a letter of them has changed.
fn roles(files: &KeyFiles, families: &Families) -> Result<Vec<String>, KeysError> {
    const NAME: &str = "roles.txt";
    let kept = files.keep(NAME, || {
        let lines: String = families.roles().iter().map(|role| format!("{role}\n")).collect();
        Ok(format!("{lines}{}\n", Hash::of(lines.as_bytes())).into_bytes())
    })?;
    let read = || {
        let text = std::str::from_utf8(&kept).ok()?.strip_suffix('\n')?;
        let (lines, sum) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
        let whole = sum.parse() == Ok(Hash::of(lines.as_bytes()));
        whole.then(|| lines.lines().map(str::to_owned).collect())
    };
    read().ok_or_else(|| KeysError::Malformed(files.directory.join(NAME)))
}

/// Bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeysError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeysError::Random)?;
    Ok(bytes)
}

/// The directory of secrets.
pub(crate) struct KeyFiles {
    directory: PathBuf,
    may_make: bool,
}

impl KeyFiles {
    pub(crate) fn open(data: &Path, may_make: bool) -> Result<Self, KeysError> {
        let directory = data.join("keys");
        if may_make {
            files::make_directory(&directory).map_err(|source| file_error(&directory, source))?;
        }
        Ok(Self { directory, may_make })
    }

    /// The content of `name`, made by `make` when it is not there and may be.
    pub(crate) fn keep(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, KeysError>,
    ) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let path = self.directory.join(name);
        // Certificates are for everybody.
        let is_public = path.extension().is_some_and(|extension| extension == "crt" || extension == "txt");
        let read = if is_public { read_file } else { read_private };
        match read(&path)? {
            Some(bytes) => Ok(bytes),
            None if self.may_make => {
                let bytes = Zeroizing::new(make()?);
                write_whole(&path, &bytes).map_err(|source| file_error(&path, source))?;
                Ok(bytes)
            }
            None => Err(KeysError::Missing(path)),
        }
    }

    /// 32 random bytes, in hexadecimal digits.
    pub(crate) fn secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, KeysError> {
        self.keep(name, || Ok(hex(&Zeroizing::new(random::<32>()?)).into_bytes()))?;
        let path = self.directory.join(name);
        read_secret(&path)?.ok_or(KeysError::Missing(path))
    }

    fn p256(&self, name: &str) -> Result<(PathBuf, Zeroizing<[u8; 32]>), KeysError> {
        // One number in 2^32 is no P-256 key; the next one is.
        self.keep(name, || {
            loop {
                let secret = Zeroizing::new(random::<32>()?);
                if SoftwareKey::from_bytes(&secret[..]).is_ok() {
                    return Ok(hex(&secret).into_bytes());
                }
            }
        })?;
        let path = self.directory.join(name);
        let secret = read_secret(&path)?.ok_or_else(|| KeysError::Missing(path.clone()))?;
        Ok((path, secret))
    }

    pub(crate) fn software(&self, name: &str) -> Result<SoftwareKey, KeysError> {
        let (path, _) = self.p256(name)?;
        read_key(&path)
    }
}

/// Reads a P-256 key.
pub(crate) fn read_key(path: &Path) -> Result<SoftwareKey, KeysError> {
    let secret = read_secret(path)?.ok_or_else(|| KeysError::Missing(path.to_owned()))?;
    SoftwareKey::from_bytes(&secret[..]).map_err(|_| KeysError::Malformed(path.to_owned()))
}

fn hex(secret: &[u8; 32]) -> String {
    Hash(*secret).to_string() + "\n"
}

/// Reads 64 hexadecimal digits; `None` when there is no such file.
fn read_secret(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, KeysError> {
    let Some(bytes) = read_private(path)? else { return Ok(None) };
    let secret = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok());
    let secret: Hash = secret.ok_or_else(|| KeysError::Malformed(path.to_owned()))?;
    Ok(Some(Zeroizing::new(secret.0)))
}

/// Reads a file that only its owner may read; `None` when there is no such file.
pub(crate) fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    let Some(bytes) = read_file(path)? else { return Ok(None) };
    if files::is_exposed(path).map_err(|source| file_error(path, source))? {
        return Err(KeysError::Exposed(path.to_owned()));
    }
    Ok(Some(bytes))
}

fn read_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    match files::read(path, MAX_FILE) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(path, source)),
    }
}

/// Writes a file so that after a crash it is there in whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = files::private().truncate(true).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

pub(crate) fn file_error(path: &Path, source: std::io::Error) -> KeysError {
    KeysError::File { path: path.to_owned(), source }
}
