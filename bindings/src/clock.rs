//! The phone's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_ledger::UnixMillis;

use crate::error::millis;

/// The phone's time. A clock that is behind what is proven is not trusted.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// The current year, by which two-digit years are read.
pub(crate) fn year() -> u16 {
    now().to_string().get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026)
}
