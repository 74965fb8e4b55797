//! How answers travel: media types and encodings by what the request accepts, caching, conditional requests (RFC 9110, 9111).
//!
//! What never changes under its path is `immutable`; what may change has an `ETag` and is asked about again; what does not
//! exist yet, and every other problem, is stored nowhere.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use countersign_ledger::Hash;

/// Never changes under this path.
pub(super) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// May change.
pub(super) const FRESH: HeaderValue = HeaderValue::from_static("no-cache");
/// Is not there, or not yet.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer that may change: whoever holds it asks whether it still stands.
pub(super) fn changing(media_type: HeaderValue, body: impl AsRef<[u8]> + Into<Body>) -> Response<Body> {
    let digest = Hash::of(body.as_ref()).to_string();
    let tag = HeaderValue::try_from(format!("\"{}\"", &digest[..32])).ok();
    let mut response = ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, FRESH)], body.into()).into_response();
    response.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
    response
}

/// Says that the answer depends on a header of the request.
pub(super) fn varies(mut response: Response<Body>, by: &HeaderName) -> Response<Body> {
    response.headers_mut().append(VARY, by.clone().into());
    response
}

/// Answers a request that holds the current version with that alone (RFC 9110 section 13.1.2).
pub(super) async fn conditional(request: Request, next: Next) -> Response<Body> {
    let asks = [Method::GET, Method::HEAD].contains(request.method());
    let held: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    let mut response = next.run(request).await;
    let current = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let holds = |held: &HeaderValue| {
        let tags = held.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| tag == "*" || Some(tag) == current)
    };
    if asks && response.status() == StatusCode::OK && current.is_some() && held.iter().any(holds) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// The media type among `offered` that a request prefers: by weight, then by how exactly it names it, then the first.
pub(super) fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let ranges = ranges(headers, &ACCEPT);
    let weighed = offered.iter().rev().map(|&one| (weight(&ranges, one), one));
    weighed.max_by_key(|(weight, _)| *weight).map(|(_, one)| one)
}

/// Whether a request names one of these media types itself, not only by a wildcard.
pub(super) fn names(headers: &HeaderMap, media_types: &[&str]) -> bool {
    let ranges = ranges(headers, &ACCEPT);
    media_types.iter().any(|one| ranges.iter().any(|(range, weight)| range == one && *weight > 0))
}

/// Whether a request accepts an answer compressed by gzip. Silence is no consent.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = ranges(headers, &ACCEPT_ENCODING);
    let weight = |name: &str| codings.iter().find(|(coding, _)| coding == name).map(|(_, weight)| *weight);
    weight("gzip").or_else(|| weight("*")).unwrap_or(0) > 0
}

/// The elements of a header, in lower case and without parameters, with their weights in thousandths.
fn ranges(headers: &HeaderMap, header: &HeaderName) -> Vec<(String, u16)> {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| value.split(','));
    elements
        .map(|element| {
            let mut parts = element.split(';').map(|part| part.trim().to_ascii_lowercase());
            let range = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            // safe: between 0 and 1000.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
            (range, weight)
        })
        .collect()
}

/// The weight of the most exact range that has this media type in it, and how exact that is.
fn weight(ranges: &[(String, u16)], media_type: &str) -> (u16, u8) {
    let all = format!("{}/*", media_type.split('/').next().unwrap_or_default());
    for (range, exactness) in [(media_type, 2), (&*all, 1), ("*/*", 0)] {
        if let Some((_, weight)) = ranges.iter().find(|(named, _)| named == range) {
            return (*weight, exactness);
        }
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(header: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_media_type_is_the_one_that_the_request_prefers() {
        let offered = ["a/cbor", "a/cose", "b/json"];
        for (values, chosen) in [
            (&[][..], "a/cbor"),
            (&["*/*"], "a/cbor"),
            (&["b/json, */*"], "b/json"),
            (&["B/JSON; q=0.5, x/y"], "b/json"),
            (&["b/json;q=0.5, a/cose;q=0.6"], "a/cose"),
            (&["a/*;q=0.5, b/json;q=0.4"], "a/cbor"),
            (&["a/cose, a/cbor"], "a/cbor"),
            (&["b/json", "a/cose;q=0.1"], "b/json"),
            (&["a/cbor;q=0, */*"], "a/cose"),
            (&["x/y"], "a/cbor"),
            (&["nonsense;q=nan,,;;"], "a/cbor"),
        ] {
            assert_eq!(preferred(&accept(&ACCEPT, values), &offered), Some(chosen), "{values:?}");
        }
        assert!(names(&accept(&ACCEPT, &["x/y, a/cose"]), &["a/cose"]));
        assert!(!names(&accept(&ACCEPT, &["*/*, a/cose;q=0"]), &["a/cose"]));
    }

    #[test]
    fn nothing_is_compressed_for_whoever_did_not_ask() {
        for (values, gzip) in [
            (&[][..], false),
            (&["identity"], false),
            (&["gzip"], true),
            (&["br;q=1, GZIP;q=0.1"], true),
            (&["gzip;q=0, *"], false),
            (&["*"], true),
            (&["gzip;q=nan"], false),
        ] {
            assert_eq!(accepts_gzip(&accept(&ACCEPT_ENCODING, values)), gzip, "{values:?}");
        }
    }
}
