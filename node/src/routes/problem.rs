//! Problem documents: Concise Problem Details (RFC 9290), as SCRAPI has it, or JSON (RFC 9457) if the request asks for it.
//!
//! ```cddl
//! problem = { -1 => tstr, -2 => tstr }   ; title: a stable name that a program may switch on; detail: a sentence
//! ```
//!
//! In JSON, `title` and `detail` are the same, `type` is `urn:countersign:problem:` and the title. Neither contains anything
//! that the client sent.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{Problem, cbor};

use super::answer::{NO_STORE, preferred};
use crate::halt::{Halt, Passing as _};
use crate::reason::Reason;
use crate::store::StoreError;

/// Media type of the document.
const CONCISE: &str = "application/concise-problem-details+cbor";
const PROBLEM_JSON: &str = "application/problem+json";

/// A problem, over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProblemDetails {
    status: StatusCode,
    problem: Problem,
    detail: String,
    retry_after: Option<Duration>,
}

impl ProblemDetails {
    pub(crate) fn new(problem: Problem, detail: impl Into<String>) -> Self {
        Self { status: status(problem), problem, detail: detail.into(), retry_after: None }
    }

    /// The same, with the advice to come back after `delay`.
    pub(crate) const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Problem::Malformed, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Problem::NotFound, detail)
    }

    pub(crate) fn busy(delay: Duration) -> Self {
        Self::new(Problem::Busy, "the node is busy; nothing was looked at").retry_after(delay)
    }

    /// For as long as the node orders nothing.
    pub(crate) fn halted(halt: Halt) -> Self {
        Self::new(halt.problem(), halt.to_string()).retry_after(halt.retry_after())
    }

    pub(crate) fn internal() -> Self {
        Self::new(Problem::Internal, "the node could not answer; its log says why")
    }

    /// Whether it is that the request took too long.
    pub(crate) fn is_timeout(&self) -> bool {
        self.problem == Problem::Timeout
    }

    /// The concise document.
    pub(crate) fn to_cbor(&self) -> Vec<u8> {
        let (title, detail) = (self.problem.as_str(), &self.detail);
        cbor::encode(|e| e.map(2)?.i8(-1)?.str(title)?.i8(-2)?.str(detail)?.ok())
    }

    /// The response, in JSON where the request asks for that.
    pub(crate) fn respond(self, json: bool) -> Response<Body> {
        let (media_type, document) = if json {
            let title = self.problem.as_str();
            let json = serde_json::json!({
                "type": format!("urn:countersign:problem:{title}"),
                "title": title,
                "status": self.status.as_u16(),
                "detail": self.detail,
            });
            (PROBLEM_JSON, json.to_string().into_bytes())
        } else {
            (CONCISE, self.to_cbor())
        };
        let mut response = (self.status, [(CONTENT_TYPE, media_type)], document).into_response();
        // What is not there now may be there later.
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        if let Some(delay) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, delay.as_secs().max(1).into());
        }
        response
    }
}

/// Whether a request would rather have JSON than our own form.
pub(crate) fn asks_for_json(headers: &HeaderMap) -> bool {
    let json = [PROBLEM_JSON, "application/json"];
    let asked = preferred(headers, &[CONCISE, "application/cbor", json[0], json[1]]);
    asked.is_some_and(|asked| json.contains(&asked))
}

/// The status that goes with a problem.
const fn status(problem: Problem) -> StatusCode {
    use Problem as P;
    use StatusCode as S;
    match problem {
        P::NotFound => S::NOT_FOUND,
        P::Gone => S::GONE,
        P::TooLarge => S::PAYLOAD_TOO_LARGE,
        P::Busy | P::Storage | P::Clock | P::Witnesses => S::SERVICE_UNAVAILABLE,
        P::Internal => S::INTERNAL_SERVER_ERROR,
        P::Method => S::METHOD_NOT_ALLOWED,
        P::Timeout => S::REQUEST_TIMEOUT,
        P::Rate => S::TOO_MANY_REQUESTS,
        P::MediaType => S::UNSUPPORTED_MEDIA_TYPE,
        P::Unnamed
        | P::UnknownSigner
        | P::WrongIssuer
        | P::NotYetValid
        | P::Expired
        | P::Signature
        | P::Revoked
        | P::Token
        | P::Role
        | P::RoleNotGiven
        | P::Domain
        | P::CodeUnknown
        | P::CodeUsed
        | P::CodeExpired => S::FORBIDDEN,
        P::Offset
        | P::Replay
        | P::NotLatest
        | P::AwaitsPredecessor
        | P::CustodyConflict
        | P::ForeignCheckpoint
        | P::PromiseNotHeld => S::CONFLICT,
        P::OtherLog
        | P::OtherStore
        | P::UnknownKind
        | P::Inconsistent
        | P::Backdated
        | P::VoidLink
        | P::TooLate
        | P::Recalled
        | P::Rule => S::UNPROCESSABLE_ENTITY,
        P::Malformed
        | P::Format
        | P::HighS
        | P::Future
        | P::Stale
        | P::Fields
        | P::Certificate
        | P::Possession
        | P::Request => S::BAD_REQUEST,
    }
}

impl From<StoreError> for ProblemDetails {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be answered");
        error.halt().map_or_else(Self::internal, Self::halted)
    }
}

impl From<Reason> for ProblemDetails {
    fn from(reason: Reason) -> Self {
        Self::new(reason.problem(), reason.to_string())
    }
}

/// As CBOR, with the problem itself in an extension: the middleware knows what the request accepts.
impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response<Body> {
        let mut response = self.clone().respond(false);
        response.extensions_mut().insert(self);
        response
    }
}
