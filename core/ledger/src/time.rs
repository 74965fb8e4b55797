//! Time as an argument: pure code never asks a clock.
//!
//! The calendar is the one by which certificates are dated (RFC 5280): UTC, from 1970 to the end of 9999, without leap seconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use x509_cert::der::DateTime;

const DAY_SECONDS: u64 = 24 * 3600;

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The same moment in whole seconds, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The moment `seconds` after the epoch; saturates at the end of time.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// How long after `earlier` this is, in milliseconds; zero if it is not after.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The year; 9999 for whatever is later.
    pub fn year(self) -> u16 {
        self.date_time().year()
    }

    fn date_time(self) -> DateTime {
        DateTime::from_unix_duration(Duration::from_millis(self.0)).unwrap_or(DateTime::INFINITY)
    }
}

/// RFC 3339 in UTC, to the second; the end of the year 9999 for whatever is later.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date_time().fmt(f)
    }
}

/// Text that is no moment, or no day, of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2028-11-30, a moment as 2028-11-30T12:00:00Z; both from 1970 on")]
pub struct NotATime;

/// What [`UnixMillis`] is displayed as, and no other form.
impl FromStr for UnixMillis {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let at: DateTime = text.parse().map_err(|_| NotATime)?;
        Ok(Self::from_seconds(at.unix_duration().as_secs()))
    }
}

/// A day in UTC. Its text is that of ISO 8601: `2028-11-30`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(u64);

impl Day {
    /// The day with this date, from 1970 to 9999; `None` if there is none.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let begins = DateTime::new(year, month, day, 0, 0, 0).ok()?;
        Some(Self(begins.unix_duration().as_secs() / DAY_SECONDS))
    }

    /// The day of a moment.
    pub const fn of(moment: UnixMillis) -> Self {
        Self(moment.seconds() / DAY_SECONDS)
    }

    /// Its year, month and day; months and days count from 1.
    pub fn date(self) -> (u16, u8, u8) {
        let at = self.begins().date_time();
        (at.year(), at.month(), at.day())
    }

    /// How many days after `earlier` this is; zero if it is not after.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Its first moment.
    pub const fn begins(self) -> UnixMillis {
        UnixMillis::from_seconds(self.0 * DAY_SECONDS)
    }

    /// Its last millisecond.
    pub const fn ends(self) -> UnixMillis {
        UnixMillis(self.begins().0.saturating_add(DAY_SECONDS * 1000 - 1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.10}", self.begins().to_string())
    }
}

impl FromStr for Day {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        format!("{text}T00:00:00Z").parse().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_written_and_read_as_rfc_3339() {
        for (seconds, text, year) in [
            (0, "1970-01-01T00:00:00Z", 1970),
            (951_782_400, "2000-02-29T00:00:00Z", 2000),
            (1_795_219_199, "2026-11-20T23:59:59Z", 2026),
            (4_107_542_400, "2100-03-01T00:00:00Z", 2100),
            (253_402_300_799, "9999-12-31T23:59:59Z", 9999),
        ] {
            let at = UnixMillis::from_seconds(seconds);
            assert_eq!((at.to_string().as_str(), at.year()), (text, year));
            assert_eq!(text.parse(), Ok(at));
        }
        assert_eq!(UnixMillis(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
        for text in ["", "2026-11-20", "2026-11-20T23:59:59", "2026-11-20 23:59:59Z", "2026-11-20T23:59:60Z"]
        {
            assert_eq!(text.parse::<UnixMillis>(), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn a_day_ends_a_millisecond_before_the_next() {
        assert_eq!("1970-01-01".parse::<Day>().unwrap().ends(), UnixMillis(86_399_999));
        assert_eq!(Day::new(2026, 11, 21).unwrap().ends(), UnixMillis(1_795_305_599_999));
        assert_eq!(Day::of(UnixMillis(1_795_305_599_999)), Day::new(2026, 11, 21).unwrap());
        assert_eq!(Day::of(UnixMillis(1_795_305_600_000)).to_string(), "2026-11-22");
        assert_eq!(Day::of(UnixMillis(u64::MAX)).ends(), UnixMillis(u64::MAX));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "",
            "2026-02-29",
            "2100-02-29",
            "2026-11-31",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "1969-12-31",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotATime), "{text}");
        }
        for text in ["2026-1-01", "+026-11-30", "2026/11/30", "2026-11-30 ", "20261130", "2026-11-3é"] {
            assert_eq!(text.parse::<Day>(), Err(NotATime), "{text}");
        }
        assert_eq!(Day::new(2026, 2, 29), None);
        assert!(Day::new(2000, 2, 29).is_some());
    }

    proptest! {
        #[test]
        fn every_day_is_read_as_it_is_written(days in 0_u64..2_932_897) {
            prop_assert_eq!(Day(days).to_string().parse(), Ok(Day(days)));
            let (year, month, day) = Day(days).date();
            prop_assert_eq!(Day::new(year, month, day), Some(Day(days)));
        }
    }
}
