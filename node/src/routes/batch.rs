//! Many statements in one request: `POST /{log}/batch`.
//!
//! ```cddl
//! batch    = [* bstr .cbor statement]   ; up to MAX_BATCH bytes in all
//! outcomes = [* outcome]                ; one for each statement, in the same order
//! outcome  = [index: uint, size: uint]  ; ordered: its place, and the size of a checkpoint that covers it
//!          / { -1 => tstr, -2 => tstr } ; refused: what a problem document would say of it
//! ```
//!
//! Statements are ordered as they stand, so one may follow another in the same batch, and share blocks. The answer, 200, comes
//! when all of them are durable or refused. After one that is told `busy` or `rate`, all others are told the same, and none
//! of them was looked at: whoever sends these again goes on where the batch stopped. A statement that was ordered before is
//! told its place, so sending a whole batch again is harmless too.
//!
//! A batch counts as one of the writes that an address may make, and each of its statements that is refused as one more.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use countersign_ledger::cbor;
use minicbor::Decoder;

use super::bodies::{Whole, blocking, busy, within_rate};
use super::entries::refusal;
use super::problem::ProblemDetails;
use super::{CBOR, Shared, log};
use crate::sequencer::Outcome;

/// Most bytes in a batch: more than a thousand statements of a usual size.
const MAX_BATCH: usize = 1 << 20;
/// Statements that are verified together, while those before them are being ordered: few at first, so that somebody whose
/// statements are refused has few of them verified, and twice as many each time.
const TOGETHER: RangeInclusive<usize> = 32..=512;

/// `POST /{log}/batch`
pub(super) async fn submit(
    State(service): Shared,
    Path(name): Path<String>,
    batch: Whole<MAX_BATCH>,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
    let (body, client, ordering) = (batch.body.clone(), batch.client, Arc::clone(&service));
    let (tickets, count, stopped) = blocking(move || {
        let statements = read(&body).ok_or_else(|| {
            ProblemDetails::malformed("a batch is an array of statements, each a byte string")
        })?;
        let (mut tickets, mut stopped) = (Vec::new(), None);
        let (mut rest, mut together) = (&statements[..], *TOGETHER.start());
        while !rest.is_empty() {
            let (part, later) = rest.split_at(together.min(rest.len()));
            (rest, together) = (later, (2 * together).min(*TOGETHER.end()));
            let submitted = ordering.sequencer.submit_all(log, part);
            let refused = submitted.iter().filter(|one| matches!(one.outcome(), Some(Outcome::Refused(_))));
            stopped = (0..refused.count()).find_map(|_| within_rate(&ordering.bounds, client).err());
            let went_on = submitted.len() == part.len();
            tickets.extend(submitted);
            if stopped.is_some() || !went_on {
                break;
            }
        }
        Ok((tickets, statements.len(), stopped))
    })
    .await?;
    let mut answer = cbor::encode(|e| e.array(count as u64)?.ok());
    let (statements, answered) = (read(&batch.body).unwrap_or_default(), tickets.len());
    for (ticket, statement) in tickets.into_iter().zip(statements) {
        let problem = match ticket.await {
            Outcome::Accepted(ordered) | Outcome::Duplicate(ordered) => {
                answer = cbor::encode_into(answer, |e| {
                    e.array(2)?.u64(ordered.place.index)?.u64(ordered.size)?.ok()
                });
                continue;
            }
            Outcome::Busy { retry_after } => ProblemDetails::busy(retry_after),
            Outcome::Halted(halt) => ProblemDetails::halted(halt),
            Outcome::Refused(reason) => refusal(&service, batch.body.slice_ref(statement), reason).await,
        };
        answer.extend(problem.to_cbor());
    }
    let not_looked_at = stopped.unwrap_or_else(busy).to_cbor();
    answer.extend(not_looked_at.repeat(count - answered));
    Ok(([(CONTENT_TYPE, CBOR)], answer).into_response())
}

/// The statements of a batch.
fn read(batch: &[u8]) -> Option<Vec<&[u8]>> {
    let mut d = Decoder::new(batch);
    let count = d.array().ok()??;
    let statements = (0..count).map(|_| d.bytes().ok()).collect::<Option<Vec<_>>>()?;
    (d.position() == batch.len()).then_some(statements)
}
