//! Where private keys live. A phone implements [`KeyStore`] over its secure hardware, a desk by [`crate::Vault`]; no
//! private key passes through here.

use std::sync::Arc;

use countersign_ledger::{PublicKey, Signature, Signer, SignerError};

/// Why a key store did not do what it was asked. Says nothing of the key or the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// The person declined the prompt; nothing is wrong, and asking again is fine.
    #[error("the key's holder declined")]
    Cancelled,
    /// There is no key or secret of that name, or it is of the other kind.
    #[error("the key store holds nothing of that kind under this name")]
    Missing,
    /// The key store failed: locked, full, damaged, or without the hardware it needs.
    #[error("the key store failed")]
    Failed,
}

/// Keys and small secrets by name. The one trait that foreign code implements.
///
/// Values are passed whole and owned, so that any language can implement it. Nothing in this crate holds a lock across a
/// call, since a call may wait for a person. Every call is safe to repeat.
///
/// Public keys come as SEC1 points, compressed or not, or as DER `SubjectPublicKeyInfo`; signatures as DER or `r || s`,
/// with s high or low. They are brought into one form here.
pub trait KeyStore: Send + Sync {
    /// Makes a P-256 key that signs, unless there is one of that name, and returns its public half.
    fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Makes a P-256 key for key agreement, unless there is one of that name, and returns its public half.
    fn make_agreement_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// The public half of a key of either kind.
    fn public_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Signs SHA-256 of `message` by ECDSA.
    fn sign(&self, name: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// The x coordinate, 32 bytes big-endian, that an agreement key and the public key `peer` (an uncompressed SEC1
    /// point) have in common.
    fn agree(&self, name: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// Keeps a small secret, in place of any that it kept under that name.
    fn keep_secret(&self, name: String, secret: Vec<u8>) -> Result<(), KeyStoreError>;

    /// Gives back a small secret.
    fn recall_secret(&self, name: String) -> Result<Vec<u8>, KeyStoreError>;

    /// Forgets a key or secret, if there is one of that name.
    fn delete(&self, name: String) -> Result<(), KeyStoreError>;

    /// Forgets every key and secret that was ever made or kept here, whoever remembers its name.
    fn delete_all(&self) -> Result<(), KeyStoreError>;
}

/// A signing key in a key store, as the ledger's formats use it.
#[derive(Clone)]
pub struct StoredKey {
    store: Arc<dyn KeyStore>,
    name: String,
    public: PublicKey,
}

impl StoredKey {
    /// The key `name`, made now if the store has none.
    pub fn make(store: Arc<dyn KeyStore>, name: &str) -> Result<Self, KeyStoreError> {
        let public = store.make_signing_key(name.to_owned())?;
        Self::new(store, name, &public)
    }

    /// The key `name`, which the store must have.
    pub fn find(store: Arc<dyn KeyStore>, name: &str) -> Result<Self, KeyStoreError> {
        let public = store.public_key(name.to_owned())?;
        Self::new(store, name, &public)
    }

    fn new(store: Arc<dyn KeyStore>, name: &str, public: &[u8]) -> Result<Self, KeyStoreError> {
        let public = PublicKey::from_sec1(public).or_else(|_| PublicKey::from_spki_der(public));
        Ok(Self { store, name: name.to_owned(), public: public.map_err(|_| KeyStoreError::Failed)? })
    }
}

impl Signer for StoredKey {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let signature =
            self.store.sign(self.name.clone(), message.to_vec()).map_err(|error| match error {
                KeyStoreError::Cancelled => SignerError::Cancelled,
                KeyStoreError::Missing | KeyStoreError::Failed => SignerError::Failed,
            })?;
        let signature = Signature::normalise(&signature).map_err(|_| SignerError::Failed)?;
        // A statement under a wrong signature would be refused by everyone later; a key that was replaced says so now.
        self.public.verify(message, &signature).map_err(|_| SignerError::Failed)?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use countersign_ledger::SoftwareKey;
    use p256::ecdsa::signature::Signer as _;

    use super::*;

    /// A store with one key that answers in the form it is told to.
    struct OneKey {
        secret: [u8; 32],
        der: bool,
        refusal: Option<KeyStoreError>,
    }

    impl OneKey {
        fn key(&self) -> SoftwareKey {
            SoftwareKey::from_bytes(&self.secret).unwrap()
        }
    }

    impl KeyStore for OneKey {
        fn make_signing_key(&self, name: String) -> Result<Vec<u8>, KeyStoreError> {
            self.public_key(name)
        }
        fn make_agreement_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
            Err(KeyStoreError::Failed)
        }
        fn public_key(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
            let key = self.key().public_key();
            Ok(if self.der { key.to_spki_der() } else { key.as_sec1().to_vec() })
        }
        fn sign(&self, _: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
            if let Some(refusal) = self.refusal {
                return Err(refusal);
            }
            let key = p256::ecdsa::SigningKey::from_slice(&self.secret).unwrap();
            let signature: p256::ecdsa::Signature = key.sign(&message);
            let (r, s) = signature.split_scalars();
            let twin = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
            Ok(if self.der { twin.to_der().as_bytes().to_vec() } else { twin.to_bytes().to_vec() })
        }
        fn agree(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
            Err(KeyStoreError::Failed)
        }
        fn keep_secret(&self, _: String, _: Vec<u8>) -> Result<(), KeyStoreError> {
            Err(KeyStoreError::Failed)
        }
        fn recall_secret(&self, _: String) -> Result<Vec<u8>, KeyStoreError> {
            Err(KeyStoreError::Missing)
        }
        fn delete(&self, _: String) -> Result<(), KeyStoreError> {
            Ok(())
        }
        fn delete_all(&self) -> Result<(), KeyStoreError> {
            Ok(())
        }
    }

    fn stored(der: bool, refusal: Option<KeyStoreError>) -> StoredKey {
        StoredKey::find(Arc::new(OneKey { secret: [7; 32], der, refusal }), "key").unwrap()
    }

    #[test]
    fn every_encoding_is_brought_into_one_form() {
        let raw = stored(false, None).sign(b"message").unwrap();
        let der = stored(true, None).sign(b"message").unwrap();
        assert_eq!(stored(false, None).public_key(), stored(true, None).public_key());
        for signature in [raw, der] {
            assert_eq!(Signature::from_raw(signature.as_bytes()), Ok(signature));
        }
    }

    #[test]
    fn declining_is_not_failing() {
        assert_eq!(stored(true, Some(KeyStoreError::Cancelled)).sign(b"m"), Err(SignerError::Cancelled));
        assert_eq!(stored(true, Some(KeyStoreError::Failed)).sign(b"m"), Err(SignerError::Failed));
    }

    #[test]
    fn a_signature_by_another_key_is_a_failure() {
        let mut key = stored(true, None);
        key.public = SoftwareKey::from_bytes(&[8; 32]).unwrap().public_key();
        assert_eq!(key.sign(b"message"), Err(SignerError::Failed));
    }
}
