//! A desk's key store: one file, AES-256-GCM (SP 800-38D) under a passphrase by Argon2id (RFC 9106).
//!
//! ```cddl
//! file = [header: bstr .cbor header, sum: bstr .size 32, nonce: bstr .size 12, sealed: bstr]
//! header = ["countersign vault 1", memory-kib: uint, passes: uint, lanes: uint, salt: bstr .size 16, check: bstr .size 32]
//! contents = { * name: tstr => [kind: uint, secret: bstr] }      ; sealed; the header is its associated data
//! ```
//!
//! `sum` is SHA-256 of the header, so that damage there is told from a wrong passphrase; `check` tells whether the
//! passphrase is the right one and is no better a target for guessing than `sealed` itself.
//!
//! The file is replaced as a whole: written beside, synchronised, renamed, and the directory synchronised. A crash leaves
//! the old one or the new one. Several processes may use one vault; each change is made to what the file holds at that
//! moment, under a lock.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_ledger::{Signer as _, SoftwareKey};
use zeroize::Zeroizing;

pub use self::file::Cost;
use self::file::{Contents, Seal};
use crate::key_store::{KeyStore, KeyStoreError};

/// Largest secret that is kept.
const MAX_SECRET: usize = 4096;
/// Longest name.
const MAX_NAME: usize = 128;

/// Why a vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is a file already.
    #[error("there is a vault already")]
    Exists,
    /// There is no file.
    #[error("there is no vault")]
    Missing,
    /// The disk failed.
    #[error("the vault's file: {0}")]
    Io(#[source] std::io::Error),
    /// Not a vault, or one that was changed or damaged.
    #[error("the vault's file was changed or damaged")]
    Tampered,
    /// The costs of deriving the key lie outside the bounds.
    #[error("the vault asks for more memory or time than is allowed")]
    Cost,
    /// Another passphrase sealed it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
}

impl From<std::io::Error> for VaultError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing,
            std::io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Io(error),
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Signing,
    Agreement,
    Secret,
}

struct Entry {
    kind: Kind,
    secret: Zeroizing<Vec<u8>>,
}

/// An open vault. Its passphrase is not kept, only the key derived from it; both keys and contents are erased when
/// dropped.
pub struct Vault {
    path: PathBuf,
    seal: Seal,
    contents: Mutex<Contents>,
}

impl Vault {
    /// Makes an empty vault in a new file.
    pub fn create(path: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        Self::create_at_cost(path, passphrase, Cost::RECOMMENDED)
    }

    /// Makes an empty vault that costs more or less to open than is recommended.
    pub fn create_at_cost(path: &Path, passphrase: &[u8], cost: Cost) -> Result<Self, VaultError> {
        let seal = Seal::new(passphrase, cost)?;
        let contents = Contents::default();
        file::create(path, &seal.close(&contents)?)?;
        Ok(Self { path: path.to_owned(), seal, contents: Mutex::new(contents) })
    }

    /// Opens a vault.
    pub fn open(path: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        let (seal, contents) = Seal::open(&file::read(path)?, passphrase)?;
        Ok(Self { path: path.to_owned(), seal, contents: Mutex::new(contents) })
    }

    /// Names of all keys and secrets.
    pub fn names(&self) -> Vec<String> {
        self.contents().0.keys().cloned().collect()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Nothing can panic while it is held; were it so, the contents are replaced whole or not at all.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret(&self, name: &str, kind: Kind) -> Result<Zeroizing<Vec<u8>>, KeyStoreError> {
        match self.contents().0.get(name) {
            Some(entry) if entry.kind == kind => Ok(entry.secret.clone()),
            _ => Err(KeyStoreError::Missing),
        }
    }

    /// Changes the contents on disk, then in memory.
    fn change<R>(&self, change: impl FnOnce(&mut BTreeMap<String, Entry>) -> R) -> Result<R, VaultError> {
        let _lock = file::lock(&self.path)?;
        let mut contents = self.seal.reopen(&file::read(&self.path)?)?;
        let result = change(&mut contents.0);
        file::replace(&self.path, &self.seal.close(&contents)?)?;
        *self.contents() = contents;
        Ok(result)
    }

    fn make(&self, name: String, kind: Kind) -> Result<Vec<u8>, KeyStoreError> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(KeyStoreError::Failed);
        }
        let fresh = fresh_key()?;
        let kept = self.change(|entries| {
            let secret = Zeroizing::new(fresh.to_bytes().to_vec());
            let entry = entries.entry(name).or_insert(Entry { kind, secret });
            (entry.kind == kind).then(|| entry.secret.clone())
        })?;
        public(&kept.ok_or(KeyStoreError::Failed)?)
    }
}

impl From<VaultError> for KeyStoreError {
    fn from(_: VaultError) -> Self {
        Self::Failed
    }
}

impl KeyStore for Vault {
    fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.make(name, Kind::Signing)
    }

    fn make_agreement_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.make(name, Kind::Agreement)
    }

    fn public_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        let secret = self.secret(&name, Kind::Signing).or_else(|_| self.secret(&name, Kind::Agreement))?;
        public(&secret)
    }

    fn sign(&self, name: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        let key = SoftwareKey::from_bytes(&self.secret(&name, Kind::Signing)?)
            .map_err(|_| KeyStoreError::Failed)?;
        let signature = key.sign(&message).map_err(|_| KeyStoreError::Failed)?;
        Ok(signature.as_bytes().to_vec())
    }

    fn agree(&self, name: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        let secret = self.secret(&name, Kind::Agreement)?;
        let secret = p256::SecretKey::from_slice(&secret).map_err(|_| KeyStoreError::Failed)?;
        let peer = p256::PublicKey::from_sec1_bytes(&peer).map_err(|_| KeyStoreError::Failed)?;
        let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
        Ok(shared.raw_secret_bytes().to_vec())
    }

    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Result<(), KeyStoreError> {
        let secret = Zeroizing::new(secret);
        if name.is_empty() || name.len() > MAX_NAME || secret.len() > MAX_SECRET {
            return Err(KeyStoreError::Failed);
        }
        let kept = self.change(|entries| match entries.get(&name) {
            Some(entry) if entry.kind != Kind::Secret => false,
            _ => {
                entries.insert(name, Entry { kind: Kind::Secret, secret });
                true
            }
        })?;
        if kept { Ok(()) } else { Err(KeyStoreError::Failed) }
    }

    fn recall_secret(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.secret(&name, Kind::Secret).map(|secret| secret.to_vec())
    }

    fn delete(&self, name: String) -> Result<(), KeyStoreError> {
        if !self.contents().0.contains_key(&name) {
            return Ok(());
        }
        Ok(self.change(|entries| drop(entries.remove(&name)))?)
    }

    fn delete_all(&self) -> Result<(), KeyStoreError> {
        Ok(self.change(BTreeMap::clear)?)
    }
}

fn fresh_key() -> Result<SoftwareKey, VaultError> {
    let mut secret = Zeroizing::new([0; 32]);
    loop {
        getrandom::fill(&mut *secret).map_err(|_| VaultError::Random)?;
        // One number in 2^32 is zero or beyond the group's order.
        if let Ok(key) = SoftwareKey::from_bytes(&*secret) {
            return Ok(key);
        }
    }
}

fn public(secret: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
    let key = SoftwareKey::from_bytes(secret).map_err(|_| KeyStoreError::Failed)?;
    Ok(key.public_key().as_sec1().to_vec())
}

#[cfg(test)]
mod tests;
