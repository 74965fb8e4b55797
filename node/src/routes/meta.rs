//! The node's genesis, health, metrics, limits and receipt keys, and members' certificates.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::cbor::{self, Written};
use countersign_ledger::{Hash, MAX_STATEMENT, Policy, PublicKey, cose};
use minicbor::Encoder;

use super::answer::{changing, preferred, varies};
use super::problem::ProblemDetails;
use super::{CBOR, CERTIFICATE, FRESH, IMMUTABLE, Shared, TEXT, digest, log};
use crate::metrics::{header, line, metric};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What keys are called: as SCRAPI answers, and more exactly.
const KEY: [&str; 2] = ["application/cbor", "application/cose-key"];
const KEY_SET: [&str; 2] = ["application/cbor", "application/cose-key-set"];

/// `GET /genesis`
pub(super) async fn genesis(State(service): Shared) -> Response<Body> {
    changing(JSON, service.genesis.to_json())
}

/// `GET /{log}/policy`
pub(super) async fn policy(
    State(service): Shared,
    Path(name): Path<String>,
) -> Result<Response<Body>, ProblemDetails> {
    let origin = service.genesis.origin(log(&service, &name)?);
    let policy = service.genesis.policy.parse::<Policy>().ok().and_then(|policy| policy.for_readers(&origin));
    Ok(changing(TEXT, policy.ok_or_else(ProblemDetails::internal)?.to_string()))
}

/// `GET /health`
pub(super) async fn health(State(service): Shared) -> Response<Body> {
    let health = service.sequencer.health();
    let body = serde_json::json!({
        "accepting": health.accepting,
        "height": health.height,
        "cosigned_at": health.cosigned_at.to_string(),
        "waiting": health.waiting,
        "halted": health.halted.map(|halt| halt.problem().as_str()),
        "why": service.why_halted(),
    });
    ([(CONTENT_TYPE, JSON), (CACHE_CONTROL, FRESH)], format!("{body}\n")).into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(service): Shared) -> Response<Body> {
    let mut text = service.bounds.metrics.to_text();
    let (view, health) = (service.published.view(), service.sequencer.health());
    header(&mut text, "gauge", "countersign_log_size", "Entries in each log.");
    for log in view.heads.keys() {
        line(&mut text, &format!("countersign_log_size{{log=\"{log}\"}}"), view.size(*log));
    }
    let age = (service.clock)().since(health.cosigned_at) / 1000;
    metric(
        &mut text,
        "gauge",
        "countersign_checkpoint_age_seconds",
        "Age of the oldest newest checkpoint.",
        age,
    );
    metric(&mut text, "gauge", "countersign_height", "Number of the newest block.", health.height);
    header(&mut text, "gauge", "countersign_used", "What is in use of each budget.");
    for (name, budget) in service.bounds.budgets.named() {
        line(&mut text, &format!("countersign_used{{of=\"{name}\"}}"), budget.used() as u64);
    }
    header(&mut text, "gauge", "countersign_limit", "What there is of each budget.");
    for (name, budget) in service.bounds.budgets.named() {
        line(&mut text, &format!("countersign_limit{{of=\"{name}\"}}"), budget.total() as u64);
    }
    metric(&mut text, "gauge", "countersign_waiting", "Submissions waiting.", health.waiting as u64);
    if let Ok([reports, bytes]) = service.reports.sums() {
        metric(&mut text, "gauge", "countersign_reports", "Reports that wait for the authority.", reports);
        metric(&mut text, "gauge", "countersign_report_bytes", "Their bytes.", bytes);
    }
    if let Some(Ok([objects, bytes, running])) = service.records.as_ref().map(|store| store.sums()) {
        let sums = [
            ("objects", "Objects in the record store.", objects),
            ("bytes", "Their bytes.", bytes),
            ("deliveries", "Deliveries whose objects may be fetched.", running),
        ];
        for (name, help, sum) in sums {
            metric(&mut text, "gauge", &format!("countersign_record_{name}"), help, sum);
        }
    }
    service.halts_to(&mut text);
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, FRESH)], text).into_response()
}

/// `GET /limits`: what a client asks before it has anything signed.
pub(super) async fn limits(State(service): Shared) -> Response<Body> {
    let blob_bytes = service.config.limits.blob_bytes as u64;
    let limits = cbor::encode(|e| {
        e.map(2)?.str("statement-bytes")?.u64(MAX_STATEMENT as u64)?.str("blob-bytes")?.u64(blob_bytes)?.ok()
    });
    ([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, FRESH)], limits).into_response()
}

/// `GET /certificate/{fingerprint}`
pub(super) async fn certificate(
    State(service): Shared,
    Path(hex): Path<String>,
) -> Result<Response<Body>, ProblemDetails> {
    let view = service.published.view();
    let certificate = view.trust.certificate(digest(&hex)?);
    let der = certificate
        .ok_or_else(|| ProblemDetails::not_found("nobody has a certificate with this fingerprint"))?;
    Ok(([(CONTENT_TYPE, CERTIFICATE), (CACHE_CONTROL, IMMUTABLE)], der.as_der().to_vec()).into_response())
}

/// `GET /.well-known/scitt-keys`
pub(super) async fn keys(State(service): Shared, headers: HeaderMap) -> Response<Body> {
    key_set(&headers, &service.receipt_keys())
}

/// `GET /{log}/.well-known/scitt-keys`
pub(super) async fn log_keys(
    State(service): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, ProblemDetails> {
    let key = service.receipt_key(log(&service, &name)?).ok_or_else(ProblemDetails::internal)?;
    Ok(key_set(&headers, &[key]))
}

/// `GET /.well-known/scitt-keys/{kid}`: the kid in base64url, as it stands in receipts.
pub(super) async fn key(
    State(service): Shared,
    Path(kid): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, ProblemDetails> {
    one_key(&headers, &service.receipt_keys(), &kid)
}

/// `GET /{log}/.well-known/scitt-keys/{kid}`
pub(super) async fn log_key(
    State(service): Shared,
    Path((name, kid)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response<Body>, ProblemDetails> {
    let key = service.receipt_key(log(&service, &name)?).ok_or_else(ProblemDetails::internal)?;
    one_key(&headers, &[key], &kid)
}

fn key_set(headers: &HeaderMap, keys: &[(Hash, PublicKey)]) -> Response<Body> {
    let set = cbor::encode(|e| {
        e.array(keys.len() as u64)?;
        keys.iter().try_for_each(|(kid, key)| write_key(e, *kid, key))
    });
    negotiated(headers, KEY_SET, set)
}

fn one_key(
    headers: &HeaderMap,
    keys: &[(Hash, PublicKey)],
    kid: &str,
) -> Result<Response<Body>, ProblemDetails> {
    let kid = URL_SAFE_NO_PAD
        .decode(kid)
        .map_err(|_| ProblemDetails::malformed("a key id is written in base64url"))?;
    let found = keys.iter().find(|(known, _)| known.as_bytes()[..] == kid);
    let (kid, key) = found.ok_or_else(|| ProblemDetails::not_found("no log has a key with this id"))?;
    Ok(negotiated(headers, KEY, cbor::encode(|e| write_key(e, *kid, key))))
}

fn negotiated(headers: &HeaderMap, offered: [&'static str; 2], body: Vec<u8>) -> Response<Body> {
    let media_type = HeaderValue::from_static(preferred(headers, &offered).unwrap_or(offered[0]));
    varies(changing(media_type, body), &ACCEPT)
}

/// A `COSE_Key` (RFC 9052 section 7, RFC 9053 section 7.1.1): EC2, its id, ES256, P-256, x, y.
fn write_key(e: &mut Encoder<&mut Vec<u8>>, kid: Hash, key: &PublicKey) -> Written {
    let (x, y) = key.as_sec1()[1..].split_at(32);
    e.map(6)?.u8(1)?.u8(2)?.u8(2)?.bytes(kid.as_bytes())?.u8(3)?.i64(cose::ALG_ES256)?;
    e.i8(-1)?.u8(1)?.i8(-2)?.bytes(x)?.i8(-3)?.bytes(y)?.ok()
}
