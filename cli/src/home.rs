//! The folder of a command-line wallet: the genesis file, the vault, the snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use countersign_custody::Now;
use countersign_ledger::{Genesis, UnixMillis};
use countersign_wallet::{Client, Https, KeyStore, Snapshot, Vault, VaultError};
use zeroize::Zeroizing;

use crate::file;
use crate::output::warn;

/// Environment variable with the vault's passphrase, for scripts.
const PASSPHRASE: &str = "COUNTERSIGN_PASSPHRASE";

/// What a genesis file is.
pub const GENESIS: &str = "a ledger's genesis file, which `countersign node genesis` prints";
/// Largest genesis file.
pub const MAX_GENESIS: usize = 256 * 1024;
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
        let address = file::text(&self.0.join("node"), "the address of a node", MAX_ADDRESS)
            .context("this wallet has no node address: run `countersign init` again")?;
        Ok(Client::new(Https::new(address.trim(), &self.genesis()?)?))
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
fn chosen_passphrase() -> Result<Zeroizing<String>> {
    let chosen = passphrase("Choose a passphrase for the new vault, of eight characters or more: ")?;
    if chosen.chars().count() < 8 {
        bail!("the passphrase is too short: it needs eight characters or more");
    }
    if std::env::var_os(PASSPHRASE).is_none() && passphrase("The same again: ")? != chosen {
        bail!("the two passphrases differ: nothing was made, try again");
    }
    Ok(chosen)
}

fn passphrase(prompt: &str) -> Result<Zeroizing<String>> {
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
