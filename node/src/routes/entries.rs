//! Statements in, receipts out (SCRAPI, draft-ietf-scitt-scrapi-11: register a statement, resolve a receipt).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::receipt::{Inclusion, issue};
use countersign_ledger::{Hash, Problem, Promise, Statement, cbor};
use rusqlite::TransactionBehavior;

use super::{CBOR, Shared, blocking, body, digest, log};
use crate::machine::Bodies as _;
use crate::node::Service;
use crate::problem::ProblemDetails;
use crate::sequencer::{Ordered, Outcome, Reason, Status};
use crate::store::{self, StoreError};

const RECEIPT: HeaderValue = HeaderValue::from_static("application/scitt-receipt+cose");
/// A member's announced blobs are together no longer than so many of the longest.
const ANNOUNCED: u64 = 4;
/// When a member comes back who has announced more.
const MANY_ANNOUNCED: Duration = Duration::from_mins(10);

/// `POST /{log}/entries`
pub(super) async fn submit(
    State(service): Shared,
    Path(name): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
    let statement = body(received)?;
    // Read and verified here: that takes less than a tenth of a millisecond, about as long as finding another thread.
    match service.sequencer.submit(log, &statement).await {
        Outcome::Accepted(ordered) | Outcome::Duplicate(ordered) => {
            // In our own form the unprotected header is empty, so the id is the digest of what was sent.
            let location = format!("/{log}/entries/{}", Hash::of(&statement));
            let place = cbor::encode(|e| e.array(2)?.u64(ordered.place.index)?.u64(ordered.size)?.ok());
            Ok((StatusCode::SEE_OTHER, [(LOCATION, location.as_str())], [(CONTENT_TYPE, CBOR)], place)
                .into_response())
        }
        Outcome::Busy { retry_after } => Err(ProblemDetails::busy(retry_after)),
        Outcome::Refused(reason) => {
            if let Reason::PromiseNotHeld(promise) = reason {
                blocking(move || announce(&service, &statement, promise)).await?;
            }
            Err(reason.into())
        }
    }
}

/// Lets the blob be uploaded that a statement waits for: its signer is a member who may make it, and it would be admitted.
fn announce(service: &Service, statement: &[u8], promise: Promise) -> Result<(), ProblemDetails> {
    let blob_bytes = service.config.limits.blob_bytes as u64;
    if promise.length > blob_bytes {
        return Err(ProblemDetails::new(Problem::TooLarge, format!("a blob has at most {blob_bytes} bytes here")));
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

/// `GET /{log}/entries/{id}`
pub(super) async fn receipt(
    State(service): Shared,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, id) = (log(&service, &name)?, digest(&id)?);
    match service.sequencer.status(id) {
        Status::Ordered(ordered) if ordered.place.log == log => {
            let receipt = blocking(move || write(&service, id, ordered)).await?;
            Ok(([(CONTENT_TYPE, RECEIPT)], receipt).into_response())
        }
        Status::Pending => {
            let location = format!("/{log}/entries/{id}");
            Ok((StatusCode::FOUND, [(LOCATION, location.as_str()), (RETRY_AFTER, "1")]).into_response())
        }
        _ => Err(ProblemDetails::not_found("the log holds no such statement")),
    }
}

/// Signs a receipt against the newest checkpoint.
fn write(service: &Arc<Service>, id: Hash, ordered: Ordered) -> Result<Vec<u8>, ProblemDetails> {
    let Ordered { place, size } = ordered;
    let statement =
        Statement::parse(&service.published.body(place)?).map_err(|_| StoreError::Damaged("statements"))?;
    let path = service.published.state().inclusion(place.log, place.index, size)?;
    let inclusion = Inclusion { size, index: place.index, path: path.ok_or_else(ProblemDetails::internal)? };
    let origin = service.genesis.origin(place.log);
    let key = service.receipts.get(&place.log).ok_or_else(ProblemDetails::internal)?;
    issue(&origin, statement.subject(), id, &inclusion, (service.clock)(), key).map_err(|error| {
        tracing::error!(%error, "a receipt could not be written");
        ProblemDetails::internal()
    })
}
