//! Proofs as of a checkpoint: that the log has only grown, what it holds on a subject, which subjects a family has.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{
    Family, Hash, HistoryEntry, Index, MAX_ENTRIES, NameError, Statement, Subject, SubjectHistory,
};

use super::{CBOR, FRESH, IMMUTABLE, Shared, blocking, log};
use crate::published::View;
use crate::cbor;
use crate::log::{LogId, Place};
use crate::machine::{Bodies as _, index_key};
use crate::node::Service;
use crate::problem::Problem;
use crate::store::StoreError;

/// Most names in one answer.
const MAX_NAMES: usize = 512;

/// Most subjects or families in one question.
const MAX_ASKED: usize = 64;

/// What is asked about.
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
) -> Result<Response<Body>, Problem> {
    let (log, old, new) = (log(&name)?, number(&old)?, number(&new)?);
    if new > service.published.view().size(log) {
        return Err(ahead());
    }
    let proof = service.published.shared().grown(log, |grown| grown.tree.consistency(old, new));
    let proof = proof.ok_or_else(|| Problem::malformed("the newer size is smaller than the older"))?;
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
) -> Result<Response<Body>, Problem> {
    let (log, size, about) = (log(&name)?, number(&size)?, asked(query)?);
    let subject = |About { s, skip }| Ok((Subject::new(s)?, skip));
    let subjects: Result<Vec<_>, NameError> = about.into_iter().map(subject).collect();
    let subjects = subjects.map_err(|error| Problem::malformed(error.to_string()))?;
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
) -> Result<Response<Body>, Problem> {
    let (log, size, about) = (log(&name)?, number(&size)?, asked(query)?);
    let proofs = blocking(move || {
        let view = service.published.view();
        let index = index_at(&view, log, size)?;
        Ok(about.iter().map(|about| index.prove_family(Family::new(&about.s)).to_cbor()).collect::<Vec<_>>())
    });
    Ok(answer(&proofs.await?))
}

/// `GET /{log}/names/{size}?s=…&skip=…`
pub(super) async fn names(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, Problem> {
    let (log, size, about) = (log(&name)?, number(&size)?, asked(query)?);
    let Ok([About { s, skip }]) = <[About; 1]>::try_from(about) else {
        return Err(Problem::malformed("the names of one family are asked for at a time"));
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
    log: LogId,
    size: u64,
    subject: &Subject,
    skip: u64,
    room: usize,
) -> Result<SubjectHistory, Problem> {
    let view = service.published.view();
    let index = index_at(&view, log, size)?;
    let key = index_key(subject);
    let mut indices = Vec::new();
    if let Some(entry) = index.get(&key) {
        let latest = service.published.shared().place(entry.latest).ok_or_else(Problem::internal)?;
        let wanted = entry.count.saturating_sub(skip);
        indices = service.published.shared().grown(log, |grown| {
            let from_latest = std::iter::successors(Some(latest.index), |&index| grown.before(index));
            from_latest.take(usize::try_from(wanted).unwrap_or(usize::MAX)).collect::<Vec<_>>()
        });
        indices.reverse();
        indices.truncate(room);
    }
    let mut history = SubjectHistory {
        index_proof: index.prove(&key),
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
        let path = service.published.shared().grown(log, |grown| grown.tree.inclusion(index, size));
        history.entries.push(HistoryEntry { index, statement, path: path.ok_or_else(Problem::internal)? });
    }
    Ok(history)
}

/// The texts of a family's subjects: the index knows their digests only, their latest statements say the rest.
fn names_of(
    service: &Arc<Service>,
    log: LogId,
    size: u64,
    family: &str,
    skip: u64,
) -> Result<Vec<Subject>, Problem> {
    let view = service.published.view();
    let members = index_at(&view, log, size)?.family(Family::new(family));
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut names = Vec::new();
    for (_, entry) in members.into_iter().skip(skip).take(MAX_NAMES) {
        let place = service.published.shared().place(entry.latest).ok_or_else(Problem::internal)?;
        let statement = Statement::parse(&service.published.body(place)?);
        names.push(statement.map_err(|_| StoreError::Damaged("statements"))?.subject().clone());
    }
    Ok(names)
}

fn index_at(view: &View, log: LogId, size: u64) -> Result<&Index, Problem> {
    if size > view.size(log) {
        return Err(ahead());
    }
    let gone = "proofs at this size are no longer given: take the newest checkpoint";
    view.head(log).index_at(size).ok_or_else(|| Problem::new(StatusCode::GONE, "gone", gone))
}

fn ahead() -> Problem {
    Problem::not_found("the log has not grown to this size")
}

fn number(text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or_else(|| Problem::malformed("a size and a `skip` are decimal numbers"))
}

/// Reads `s=…&skip=…&s=…`: each `skip` belongs to the `s` before it.
fn asked(query: Option<String>) -> Result<Vec<About>, Problem> {
    let mut asked: Vec<About> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match (&*name, asked.last_mut()) {
            ("s", _) => asked.push(About { s: value.into_owned(), skip: 0 }),
            ("skip", Some(about)) => about.skip = number(&value)?,
            _ => return Err(Problem::malformed("the query is made of `s`, each followed by `skip` or not")),
        }
    }
    if (1..=MAX_ASKED).contains(&asked.len()) {
        return Ok(asked);
    }
    Err(Problem::malformed(format!("the query names what is asked about as `s`, once to {MAX_ASKED} times")))
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
