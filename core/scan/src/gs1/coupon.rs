//! North American coupons in (8110) and (8112) (GS1 US, North American Coupon Application Guideline).

use super::check::prefix;
use super::date::check_yymmdd;
use super::error::Fault;

/// A coupon code, AI (8110).
pub(super) fn check(value: &[u8]) -> Result<(), Fault> {
    let mut coupon = Fields { rest: value };
    coupon.company(0..=6)?;
    coupon.take(6)?;
    coupon.sized(1..=5, 0)?;
    coupon.purchase()?;
    if coupon.option(b'1') {
        coupon.digit(b"0123")?;
        coupon.purchase()?;
        coupon.company_or_none()?;
    }
    if coupon.option(b'2') {
        coupon.purchase()?;
        coupon.company_or_none()?;
    }
    let expiry = if coupon.option(b'3') { Some(coupon.date()?) } else { None };
    if coupon.option(b'4') {
        let start = coupon.date()?;
        if expiry.is_some_and(|expiry| start > expiry) {
            return Err(Fault::Coupon);
        }
    }
    if coupon.option(b'5') {
        coupon.sized(0..=9, 6)?;
    }
    if coupon.option(b'6') {
        coupon.company(1..=7)?;
    }
    if coupon.option(b'9') {
        coupon.digit(b"01256")?;
        coupon.digit(b"012")?;
        coupon.take(1)?;
        coupon.digit(b"01")?;
    }
    coupon.end()
}

/// A positive offer file coupon, AI (8112).
pub(super) fn check_offer(value: &[u8]) -> Result<(), Fault> {
    let mut coupon = Fields { rest: value };
    coupon.digit(b"01")?;
    coupon.sized(0..=6, 6)?;
    coupon.take(6)?;
    coupon.sized(0..=9, 6)?;
    coupon.end()
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (head, tail) = self.rest.split_at_checked(length).ok_or(Fault::Coupon)?;
        self.rest = tail;
        if head.iter().all(u8::is_ascii_digit) { Ok(head) } else { Err(Fault::NotADigit) }
    }

    fn digit(&mut self, allowed: &[u8]) -> Result<u8, Fault> {
        let digit = self.take(1)?[0];
        if allowed.contains(&digit) { Ok(digit) } else { Err(Fault::Coupon) }
    }

    /// A length digit in the range, then as many digits and some more.
    fn sized(&mut self, range: std::ops::RangeInclusive<u8>, more: usize) -> Result<&'a [u8], Fault> {
        let length = self.take(1)?[0] - b'0';
        if range.contains(&length) { self.take(usize::from(length) + more) } else { Err(Fault::Coupon) }
    }

    fn company(&mut self, range: std::ops::RangeInclusive<u8>) -> Result<(), Fault> {
        prefix(self.sized(range, 6)?)
    }

    /// Length digit 9 means that the first company stands for this purchase too.
    fn company_or_none(&mut self) -> Result<(), Fault> {
        if self.option(b'9') { Ok(()) } else { self.company(0..=6) }
    }

    /// Requirement, its code, the product family.
    fn purchase(&mut self) -> Result<(), Fault> {
        self.sized(1..=5, 0)?;
        self.digit(b"012349")?;
        self.take(3).map(|_| ())
    }

    fn date(&mut self) -> Result<&'a [u8], Fault> {
        let date = self.take(6)?;
        check_yymmdd(date).map(|()| date)
    }

    fn option(&mut self, digit: u8) -> bool {
        let present = self.rest.first() == Some(&digit);
        if present {
            self.rest = &self.rest[1..];
        }
        present
    }

    fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(Fault::Coupon) }
    }
}
