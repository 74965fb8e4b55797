//! Proofs at a checkpoint: consistency of the log, the history of a subject, the members of a family.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::Response;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use countersign_ledger::{
    Family, Hash, HistoryEntry, IndexKey, LogName, MAX_ENTRIES, NameError, Statement, Subject,
    SubjectHistory, cbor,
};

use countersign_ledger::Problem;

use super::{CBOR, FRESH, IMMUTABLE, Shared, blocking, log};
use crate::ledger::Place;
use crate::ledger_state::SubjectIndex;
use crate::machine::Bodies as _;
use crate::node::Service;
use crate::problem::ProblemDetails;
use crate::published::View;
use crate::store::StoreError;

/// Most names in one answer.
const MAX_NAMES: usize = 512;

/// Most subjects or families in one question.
const MAX_ASKED: usize = 64;

/// One subject or family in a query.
struct About {
    /// A subject or a family, as text.
    s: String,
    /// How many to leave out, because the client has them.
    skip: u64,
}

/// `GET /{log}/consistency/{old}/{new}`
pub(super) async fn consistency(
    State(service): Shared,
    Path((name, old, new)): Path<(String, String, String)>,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, old, new) = (log(&service, &name)?, number(&old)?, number(&new)?);
    if new > service.published.view().size(log) {
        return Err(ahead());
    }
    let proof = service.published.state().consistency(log, old, new)?;
    let proof = proof.ok_or_else(|| ProblemDetails::malformed("the newer size is smaller than the older"))?;
    let answer = cbor::encode(|e| {
        e.array(proof.len() as u64)?;
        proof.iter().try_for_each(|hash| e.bytes(hash.as_bytes())?.ok())
    });
    Ok(([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, IMMUTABLE)], answer).into_response())
}

/// `GET /{log}/subjects/{size}?s=…&skip=…&s=…`
pub(super) async fn subjects(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let subject = |About { s, skip }| Ok((Subject::new(s)?, skip));
    let subjects: Result<Vec<_>, NameError> = about.into_iter().map(subject).collect();
    let subjects = subjects.map_err(|error| ProblemDetails::malformed(error.to_string()))?;
    let histories = blocking(move || {
        let (mut histories, mut room) = (Vec::new(), MAX_ENTRIES);
        for (subject, skip) in subjects {
            let history = history(&service, log, size, &subject, skip, room)?;
            room -= history.entries.len();
            histories.push(history.to_cbor());
            if room == 0 {
                break;
            }
        }
        Ok(histories)
    });
    Ok(answer(&histories.await?))
}

/// `GET /{log}/families/{size}?s=…&s=…`
pub(super) async fn families(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let proofs = blocking(move || {
        let index = index_at(&service, &service.published.view(), log, size)?;
        let prove = |about: &About| Ok(index.prove_family(Family::new(&about.s))?.to_cbor());
        about.iter().map(prove).collect::<Result<Vec<_>, ProblemDetails>>()
    });
    Ok(answer(&proofs.await?))
}

/// `GET /{log}/names/{size}?s=…&skip=…`
pub(super) async fn names(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let Ok([About { s, skip }]) = <[About; 1]>::try_from(about) else {
        return Err(ProblemDetails::malformed("the names of one family are asked for at a time"));
    };
    let names = blocking(move || names_of(&service, log, size, &s, skip)).await?;
    let names = cbor::encode(|e| {
        e.array(names.len() as u64)?;
        names.iter().try_for_each(|name| e.str(name.as_str())?.ok())
    });
    Ok(cbor_answer(names))
}

/// A subject's statements after the first `skip`, at most `room` of them.
fn history(
    service: &Arc<Service>,
    log: LogName,
    size: u64,
    subject: &Subject,
    skip: u64,
    room: usize,
) -> Result<SubjectHistory, ProblemDetails> {
    let (view, state) = (service.published.view(), service.published.state());
    let index = index_at(service, &view, log, size)?;
    let key = IndexKey::of(subject);
    let mut indices = Vec::new();
    if let Some(entry) = index.get(&key)? {
        let mut next = state.place(entry.latest)?;
        let wanted = usize::try_from(entry.count.saturating_sub(skip)).unwrap_or(usize::MAX);
        while let Some(place) = next.filter(|_| indices.len() < wanted) {
            indices.push(place.index);
            next = state.neighbours(place)?.before.map(|index| Place { log, index });
        }
        indices.reverse();
        indices.truncate(room);
    }
    let mut history = SubjectHistory {
        index_proof: index.prove(&key)?,
        entries: Vec::with_capacity(indices.len()),
        certificates: vec![],
    };
    let mut signers: Vec<Hash> = Vec::new();
    for index in indices {
        let statement = service.published.body(Place { log, index })?;
        let parsed = Statement::parse(&statement).map_err(|_| StoreError::Damaged("statements"))?;
        for signer in parsed.certificates() {
            if !signers.contains(&signer) {
                signers.push(signer);
                let known = view.trust.certificate(signer).map(|known| known.as_der().to_vec());
                history.certificates.extend(known);
            }
        }
        let path = state.inclusion(log, index, size)?;
        history.entries.push(HistoryEntry {
            index,
            statement,
            path: path.ok_or_else(ProblemDetails::internal)?,
        });
    }
    Ok(history)
}

/// The names of a family's subjects: the index has only their digests, so they are read from their latest statements.
fn names_of(
    service: &Arc<Service>,
    log: LogName,
    size: u64,
    family: &str,
    skip: u64,
) -> Result<Vec<Subject>, ProblemDetails> {
    let members = index_at(service, &service.published.view(), log, size)?.family(Family::new(family))?;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut names = Vec::new();
    for (_, entry) in members.into_iter().skip(skip).take(MAX_NAMES) {
        let place = service.published.state().place(entry.latest)?.ok_or_else(ProblemDetails::internal)?;
        let statement = Statement::parse(&service.published.body(place)?);
        names.push(statement.map_err(|_| StoreError::Damaged("statements"))?.subject().clone());
    }
    Ok(names)
}

fn index_at(
    service: &Service,
    view: &View,
    log: LogName,
    size: u64,
) -> Result<Box<dyn SubjectIndex>, ProblemDetails> {
    if size > view.size(log) {
        return Err(ahead());
    }
    let gone = "proofs at this size are no longer given: take the newest checkpoint";
    service.published.state().index_at(log, size)?.ok_or_else(|| ProblemDetails::new(Problem::Gone, gone))
}

fn ahead() -> ProblemDetails {
    ProblemDetails::not_found("the log has not grown to this size")
}

fn number(text: &str) -> Result<u64, ProblemDetails> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or_else(|| ProblemDetails::malformed("a size and a `skip` are decimal numbers"))
}

/// Reads `s=…&skip=…&s=…`: each `skip` belongs to the `s` before it.
fn asked(query: Option<String>) -> Result<Vec<About>, ProblemDetails> {
    let mut asked: Vec<About> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match (&*name, asked.last_mut()) {
            ("s", _) => asked.push(About { s: value.into_owned(), skip: 0 }),
            ("skip", Some(about)) => about.skip = number(&value)?,
            _ => {
                return Err(ProblemDetails::malformed(
                    "the query is made of `s`, each followed by `skip` or not",
                ));
            }
        }
    }
    if (1..=MAX_ASKED).contains(&asked.len()) {
        return Ok(asked);
    }
    Err(ProblemDetails::malformed(format!(
        "the query names what is asked about as `s`, once to {MAX_ASKED} times"
    )))
}

/// One message for each that was asked about.
fn answer(messages: &[Vec<u8>]) -> Response<Body> {
    cbor_answer(cbor::encode(|e| {
        e.array(messages.len() as u64)?;
        messages.iter().try_for_each(|message| e.bytes(message)?.ok())
    }))
}

fn cbor_answer(cbor: Vec<u8>) -> Response<Body> {
    ([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, FRESH)], cbor).into_response()
}
