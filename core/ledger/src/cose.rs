//! COSE_Sign1 (RFC 9052 section 4.2), read without copying; reading verifies nothing.
//!
//! In scope: the tagged structure, header maps with labels of either type, the `Sig_structure` with external data. Out
//! of scope: encryption, MACs, several signers, counter signatures. Any order of map keys is accepted, since nineteen
//! of twenty-five published files need that. A label that occurs twice, in one bucket or across both, is refused.
//!
//! # Foreign forms
//!
//! Forms that the standards allow, and what becomes of them here. Ours is one form alone ([`crate::Statement`]), because a
//! statement is known by the digest of its bytes: two forms would be two statements that say one thing.
//!
//! | form | here | why |
//! | --- | --- | --- |
//! | statement with receipts or others in its unprotected header (RFC 9943 section 7) | submitted: taken, and recorded with that header empty; elsewhere: refused | nobody signed what stands there; its id is that of the empty form |
//! | statement with unsorted headers, longer heads or indefinite lengths (RFC 8949 section 3) | refused | the same headers could be signed in many orders, and each would have an id of its own |
//! | statement with a detached payload, or a hash in its place (RFC 9995) | refused | rules read the fields; a phone offline could not fetch them |
//! | statement without `x5t`: `kid`, `x5chain`, `x5bag` (RFC 9052, RFC 9360) | refused | signers are those whom the log enrolled, known by their certificate's digest |
//! | statement by another algorithm than ES256, or with a high s | refused | phones' secure hardware has P-256; a high s is a second signature that anybody can make |
//! | receipt with unsorted headers, a high s, EdDSA, without `kid` or claims | verified | it identifies nothing, and published examples have all of these |
//! | receipt of another kind of tree (vds 2 and 3), with `crit`, with several inclusion proofs, of consistency | refused by name | what is not understood proves nothing |
//!
//! `coset` reads the same format, but also accepts indefinite lengths and a label in both buckets; it serves the tests
//! as an independent reader.

use minicbor::Decoder;
use minicbor::data::{Tag, Type};

use crate::cbor;

/// COSE header labels (RFC 9052 table 2, RFC 9360, RFC 9596, RFC 9597, RFC 9942).
pub mod label {
    /// Signature algorithm.
    pub const ALG: i64 = 1;
    /// Critical labels, which the reader must understand.
    pub const CRIT: i64 = 2;
    /// Content type of the payload.
    pub const CONTENT_TYPE: i64 = 3;
    /// Key identifier.
    pub const KID: i64 = 4;
    /// CWT claims.
    pub const CWT_CLAIMS: i64 = 15;
    /// Type of the whole COSE object.
    pub const TYP: i64 = 16;
    /// Bag of certificates.
    pub const X5BAG: i64 = 32;
    /// Chain of certificates, the signer's first.
    pub const X5CHAIN: i64 = 33;
    /// Digest of the signer's certificate.
    pub const X5T: i64 = 34;
    /// Receipts attached to a statement.
    pub const RECEIPTS: i64 = 394;
    /// Verifiable data structure of a receipt.
    pub const VDS: i64 = 395;
    /// Proofs of a receipt.
    pub const VDP: i64 = 396;
}

/// ES256 in the COSE algorithm registry.
pub const ALG_ES256: i64 = -7;
/// SHA-256 in the COSE algorithm registry.
pub const ALG_SHA256: i64 = -16;
/// CBOR tag of COSE_Sign1.
pub const TAG_SIGN1: u64 = 18;

/// Most header entries in one bucket that are read; published statements have at most a dozen.
const MAX_HEADERS: u64 = 64;

/// Most bytes of a `Sig_structure` besides what it carries: the array, its context, and three heads.
const SIG_STRUCTURE: usize = 1 + 11 + 3 * 9;

/// Why bytes are not a COSE_Sign1 that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// Not CBOR, or not of the shape of COSE_Sign1.
    #[error("not a COSE_Sign1 structure")]
    Malformed,
    /// Without CBOR tag 18.
    #[error("COSE_Sign1 without its tag")]
    Untagged,
    /// Bytes follow the structure.
    #[error("bytes follow the COSE_Sign1 structure")]
    Trailing,
    /// A header label occurs twice.
    #[error("a COSE header label appears twice")]
    DuplicateLabel,
    /// More header entries in one bucket than are read.
    #[error("too many COSE headers")]
    TooManyHeaders,
}

impl From<minicbor::decode::Error> for CoseError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Malformed
    }
}

/// A COSE_Sign1 as received. Nothing in it has been verified.
#[derive(Debug, Clone)]
pub struct Sign1<'b> {
    /// The protected bucket's bytes, without their byte string head.
    pub protected: &'b [u8],
    /// The unprotected map's bytes.
    pub unprotected: &'b [u8],
    /// The payload; `None` when detached.
    pub payload: Option<&'b [u8]>,
    /// The signature's bytes, of whatever length.
    pub signature: &'b [u8],
}

impl<'b> Sign1<'b> {
    /// Reads a tagged COSE_Sign1 that fills `bytes`.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, CoseError> {
        let mut decoder = Decoder::new(bytes);
        if decoder.datatype()? != Type::Tag || decoder.tag()? != Tag::new(TAG_SIGN1) {
            return Err(CoseError::Untagged);
        }
        if decoder.array()? != Some(4) {
            return Err(CoseError::Malformed);
        }
        let protected = decoder.bytes()?;
        let unprotected = cbor::raw_item(&mut decoder)?;
        let payload = if cbor::take_null(&mut decoder)? { None } else { Some(decoder.bytes()?) };
        let signature = decoder.bytes()?;
        if decoder.position() != bytes.len() {
            return Err(CoseError::Trailing);
        }
        Ok(Self { protected, unprotected, payload, signature })
    }

    /// The same with an empty unprotected bucket, as a log records it (RFC 9943): what stands there nobody signed.
    pub fn without_unprotected(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.tag(Tag::new(TAG_SIGN1))?.array(4)?.bytes(self.protected)?.map(0)?;
            match self.payload {
                Some(payload) => e.bytes(payload)?,
                None => e.null()?,
            };
            e.bytes(self.signature)?.ok()
        })
    }

    /// Both header buckets. A label may occur once, in one of them.
    pub fn headers(&self) -> Result<(Headers<'b>, Headers<'b>), CoseError> {
        let protected =
            if self.protected.is_empty() { Headers(Vec::new()) } else { Headers::parse(self.protected)? };
        let unprotected = Headers::parse(self.unprotected)?;
        if protected.0.iter().any(|(label, _)| unprotected.raw(label).is_some()) {
            return Err(CoseError::DuplicateLabel);
        }
        Ok((protected, unprotected))
    }

    /// The bytes that the signature covers, for the embedded payload or, when detached, for `detached`.
    pub fn to_be_signed(&self, detached: &[u8], external_aad: &[u8]) -> Vec<u8> {
        to_be_signed(self.protected, self.payload.unwrap_or(detached), external_aad)
    }
}

/// `Sig_structure` (RFC 9052 section 4.4): `["Signature1", protected, external_aad, payload]`.
pub fn to_be_signed(protected: &[u8], payload: &[u8], external_aad: &[u8]) -> Vec<u8> {
    // An empty map and an empty string mean the same headers; the signature covers the empty string.
    let protected = if protected == [0xa0] { &[] } else { protected };
    let room = SIG_STRUCTURE + protected.len() + payload.len() + external_aad.len();
    cbor::encode_into(Vec::with_capacity(room), |e| {
        e.array(4)?.str("Signature1")?.bytes(protected)?.bytes(external_aad)?.bytes(payload)?.ok()
    })
}

/// A header label: an integer, or text in foreign messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label<'b> {
    /// A registered label.
    Int(i64),
    /// A private label.
    Text(&'b str),
}

/// One header bucket: labels and the raw bytes of their values, in the order received.
#[derive(Debug, Clone)]
pub struct Headers<'b>(Vec<(Label<'b>, &'b [u8])>);

impl<'b> Headers<'b> {
    /// Reads a header map that fills `bytes`.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, CoseError> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.map()?.ok_or(CoseError::Malformed)?;
        if count > MAX_HEADERS {
            return Err(CoseError::TooManyHeaders);
        }
        let mut headers = Self(Vec::with_capacity(usize::try_from(count).unwrap_or_default()));
        for _ in 0..count {
            let label = match decoder.datatype()? {
                Type::String => Label::Text(decoder.str()?),
                _ => Label::Int(decoder.i64()?),
            };
            if headers.raw(&label).is_some() {
                return Err(CoseError::DuplicateLabel);
            }
            headers.0.push((label, cbor::raw_item(&mut decoder)?));
        }
        if decoder.position() == bytes.len() { Ok(headers) } else { Err(CoseError::Trailing) }
    }

    /// Number of headers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the bucket is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A decoder over the value of the registered label `label`.
    pub fn value(&self, label: i64) -> Option<Decoder<'b>> {
        self.raw(&Label::Int(label)).map(Decoder::new)
    }

    /// The integer value of `label`, if that is what it is.
    pub fn int(&self, label: i64) -> Option<i64> {
        self.value(label)?.i64().ok()
    }

    /// The byte string value of `label`, if that is what it is.
    pub fn bytes(&self, label: i64) -> Option<&'b [u8]> {
        self.value(label)?.bytes().ok()
    }

    /// The text value of `label`, if that is what it is.
    pub fn text(&self, label: i64) -> Option<&'b str> {
        self.value(label)?.str().ok()
    }

    /// The certificates under `label` (`x5chain` or `x5bag`, RFC 9360): one byte string, or an array of them.
    pub fn certificates(&self, label: i64) -> Result<Vec<&'b [u8]>, CoseError> {
        let Some(mut value) = self.value(label) else { return Ok(Vec::new()) };
        if value.datatype()? == Type::Bytes {
            return Ok(vec![value.bytes()?]);
        }
        let count = value.array()?.ok_or(CoseError::Malformed)?;
        (0..count).map(|_| value.bytes().map_err(CoseError::from)).collect()
    }

    fn raw(&self, label: &Label<'_>) -> Option<&'b [u8]> {
        self.0.iter().find(|(known, _)| known == label).map(|&(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 18([h'', {}, 'hi', h'00'])
    const PLAIN: &[u8] = &[0xd2, 0x84, 0x40, 0xa0, 0x42, b'h', b'i', 0x41, 0];

    #[test]
    fn the_parts_are_the_bytes_received() {
        let sign1 = Sign1::parse(PLAIN).unwrap();
        assert_eq!((sign1.protected, sign1.payload, sign1.signature), (&b""[..], Some(&b"hi"[..]), &[0][..]));
        assert_eq!(sign1.to_be_signed(b"ignored", b""), to_be_signed(&[0xa0], b"hi", b""));
    }

    #[test]
    fn other_shapes_are_refused() {
        assert_eq!(Sign1::parse(&PLAIN[1..]).unwrap_err(), CoseError::Untagged);
        assert_eq!(Sign1::parse(&[PLAIN, &[0]].concat()).unwrap_err(), CoseError::Trailing);
        assert_eq!(Sign1::parse(&PLAIN[..8]).unwrap_err(), CoseError::Malformed);
        let nested = [&[0xd2, 0x84, 0x40][..], &vec![0x81; 100_000]].concat();
        assert_eq!(Sign1::parse(&nested).unwrap_err(), CoseError::Malformed);
    }

    #[test]
    fn a_label_counts_once_over_both_buckets() {
        assert_eq!(Headers::parse(&[0xa2, 1, 0, 1, 0]).unwrap_err(), CoseError::DuplicateLabel);
        let twice = [0xd2, 0x84, 0x43, 0xa1, 1, 0x26, 0xa1, 1, 0x26, 0xf6, 0x40];
        assert_eq!(Sign1::parse(&twice).unwrap().headers().unwrap_err(), CoseError::DuplicateLabel);
    }
}
