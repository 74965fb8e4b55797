//! The log as static files (C2SP tlog-checkpoint, tlog-tiles), for caches and for readers of the whole log.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::IntoResponse;
use countersign_ledger::{LogName, TILE_WIDTH, TileKind, TilePath, write_bundle};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::{accepts_gzip, changing, varies};
use super::{IMMUTABLE, OCTETS, Shared, TEXT, blocking, log};
use crate::node::Service;
use crate::problem::ProblemDetails;
use crate::store;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

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
    // Hashes are as good as random; a bundle is compressed for whoever takes that (C2SP tlog-tiles, "Log entries").
    let is_bundle = !matches!(path.kind(), TileKind::Hashes(_));
    let gzip = is_bundle && accepts_gzip(&headers);
    let bytes = blocking(move || {
        let bytes = read(&service, log, path)?;
        if gzip { compress(&bytes) } else { Ok(bytes) }
    });
    let kept = [(CONTENT_TYPE, OCTETS), (CACHE_CONTROL, IMMUTABLE)];
    let mut response = (kept, bytes.await?).into_response();
    if gzip {
        response.headers_mut().insert(CONTENT_ENCODING, GZIP);
    }
    Ok(if is_bundle { varies(response, &ACCEPT_ENCODING) } else { response })
}

/// A bundle is no larger than 256 statements, so this takes milliseconds, on a thread that may wait.
fn compress(bytes: &[u8]) -> Result<Vec<u8>, ProblemDetails> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map_err(|_| ProblemDetails::internal())
}

fn read(service: &Arc<Service>, log: LogName, path: TilePath) -> Result<Vec<u8>, ProblemDetails> {
    let from = path.index() * u64::from(TILE_WIDTH);
    let until = from + u64::from(path.width());
    let bundle = match path.kind() {
        TileKind::Hashes(level) => return hashes(service, log, level, from, until),
        TileKind::Entries => {
            let ids =
                service.published.readers().with(|connection| store::ids(connection, log, from, until))?;
            write_bundle(ids.iter().map(|id| &id.as_bytes()[..]))
        }
        TileKind::Bodies => {
            let read = service
                .published
                .readers()
                .with(|connection| store::statements(connection, log, from, until));
            write_bundle(read?.iter().map(|stored| &stored.bytes[..]))
        }
    };
    bundle.map_err(|_| ProblemDetails::internal())
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
