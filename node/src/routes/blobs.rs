//! What statements name by digest and length: the filters of lots.
//!
//! The digest in a statement is the permission: anyone may upload the bytes, and no others. The statement is one that was
//! admitted, or one that a member has submitted and that waits for nothing but these bytes. Whether they are waited for is
//! looked up before a byte is read.
//!
//! - `PUT /blob/{digest}` with all bytes -> 204. A blob that is there is not read again: 204 at once.
//! - `HEAD /blob/{digest}` -> 200, or 404 with `Upload-Offset`: how many bytes are here, of an upload by this address that was
//!   cut off. They are kept for a quarter of an hour.
//! - `PUT /blob/{digest}` with `Content-Range: bytes {first}-{last}/{length}` (RFC 9110 section 14.5) and those bytes goes on
//!   with such an upload -> 204, or 202 with `Upload-Offset` if more is to come. `first` is that offset, or else 409 `offset`.
//!   An upload that begins at nought, or has no range, begins anew.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{Hash, Problem, Promise, Statement};
use http_body_util::BodyExt as _;
use rusqlite::TransactionBehavior;

use super::bodies::{PIECE, blocking, busy, look_up, stream, within_rate};
use super::problem::ProblemDetails;
use super::{IMMUTABLE, OCTETS, Shared, digest};
use crate::limits::Client;
use crate::server::Peer;
use crate::service::Service;
use crate::store::{self, StoreError, StoredBlob};
use crate::uploads::Upload;

/// How many bytes of an upload are here.
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// A member's announced blobs are together no longer than so many of the longest.
const ANNOUNCED: u64 = 4;
/// When a member comes back who has announced more.
const MANY_ANNOUNCED: Duration = Duration::from_mins(10);

/// `GET /blob/{digest}`
pub(super) async fn get(
    State(service): Shared,
    Path(hex): Path<String>,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let digest = digest(&hex)?;
    let blob = look_for(&service, peer.client, digest).await?.filter(|blob| blob.held).ok_or_else(missing)?;
    let body = stream(&service, peer.client, PIECE, (digest, 0), |service, (digest, from)| {
        let readers = service.published.readers();
        let bytes = readers.with(|connection| store::blob_bytes(connection, *digest, *from, PIECE))?;
        *from += bytes.len() as u64;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    });
    Ok((headers(blob), body).into_response())
}

/// `HEAD /blob/{digest}`
pub(super) async fn head(
    State(service): Shared,
    Path(hex): Path<String>,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let digest = digest(&hex)?;
    match look_for(&service, peer.client, digest).await? {
        Some(blob) if blob.held => Ok((headers(blob), ()).into_response()),
        _ => {
            let received = service.uploads.received(peer.client, digest);
            Ok((StatusCode::NOT_FOUND, [(UPLOAD_OFFSET, received)]).into_response())
        }
    }
}

/// `PUT /blob/{digest}`
pub(super) async fn put(
    State(service): Shared,
    Path(hex): Path<String>,
    Peer { client, .. }: Peer,
    request: Request,
) -> Result<Response<Body>, ProblemDetails> {
    let digest = digest(&hex)?;
    within_rate(&service.bounds, client)?;
    let unnamed = || ProblemDetails::new(Problem::Unnamed, "no statement names this blob");
    let StoredBlob { length, held } = look_for(&service, client, digest).await?.ok_or_else(unnamed)?;
    if held {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (first, until) = range(request.headers(), length).ok_or_else(wrong)?;
    let body = request.into_body();
    if length > service.config.limits.blob_bytes as u64 {
        let large = "a blob of this length is not taken here";
        return Err(ProblemDetails::new(Problem::TooLarge, large));
    }
    if body.size_hint().exact().is_some_and(|bytes| bytes != until - first) {
        return Err(wrong());
    }
    let _place = service.bounds.budgets.uploads.try_take(client, 1).ok_or_else(busy)?;
    let upload = match (first, service.uploads.take(client, digest)) {
        (0, _) => {
            let bytes = usize::try_from(length).unwrap_or(usize::MAX);
            let room = service.bounds.budgets.unfinished.try_take(client, bytes).ok_or_else(busy)?;
            service.uploads.begin(room).map_err(StoreError::Blob)?
        }
        (first, Some(upload)) if upload.received() == first => upload,
        (_, begun) => {
            if let Some(upload) = begun {
                service.uploads.keep(client, digest, upload);
            }
            let other = "the upload does not go on at this byte: a HEAD request tells where it does";
            return Err(ProblemDetails::new(Problem::Offset, other));
        }
    };
    let mut upload = Receiving { service: Arc::clone(&service), client, digest, upload: Some(upload) };
    let received = upload.receive(body, until).await?;
    if received < length {
        return Ok((StatusCode::ACCEPTED, [(UPLOAD_OFFSET, received)]).into_response());
    }
    let _place = service.bounds.budgets.writes.take(client, 1).await;
    if let Some(upload) = upload.upload.take() {
        blocking(move || keep(&service, digest, length, upload)).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An upload while it is being received. It is kept when this is dropped, however that comes about.
struct Receiving {
    service: Arc<Service>,
    client: Client,
    digest: Hash,
    upload: Option<Upload>,
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.service.uploads.keep(self.client, self.digest, upload);
        }
    }
}

impl Receiving {
    /// Writes what comes to disk, up to byte `until`, and returns how much there is then. What is not that much, or more, is
    /// not kept.
    async fn receive(&mut self, mut body: Body, until: u64) -> Result<u64, ProblemDetails> {
        let limits = &self.service.config.limits;
        let patience = Duration::from_secs(limits.request_seconds);
        let late = || ProblemDetails::new(Problem::Timeout, "the blob came too slowly");
        let (started, mut came) = (Instant::now(), 0);
        loop {
            let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| late())?;
            let Some(frame) = frame else { break };
            let frame =
                frame.map_err(|_| ProblemDetails::malformed("the request's body could not be read"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            came += bytes.len() as u64;
            if started.elapsed() > patience + Duration::from_secs(came / limits.upload_pace) {
                return Err(late());
            }
            let fits = |upload: &Upload| upload.received() + bytes.len() as u64 <= until;
            let mut upload = self.upload.take().filter(fits).ok_or_else(wrong)?;
            // It goes to the system's cache; should that wait for the disk, other tasks go on elsewhere.
            tokio::task::block_in_place(|| upload.append(&bytes)).map_err(StoreError::Blob)?;
            self.upload = Some(upload);
        }
        let received = self.upload.as_ref().map_or(0, Upload::received);
        if received != until {
            self.upload = None;
            return Err(wrong());
        }
        Ok(received)
    }
}

/// Lets the blob be uploaded that a statement waits for: its signer is a member who may make it, and it would be admitted.
pub(super) fn announce(service: &Service, statement: &[u8], promise: Promise) -> Result<(), ProblemDetails> {
    let blob_bytes = service.config.limits.blob_bytes as u64;
    if promise.length > blob_bytes {
        return Err(ProblemDetails::new(
            Problem::TooLarge,
            format!("a blob has at most {blob_bytes} bytes here"),
        ));
    }
    let statement = Statement::parse(statement).map_err(|_| ProblemDetails::internal())?;
    let (member, now) = (statement.issuer().as_str(), (service.clock)());
    let mut connection = service.blobs.lock().unwrap_or_else(PoisonError::into_inner);
    let tx =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
    if !store::announce_blob(&tx, promise, member, now, ANNOUNCED * blob_bytes)? {
        let many = "this member has announced more than it has had admitted";
        return Err(ProblemDetails::new(Problem::Rate, many).retry_after(MANY_ANNOUNCED));
    }
    Ok(tx.commit().map_err(StoreError::from)?)
}

/// What is known of a blob that a statement names.
async fn look_for(
    service: &Arc<Service>,
    client: Client,
    digest: Hash,
) -> Result<Option<StoredBlob>, ProblemDetails> {
    let look = move |service: &Arc<Service>| {
        Ok(service.published.readers().with(|connection| store::blob(connection, digest))?)
    };
    Ok(look_up(service, client, 0, look).await?.0)
}

/// Makes a blob durable, if it is the one.
fn keep(service: &Service, digest: Hash, length: u64, upload: Upload) -> Result<(), ProblemDetails> {
    let file = upload.finish(digest).map_err(StoreError::Blob)?.ok_or_else(wrong)?;
    let mut connection = service.blobs.lock().unwrap_or_else(PoisonError::into_inner);
    let tx =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
    // Another one may have brought it meanwhile.
    if store::blob(&tx, digest)?.is_some_and(|blob| !blob.held) {
        store::put_blob(&tx, digest, length, file)?;
    }
    Ok(tx.commit().map_err(StoreError::from)?)
}

/// The first byte that is sent and the one after the last, of a blob of `length` bytes.
fn range(headers: &HeaderMap, length: u64) -> Option<(u64, u64)> {
    let Some(range) = headers.get(CONTENT_RANGE) else { return Some((0, length)) };
    let (range, of) = range.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let [first, last, of] = [first, last, of].map(|number| number.parse::<u64>().ok());
    let (first, until) = (first?, last?.checked_add(1)?);
    (of? == length && first < until && until <= length).then_some((first, until))
}

fn headers(blob: StoredBlob) -> [(HeaderName, HeaderValue); 3] {
    [(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, IMMUTABLE), (CONTENT_LENGTH, blob.length.into())]
}

fn missing() -> ProblemDetails {
    ProblemDetails::not_found("this blob has not been uploaded")
}

fn wrong() -> ProblemDetails {
    ProblemDetails::malformed("these are not the bytes that the statement names")
}
