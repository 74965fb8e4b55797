//! Proofs as of a checkpoint: that the log has only grown, what it holds on a subject, which subjects a family has.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use countersign_ledger::{
    Family, Hash, HistoryEntry, Index, MAX_ENTRIES, Statement, Subject, SubjectHistory,
};
use serde::Deserialize;

use super::{CBOR, FRESH, IMMUTABLE, Shared, blocking, log};
use crate::archive::View;
use crate::cbor;
use crate::log::{LogId, Place};
use crate::machine::{Bodies as _, index_key};
use crate::node::Service;
use crate::problem::Problem;
use crate::store::StoreError;

/// Most names in one answer.
const MAX_NAMES: usize = 512;

/// What is asked about.
#[derive(Deserialize)]
pub(super) struct About {
    /// A subject or a family, as text.
    s: String,
    /// How many to leave out, because the client has them.
    #[serde(default)]
    skip: u64,
}

/// `GET /{log}/consistency/{old}/{new}`
pub(super) async fn consistency(
    State(service): Shared,
    Path((name, old, new)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let (log, old, new) = (log(&name)?, number(&old)?, number(&new)?);
    if new > service.archive.view().size(log) {
        return Err(ahead());
    }
    let proof = service.archive.shared().grown(log, |grown| grown.tree.consistency(old, new));
    let proof = proof.ok_or_else(|| Problem::malformed("the newer size is smaller than the older"))?;
    let answer = cbor::encode(|e| {
        e.array(proof.len() as u64)?;
        proof.iter().try_for_each(|hash| e.bytes(hash.as_bytes())?.ok())
    });
    Ok(([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, IMMUTABLE)], answer).into_response())
}

/// `GET /{log}/subject/{size}?s=…&skip=…`
pub(super) async fn subject(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    about: Result<Query<About>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let (log, size, About { s, skip }) = (log(&name)?, number(&size)?, asked(about)?);
    let subject = Subject::new(s).map_err(|error| Problem::malformed(error.to_string()))?;
    let history = blocking(move || history(&service, log, size, &subject, skip)).await?;
    Ok(answer(history.to_cbor()))
}

/// `GET /{log}/family/{size}?s=…`
pub(super) async fn family(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    about: Result<Query<About>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let (log, size, About { s, .. }) = (log(&name)?, number(&size)?, asked(about)?);
    let proof = blocking(move || {
        let view = service.archive.view();
        Ok(index_at(&view, log, size)?.prove_family(Family::new(&s)).to_cbor())
    });
    Ok(answer(proof.await?))
}

/// `GET /{log}/names/{size}?s=…&skip=…`
pub(super) async fn names(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    about: Result<Query<About>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let (log, size, About { s, skip }) = (log(&name)?, number(&size)?, asked(about)?);
    let names = blocking(move || names_of(&service, log, size, &s, skip)).await?;
    let names = cbor::encode(|e| {
        e.array(names.len() as u64)?;
        names.iter().try_for_each(|name| e.str(name.as_str())?.ok())
    });
    Ok(answer(names))
}

fn history(
    service: &Arc<Service>,
    log: LogId,
    size: u64,
    subject: &Subject,
    skip: u64,
) -> Result<SubjectHistory, Problem> {
    let view = service.archive.view();
    let index = index_at(&view, log, size)?;
    let key = index_key(subject);
    let mut indices = Vec::new();
    if let Some(entry) = index.get(&key) {
        let latest = service.archive.shared().place(entry.latest).ok_or_else(Problem::internal)?;
        let wanted = entry.count.saturating_sub(skip);
        indices = service.archive.shared().grown(log, |grown| {
            let from_latest = std::iter::successors(Some(latest.index), |&index| grown.before(index));
            from_latest.take(usize::try_from(wanted).unwrap_or(usize::MAX)).collect::<Vec<_>>()
        });
        indices.reverse();
        indices.truncate(MAX_ENTRIES);
    }
    let mut history = SubjectHistory {
        index_proof: index.prove(&key),
        entries: Vec::with_capacity(indices.len()),
        certificates: vec![],
    };
    let mut signers: Vec<Hash> = Vec::new();
    for index in indices {
        let statement = service.archive.body(Place { log, index })?;
        let parsed = Statement::parse(&statement).map_err(|_| StoreError::Damaged("statements"))?;
        for signer in parsed.certificates() {
            if !signers.contains(&signer) {
                signers.push(signer);
                let known = view.trust.certificate(signer).map(|known| known.as_der().to_vec());
                history.certificates.extend(known);
            }
        }
        let path = service.archive.shared().grown(log, |grown| grown.tree.inclusion(index, size));
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
    let view = service.archive.view();
    let members = index_at(&view, log, size)?.family(Family::new(family));
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut names = Vec::new();
    for (_, entry) in members.into_iter().skip(skip).take(MAX_NAMES) {
        let place = service.archive.shared().place(entry.latest).ok_or_else(Problem::internal)?;
        let statement = Statement::parse(&service.archive.body(place)?);
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
    number.ok_or_else(|| Problem::malformed("a size is a decimal number"))
}

fn asked(about: Result<Query<About>, axum::extract::rejection::QueryRejection>) -> Result<About, Problem> {
    about
        .map(|Query(about)| about)
        .map_err(|_| Problem::malformed("the query names what is asked about as `s`"))
}

fn answer(cbor: Vec<u8>) -> Response<Body> {
    ([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, FRESH)], cbor).into_response()
}
