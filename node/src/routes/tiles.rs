//! The log as static files (C2SP tlog-checkpoint, tlog-tiles), for caches and for readers of the whole log.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::IntoResponse;
use countersign_ledger::{LogName, TILE_WIDTH, TileKind, TilePath, write_bundle};

use super::answer::{accepts_gzip, changing, varies};
use super::bodies::{PIECE, Piece, SMALL, read, stream};
use super::gzip::{Gzip, WORKSPACE};
use super::problem::ProblemDetails;
use super::{IMMUTABLE, OCTETS, Shared, TEXT, log};
use crate::server::Peer;
use crate::service::Service;
use crate::store;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// Room to compress a piece of an answer.
const GZIP_ROOM: usize = PIECE + WORKSPACE;

/// `GET /{log}/checkpoint`
pub(super) async fn checkpoint(
    State(service): Shared,
    Path(name): Path<String>,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
    let note = service.published.view().heads.get(&log).map(|head| head.note.to_string());
    let note = note.ok_or_else(ProblemDetails::internal)?;
    Ok(changing(TEXT, note))
}

/// `GET /{log}/tile/…`
pub(super) async fn tile(
    State(service): Shared,
    Path((name, path)): Path<(String, String)>,
    headers: HeaderMap,
    peer: Peer,
) -> Result<Response<Body>, ProblemDetails> {
    let log = log(&service, &name)?;
    let path: TilePath = format!("tile/{path}")
        .parse()
        .map_err(|_| ProblemDetails::not_found("not a path of a tile or bundle"))?;
    let size = service.published.view().size(log);
    let available = TilePath::at_size(path.kind(), path.index(), size).map_or(0, |tile| tile.width());
    if path.width() > available {
        return Err(ProblemDetails::not_found("the log has not grown as far as this tile"));
    }
    let client = peer.client;
    let kept = [(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, IMMUTABLE)];
    let body = match path.kind() {
        TileKind::Bodies => {
            let (from, until) = range(path);
            let bodies = Bodies { log, from, until };
            // Compressed for whoever takes that (C2SP tlog-tiles, "Log entries"). Ids and hashes are as good as random.
            let response = if accepts_gzip(&headers) {
                let body = stream(&service, client, GZIP_ROOM, (bodies, Gzip::default()), compressed);
                (kept, [(CONTENT_ENCODING, GZIP)], body).into_response()
            } else {
                (kept, stream(&service, client, PIECE, bodies, next_bodies)).into_response()
            };
            return Ok(varies(response, &ACCEPT_ENCODING));
        }
        _ => read(&service, client, SMALL, move |service| small(service, log, path)).await?,
    };
    Ok((kept, body).into_response())
}

/// The entries that a tile is of, or at its level the hashes.
fn range(path: TilePath) -> (u64, u64) {
    let from = path.index() * u64::from(TILE_WIDTH);
    (from, from + u64::from(path.width()))
}

/// Statements of a bundle that are still to be sent.
struct Bodies {
    log: LogName,
    from: u64,
    until: u64,
}

fn compressed(service: &Arc<Service>, (left, gzip): &mut (Bodies, Gzip)) -> Piece {
    Ok(match next_bodies(service, left)? {
        Some(bytes) => Some(gzip.piece(&bytes).ok_or_else(ProblemDetails::internal)?),
        None => gzip.end(),
    })
}

fn next_bodies(service: &Arc<Service>, left: &mut Bodies) -> Piece {
    let readers = service.published.readers();
    let read =
        readers.with(|connection| store::statements(connection, left.log, left.from, left.until, PIECE))?;
    left.from += read.len() as u64;
    let bundle = write_bundle(read.iter().map(|stored| &stored.bytes[..]));
    Ok(Some(bundle.map_err(|_| ProblemDetails::internal())?).filter(|bytes| !bytes.is_empty()))
}

/// A tile of hashes, or a bundle of ids.
fn small(service: &Arc<Service>, log: LogName, path: TilePath) -> Result<Vec<u8>, ProblemDetails> {
    let (from, until) = range(path);
    if let TileKind::Hashes(level) = path.kind() {
        return hashes(service, log, level, from, until);
    }
    let ids = service.published.readers().with(|connection| store::ids(connection, log, from, until))?;
    write_bundle(ids.iter().map(|id| &id.as_bytes()[..])).map_err(|_| ProblemDetails::internal())
}

fn hashes(
    service: &Arc<Service>,
    log: LogName,
    level: u8,
    from: u64,
    until: u64,
) -> Result<Vec<u8>, ProblemDetails> {
    let hashes = service.published.state().subtrees(log, 8 * u32::from(level), from, until)?;
    Ok(hashes.ok_or_else(ProblemDetails::internal)?.iter().flat_map(|hash| hash.0).collect())
}
