//! The paths that the node serves. Reading is anonymous; what is written must be signed by an enrolled member.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /genesis` | the trust anchors that phones pin (JSON) |
//! | `GET /health`, `GET /metrics` | for operators (JSON, Prometheus text) |
//! | `GET /limits` | `{ "statement-bytes" => uint, "blob-bytes" => uint }`: the largest that are taken |
//! | `GET /.well-known/scitt-keys`, `…/{kid}` | the keys of receipts (COSE Key Set, COSE Key) |
//! | `GET /{log}/checkpoint` | the newest checkpoint (C2SP tlog-checkpoint) |
//! | `GET /{log}/tile/…` | hashes, `entries`, `bodies` (C2SP tlog-tiles) |
//! | `GET /{log}/consistency/{old}/{new}` | `[* hash]` |
//! | `GET /{log}/subjects/{size}?s=…&skip=…&s=…` | `[* bstr .cbor SubjectHistory]` |
//! | `GET /{log}/families/{size}?s=…&s=…` | `[* bstr .cbor FamilyProof]` |
//! | `GET /{log}/names/{size}?s=…&skip=…` | `[* tstr]`: the subjects that the family proof lists, in its order |
//! | `GET /certificate/{hex}` | an enrolled certificate (DER) |
//! | `GET /blob/{hex}`, `PUT /blob/{hex}` | what a statement names by digest and length |
//! | `POST /enrol` | `[code: tstr, request: bstr]` -> 201 and the certificate (DER) |
//! | `POST /{log}/entries` | a statement -> 303 to its receipt, and `[index, size]`, once durable (SCRAPI); 409 `promise-not-held` if a blob has to be uploaded first |
//! | `GET /{log}/entries/{hex}` | its receipt (RFC 9942) |
//!
//! `s` is percent-encoded as in any query: `%` as `%25`, `+` as `%2B`. A request names up to 64 subjects or families; the
//! answer has them in the same order. Sizes are those of recent checkpoints. An answer has at most `MAX_ENTRIES` statements,
//! the oldest of a history first: the last history may be cut, and the ones after it may be missing; names come in pages.
//! `skip`, after an `s`, asks for what follows.
//!
//! Everything else is answered by a problem document (RFC 9290; RFC 9457 where JSON is asked for).

mod blobs;
mod enrol;
mod entries;
mod meta;
mod proofs;
mod tiles;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use countersign_ledger::{Hash, LogName, MAX_STATEMENT, Problem};
use tokio::sync::Semaphore;

use crate::limits::Client;
use crate::node::Service;
use crate::problem::ProblemDetails;

/// What each route is given.
type Shared = State<Arc<Service>>;

/// Never changes under this path.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// May change.
const FRESH: HeaderValue = HeaderValue::from_static("no-cache");
const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const CERTIFICATE: HeaderValue = HeaderValue::from_static("application/pkix-cert");

/// Room for a code and a certification request.
const MAX_ENROLMENT: usize = 4096;

/// All routes.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let limits = &service.config.limits;
    let guard = Guard {
        service: Arc::clone(service),
        slots: Arc::new(Semaphore::new(limits.requests)),
        patience: Duration::from_secs(limits.request_seconds),
    };
    let limited = |most: usize| DefaultBodyLimit::max(most);
    let writes = Router::new()
        .route("/{log}/entries", post(entries::submit).layer(limited(MAX_STATEMENT)))
        .route("/enrol", post(enrol::enrol).layer(limited(MAX_ENROLMENT)))
        .route("/blob/{digest}", axum::routing::put(blobs::put).layer(limited(limits.blob_bytes)))
        .route_layer(from_fn_with_state(Arc::clone(service), bound_writes));
    Router::new()
        .route("/genesis", get(meta::genesis))
        .route("/health", get(meta::health))
        .route("/limits", get(meta::limits))
        .route("/metrics", get(meta::metrics))
        .route("/.well-known/scitt-keys", get(meta::keys))
        .route("/.well-known/scitt-keys/{kid}", get(meta::key))
        .route("/certificate/{fingerprint}", get(meta::certificate))
        .route("/{log}/checkpoint", get(tiles::checkpoint))
        .route("/{log}/tile/{*path}", get(tiles::tile))
        .route("/{log}/consistency/{old}/{new}", get(proofs::consistency))
        .route("/{log}/subjects/{size}", get(proofs::subjects))
        .route("/{log}/families/{size}", get(proofs::families))
        .route("/{log}/names/{size}", get(proofs::names))
        .route("/{log}/entries/{id}", get(entries::receipt))
        .route("/blob/{digest}", get(blobs::get))
        .merge(writes)
        .fallback(|| async { ProblemDetails::not_found("there is nothing under this path") })
        .method_not_allowed_fallback(|| async {
            ProblemDetails::new(Problem::Method, "this path is not asked like this")
        })
        .layer(from_fn_with_state(guard, admit))
        .with_state(Arc::clone(service))
}

/// Bounds how many requests are answered at one time, and how long each may take.
#[derive(Clone)]
struct Guard {
    service: Arc<Service>,
    slots: Arc<Semaphore>,
    patience: Duration,
}

async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let late = |_| ProblemDetails::new(Problem::Timeout, "the request took too long").into_response();
    let response = match guard.slots.try_acquire() {
        Ok(_slot) => tokio::time::timeout(guard.patience, next.run(request)).await.unwrap_or_else(late),
        Err(_) => ProblemDetails::busy(Duration::from_secs(1)).into_response(),
    };
    let mut response = response;
    if let Some(problem) = response.extensions_mut().remove::<ProblemDetails>() {
        response = problem.respond(&headers);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    guard.service.metrics.request(&route, status);
    // The path itself names products: the route is enough.
    tracing::debug!(%method, route, status, ?took, "request");
    response
}

/// Bounds how often one client writes.
async fn bound_writes(State(service): Shared, request: Request, next: Next) -> Response<Body> {
    let client = request.extensions().get::<Client>().copied();
    let taken = client.map_or(Ok(()), |client| service.rate.take(client, Instant::now()));
    match taken {
        Ok(()) => next.run(request).await,
        Err(delay) => {
            let often = "this address writes more often than it may";
            ProblemDetails::new(Problem::Rate, often).retry_after(delay).into_response()
        }
    }
}

/// Runs what reads the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemDetails> + Send + 'static,
) -> Result<T, ProblemDetails> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(ProblemDetails::internal()))
}

fn log(service: &Service, name: &str) -> Result<LogName, ProblemDetails> {
    let log = LogName::new(name).ok().filter(|&log| service.genesis.log(log).is_some());
    log.ok_or_else(|| ProblemDetails::not_found("there is no such log"))
}

fn digest(hex: &str) -> Result<Hash, ProblemDetails> {
    let lower = !hex.bytes().any(|byte| byte.is_ascii_uppercase());
    hex.parse()
        .ok()
        .filter(|_| lower)
        .ok_or_else(|| ProblemDetails::malformed("a digest is 64 lower-case hexadecimal digits"))
}

fn body(received: Result<Bytes, BytesRejection>) -> Result<Bytes, ProblemDetails> {
    received.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ProblemDetails::new(Problem::TooLarge, "the request's body is larger than it may be here")
        }
        _ => ProblemDetails::malformed("the request's body could not be read"),
    })
}
