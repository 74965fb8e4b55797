//! Dates of six digits (GS1 General Specifications, section 7.12: which century a year belongs to).

use super::charset::number;
use super::error::Fault;

/// A day of the Gregorian calendar. A day printed as 00 has been resolved to the last day of its month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A real day, years 1 to 9999.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let real = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year.into(), month)).contains(&day);
        real.then_some(Date { year, month, day })
    }

    /// `YYMMDD` as printed, day 00 meaning the last day of the month. The century is the one that puts the year at most
    /// 49 before and 50 after `current_year`, a full year such as 2026.
    pub fn from_yymmdd(digits: &str, current_year: u16) -> Result<Date, Fault> {
        let digits = digits.as_bytes();
        check_yymmd0(digits)?;
        let pair =
            |at: usize| u8::try_from(number(&digits[at..at + 2]).unwrap_or_default()).unwrap_or_default();
        let (year, month, day) = (full_year(pair(0), current_year), pair(2), pair(4));
        let day = if day == 0 { days_in_month(year.into(), month) } else { day };
        Date::new(year, month, day).ok_or(Fault::Day)
    }

    /// Full year, such as 2026.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// As written in an element string; never with day 00.
    #[must_use]
    pub fn yymmdd(self) -> String {
        format!("{:02}{:02}{:02}", self.year % 100, self.month, self.day)
    }
}

impl std::fmt::Display for Date {
    /// ISO 8601: `2026-11-30`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The year within 49 before and 50 after the current one.
fn full_year(two_digits: u8, current_year: u16) -> u16 {
    let century = current_year - current_year % 100;
    let (year, now) = (i32::from(two_digits), i32::from(current_year % 100));
    match year - now {
        51.. => century.saturating_sub(100) + u16::from(two_digits),
        ..=-50 => century.saturating_add(100).saturating_add(two_digits.into()),
        _ => century.saturating_add(two_digits.into()),
    }
}

fn days_in_month(year: u32, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `YYMMDD` with day 00 allowed. Without a century, every fourth year counts as a leap year.
pub(super) fn check_yymmd0(value: &[u8]) -> Result<(), Fault> {
    check_length(value, 6)?;
    check_day(2000 + number(&value[..2]).ok_or(Fault::NotADigit)?, &value[2..])
}

/// `YYMMDD`.
pub(super) fn check_yymmdd(value: &[u8]) -> Result<(), Fault> {
    check_yymmd0(value)?;
    if value.ends_with(b"00") { Err(Fault::Day) } else { Ok(()) }
}

/// `YYYYMMDD`.
pub(super) fn check_yyyymmdd(value: &[u8]) -> Result<(), Fault> {
    check_length(value, 8)?;
    check_day(number(&value[..4]).ok_or(Fault::NotADigit)?, &value[4..])?;
    if value.ends_with(b"00") { Err(Fault::Day) } else { Ok(()) }
}

fn check_length(value: &[u8], length: usize) -> Result<(), Fault> {
    match value.len().cmp(&length) {
        std::cmp::Ordering::Less => Err(Fault::TooShort),
        std::cmp::Ordering::Greater => Err(Fault::TooLong),
        std::cmp::Ordering::Equal if !value.iter().all(u8::is_ascii_digit) => Err(Fault::NotADigit),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Four digits of month and day, day 00 allowed.
fn check_day(year: u64, month_and_day: &[u8]) -> Result<(), Fault> {
    let both = number(month_and_day).and_then(|both| u16::try_from(both).ok()).ok_or(Fault::NotADigit)?;
    let month = u8::try_from(both / 100).ok().filter(|month| (1..=12).contains(month)).ok_or(Fault::Month)?;
    let last = days_in_month(u32::try_from(year).unwrap_or_default(), month);
    if both % 100 <= u16::from(last) { Ok(()) } else { Err(Fault::Day) }
}
