//! Proofs at a checkpoint: consistency of the log, the history of a subject, the members of a family.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::{mem, vec};

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::Response;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use countersign_ledger::{
    Family, FamilyProof, FamilyProofHead, Hash, HistoryEntry, IndexKey, LogName, MAX_ENTRIES, NameError,
    Statement, Subject, SubjectHistory, cbor,
};

use countersign_ledger::Problem;

use super::bodies::{PIECE, Piece, SMALL, look_up, read, stream};
use super::problem::ProblemDetails;
use super::{CBOR, FRESH, IMMUTABLE, Shared, log};
use crate::ledger::Place;
use crate::ledger_state::SubjectIndex;
use crate::published::View;
use crate::server::Peer;
use crate::service::Service;
use crate::store::{Bodies as _, StoreError};

/// Most names in one answer.
const MAX_NAMES: usize = 512;

/// Bytes in an answer about subjects after which no further statement is added.
const MAX_HISTORIES: usize = 1 << 20;

/// Room for such an answer while it is made: besides, it has the last statement.
const HISTORIES: usize = 3 << 20;

/// Room for one member in the proof of a family, or for what comes before the first.
const MEMBER: usize = 16 * 1024;

/// Most bytes in an answer about families, if it is about more than one.
const MAX_FAMILIES: usize = 16 << 20;

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
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let subject = |About { s, skip }| Ok((Subject::new(s)?, skip));
    let subjects: Result<Vec<_>, NameError> = about.into_iter().map(subject).collect();
    let subjects = subjects.map_err(|error| ProblemDetails::malformed(error.to_string()))?;
    let answer = read(&service, peer.client, HISTORIES, move |service| {
        let (mut histories, mut room, mut bytes) = (Vec::new(), MAX_ENTRIES, MAX_HISTORIES);
        for (subject, skip) in subjects {
            let history = history(service, log, size, &subject, skip, room, bytes)?;
            room -= history.entries.len();
            let history = history.to_cbor();
            bytes = bytes.saturating_sub(history.len());
            histories.push(history);
            if room == 0 || bytes == 0 {
                break;
            }
        }
        Ok(cbor::encode(|e| {
            e.array(histories.len() as u64)?;
            histories.iter().try_for_each(|history| e.bytes(history)?.ok())
        }))
    });
    Ok(cbor_answer(answer.await?))
}

/// `GET /{log}/families/{size}?s=…&s=…`
pub(super) async fn families(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let begin = move |service: &Arc<Service>| {
        let index = index_at(service, &service.published.view(), log, size)?;
        let mut bytes = 0;
        let mut proofs = Vec::new();
        for family in about.iter().map(|about| Family::new(&about.s)) {
            let head = index.begin_family_proof(family)?;
            bytes += head.len;
            if bytes > MAX_FAMILIES && !proofs.is_empty() {
                break;
            }
            proofs.push((family, head));
        }
        let begun = cbor::encode(|e| e.array(proofs.len() as u64)?.ok());
        Ok(FamilyProofs { index, proofs: proofs.into_iter(), members: None, begun })
    };
    let (proofs, _room) = look_up(&service, peer.client, SMALL, begin).await?;
    Ok(cbor_answer(stream(&service, peer.client, PIECE, proofs, |_, proofs| proofs.next_piece())))
}

/// `GET /{log}/names/{size}?s=…&skip=…`
pub(super) async fn names(
    State(service): Shared,
    Path((name, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let (log, size, about) = (log(&service, &name)?, number(&size)?, asked(query)?);
    let Ok([About { s, skip }]) = <[About; 1]>::try_from(about) else {
        return Err(ProblemDetails::malformed("the names of one family are asked for at a time"));
    };
    let names = read(&service, peer.client, PIECE, move |service| {
        let names = names_of(service, log, size, &s, skip)?;
        Ok(cbor::encode(|e| {
            e.array(names.len() as u64)?;
            names.iter().try_for_each(|name| e.str(name.as_str())?.ok())
        }))
    });
    Ok(cbor_answer(names.await?))
}

/// Proofs of families that are still to be sent.
struct FamilyProofs {
    index: Box<dyn SubjectIndex>,
    proofs: vec::IntoIter<(Family, FamilyProofHead)>,
    /// The family whose members are being sent, and from where on.
    members: Option<(Family, Hash)>,
    /// Bytes that come before.
    begun: Vec<u8>,
}

impl FamilyProofs {
    fn next_piece(&mut self) -> Piece {
        let mut bytes = mem::take(&mut self.begun);
        while bytes.len() < PIECE - MEMBER {
            if let Some((family, from)) = self.members.take() {
                self.index.members(family, from, &mut |subject, entry| {
                    if bytes.len() < PIECE - MEMBER {
                        FamilyProof::write_member(&mut bytes, subject, &entry);
                        return ControlFlow::Continue(());
                    }
                    self.members = Some((family, subject));
                    ControlFlow::Break(())
                })?;
            } else if let Some((family, head)) = self.proofs.next() {
                bytes = cbor::encode_into(bytes, |e| e.bytes_len(head.len as u64)?.ok());
                bytes.extend_from_slice(&head.bytes);
                self.members = (head.members > 0).then_some((family, Hash::default()));
            } else {
                break;
            }
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// A subject's statements after the first `skip`: at most `room` of them, and none after so many bytes, but one at least.
fn history(
    service: &Arc<Service>,
    log: LogName,
    size: u64,
    subject: &Subject,
    skip: u64,
    room: usize,
    bytes: usize,
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
    let mut written = 0;
    for index in indices {
        if written >= bytes {
            break;
        }
        let statement = service.published.body(Place { log, index })?;
        let parsed = Statement::parse(&statement).map_err(|_| StoreError::Damaged("statements"))?;
        for signer in parsed.certificates() {
            if !signers.contains(&signer) {
                signers.push(signer);
                let known = view.trust.certificate(signer).map(|known| known.as_der().to_vec());
                written += known.as_ref().map_or(0, Vec::len);
                history.certificates.extend(known);
            }
        }
        let path = state.inclusion(log, index, size)?.ok_or_else(ProblemDetails::internal)?;
        written += statement.len() + path.len() * Hash::LEN;
        history.entries.push(HistoryEntry { index, statement, path });
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
    let index = index_at(service, &service.published.view(), log, size)?;
    let (mut skip, mut latest) = (skip, Vec::new());
    index.members(Family::new(family), Hash::default(), &mut |_, entry| match skip.checked_sub(1) {
        Some(left) => {
            skip = left;
            ControlFlow::Continue(())
        }
        None => {
            latest.push(entry.latest);
            if latest.len() < MAX_NAMES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    })?;
    let mut names = Vec::new();
    for latest in latest {
        let place = service.published.state().place(latest)?.ok_or_else(ProblemDetails::internal)?;
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

/// Reads `s=…&skip=…&s=…`: each `skip` belongs to the `s` before it. What is named again counts where it was named first.
fn asked(query: Option<String>) -> Result<Vec<About>, ProblemDetails> {
    let (mut asked, mut known): (Vec<About>, HashSet<String>) = Default::default();
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
        asked.retain(|about| known.insert(about.s.clone()));
        return Ok(asked);
    }
    Err(ProblemDetails::malformed(format!(
        "the query names what is asked about as `s`, once to {MAX_ASKED} times"
    )))
}

fn cbor_answer(cbor: impl Into<Body>) -> Response<Body> {
    ([(CONTENT_TYPE, CBOR), (CACHE_CONTROL, FRESH)], cbor.into()).into_response()
}
