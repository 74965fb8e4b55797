//! What statements name by digest and length: the filters of lots.
//!
//! The digest in a statement is the permission: anyone may upload the bytes, and no others. The statement is one that was
//! admitted, or one that a member has submitted and that waits for nothing but these bytes. Whether they are waited for is
//! looked up before a byte is read.
//!
//! - `PUT /blob/{digest}` with all bytes -> 204. A blob that is there is not read again: 204 at once.
//! - `HEAD /blob/{digest}` -> 200, or 404 with `Upload-Offset`: how many bytes are here, of an upload by this address that was
//!   cut off. They are kept for a quarter of an hour.
//! - `PUT /blob/{digest}` with `Content-Range` and those bytes goes on with such an upload ([`super::receiving`]) -> 204, or 202
//!   with `Upload-Offset` if more is to come.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{Blob, Hash, Problem, Statement};
use rusqlite::TransactionBehavior;

use super::bodies::{PIECE, blocking, look_up, stream, within_rate};
use super::problem::ProblemDetails;
use super::receiving::{Received, UPLOAD_OFFSET, receive, wrong};
use super::{IMMUTABLE, OCTETS, Shared, digest};
use crate::limits::Client;
use crate::server::Peer;
use crate::service::Service;
use crate::store::{self, StoreError, StoredBlob};
use crate::uploads::{Sender, Upload};

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
            let received = service.uploads.received(Sender::Address(peer.client), digest);
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
    if length > service.config.limits.blob_bytes as u64 {
        let large = "a blob of this length is not taken here";
        return Err(ProblemDetails::new(Problem::TooLarge, large));
    }
    let upload = match receive(&service, client, Sender::Address(client), digest, length, request).await? {
        Received::Whole(upload) => upload,
        Received::Part(received) => {
            return Ok((StatusCode::ACCEPTED, [(UPLOAD_OFFSET, received)]).into_response());
        }
    };
    let _place = service.bounds.budgets.writes.take(client, 1).await;
    blocking(move || keep(&service, digest, length, upload)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lets the blob be uploaded that a statement waits for: its signer is a member who may make it, and it would be admitted.
pub(super) fn announce(service: &Service, statement: &[u8], blob: Blob) -> Result<(), ProblemDetails> {
    let blob_bytes = service.config.limits.blob_bytes as u64;
    if blob.length > blob_bytes {
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
    if !store::announce_blob(&tx, blob, member, now, ANNOUNCED * blob_bytes)? {
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

fn headers(blob: StoredBlob) -> [(HeaderName, HeaderValue); 3] {
    [(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, IMMUTABLE), (CONTENT_LENGTH, blob.length.into())]
}

fn missing() -> ProblemDetails {
    ProblemDetails::not_found("this blob has not been uploaded")
}
