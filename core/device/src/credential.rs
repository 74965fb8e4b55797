//! The credential of a user, and how it lies on a phone or terminal between uses.
//!
//! The key that protects it is made from a password, stretched (Argon2id, RFC 9106's second recommended option), and a secret of the
//! phone ([`wrapping_key`]); the wallet does that. A new password wraps the same secret anew, and the gateway is not asked.
//!
//! - Where a key store counts tries, the credential is sealed ([`Credential::seal`]): whoever has the bytes has nothing.
//! - Where none does, it is masked ([`Credential::mask`]), with a verifier of 8 bits: enough that nobody signs in with a mistyped
//!   password, too little for a thief of the bytes and of the phone's secret, who is left with a 256th of all passwords, which only
//!   the gateway can tell apart, and it makes guesses wait. For that the credential's name stays readable: a gateway that did not
//!   know it could not count.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce as GcmNonce, Tag};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::bytes::{Fields, concat};
use crate::envelope::derive;
use crate::mac::{Key, Macs};
use crate::message::Id;

/// Length of a sealed credential.
pub const SEALED: usize = HEAD + NONCE + 32 + GCM_TAG;
/// Length of a masked credential.
pub const MASKED: usize = HEAD + 32 + 1;
const HEAD: usize = 16 + 16 + 4 + 1;
const NONCE: usize = 12;
const GCM_TAG: usize = 16;

/// A user's credential at one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub id: Id,
    /// The credential. Keep it to yourself: who knows it can make the gateway slow for its holder.
    pub cred: Id,
    /// When it was issued, counted by the gateway; a revoked or expired one is replaced by the next.
    pub epoch: u32,
    /// The user's role, by the number that the registry gives it.
    pub role: u8,
    /// A, shared with the gateway.
    pub secret: Key,
}

/// The password is wrong, or the bytes were damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a wrong password, or damaged bytes")]
pub struct WrongPassword;

/// The key that a credential is wrapped under: from the stretched password and a secret of the phone.
pub fn wrapping_key(stretched: &Key, phone: &Key) -> Key {
    derive(&[stretched, phone], "S003/cred/wrap/1", &[])
}

impl Credential {
    /// Seals it (AES-256-GCM), for a phone whose key store counts tries. `nonce` is new for each sealing.
    pub fn seal(&self, key: &Key, nonce: [u8; NONCE]) -> [u8; SEALED] {
        let head = self.head();
        let mut secret = *self.secret.as_bytes();
        let cipher = Aes256Gcm::new(key.as_bytes().into());
        let sealed = cipher.encrypt_inout_detached(&nonce.into(), &head, secret.as_mut_slice().into());
        // safe: AES-GCM refuses only contents of many gigabytes.
        let tag: [u8; GCM_TAG] = sealed.map_or([0; GCM_TAG], Into::into);
        concat(&[&head, &nonce, &secret, &tag])
    }

    /// Opens a sealed one.
    pub fn unseal(bytes: &[u8; SEALED], key: &Key) -> Result<Self, WrongPassword> {
        let mut fields = Fields(&bytes[HEAD..]);
        let read = (fields.take::<NONCE>(), fields.take::<32>(), fields.take::<GCM_TAG>());
        let (Some(nonce), Some(mut secret), Some(tag)) = read else { return Err(WrongPassword) };
        let (nonce, tag): (GcmNonce<_>, Tag) = (nonce.into(), tag.into());
        let cipher = Aes256Gcm::new(key.as_bytes().into());
        let buffer = secret.as_mut_slice().into();
        cipher.decrypt_inout_detached(&nonce, &bytes[..HEAD], buffer, &tag).map_err(|_| WrongPassword)?;
        let opened = Self::read(bytes, Key::new(secret)).ok_or(WrongPassword);
        secret.zeroize();
        opened
    }

    /// Masks it, for a phone or terminal without such a key store. Take a new salt for the password each time.
    pub fn mask(&self, key: &Key) -> [u8; MASKED] {
        let masked = self.masked(key, self.secret.as_bytes());
        concat(&[&self.head(), &masked, &[self.verifier()]])
    }

    /// Takes the mask off. One wrong password of 256 is not seen here, but by the gateway.
    pub fn unmask(bytes: &[u8; MASKED], key: &Key) -> Result<Self, WrongPassword> {
        let mut fields = Fields(&bytes[HEAD..]);
        let (Some(masked), Some([verifier])) = (fields.take::<32>(), fields.take()) else {
            return Err(WrongPassword);
        };
        let mut credential = Self::read(bytes, Key::new(masked)).ok_or(WrongPassword)?;
        credential.secret = Key::new(credential.masked(key, &masked));
        let right = credential.verifier().ct_eq(&verifier);
        if right.into() { Ok(credential) } else { Err(WrongPassword) }
    }

    fn head(&self) -> [u8; HEAD] {
        concat(&[&self.id, &self.cred, &self.epoch.to_be_bytes(), &[self.role]])
    }

    fn read(bytes: &[u8], secret: Key) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (id, cred, epoch) = (fields.take()?, fields.take()?, fields.u32()?);
        let [role] = fields.take()?;
        Some(Self { id, cred, epoch, role, secret })
    }

    fn masked(&self, key: &Key, secret: &[u8; 32]) -> [u8; 32] {
        let mask = derive(&[key], "S003/cred/mask/1", &[&self.head()]);
        let mut masked = *mask.as_bytes();
        for (byte, secret) in masked.iter_mut().zip(secret) {
            *byte ^= secret;
        }
        masked
    }

    /// `H(ID, A) mod 256`.
    fn verifier(&self) -> u8 {
        Macs::default().mac(&self.secret, "S003/cred/verify/1", &[&self.id]).as_bytes()[31]
    }
}
