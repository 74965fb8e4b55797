//! Credentials at bedside gateways: behind a password, and what is left of them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use countersign_bedside::Badge;
use countersign_device::{Credential, Key};
use countersign_ledger::{Identity, UnixMillis};
use countersign_node::{Config, Node};
use countersign_wallet::{
    BadgeError, Badges, BedsideDevices, Cost, Keeping, KeyStore, KeyStoreError, Snapshot, Standing, TRIES,
    Vault,
};

const GATEWAY: &str = "spiffe://meds.example/bedside-gateway/north";
/// What is tested is not how long a password is guessed.
const COST: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

/// A key store that can be killed before it keeps something.
struct Keys {
    vault: Vault,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl KeyStore for Keys {
    fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.make_signing_key(name)
    }
    fn make_agreement_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.make_agreement_key(name)
    }
    fn public_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.public_key(name)
    }
    fn sign(&self, name: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.sign(name, message)
    }
    fn agree(&self, name: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.agree(name, peer)
    }
    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Result<(), KeyStoreError> {
        self.kept.lock().unwrap().push(secret.clone());
        self.vault.keep_secret(name, secret)
    }
    fn recall_secret(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
        self.vault.recall_secret(name)
    }
    fn delete(&self, name: String) -> Result<(), KeyStoreError> {
        self.vault.delete(name)
    }
    fn delete_all(&self) -> Result<(), KeyStoreError> {
        self.vault.delete_all()
    }
}

struct Tablet {
    folder: tempfile::TempDir,
    snapshot: Snapshot,
    keys: Arc<Keys>,
}

impl Tablet {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let genesis = Node::open(Config::development(folder.path().join("node"))).unwrap().genesis().clone();
        let snapshot = Snapshot::open(&folder.path().join("wallet.db"), &genesis).unwrap();
        let vault =
            Vault::create_at_cost(&folder.path().join("vault"), b"the vault's passphrase", COST).unwrap();
        Self { folder, snapshot, keys: Arc::new(Keys { vault, kept: Mutex::default() }) }
    }

    fn badges(&mut self) -> Badges<'_> {
        let keys: Arc<dyn KeyStore> = Arc::<Keys>::clone(&self.keys);
        Badges::new(&mut self.snapshot, keys).at_cost(COST)
    }

    fn open(&mut self, password: &str) -> Result<Credential, BadgeError> {
        self.badges().open(GATEWAY, password).map(|(credential, address)| {
            assert_eq!(address, "gateway.example:8446");
            credential
        })
    }

    /// Whether bytes are in a file of the wallet's.
    fn has(&self, bytes: &[u8]) -> bool {
        ["wallet.db", "wallet.db-wal"].iter().any(|name| {
            let path: &Path = &self.folder.path().join(name);
            std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|window| window == bytes))
        })
    }
}

fn badge() -> Badge {
    let secret = Key::new(std::array::from_fn(|at| u8::try_from(at * 5 % 251).unwrap() ^ 0x5a));
    let cred = std::array::from_fn(|at| u8::try_from(at * 7).unwrap() ^ 0xa5);
    let credential = Credential { id: [1; 16], cred, epoch: 1, role: 2, secret };
    Badge { credential, gateway: Identity::parse(GATEWAY).unwrap(), address: "gateway.example:8446".into() }
}

#[test]
fn a_password_opens_the_credential_and_the_fifth_wrong_one_deletes_it() {
    let mut tablet = Tablet::new();
    let secret = *badge().credential.secret.as_bytes();
    tablet.badges().keep(&badge(), "246810", Keeping::Counted).unwrap();
    assert_eq!(tablet.open("246810").unwrap(), badge().credential);
    assert!(!tablet.has(&secret), "the wallet's files do not have it");
    for left in (1..TRIES).rev() {
        let wrong = tablet.open("111111");
        assert!(
            matches!(wrong, Err(BadgeError::WrongPassword { left: Some(told) }) if told == left),
            "{left}"
        );
    }
    // One that is right begins the count anew.
    assert!(tablet.open("246810").is_ok());
    for _ in 1..TRIES {
        assert!(matches!(tablet.open("111111"), Err(BadgeError::WrongPassword { .. })));
    }
    assert!(matches!(tablet.open("111111"), Err(BadgeError::None)));
    assert!(matches!(tablet.open("246810"), Err(BadgeError::None)), "gone, for the right one too");
    assert!(tablet.badges().gateways().unwrap().is_empty());
    let gone = tablet.keys.recall_secret(format!("bedside:{GATEWAY}"));
    assert_eq!(gone, Err(KeyStoreError::Missing));
}

#[test]
fn a_try_is_counted_before_it_is_made() {
    let mut tablet = Tablet::new();
    tablet.badges().keep(&badge(), "246810", Keeping::Counted).unwrap();
    tablet.keys.kept.lock().unwrap().clear();
    tablet.open("246810").unwrap();
    let counts: Vec<_> = tablet.keys.kept.lock().unwrap().iter().map(|secret| secret[32]).collect();
    assert_eq!(counts, [TRIES - 1, TRIES]);
}

#[test]
fn a_new_password_opens_the_same_credential_and_the_old_one_nothing() {
    for keeping in [Keeping::Counted, Keeping::Masked] {
        let mut tablet = Tablet::new();
        tablet.badges().keep(&badge(), "246810", keeping).unwrap();
        let short = tablet.badges().change_password(GATEWAY, "246810", "12345");
        assert!(matches!(short, Err(BadgeError::Password)));
        tablet.badges().change_password(GATEWAY, "246810", "a new one").unwrap();
        assert_eq!(tablet.open("a new one").unwrap(), badge().credential);
        // A masked one opens to something else for one wrong password of 256.
        assert_ne!(tablet.open("246810").ok(), Some(badge().credential));
    }
}

#[test]
fn a_masked_credential_does_not_tell_which_password_is_right() {
    let mut tablet = Tablet::new();
    tablet.badges().keep(&badge(), "246810", Keeping::Masked).unwrap();
    let (mut opened, mut wrong) = (0, 0);
    for number in 100_000..101_500 {
        match tablet.open(&number.to_string()) {
            Ok(credential) => {
                assert_ne!(credential, badge().credential);
                opened += 1;
            }
            Err(BadgeError::WrongPassword { left: None }) => wrong += 1,
            Err(other) => panic!("{other}"),
        }
    }
    // About six: a thief is left with as many of 1,500 that only the gateway tells apart.
    assert!((1..=25).contains(&opened) && opened + wrong == 1_500, "{opened}");
    assert_eq!(tablet.open("246810").unwrap(), badge().credential, "and nothing is deleted");
}

#[test]
fn the_database_without_the_key_store_opens_nothing_and_forgetting_leaves_nothing() {
    let mut tablet = Tablet::new();
    tablet.badges().keep(&badge(), "246810", Keeping::Counted).unwrap();
    tablet.keys.delete(format!("bedside:{GATEWAY}")).unwrap();
    assert!(matches!(tablet.open("246810"), Err(BadgeError::None)));
    tablet.badges().keep(&badge(), "246810", Keeping::Counted).unwrap();
    assert_eq!(tablet.badges().gateways().unwrap(), [GATEWAY]);
    tablet.badges().forget(GATEWAY).unwrap();
    assert!(matches!(tablet.open("246810"), Err(BadgeError::None)));
}

#[test]
fn a_badge_that_the_ledger_has_not_told_of_is_neither_good_nor_over() {
    let mut tablet = Tablet::new();
    tablet.badges().keep(&badge(), "246810", Keeping::Masked).unwrap();
    let standings = tablet.badges().standings(UnixMillis(u64::MAX)).unwrap();
    assert_eq!(standings, [(GATEWAY.to_owned(), Standing::Unknown)]);
    let secret = *badge().credential.secret.as_bytes();
    assert!(!tablet.has(&secret), "the wallet's files do not have its secret");
}

#[test]
fn the_latest_few_devices_are_remembered() {
    let mut tablet = Tablet::new();
    let mut devices = BedsideDevices(&mut tablet.snapshot);
    for number in 0..20 {
        devices.meet(&[number; 16], UnixMillis(number.into())).unwrap();
    }
    devices.meet(&[15; 16], UnixMillis(99)).unwrap();
    let met: Vec<u8> = devices.met().unwrap().iter().map(|(sid, _)| sid[0]).collect();
    assert_eq!((met.len(), &met[..3]), (12, &[15, 19, 18][..]));
    assert!(devices.registered(&[15; 16]).unwrap().is_none(), "the ledger has nothing of it");
}
