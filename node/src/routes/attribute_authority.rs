//! What an attribute authority is asked.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use countersign_ledger::cbor;
use countersign_records::{MAX_KEY_ASK, MAX_VOUCH};

use super::answer::{FRESH, NO_STORE, changing};
use super::bodies::Whole;
use super::bodies::blocking;
use super::{CBOR, OCTETS, TEXT};
use crate::attribute_authority::Shared;
use crate::routes::problem::ProblemDetails;

const COSE: HeaderValue = HeaderValue::from_static("application/cose");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn routes<S>(shared: &Arc<Shared>) -> Router<S> {
    let routes = Router::new()
        .route("/keys", post(keys))
        .route("/vouch", post(vouch))
        .route("/authority", get(authority))
        .route("/vocabulary", get(vocabulary))
        .route("/health", get(health));
    routes.with_state(Arc::clone(shared))
}

/// `POST /keys`
async fn keys(
    State(shared): State<Arc<Shared>>,
    Whole { body, .. }: Whole<MAX_KEY_ASK>,
) -> Result<Response<Body>, ProblemDetails> {
    let sealed = blocking(move || Ok(shared.issue(&body)?)).await?;
    Ok(([(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, NO_STORE)], sealed).into_response())
}

/// `POST /vouch`
async fn vouch(
    State(shared): State<Arc<Shared>>,
    Whole { body, .. }: Whole<MAX_VOUCH>,
) -> Result<Response<Body>, ProblemDetails> {
    let request = blocking(move || Ok(shared.vouch(&body)?)).await?;
    Ok(([(CONTENT_TYPE, COSE), (CACHE_CONTROL, NO_STORE)], request).into_response())
}

/// `GET /authority`
async fn authority(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let identity = shared.certificate().identity().as_str();
    changing(CBOR, cbor::encode(|e| e.array(1)?.str(identity)?.ok()))
}

/// `GET /vocabulary`
async fn vocabulary(State(shared): State<Arc<Shared>>) -> Response<Body> {
    changing(TEXT, shared.vocabulary().as_str().to_owned())
}

/// `GET /health`
async fn health(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let body = format!("{}\n", shared.health());
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, FRESH)], body).into_response()
}
