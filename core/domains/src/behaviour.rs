//! How somebody has behaved: rules kept and rules broken.

/// Below this share, in percent, a domain forwards no request.
const FORWARDED: u8 = 60;

/// What somebody's own domain knows of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Behaviour {
    /// How often they kept to what they were permitted.
    pub kept: u32,
    /// How often they did not.
    pub broken: u32,
}

impl Behaviour {
    /// Whether `(kept + 1) / (kept + broken + 2)` is at least so many percent: 50 for somebody of whom nothing is
    /// known.
    pub fn is_at_least(self, percent: u8) -> bool {
        let (kept, broken) = (u64::from(self.kept), u64::from(self.broken));
        (kept + 1) * 100 >= u64::from(percent) * (kept + broken + 2)
    }

    /// Whether a domain forwards a request of theirs: at least 60 %. Somebody of whom nothing is known has 50, and
    /// could never begin; so theirs is forwarded.
    pub fn is_forwarded(self) -> bool {
        self == Self::default() || self.is_at_least(FORWARDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_at_its_edge() {
        let at_least = |kept, broken, percent| Behaviour { kept, broken }.is_at_least(percent);
        assert!(at_least(0, 0, 50) && !at_least(0, 0, 51), "nothing is known");
        assert!(at_least(2, 1, 60) && !at_least(2, 2, 60));
        assert!(at_least(8, 0, 90) && !at_least(8, 0, 91));
        let forwarded = |kept, broken| Behaviour { kept, broken }.is_forwarded();
        assert!(
            forwarded(0, 0) && forwarded(1, 0) && forwarded(2, 1) && !forwarded(0, 1) && !forwarded(2, 2)
        );
        assert!(at_least(u32::MAX, 0, 99) && !at_least(0, u32::MAX, 1) && at_least(0, u32::MAX, 0));
    }
}
