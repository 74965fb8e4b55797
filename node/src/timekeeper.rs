//! Whether the clock can be trusted. Block times never fall, so one block under a clock that is far ahead would make every
//! statement after it stale until the real time has caught up.
//!
//! Three things are known beside the clock. Since the process looked last, as much time has passed as the monotonic clock
//! says. Nobody has signed at a time that is yet to come. And each witness has a clock of its own. The clock is trusted when
//! it agrees with all of these; until then nothing is ordered and nothing is signed, and it goes on when they agree again.
//!
//! How long a node was off nobody can tell it. A gap of up to [`MAX_GAP_MILLIS`] is trusted: if that was wrong, statements
//! that came within three weeks of being signed are still fresh. For a longer one the operator says which day it is
//! ([`Surroundings::today`](crate::Surroundings)), as for a clock that is behind what was signed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_ledger::{MAX_SKEW_MILLIS, UnixMillis};

use crate::clock::{Clock, Uptime};
use crate::halt::{Halt, Passing};

/// The longest time that a node may have been off without being told the day.
pub const MAX_GAP_MILLIS: u64 = 7 * 24 * HOUR_MILLIS;
const HOUR_MILLIS: u64 = 3600 * 1000;
/// A day begins up to 14 hours earlier than in UTC, and ends up to 12 hours later.
const DAY_BEGINS: u64 = 14 * HOUR_MILLIS;
const DAY_ENDS: u64 = 36 * HOUR_MILLIS;
/// Clocks that are slewed differ from the monotonic clock by 1 in 2000 at most (adjtime); twice that is followed.
const SLEW: u64 = 1000;

/// Why the clock is not trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClockError {
    /// It was set, or stood still, while the node ran.
    #[error("the clock shows {shows}, by the time that has passed it is {expected}")]
    Jumped {
        /// What it shows.
        shows: UnixMillis,
        /// What it should show.
        expected: UnixMillis,
    },
    /// At start it is before what was signed.
    #[error(
        "the clock shows {shows}, and this node has signed at {last}: set the clock, or confirm the day (--today)"
    )]
    Behind {
        /// What it shows.
        shows: UnixMillis,
        /// When the node signed last.
        last: UnixMillis,
    },
    /// At start it is long after what was signed.
    #[error(
        "the clock shows {shows}, and this node last signed at {last}, more than a week before: set the clock, or \
         confirm the day (--today)"
    )]
    Gap {
        /// What it shows.
        shows: UnixMillis,
        /// When the node signed last.
        last: UnixMillis,
    },
    /// Too few witnesses have the same time.
    #[error("the clock shows {shows}, and only {agree} of the {quorum} witnesses that are needed agree")]
    Witnesses {
        /// What it shows.
        shows: UnixMillis,
        /// How many agree.
        agree: usize,
        /// How many must.
        quorum: usize,
    },
    /// The operator said that it is another day.
    #[error("the clock shows {shows}, and that is not the day that was confirmed")]
    OtherDay {
        /// What it shows.
        shows: UnixMillis,
    },
}

impl Passing for ClockError {
    fn halt(&self) -> Option<Halt> {
        Some(Halt::Clock)
    }
}

/// The node's clock, and what is known beside it.
pub(crate) struct Timekeeper {
    clock: Clock,
    uptime: Uptime,
    witnesses: Vec<(String, Clock)>,
    quorum: usize,
    known: Mutex<Known>,
}

#[derive(Clone, Copy)]
enum Known {
    /// Not trusted since the start: the node signed last at `last`.
    Signed { last: UnixMillis, started: Duration },
    /// Trusted: it was `at` when the monotonic clock showed `uptime`.
    Trusted { at: UnixMillis, uptime: Duration },
}

impl Timekeeper {
    /// `last` is when anything was signed last; nought if nothing was. `today`, if the operator says it, is midnight, UTC, at
    /// the beginning of the day.
    pub(crate) fn new(
        clock: Clock,
        uptime: Uptime,
        witnesses: Vec<(String, Clock)>,
        quorum: usize,
        last: UnixMillis,
        today: Option<UnixMillis>,
    ) -> Result<Self, ClockError> {
        let (shows, uptime_now) = (clock(), uptime());
        let known = match today {
            Some(day) if day.since(shows) > DAY_BEGINS || shows.since(day) > DAY_ENDS => {
                return Err(ClockError::OtherDay { shows });
            }
            None if last > UnixMillis(0) => Known::Signed { last, started: uptime_now },
            _ => Known::Trusted { at: shows, uptime: uptime_now },
        };
        Ok(Self { clock, uptime, witnesses, quorum, known: Mutex::new(known) })
    }

    /// The time, if the clock can be trusted.
    pub(crate) fn now(&self) -> Result<UnixMillis, ClockError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (shows, uptime) = ((self.clock)(), (self.uptime)());
        let at = match *known {
            Known::Signed { last, started } => {
                if last.since(shows) > MAX_SKEW_MILLIS {
                    return Err(ClockError::Behind { shows, last });
                }
                if shows.since(last) > MAX_GAP_MILLIS.saturating_add(millis(uptime.saturating_sub(started))) {
                    return Err(ClockError::Gap { shows, last });
                }
                shows
            }
            Known::Trusted { at, uptime: then } => {
                let passed = millis(uptime.saturating_sub(then));
                let expected = UnixMillis(at.0.saturating_add(passed));
                if apart(shows, expected) > MAX_SKEW_MILLIS {
                    return Err(ClockError::Jumped { shows, expected });
                }
                // Followed as far as a clock is slewed, so that many small jumps are not one large one.
                let slew = passed / SLEW;
                UnixMillis(shows.0.clamp(expected.0.saturating_sub(slew), expected.0.saturating_add(slew)))
            }
        };
        let agree = self.witnesses.iter().filter(|(_, clock)| agrees(clock, shows)).count();
        if agree < self.quorum {
            return Err(ClockError::Witnesses { shows, agree, quorum: self.quorum });
        }
        if let Known::Trusted { uptime: then, .. } = *known
            && millis(uptime.saturating_sub(then)) < SLEW
        {
            // Too soon for a step of a millisecond: with many looks in a second none would ever be followed.
            return Ok(shows);
        }
        *known = Known::Trusted { at, uptime };
        Ok(shows)
    }

    /// Each witness's name, and whether its clock shows another time than the node's.
    pub(crate) fn witnesses(&self) -> impl Iterator<Item = (&str, bool)> {
        let shows = (self.clock)();
        self.witnesses.iter().map(move |(name, clock)| (name.as_str(), !agrees(clock, shows)))
    }
}

/// Whether a witness's own clock bears out a time.
pub(crate) fn agrees(clock: &Clock, time: UnixMillis) -> bool {
    apart(clock(), time) <= MAX_SKEW_MILLIS
}

const fn apart(one: UnixMillis, other: UnixMillis) -> u64 {
    one.0.abs_diff(other.0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const NOW: u64 = 1_795_000_000_000;
    const MINUTE: u64 = 60 * 1000;
    const DAY: u64 = 24 * HOUR_MILLIS;

    /// A clock, the monotonic clock, and those of three witnesses.
    #[derive(Clone, Default)]
    struct Clocks(Arc<[AtomicU64; 5]>);

    impl Clocks {
        fn at(time: u64) -> Self {
            let clocks = Self::default();
            for which in [0, 2, 3, 4] {
                clocks.0[which].store(time, Ordering::Relaxed);
            }
            clocks
        }

        fn pass(&self, millis: u64) {
            for clock in self.0.iter() {
                clock.fetch_add(millis, Ordering::Relaxed);
            }
        }

        /// Sets the clocks `which` by so much.
        fn set(&self, which: &[usize], by: i64) {
            for &which in which {
                self.0[which].fetch_add(by.cast_unsigned(), Ordering::Relaxed);
            }
        }

        fn clock(&self, which: usize) -> Clock {
            let this = self.clone();
            Arc::new(move || UnixMillis(this.0[which].load(Ordering::Relaxed)))
        }

        fn keeper(&self, last: u64, today: Option<u64>) -> Result<Timekeeper, ClockError> {
            let this = self.clone();
            let uptime = Arc::new(move || Duration::from_millis(this.0[1].load(Ordering::Relaxed)));
            let witnesses = (2..5).map(|which| (format!("w{which}"), self.clock(which))).collect();
            Timekeeper::new(self.clock(0), uptime, witnesses, 2, UnixMillis(last), today.map(UnixMillis))
        }
    }

    const ALL: &[usize] = &[0, 2, 3, 4];

    #[test]
    fn a_jump_while_it_runs_is_noticed_either_way_and_over_when_it_is_undone() {
        let clocks = Clocks::at(NOW);
        let keeper = clocks.keeper(0, None).unwrap();
        for minutes in [6_i64, -6, 60, -60, 400 * 24 * 60, -400 * 24 * 60] {
            clocks.pass(DAY);
            assert!(keeper.now().is_ok());
            clocks.set(ALL, minutes * MINUTE.cast_signed());
            assert!(matches!(keeper.now(), Err(ClockError::Jumped { .. })), "{minutes}");
            clocks.pass(HOUR_MILLIS);
            assert!(matches!(keeper.now(), Err(ClockError::Jumped { .. })), "{minutes}");
            clocks.set(ALL, -minutes * MINUTE.cast_signed());
            assert!(keeper.now().is_ok(), "{minutes}");
        }
    }

    #[test]
    fn small_corrections_are_followed_and_do_not_add_up_to_a_jump() {
        let clocks = Clocks::at(NOW);
        let keeper = clocks.keeper(0, None).unwrap();
        clocks.set(ALL, 4 * MINUTE.cast_signed());
        assert_eq!(keeper.now(), Ok(UnixMillis(NOW + 4 * MINUTE)));
        clocks.set(ALL, 4 * MINUTE.cast_signed());
        assert!(matches!(keeper.now(), Err(ClockError::Jumped { .. })));
        clocks.set(ALL, -4 * MINUTE.cast_signed());
        // A clock that gains 40 s a day, looked at every second.
        for _ in 0..30 * 24 {
            clocks.pass(HOUR_MILLIS);
            clocks.set(ALL, 1_600);
            assert!(keeper.now().is_ok());
        }
    }

    #[test]
    fn at_start_a_week_is_believed_and_more_only_with_the_day() {
        for (gap, trusted) in [(0, true), (DAY, true), (7 * DAY, true), (8 * DAY, false), (400 * DAY, false)]
        {
            let clocks = Clocks::at(NOW + gap);
            let keeper = clocks.keeper(NOW, None).unwrap();
            assert_eq!(keeper.now().is_ok(), trusted, "{gap}");
            if !trusted {
                // It is over as soon as the clock is right.
                clocks.set(ALL, -gap.cast_signed());
                assert!(keeper.now().is_ok(), "{gap}");
            }
            let day = (NOW + gap) / DAY * DAY;
            let clocks = Clocks::at(NOW + gap);
            assert!(clocks.keeper(NOW, Some(day)).unwrap().now().is_ok());
            for other in [day - 2 * DAY, day + 2 * DAY] {
                assert!(matches!(clocks.keeper(NOW, Some(other)), Err(ClockError::OtherDay { .. })));
            }
        }
        for (behind, trusted) in [(4 * MINUTE, true), (6 * MINUTE, false), (400 * DAY, false)] {
            let keeper = Clocks::at(NOW - behind).keeper(NOW, None).unwrap();
            assert_eq!(keeper.now().is_ok(), trusted, "{behind}");
        }
    }

    #[test]
    fn a_node_that_stands_still_for_a_month_is_not_off() {
        let clocks = Clocks::at(NOW + 8 * DAY);
        let keeper = clocks.keeper(NOW, None).unwrap();
        assert!(keeper.now().is_err());
        clocks.set(ALL, -(8 * DAY).cast_signed());
        clocks.pass(30 * DAY);
        assert!(keeper.now().is_ok());
    }

    #[test]
    fn one_witness_alone_is_outvoted_and_two_are_not() {
        let clocks = Clocks::at(NOW);
        let keeper = clocks.keeper(0, None).unwrap();
        for by in [DAY.cast_signed(), -DAY.cast_signed()] {
            clocks.set(&[3], by);
            assert!(keeper.now().is_ok());
            assert_eq!(
                keeper.witnesses().filter(|(_, off)| *off).map(|(name, _)| name).collect::<Vec<_>>(),
                ["w3"]
            );
            clocks.set(&[4], by);
            assert!(matches!(keeper.now(), Err(ClockError::Witnesses { agree: 1, quorum: 2, .. })));
            clocks.set(&[3, 4], -by);
            assert!(keeper.now().is_ok());
        }
    }
}
