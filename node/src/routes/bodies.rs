//! What comes in and what goes out, so that neither costs more memory than its budget has.
//!
//! - A request is admitted with room for its head and a small answer, which it has until the answer has left.
//! - A request to write is [`Whole`] before it takes a place among those being written.
//! - A large answer is made in pieces ([`stream`]), each with room of its own, when the peer has taken the one before.
//! - What a request still sends when it is answered early is read for a moment, so that the answer reaches a peer that is
//!   sending.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use countersign_ledger::Problem;
use futures_util::stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;

use super::problem::ProblemDetails;
use crate::flow::{Flow, Owed};
use crate::limits::{Bounded, Bounds, Client, Room};
use crate::lingering;
use crate::server::Peer;

/// Room for a request's head and for an answer that is not made in pieces.
pub(super) const SMALL: usize = 16 * 1024;
/// Largest piece of an answer.
pub(super) const PIECE: usize = 256 * 1024;
/// What is read of a request that was answered early, before the answer: so much, and for so long.
const SMALL_REST: usize = 256 * 1024;
const SMALL_REST_TIME: Duration = Duration::from_secs(1);

/// A request to write, whole: at most `MOST` bytes, within the address's rate, with its place among those being written.
pub(super) struct Whole<const MOST: usize> {
    pub(super) body: Bytes,
    pub(super) client: Client,
    _room: Room,
    _place: Room,
}

impl<S: Bounded, const MOST: usize> FromRequest<Arc<S>> for Whole<MOST> {
    type Rejection = ProblemDetails;

    async fn from_request(request: Request, state: &Arc<S>) -> Result<Self, ProblemDetails> {
        let bounds = state.bounds();
        let client = peer(request.extensions().get())?.client;
        let body = request.into_body();
        let hint = body.size_hint();
        if hint.lower() > MOST as u64 {
            return Err(too_large());
        }
        let most =
            hint.upper().and_then(|most| usize::try_from(most).ok()).map_or(MOST, |most| most.min(MOST));
        let room = bounds.budgets.memory.try_take(client, most).ok_or_else(busy)?;
        let body = Limited::new(body, MOST).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large()
            } else {
                ProblemDetails::malformed("the request's body could not be read")
            }
        })?;
        within_rate(bounds, client)?;
        let place = bounds.budgets.writes.take(client, 1).await;
        Ok(Self { body: body.to_bytes(), client, _room: room, _place: place })
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemDetails> {
        peer(parts.extensions.get()).cloned()
    }
}

fn peer(peer: Option<&Peer>) -> Result<&Peer, ProblemDetails> {
    peer.ok_or_else(ProblemDetails::internal)
}

/// Takes one of the writes that the address may make.
pub(super) fn within_rate(bounds: &Bounds, client: Client) -> Result<(), ProblemDetails> {
    bounds.rate.take(client, Instant::now()).map_err(|delay| {
        let often = "this address writes more often than it may";
        ProblemDetails::new(Problem::Rate, often).retry_after(delay)
    })
}

pub(super) fn busy() -> ProblemDetails {
    ProblemDetails::busy(Duration::from_secs(1))
}

fn too_large() -> ProblemDetails {
    ProblemDetails::new(Problem::TooLarge, "the request's body is larger than it may be here")
}

/// Runs what reads the disk on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemDetails> + Send + 'static,
) -> Result<T, ProblemDetails> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(ProblemDetails::internal()))
}

/// Looks something up on a thread that may wait, when there is a place and room for an answer of up to `most` bytes.
pub(super) async fn look_up<S: Bounded, T: Send + 'static>(
    service: &Arc<S>,
    client: Client,
    most: usize,
    work: impl FnOnce(&Arc<S>) -> Result<T, ProblemDetails> + Send + 'static,
) -> Result<(T, Room), ProblemDetails> {
    let budgets = &service.bounds().budgets;
    let room = budgets.memory.take(client, most).await;
    let _place = budgets.reads.take(client, 1).await;
    let service = Arc::clone(service);
    Ok((blocking(move || work(&service)).await?, room))
}

/// The same, for bytes, which have their room until they have left.
pub(super) async fn read<S: Bounded>(
    service: &Arc<S>,
    client: Client,
    most: usize,
    work: impl FnOnce(&Arc<S>) -> Result<Vec<u8>, ProblemDetails> + Send + 'static,
) -> Result<Bytes, ProblemDetails> {
    let (bytes, room) = look_up(service, client, most, work).await?;
    Ok(held(bytes, room))
}

/// The next piece of an answer, if there is one.
pub(super) type Piece = Result<Option<Vec<u8>>, ProblemDetails>;

/// An answer in pieces of up to [`PIECE`] bytes, made by `next` from `state` until there is none, each in a room of `most`
/// bytes. The next is made when the peer has room for it.
pub(super) fn stream<S: Bounded, T: Send + 'static>(
    service: &Arc<S>,
    client: Client,
    most: usize,
    state: T,
    next: fn(&Arc<S>, &mut T) -> Piece,
) -> Body {
    let service = Arc::clone(service);
    Body::from_stream(stream::try_unfold((service, state), move |(service, mut state)| async move {
        let work = move |service: &Arc<S>| Ok((next(service, &mut state)?, state));
        // The status has been sent: what fails now cuts the answer, and the peer sees that.
        let looked_up = look_up(&service, client, most, work).await;
        let ((bytes, state), room) = looked_up.map_err(|_| std::io::Error::other("the answer was cut"))?;
        std::io::Result::Ok(bytes.map(|bytes| (held(bytes, room), (service, state))))
    }))
}

/// Bytes that have their room until they are dropped, and no more than they need.
fn held(mut bytes: Vec<u8>, mut room: Room) -> Bytes {
    bytes.shrink_to_fit();
    room.shrink(bytes.len());
    Bytes::from_owner(Held { bytes, _room: room })
}

struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer on its way. It has its request's room until all of it has left, and says when it waits for the peer.
pub(super) struct Outgoing {
    body: Body,
    flow: Flow,
    /// None while the next piece is being made.
    owed: Option<Owed>,
    room: Option<Arc<Room>>,
}

impl Outgoing {
    pub(super) fn new(body: Body, flow: Flow, room: Option<Room>) -> Self {
        let owed = Some(flow.owe());
        Self { body, flow, owed, room: room.map(Arc::new) }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.owed = None;
        Pin::new(&mut this.body).poll_frame(cx).map_ok(|frame| {
            this.owed = Some(this.flow.owe());
            frame.map_data(|bytes| {
                Bytes::from_owner(Leaving { bytes, _owed: this.flow.owe(), _room: this.room.clone() })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that wait for the peer, and the room of the request that they answer.
struct Leaving {
    bytes: Bytes,
    _owed: Owed,
    _room: Option<Arc<Room>>,
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A request's body, which comes back when whoever reads it stops before its end.
pub(super) struct Incoming {
    /// None at its end.
    body: Option<Body>,
    back: Option<oneshot::Sender<Body>>,
}

/// What was not read of a request.
pub(super) struct Rest(oneshot::Receiver<Body>);

impl Incoming {
    pub(super) fn new(body: Body) -> (Self, Rest) {
        let (back, rest) = oneshot::channel();
        let body = Some(body).filter(|body| !body.is_end_stream());
        (Self { body, back: Some(back) }, Rest(rest))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Fails if nobody is interested any more.
            let _ = back.send(body);
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *body).poll_frame(cx);
        let ended = matches!(frame, Poll::Ready(None | Some(Err(_)))) || body.is_end_stream();
        this.body.take_if(|_| ended);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Rest {
    /// What was not read; none if the request has come to its end.
    pub(super) fn left(mut self) -> Option<Body> {
        self.0.try_recv().ok()
    }
}

/// Reads and drops the rest of a small request over HTTP/1.1, so that the connection can go on. Whether it came to its end.
pub(super) async fn discard_small(body: Body) -> bool {
    discard(body, SMALL_REST, SMALL_REST_TIME).await
}

/// Reads and drops the rest of a request over HTTP/2 while its early answer leaves: its stream would be reset otherwise, and
/// curl 7.88 and Node take that for the answer.
pub(super) async fn discard_large(body: Body) {
    discard(body, lingering::MOST, lingering::PATIENCE).await;
}

async fn discard(body: Body, most: usize, time: Duration) -> bool {
    let mut body = Limited::new(body, most);
    let read = async {
        loop {
            match body.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    };
    tokio::time::timeout(time, read).await == Ok(true)
}
