//! Statements in, receipts out (SCRAPI, draft-ietf-scitt-scrapi-11: register a statement, resolve a receipt).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::receipt::{Inclusion, issue};
use countersign_ledger::{Hash, MAX_STATEMENT, Statement, cbor};

use super::bodies::{SMALL, Whole, read};
use super::{CBOR, Shared, blobs, blocking, digest, log};
use crate::machine::Bodies as _;
use crate::node::Service;
use crate::problem::ProblemDetails;
use crate::sequencer::{Ordered, Outcome, Reason, Status};
use crate::server::Peer;
use crate::store::StoreError;

const RECEIPT: HeaderValue = HeaderValue::from_static("application/scitt-receipt+cose");

/// `POST /{log}/entries`
pub(super) async fn submit(
    State(service): Shared,
    Path(name): Path<String>,
    Whole { body: statement, .. }: Whole<MAX_STATEMENT>,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
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
        Outcome::Halted(halt) => Err(ProblemDetails::halted(halt)),
        Outcome::Refused(reason) => Err(refusal(&service, statement, reason).await),
    }
}

/// What is said of a statement that is refused. One that waits for a blob alone has announced it.
pub(super) async fn refusal(service: &Arc<Service>, statement: Bytes, reason: Reason) -> ProblemDetails {
    if let Reason::PromiseNotHeld(promise) = reason {
        let service = Arc::clone(service);
        let announced = blocking(move || blobs::announce(&service, &statement, promise)).await;
        if let Err(problem) = announced {
            return problem;
        }
    }
    reason.into()
}

/// `GET /{log}/entries/{id}`
pub(super) async fn receipt(
    State(service): Shared,
    Path((name, id)): Path<(String, String)>,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, id) = (log(&service, &name)?, digest(&id)?);
    match service.sequencer.status(id) {
        Status::Ordered(ordered) if ordered.place.log == log => {
            let write = move |service: &Arc<Service>| write(service, id, ordered);
            let receipt = read(&service, peer.client, SMALL, write).await?;
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
