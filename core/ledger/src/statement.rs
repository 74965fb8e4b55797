//! Statements: SCITT Signed Statements (RFC 9943) in one strict form.
//!
//! In scope: tagged COSE_Sign1, ES256, deterministic CBOR, CWT claims (RFC 9597), `x5t` (RFC 9360), `typ` (RFC 9596).
//! Out of scope: other algorithms, detached payloads, foreign statements (see [`crate::cose`] for those).
//!
//! ```cddl
//! statement = #6.18([protected: bstr .cbor headers, unprotected: {}, payload: bstr .cbor payload, signature: bstr .size 64])
//! headers = {
//!   1 => -7,                                     ; ES256
//!   3 => tstr,                                   ; application/vnd.countersign.<kind>.v1+cbor
//!   15 => { 1 => tstr, 2 => tstr, 6 => uint, 7 => bstr .size 16 },  ; iss (SPIFFE ID), sub, iat (seconds), cti
//!   16 => "application/scitt-statement+cose",
//!   34 => [-16, bstr .size 32],                  ; x5t, SHA-256 of the signer's certificate
//! }
//! payload = { 1 => body, ? 2 => digest, ? 3 => [1*8 digest], ? 4 => bstr,   ; prev, links, sealed part
//!             ? 5 => bstr .cbor statement }                                 ; the statement that this one countersigns
//! digest = bstr .size 32
//! ```
//!
//! A statement may countersign another: it carries that one whole, so that two parties sign one log entry and neither
//! signature can be shown without the other. Both are always verified together.
//!
//! A [`Statement`] has been parsed, not verified. It exposes headers, so that it can be looked up and routed; the
//! payload is inaccessible until verified. Only [`crate::TrustStore::verify`] makes a [`Verified`] one.

use std::sync::Arc;

use minicbor::Decoder;

use crate::cbor::{self, CborError};
use crate::certificate::Certificate;
use crate::cose::{self, ALG_ES256, ALG_SHA256, CoseError, Sign1, label};
use crate::fields::{Fields, FieldsError};
use crate::key::{KeyError, PublicKey, Signature, Signer, SignerError};
use crate::subject::{Kind, Subject};
use crate::{Hash, Identity, UnixMillis};

/// Largest statement. A tlog-tiles entry may have 65,535 bytes; ours carry a few fields and at most one sealed part.
pub const MAX_STATEMENT: usize = 16 * 1024;
/// Most further statements that one statement may link.
const MAX_LINKS: u64 = 8;
/// How many statements one may carry, one within the other. Evidence needs most: it carries what two parties signed.
const MAX_NESTING: u8 = 3;
/// Media type of the whole statement (RFC 9943).
const TYP: &str = "application/scitt-statement+cose";

/// Why bytes are not a statement in our own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Larger than [`MAX_STATEMENT`].
    #[error("the statement is larger than {MAX_STATEMENT} bytes")]
    TooLarge,
    /// Not a tagged COSE_Sign1.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// Not deterministic CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A header is missing, unknown, or not of the type that the format gives it.
    #[error("the statement's headers are not of the format")]
    Headers,
    /// The content type is not `application/vnd.countersign.<kind>.v1+cbor`.
    #[error("the content type names no statement kind")]
    Kind,
    /// The unprotected header is not empty.
    #[error("the statement's unprotected header is not empty")]
    Unprotected,
    /// The payload map is not of the format.
    #[error("the statement's payload is not of the format")]
    Payload,
    /// Statements are carried one within the other, deeper than allowed.
    #[error("the statement carries other statements too deeply nested")]
    Nesting,
    /// The body is not of the format.
    #[error(transparent)]
    Fields(#[from] FieldsError),
    /// The signature is not 64 bytes, or its s is high.
    #[error(transparent)]
    Signature(#[from] KeyError),
}

/// A parsed statement: well-formed, not yet verified.
#[derive(Clone, Debug)]
pub struct Statement {
    bytes: Arc<[u8]>,
    id: Hash,
    kind: Kind,
    claims: Claims,
    certificate: Hash,
    to_be_signed: Vec<u8>,
    signature: Signature,
    payload: Payload,
}

impl Statement {
    /// Reads a statement that fills `bytes`, refusing every form but the one we write.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::parse_within(bytes, MAX_NESTING)
    }

    fn parse_within(bytes: &[u8], nesting: u8) -> Result<Self, FormatError> {
        let nesting = nesting.checked_sub(1).ok_or(FormatError::Nesting)?;
        if bytes.len() > MAX_STATEMENT {
            return Err(FormatError::TooLarge);
        }
        let sign1 = Sign1::parse(bytes)?;
        cbor::check_deterministic(bytes)?;
        cbor::check_deterministic(sign1.protected)?;
        if sign1.unprotected != [0xa0] {
            return Err(FormatError::Unprotected);
        }
        let payload_bytes = sign1.payload.ok_or(FormatError::Payload)?;
        cbor::check_deterministic(payload_bytes)?;
        let headers = Headers::decode(sign1.protected)?;
        Ok(Self {
            id: Hash::of(bytes),
            kind: headers.kind,
            claims: headers.claims,
            certificate: headers.certificate,
            to_be_signed: sign1.to_be_signed(&[], &[]),
            signature: Signature::from_raw(sign1.signature)?,
            payload: Payload::decode(payload_bytes, nesting)?,
            bytes: bytes.into(),
        })
    }

    /// The statement's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the statement with its unprotected header empty: its id, and its entry in a log.
    pub const fn id(&self) -> Hash {
        self.id
    }

    /// The kind it claims to be.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The subject that it claims to be about.
    pub const fn subject(&self) -> &Subject {
        &self.claims.subject
    }

    /// The issuer that it claims.
    pub const fn issuer(&self) -> &Identity {
        &self.claims.issuer
    }

    /// When it claims to have been signed, to the second.
    pub const fn issued_at(&self) -> UnixMillis {
        self.claims.issued_at
    }

    /// SHA-256 of the certificate to verify it with.
    pub const fn certificate(&self) -> Hash {
        self.certificate
    }

    /// The statement that it claims to countersign.
    pub fn countersigned(&self) -> Option<&Self> {
        self.payload.countersigned.as_deref()
    }

    /// Further statements that it claims to build on.
    pub fn links(&self) -> &[Hash] {
        &self.payload.links
    }

    /// Digests of all certificates that are needed to verify it: its own first, then those of what it carries.
    pub fn certificates(&self) -> impl Iterator<Item = Hash> {
        std::iter::successors(Some(self), |statement| statement.countersigned()).map(Self::certificate)
    }

    /// Digest of issuer and `cti`: no log accepts two statements with the same.
    pub fn replay_key(&self) -> Hash {
        Hash::framed("countersign/replay/v1", &[self.issuer().as_str().as_bytes(), &self.claims.cti])
    }

    /// Checks the signature alone, under `key`.
    pub(crate) fn verify_signature(&self, key: &PublicKey) -> Result<(), KeyError> {
        key.verify(&self.to_be_signed, &self.signature)
    }
}

/// A statement whose signature verifies under the key of an enrolled member who was entitled to sign at its time.
///
/// Made by [`crate::TrustStore::verify`], and from a node's own store by [`crate::TrustStore::recall`].
#[derive(Clone, Debug)]
pub struct Verified {
    statement: Statement,
    signer: Arc<Certificate>,
    countersigned: Option<Box<Self>>,
}

impl Verified {
    pub(crate) const fn new(
        statement: Statement,
        signer: Arc<Certificate>,
        countersigned: Option<Box<Self>>,
    ) -> Self {
        Self { statement, signer, countersigned }
    }

    /// The statement that this one countersigns, verified as well.
    pub fn countersigned(&self) -> Option<&Self> {
        self.countersigned.as_deref()
    }

    /// The statement. Its headers are verified.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Who signed it.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The body.
    pub const fn fields(&self) -> &Fields {
        &self.statement.payload.fields
    }

    /// The statement that this one follows on the same subject.
    pub const fn prev(&self) -> Option<Hash> {
        self.statement.payload.prev
    }

    /// Further statements that this one builds on.
    pub fn links(&self) -> &[Hash] {
        &self.statement.payload.links
    }

    /// The confidential part, sealed to its receiver (see [`crate::sealed`]).
    pub fn sealed(&self) -> Option<&[u8]> {
        self.statement.payload.sealed.as_deref()
    }

    /// `z`, SHA-256 of the signed bytes, and the signature `r || s`: the operands of the papers' chain values.
    pub fn signature_operands(&self) -> (Hash, [u8; Signature::LEN]) {
        (Hash::of(&self.statement.to_be_signed), *self.statement.signature.as_bytes())
    }
}

/// A statement to be signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The kind.
    pub kind: Kind,
    /// The subject.
    pub subject: Subject,
    /// The body.
    pub fields: Fields,
    /// The statement that it follows on the same subject, `None` for the first.
    pub prev: Option<Hash>,
    /// Further statements that it builds on.
    pub links: Vec<Hash>,
    /// The confidential part, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// Why a draft was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The draft does not fit the format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The key could not be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl Draft {
    /// Signs the draft as the holder of `certificate` at `now`. `cti` is fresh randomness, which makes this statement
    /// unique.
    pub fn sign(
        &self,
        certificate: &Certificate,
        signer: &dyn Signer,
        now: UnixMillis,
        cti: [u8; 16],
    ) -> Result<Statement, SignError> {
        self.write(None, certificate, signer, now, cti)
    }

    /// As [`Draft::sign`], carrying `other` and thereby countersigning it.
    pub fn countersign(
        &self,
        other: &Statement,
        certificate: &Certificate,
        signer: &dyn Signer,
        now: UnixMillis,
        cti: [u8; 16],
    ) -> Result<Statement, SignError> {
        self.write(Some(other), certificate, signer, now, cti)
    }

    fn write(
        &self,
        countersigned: Option<&Statement>,
        certificate: &Certificate,
        signer: &dyn Signer,
        now: UnixMillis,
        cti: [u8; 16],
    ) -> Result<Statement, SignError> {
        self.fields.check().map_err(FormatError::from)?;
        let protected = cbor::encode(|e| {
            e.map(5)?.i64(label::ALG)?.i64(ALG_ES256)?;
            e.i64(label::CONTENT_TYPE)?.str(&self.kind.content_type())?;
            e.i64(label::CWT_CLAIMS)?.map(4)?;
            e.u8(1)?.str(certificate.identity().as_str())?.u8(2)?.str(self.subject.as_str())?;
            e.u8(6)?.u64(now.seconds())?.u8(7)?.bytes(&cti)?;
            e.i64(label::TYP)?.str(TYP)?;
            e.i64(label::X5T)?.array(2)?.i64(ALG_SHA256)?.bytes(certificate.fingerprint().as_bytes())?.ok()
        });
        let payload = cbor::encode(|e| {
            let present =
                [self.prev.is_some(), !self.links.is_empty(), self.sealed.is_some(), countersigned.is_some()];
            e.map(1 + present.iter().map(|&present| u64::from(present)).sum::<u64>())?;
            self.fields.encode(e.u8(1)?)?;
            if let Some(prev) = self.prev {
                e.u8(2)?.bytes(prev.as_bytes())?;
            }
            if !self.links.is_empty() {
                e.u8(3)?.array(self.links.len() as u64)?;
                self.links.iter().try_for_each(|link| e.bytes(link.as_bytes())?.ok())?;
            }
            if let Some(sealed) = &self.sealed {
                e.u8(4)?.bytes(sealed)?;
            }
            if let Some(other) = countersigned {
                e.u8(5)?.bytes(other.as_bytes())?;
            }
            Ok(())
        });
        let signature = signer.sign(&cose::to_be_signed(&protected, &payload, &[]))?;
        let bytes = cbor::encode(|e| {
            e.tag(minicbor::data::Tag::new(cose::TAG_SIGN1))?.array(4)?;
            e.bytes(&protected)?.map(0)?.bytes(&payload)?.bytes(signature.as_bytes())?.ok()
        });
        Ok(Statement::parse(&bytes)?)
    }
}

struct Headers {
    kind: Kind,
    claims: Claims,
    certificate: Hash,
}

impl Headers {
    fn decode(protected: &[u8]) -> Result<Self, FormatError> {
        let headers = cose::Headers::parse(protected)?;
        if headers.len() != 5
            || headers.int(label::ALG) != Some(ALG_ES256)
            || headers.text(label::TYP) != Some(TYP)
        {
            return Err(FormatError::Headers);
        }
        let content_type = headers.text(label::CONTENT_TYPE).ok_or(FormatError::Headers)?;
        Ok(Self {
            kind: Kind::from_content_type(content_type).ok_or(FormatError::Kind)?,
            claims: headers.value(label::CWT_CLAIMS).and_then(Claims::decode).ok_or(FormatError::Headers)?,
            certificate: headers.value(label::X5T).and_then(x5t).ok_or(FormatError::Headers)?,
        })
    }
}

#[derive(Clone, Debug)]
struct Claims {
    issuer: Identity,
    subject: Subject,
    issued_at: UnixMillis,
    cti: [u8; 16],
}

impl Claims {
    fn decode(mut d: Decoder<'_>) -> Option<Self> {
        let shape = d.map().ok()? == Some(4);
        let (iss, issuer) = (d.u8().ok()?, Identity::parse(d.str().ok()?).ok()?);
        let (sub, subject) = (d.u8().ok()?, Subject::new(d.str().ok()?).ok()?);
        let (iat, seconds) = (d.u8().ok()?, d.u64().ok()?);
        let (cti_key, cti) = (d.u8().ok()?, d.bytes().ok()?.try_into().ok()?);
        let issued_at = UnixMillis::from_seconds(seconds);
        (shape && [iss, sub, iat, cti_key] == [1, 2, 6, 7]).then_some(Self {
            issuer,
            subject,
            issued_at,
            cti,
        })
    }
}

fn x5t(mut d: Decoder<'_>) -> Option<Hash> {
    let shape = d.array().ok()? == Some(2) && d.i64().ok()? == ALG_SHA256;
    Hash::from_slice(d.bytes().ok()?).filter(|_| shape)
}

#[derive(Clone, Debug, Default)]
struct Payload {
    fields: Fields,
    prev: Option<Hash>,
    links: Vec<Hash>,
    sealed: Option<Vec<u8>>,
    countersigned: Option<Box<Statement>>,
}

impl Payload {
    /// `nesting` is how many more levels of carried statements are allowed.
    fn decode(bytes: &[u8], nesting: u8) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let mut payload = Self::default();
        let malformed = |_| FormatError::Payload;
        let count = d.map().map_err(malformed)?.ok_or(FormatError::Payload)?;
        if count == 0 || d.u8().map_err(malformed)? != 1 {
            return Err(FormatError::Payload);
        }
        payload.fields = Fields::decode(&mut d)?;
        for _ in 1..count {
            match d.u8().map_err(malformed)? {
                2 => payload.prev = Some(digest(&mut d)?),
                3 => payload.links = links(&mut d)?,
                4 => payload.sealed = Some(d.bytes().map_err(malformed)?.to_vec()),
                5 => {
                    let carried = d.bytes().map_err(malformed)?;
                    payload.countersigned = Some(Box::new(Statement::parse_within(carried, nesting)?));
                }
                _ => return Err(FormatError::Payload),
            }
        }
        Ok(payload)
    }
}

fn links(d: &mut Decoder<'_>) -> Result<Vec<Hash>, FormatError> {
    match d.array() {
        Ok(Some(count @ 1..=MAX_LINKS)) => (0..count).map(|_| digest(d)).collect(),
        _ => Err(FormatError::Payload),
    }
}

fn digest(d: &mut Decoder<'_>) -> Result<Hash, FormatError> {
    d.bytes().ok().and_then(Hash::from_slice).ok_or(FormatError::Payload)
}
