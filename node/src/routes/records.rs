//! The record store over HTTP: tickets and objects from owners, deliveries to holders of requests.
//!
//! Tokens are shown as `Authorization: Bearer`, in base64url (RFC 6750). Objects are sealed; their digests say nothing.
//!
//! - `GET /store` -> `[name: tstr, record-bytes: uint]`: the store's SPIFFE ID, and the most bytes of a record.
//! - `POST /store/tickets` with a submission -> what is to be uploaded, and a token for that. The same ticket again is the same.
//! - `PUT /store/objects/{digest}` with that token -> 204, once it is durable; in pieces as blobs are ([`super::receiving`]), but
//!   from any address. `HEAD` -> 200 if it is held, or 404 with `Upload-Offset`.
//! - `POST /store/deliveries` with a demand -> what is delivered, and a token for that. The same demand again is the same.
//! - `GET /store/objects/{digest}` with that token, and a range if need be (RFC 9110 section 14.2).
//! - `PUT /store/links/{name}` with a token for uploads and `[object: digest, gate: bstr]` -> 204: an object that is held, for
//!   whoever has the SMART Health Link ([`super::health_links`]). The name is 32 random bytes in base64url; the gate is JSON
//!   ([`countersign_shl::Gate`]). `DELETE` -> 204: it leads nowhere any more.

mod deliver;

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::{Hash, Problem, Refusal, Statement, UnixMillis, cbor};
use countersign_records::rules::Thread;
use countersign_records::{
    FULL, MAX_DEMAND, MAX_SUBMISSION, RecordId, SHARED, Submission, Taken, Ticket, TicketError,
};
use countersign_shl::Gate;
use minicbor::Decoder;

use self::deliver::deliver;
use super::answer::NO_STORE;
use super::bodies::{PIECE, SMALL, Whole, blocking, busy, look_up, stream, within_rate};
use super::problem::ProblemDetails;
use super::receiving::{Received, UPLOAD_OFFSET, receive, wrong};
use super::{CBOR, OCTETS, Shared, digest};
use crate::halt::Halt;
use crate::health_links::is_name;
use crate::record_store::{NotKept, Opened, RecordStore, Running};
use crate::server::Peer;
use crate::service::Service;
use crate::store::StoreError;

/// The furthest end of a link.
const MAX_LINK_SECONDS: u64 = 366 * 24 * 3600;

/// `GET /store`
pub(super) async fn about(State(service): Shared) -> Result<Response<Body>, ProblemDetails> {
    let store = store(&service)?;
    let about = cbor::encode(|e| e.array(2)?.str(store.identity().as_str())?.u64(store.most())?.ok());
    Ok(answer(about))
}

/// `POST /store/tickets`
pub(super) async fn ticket(
    State(service): Shared,
    Whole { body, .. }: Whole<MAX_SUBMISSION>,
) -> Result<Response<Body>, ProblemDetails> {
    let taken = blocking(move || take(&service, &body)).await?;
    Ok(answer(taken.to_bytes()))
}

fn take(service: &Service, body: &[u8]) -> Result<Taken, ProblemDetails> {
    let (store, now) = (store(service)?, now(service)?);
    let submission = Submission::from_bytes(body).ok_or(TicketError::Malformed)?;
    let statement = Statement::parse(&submission.ticket).map_err(Refusal::from)?;
    let (view, signer) = (service.published.view(), statement.certificate());
    let statement = view.trust.verify(statement)?;
    // A certificate that signs nothing any more in one of the logs uploads nothing for it either.
    let logs = [FULL, SHARED].into_iter().flatten().filter(|log| view.heads.contains_key(log));
    if logs.into_iter().any(|log| view.trust.is_revoked(signer, log, view.size(log))) {
        return Err(Refusal::Revoked.into());
    }
    let ticket = Ticket::read(&statement, store.identity(), now)?;
    let mut rows: Vec<_> = submission.rows.iter().map(countersign_records::Row::hash).collect();
    rows.sort_unstable();
    if rows != ticket.rows() {
        return Err(ProblemDetails::malformed("the rows are not those that the ticket names"));
    }
    let lacking = store.take(&ticket, &submission.rows)??;
    let (token, until) = store.upload_token(ticket.record(), now);
    Ok(Taken { token, until, lacking })
}

/// `POST /store/deliveries`
pub(super) async fn delivery(
    State(service): Shared,
    Whole { body, .. }: Whole<MAX_DEMAND>,
) -> Result<Response<Body>, ProblemDetails> {
    let store = store(&service)?;
    let delivered = blocking(move || deliver(&service, &store, &body)).await?;
    Ok(answer(delivered.to_bytes()))
}

/// `HEAD /store/objects/{digest}`
pub(super) async fn head(
    State(service): Shared,
    Path(hex): Path<String>,
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (store, digest) = (store(&service)?, digest(&hex)?);
    let record = uploader(&service, &store, &headers)?;
    let look = move |_: &Arc<Service>| Ok(store.object(record, digest)?);
    match look_up(&service, peer.client, 0, look).await?.0 {
        Some((size, true)) => Ok(([(CONTENT_LENGTH, size)], ()).into_response()),
        _ => {
            let received = service.uploads.received(crate::uploads::Sender::Owner(record), digest);
            Ok((StatusCode::NOT_FOUND, [(UPLOAD_OFFSET, received)]).into_response())
        }
    }
}

/// `PUT /store/objects/{digest}`
pub(super) async fn put(
    State(service): Shared,
    Path(hex): Path<String>,
    Peer { client, .. }: Peer,
    request: Request,
) -> Result<Response<Body>, ProblemDetails> {
    let (store, digest) = (store(&service)?, digest(&hex)?);
    within_rate(&service.bounds, client)?;
    let record = uploader(&service, &store, request.headers())?;
    let (known, asked) = (Arc::clone(&store), move |store: &RecordStore| store.object(record, digest));
    let known = look_up(&service, client, 0, move |_| Ok(asked(&known)?)).await?.0;
    let (length, held) = known.ok_or(NotKept::Unannounced)?;
    if held {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let sender = crate::uploads::Sender::Owner(record);
    let upload = match receive(&service, client, sender, digest, length, request).await? {
        Received::Whole(upload) => upload,
        Received::Part(received) => {
            return Ok((StatusCode::ACCEPTED, [(UPLOAD_OFFSET, received)]).into_response());
        }
    };
    let _room = service.bounds.budgets.memory.take(client, store.memory(length)).await;
    let _place = service.bounds.budgets.writes.take(client, 1).await;
    blocking(move || {
        let bytes = upload.finish(digest).map_err(StoreError::Object)?.ok_or_else(wrong)?;
        Ok(store.keep(record, digest, bytes)??)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What is being sent of an object; the delivery runs on while it is.
struct Sending {
    store: Arc<RecordStore>,
    opened: Opened,
    left: Range<u64>,
    _delivery: Arc<Running>,
}

/// `PUT /store/links/{name}`
pub(super) async fn link(
    State(service): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Whole { body, .. }: Whole<SMALL>,
) -> Result<Response<Body>, ProblemDetails> {
    let (store, name) = (store(&service)?, name_of_link(name)?);
    let (record, now) = (uploader(&service, &store, &headers)?, now(&service)?);
    let mut d = Decoder::new(&body);
    let read = |d: &mut Decoder<'_>| {
        let two = d.array().ok() == Some(Some(2));
        let digest = Hash::from_slice(d.bytes().ok()?)?;
        let gate = Gate::parse(d.bytes().ok()?)?;
        (two && d.position() == body.len()).then_some((digest, gate))
    };
    let (digest, gate) =
        read(&mut d).ok_or_else(|| ProblemDetails::malformed("a link is an object's digest and a gate"))?;
    if gate.expires().saturating_sub(now.seconds()) > MAX_LINK_SECONDS {
        return Err(ProblemDetails::malformed("a link ends within a year"));
    }
    if !gate.url().ends_with(&format!("/{name}")) {
        return Err(ProblemDetails::malformed("the gate is that of another address"));
    }
    blocking(move || Ok(store.link(&name, record, digest, gate)??)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /store/links/{name}`
pub(super) async fn unlink(
    State(service): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, ProblemDetails> {
    let (store, name) = (store(&service)?, name_of_link(name)?);
    let record = uploader(&service, &store, &headers)?;
    blocking(move || Ok(store.unlink(&name, record)?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn name_of_link(name: String) -> Result<String, ProblemDetails> {
    let malformed = || ProblemDetails::malformed("a link's name is 32 bytes in base64url");
    if is_name(&name) { Ok(name) } else { Err(malformed()) }
}

/// `GET /store/objects/{digest}`
pub(super) async fn get(
    State(service): Shared,
    Path(hex): Path<String>,
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (store, digest, token) = (store(&service)?, digest(&hex)?, token(&headers)?);
    let open = move |service: &Arc<Service>| {
        let delivery = store.delivered(&token, now(service)?).ok_or_else(unknown)?;
        not_withdrawn(service, &delivery)?;
        let opened = store.get(&delivery, digest)?;
        let (size, opened) =
            opened.ok_or_else(|| ProblemDetails::not_found("this object is not among what was delivered"))?;
        Ok((size, Sending { store, opened, left: 0..size, _delivery: delivery }))
    };
    let (size, mut sending) = look_up(&service, peer.client, 0, open).await?.0;
    let asked = headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(|range| part(range, size));
    let status = match asked {
        None => StatusCode::OK,
        Some(None) => {
            let no_such = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, no_such).into_response());
        }
        Some(Some(part)) => {
            sending.left = part;
            StatusCode::PARTIAL_CONTENT
        }
    };
    let left = sending.left.clone();
    let body = stream(&service, peer.client, PIECE, sending, |_, sending| {
        let Range { start, end } = sending.left;
        if start == end {
            return Ok(None);
        }
        let most = usize::try_from(end - start).map_or(PIECE, |left| left.min(PIECE));
        let bytes = sending.store.read(&mut sending.opened, start, most)?;
        sending.left.start += bytes.len() as u64;
        // An object that ends too early was damaged where it lies: the answer is cut, and its reader sees that.
        if bytes.is_empty() { Err(ProblemDetails::internal()) } else { Ok(Some(bytes)) }
    });
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, OCTETS);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(ACCEPT_RANGES, axum::http::HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, (left.end - left.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", left.start, left.end.saturating_sub(1));
        headers.extend(range.parse().ok().map(|range| (CONTENT_RANGE, range)));
    }
    Ok(response)
}

/// The bytes that a range asks for of an object of `size` bytes: none is `None`, one that it does not have `Some(None)`. What is
/// no range of bytes, or several, is as good as none (RFC 9110 section 14.2).
fn part(range: &str, size: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let part = match (first, last) {
        ("", last) => {
            let last = number(last)?;
            size.saturating_sub(last)..size
        }
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..size.min(last.saturating_add(1))
        }
    };
    Some((part.start < part.end).then_some(part))
}

/// Nothing is handed out under a grant that was withdrawn, whatever was delivered before.
fn not_withdrawn(service: &Service, delivery: &Running) -> Result<(), ProblemDetails> {
    let thread = Thread::from_state(&service.published.standing(delivery.log, &delivery.thread)?);
    match thread {
        Some(thread) if !thread.withdrawn => Ok(()),
        _ => Err(ProblemDetails::new(Problem::Token, "the grant was withdrawn")),
    }
}

fn store(service: &Service) -> Result<Arc<RecordStore>, ProblemDetails> {
    service.records.clone().ok_or_else(|| ProblemDetails::not_found("this node keeps no records"))
}

fn now(service: &Service) -> Result<UnixMillis, ProblemDetails> {
    service.time.now().map_err(|_| ProblemDetails::halted(Halt::Clock))
}

/// The record whose owner uploads.
fn uploader(service: &Service, store: &RecordStore, headers: &HeaderMap) -> Result<RecordId, ProblemDetails> {
    store.uploads(&token(headers)?, now(service)?).ok_or_else(unknown)
}

/// The token that a request shows.
fn token(headers: &HeaderMap) -> Result<Vec<u8>, ProblemDetails> {
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or_default();
    let token = Some(token).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
    token.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok()).ok_or_else(unknown)
}

fn unknown() -> ProblemDetails {
    let end = "this token is not good, or no longer: a ticket or a demand brings another";
    ProblemDetails::new(Problem::Token, end)
}

fn answer(body: Vec<u8>) -> Response<Body> {
    ([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, NO_STORE)], body).into_response()
}

impl From<TicketError> for ProblemDetails {
    fn from(error: TicketError) -> Self {
        let problem = match error {
            TicketError::Malformed => Problem::Malformed,
            TicketError::OtherStore => Problem::OtherStore,
            TicketError::NotTheOwner => Problem::Role,
            TicketError::Old => Problem::Stale,
            TicketError::Ahead => Problem::Future,
        };
        Self::new(problem, error.to_string())
    }
}

impl From<Refusal> for ProblemDetails {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.into(), refusal.to_string())
    }
}

impl From<NotKept> for ProblemDetails {
    fn from(refused: NotKept) -> Self {
        match refused {
            NotKept::Full => {
                Self::new(Problem::TooLarge, "the record would have more bytes in the store than it may")
            }
            NotKept::Busy => busy(),
            NotKept::Unannounced => Self::new(Problem::Unnamed, "no ticket has announced this object"),
            NotKept::Taken => Self::new(Problem::Unnamed, "this name leads to something else"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_of_bytes_or_none() {
        let whole = None;
        for (range, expected) in [
            ("bytes=0-4", Some(Some(0..5))),
            ("bytes=5-", Some(Some(5..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-30", Some(Some(0..10))),
            ("bytes=0-99999999999", Some(Some(0..10))),
            ("bytes=9-9", Some(Some(9..10))),
            ("bytes=10-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=4-3", whole.clone()),
            ("bytes=0-1,3-4", whole.clone()),
            ("bytes=+1-2", whole.clone()),
            ("bytes=-", whole.clone()),
            ("bytes=99999999999999999999-", whole.clone()),
            ("items=0-4", whole.clone()),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(None));
    }
}
