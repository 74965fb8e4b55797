//! Rules on values beyond length and character set (GS1 Barcode Syntax Dictionary, "linters").

use super::charset::number;
use super::check::prefix;
use super::error::Fault;
use super::{check, codes, coupon, date};

/// A named rule. Numbers are digits read as decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Ends in a modulo 10 check digit.
    CheckDigit,
    /// Ends in a check character pair.
    CheckPair,
    /// Begins with a GS1 company prefix.
    Prefix1,
    /// Holds a GS1 company prefix from the second character on.
    Prefix2,
    /// `YYMMDD`, day 00 allowed.
    Date0,
    /// `YYMMDD`.
    Date,
    /// `YYYYMMDD`.
    Date8,
    /// `hhmm`.
    Time,
    /// 00 to 23.
    Hour,
    /// 00 to 59.
    Minute,
    /// 00 to 59.
    Second,
    /// Every `%` begins a percent-encoded byte.
    Percent,
    /// ISO 3166-1 numeric.
    Country,
    /// ISO 3166-1 numeric or 999.
    Country999,
    /// ISO 3166-1 alpha-2.
    Country2,
    /// ISO 4217 numeric.
    Currency,
    /// Ten-millionths of a degree north of the south pole.
    Latitude,
    /// Ten-millionths of a degree, up to 360.
    Longitude,
    /// 0 or 1.
    Bool,
    /// Only `-`.
    Minus,
    /// Importer index: a letter, a digit, `-` or `_`.
    Importer,
    /// GS1 package type.
    Package,
    /// AIDC media type.
    Media,
    /// ISO/IEC 5218 sex.
    Sex,
    /// `n/m` with n at most m.
    Position,
    /// Not all zeros.
    NonZero,
    /// All zeros.
    Zero,
    /// Winding direction of a roll: 0, 1 or 9.
    Winding,
    /// Piece and total of equal length, piece at most total.
    Piece,
    /// ISO 13616 bank account.
    Iban,
    /// No zero in front.
    NoZeroFirst,
    /// At least one character that is not a digit.
    NonDigit,
    /// North American coupon.
    Coupon,
    /// North American positive offer file.
    CouponOffer,
}

impl Rule {
    /// Checks the rule on a value, which has the character set of its part.
    pub fn check(self, value: &[u8]) -> Result<(), Fault> {
        match self {
            Rule::CheckDigit => check::check_digit(value),
            Rule::CheckPair => check::check_pair(value),
            Rule::Prefix1 => prefix(value),
            Rule::Prefix2 => prefix(value.get(1..).unwrap_or_default()),
            Rule::Date0 => date::check_yymmd0(value),
            Rule::Date => date::check_yymmdd(value),
            Rule::Date8 => date::check_yyyymmdd(value),
            Rule::Time => time(value),
            Rule::Hour => at_most(value, 23, Fault::Hour),
            Rule::Minute => at_most(value, 59, Fault::Minute),
            Rule::Second => at_most(value, 59, Fault::Second),
            Rule::Percent => percent(value),
            Rule::Country => only_if(codes::is_country(value), Fault::Code),
            Rule::Country999 => only_if(value == b"999" || codes::is_country(value), Fault::Code),
            Rule::Country2 => only_if(codes::is_country2(value), Fault::Code),
            Rule::Currency => only_if(codes::is_currency(value), Fault::Code),
            Rule::Latitude => at_most(value, 1_800_000_000, Fault::Place),
            Rule::Longitude => at_most(value, 3_600_000_000, Fault::Place),
            Rule::Bool => only_if(matches!(value, b"0" | b"1"), Fault::Code),
            Rule::Minus => only_if(!value.is_empty() && value.iter().all(|&byte| byte == b'-'), Fault::Code),
            Rule::Importer => only_if(
                matches!(value, [byte] if byte.is_ascii_alphanumeric() || b"-_".contains(byte)),
                Fault::Code,
            ),
            Rule::Package => only_if(codes::is_package(value), Fault::Code),
            Rule::Media => only_if(codes::is_media(value), Fault::Code),
            Rule::Sex => only_if(matches!(value, b"0" | b"1" | b"2" | b"9"), Fault::Code),
            Rule::Position => position(value),
            Rule::NonZero => only_if(value.iter().any(|&byte| byte != b'0'), Fault::Range),
            Rule::Zero => only_if(value.iter().all(|&byte| byte == b'0'), Fault::Range),
            Rule::Winding => only_if(matches!(value, b"0" | b"1" | b"9"), Fault::Code),
            Rule::Piece => piece(value),
            Rule::Iban => only_if(value.get(..2).is_some_and(codes::is_country2), Fault::Iban)
                .and_then(|()| check::iban(value)),
            Rule::NoZeroFirst => only_if(value.first() != Some(&b'0'), Fault::Range),
            Rule::NonDigit => only_if(!value.iter().all(u8::is_ascii_digit), Fault::Range),
            Rule::Coupon => coupon::check(value),
            Rule::CouponOffer => coupon::check_offer(value),
        }
    }
}

fn only_if(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn at_most(value: &[u8], limit: u64, fault: Fault) -> Result<(), Fault> {
    only_if(number(value).is_some_and(|found| found <= limit), fault)
}

fn time(value: &[u8]) -> Result<(), Fault> {
    let (hour, minute) = value.split_at_checked(2).ok_or(Fault::TooShort)?;
    at_most(hour, 23, Fault::Hour)?;
    at_most(minute, 59, Fault::Minute)
}

fn percent(value: &[u8]) -> Result<(), Fault> {
    let mut sequences = value.split(|&byte| byte == b'%').skip(1);
    only_if(
        sequences.all(
            |rest| matches!(rest, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
        ),
        Fault::Percent,
    )
}

fn piece(value: &[u8]) -> Result<(), Fault> {
    let (piece, total) = value.split_at(value.len() / 2);
    let in_range =
        matches!((number(piece), number(total)), (Some(piece), Some(total)) if 0 < piece && piece <= total);
    only_if(piece.len() == total.len() && in_range, Fault::Range)
}

fn position(value: &[u8]) -> Result<(), Fault> {
    let slash = value.iter().position(|&byte| byte == b'/').ok_or(Fault::Range)?;
    let (first, last) = (&value[..slash], &value[slash + 1..]);
    let in_range = matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last);
    only_if(in_range && first[0] != b'0' && last[0] != b'0', Fault::Range)
}
