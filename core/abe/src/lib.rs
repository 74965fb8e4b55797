//! Ciphertext-policy attribute-based encryption: a key for whoever fits a policy, and for nobody else.
//!
//! ```
//! use countersign_abe::{MasterKey, Policy};
//!
//! let authority = MasterKey::new(&[1; 32]); // random bytes, but in an example
//! let policy: Policy = "role: cardiologist and (hospital: A or hospital: B)".parse()?;
//! let (encapsulation, key) = authority.public_key().encapsulate(&policy, &[2; 32]);
//!
//! let attributes = ["role: cardiologist".parse()?, "hospital: B".parse()?].into();
//! let doctor = authority.issue(&attributes, &[3; 32])?;
//! assert_eq!(doctor.decapsulate(authority.public_key(), &encapsulation)?, key);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In scope: FAME (Agrawal and Chase, CCS 2017, <https://eprint.iacr.org/2017/807>, section 3) as a key encapsulation, with the
//! Fujisaki-Okamoto transform (Hofheinz, Hövelmanns and Kiltz, TCC 2017, explicit rejection), on BLS12-381 over `blst`, with hashing to
//! G1 by RFC 9380. Monotone policies over attributes with `and`, `or` and `k of (...)`.
//!
//! # What it assumes
//!
//! - The variant of the 2-linear assumption of FAME's proof, on BLS12-381 (about 120 bits), SHA-512 and the hash to G1 as random
//!   oracles. By that proof it is secure against who chooses policy and keys adaptively and pools any number of keys; by the
//!   transform also against who has other encapsulations opened.
//! - FAME is proved for policies that name an attribute once. One that names it again is split into several that do not, each with
//!   a ciphertext of its own randomness around the same seed (`sharing.rs`).
//! - The random bytes that are passed in are uniform, secret and used once.
//!
//! # What it does not give
//!
//! - **Escrow is inherent.** Who has the master key opens everything, and nobody sees it.
//! - **No security against quantum computers.** Who records an encapsulation today opens it then. Combine the key with another
//!   secret where that matters.
//! - **The policy is no secret**, and neither is the authority: both are in the encapsulation in clear.
//! - **No revocation.** A key opens what fits it for ever. Put a time into policies and keys (`epoch: 2026-Q4`).
//! - **No negation.** A policy cannot ask that somebody has not an attribute.
//! - **Nobody's signature.** Who opens knows that the encapsulation is whole, not who made it.
//! - **A key can be passed on**, and does not say who passed it on.
//! - Secrets are handled in constant time and wiped when dropped; what a compiler or `blst` leaves on the stack is not. Which policy
//!   is opened with which attributes shows in the time that it takes.

mod attribute;
mod comb;
mod curve;
mod encapsulation;
mod encoding;
mod master_key;
mod oracle;
mod policy;
mod public_key;
mod secret_key;
mod sharing;

pub use attribute::{Attribute, NotAnAttribute};
pub use encapsulation::{Encapsulation, SharedKey};
pub use encoding::FormatError;
pub use master_key::{IssueError, MasterKey};
pub use policy::{MAX_BRANCHES, MAX_DEPTH, MAX_LEAVES, MAX_TEXT, Policy, PolicyError};
pub use public_key::PublicKey;
pub use secret_key::{DecapsulateError, MAX_ATTRIBUTES, SecretKey};
