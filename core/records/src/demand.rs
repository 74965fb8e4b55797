//! A demand: whoever asked for a record, with the key that the request names, asks the store for what was granted.
//!
//! In scope: the message, and what a store checks of it alone: its form, its time, its nonce, its signature. Out of scope:
//! whether something was granted. That the log decides, by admitting the delivery or not ([`crate::rules`]).
//!
//! ```cddl
//! demand = #6.18([protected: bstr .cbor headers, unprotected: {}, payload: bstr .cbor payload, signature: bstr .size 64])
//! headers = { 1 => -7, 16 => "application/vnd.countersign.record-demand.v1+cose" }   ; ES256, low s
//! payload = [request: digest, store: tstr, nonce: bstr .size 16, time: uint, size: uint, root: digest]
//! ; request: the id of the statement; store: its SPIFFE ID; time: milliseconds since 1970;
//! ; size, root: the newest checkpoint of the request's log that the holder has verified
//! digest = bstr .size 32
//!
//! delivered = [row: bstr .cbor row, delivery: bstr .cbor statement, receipt: bstr, token: bstr, until: uint]
//! ```
//!
//! A store answers with what it has delivered: the row, its own statement in the log with the receipt (RFC 9942), and a token,
//! good until a time, for each of the row's objects.
//!
//! The same demand again is the same delivery, so an answer that was lost costs nothing. Another demand with the same nonce is
//! refused. After [`DEMAND_MILLIS`] a demand is worth nothing, whoever has recorded it.

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::cose::{self, ALG_ES256, Sign1, label};
use countersign_ledger::{
    Draft, Fields, Hash, Identity, Kind, PublicKey, Signature, Signer, SignerError, Subject, UnixMillis,
};
use minicbor::Decoder;
use minicbor::data::Tag;

use crate::line::{MAX_ROW, Row};
use crate::rules::DELIVERY;

/// How old a demand may be, and how far ahead of the store's clock.
pub const DEMAND_MILLIS: u64 = 60 * 1000;
/// Largest demand: a store's name has up to 255 bytes, all else is of fixed length.
pub const MAX_DEMAND: usize = 1024;
const TYP: &str = "application/vnd.countersign.record-demand.v1+cose";

/// Why a demand is refused, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// Not of the format.
    #[error("this is no demand for a record")]
    Malformed,
    /// It is for another store.
    #[error("the demand is for another store")]
    OtherStore,
    /// It was signed too long ago.
    #[error("the demand is more than a minute old: sign a new one")]
    Old,
    /// It is dated ahead.
    #[error("the demand is dated more than a minute ahead: set the clock")]
    Ahead,
    /// Another demand on the same request had its nonce.
    #[error("another demand had this nonce: sign one with a fresh nonce")]
    Nonce,
    /// It was not signed with the key that the request names.
    #[error("the demand is not signed with the key that the request names")]
    Signature,
}

/// What a holder demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The id of the request.
    pub request: Hash,
    /// The store.
    pub store: Identity,
    /// Fresh randomness.
    pub nonce: [u8; 16],
    /// When it is signed.
    pub time: UnixMillis,
    /// Number of entries of the newest checkpoint of the request's log that the holder has verified.
    pub seen_size: u64,
    /// Root of that checkpoint.
    pub seen_root: Hash,
}

impl Wanted {
    /// Signs the demand with the request's holder key.
    pub fn sign(&self, holder: &dyn Signer) -> Result<Demand, SignerError> {
        let (protected, payload) = (headers(), self.to_bytes());
        let to_be_signed = cose::to_be_signed(&protected, &payload, &[]);
        let signature = holder.sign(&to_be_signed)?;
        let bytes = encode(|e| {
            e.tag(Tag::new(cose::TAG_SIGN1))?.array(4)?;
            e.bytes(&protected)?.map(0)?.bytes(&payload)?.bytes(signature.as_bytes())?.ok()
        });
        Ok(Demand { bytes, wanted: self.clone(), to_be_signed, signature })
    }

    fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(6)?.bytes(self.request.as_bytes())?.str(self.store.as_str())?.bytes(&self.nonce)?;
            e.u64(self.time.0)?.u64(self.seen_size)?.bytes(self.seen_root.as_bytes())?.ok()
        })
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        let six = d.array().ok()? == Some(6);
        let request = Hash::from_slice(d.bytes().ok()?)?;
        let store = Identity::parse(d.str().ok()?).ok()?;
        let (nonce, time) = (d.bytes().ok()?.try_into().ok()?, UnixMillis(d.u64().ok()?));
        let (seen_size, seen_root) = (d.u64().ok()?, Hash::from_slice(d.bytes().ok()?)?);
        six.then_some(Self { request, store, nonce, time, seen_size, seen_root })
    }
}

fn headers() -> Vec<u8> {
    encode(|e| e.map(2)?.i64(label::ALG)?.i64(ALG_ES256)?.i64(label::TYP)?.str(TYP)?.ok())
}

/// A demand as it came. Nothing in it is verified.
#[derive(Clone, Debug)]
pub struct Demand {
    bytes: Vec<u8>,
    wanted: Wanted,
    to_be_signed: Vec<u8>,
    signature: Signature,
}

/// What a store knows when a demand comes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The key that the request names.
    pub holder: &'a PublicKey,
    /// The store itself.
    pub store: &'a Identity,
    /// The time.
    pub now: UnixMillis,
    /// The proof of the demand on this request that had the same nonce, if there was one.
    pub before: Option<Hash>,
}

impl Demand {
    /// Reads a demand, refusing every form but the one we write.
    pub fn parse(bytes: &[u8]) -> Result<Self, DemandError> {
        if bytes.len() > MAX_DEMAND || cbor::check_deterministic(bytes).is_err() {
            return Err(DemandError::Malformed);
        }
        let read = || {
            let sign1 = Sign1::parse(bytes).ok()?;
            let payload = sign1.payload.filter(|payload| cbor::check_deterministic(payload).is_ok())?;
            let ours = sign1.protected == headers() && sign1.unprotected == [0xa0];
            let signature = Signature::from_raw(sign1.signature).ok()?;
            let wanted = Wanted::from_bytes(payload).filter(|_| ours)?;
            Some(Self {
                bytes: bytes.to_vec(),
                wanted,
                to_be_signed: sign1.to_be_signed(&[], &[]),
                signature,
            })
        };
        read().ok_or(DemandError::Malformed)
    }

    /// The demand as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The request that it claims to be on.
    pub const fn request(&self) -> Hash {
        self.wanted.request
    }

    /// Its nonce.
    pub const fn nonce(&self) -> [u8; 16] {
        self.wanted.nonce
    }

    /// Its hash, which the delivery states.
    pub fn proof(&self) -> Hash {
        Hash::framed("countersign/record-demand/v1", &[&self.bytes])
    }

    /// Verifies the demand.
    pub fn verify(self, asked: &Asked<'_>) -> Result<Demanded, DemandError> {
        let Wanted { store, time, .. } = &self.wanted;
        if store != asked.store {
            return Err(DemandError::OtherStore);
        }
        if asked.now.since(*time) > DEMAND_MILLIS {
            return Err(DemandError::Old);
        }
        if time.since(asked.now) > DEMAND_MILLIS {
            return Err(DemandError::Ahead);
        }
        let proof = self.proof();
        if asked.before.is_some_and(|before| before != proof) {
            return Err(DemandError::Nonce);
        }
        asked.holder.verify(&self.to_be_signed, &self.signature).map_err(|_| DemandError::Signature)?;
        Ok(Demanded { wanted: self.wanted, proof })
    }
}

/// A demand by whoever has the key that the request names, fresh and for this store. Made by [`Demand::verify`] alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demanded {
    wanted: Wanted,
    proof: Hash,
}

impl Demanded {
    /// What is demanded.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The hash of the demand.
    pub const fn proof(&self) -> Hash {
        self.proof
    }

    /// The delivery of a row that the store signs, on the request's thread after `prev`.
    pub fn delivery(&self, thread: Subject, row: Hash, prev: Hash) -> Draft {
        #[expect(clippy::expect_used, reason = "a constant that the tests read")]
        let kind = Kind::new(DELIVERY).expect("a kind");
        let fields = Fields::new().with("row", row).with("proof", self.proof);
        Draft { kind, subject: thread, fields, prev: Some(prev), links: vec![], sealed: None }
    }
}

/// Largest delivery, delivered: a row, a statement, a receipt and a token.
pub const MAX_DELIVERED: usize = MAX_ROW + 32 * 1024;

/// What a store answers to a demand. The receipt and the statement are checked by whoever trusts the log; the row is the one
/// that the record's index names, or it is not opened ([`crate::Reader`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// The objects.
    pub row: Row,
    /// The store's statement.
    pub delivery: Vec<u8>,
    /// Its receipt.
    pub receipt: Vec<u8>,
    /// What the store wants to see before it hands out an object; it says nothing to anybody else.
    pub token: Vec<u8>,
    /// Until when the token is good.
    pub until: UnixMillis,
}

impl Delivered {
    /// The answer as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(5)?.bytes(&self.row.to_bytes())?.bytes(&self.delivery)?.bytes(&self.receipt)?;
            e.bytes(&self.token)?.u64(self.until.0)?.ok()
        })
    }

    /// Reads what [`Delivered::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_DELIVERED || cbor::check_deterministic(bytes).is_err() {
            return None;
        }
        let mut d = Decoder::new(bytes);
        let five = d.array().ok()? == Some(5);
        let row = Row::from_bytes(d.bytes().ok()?).ok()?;
        let mut next = || Some(d.bytes().ok()?.to_vec());
        let (delivery, receipt, token) = (next()?, next()?, next()?);
        let until = UnixMillis(d.u64().ok()?);
        five.then_some(Self { row, delivery, receipt, token, until })
    }
}
