//! Bytes that are known by digest and length before they come: received to disk in one piece or several, within bounds.
//!
//! `Content-Range: bytes {first}-{last}/{length}` (RFC 9110 section 14.5) goes on with what came before from the same sender.
//! `first` is how many bytes are here, or else 409 `offset`. What begins at nought, or has no range, begins anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::http::header::CONTENT_RANGE;
use axum::http::{HeaderMap, HeaderName, Request};
use countersign_ledger::{Hash, Problem};
use http_body_util::BodyExt as _;

use super::bodies::busy;
use super::problem::ProblemDetails;
use crate::limits::Client;
use crate::service::Service;
use crate::store::StoreError;
use crate::uploads::{Sender, Upload};

/// How many bytes of an upload are here.
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// What has come.
pub(super) enum Received {
    /// All of it; its digest has not been looked at.
    Whole(Upload),
    /// So many bytes, which are kept for the rest.
    Part(u64),
}

/// Receives what a request brings of `length` bytes from a sender, whose room on disk is `client`'s.
pub(super) async fn receive(
    service: &Arc<Service>,
    client: Client,
    sender: Sender,
    digest: Hash,
    length: u64,
    request: Request<Body>,
) -> Result<Received, ProblemDetails> {
    let (first, until) = range(request.headers(), length).ok_or_else(wrong)?;
    let body = request.into_body();
    if body.size_hint().exact().is_some_and(|bytes| bytes != until - first) {
        return Err(wrong());
    }
    let _place = service.bounds.budgets.uploads.try_take(client, 1).ok_or_else(busy)?;
    let upload = match (first, service.uploads.take(sender, digest)) {
        (0, _) => {
            let bytes = usize::try_from(length).unwrap_or(usize::MAX);
            let room = service.bounds.budgets.unfinished.try_take(client, bytes).ok_or_else(busy)?;
            service.uploads.begin(room).map_err(StoreError::Blob)?
        }
        (first, Some(upload)) if upload.received() == first => upload,
        (_, begun) => {
            if let Some(upload) = begun {
                service.uploads.keep(sender, digest, upload);
            }
            let other = "the upload does not go on at this byte: a HEAD request tells where it does";
            return Err(ProblemDetails::new(Problem::Offset, other));
        }
    };
    let mut receiving = Receiving { service: Arc::clone(service), sender, digest, upload: Some(upload) };
    let received = receiving.receive(body, until).await?;
    match receiving.upload.take_if(|_| received == length) {
        Some(upload) => Ok(Received::Whole(upload)),
        None => Ok(Received::Part(received)),
    }
}

/// An upload while it is being received. It is kept when this is dropped, however that comes about.
struct Receiving {
    service: Arc<Service>,
    sender: Sender,
    digest: Hash,
    upload: Option<Upload>,
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.service.uploads.keep(self.sender, self.digest, upload);
        }
    }
}

impl Receiving {
    /// Writes what comes to disk, up to byte `until`, and returns how much there is then. What is not that much, or more, is
    /// not kept.
    async fn receive(&mut self, mut body: Body, until: u64) -> Result<u64, ProblemDetails> {
        let limits = &self.service.config.limits;
        let patience = Duration::from_secs(limits.request_seconds);
        let late = || ProblemDetails::new(Problem::Timeout, "the blob came too slowly");
        let (started, mut came) = (Instant::now(), 0);
        loop {
            let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| late())?;
            let Some(frame) = frame else { break };
            let frame =
                frame.map_err(|_| ProblemDetails::malformed("the request's body could not be read"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            came += bytes.len() as u64;
            if started.elapsed() > patience + Duration::from_secs(came / limits.upload_pace) {
                return Err(late());
            }
            let fits = |upload: &Upload| upload.received() + bytes.len() as u64 <= until;
            let mut upload = self.upload.take().filter(fits).ok_or_else(wrong)?;
            // It goes to the system's cache; should that wait for the disk, other tasks go on elsewhere.
            tokio::task::block_in_place(|| upload.append(&bytes)).map_err(StoreError::Blob)?;
            self.upload = Some(upload);
        }
        let received = self.upload.as_ref().map_or(0, Upload::received);
        if received != until {
            self.upload = None;
            return Err(wrong());
        }
        Ok(received)
    }
}

/// The first byte that is sent and the one after the last, of `length` bytes.
fn range(headers: &HeaderMap, length: u64) -> Option<(u64, u64)> {
    let Some(range) = headers.get(CONTENT_RANGE) else { return Some((0, length)) };
    let (range, of) = range.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let [first, last, of] = [first, last, of].map(|number| number.parse::<u64>().ok());
    let (first, until) = (first?, last?.checked_add(1)?);
    (of? == length && first < until && until <= length).then_some((first, until))
}

pub(super) fn wrong() -> ProblemDetails {
    ProblemDetails::malformed("these are not the bytes that were announced by digest and length")
}
