//! A record's link: what a patient hands over, as a QR code, to whoever may ask for the record.
//!
//! ```text
//! link = "countersign-record:1:", base64url without padding of the following
//! ```
//!
//! ```cddl
//! [record: bstr .size 16, ledger: digest, region: tstr, secret: bstr .size 32]   ; ledger: SHA-256 of its genesis
//! ```
//!
//! The link shows the policies' texts, and opens no content by itself.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::Hash;
use countersign_ledger::cbor::{self, encode};
use minicbor::Decoder;
use zeroize::Zeroizing;

use crate::keys::{Key, Link};
use crate::record::RecordId;

const SCHEME: &str = "countersign-record:1:";
/// Longest name of a region.
const MAX_REGION: usize = 64;
/// Longest link: a region's name and 90 bytes more, in base64.
const MAX_LINK: usize = SCHEME.len() + (MAX_REGION + 92) / 3 * 4 + 4;

/// A text that is no link of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no link of a medical record: scan the patient's code again")]
pub struct NotALink;

/// A record's link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordLink {
    /// The record.
    pub record: RecordId,
    /// SHA-256 of the ledger's genesis.
    pub ledger: Hash,
    /// The record's trust domain.
    pub region: String,
    /// `L`.
    pub secret: Link,
}

impl RecordLink {
    /// Reads a link.
    pub fn parse(text: &str) -> Result<Self, NotALink> {
        let read = || {
            let coded = text.trim().strip_prefix(SCHEME).filter(|_| text.len() <= MAX_LINK)?;
            let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(coded).ok()?);
            cbor::check_deterministic(&bytes).ok()?;
            let mut d = Decoder::new(&bytes);
            let four = d.array().ok()? == Some(4);
            let record = RecordId(d.bytes().ok()?.try_into().ok()?);
            let (ledger, region) = (Hash::from_slice(d.bytes().ok()?)?, d.str().ok()?);
            let secret = Link(Key::from_slice(d.bytes().ok()?)?);
            let whole = four && (1..=MAX_REGION).contains(&region.len());
            whole.then(|| Self { record, ledger, region: region.to_owned(), secret })
        };
        read().ok_or(NotALink)
    }

    /// The link as text, a secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(encode(|e| {
            e.array(4)?.bytes(&self.record.0)?.bytes(self.ledger.as_bytes())?.str(&self.region)?;
            e.bytes(self.secret.as_bytes())?.ok()
        }));
        Zeroizing::new(format!("{SCHEME}{}", URL_SAFE_NO_PAD.encode(&*bytes)))
    }
}

/// Without its secret.
impl fmt::Display for RecordLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} of {}", self.record, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_and_nothing_else_is_one() {
        for region in ["n", "north.example", &"r".repeat(MAX_REGION)] {
            let link = RecordLink {
                record: RecordId([1; 16]),
                ledger: Hash([2; 32]),
                region: region.to_owned(),
                secret: Link::new(Zeroizing::new([3; 32])),
            };
            let text = link.to_text();
            assert_eq!(RecordLink::parse(&text), Ok(link.clone()));
            assert_eq!(RecordLink::parse(&format!(" {}\n", text.as_str())), Ok(link.clone()));
            assert!(!format!("{link}{link:?}").contains(&text[30..60]), "no secret in a message");
            for at in 0..text.len() {
                assert!(RecordLink::parse(&text[..at]).is_err(), "cut at {at}");
            }
        }
        for other in
            ["", SCHEME, "countersign-record:2:AAAA", "countersign-record:1:AAAA", "https://n.example"]
        {
            assert_eq!(RecordLink::parse(other), Err(NotALink), "{other}");
        }
    }
}
