//! The logs of a ledger that a wallet reads.

/// One of a ledger's logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Log {
    /// Revocations, recalls, suspensions: small, and held whole.
    Trust,
    /// The histories of products and the enrolments of the many, of which a wallet holds what it follows.
    Supply,
}

impl Log {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Trust, Self::Supply];

    /// Its name: the last part of its origin, and the first of its paths on a node.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Supply => "supply",
        }
    }

    /// Its number in the database.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|log| log.number() == number)
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
