//! SMART Health Links (HL7, 1.0.0 STU 1): what a patient's link says, and the files behind it.
//!
//! ```
//! use countersign_shl::{Access, ContentType, Key, Link, open, seal};
//! # struct Counting(u8);
//! # impl rand_core::TryRng for Counting {
//! #     type Error = std::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(7) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(7) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(7); Ok(()) }
//! # }
//! # impl rand_core::TryCryptoRng for Counting {}
//! # let mut random = Counting(7);
//! let key = Key::random(&mut random);
//! let file = seal(br#"{"resourceType":"Bundle"}"#, &ContentType::Fhir, &key, &mut random)?;
//! let link = Link::new("https://shl.example/f/0r8w", key, Access::Direct)?.with_label("Summary of a trial")?;
//!
//! let read = Link::parse(&link.to_uri())?;
//! assert_eq!((read.url(), read.access(), read.label()), (link.url(), Access::Direct, Some("Summary of a trial")));
//! assert_eq!(open(&file, read.key())?.bytes.as_slice(), br#"{"resourceType":"Bundle"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading order
//!
//! | step | module | result |
//! | --- | --- | --- |
//! | what a link says | `link` | [`Link`] |
//! | which files there are | `manifest` | [`Manifest`], [`Wrong`] |
//! | what is in a file | `jwe`, `content_type` | [`File`] |
//! | where a file lies | `gate` | [`Gate`] |
//!
//! In scope: `shlink:` of version 1 with or without a viewer, the flags `L`, `P` and `U`, manifests, and files as JWE (RFC 7516) in
//! compact serialization with `dir`, `A256GCM` and, to be read, `DEF`. Out of scope: fetching, serving, the manifest's `list`, SMART Health
//! Cards, other schemes, and whether what is in a file is true: a link encrypts and signs nothing.

mod content_type;
mod gate;
mod jwe;
mod key;
mod link;
mod manifest;

pub use content_type::ContentType;
pub use gate::Gate;
pub use jwe::{File, JweError, MAX_FILE, MAX_JWE, open, seal};
pub use key::Key;
pub use link::{Access, Link, LinkError, MAX_LABEL, MAX_LINK, MAX_URL};
pub use manifest::{Entry, MAX_FILES, MAX_MANIFEST, Manifest, ManifestError, Request, Source, Status, Wrong};

/// Reads a JSON object; a list, which would do for its members in order, is none.
fn object<T: serde::de::DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}
