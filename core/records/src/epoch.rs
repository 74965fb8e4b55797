//! Epochs: a key for attributes is of a quarter of a year, and so is what is wrapped for it.

use std::fmt;

use countersign_abe::{Attribute, Policy, PolicyError};
use countersign_ledger::{Day, UnixMillis};

/// How many epochs a key is of: its own and those before it. A record that nobody touches stays readable for two years.
const HELD: u32 = 8;

/// A quarter of a year, counted from the first one of 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch of a time.
    pub fn at(time: UnixMillis) -> Self {
        let (year, month, _) = Day::of(time).date();
        Self((u32::from(year) - 1970) * 4 + (u32::from(month) - 1) / 3)
    }

    /// When it begins; at the end of time, if that is after the year 9999.
    pub fn start(self) -> UnixMillis {
        let month = [1, 4, 7, 10][(self.0 % 4) as usize];
        let first = u16::try_from(self.year()).ok().and_then(|year| Day::new(year, month, 1));
        first.map_or(UnixMillis(u64::MAX), Day::begins)
    }

    /// The epochs that a key of this one is for, the newest first.
    pub fn held(self) -> impl Iterator<Item = Self> {
        (0..HELD).map_while(move |back| self.0.checked_sub(back).map(Self))
    }

    /// The attribute of keys of this epoch.
    pub fn attribute(self) -> Attribute {
        #[expect(clippy::expect_used, reason = "digits and a letter")]
        Attribute::new("epoch", &self.to_string()).expect("an attribute")
    }

    /// `(policy) and epoch: …`: the policy that a line is locked with.
    pub fn policy(self, policy: &Policy) -> Result<Policy, PolicyError> {
        format!("({policy}) and {}", self.attribute()).parse()
    }

    const fn year(self) -> u32 {
        1970 + self.0 / 4
    }
}

/// As in `2026-Q4`.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year(), self.0 % 4 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_has_its_name_its_beginning_and_its_keys() {
        let epoch = Epoch::at(Day::new(2026, 11, 27).unwrap().begins());
        assert_eq!((epoch, epoch.to_string().as_str()), (Epoch(227), "2026-Q4"));
        assert_eq!(epoch.start(), Day::new(2026, 10, 1).unwrap().begins());
        assert_eq!(Epoch::at(UnixMillis(epoch.start().0 - 1)).to_string(), "2026-Q3");
        assert_eq!(epoch.held().last().unwrap().to_string(), "2025-Q1");
        assert_eq!(epoch.held().count(), 8);
        assert_eq!(Epoch(2).held().count(), 3, "no epoch is before the first");
        let policy = "role: a or role: b".parse().unwrap();
        assert_eq!(epoch.policy(&policy).unwrap().as_str(), "(role: a or role: b) and epoch: 2026-Q4");
    }
}
