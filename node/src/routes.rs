//! The paths that the node serves. Reading is anonymous; what is written must be signed by an enrolled member.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /genesis` | the trust anchors that phones pin (JSON) |
//! | `GET /health`, `GET /metrics` | for operators (JSON, Prometheus text) |
//! | `GET /.well-known/scitt-keys`, `…/{kid}` | the keys of all logs' receipts (COSE Key Set, COSE Key) |
//! | `GET /{log}/.well-known/scitt-keys`, `…/{kid}` | those of this log: `/{log}` is a SCRAPI service's base URL |
//! | `GET /{log}/policy` | what to trust of this log (C2SP tlog-policy), by its Ed25519 key alone, as most readers have it |
//! | `GET /{log}/checkpoint` | the newest checkpoint (C2SP tlog-checkpoint) |
//! | `GET /{log}/tile/…` | hashes, `entries`, `bodies` (C2SP tlog-tiles) |
//! | `GET /{log}/consistency/{old}/{new}` | `[* hash]` |
//! | `GET /{log}/subjects/{size}?s=…&skip=…&s=…` | `[* bstr .cbor SubjectHistory]` |
//! | `GET /{log}/families/{size}?s=…&s=…` | `[* bstr .cbor FamilyProof]` |
//! | `GET /{log}/names/{size}?s=…&skip=…` | `[* tstr]`: the subjects that the family proof lists, in its order |
//! | `POST /witness/{name}/add-checkpoint` | another's checkpoint -> this witness's cosignature (C2SP tlog-witness) |
//! | `GET /witness/{name}/{hex}/checkpoint` | the last one it cosigned, by the digest of the log's origin |
//! | `GET /certificate/{hex}` | an enrolled certificate (DER) |
//! | `GET /blob/{hex}`, `PUT /blob/{hex}` | what a statement names by digest and length |
//! | `POST /enrol` | `[code: tstr, request: bstr]` -> 201 and the certificate (DER) |
//! | `POST /{log}/entries` | a statement -> once durable, 303 to its receipt, and `[index, size]` (SCRAPI) |
//! | | the same, accepting `application/cose` -> 201 and its receipt |
//! | `GET /{log}/entries/{hex}` | its receipt (RFC 9942) |
//! | `GET /{log}/proof/{hex}` | its place as a text (C2SP tlog-proof); the entry is the 32 bytes of its id |
//!
//! `s` is percent-encoded as in any query: `%` as `%25`, `+` as `%2B`. A request names up to 64 subjects or families; the
//! answer has them in the same order. Sizes are those of recent checkpoints. An answer has at most `MAX_ENTRIES` statements,
//! the oldest of a history first: the last history may be cut, and the ones after it may be missing; names come in pages.
//! `skip`, after an `s`, asks for what follows.
//!
//! Everything else is answered by a problem document (RFC 9290; RFC 9457 where JSON is asked for).
//!
//! A page of any site may read what is public and submit statements: nothing here depends on who asks (CORS).

mod answer;
mod blobs;
mod enrol;
mod entries;
mod meta;
mod proofs;
mod tiles;
mod witness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use countersign_ledger::{Hash, LogName, MAX_NOTE_LEN, MAX_PATH, MAX_STATEMENT, Problem};
use tokio::sync::Semaphore;
use tower_http::cors::{Any, CorsLayer};

use self::answer::{FRESH, IMMUTABLE};
pub(crate) use self::answer::{NO_STORE, preferred};
use crate::limits::Client;
use crate::node::Service;
use crate::problem::ProblemDetails;

/// What each route is given.
type Shared = State<Arc<Service>>;

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const CERTIFICATE: HeaderValue = HeaderValue::from_static("application/pkix-cert");

/// Room for a code and a certification request.
const MAX_ENROLMENT: usize = 4096;
/// Room for a note, a proof and a size.
const MAX_ADD_CHECKPOINT: usize = MAX_NOTE_LEN + (MAX_PATH + 1) * 64;
/// How long a browser may remember what pages of other sites may ask.
const CORS_AGE: Duration = Duration::from_hours(24);

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
        .route("/blob/{digest}", axum::routing::put(blobs::put).layer(limited(limits.blob_bytes)))
        .route(
            "/witness/{name}/add-checkpoint",
            post(witness::add_checkpoint).layer(limited(MAX_ADD_CHECKPOINT)),
        )
        .route_layer(from_fn_with_state(Arc::clone(service), bound_writes));
    let enrolment = Router::new()
        .route("/enrol", post(enrol::enrol).layer(limited(MAX_ENROLMENT)))
        .route_layer(from_fn_with_state(Arc::clone(service), bound_writes));
    let shared = Router::new()
        .route("/genesis", get(meta::genesis))
        .route("/.well-known/scitt-keys", get(meta::keys))
        .route("/.well-known/scitt-keys/{kid}", get(meta::key))
        .route("/certificate/{fingerprint}", get(meta::certificate))
        .route("/{log}/.well-known/scitt-keys", get(meta::log_keys))
        .route("/{log}/.well-known/scitt-keys/{kid}", get(meta::log_key))
        .route("/{log}/policy", get(meta::policy))
        .route("/{log}/checkpoint", get(tiles::checkpoint))
        .route("/{log}/tile/{*path}", get(tiles::tile))
        .route("/{log}/consistency/{old}/{new}", get(proofs::consistency))
        .route("/{log}/subjects/{size}", get(proofs::subjects))
        .route("/{log}/families/{size}", get(proofs::families))
        .route("/{log}/names/{size}", get(proofs::names))
        .route("/{log}/entries/{id}", get(entries::receipt))
        .route("/{log}/proof/{id}", get(entries::proof))
        .route("/witness/{name}/{origin}/checkpoint", get(witness::last))
        .route("/blob/{digest}", get(blobs::get))
        .merge(writes)
        .fallback(|| async { ProblemDetails::not_found("there is nothing under this path") })
        .method_not_allowed_fallback(|| async {
            ProblemDetails::new(Problem::Method, "this path is not asked like this")
        })
        .layer(from_fn(answer::conditional))
        .layer(from_fn_with_state(guard.clone(), admit))
        .layer(cors());
    // What a page elsewhere has no business with.
    let own = Router::new()
        .route("/health", get(meta::health))
        .route("/metrics", get(meta::metrics))
        .merge(enrolment)
        .layer(from_fn_with_state(guard, admit));
    shared.merge(own).with_state(Arc::clone(service))
}

/// What a page of another site may ask and see (Fetch standard, CORS protocol). No request carries a cookie or a password here.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([ACCEPT, CONTENT_TYPE, IF_NONE_MATCH])
        .expose_headers([ETAG, LOCATION, RETRY_AFTER])
        .max_age(CORS_AGE)
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
