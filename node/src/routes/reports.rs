//! Reports over HTTP: from anyone, for the domain's authority alone.
//!
//! - `POST /reports` with an envelope -> 204, once it is durable. The same again is the same report.
//! - `POST /reports/read` with a signed `report.read` -> a page of them.
//! - `POST /reports/remove` with a signed `report.remove` -> 204, or 404 if there is no such report.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use countersign_custody::report::{Denied, Envelope, MAX_ENVELOPE, MAX_PAGE, Request, page};
use countersign_ledger::{LogName, MAX_STATEMENT, Problem, Refusal, Statement, UnixMillis};

use super::answer::NO_STORE;
use super::bodies::{Whole, blocking, held, look_up};
use super::problem::ProblemDetails;
use super::{CBOR, Shared};
use crate::halt::Halt;
use crate::reports::Taken;
use crate::service::Service;

/// `POST /reports`
pub(super) async fn take(
    State(service): Shared,
    Whole { body, client, .. }: Whole<MAX_ENVELOPE>,
) -> Result<StatusCode, ProblemDetails> {
    let malformed = || ProblemDetails::malformed("this is no sealed report");
    Envelope::from_bytes(&body).ok_or_else(malformed)?;
    service.reports.forget_old();
    let room = service.bounds.budgets.reports.try_take(client, body.len());
    let room = room.ok_or_else(|| {
        let share = "this address has left as many reports within a day as it may";
        ProblemDetails::new(Problem::Rate, share).retry_after(Duration::from_hours(1))
    })?;
    let taken = blocking(move || Ok(service.reports.take(&body, room, now(&service)?)?)).await?;
    match taken {
        Taken::Kept | Taken::Known => Ok(StatusCode::NO_CONTENT),
        Taken::Full => Err(ProblemDetails::halted(Halt::Storage)),
    }
}

/// `POST /reports/read`
pub(super) async fn read(
    State(service): Shared,
    Whole { body, client, .. }: Whole<MAX_STATEMENT>,
) -> Result<Response<Body>, ProblemDetails> {
    let (reports, room) = look_up(&service, client, MAX_PAGE, move |service| {
        let Request::Read { after } = asked(service, &body)? else { return Err(other()) };
        Ok(page(&service.reports.after(after)?))
    })
    .await?;
    let body = Body::from(held(reports, room));
    Ok(([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, NO_STORE)], body).into_response())
}

/// `POST /reports/remove`
pub(super) async fn remove(
    State(service): Shared,
    Whole { body, .. }: Whole<MAX_STATEMENT>,
) -> Result<StatusCode, ProblemDetails> {
    blocking(move || {
        let Request::Remove { number } = asked(&service, &body)? else { return Err(other()) };
        if service.reports.remove(number)? {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(ProblemDetails::not_found("there is no such report, or no longer"))
        }
    })
    .await
}

/// What an authority asks, if it may.
fn asked(service: &Service, body: &[u8]) -> Result<Request, ProblemDetails> {
    let statement = Statement::parse(body).map_err(Refusal::from)?;
    let (view, signer) = (service.published.view(), statement.certificate());
    let statement = view.trust.verify(statement)?;
    let log = LogName::TRUST;
    if view.trust.is_revoked(signer, log, view.size(log)) {
        return Err(Refusal::Revoked.into());
    }
    Ok(Request::of(&statement, &service.config.domain, now(service)?)?)
}

fn other() -> ProblemDetails {
    ProblemDetails::malformed("this path is asked by another kind of statement")
}

fn now(service: &Service) -> Result<UnixMillis, ProblemDetails> {
    service.time.now().map_err(|_| ProblemDetails::halted(Halt::Clock))
}

impl From<Denied> for ProblemDetails {
    fn from(denied: Denied) -> Self {
        let problem = match denied {
            Denied::Malformed => Problem::Malformed,
            Denied::Role => Problem::Role,
            Denied::Old => Problem::Stale,
            Denied::Ahead => Problem::Future,
        };
        Self::new(problem, denied.to_string())
    }
}
