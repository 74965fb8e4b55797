//! Asking a node. What comes back is bounded and has the right shape; whether it is true, the caller finds out.

mod https;
mod problem;
mod services;
mod transport;

use std::time::Duration;

use countersign_custody::Synced;
use countersign_custody::report::{Kept, MAX_ENVELOPE, MAX_PAGE, read_page};
use countersign_ledger::cbor::encode;
use countersign_ledger::{
    FamilyProof, Hash, LogName, MAX_NOTE_LEN, MAX_PATH, MAX_STATEMENT, Problem, Subject, SubjectHistory,
    TILE_WIDTH, TilePath, read_bundle,
};

pub(crate) use self::https::read_body;
pub use self::https::{Https, HttpsError};
pub(crate) use self::problem::jittered;
pub(crate) use self::services::LINKS;
pub use self::services::{AttributeAuthority, RecordStore};
pub use self::transport::{Method, Request, Response, Transport, TransportError};
use crate::cbor;

/// Longest subject, and with it the longest name in a list (see [`Subject`]).
const MAX_NAME: usize = 240;
/// Most names in one answer.
const MAX_NAMES: u64 = 512;
/// Room for a CBOR item's head, and for a bundle's length prefix.
const HEAD: usize = 9;
/// Most subjects or families that a node answers about at a time.
pub(crate) const MAX_ASKED: usize = 64;
/// A page of histories: so many statements with their paths and, at most, as many certificates; a proof for each subject.
const MAX_HISTORIES: usize =
    256 * (MAX_STATEMENT + MAX_PATH * (32 + HEAD) + 2048 + 4 * HEAD) + MAX_ASKED * (1 << 14);
/// Proofs of families: 200,000 packs of one lot with statements of their own.
const MAX_FAMILIES: usize = 16 << 20;
const MAX_BUNDLE: usize = TILE_WIDTH as usize * (MAX_STATEMENT + 2);
const MAX_CERTIFICATE: usize = 2048;
const MAX_RECEIPT: usize = 16 * 1024;
/// How often an upload is taken up in one call.
const UPLOADS: usize = 3;
/// Answers whose content does not matter.
const MAX_SMALL: usize = 4096;

/// Why a node gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node was not reached, or not to the end.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Nothing was looked at; try again later.
    #[error("the node is busy, and asks to be left alone for {} s", .retry_after.as_secs())]
    Busy {
        /// How long to wait: what the node asks, within bounds, and a little more.
        retry_after: Duration,
    },
    /// Proofs at that size are no longer given: take the newer checkpoint.
    #[error("the node no longer gives proofs at this size")]
    Gone,
    /// The node has no such thing.
    #[error("the node has nothing under this name")]
    NotFound,
    /// The node refuses, and says why.
    #[error("the node refuses ({title}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// A stable name that a program may switch on.
        title: String,
        /// A sentence.
        detail: String,
    },
    /// The node failed.
    #[error("the node failed with status {0}")]
    Failed(u16),
    /// The answer is not of its format.
    #[error("the node's answer is malformed: {0}")]
    Malformed(&'static str),
}

impl ClientError {
    /// Why the node refuses, if this version knows the reason.
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Refused { title, .. } => Problem::from_name(title),
            _ => None,
        }
    }
}

/// What became of a submitted statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its index in the log, by the node's word.
    pub index: u64,
    /// Size of the log after it, by the node's word.
    pub size: u64,
}

/// The largest that a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a blob.
    pub blob_bytes: u64,
}

/// A node, as a client sees it.
pub struct Client(Box<dyn Transport>);

impl Client {
    /// Asks through `transport`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Box::new(transport))
    }

    /// What the clocks of this phone and of the node showed at the last answer, if the node told.
    pub fn clocks(&self) -> Option<Synced> {
        self.0.clocks()
    }

    /// The node's genesis file. To be pinned only on the word of somebody trusted.
    pub fn genesis(&self) -> Result<Vec<u8>, ClientError> {
        self.get("/genesis".into(), 256 * 1024)
    }

    /// The newest checkpoint of a log: a note's text.
    pub fn checkpoint(&self, log: LogName) -> Result<String, ClientError> {
        let note = self.get(format!("/{log}/checkpoint"), MAX_NOTE_LEN)?;
        String::from_utf8(note).map_err(|_| ClientError::Malformed("checkpoint"))
    }

    /// Hashes that show the log of `old` entries to be the beginning of the one of `new`.
    pub fn consistency(&self, log: LogName, old: u64, new: u64) -> Result<Vec<Hash>, ClientError> {
        let proof = self.get(format!("/{log}/consistency/{old}/{new}"), MAX_PATH * (32 + HEAD) + HEAD)?;
        cbor::list(&proof, MAX_PATH as u64, |d| Hash::from_slice(d.bytes().ok()?))
            .ok_or(ClientError::Malformed("consistency proof"))
    }

    /// The statements of a bundle.
    pub fn bodies(&self, log: LogName, path: &TilePath) -> Result<Vec<Vec<u8>>, ClientError> {
        let bundle = self.get(format!("/{log}/{path}"), MAX_BUNDLE)?;
        let entries = read_bundle(path, &bundle).map_err(|_| ClientError::Malformed("bundle"))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// A subject's statements after the first `skip`, proven at the checkpoint of `size`; one page of them.
    pub fn subject(
        &self,
        log: LogName,
        size: u64,
        subject: &Subject,
        skip: u64,
    ) -> Result<SubjectHistory, ClientError> {
        self.subjects(log, size, [(subject, skip)])?.pop().ok_or(ClientError::Malformed("history"))
    }

    /// The statements of subjects, each after its first so many, proven at the checkpoint of `size`: one page of them, in
    /// the order asked, which may end before the last history or in it. At most `MAX_ASKED` at a time.
    pub fn subjects<'a>(
        &self,
        log: LogName,
        size: u64,
        asked: impl IntoIterator<Item = (&'a Subject, u64)>,
    ) -> Result<Vec<SubjectHistory>, ClientError> {
        let asked: Vec<_> = asked
            .into_iter()
            .map(|(subject, skip)| format!("{}&skip={skip}", query(subject.as_str())))
            .collect();
        let answer = self.get(format!("/{log}/subjects/{size}?{}", asked.join("&")), MAX_HISTORIES)?;
        cbor::list(&answer, asked.len() as u64, |d| SubjectHistory::from_cbor(d.bytes().ok()?).ok())
            .filter(|histories| !histories.is_empty())
            .ok_or(ClientError::Malformed("history"))
    }

    /// All subjects of each family, by their hashes, proven at the checkpoint of `size`. At most `MAX_ASKED` at a time.
    pub fn families<'a>(
        &self,
        log: LogName,
        size: u64,
        asked: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<FamilyProof>, ClientError> {
        let asked: Vec<_> = asked.into_iter().map(query).collect();
        let answer = self.get(format!("/{log}/families/{size}?{}", asked.join("&")), MAX_FAMILIES)?;
        cbor::list(&answer, asked.len() as u64, |d| FamilyProof::from_cbor(d.bytes().ok()?).ok())
            .filter(|proofs| proofs.len() == asked.len())
            .ok_or(ClientError::Malformed("family proof"))
    }

    /// Names of a family's members after the first `skip`, in the order of its proof; one page of them. Hash them.
    pub fn names(
        &self,
        log: LogName,
        size: u64,
        family: &str,
        skip: u64,
    ) -> Result<Vec<String>, ClientError> {
        let path = format!("/{log}/names/{size}?{}&skip={skip}", query(family));
        // The limit bounds all names together: a name of ours is never longer than a subject.
        let names = self.get(path, (MAX_NAME + HEAD) * 512 + HEAD)?;
        cbor::list(&names, MAX_NAMES, |d| d.str().ok().map(str::to_owned))
            .ok_or(ClientError::Malformed("names"))
    }

    /// An enrolled certificate. Hash it.
    pub fn certificate(&self, fingerprint: Hash) -> Result<Vec<u8>, ClientError> {
        self.get(format!("/certificate/{fingerprint}"), MAX_CERTIFICATE)
    }

    /// What a statement names by its digest, of exactly `length` bytes. Hash it.
    pub fn blob(&self, digest: Hash, length: usize) -> Result<Vec<u8>, ClientError> {
        self.get(format!("/blob/{digest}"), length)
    }

    /// The largest that the node takes.
    pub fn limits(&self) -> Result<Limits, ClientError> {
        let limits = self.get("/limits".into(), MAX_SMALL)?;
        let blob_bytes = cbor::member(&limits, "blob-bytes").ok_or(ClientError::Malformed("limits"))?;
        Ok(Limits { blob_bytes })
    }

    /// Uploads what a statement names by its digest: one that was admitted, or that waits for it. An upload that was cut off goes
    /// on where it was.
    pub fn upload(&self, bytes: &[u8]) -> Result<(), ClientError> {
        upload(&*self.0, &format!("/blob/{}", Hash::of(bytes)), None, bytes)
    }

    /// Asks for a certificate by a one-time code and a certification request; returns DER.
    pub fn enrol(&self, code: &str, request: &[u8]) -> Result<Vec<u8>, ClientError> {
        let body = encode(|e| e.array(2)?.str(code)?.bytes(request)?.ok());
        let (path, content_type) = ("/enrol".into(), Some("application/cbor"));
        let request = Request {
            method: Method::Post,
            path,
            range: None,
            content_type,
            token: None,
            body: &body,
            limit: MAX_SMALL,
        };
        Ok(success(self.0.send(&request)?)?.body)
    }

    /// Submits a statement. An answer means that the node has made it durable; that the log holds it, the receipt shows.
    /// Submitting twice is harmless.
    pub fn submit(&self, log: LogName, statement: &[u8]) -> Result<Acknowledged, ClientError> {
        let (path, content_type) = (format!("/{log}/entries"), Some("application/cose"));
        let request = Request {
            method: Method::Post,
            path,
            range: None,
            content_type,
            token: None,
            body: statement,
            limit: MAX_SMALL,
        };
        let response = self.0.send(&request)?;
        if response.status != 303 {
            return Err(problem::read(&response));
        }
        let place = cbor::list(&response.body, 2, |d| d.u64().ok());
        match place.as_deref() {
            Some(&[index, size]) => Ok(Acknowledged { index, size }),
            _ => Err(ClientError::Malformed("acknowledgement")),
        }
    }

    /// The receipt of a statement; `None` while the log has not placed it yet.
    pub fn receipt(&self, log: LogName, id: Hash) -> Result<Option<Vec<u8>>, ClientError> {
        let response = self.0.send(&Request::get(format!("/{log}/entries/{id}"), MAX_RECEIPT))?;
        if response.status == 302 { Ok(None) } else { Ok(Some(success(response)?.body)) }
    }

    /// Hands in a sealed report of a suspicion. An answer means that the node has made it durable. Again is harmless.
    pub fn report(&self, sealed: &[u8]) -> Result<(), ClientError> {
        self.post("/reports", "application/cbor", sealed, MAX_SMALL).map(drop)
    }

    /// Asks for reports by an authority's signed request.
    pub fn read_reports(&self, request: &[u8]) -> Result<Vec<Kept>, ClientError> {
        let answer = self.post("/reports/read", "application/cose", request, MAX_PAGE + MAX_ENVELOPE)?;
        read_page(&answer).ok_or(ClientError::Malformed("reports"))
    }

    /// Has a report removed by an authority's signed request.
    pub fn remove_report(&self, request: &[u8]) -> Result<(), ClientError> {
        self.post("/reports/remove", "application/cose", request, MAX_SMALL).map(drop)
    }

    fn post(
        &self,
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
            limit,
        };
        Ok(success(self.0.send(&request)?)?.body)
    }

    fn get(&self, path: String, limit: usize) -> Result<Vec<u8>, ClientError> {
        // A problem document may be longer than a short answer.
        let response = self.0.send(&Request::get(path, limit.max(MAX_SMALL)))?;
        let body = success(response)?.body;
        if body.len() > limit { Err(TransportError::TooLarge.into()) } else { Ok(body) }
    }
}

/// Uploads bytes to a path that is named by their digest; what the other side has of them it keeps.
fn upload(
    transport: &dyn Transport,
    path: &str,
    token: Option<&[u8]>,
    bytes: &[u8],
) -> Result<(), ClientError> {
    for _ in 0..UPLOADS {
        let head = Request { method: Method::Head, token, ..Request::get(path.to_owned(), 0) };
        let known = transport.send(&head)?;
        let received = match known.status {
            200 => return Ok(()),
            404 => known.received.filter(|&received| received <= bytes.len() as u64).unwrap_or(0),
            _ => return Err(problem::read(&known)),
        };
        // safe: no more than there are
        let rest = usize::try_from(received).ok().and_then(|from| bytes.get(from..)).unwrap_or(bytes);
        let put = Request {
            method: Method::Put,
            path: path.to_owned(),
            range: Some((received, bytes.len() as u64)).filter(|_| received > 0),
            content_type: Some("application/octet-stream"),
            token,
            body: rest,
            limit: MAX_SMALL,
        };
        let answer = transport.send(&put)?;
        // The node has another part of it than it said: it has been asked by somebody else, or has forgotten.
        let moved = answer.received.is_some() && matches!(answer.status, 202 | 409);
        if !moved {
            return success(answer).map(drop);
        }
    }
    Err(ClientError::Malformed("upload"))
}

fn success(response: Response) -> Result<Response, ClientError> {
    if (200..300).contains(&response.status) { Ok(response) } else { Err(problem::read(&response)) }
}

/// What is asked about, as a query's part.
fn query(text: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("s", text).finish()
}
