//! The folder of a command-line wallet: the genesis file, the vault, the snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use countersign_custody::Now;
use countersign_ledger::{Genesis, Identity, UnixMillis};
use countersign_wallet::{
    AttributeAuthority, Client, DataLedgers, Https, KeyStore, RecordStore, Snapshot, Vault, VaultError,
};
use zeroize::Zeroizing;

use crate::file;
use crate::output::warn;

/// Environment variable with the vault's passphrase, for scripts.
const PASSPHRASE: &str = "COUNTERSIGN_PASSPHRASE";

/// What a genesis file is.
pub const GENESIS: &str = "a ledger's genesis file, which `countersign node genesis` prints";
/// Largest genesis file.
pub const MAX_GENESIS: usize = 256 * 1024;
/// What such a file is.
const ROOT: &str = "the root of a TLS certificate, in DER";
/// Largest root of a TLS certificate.
const MAX_ROOT: usize = 8192;
/// Names of the files that say which attribute authority a wallet uses.
const AUTHORITY: &str = "authority";
const AUTHORITY_ROOT: &str = "authority-root.crt";
/// Longest address of a node.
const MAX_ADDRESS: usize = 2048;

/// A wallet's folder.
pub struct Home(PathBuf);

impl Home {
    /// The given folder, or the default one.
    pub fn new(given: Option<&Path>) -> Result<Self> {
        if let Some(path) = given {
            return Ok(Self(path.to_owned()));
        }
        let user = std::env::home_dir().context("this user has no home folder: name a folder with --home")?;
        Ok(Self(user.join(".countersign")))
    }

    /// Creates a wallet that trusts `genesis` and uses the node at `address`.
    pub fn init(&self, genesis: &Genesis, address: &str) -> Result<()> {
        genesis.trust_anchors()?;
        Https::new(address, genesis)?;
        file::private_folder(&self.0)?;
        let path = self.0.join("genesis.json");
        if path.exists() && self.genesis()? != *genesis {
            bail!(
                "{} is already a wallet for another ledger: choose another folder with --home",
                self.0.display()
            );
        }
        fs::write(path, genesis.to_json())?;
        fs::write(self.0.join("node"), address)?;
        Ok(())
    }

    /// Whether there is a wallet.
    pub fn exists(&self) -> bool {
        self.0.join("genesis.json").exists()
    }

    /// The pinned genesis.
    pub fn genesis(&self) -> Result<Genesis> {
        let path = self.0.join("genesis.json");
        let json = file::read(&path, GENESIS, MAX_GENESIS).with_context(|| {
            format!(
                "{} is not a wallet yet: create one with `countersign init GENESIS --node URL`",
                self.0.display()
            )
        })?;
        Ok(Genesis::parse(&json)?)
    }

    /// A client of the wallet's node, over HTTPS.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::new(self.https()?))
    }

    fn https(&self) -> Result<Https> {
        Ok(Https::new(&self.node()?, &self.genesis()?)?)
    }

    /// The address of the wallet's node.
    pub fn node(&self) -> Result<String> {
        let address = file::text(&self.0.join("node"), "the address of a node", MAX_ADDRESS)
            .context("this wallet has no node address: run `countersign init` again")?;
        Ok(address.trim().to_owned())
    }

    /// The record store at the wallet's node.
    pub fn store(&self) -> Result<RecordStore> {
        Ok(RecordStore::new(self.https()?))
    }

    /// The ledgers of trust domains that this wallet has beside its own.
    pub fn domain_ledgers(&self) -> Result<DataLedgers> {
        Ok(DataLedgers::open(&self.0.join(DataLedgers::FOLDER), &self.genesis()?)?)
    }

    /// The attribute authority that this wallet uses, and its SPIFFE ID.
    pub fn authority(&self) -> Result<(AttributeAuthority, Identity)> {
        let kept = file::text(&self.0.join(AUTHORITY), "the address of an attribute authority", MAX_ADDRESS)
            .context(
                "this wallet has no attribute authority: say which with `countersign record authority URL`",
            )?;
        let mut lines = kept.lines();
        let (address, identity) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let root = self.0.join(AUTHORITY_ROOT);
        let root = if root.exists() { vec![file::read(&root, ROOT, MAX_ROOT)?] } else { vec![] };
        Ok((AttributeAuthority::new(Https::service(address, &root)?), Identity::parse(identity)?))
    }

    /// Uses the authority at this address from now on; it must answer. `root` is a file with the root of its TLS certificate.
    pub fn use_authority(&self, address: &str, root: Option<&Path>) -> Result<Identity> {
        // A wallet there must be.
        self.genesis()?;
        let root: Vec<_> =
            root.map(|root| file::read(root, ROOT, MAX_ROOT)).transpose()?.into_iter().collect();
        let identity = AttributeAuthority::new(Https::service(address, &root)?).identity()?;
        let kept = self.0.join(AUTHORITY_ROOT);
        match root.first() {
            Some(root) => fs::write(kept, root)?,
            None if kept.exists() => fs::remove_file(kept)?,
            None => {}
        }
        fs::write(self.0.join(AUTHORITY), format!("{address}\n{identity}\n"))?;
        Ok(identity)
    }

    /// The snapshot.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let snapshot = Snapshot::open(&self.0.join("snapshot.db"), &self.genesis()?)?;
        if let Some(damaged) = snapshot.replaced() {
            warn(format_args!(
                "the wallet's database was damaged, and is kept as {}; what could be read of it is in a new \
                 one: run `countersign sync`",
                damaged.display()
            ));
        }
        Ok(snapshot)
    }

    /// The vault, created if there is none.
    pub fn vault(&self) -> Result<Arc<dyn KeyStore>> {
        let path = self.0.join("vault");
        let vault = if path.exists() {
            Vault::open(&path, passphrase("Passphrase of the vault: ")?.as_bytes())?
        } else {
            let chosen = chosen_passphrase()?;
            match Vault::create(&path, chosen.as_bytes()) {
                Err(VaultError::Exists) => bail!("another command has just created a vault: try again"),
                made => made?,
            }
        };
        Ok(Arc::new(vault))
    }
}

/// A new passphrase, typed twice by a person: one that was mistyped would lock the key up for good.
pub fn chosen_passphrase() -> Result<Zeroizing<String>> {
    let chosen = passphrase("Choose a passphrase for the new vault, of eight characters or more: ")?;
    if chosen.chars().count() < 8 {
        bail!("the passphrase is too short: it needs eight characters or more");
    }
    if std::env::var_os(PASSPHRASE).is_none() && passphrase("The same again: ")? != chosen {
        bail!("the two passphrases differ: nothing was made, try again");
    }
    Ok(chosen)
}

/// A passphrase that is typed, or that the environment has.
pub fn passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    if let Ok(passphrase) = std::env::var(PASSPHRASE) {
        return Ok(Zeroizing::new(passphrase));
    }
    let typed = rpassword::prompt_password(prompt)
        .with_context(|| format!("no passphrase: type it at a terminal, or set {PASSPHRASE}"))?;
    Ok(Zeroizing::new(typed))
}

/// What this machine's clock shows.
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The current year, by which two-digit years are read.
pub fn year() -> u16 {
    Now::new(now()).year()
}
