//! Which extractions the author permits: content extraction signatures, with the permitted sets as pairs of masks.

use crate::cut::{HEADER, MAX_PARTS};

/// Most pairs of one rule.
pub const MAX_PAIRS: usize = 8;

/// A rule that no extraction could satisfy, or that is not of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the author's rule on extractions is not of the format")]
pub struct NotARule;

/// Some parts, as a mask: bit `n` is part `n`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Parts(pub u64);

impl Parts {
    /// The first `count` parts.
    pub const fn all(count: usize) -> Self {
        if count >= MAX_PARTS { Self(u64::MAX) } else { Self((1 << count) - 1) }
    }

    /// These parts; numbers beyond 63 name none.
    pub fn of(numbers: impl IntoIterator<Item = u8>) -> Self {
        Self(numbers.into_iter().fold(0, |mask, number| mask | 1_u64.checked_shl(number.into()).unwrap_or(0)))
    }

    /// Whether `number` is one of them.
    pub fn has(self, number: u8) -> bool {
        Self::of([number]).within(self)
    }

    /// Whether `others` has all of them.
    pub const fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// How many they are.
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Their numbers.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |number| self.0 >> number & 1 == 1)
    }
}

/// The permitted extractions. One is permitted if for some pair it has all of `must` and nothing beyond `may`.
///
/// "Results only with their units" is `{ may: all but the results } or { must: results and units }`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule(Vec<Pair>);

/// Parts that an extraction must have, and those that it may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// Each extraction has these.
    pub must: Parts,
    /// No extraction has others.
    pub may: Parts,
}

impl Rule {
    /// Any extraction of `count` parts, with the header.
    pub fn any(count: usize) -> Self {
        Self(vec![Pair { must: Parts::of([HEADER]), may: Parts::all(count) }])
    }

    /// A rule of 1 to 8 pairs over `count` parts; the header is in each `must`.
    pub fn new(pairs: Vec<Pair>, count: usize) -> Result<Self, NotARule> {
        let sound = |pair: &Pair| {
            pair.must.has(HEADER) && pair.must.within(pair.may) && pair.may.within(Parts::all(count))
        };
        let counted = (1..=MAX_PAIRS).contains(&pairs.len());
        if counted && pairs.iter().all(sound) { Ok(Self(pairs)) } else { Err(NotARule) }
    }

    /// Whether these parts may be shown without the others.
    pub fn permits(&self, parts: Parts) -> bool {
        self.0.iter().any(|pair| pair.must.within(parts) && parts.within(pair.may))
    }

    /// Eight bytes `must` and eight bytes `may` for each pair, big-endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|pair| [pair.must, pair.may]).flat_map(|mask| mask.0.to_be_bytes()).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8], count: usize) -> Result<Self, NotARule> {
        let (masks, rest) = bytes.as_chunks::<8>();
        let masks: Vec<_> = masks.iter().map(|mask| Parts(u64::from_be_bytes(*mask))).collect();
        if !rest.is_empty() || !masks.len().is_multiple_of(2) {
            return Err(NotARule);
        }
        Self::new(masks.chunks(2).map(|pair| Pair { must: pair[0], may: pair[1] }).collect(), count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn results_are_shown_only_with_their_units() {
        let (results, units, count) = (3, 4, 6);
        let all = Parts::all(count);
        let pairs = vec![
            Pair { must: Parts::of([HEADER]), may: Parts(all.0 & !Parts::of([results]).0) },
            Pair { must: Parts::of([HEADER, results, units]), may: all },
        ];
        let rule = Rule::new(pairs, count).unwrap();
        assert!(rule.permits(Parts::of([0, 5])) && rule.permits(Parts::of([0, units])));
        assert!(rule.permits(Parts::of([0, results, units])) && rule.permits(all));
        assert!(!rule.permits(Parts::of([0, results])), "without units");
        assert!(!rule.permits(Parts::of([units])), "without the header");
    }

    #[test]
    fn a_rule_that_binds_nothing_or_nobody_can_satisfy_is_refused() {
        let pair = |must: u64, may: u64| Pair { must: Parts(must), may: Parts(may) };
        for pairs in [vec![], vec![pair(0, 7)], vec![pair(9, 7)], vec![pair(1, 0xff)], vec![pair(1, 7); 9]] {
            assert_eq!(Rule::new(pairs, 4), Err(NotARule));
        }
        assert!(Rule::new(vec![pair(1, u64::MAX)], 64).is_ok());
        assert_eq!(Rule::from_bytes(&[0; 15], 4), Err(NotARule));
        assert_eq!(Rule::from_bytes(&[], 4), Err(NotARule));
    }

    proptest! {
        #[test]
        fn it_permits_what_the_definition_says(masks in prop::collection::vec((0_u64..64, 0_u64..64), 1..=8), count in 3_usize..=6) {
            let all = Parts::all(count).0;
            let pairs: Vec<_> = masks.iter().map(|(must, may)| {
                let must = (must & all) | 1;
                Pair { must: Parts(must), may: Parts((may & all) | must) }
            }).collect();
            let rule = Rule::new(pairs.clone(), count).unwrap();
            prop_assert_eq!(&Rule::from_bytes(&rule.to_bytes(), count).unwrap(), &rule);
            for shown in 0..=all {
                let by_hand = pairs.iter().any(|pair| {
                    (0..6).all(|bit| {
                        let on = |mask: u64| mask >> bit & 1 == 1;
                        (!on(pair.must.0) || on(shown)) && (!on(shown) || on(pair.may.0))
                    })
                });
                prop_assert_eq!(rule.permits(Parts(shown)), by_hand);
            }
        }
    }
}
