//! What may be done with data, as masks.

use std::fmt;
use std::str::FromStr;

/// Something that is done with data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// Look at it.
    Read = 1,
    /// Change it: the change is the next state.
    Modify = 2,
    /// Make something else of it, alone or with other data.
    Derive = 4,
    /// Give it to somebody else.
    Share = 8,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Read, Self::Modify, Self::Derive, Self::Share];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Modify => "modify",
            Self::Derive => "derive",
            Self::Share => "share",
        }
    }
}

/// Text that names no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an operation is read, modify, derive or share")]
pub struct NotAnOp;

impl FromStr for Op {
    type Err = NotAnOp;

    fn from_str(name: &str) -> Result<Self, NotAnOp> {
        Self::ALL.into_iter().find(|op| op.as_str() == name).ok_or(NotAnOp)
    }
}

/// Some operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ops(u8);

impl Ops {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    pub fn of(ops: impl IntoIterator<Item = Op>) -> Self {
        ops.into_iter().fold(Self::NONE, Self::with)
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, op: Op) -> Self {
        Self(self.0 | op as u8)
    }

    /// Whether `others` has all of them.
    pub const fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether `op` is one of them.
    pub const fn has(self, op: Op) -> bool {
        self.0 & op as u8 != 0
    }

    /// The mask in a statement.
    pub const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// The operations of a mask; `None` for an empty one, or one with a bit that is no operation.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            #[expect(clippy::cast_possible_truncation, reason = "below 16")]
            1..=15 => Some(Self(bits as u8)),
            _ => None,
        }
    }
}

impl fmt::Display for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Op::ALL.into_iter().filter(|op| self.has(*op)).map(Op::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_names_are_read_back() {
        for bits in 1..16 {
            let ops = Ops::from_bits(bits).unwrap();
            assert_eq!(ops.bits(), bits);
            assert_eq!(Ops::of(ops.to_string().split(", ").map(|name| name.parse().unwrap())), ops);
        }
        assert_eq!((Ops::from_bits(0), Ops::from_bits(16), Ops::from_bits(u64::MAX)), (None, None, None));
        assert_eq!("create".parse::<Op>(), Err(NotAnOp));
        assert!(
            Ops::of([Op::Read]).within(Ops::of([Op::Read, Op::Share])) && !Ops::of([Op::Share]).has(Op::Read)
        );
    }
}
