//! The one trait that the apps implement.

use std::sync::Arc;

/// Why a key store call failed. Any other exception of an implementation counts as `Failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeyStoreError {
    /// The person declined the prompt. Nothing is wrong, and asking again is fine.
    #[error("the key's holder declined")]
    Cancelled,
    /// There is no key or secret of that name, or it is of the other kind.
    #[error("the key store holds nothing of that kind under this name")]
    Missing,
    /// The key store failed: locked, full, damaged, or without the hardware it needs.
    #[error("the key store failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeyStoreError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

impl From<KeyStoreError> for countersign_wallet::KeyStoreError {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Cancelled => Self::Cancelled,
            KeyStoreError::Missing => Self::Missing,
            KeyStoreError::Failed => Self::Failed,
        }
    }
}

/// Keys and small secrets by name, in the phone's secure hardware if it has any.
///
/// A call may come on any thread and may wait for a person; no lock is held meanwhile. Every call is safe to repeat.
///
/// Public keys are returned as SEC1 points, compressed or not, or as DER `SubjectPublicKeyInfo`; signatures as DER or
/// as `r || s`, with s high or low. The core normalises them.
#[uniffi::export(with_foreign)]
pub trait KeyStore: Send + Sync {
    /// Makes a P-256 signing key, unless there is one with that name, and returns its public half.
    fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Makes the signing key `name`, unless there is one, and returns the attestation that it is in hardware: its
    /// certificate chain up to the phone's maker, in DER, the key's own first, with `challenge` in it. For an existing
    /// key it is the attestation from its creation. Empty if the hardware attests nothing.
    fn attest(&self, name: String, challenge: Vec<u8>) -> Result<Vec<Vec<u8>>, KeyStoreError>;

    /// Makes a P-256 key for key agreement, unless there is one with that name, and returns its public half.
    fn make_agreement_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// The public half of a key of either kind.
    fn public_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Signs SHA-256 of `message` by ECDSA. The message itself is passed, not its hash.
    fn sign(&self, name: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// The shared x coordinate (ECDH), 32 bytes big-endian, of an agreement key and the public key `peer` (an
    /// uncompressed SEC1 point, 65 bytes).
    fn agree(&self, name: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// Stores a small secret, replacing any with that name.
    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Result<(), KeyStoreError>;

    /// Returns a small secret.
    fn recall_secret(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Deletes a key or secret, if there is one with that name.
    fn delete(&self, name: String) -> Result<(), KeyStoreError>;

    /// Deletes every key and secret that was ever made or kept here, whoever remembers its name, and of an earlier install
    /// of the app as well: [`erase_wallet`](crate::erase_wallet) leaves nothing.
    fn delete_all(&self) -> Result<(), KeyStoreError>;
}

/// An app's key store, adapted for the wallet.
pub(crate) struct Foreign(pub(crate) Arc<dyn KeyStore>);

/// Longest challenge that Android puts into an attestation.
const MAX_CHALLENGE: usize = 128;

impl Foreign {
    /// The attestation of a key that is to be certified with a code.
    pub(crate) fn attest(&self, key: &str, code: &str) -> Result<Vec<Vec<u8>>, KeyStoreError> {
        let challenge = code.bytes().take(MAX_CHALLENGE).collect();
        self.0.attest(key.to_owned(), challenge)
    }
}

type Answered<T> = Result<T, countersign_wallet::KeyStoreError>;

impl countersign_wallet::KeyStore for Foreign {
    fn make_signing_key(&self, name: String) -> Answered<Vec<u8>> {
        Ok(self.0.make_signing_key(name)?)
    }
    fn make_agreement_key(&self, name: String) -> Answered<Vec<u8>> {
        Ok(self.0.make_agreement_key(name)?)
    }
    fn public_key(&self, name: String) -> Answered<Vec<u8>> {
        Ok(self.0.public_key(name)?)
    }
    fn sign(&self, name: String, message: Vec<u8>) -> Answered<Vec<u8>> {
        Ok(self.0.sign(name, message)?)
    }
    fn agree(&self, name: String, peer: Vec<u8>) -> Answered<Vec<u8>> {
        Ok(self.0.agree(name, peer)?)
    }
    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Answered<()> {
        Ok(self.0.keep_secret(name, secret)?)
    }
    fn recall_secret(&self, name: String) -> Answered<Vec<u8>> {
        Ok(self.0.recall_secret(name)?)
    }
    fn delete(&self, name: String) -> Answered<()> {
        Ok(self.0.delete(name)?)
    }
    fn delete_all(&self) -> Answered<()> {
        Ok(self.0.delete_all()?)
    }
}
