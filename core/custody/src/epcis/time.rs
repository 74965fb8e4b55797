//! Moments as EPCIS writes them.
//!
//! In scope: RFC 3339 with a zone. Out of scope: leap seconds, years before 1970.

use countersign_ledger::UnixMillis;

/// A moment with its zone, to the millisecond; `None` if malformed.
pub(super) fn moment(text: &str) -> Option<UnixMillis> {
    let (seconds, micros) = exact(text)?;
    Some(UnixMillis(seconds * 1000 + micros / 1000))
}

/// A moment in UTC with its milliseconds, to the nearest: `2026-11-30T12:00:00.250Z`; `None` if malformed.
pub(super) fn rounded(text: &str) -> Option<String> {
    let (seconds, micros) = exact(text)?;
    let (millis, rest) = (micros / 1000, micros % 1000);
    let up = rest > 500 || (rest == 500 && millis % 2 == 1);
    let millis = seconds * 1000 + millis + u64::from(up);
    let second = UnixMillis(millis).to_string();
    Some(format!("{}.{:03}Z", second.trim_end_matches('Z'), millis % 1000))
}

/// Seconds since 1970, and microseconds.
fn exact(text: &str) -> Option<(u64, u64)> {
    let (local, rest) = text.split_at_checked(19)?;
    let local = format!("{}Z", local.replace('t', "T")).parse::<UnixMillis>().ok()?.seconds();
    let (rest, fraction) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
            (&rest[end..], fraction(&rest[..end])?)
        }
        None => (rest, 0),
    };
    let utc = match rest {
        "Z" | "z" => local,
        zone => {
            let (east, minutes) = offset(zone)?;
            if east { local.checked_sub(minutes * 60)? } else { local.checked_add(minutes * 60)? }
        }
    };
    Some((utc, fraction))
}

/// Whether a zone is east of Greenwich, and by how many minutes: `+01:00`.
pub(super) fn offset(text: &str) -> Option<(bool, u64)> {
    let east = match text.as_bytes().first()? {
        b'+' => true,
        b'-' => false,
        _ => return None,
    };
    let (hours, minutes) = (number(text.get(1..3)?)?, number(text.get(4..6)?)?);
    let well_formed = text.len() == 6 && text.get(3..4) == Some(":") && minutes < 60;
    (well_formed && hours * 60 + minutes <= 14 * 60).then_some((east, hours * 60 + minutes))
}

/// Microseconds of a fraction of a second, whose further digits are dropped.
fn fraction(digits: &str) -> Option<u64> {
    let (at_most_six, _) = digits.split_at_checked(6).unwrap_or((digits, ""));
    number(&format!("{at_most_six:0<6}"))
}

fn number(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_read_with_their_zone() {
        for (text, utc) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2005-04-03T20:33:31.116000-06:00", "2005-04-04T02:33:31Z"),
            ("2000-02-29T23:30:00+14:00", "2000-02-29T09:30:00Z"),
            ("2028-12-31t23:59:59.9z", "2028-12-31T23:59:59Z"),
        ] {
            assert_eq!(moment(text).map(|at| at.to_string()).as_deref(), Some(utc), "{text}");
        }
        assert_eq!(moment("1970-01-01T00:00:00.25Z"), Some(UnixMillis(250)));
        for (text, nearest) in [("00.1415Z", "00.142Z"), ("00.1425Z", "00.142Z"), ("59.9996Z", "00.000Z")] {
            let rounded = rounded(&format!("1970-01-01T00:00:{text}")).unwrap();
            assert!(rounded.ends_with(nearest), "{text}: {rounded}");
        }
    }

    #[test]
    fn malformed_moments_are_refused() {
        for text in [
            "",
            "2026-11-30",
            "2026-11-30T12:00:00",
            "2026-11-31T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-11-30T24:00:00Z",
            "2026-11-30T12:00:00.Z",
            "2026-11-30T12:00:00.+1Z",
            "2026-11-30T12:00:00+15:00",
            "2026-11-30T12:00:00+0100",
            "2026-11-30 12:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2026-11-30T12:00:0é",
            "+026-11-30T12:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_as_the_same_second(seconds in 0_u64..250_000_000_000) {
            let at = UnixMillis::from_seconds(seconds);
            prop_assert_eq!(moment(&at.to_string()), Some(at));
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "\\PC{0,30}") {
            let _ = (moment(&text), offset(&text));
        }
    }
}
