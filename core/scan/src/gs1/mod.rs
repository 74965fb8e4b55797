//! GS1 data in bar codes, by the GS1 General Specifications (release 26) and GS1 Digital Link: URI Syntax (1.6).
//!
//! In scope: element strings (GS1 General Specifications section 3) as symbols carry them and in brackets, Digital
//! Link URIs, compressed ones read only, the rules on values and on pairs of Application Identifiers, canonical
//! forms, human-readable text.
//!
//! Out of scope: looking up company prefixes, resolving links (a link is data; its domain is neither fetched nor
//! trusted), composite components of linear symbols, convenience alphas in links (withdrawn by GS1).

mod ai;
mod bracket;
mod charset;
mod check;
mod codes;
mod compressed;
mod content;
mod coupon;
mod date;
mod draft;
mod element;
mod error;
mod escape;
mod gtin;
mod hri;
mod link;
mod message;
mod partner;
mod raw;
mod rule;

pub use ai::{Ai, Part};
pub use charset::Charset;
pub use content::Content;
pub use date::Date;
pub use error::{Fault, Gs1Error, LinkFault, NoLink};
pub use gtin::Gtin;
pub use message::{Element, Message};
pub use partner::Partners;
pub use rule::Rule;

pub(crate) use element::GS;
pub(crate) use link::canonical_path;

/// The longest text that any parser here looks at, in bytes: more than any symbol holds (QR version 40, 7,089 digits).
pub(crate) const MAX_TEXT: usize = 8191;
