//! The ledgers of the domains whose data is looked at, each with a snapshot of its own, in a folder beside the wallet.
//!
//! ```text
//! <folder>/<domain, as a digest>/register     address LF genesis
//!                               /data.db      the snapshot
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_domains::{DATA, domain_id};
use countersign_ledger::{Certificate, Genesis, Held};

use super::PATIENCE;
use super::error::DomainsError;
use crate::client::{Client, Https};
use crate::issuer::Issuer;
use crate::key_store::KeyStore;
use crate::register::Register;
use crate::snapshot::Snapshot;

const REGISTER: &str = "register";
const DATABASE: &str = "data.db";

/// A domain's own ledger.
pub struct DataLedger {
    domain: String,
    register: Register,
    snapshot: Snapshot,
}

/// The data ledgers that were added.
pub struct DataLedgers {
    folder: PathBuf,
    shared: Genesis,
    ledgers: Vec<DataLedger>,
}

impl DataLedgers {
    /// What the folder is called in which a wallet keeps them, beside its database.
    pub const FOLDER: &str = "domains";

    /// Those in a folder, which is made if it is not there. `shared` is what is pinned of the shared ledger.
    pub fn open(folder: &Path, shared: &Genesis) -> Result<Self, DomainsError> {
        fs::create_dir_all(folder)?;
        let mut ledgers = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // A folder without a register is one that was being added or removed.
            let Ok(message) = fs::read(path.join(REGISTER)) else { continue };
            let register = Register::parse(&message).map_err(|_| DomainsError::Kept)?;
            ledgers.push(DataLedger::open(&path, register, shared)?);
        }
        ledgers.sort_by(|one, other| one.domain.cmp(&other.domain));
        Ok(Self { folder: folder.to_owned(), shared: shared.clone(), ledgers })
    }

    /// Adds a domain's ledger, or takes its new address.
    pub fn add(&mut self, register: &Register) -> Result<&mut DataLedger, DomainsError> {
        let domain = served(&register.genesis, &self.shared)?;
        let path = self.folder.join(domain_id(&domain).to_string());
        let at = self.ledgers.iter().position(|ledger| ledger.domain == domain);
        if let Some(at) = at {
            let ledger = &mut self.ledgers[at];
            if ledger.register.genesis != register.genesis {
                return Err(DomainsError::OtherLedger);
            }
            write(&path, register)?;
            ledger.register = register.clone();
            return Ok(ledger);
        }
        fs::create_dir_all(&path)?;
        write(&path, register)?;
        let ledger = DataLedger::open(&path, register.clone(), &self.shared)?;
        let at = self.ledgers.partition_point(|other| other.domain < domain);
        self.ledgers.insert(at, ledger);
        Ok(&mut self.ledgers[at])
    }

    /// Forgets a domain's ledger, and what is held of it.
    pub fn remove(&mut self, domain: &str) -> Result<(), DomainsError> {
        let path = self.folder.join(domain_id(domain).to_string());
        self.ledgers.retain(|ledger| ledger.domain != domain);
        if path.exists() {
            // First what makes it one.
            fs::remove_file(path.join(REGISTER))?;
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }

    /// The ledger of a domain.
    pub fn get(&mut self, domain: &str) -> Option<&mut DataLedger> {
        self.ledgers.iter_mut().find(|ledger| ledger.domain == domain)
    }

    /// All of them, by the names of their domains.
    pub fn iter(&self) -> impl Iterator<Item = &DataLedger> {
        self.ledgers.iter()
    }

    /// All of them, by the names of their domains.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut DataLedger> {
        self.ledgers.iter_mut()
    }

    /// Brings each up to date, and tells of each how that went: one that cannot be reached keeps no other from it. The shared
    /// ledger is to be synced afterwards, since these name what they had seen of it.
    pub fn sync(&mut self) -> Vec<(String, Result<(), DomainsError>)> {
        let synced = self.ledgers.iter_mut().map(|ledger| (ledger.domain.clone(), ledger.sync()));
        synced.collect()
    }
}

impl DataLedger {
    fn open(path: &Path, register: Register, shared: &Genesis) -> Result<Self, DomainsError> {
        let domain = served(&register.genesis, shared)?;
        let snapshot = Snapshot::open(&path.join(DATABASE), &register.genesis)?;
        Ok(Self { domain, register, snapshot })
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Its genesis and address.
    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// What is held of it.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What is held of it, to be synced.
    pub const fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Its node.
    pub fn client(&self) -> Result<Client, DomainsError> {
        Ok(Client::new(Https::new(&self.register.node, &self.register.genesis)?))
    }

    /// Brings it up to date.
    pub fn sync(&mut self) -> Result<(), DomainsError> {
        let client = self.client()?;
        Ok(self.snapshot.sync(&client, PATIENCE)?)
    }

    /// Has the key `key` certified by a one-time code of the domain's registrar. The certificate then counts on the shared ledger
    /// as well, once it was adopted and introduced there.
    pub fn enrol(
        &mut self,
        keys: &Arc<dyn KeyStore>,
        key: &str,
        code: &str,
    ) -> Result<Certificate, DomainsError> {
        let client = self.client()?;
        Ok(Issuer::new(&mut self.snapshot, &client, Arc::clone(keys)).enrol(key, code)?)
    }
}

/// The domain whose data a ledger has, if the shared ledger knows it by the same root.
fn served(genesis: &Genesis, shared: &Genesis) -> Result<String, DomainsError> {
    let log = genesis.log(DATA).filter(|log| log.held == Held::Whole);
    let domain = log.and_then(|log| log.domain.clone()).ok_or(DomainsError::NotADataLedger)?;
    let mut own = genesis.domains.iter().filter(|one| one.name == domain);
    let known = |root| shared.domains.iter().any(|one| one.name == domain && one.root == root);
    if own.any(|one| known(one.root.clone())) { Ok(domain) } else { Err(DomainsError::OtherRoot) }
}

/// Whole, or not at all.
fn write(path: &Path, register: &Register) -> Result<(), DomainsError> {
    let making = path.join("register-new");
    fs::write(&making, register.message())?;
    Ok(fs::rename(making, path.join(REGISTER))?)
}
