//! What statements name by digest and length: the filters of lots.
//!
//! The digest in a statement is the permission: anyone may upload the bytes, and no others. The statement is one that was
//! admitted, or one that a member has submitted and that waits for nothing but these bytes.

use std::sync::PoisonError;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::Hash;
use rusqlite::TransactionBehavior;

use countersign_ledger::Problem;

use super::{IMMUTABLE, OCTETS, Shared, blocking, body, digest};
use crate::problem::ProblemDetails;
use crate::store::{self, StoreError};

/// `GET /blob/{digest}`
pub(super) async fn get(
    State(service): Shared,
    Path(hex): Path<String>,
) -> Result<Response<Body>, ProblemDetails> {
    let digest = digest(&hex)?;
    let blob = blocking(move || Ok(service.published.readers().with(|c| store::blob(c, digest))?)).await?;
    let blob = blob.ok_or_else(|| ProblemDetails::not_found("this blob has not been uploaded"))?;
    Ok(([(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, IMMUTABLE)], blob).into_response())
}

/// `PUT /blob/{digest}`
pub(super) async fn put(
    State(service): Shared,
    Path(hex): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, ProblemDetails> {
    let (digest, bytes) = (digest(&hex)?, body(received)?);
    blocking(move || {
        let promised =
            service.published.readers().with(|connection| store::blob_length(connection, digest))?;
        let unnamed = || ProblemDetails::new(Problem::Unnamed, "no statement names this blob");
        if promised.ok_or_else(unnamed)? != bytes.len() as u64 || Hash::of(&bytes) != digest {
            return Err(ProblemDetails::malformed("these are not the bytes that the statement names"));
        }
        let mut connection = service.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let tx =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        store::put_blob(&tx, digest, &bytes)?;
        Ok(tx.commit().map_err(StoreError::from)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
