//! Asking a record store and an attribute authority. What comes back is bounded and has the right shape; whether it is what was
//! asked for, the caller finds out.

use countersign_ledger::cbor::encode;
use countersign_ledger::{Hash, Identity, MAX_STATEMENT};
use countersign_records::{Delivered, KeyAsk, MAX_DELIVERED, MAX_OBJECT, Submission, Taken, Vouch};
use minicbor::Decoder;

use super::transport::{Method, Request, Transport};
use super::{ClientError, MAX_SMALL, success, upload};

/// The answer to a ticket: a token, and up to 64 digests.
const MAX_TAKEN: usize = 4096;
/// Before a link's name.
pub(crate) const LINKS: &str = "/store/links/";
/// A key of attribute-based encryption for 64 attributes, sealed.
const MAX_KEY: usize = 32 * 1024;

/// A record store, as a client sees it.
pub struct RecordStore(Box<dyn Transport>);

impl RecordStore {
    /// Asks through `transport`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Box::new(transport))
    }

    /// The store's SPIFFE ID, by its own word: the ledger knows whether it is one.
    pub fn identity(&self) -> Result<Identity, ClientError> {
        identity(&*self.0, "/store")
    }

    /// Hands in a ticket with its rows; the answer says which objects are to be uploaded. Again is harmless.
    pub fn submit(&self, submission: &Submission) -> Result<Taken, ClientError> {
        let answer = post(&*self.0, "/store/tickets", "application/cbor", &submission.to_bytes(), MAX_TAKEN)?;
        Taken::from_bytes(&answer).ok_or(ClientError::Malformed("answer to a ticket"))
    }

    /// Uploads an object that a ticket announced. One that was cut off goes on where it was.
    pub fn upload(&self, object: &[u8], token: &[u8]) -> Result<(), ClientError> {
        upload(&*self.0, &format!("/store/objects/{}", Hash::of(object)), Some(token), object)
    }

    /// Has an object that is held given out by a name, to whoever has a SMART Health Link to it. `gate` says until when, and by which
    /// passcode ([`countersign_shl::Gate`]). Again is harmless.
    pub fn link(&self, name: &str, object: Hash, gate: &[u8], token: &[u8]) -> Result<(), ClientError> {
        let body = encode(|e| e.array(2)?.bytes(object.as_bytes())?.bytes(gate)?.ok());
        self.of_link(Method::Put, name, &body, token)
    }

    /// Has it given out no more. Again is harmless.
    pub fn unlink(&self, name: &str, token: &[u8]) -> Result<(), ClientError> {
        self.of_link(Method::Delete, name, &[], token)
    }

    fn of_link(&self, method: Method, name: &str, body: &[u8], token: &[u8]) -> Result<(), ClientError> {
        let request = Request {
            method,
            path: format!("{LINKS}{name}"),
            range: None,
            content_type: (method == Method::Put).then_some("application/cbor"),
            token: Some(token),
            body,
            limit: MAX_SMALL,
        };
        success(self.0.send(&request)?).map(drop)
    }

    /// Demands what was granted. The same demand again is the same delivery.
    pub fn deliver(&self, demand: &[u8]) -> Result<Delivered, ClientError> {
        let answer = post(&*self.0, "/store/deliveries", "application/cose", demand, MAX_DELIVERED)?;
        Delivered::from_bytes(&answer).ok_or(ClientError::Malformed("delivery"))
    }

    /// An object of a delivery. Hash it.
    pub fn object(&self, digest: Hash, token: &[u8]) -> Result<Vec<u8>, ClientError> {
        let request =
            Request { token: Some(token), ..Request::get(format!("/store/objects/{digest}"), MAX_OBJECT) };
        Ok(success(self.0.send(&request)?)?.body)
    }
}

/// An attribute authority, as a client sees it.
pub struct AttributeAuthority(Box<dyn Transport>);

impl AttributeAuthority {
    /// Asks through `transport`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Box::new(transport))
    }

    /// The authority's SPIFFE ID, by its own word: the ledger knows whether it is one.
    pub fn identity(&self) -> Result<Identity, ClientError> {
        identity(&*self.0, "/authority")
    }

    /// Asks for a key; it comes sealed.
    pub fn key(&self, ask: &KeyAsk) -> Result<Vec<u8>, ClientError> {
        post(&*self.0, "/keys", "application/cbor", &ask.to_bytes(), MAX_KEY)
    }

    /// Asks to vouch; the signed request comes back. The same ask again is the same request.
    pub fn vouch(&self, vouch: &Vouch) -> Result<Vec<u8>, ClientError> {
        post(&*self.0, "/vouch", "application/cbor", &vouch.to_bytes(), MAX_STATEMENT)
    }
}

/// What a service says that it is: the first item of an array.
fn identity(transport: &dyn Transport, path: &str) -> Result<Identity, ClientError> {
    let answer = success(transport.send(&Request::get(path.to_owned(), MAX_SMALL))?)?.body;
    let read = || {
        let mut d = Decoder::new(&answer);
        d.array().ok()?;
        Identity::parse(d.str().ok()?).ok()
    };
    read().ok_or(ClientError::Malformed("identity"))
}

fn post(
    transport: &dyn Transport,
    path: &str,
    content_type: &'static str,
    body: &[u8],
    limit: usize,
) -> Result<Vec<u8>, ClientError> {
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        range: None,
        content_type: Some(content_type),
        token: None,
        body,
        limit: limit.max(MAX_SMALL),
    };
    Ok(success(transport.send(&request)?)?.body)
}
