//! The paths that the node serves. Reading is anonymous; what is written must be signed by an enrolled member.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /genesis` | the trust anchors that phones pin (JSON) |
//! | `GET /health` | whether the node takes statements (JSON) |
//! | `GET /limits` | `{ "statement-bytes" => uint, "blob-bytes" => uint }`: the largest that are taken |
//! | `GET /.well-known/scitt-keys`, `…/{kid}` | the keys of all logs' receipts (COSE Key Set, COSE Key) |
//! | `GET /{log}/.well-known/scitt-keys`, `…/{kid}` | those of this log: `/{log}` is a SCRAPI service's base URL |
//! | `GET /{log}/policy` | what to trust of this log (C2SP tlog-policy), by its Ed25519 key alone, as most readers have it |
//! | `GET /{log}/checkpoint` | the newest checkpoint (C2SP tlog-checkpoint) |
//! | `GET /{log}/tile/…` | hashes, `entries`, `bodies` (C2SP tlog-tiles) |
//! | `GET /{log}/consistency/{old}/{new}` | `[* hash]` |
//! | `GET /{log}/subjects/{size}?s=…&skip=…&s=…` | `[* bstr .cbor SubjectHistory]` |
//! | `GET /{log}/families/{size}?s=…&s=…` | `[* bstr .cbor FamilyProof]` |
//! | `GET /{log}/names/{size}?s=…&skip=…` | `[* tstr]`: the subjects that the family proof lists, in its order |
//! | `POST /witness/{name}/add-checkpoint` | another's checkpoint -> this witness's cosignature (C2SP tlog-witness); of a witness alone, `POST /add-checkpoint` |
//! | `GET /witness/{name}/{hex}/checkpoint` | the last one it cosigned, by the digest of the log's origin |
//! | `GET /certificate/{hex}` | an enrolled certificate (DER) |
//! | `GET /blob/{hex}`, `HEAD …`, `PUT …` | what a statement names by digest and length; uploads can be continued |
//! | `POST /enrol` | `[code: tstr, request: bstr]` -> 201 and the certificate (DER) |
//! | `POST /{log}/entries` | a statement -> once durable, 303 to its receipt, and `[index, size]` (SCRAPI); 409 `promise-not-held` if a blob has to be uploaded first |
//! | | the same, accepting `application/cose` -> 201 and its receipt |
//! | `POST /{log}/batch` | `[* bstr]`: statements -> `[* outcome]` in the same order, once all are durable |
//! | `GET /{log}/entries/{hex}` | its receipt (RFC 9942) |
//! | `GET /{log}/proof/{hex}` | its place as a text (C2SP tlog-proof); the entry is the 32 bytes of its id |
//! | `POST /reports` | a sealed report of a suspicion -> 204 once it is durable; `… /read`, `… /remove` for the domain's authority (`routes/reports.rs`) |
//! | `GET /store`, `POST /store/tickets`, `… /deliveries`, `PUT /store/objects/{hex}`, `GET …` | sealed objects of medical records, for their owners and for whom the log names (`routes/records.rs`) |
//! | `GET /store/links/{name}`, `POST …`, `PUT …`, `DELETE …` | what SMART Health Links lead to (`routes/health_links.rs`, `routes/records.rs`) |
//!
//! `GET /metrics` (Prometheus text) is served on a listener of its own.
//!
//! `s` is percent-encoded as in any query: `%` as `%25`, `+` as `%2B`. A request names up to 64 subjects or families; the
//! answer has them in the same order, and one that is named twice once, where it was named first. Sizes are those of recent
//! checkpoints. An answer has at most `MAX_ENTRIES` statements and about a megabyte, the oldest of a history first: the last
//! history may be cut, and the ones after it may be missing. Of families it has as many whole ones as fit into 16 MB, at least
//! one; names come in pages. `skip`, after an `s`, asks for what follows.
//!
//! Everything else is answered by a problem document (RFC 9290; RFC 9457 where JSON is asked for).
//!
//! A page of any site may read what is public and submit statements: nothing here depends on who asks (CORS).

mod answer;
mod attribute_authority;
mod batch;
mod blobs;
mod bodies;
mod enrol;
mod entries;
mod gzip;
mod health_links;
mod meta;
pub(crate) mod problem;
mod proofs;
mod receiving;
mod records;
mod reports;
mod tiles;
mod witness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, EXPECT, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
};
use axum::http::{HeaderValue, Method, Response, Version};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use countersign_ledger::{Hash, LogName, Problem};
use tower_http::cors::{Any, CorsLayer};

use self::answer::{FRESH, IMMUTABLE};
use self::bodies::{Incoming, Outgoing, SMALL};
use self::problem::{ProblemDetails, asks_for_json};
use crate::attribute_authority::Shared as Attributes;
use crate::config::Limits;
use crate::health_links::HealthLinks;
use crate::limits::Bounds;
use crate::others_logs::Cosigning;
use crate::record_store::Links;
use crate::server::Peer;
use crate::service::Service;

/// What each route is given.
type Shared = State<Arc<Service>>;

const CBOR: HeaderValue = HeaderValue::from_static("application/cbor");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const CERTIFICATE: HeaderValue = HeaderValue::from_static("application/pkix-cert");

/// How long a browser may remember what pages of other sites may ask.
const CORS_AGE: Duration = Duration::from_hours(24);

/// All routes.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let patience = Duration::from_secs(service.config.limits.request_seconds);
    let mut shared = Router::new();
    for (name, cosigning) in &service.cosigning {
        shared = shared.nest(&format!("/witness/{name}"), witness::routes(cosigning));
    }
    if let Some(store) = &service.records {
        let links = HealthLinks::new(
            Box::new(Links(Arc::clone(store))),
            Arc::clone(&service.clock),
            Arc::clone(&service.bounds),
        );
        shared = shared.merge(health_links::routes("/store/links/{name}", &Arc::new(links)));
    }
    let shared = shared
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
        .route("/{log}/entries", post(entries::submit))
        .route("/{log}/batch", post(batch::submit))
        .route("/{log}/entries/{id}", get(entries::receipt))
        .route("/{log}/proof/{id}", get(entries::proof))
        // Beside what a viewer of links asks; a page elsewhere may not.
        .route("/store/links/{name}", put(records::link).delete(records::unlink))
        .route("/blob/{digest}", get(blobs::get).head(blobs::head))
        .route_layer(from_fn_with_state(patience, bound_time))
        // A blob may take longer than a request, by its length.
        .route("/blob/{digest}", put(blobs::put))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(answer::conditional))
        .layer(cors());
    // What a page elsewhere has no business with.
    let own = Router::new()
        .route("/health", get(meta::health))
        .route("/limits", get(meta::limits))
        .route("/enrol", post(enrol::enrol))
        .route("/reports", post(reports::take))
        .route("/reports/read", post(reports::read))
        .route("/reports/remove", post(reports::remove))
        .route("/store", get(records::about))
        .route("/store/tickets", post(records::ticket))
        .route("/store/deliveries", post(records::delivery))
        .route("/store/objects/{digest}", get(records::get).head(records::head))
        .route_layer(from_fn_with_state(patience, bound_time))
        .route("/store/objects/{digest}", put(records::put))
        .method_not_allowed_fallback(not_allowed);
    let all = shared.merge(own).layer(from_fn_with_state(Arc::clone(&service.bounds), admit));
    all.with_state(Arc::clone(service))
}

/// The routes of a witness alone.
pub(crate) fn witness_router(cosigning: &Arc<Cosigning>, bounds: &Arc<Bounds>, limits: &Limits) -> Router {
    let patience = Duration::from_secs(limits.request_seconds);
    witness::routes(cosigning)
        .route_layer(from_fn_with_state(patience, bound_time))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(answer::conditional))
        .layer(cors())
        .layer(from_fn_with_state(Arc::clone(bounds), admit))
}

/// The routes of an attribute authority.
pub(crate) fn authority_router(shared: &Arc<Attributes>, bounds: &Arc<Bounds>, limits: &Limits) -> Router {
    let patience = Duration::from_secs(limits.request_seconds);
    attribute_authority::routes(shared)
        .route_layer(from_fn_with_state(patience, bound_time))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(answer::conditional))
        .layer(from_fn_with_state(Arc::clone(bounds), admit))
}

/// The routes of a server of SMART Health Links. Viewers are pages of other sites.
pub(crate) fn link_router(links: &Arc<HealthLinks>, bounds: &Arc<Bounds>, limits: &Limits) -> Router {
    let patience = Duration::from_secs(limits.request_seconds);
    health_links::routes("/{*path}", links) // what comes before the name, a proxy may have added
        .route_layer(from_fn_with_state(patience, bound_time))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(cors())
        .layer(from_fn_with_state(Arc::clone(bounds), admit))
}

async fn nothing() -> ProblemDetails {
    ProblemDetails::not_found("there is nothing under this path")
}

async fn not_allowed() -> ProblemDetails {
    ProblemDetails::new(Problem::Method, "this path is not asked like this")
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

/// What the operator's own listener serves.
pub(crate) fn metrics_router(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(meta::metrics)).with_state(service)
}

/// Admits a request with room in memory, and lets its answer keep that until it has left. An early answer reaches its peer: what the
/// request still sends is read, or the connection is closed after the answer.
async fn admit(State(bounds): State<Arc<Bounds>>, request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let Some(Peer { client, flow }) = request.extensions().get().cloned() else {
        return ProblemDetails::internal().into_response();
    };
    let (method, version) = (request.method().clone(), request.version());
    let (json, announced) = (asks_for_json(request.headers()), request.headers().contains_key(EXPECT));
    let (parts, body) = request.into_parts();
    let (body, rest) = Incoming::new(body);
    let request = Request::from_parts(parts, Body::new(body));
    let room = bounds.budgets.memory.try_take(client, SMALL);
    let mut response = if room.is_some() {
        next.run(request).await
    } else {
        drop(request);
        bodies::busy().into_response()
    };
    let problem = response.extensions_mut().remove::<ProblemDetails>();
    // Who waits for a word before sending, or has stopped sending, is not waited for.
    let waits = announced || problem.as_ref().is_some_and(ProblemDetails::is_timeout);
    if json && let Some(problem) = problem {
        // Other headers, such as those of CORS, stay.
        let (parts, body) = problem.respond(true).into_parts();
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    if let Some(body) = rest.left() {
        if version >= Version::HTTP_2 {
            drop(tokio::spawn(bodies::discard_large(body)));
        } else if waits || !bodies::discard_small(body).await {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    bounds.metrics.request(&route, status);
    // The path itself names products: the route is enough.
    tracing::debug!(%method, route, status, ?took, "request");
    response.map(|body| Body::new(Outgoing::new(body, flow, room)))
}

/// Bounds how long a request may take.
async fn bound_time(State(patience): State<Duration>, request: Request, next: Next) -> Response<Body> {
    let late = |_| ProblemDetails::new(Problem::Timeout, "the request took too long").into_response();
    tokio::time::timeout(patience, next.run(request)).await.unwrap_or_else(late)
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
