//! The logs that a node hosts, and where in them a statement stands.

use std::fmt;

use countersign_ledger::{ENROL, REVOKE};

/// One of the node's logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogId {
    /// Revocations, recalls, suspensions: small, held in whole by every phone.
    Trust,
    /// The histories of products, and the enrolments of the many.
    Supply,
}

impl LogId {
    /// Number of logs.
    pub const COUNT: usize = 2;
    /// Every log, in the order in which a block's statements are applied.
    pub const ALL: [Self; Self::COUNT] = [Self::Trust, Self::Supply];

    /// The log's name: the last part of its origin, and its first path segment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Supply => "supply",
        }
    }

    /// The log of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|log| log.as_str() == name)
    }

    /// The log of the ledger's own kinds; which log takes another kind, its profile says.
    pub(crate) fn of_own_kind(kind: &str) -> Option<Self> {
        match kind {
            REVOKE => Some(Self::Trust),
            ENROL => Some(Self::Supply),
            _ => None,
        }
    }

    /// Position in arrays that have one element a log.
    pub(crate) const fn slot(self) -> usize {
        self as usize
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a statement stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The log.
    pub log: LogId,
    /// Its index in the log.
    pub index: u64,
}
