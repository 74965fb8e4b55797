//! What guards a file where it lies: until when it is given out, to whom, and how often a passcode may be tried.
//!
//! In scope: a state that is kept beside the file, and what follows from it. Out of scope: keeping it. Whoever keeps it makes a
//! spent attempt durable before the passcode is looked at ([`Gate::spend`]), so that no crash and no two requests at once give
//! attempts away; the specification demands a total over the link's lifetime.

use argon2::Argon2;
use base64::Engine as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::key::LENIENT;

/// Wrong passcodes until the link ends for good.
const ATTEMPTS: u32 = 10;

/// The state. It has neither the key nor the passcode, of which it keeps a slow hash (Argon2id, RFC 9106).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The link's address.
    url: String,
    /// When it ends, in seconds since 1970.
    expires: u64,
    /// Wrong passcodes that are left.
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<Hashed>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Hashed {
    salt: String,
    hash: String,
}

impl Gate {
    /// For the file of a link at `url` that ends at `expires`, in seconds since 1970.
    pub fn new(url: &str, expires: u64, passcode: Option<&str>, random: &mut impl CryptoRng) -> Option<Self> {
        let hashed = passcode.map(|passcode| {
            let mut salt = [0; 16];
            random.fill_bytes(&mut salt);
            let hash = hash(passcode, &salt)?;
            Some(Hashed { salt: LENIENT.encode(salt), hash: LENIENT.encode(hash.as_slice()) })
        });
        let passcode = hashed.map_or(Some(None), |hashed| hashed.map(Some))?;
        Some(Self { url: url.to_owned(), expires, attempts: ATTEMPTS, passcode })
    }

    /// Reads what [`Gate::to_json`] wrote.
    pub fn parse(json: &[u8]) -> Option<Self> {
        crate::object(json)
    }

    /// The state as it is kept.
    pub fn to_json(&self) -> Vec<u8> {
        // safe: texts and numbers are always JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The link's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// When it ends, in seconds since 1970.
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// Whether anything is given out at `now`, in seconds since 1970.
    pub const fn is_open(&self, now: u64) -> bool {
        now < self.expires && self.attempts > 0
    }

    /// Whether it takes a passcode; else the file is given out directly.
    pub const fn wants_passcode(&self) -> bool {
        self.passcode.is_some()
    }

    /// Wrong passcodes that are left.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The state with one attempt less.
    #[must_use]
    pub fn spend(&self) -> Self {
        Self { attempts: self.attempts.saturating_sub(1), ..self.clone() }
    }

    /// Whether this is the passcode. It takes some 20 MiB and milliseconds: one at a time.
    pub fn admits(&self, passcode: &str) -> bool {
        let check = || {
            let kept = self.passcode.as_ref()?;
            let (salt, expected) = (LENIENT.decode(&kept.salt).ok()?, LENIENT.decode(&kept.hash).ok()?);
            Some(bool::from(hash(passcode, &salt)?.as_slice().ct_eq(&expected)))
        };
        check().unwrap_or(false)
    }
}

fn hash(passcode: &str, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut hash = Zeroizing::new([0; 32]);
    Argon2::default().hash_password_into(passcode.as_bytes(), salt, hash.as_mut_slice()).ok()?;
    Some(hash)
}
