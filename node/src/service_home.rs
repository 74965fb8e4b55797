//! Where a service lives that is enrolled in the ledger as members are, in a process of its own: an attribute authority, a bedside
//! gateway.
//!
//! ```text
//! data/keys/vault    its keys and secrets, sealed by a passphrase, for its owner alone
//! data/wallet.db     what it knows of the ledger, proven
//! ```
//!
//! Nothing of a node's is in it: whoever has one of them does not have both.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_ledger::{Certificate, Genesis, GenesisError};
use countersign_wallet::{
    ActError, Client, Cost, Https, HttpsError, Issuer, KeyStore, KeyStoreError, Snapshot, Vault, VaultError,
};
use zeroize::Zeroizing;

use crate::files;
use crate::keys::{KeysError, random};
use crate::node::{OpenError, lock};
use crate::registrar::DATABASE;
use crate::store::StoreError;

const VAULT: &str = "vault";
const WALLET: &str = "wallet.db";
/// Largest genesis file.
const MAX_GENESIS: u64 = 256 * 1024;
/// For a request to the node, while others wait.
const WHOLE: Duration = Duration::from_secs(10);

/// Why a service's home could not be begun or opened.
#[derive(Debug, thiserror::Error)]
pub enum ServiceHomeError {
    /// Its data directory or keys cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A node lives in the data directory: whoever has one of them has both.
    #[error("{0} is the data directory of a node: this service needs one of its own")]
    NodeThere(PathBuf),
    /// The vault cannot be used.
    #[error("{path}: {source}")]
    Vault {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: VaultError,
    },
    /// The vault lacks a key, or did not take one.
    #[error("the vault: {0}")]
    KeyStore(#[from] KeyStoreError),
    /// It was not begun.
    #[error("this service has not begun: `countersign {0} init CODE`")]
    NotBegun(&'static str),
    /// The genesis file cannot be read.
    #[error("the genesis file {path}: {source}")]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The genesis is not valid.
    #[error(transparent)]
    Trust(#[from] GenesisError),
    /// The node's address is none.
    #[error(transparent)]
    Node(#[from] HttpsError),
    /// The wallet's database cannot be used.
    #[error(transparent)]
    Wallet(#[from] countersign_wallet::OpenError),
    /// The node did not certify it.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The code was for another role.
    #[error(
        "the code was for the role `{given}`, and this service has the role `{own}`: ask the registrar for another"
    )]
    Role {
        /// The role that the code was for.
        given: String,
        /// The role that the service has.
        own: &'static str,
    },
}

impl From<KeysError> for ServiceHomeError {
    fn from(error: KeysError) -> Self {
        Self::Open(error.into())
    }
}

impl From<StoreError> for ServiceHomeError {
    fn from(error: StoreError) -> Self {
        Self::Open(error.into())
    }
}

/// The home of a service.
pub(crate) struct ServiceHome<'a> {
    /// Its data directory.
    pub(crate) data: &'a Path,
    /// The node's address.
    pub(crate) node: &'a str,
    /// The genesis file.
    pub(crate) genesis: &'a Path,
    /// Its command.
    pub(crate) command: &'static str,
    /// The role that it is enrolled in.
    pub(crate) role: &'static str,
    /// The name of the key that it is enrolled with.
    pub(crate) key: &'static str,
}

impl ServiceHome<'_> {
    /// Takes the data directory for this process.
    pub(crate) fn claim(&self) -> Result<File, ServiceHomeError> {
        if self.data.join(DATABASE).exists() {
            return Err(ServiceHomeError::NodeThere(self.data.to_owned()));
        }
        Ok(lock(self.data)?)
    }

    /// The vault, which is made if it is not there.
    pub(crate) fn begin(&self, passphrase: &[u8], cost: Cost) -> Result<Arc<dyn KeyStore>, ServiceHomeError> {
        files::make_directory(&self.data.join("keys")).map_err(StoreError::File)?;
        let path = self.vault();
        if !path.exists() {
            Vault::create_at_cost(&path, passphrase, cost)
                .map_err(|source| ServiceHomeError::Vault { path, source })?;
        }
        self.open(passphrase)
    }

    /// The vault of a service that has begun.
    pub(crate) fn open(&self, passphrase: &[u8]) -> Result<Arc<dyn KeyStore>, ServiceHomeError> {
        let path = self.vault();
        if !path.exists() {
            return Err(ServiceHomeError::NotBegun(self.command));
        }
        let exposed =
            files::is_exposed(&path).map_err(|source| OpenError::Directory { path: path.clone(), source })?;
        if exposed {
            return Err(KeysError::Exposed(path).into());
        }
        let vault = Vault::open(&path, passphrase);
        Ok(Arc::new(vault.map_err(|source| ServiceHomeError::Vault { path, source })?))
    }

    /// What the service knows of the ledger.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, ServiceHomeError> {
        let path = self.genesis;
        let failed = |source| ServiceHomeError::Genesis { path: path.to_owned(), source };
        let genesis = Genesis::parse(&files::read(path, MAX_GENESIS).map_err(failed)?)?;
        Ok(Snapshot::open(&self.data.join(WALLET), &genesis)?)
    }

    /// A way to the node.
    pub(crate) fn client(&self, genesis: &Genesis) -> Result<Client, ServiceHomeError> {
        Ok(Client::new(Https::within(self.node, genesis, WHOLE)?))
    }

    /// Has the service's key certified by a one-time code of the registrar's.
    pub(crate) fn enrol(&self, mut issuer: Issuer<'_>, code: &str) -> Result<Certificate, ServiceHomeError> {
        issuer.enrol_in(self.role, self.key, code).map_err(|error| match error {
            ActError::OtherRole(given) => ServiceHomeError::Role { given, own: self.role },
            error => error.into(),
        })
    }

    /// The certificate that it is enrolled with.
    pub(crate) fn certificate(&self, issuer: &Issuer<'_>) -> Result<Certificate, ServiceHomeError> {
        issuer.certificate(self.key).map_err(|error| match error {
            ActError::NotEnrolled => ServiceHomeError::NotBegun(self.command),
            error => error.into(),
        })
    }

    fn vault(&self) -> PathBuf {
        self.data.join("keys").join(VAULT)
    }
}

/// A secret in a vault, which is made of random bytes if it is not there.
pub(crate) fn begin_secret(
    keys: &dyn KeyStore,
    name: &str,
    make: impl FnOnce(Zeroizing<[u8; 32]>) -> Zeroizing<Vec<u8>>,
) -> Result<(), ServiceHomeError> {
    match keys.recall_secret(name.to_owned()).map(Zeroizing::new) {
        Ok(_) => Ok(()),
        Err(KeyStoreError::Missing) => {
            Ok(keys.keep_secret(name.to_owned(), make(Zeroizing::new(random()?)).to_vec())?)
        }
        Err(error) => Err(error.into()),
    }
}
