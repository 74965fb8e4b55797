//! The phone's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_custody::{self as custody, Now};
use countersign_ledger::UnixMillis;

use crate::error::millis;

/// Whether the phone's clock can be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Clock {
    /// Nothing that is known speaks against it.
    Trusted,
    /// It shows a time that is known to have passed, or was behind at the last sync: it is wrong. Ask the person to set it,
    /// and sync.
    Behind {
        /// It is this late, or later.
        at_millis: u64,
    },
    /// It is ahead of what the last sync showed. Ask the person to set it.
    Ahead {
        /// About how late it is.
        at_millis: u64,
    },
}

impl From<custody::Clock> for Clock {
    fn from(clock: custody::Clock) -> Self {
        match clock {
            custody::Clock::Trusted => Self::Trusted,
            custody::Clock::Behind { at, .. } => Self::Behind { at_millis: at.0 },
            custody::Clock::Ahead { at, .. } => Self::Ahead { at_millis: at.0 },
        }
    }
}

/// What the phone's clock shows.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// The current year, by which two-digit years are read.
pub(crate) fn year() -> u16 {
    Now::new(now()).year()
}
