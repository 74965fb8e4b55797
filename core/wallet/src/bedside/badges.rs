//! Credentials at gateways, each behind a password.
//!
//! The password is stretched by Argon2id (RFC 9106's second recommended option: 64 MiB, three passes, four lanes; half a second of a
//! phone, once a shift), and mixed with 32 random bytes that the key store has. The wrapped credential lies in the wallet's
//! database: who has a copy of that alone has nothing, and neither has who knows the password alone.
//!
//! - [`Keeping::Counted`]: the key store is hardware that nobody puts back to an earlier state. Beside the random bytes it has how
//!   many tries are left, one less *before* each try; after the fifth in vain both are deleted, and the credential is gone.
//! - [`Keeping::Masked`]: for a store that is a file, and can be copied and put back. A count there would count nothing, so the
//!   bytes must not tell whether a password is right: one wrong password of 256 passes here, and only the gateway, which makes wrong
//!   proofs wait, tells it from the right one.
//!
//! A new password wraps the same credential anew. The gateway is not asked, and does not learn of it.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use countersign_bedside::{Badge, CredentialRow, Status, credential};
use countersign_device::{Credential, Key, SEALED, wrapping_key};
use countersign_ledger::{LogName, Subject, UnixMillis};
use zeroize::Zeroizing;

use crate::key_store::{KeyStore, KeyStoreError};
use crate::snapshot::{Snapshot, SnapshotDamaged};
use crate::store::{self, StoreError, Wrapped};
use crate::vault::Cost;

/// How often a password may be tried.
pub const TRIES: u8 = 5;
/// Shortest password, in characters: six digits and five tries are one chance in 200,000.
pub const MIN_PASSWORD: usize = 6;
/// Longest password, in bytes.
const MAX_PASSWORD: usize = 1_024;

/// How a credential is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Sealed; the key store counts tries.
    Counted,
    /// Masked; the gateway counts them.
    Masked,
}

/// How far a credential is good, by what this wallet has of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The ledger has no row of it yet, as far as is known here.
    Unknown,
    /// It is good, with what the row permits, until its end.
    Good(CredentialRow),
    /// Its shift is over, since this moment.
    Over(UnixMillis),
    /// It was taken back, or its holder's certificate was.
    Ended,
}

/// Why a credential is not kept, or not opened.
#[derive(Debug, thiserror::Error)]
pub enum BadgeError {
    /// The password is wrong.
    #[error("a wrong password")]
    WrongPassword {
        /// How many tries are left, where they are counted.
        left: Option<u8>,
    },
    /// There is none: it was never taken up, was tried too often, or its gateway ended it.
    #[error("no credential for this gateway: ask for one")]
    None,
    /// The new password is too short or too long.
    #[error("a password has at least {MIN_PASSWORD} characters")]
    Password,
    /// The key store failed.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// The wallet's database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
    /// What is stored of the ledger is damaged: the next sync mends it.
    #[error(transparent)]
    Damaged(#[from] SnapshotDamaged),
}

/// The credentials of a wallet.
pub struct Badges<'a> {
    snapshot: &'a mut Snapshot,
    keys: Arc<dyn KeyStore>,
    cost: Cost,
}

impl<'a> Badges<'a> {
    /// The credentials of this wallet; the key store has its share of each.
    pub fn new(snapshot: &'a mut Snapshot, keys: Arc<dyn KeyStore>) -> Self {
        Self { snapshot, keys, cost: Cost::RECOMMENDED }
    }

    /// The same, with passwords that cost more or less than is recommended.
    #[must_use]
    pub fn at_cost(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    /// Gateways at which there is a credential, by their SPIFFE IDs.
    pub fn gateways(&self) -> Result<Vec<String>, BadgeError> {
        let rows = store::badges(self.snapshot.store.read())?;
        Ok(rows.into_iter().map(|(gateway, _)| gateway).collect())
    }

    /// The same, with how far each credential is good at `now`. Needs no password.
    pub fn standings(&mut self, now: UnixMillis) -> Result<Vec<(String, Standing)>, BadgeError> {
        let rows = store::badges(self.snapshot.store.read())?;
        rows.into_iter().map(|(gateway, subject)| Ok((gateway, self.standing(subject, now)?))).collect()
    }

    fn standing(&mut self, subject: String, now: UnixMillis) -> Result<Standing, BadgeError> {
        let Ok(subject) = Subject::new(subject) else { return Ok(Standing::Unknown) };
        let history = self.snapshot.history(LogName::TRUST, &subject)?.unwrap_or_default();
        let latest = history.iter().rev().find_map(|entry| CredentialRow::of(entry.standing()?));
        let Some(row) = latest else { return Ok(Standing::Unknown) };
        // Not readable before the first sync; then there is no row either.
        let revoked = self
            .snapshot
            .trust()
            .is_ok_and(|trust| trust.is_revoked(row.certificate, LogName::TRUST, u64::MAX));
        Ok(match row {
            row if row.status == Status::Ended || revoked => Standing::Ended,
            row if row.until <= now.0 => Standing::Over(UnixMillis(row.until)),
            row => Standing::Good(row),
        })
    }

    /// Takes up a credential, in place of one for the same gateway.
    pub fn keep(&mut self, badge: &Badge, password: &str, keeping: Keeping) -> Result<(), BadgeError> {
        let gateway = badge.gateway.as_str();
        let mut secret = Zeroizing::new([0; 33]);
        getrandom::fill(&mut secret[..32]).map_err(|_| BadgeError::Random)?;
        secret[32] = TRIES;
        let wrapped = self.wrap(&badge.credential, &badge.address, password, keeping, &secret)?;
        self.keys.keep_secret(name(gateway), secret.to_vec())?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_badge(tx, gateway, &wrapped))?;
        Ok(())
    }

    /// Opens the credential for a gateway; gives the gateway's address as well.
    pub fn open(&mut self, gateway: &str, password: &str) -> Result<(Credential, String), BadgeError> {
        let (row, mut secret) = self.recall(gateway)?;
        let stretched = stretch(password, &row.salt, row.cost)?;
        let Some(keeping) = keeping(row.keeping) else { return Err(BadgeError::None) };
        if keeping == Keeping::Masked {
            let bytes = row.bytes.as_slice().try_into().map_err(|_| BadgeError::None)?;
            let opened = Credential::unmask(bytes, &wrapping_key(&stretched, &phone(&secret)));
            return match opened {
                Ok(credential) => Ok((credential, row.address)),
                Err(_) => Err(BadgeError::WrongPassword { left: None }),
            };
        }
        let bytes: &[u8; SEALED] = row.bytes.as_slice().try_into().map_err(|_| BadgeError::None)?;
        // The try is counted before it is made: a process that is killed here has used it.
        secret[32] = secret[32].saturating_sub(1);
        self.keys.keep_secret(name(gateway), secret.to_vec())?;
        match Credential::unseal(bytes, &wrapping_key(&stretched, &phone(&secret))) {
            Ok(credential) => {
                secret[32] = TRIES;
                self.keys.keep_secret(name(gateway), secret.to_vec())?;
                Ok((credential, row.address))
            }
            Err(_) if secret[32] == 0 => {
                self.forget(gateway)?;
                Err(BadgeError::None)
            }
            Err(_) => Err(BadgeError::WrongPassword { left: Some(secret[32]) }),
        }
    }

    /// Wraps the credential under a new password. The gateway is not asked.
    pub fn change_password(&mut self, gateway: &str, old: &str, new: &str) -> Result<(), BadgeError> {
        check(new)?;
        let (credential, address) = self.open(gateway, old)?;
        let (row, secret) = self.recall(gateway)?;
        let keeping = keeping(row.keeping).ok_or(BadgeError::None)?;
        let wrapped = self.wrap(&credential, &address, new, keeping, &secret)?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_badge(tx, gateway, &wrapped))?;
        Ok(())
    }

    /// Forgets the credential for a gateway: at the end of a shift, or where the gateway ended it.
    pub fn forget(&mut self, gateway: &str) -> Result<(), BadgeError> {
        // Without the key store's share the rest is noise.
        self.keys.delete(name(gateway))?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::forget_badge(tx, gateway))?;
        Ok(())
    }

    fn recall(&self, gateway: &str) -> Result<(Wrapped, Zeroizing<[u8; 33]>), BadgeError> {
        let row = store::badge(self.snapshot.store.read(), gateway)?.ok_or(BadgeError::None)?;
        let secret = match self.keys.recall_secret(name(gateway)).map(Zeroizing::new) {
            Err(KeyStoreError::Missing) => return Err(BadgeError::None),
            secret => secret?,
        };
        let secret: [u8; 33] = secret.as_slice().try_into().map_err(|_| BadgeError::None)?;
        let secret = Zeroizing::new(secret);
        // A count that was cut off at none.
        if row.keeping == Keeping::Counted as u8 && secret[32] == 0 {
            return Err(BadgeError::None);
        }
        Ok((row, secret))
    }

    fn wrap(
        &self,
        credential: &Credential,
        address: &str,
        password: &str,
        keeping: Keeping,
        secret: &[u8; 33],
    ) -> Result<Wrapped, BadgeError> {
        check(password)?;
        let (mut salt, mut nonce) = ([0; 16], [0; 12]);
        getrandom::fill(&mut salt).map_err(|_| BadgeError::Random)?;
        getrandom::fill(&mut nonce).map_err(|_| BadgeError::Random)?;
        let key = wrapping_key(&stretch(password, &salt, self.cost)?, &phone(secret));
        let bytes = match keeping {
            Keeping::Counted => credential.seal(&key, nonce).to_vec(),
            Keeping::Masked => credential.mask(&key).to_vec(),
        };
        let address = address.to_owned();
        let subject = self::credential(&credential.cred).to_string();
        Ok(Wrapped { address, keeping: keeping as u8, cost: self.cost, salt, bytes, subject })
    }
}

fn name(gateway: &str) -> String {
    format!("bedside:{gateway}")
}

fn keeping(number: u8) -> Option<Keeping> {
    [Keeping::Counted, Keeping::Masked].into_iter().find(|keeping| *keeping as u8 == number)
}

fn phone(secret: &[u8; 33]) -> Key {
    let mut phone = [0; 32];
    phone.copy_from_slice(&secret[..32]);
    Key::new(phone)
}

fn check(password: &str) -> Result<(), BadgeError> {
    let long = password.chars().count() >= MIN_PASSWORD && password.len() <= MAX_PASSWORD;
    if long { Ok(()) } else { Err(BadgeError::Password) }
}

fn stretch(password: &str, salt: &[u8; 16], cost: Cost) -> Result<Key, BadgeError> {
    if password.len() > MAX_PASSWORD {
        return Err(BadgeError::Password);
    }
    let mut key = Zeroizing::new([0; 32]);
    // What the row asks for was chosen here; a damaged one is not spent memory on.
    let within = cost.memory_kib <= Cost::MOST.memory_kib && cost.passes <= Cost::MOST.passes;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok().filter(|_| within);
    let params = params.ok_or(BadgeError::None)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut *key)
        .map_err(|_| BadgeError::None)?;
    Ok(Key::new(*key))
}
