//! The vault's file: sealing, opening, and replacing it so that a crash loses nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use countersign_ledger::Hash;
use countersign_ledger::cbor::{encode, encode_into};
use minicbor::Decoder;
use zeroize::Zeroizing;

use super::{Entry, Kind, VaultError};

const MAGIC: &str = "countersign vault 1";
/// Largest file: some hundred keys and small secrets.
const MAX_FILE: u64 = 1 << 20;
/// Longest passphrase.
const MAX_PASSPHRASE: usize = 4096;

/// What it costs to derive the key from a passphrase (RFC 9106 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// The second recommended option of RFC 9106 section 4: 64 MiB, three passes, four lanes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// What a file may ask for at most, four times the recommended memory: one that was planted, or changed where a backup
    /// lay, is refused before any of it is spent, and cannot exhaust the machine.
    pub const MOST: Self = Self { memory_kib: 256 * 1024, passes: 16, lanes: 16 };

    fn check(self) -> Result<Self, VaultError> {
        let within = (1..=Self::MOST.passes).contains(&self.passes)
            && (1..=Self::MOST.lanes).contains(&self.lanes)
            && (8 * self.lanes..=Self::MOST.memory_kib).contains(&self.memory_kib);
        if within { Ok(self) } else { Err(VaultError::Cost) }
    }
}

/// Names and what they stand for.
#[derive(Default)]
pub(super) struct Contents(pub(super) BTreeMap<String, Entry>);

/// The key derived from the passphrase, and the header that says how.
pub(super) struct Seal {
    header: Vec<u8>,
    key: Zeroizing<[u8; 32]>,
}

impl Seal {
    /// Derives a key for a new vault.
    pub(super) fn new(passphrase: &[u8], cost: Cost) -> Result<Self, VaultError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| VaultError::Random)?;
        let (key, check) = derive(passphrase, &salt, cost.check()?)?;
        let header = encode(|e| {
            e.array(6)?.str(MAGIC)?.u32(cost.memory_kib)?.u32(cost.passes)?.u32(cost.lanes)?;
            e.bytes(&salt)?.bytes(check.as_bytes())?.ok()
        });
        Ok(Self { header, key })
    }

    /// Derives the key of an existing vault and opens it.
    pub(super) fn open(file: &[u8], passphrase: &[u8]) -> Result<(Self, Contents), VaultError> {
        let parts = Parts::read(file).ok_or(VaultError::Tampered)?;
        let (cost, salt, check) = header(parts.header).ok_or(VaultError::Tampered)?;
        let (key, expected) = derive(passphrase, &salt, cost.check()?)?;
        if check != expected {
            return Err(VaultError::WrongPassphrase);
        }
        let seal = Self { header: parts.header.to_vec(), key };
        let contents = seal.reopen(file)?;
        Ok((seal, contents))
    }

    /// Opens what this seal has closed.
    pub(super) fn reopen(&self, file: &[u8]) -> Result<Contents, VaultError> {
        let parts =
            Parts::read(file).filter(|parts| parts.header == self.header).ok_or(VaultError::Tampered)?;
        let payload = Payload { msg: parts.sealed, aad: parts.header };
        let plain =
            self.cipher().decrypt(&Nonce::from(parts.nonce), payload).map_err(|_| VaultError::Tampered)?;
        Contents::read(&Zeroizing::new(plain)).ok_or(VaultError::Tampered)
    }

    /// The file for these contents.
    pub(super) fn close(&self, contents: &Contents) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let plain = contents.write();
        let payload = Payload { msg: &plain, aad: &self.header };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::Tampered)?;
        Ok(encode(|e| {
            e.array(4)?.bytes(&self.header)?.bytes(Hash::of(&self.header).as_bytes())?;
            e.bytes(&nonce)?.bytes(&sealed)?.ok()
        }))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.key).into())
    }
}

fn derive(passphrase: &[u8], salt: &[u8], cost: Cost) -> Result<(Zeroizing<[u8; 32]>, Hash), VaultError> {
    if passphrase.len() > MAX_PASSPHRASE {
        return Err(VaultError::WrongPassphrase);
    }
    let mut derived = Zeroizing::new([0; 64]);
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(64)).map_err(|_| VaultError::Cost)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, &mut *derived)
        .map_err(|_| VaultError::Cost)?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&derived[..32]);
    Ok((key, Hash::framed("countersign/vault/check/v1", &[&derived[32..]])))
}

struct Parts<'a> {
    header: &'a [u8],
    nonce: [u8; 12],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The parts of a file whose header is whole.
    fn read(file: &'a [u8]) -> Option<Self> {
        let mut d = Decoder::new(file);
        let shape = d.array().ok()? == Some(4);
        let (header, sum) = (d.bytes().ok()?, d.bytes().ok()?);
        let (nonce, sealed) = (d.bytes().ok()?.try_into().ok()?, d.bytes().ok()?);
        let whole = shape && d.position() == file.len() && Hash::of(header).as_bytes()[..] == *sum;
        whole.then_some(Self { header, nonce, sealed })
    }
}

fn header(bytes: &[u8]) -> Option<(Cost, [u8; 16], Hash)> {
    let mut d = Decoder::new(bytes);
    let shape = d.array().ok()? == Some(6) && d.str().ok()? == MAGIC;
    let cost = Cost { memory_kib: d.u32().ok()?, passes: d.u32().ok()?, lanes: d.u32().ok()? };
    let (salt, check) = (d.bytes().ok()?.try_into().ok()?, Hash::from_slice(d.bytes().ok()?)?);
    (shape && d.position() == bytes.len()).then_some((cost, salt, check))
}

impl Contents {
    fn read(plain: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(plain);
        let mut contents = Self::default();
        for _ in 0..d.map().ok()?? {
            let name = d.str().ok()?.to_owned();
            let shape = d.array().ok()? == Some(2);
            let kind = match d.u8().ok().filter(|_| shape)? {
                0 => Kind::Signing,
                1 => Kind::Agreement,
                2 => Kind::Secret,
                _ => return None,
            };
            contents.0.insert(name, Entry { kind, secret: Zeroizing::new(d.bytes().ok()?.to_vec()) });
        }
        (d.position() == plain.len()).then_some(contents)
    }

    fn write(&self) -> Zeroizing<Vec<u8>> {
        // Enough room from the start: a buffer that grows leaves unerased copies behind.
        let room =
            self.0.iter().map(|(name, entry)| name.len() + entry.secret.len() + 24).sum::<usize>() + 16;
        let mut plain = Zeroizing::new(Vec::with_capacity(room));
        *plain = encode_into(std::mem::take(&mut *plain), |e| {
            e.map(self.0.len() as u64)?;
            self.0.iter().try_for_each(|(name, entry)| {
                e.str(name)?.array(2)?.u8(entry.kind as u8)?.bytes(&entry.secret)?.ok()
            })
        });
        plain
    }
}

/// Reads the file, bounded.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, VaultError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE { Err(VaultError::Tampered) } else { Ok(bytes) }
}

/// Writes a new file, durably; there must be none.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let _lock = lock(path)?;
    if path.try_exists()? {
        return Err(VaultError::Exists);
    }
    replace(path, bytes)
}

/// Replaces the file as a whole. Held under [`lock`], so that the name beside it is ours alone.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let beside = with_suffix(path, ".new");
    // What a crash left there was never the vault.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // The commit point: before it the old file stands whole, after it the new one.
    fs::rename(&beside, path)?;
    sync_directory(path)?;
    Ok(())
}

/// Keeps other processes from changing the vault until the result is dropped.
pub(super) fn lock(path: &Path) -> Result<File, VaultError> {
    let beside = with_suffix(path, ".lock");
    let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(beside)?;
    file.lock()?;
    Ok(file)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Readable and writable by the owner alone, where the system can say so.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    // Only Unix lets a directory be opened and synchronised; elsewhere the rename itself is journalled.
    if cfg!(unix) {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
