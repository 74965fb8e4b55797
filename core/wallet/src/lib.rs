//! What a phone or a desk keeps: keys, a proven snapshot of the ledger, and how both are used.

mod cbor;
mod key_store;
mod vault;

pub use key_store::{KeyStore, KeyStoreError, StoredKey};
pub use vault::{Cost, Vault, VaultError};
