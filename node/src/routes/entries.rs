//! Statements in, receipts out (SCRAPI, draft-ietf-scitt-scrapi-11: register a statement, resolve a receipt).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::cose::Sign1;
use countersign_ledger::receipt::{Inclusion, issue};
use countersign_ledger::{Hash, LogName, LogProof, MAX_STATEMENT, Problem, Statement, cbor};

use super::answer::{NO_STORE, changing, names, preferred, varies};
use super::bodies::{SMALL, Whole, blocking, read};
use super::problem::ProblemDetails;
use super::{CBOR, FRESH, Shared, TEXT, blobs, digest, log};
use crate::reason::Reason;
use crate::sequencer::{Ordered, Outcome, Status};
use crate::server::Peer;
use crate::service::Service;
use crate::store::{Bodies as _, StoreError};

/// What a receipt is called: as SCRAPI answers, and more exactly.
const RECEIPT: [&str; 2] = ["application/cose", "application/scitt-receipt+cose"];
/// What a statement may be called.
const STATEMENT: [&str; 2] = ["application/cose", "application/scitt-statement+cose"];

/// `POST /{log}/entries`. Whoever accepts a receipt itself gets it; others get the place, which costs no signature.
pub(super) async fn submit(
    State(service): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Whole { body: received, client, .. }: Whole<MAX_STATEMENT>,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
    if !is_statement(&headers) {
        let other = "a statement is sent as application/cose or application/scitt-statement+cose";
        return Err(ProblemDetails::new(Problem::MediaType, other));
    }
    // A statement that carries receipts already is the same statement: what nobody signed is not recorded (RFC 9943).
    let bare = Sign1::parse(&received)
        .ok()
        .filter(|sign1| sign1.unprotected != [0xa0])
        .map(|one| one.without_unprotected());
    let statement = bare.map_or(received, Bytes::from);
    // Read and verified here: that takes less than a tenth of a millisecond, about as long as finding another thread.
    match service.sequencer.submit(log, &statement).await {
        Outcome::Accepted(ordered) | Outcome::Duplicate(ordered) => {
            // The unprotected header is empty now, so the id is the digest of the bytes.
            let id = Hash::of(&statement);
            let location = location(log, id);
            if names(&headers, &RECEIPT) {
                let write = move |service: &Arc<Service>| write(service, id, ordered);
                let receipt = read(&service, client, SMALL, write).await?;
                return Ok((StatusCode::CREATED, [(LOCATION, location)], receipt_answer(&headers, receipt))
                    .into_response());
            }
            let place = cbor::encode(|e| e.array(2)?.u64(ordered.place.index)?.u64(ordered.size)?.ok());
            let kept = [(CONTENT_TYPE, CBOR), (CACHE_CONTROL, NO_STORE)];
            Ok((StatusCode::SEE_OTHER, [(LOCATION, location)], kept, place).into_response())
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
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, id) = (log(&service, &name)?, digest(&id)?);
    match service.sequencer.status(id) {
        Status::Ordered(ordered) if ordered.place.log == log => {
            let write = move |service: &Arc<Service>| write(service, id, ordered);
            Ok(receipt_answer(&headers, read(&service, peer.client, SMALL, write).await?))
        }
        Status::Pending => {
            let later = [(RETRY_AFTER, "1")];
            Ok((StatusCode::FOUND, [(LOCATION, location(log, id))], later, [(CACHE_CONTROL, NO_STORE)])
                .into_response())
        }
        _ => Err(ProblemDetails::not_found("the log holds no such statement")),
    }
}

/// `GET /{log}/proof/{id}`
pub(super) async fn proof(
    State(service): Shared,
    Path((name, id)): Path<(String, String)>,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, id) = (log(&service, &name)?, digest(&id)?);
    let prove = move |service: &Arc<Service>| prove(service, log, id);
    Ok(changing(TEXT, read(&service, peer.client, SMALL, prove).await?))
}

fn prove(service: &Arc<Service>, log: LogName, id: Hash) -> Result<Vec<u8>, ProblemDetails> {
    let place = service.published.state().place(id)?.filter(|place| place.log == log);
    // The view comes after the place: what it does not reach is not published.
    let view = service.published.view();
    let head = view.heads.get(&log).ok_or_else(ProblemDetails::internal)?;
    let size = head.checkpoint.size();
    let place = place.filter(|place| place.index < size);
    let place = place.ok_or_else(|| ProblemDetails::not_found("the log holds no such statement"))?;
    let path = service.published.state().inclusion(log, place.index, size)?;
    let path = path.ok_or_else(ProblemDetails::internal)?;
    let proof = LogProof { extra: None, index: place.index, path, checkpoint: head.note.to_string() };
    Ok(proof.to_string().into_bytes())
}

/// Whether a body claims to be a statement, or claims nothing.
fn is_statement(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(CONTENT_TYPE) else { return true };
    let text = media_type.to_str().unwrap_or("not text").to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    // RFC 9052 section 2: which of COSE's messages it is.
    let of_one_signer = |parameter: &str| match parameter.split_once('=') {
        Some(("cose-type", kind)) => kind.trim_matches('"') == "cose-sign1",
        _ => true,
    };
    parts.next().is_some_and(|name| STATEMENT.contains(&name)) && parts.all(of_one_signer)
}

fn location(log: LogName, id: Hash) -> String {
    format!("/{log}/entries/{id}")
}

fn receipt_answer(headers: &HeaderMap, receipt: Bytes) -> Response<Body> {
    let media_type = preferred(headers, &RECEIPT).unwrap_or(RECEIPT[0]);
    let answer = ([(CONTENT_TYPE, media_type)], [(CACHE_CONTROL, FRESH)], receipt).into_response();
    varies(answer, &ACCEPT)
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
