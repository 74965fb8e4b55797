//! The time by which an answer is judged: what a phone's clock shows, held against what is proven.
//!
//! A checkpoint is never cosigned before its time, so the newest one that was trusted is a proven lower bound: a clock
//! before it is wrong. From above nothing is proven. The node's clock at the last sync is a hint: it says that a clock
//! is ahead, and takes back what such a clock alone would claim; it never makes an answer younger, and never a product
//! good. Of a clock that was behind at the sync it says by how much, and the same clock tells what has passed since.

use countersign_ledger::{MAX_SKEW_MILLIS, UnixMillis};

/// No clock that this program runs by was right before it was written: 2026-01-01.
const WRITTEN: UnixMillis = UnixMillis(1_767_225_600_000);

/// A clock so far after all that is known was set wrong. The longest that records of a medicine are kept is thirty
/// years (blood and its products, Directive 2002/98/EC, article 14).
const FAR_MILLIS: u64 = 30 * 365 * 24 * 3600 * 1000;

/// A clock that is set to the wrong zone is at most so far behind, and goes on evenly (UTC-12 to UTC+14). One that is further
/// behind has lost its time, and may lose it again without showing it.
const ZONES_MILLIS: u64 = 26 * 3600 * 1000;

/// The time by which an answer is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    phone: UnixMillis,
    proven: UnixMillis,
    synced: Option<Synced>,
}

/// What two clocks showed at one moment of a sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synced {
    /// The phone's.
    pub phone: UnixMillis,
    /// The node's, by its word.
    pub node: UnixMillis,
}

/// Whether a phone's clock can be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// Nothing that is known speaks against it.
    Trusted,
    /// It shows a time that had passed when a checkpoint was cosigned, or at the last sync, or was behind then and has not
    /// been set by what is known: it is wrong.
    Behind {
        /// By how much, at least.
        by_millis: u64,
        /// It is this late, or later.
        at: UnixMillis,
    },
    /// At the last sync it was ahead of the node's, and has not been set since; or it is decades after all that is
    /// known.
    Ahead {
        /// By how much.
        by_millis: u64,
        /// The time without that. Not proven.
        at: UnixMillis,
    },
}

impl Now {
    /// The time as a phone's clock shows it, with nothing else known.
    pub const fn new(phone: UnixMillis) -> Self {
        Self { phone, proven: WRITTEN, synced: None }
    }

    /// Holds it against a moment that is proven to have passed.
    #[must_use]
    pub fn after(self, proven: UnixMillis) -> Self {
        Self { proven: self.proven.max(proven), ..self }
    }

    /// Holds it against the clocks of the last sync, if there was one.
    #[must_use]
    pub fn with_synced(self, synced: Option<Synced>) -> Self {
        Self { synced, ..self }
    }

    /// Whether the phone's clock can be right. Clocks that differ by no more than [`MAX_SKEW_MILLIS`] count as the same.
    pub fn clock(self) -> Clock {
        let passed = self.passed();
        let far = self.phone.since(passed);
        let at = self.carried().unwrap_or(passed).max(passed);
        let behind = at.since(self.phone);
        if behind > MAX_SKEW_MILLIS && far <= FAR_MILLIS {
            return Clock::Behind { by_millis: behind, at };
        }
        let ahead = self.synced.filter(|synced| synced.phone.since(self.phone) <= MAX_SKEW_MILLIS);
        let ahead = ahead.map_or(0, |synced| synced.phone.since(synced.node));
        let by_millis = if ahead > MAX_SKEW_MILLIS {
            ahead
        } else if far > FAR_MILLIS {
            far
        } else {
            return Clock::Trusted;
        };
        Clock::Ahead { by_millis, at: UnixMillis(self.phone.0.saturating_sub(by_millis)).max(passed) }
    }

    /// The time, as well as it is known: the clock's where it is trusted.
    pub fn at(self) -> UnixMillis {
        match self.clock() {
            Clock::Trusted => self.phone.max(self.passed()),
            Clock::Behind { at, .. } | Clock::Ahead { at, .. } => at,
        }
    }

    /// Whether a moment has passed; `None` if that hangs on a clock that is wrong.
    pub fn is_past(self, moment: UnixMillis) -> Option<bool> {
        let by_phone = moment < self.phone;
        match self.clock() {
            Clock::Trusted => Some(moment < self.at()),
            Clock::Behind { .. } if moment < self.passed().max(self.phone) => Some(true),
            Clock::Behind { at, .. } => (moment >= at && self.is_paced()).then_some(false),
            Clock::Ahead { at, .. } => (by_phone == (moment < at)).then_some(by_phone),
        }
    }

    /// How long ago a moment was, at the most that anything speaks for; `None` if the clock is behind and does not tell.
    /// What was known at the last sync is no younger than the time since by this phone's clock, fast or slow.
    pub fn age_of(self, moment: UnixMillis) -> Option<u64> {
        let since_sync = self.synced.map_or(0, |synced| self.phone.since(synced.phone));
        let age = self.phone.since(moment).max(since_sync);
        match self.clock() {
            Clock::Behind { at, .. } => self.is_paced().then(|| age.max(at.since(moment))),
            Clock::Trusted | Clock::Ahead { .. } => Some(age),
        }
    }

    /// The year by which two-digit years are read.
    pub fn year(self) -> u16 {
        self.at().year()
    }

    /// What a clock that was behind at the last sync makes of the node's time then, if it has gone on since; `None` also
    /// if it has been set back.
    fn carried(self) -> Option<UnixMillis> {
        let synced = self.synced.filter(|synced| synced.lag() > MAX_SKEW_MILLIS)?;
        let goes_on = synced.phone.since(self.phone) <= MAX_SKEW_MILLIS;
        let since = self.phone.since(synced.phone);
        goes_on.then(|| UnixMillis(synced.node.0.saturating_add(since)))
    }

    /// Whether a clock that is behind tells how much time has passed since the last sync: it is off by no more than a zone,
    /// or has come to what was known then.
    fn is_paced(self) -> bool {
        let by_a_zone = self.synced.is_some_and(|synced| synced.lag() <= ZONES_MILLIS);
        let came_past = self.passed().since(self.phone) <= MAX_SKEW_MILLIS;
        self.carried().is_some() && (by_a_zone || came_past)
    }

    /// The latest moment that is known to have passed: by proof, or since both clocks of the last sync were beyond it.
    fn passed(self) -> UnixMillis {
        self.synced.map_or(self.proven, |synced| self.proven.max(synced.phone.min(synced.node)))
    }
}

impl Synced {
    /// By how much the phone's clock was behind the node's.
    fn lag(self) -> u64 {
        self.node.since(self.phone)
    }
}

impl From<UnixMillis> for Now {
    fn from(phone: UnixMillis) -> Self {
        Self::new(phone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600 * 1000;
    /// 2026-11-21.
    const SYNC: u64 = 20_778 * DAY;

    fn at(days: i64) -> UnixMillis {
        UnixMillis(SYNC.saturating_add_signed(days * DAY.cast_signed()))
    }

    /// A phone whose clock shows `now`, last synced when its clock showed `then` and it was truly [`SYNC`].
    fn phone(now: i64, then: i64) -> Now {
        Now::new(at(now)).after(at(0)).with_synced(Some(Synced { phone: at(then), node: at(0) }))
    }

    #[test]
    fn a_clock_that_nothing_speaks_against_is_trusted() {
        for days in [0_i64, 1, 300, 3000] {
            let now = phone(days, 0);
            assert_eq!((now.clock(), now.at()), (Clock::Trusted, at(days)));
            assert_eq!(now.age_of(at(-1)), Some((days.unsigned_abs() + 1) * DAY));
            assert_eq!((now.is_past(at(days - 1)), now.is_past(at(days + 1))), (Some(true), Some(false)));
        }
        // Clocks are never quite the same.
        let near = Now::new(UnixMillis(SYNC - MAX_SKEW_MILLIS)).after(at(0));
        assert_eq!((near.clock(), near.at(), near.age_of(at(0))), (Clock::Trusted, at(0), Some(0)));
    }

    #[test]
    fn a_clock_before_what_is_proven_tells_no_age() {
        for days in [-1, -365, -20_778] {
            for now in [Now::new(at(days)).after(at(0)), phone(days, 0)] {
                let by_millis = days.unsigned_abs() * DAY;
                assert_eq!(now.clock(), Clock::Behind { by_millis, at: at(0) });
                assert_eq!((now.at(), now.age_of(at(-3)), now.year()), (at(0), None, 2026));
                assert_eq!((now.is_past(at(-1)), now.is_past(at(1))), (Some(true), None));
            }
        }
    }

    #[test]
    fn a_clock_that_was_ahead_at_the_sync_decides_nothing_alone_until_it_is_set() {
        let now = phone(12, 10);
        assert_eq!(now.clock(), Clock::Ahead { by_millis: 10 * DAY, at: at(2) });
        assert_eq!([1, 5, 13].map(|day| now.is_past(at(day))), [Some(true), None, Some(false)]);
        // A node whose clock is behind makes nothing young.
        assert_eq!(now.age_of(at(0)), Some(12 * DAY));
        assert_eq!(phone(2, 10).clock(), Clock::Trusted);
    }

    #[test]
    fn a_clock_that_was_behind_at_the_sync_makes_nothing_younger_than_the_time_since() {
        assert!(matches!(phone(-2, -2).clock(), Clock::Behind { .. }));
        // Ten days slow, and asked fifteen days later.
        let now = phone(5, -10);
        assert_eq!((now.clock(), now.at()), (Clock::Behind { by_millis: 10 * DAY, at: at(15) }, at(15)));
        assert_eq!(now.age_of(at(-1)), Some(16 * DAY));
        assert_eq!([4, 8, 16].map(|day| now.is_past(at(day))), [Some(true), None, Some(false)]);
        // Until it has come to what is proven it may have lost its time again, and tells nothing.
        let now = phone(-9, -10);
        assert_eq!((now.clock(), now.at()), (Clock::Behind { by_millis: 10 * DAY, at: at(1) }, at(1)));
        assert_eq!((now.age_of(at(0)), now.is_past(at(-1)), now.is_past(at(300))), (None, Some(true), None));
        // Set back further, it is wrong by nobody knows how much.
        assert_eq!(phone(-11, -10).clock(), Clock::Behind { by_millis: 11 * DAY, at: at(0) });
        assert_eq!(phone(-11, -10).age_of(at(0)), None);
        // Decades ahead it is not behind.
        assert!(matches!(phone(73 * 365, -10).clock(), Clock::Ahead { .. }));
    }

    #[test]
    fn a_clock_of_another_zone_tells_what_has_passed_since_the_sync() {
        const HOUR: u64 = 3600 * 1000;
        let moment = |hours: i64| UnixMillis(SYNC.saturating_add_signed(hours * HOUR.cast_signed()));
        let synced = Some(Synced { phone: moment(-5), node: moment(0) });
        let asked = |hours: i64| Now::new(moment(hours)).after(at(0)).with_synced(synced);
        for since in [0_i64, 1, 5, 6, 200] {
            let now = asked(since - 5);
            assert_eq!(now.clock(), Clock::Behind { by_millis: 5 * HOUR, at: moment(since) });
            assert_eq!(now.age_of(moment(-1)), Some((since.unsigned_abs() + 1) * HOUR), "{since}");
            assert_eq!((now.is_past(moment(-1)), now.is_past(moment(since))), (Some(true), Some(false)));
        }
        // Between what is proven and what the node's word makes of it nothing is decided.
        assert_eq!(asked(1).is_past(moment(3)), None);
        assert_eq!((asked(-6).age_of(moment(-1)), asked(-6).is_past(moment(1))), (None, None));
    }

    #[test]
    fn a_clock_that_both_clocks_of_the_sync_were_beyond_is_behind() {
        let old = Now::new(at(10)).after(at(0)).with_synced(Some(Synced { phone: at(30), node: at(30) }));
        assert_eq!(old.clock(), Clock::Behind { by_millis: 20 * DAY, at: at(30) });
        // One clock alone may have been wrong.
        let synced = Some(Synced { phone: at(30), node: at(5) });
        assert_eq!(Now::new(at(10)).after(at(0)).with_synced(synced).clock(), Clock::Trusted);
    }

    #[test]
    fn years_of_two_digits_are_read_by_a_time_that_can_be() {
        let year = |days: i64| Now::new(at(days)).year();
        assert_eq!([year(-20_778), year(0), year(400), year(73 * 365)], [2026, 2026, 2027, 2026]);
        assert_eq!(phone(73 * 365, 0).year(), 2026);
        assert!(matches!(Now::new(UnixMillis(u64::MAX)).clock(), Clock::Ahead { .. }));
    }
}
