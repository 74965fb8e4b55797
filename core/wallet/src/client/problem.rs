//! What a node says when it gives no answer: Concise Problem Details (RFC 9290).

use std::time::Duration;

use minicbor::Decoder;

use super::{ClientError, Response, TransportError};

/// Longest title and detail that are shown.
const MAX_TITLE: usize = 48;
const MAX_DETAIL: usize = 400;
/// How long to wait when a busy node does not say.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest and the longest wait, whatever a node says.
const PATIENCES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(10));

/// The error that a response other than success stands for.
pub(super) fn read(response: &Response) -> ClientError {
    match response.status {
        429 | 503 => {
            let asked = response.retry_after.unwrap_or(PATIENCE).clamp(PATIENCES.0, PATIENCES.1);
            ClientError::Busy { retry_after: jittered(asked) }
        }
        410 => ClientError::Gone,
        404 => ClientError::NotFound,
        // Of a slow line, and no refusal.
        408 => TransportError::Timeout.into(),
        status @ 400..500 => {
            let (title, detail) = document(&response.body).unwrap_or_default();
            ClientError::Refused { status, title, detail }
        }
        status => ClientError::Failed(status),
    }
}

/// Up to a quarter longer, so that those who were sent away together do not come back together.
pub(crate) fn jittered(wait: Duration) -> Duration {
    // Without randomness the wait is as good as any.
    let part = getrandom::u32().unwrap_or_default();
    wait + (wait / 4).mul_f64(f64::from(part) / f64::from(u32::MAX))
}

/// Title and detail, cut to a length fit for people.
fn document(bytes: &[u8]) -> Option<(String, String)> {
    let mut d = Decoder::new(bytes);
    let mut found = (String::new(), String::new());
    for _ in 0..d.map().ok()??.min(8) {
        match d.i64().ok()? {
            -1 => found.0 = shown(d.str().ok()?, MAX_TITLE),
            -2 => found.1 = shown(d.str().ok()?, MAX_DETAIL),
            _ => d.skip().ok()?,
        }
    }
    Some(found)
}

/// Without control characters, which could disguise the text.
fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &[u8]) -> Response {
        Response { status, body: body.to_vec(), ..Response::default() }
    }

    #[test]
    fn a_refusal_keeps_its_reason() {
        let body = countersign_ledger::cbor::encode(|e| {
            e.map(2)?.i8(-1)?.str("replay")?.i8(-2)?.str("already there\u{7}")?.ok()
        });
        match read(&response(409, &body)) {
            ClientError::Refused { status: 409, title, detail } => {
                assert_eq!((title.as_str(), detail.as_str()), ("replay", "already there"));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_no_document_is_a_refusal_without_words() {
        for body in [
            &b""[..],
            b"<html>",
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xa1, 0x20, 0x01],
        ] {
            assert!(
                matches!(read(&response(400, body)), ClientError::Refused { title, .. } if title.is_empty())
            );
        }
        assert!(matches!(read(&response(500, b"")), ClientError::Failed(500)));
        assert!(matches!(read(&response(301, b"")), ClientError::Failed(301)));
        assert!(matches!(read(&response(410, b"")), ClientError::Gone));
        assert!(matches!(read(&response(408, b"")), ClientError::Transport(TransportError::Timeout)));
    }

    #[test]
    fn nobody_is_sent_away_for_no_time_or_for_ever_or_comes_back_with_all_others() {
        let wait = |retry_after| match read(&Response { status: 503, retry_after, ..Response::default() }) {
            ClientError::Busy { retry_after } => retry_after,
            other => panic!("{other}"),
        };
        for (asked, least) in [(Some(0), 1), (Some(7), 7), (None, 2), (Some(1 << 40), 600)] {
            let waits: Vec<_> = (0..50).map(|_| wait(asked.map(Duration::from_secs))).collect();
            let (floor, ceiling) = (Duration::from_secs(least), Duration::from_millis(least * 1250));
            assert!(waits.iter().all(|wait| (floor..=ceiling).contains(wait)), "{asked:?}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{asked:?}");
        }
    }
}
