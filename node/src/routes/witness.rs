//! This node's witnesses, for the logs of others (C2SP tlog-witness): `/witness/{name}` is a submission and a monitoring prefix.

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{AddCheckpoint, AddCheckpointRefusal, Problem};

use super::answer::changing;
use super::{Shared, TEXT, blocking, body, digest};
use crate::others_logs::CosignError;
use crate::problem::ProblemDetails;

const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// `POST /witness/{name}/add-checkpoint`
pub(super) async fn add_checkpoint(
    State(service): Shared,
    Path(name): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, ProblemDetails> {
    let received = body(received)?;
    let malformed = |error: &dyn std::fmt::Display| ProblemDetails::malformed(error.to_string());
    let text = std::str::from_utf8(&received).map_err(|error| malformed(&error))?;
    let request: AddCheckpoint = text.parse().map_err(|error| malformed(&error))?;
    let now = (service.clock)();
    let cosigned = blocking(move || Ok(service.others.cosign(&name, &request, now))).await?;
    match cosigned {
        Ok(line) => Ok(([(CONTENT_TYPE, TEXT)], line).into_response()),
        Err(CosignError::Refused(AddCheckpointRefusal::Conflict(size))) => {
            Ok((StatusCode::CONFLICT, [(CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response())
        }
        Err(error) => Err(refused(&error)),
    }
}

/// `GET /witness/{name}/{origin}/checkpoint`
pub(super) async fn last(
    State(service): Shared,
    Path((name, origin)): Path<(String, String)>,
) -> Result<Response<Body>, ProblemDetails> {
    let note = service.others.last(&name, digest(&origin)?);
    let note = note.ok_or_else(|| ProblemDetails::not_found("this witness has cosigned no such log"))?;
    Ok(changing(TEXT, note))
}

fn refused(error: &CosignError) -> ProblemDetails {
    use AddCheckpointRefusal as R;
    let said = error.to_string();
    match error {
        CosignError::NoWitness | CosignError::Refused(R::UnknownLog) => ProblemDetails::not_found(said),
        CosignError::Refused(R::Signature) => ProblemDetails::new(Problem::Signature, said),
        CosignError::Refused(R::Inconsistent(_)) => ProblemDetails::new(Problem::Inconsistent, said),
        CosignError::Refused(R::Text(_) | R::OldSize | R::Conflict(_)) | CosignError::Note(_) => {
            ProblemDetails::malformed(said)
        }
        CosignError::Kept(_) => {
            tracing::error!(%error, "a cosigned checkpoint could not be kept");
            ProblemDetails::internal()
        }
    }
}
