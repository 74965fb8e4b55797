//! What was seen of a notary, and the score that follows from it.

use crate::fixed::Fixed;

/// How long a notary may take for half of the full efficiency, in milliseconds (tau).
const HALF_EFFICIENCY_MILLIS: u64 = 100;
/// The score of somebody of whom nothing was seen: the paper's initial credit.
pub(crate) const NEWCOMER: Fixed = Fixed::whole(50);
/// After so many transactions, what was seen counts as much as the newcomer's score.
const GETTING_TO_KNOW: u64 = 5;
const FULL: Fixed = Fixed::whole(100);

/// What was seen of a notary. The counts are of the time that is looked at, such as a month.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conduct {
    participations: u32,
    efficiency: Fixed,
    asked: u32,
    answered: u32,
}

impl Conduct {
    /// What others say of a notary: how often it took part, its mean efficiency of 65535, how often it was asked and
    /// answered.
    pub(crate) fn seen(participations: u16, efficiency: u16, asked: u16, answered: u16) -> Self {
        let mean = Fixed::ratio(efficiency.into(), u16::MAX.into());
        Self {
            participations: participations.into(),
            efficiency: mean * Fixed::whole(participations.into()),
            asked: asked.into(),
            answered: answered.min(asked).into(),
        }
    }

    /// The notary took part, and it took so long to compute and to send.
    pub fn served(&mut self, processing_millis: u32, transport_millis: u32) {
        let took = u64::from(processing_millis) + u64::from(transport_millis);
        self.participations = self.participations.saturating_add(1);
        self.efficiency =
            self.efficiency + Fixed::ratio(HALF_EFFICIENCY_MILLIS, HALF_EFFICIENCY_MILLIS + took);
    }

    /// The notary was to take part, and failed.
    pub fn failed(&mut self) {
        self.participations = self.participations.saturating_add(1);
    }

    /// The notary was asked whether it is there.
    pub fn asked(&mut self, answered: bool) {
        self.asked = self.asked.saturating_add(1);
        self.answered = self.answered.saturating_add(u32::from(answered));
    }

    /// In how many transactions it took part.
    pub const fn participations(&self) -> u32 {
        self.participations
    }

    /// From 0 to 100, where the busiest notary took part in `most` transactions.
    pub(crate) fn score(&self, most: u32) -> Fixed {
        let (taken, most) = (u64::from(self.participations), u64::from(most));
        let seen = Fixed::ratio(taken, taken + GETTING_TO_KNOW);
        let online = Fixed::ratio(self.answered.into(), self.asked.into());
        let efficiency = self.efficiency / Fixed::whole(self.participations);
        let quality = Fixed::ratio(2, 10) * online
            + Fixed::ratio(3, 10) * Fixed::ratio(taken, most)
            + Fixed::ratio(5, 10) * efficiency;
        (Fixed::ONE - seen) * NEWCOMER + seen * FULL * quality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_has_half_and_goes_up_or_down_by_what_is_seen() {
        let (mut fast, mut slow, mut failing) = (Conduct::default(), Conduct::default(), Conduct::default());
        assert_eq!(fast.score(0), NEWCOMER);
        for _ in 0..20 {
            fast.served(10, 10);
            slow.served(200, 200);
            failing.failed();
            fast.asked(true);
            slow.asked(true);
            failing.asked(false);
        }
        // l = 20/25; 0.2 + 0.3 + 0.5 * 100/120 and 0.5 * 100/500; a failure has no efficiency at all.
        assert_eq!([fast, slow, failing].map(|one| one.score(20).floor()), [83, 57, 33]);
        assert_eq!(fast.participations(), 20);
    }
}
