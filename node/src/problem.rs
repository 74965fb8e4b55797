//! What a client is told when it gets no answer: Concise Problem Details (RFC 9290).
//!
//! ```cddl
//! problem = { -1 => tstr, -2 => tstr }   ; title: a stable name that a program may switch on; detail: a sentence
//! ```
//!
//! Neither contains anything that the client sent.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;

use countersign_ledger::Refusal;

use crate::cbor;
use crate::sequencer::Reason;
use crate::store::StoreError;

/// Media type of the document.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/concise-problem-details+cbor");

/// A refusal, over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), retry_after: None }
    }

    /// The same, with the advice to come back after `delay`.
    pub(crate) const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the request's body is larger than it may be here",
        )
    }

    pub(crate) fn busy(delay: Duration) -> Self {
        let busy =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the node is busy; nothing was looked at");
        busy.retry_after(delay)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the node could not answer; its log says why",
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self::internal()
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        use StatusCode as S;
        let status = match &reason {
            Reason::Statement(refusal) => match refusal {
                Refusal::UnknownSigner
                | Refusal::WrongIssuer
                | Refusal::NotYetValid
                | Refusal::Expired
                | Refusal::Signature
                | Refusal::Revoked
                | Refusal::Role
                | Refusal::Domain => S::FORBIDDEN,
                Refusal::Format(countersign_ledger::FormatError::TooLarge) => S::PAYLOAD_TOO_LARGE,
                _ => S::BAD_REQUEST,
            },
            Reason::Code => S::FORBIDDEN,
            Reason::Replay
            | Reason::NotLatest { .. }
            | Reason::AwaitsPredecessor
            | Reason::Taken { .. }
            | Reason::ForeignCheckpoint => S::CONFLICT,
            Reason::OtherLog(_) | Reason::UnknownKind | Reason::Backdated | Reason::Custody(_) => {
                S::UNPROCESSABLE_ENTITY
            }
        };
        Self::new(status, reason.name(), reason.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let document = cbor::encode(|e| e.map(2)?.i8(-1)?.str(self.title)?.i8(-2)?.str(&self.detail)?.ok());
        let mut response = (self.status, [(CONTENT_TYPE, MEDIA_TYPE)], document).into_response();
        if let Some(delay) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, delay.as_secs().max(1).into());
        }
        response
    }
}
