//! What SMART Health Links lead to: a file by `GET`, or a manifest by `POST` with a passcode.

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use countersign_ledger::Problem;
use countersign_shl::Request;

use super::answer::NO_STORE;
use super::bodies::{PIECE, SMALL, Whole, held, look_up, stream};
use super::problem::ProblemDetails;
use crate::halt::Halt;
use crate::health_links::{Denied, HealthLinks, MAX_EMBEDDED, Opened, Tried};
use crate::server::Peer;

/// Room for a name, a passcode and a number.
const MAX_REQUEST: usize = 16 * 1024;
const JOSE: HeaderValue = HeaderValue::from_static("application/jose");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Under a path whose last part is the name.
pub(super) fn routes<S>(path: &str, links: &Arc<HealthLinks>) -> Router<S> {
    Router::new().route(path, get(file).post(manifest)).with_state(Arc::clone(links))
}

/// `GET …/{name}`
async fn file(
    State(links): State<Arc<HealthLinks>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let name = name(&path);
    // Beside who asks.
    let pairs = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let ticket = pairs.into_owned().find(|(name, _)| name == "ticket").map(|(_, ticket)| ticket);
    let open = move |links: &Arc<HealthLinks>| {
        links.file(&name, ticket.as_deref()).map_err(|denied| refused(&denied))
    };
    let (file, length) = look_up(&links, peer.client, 0, open).await?.0;
    // A small file needs little room, also at an address whose other answers are taken slowly.
    let most = usize::try_from(length).map_or(PIECE, |length| length.min(PIECE));
    let body = stream(&links, peer.client, most, Sending { file, left: 0..length }, |_, sending| {
        let (from, left) = (sending.left.start, sending.left.end - sending.left.start);
        if left == 0 {
            return Ok(None);
        }
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let piece = (sending.file)(from, most).map_err(|error| refused(&Denied::Storage(error)))?;
        sending.left.start += piece.len() as u64;
        // A file that has become shorter: the answer is cut, and its reader sees that.
        if piece.is_empty() { Err(ProblemDetails::internal()) } else { Ok(Some(piece)) }
    });
    let headers = [(CONTENT_TYPE, JOSE), (CACHE_CONTROL, NO_STORE), (CONTENT_LENGTH, length.into())];
    Ok((headers, body).into_response())
}

/// What is being sent of a file.
struct Sending {
    file: Opened,
    left: Range<u64>,
}

/// `POST …/{name}`
async fn manifest(
    State(links): State<Arc<HealthLinks>>,
    Path(path): Path<String>,
    Whole { body, client, .. }: Whole<MAX_REQUEST>,
) -> Result<Response<Body>, ProblemDetails> {
    let request = Request::parse(&body);
    let request =
        request.ok_or_else(|| ProblemDetails::malformed("a request names its recipient, in JSON"))?;
    let name = name(&path);
    // As much as the file may have in it, or the few words of an address.
    let most = request.embedded_length_max.unwrap_or(MAX_EMBEDDED).min(MAX_EMBEDDED) + SMALL;
    let tried =
        move |links: &Arc<HealthLinks>| links.manifest(&name, &request).map_err(|denied| refused(&denied));
    let (tried, room) = look_up(&links, client, most, tried).await?;
    let (status, json) = match tried {
        Tried::Right(manifest) => (StatusCode::OK, manifest),
        Tried::Wrong(wrong) => (StatusCode::UNAUTHORIZED, wrong.to_json()),
    };
    let body = Body::from(held(json, room));
    Ok((status, [(CONTENT_TYPE, JSON), (CACHE_CONTROL, NO_STORE)], body).into_response())
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn refused(denied: &Denied) -> ProblemDetails {
    match denied {
        Denied::Ended => {
            ProblemDetails::not_found("there is no such file, it has ended, or it is not to be had like this")
        }
        Denied::Storage(error) => {
            tracing::error!(%error, "a health link could not be answered");
            ProblemDetails::new(Problem::Storage, "the file could not be read, or its state not be written")
                .retry_after(Halt::Storage.retry_after())
        }
    }
}
