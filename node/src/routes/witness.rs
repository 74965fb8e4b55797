//! A witness, for the logs of others (C2SP tlog-witness): a submission and a monitoring prefix.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use countersign_ledger::{AddCheckpoint, AddCheckpointRefusal, MAX_NOTE_LEN, MAX_PATH, Problem};

use super::answer::changing;
use super::bodies::{SMALL, Whole, blocking, read};
use super::problem::ProblemDetails;
use super::{TEXT, digest};
use crate::halt::Halt;
use crate::others_logs::{CosignError, Cosigning};
use crate::server::Peer;

/// Room for a note, a proof and a size.
const MAX_ADD_CHECKPOINT: usize = MAX_NOTE_LEN + (MAX_PATH + 1) * 64;
const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// What one is asked, below its prefix.
pub(super) fn routes<S>(cosigning: &Arc<Cosigning>) -> Router<S> {
    let routes =
        Router::new().route("/add-checkpoint", post(add_checkpoint)).route("/{origin}/checkpoint", get(last));
    routes.with_state(Arc::clone(cosigning))
}

/// `POST /add-checkpoint`
async fn add_checkpoint(
    State(cosigning): State<Arc<Cosigning>>,
    Whole { body: received, .. }: Whole<MAX_ADD_CHECKPOINT>,
) -> Result<Response<Body>, ProblemDetails> {
    let malformed = |error: &dyn std::fmt::Display| ProblemDetails::malformed(error.to_string());
    let text = std::str::from_utf8(&received).map_err(|error| malformed(&error))?;
    let request: AddCheckpoint = text.parse().map_err(|error| malformed(&error))?;
    let now = cosigning.time.now().map_err(|_| ProblemDetails::halted(Halt::Clock))?;
    match blocking(move || Ok(cosigning.logs().cosign(&request, now))).await? {
        Ok(line) => Ok(([(CONTENT_TYPE, TEXT)], line).into_response()),
        Err(CosignError::Refused(AddCheckpointRefusal::Conflict(size))) => {
            Ok((StatusCode::CONFLICT, [(CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response())
        }
        Err(error) => Err(refused(&error)),
    }
}

/// `GET /{origin}/checkpoint`
async fn last(
    State(cosigning): State<Arc<Cosigning>>,
    Path(origin): Path<String>,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let origin = digest(&origin)?;
    // It may be writing to its disk just now.
    let last = move |cosigning: &Arc<Cosigning>| {
        let note = cosigning.logs().last(origin).map(String::into_bytes);
        note.ok_or_else(|| ProblemDetails::not_found("this witness has cosigned no such log"))
    };
    Ok(changing(TEXT, read(&cosigning, peer.client, SMALL, last).await?))
}

fn refused(error: &CosignError) -> ProblemDetails {
    use AddCheckpointRefusal as R;
    let said = error.to_string();
    match error {
        CosignError::Refused(R::UnknownLog) => ProblemDetails::not_found(said),
        CosignError::Refused(R::Signature) => ProblemDetails::new(Problem::Signature, said),
        CosignError::Refused(R::Inconsistent(_)) => ProblemDetails::new(Problem::Inconsistent, said),
        CosignError::Refused(R::Text(_) | R::OldSize | R::Conflict(_)) | CosignError::Note(_) => {
            ProblemDetails::malformed(said)
        }
        CosignError::Kept(_) => {
            tracing::error!(%error, "a cosigned checkpoint could not be kept");
            ProblemDetails::new(Problem::Storage, "what was to be cosigned could not be written; nothing was")
                .retry_after(Halt::Storage.retry_after())
        }
    }
}
