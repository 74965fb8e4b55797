//! Numbers from zero up with 32 binary places, rounded down: every machine gets the same bits.
//!
//! In scope: what the credit of notaries needs. Out of scope: negative numbers, rounding to nearest.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Sub};

/// Binary places.
const PLACES: u32 = 32;

/// A number of 32 bits before and 32 bits after the point. No operation wraps or panics: what is too large is the
/// largest number, what would be below zero is zero, a part of nothing is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Fixed(u64);

impl Fixed {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(1 << PLACES);

    /// A whole number.
    pub const fn whole(number: u32) -> Self {
        Self((number as u64) << PLACES)
    }

    /// `part / of`.
    pub fn ratio(part: u64, of: u64) -> Self {
        Self(narrow((u128::from(part) << PLACES).checked_div(u128::from(of)).unwrap_or_default()))
    }

    /// The whole number below.
    pub const fn floor(self) -> u64 {
        self.0 >> PLACES
    }

    /// The distance between two numbers.
    pub const fn distance(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}

fn narrow(wide: u128) -> u64 {
    u64::try_from(wide).unwrap_or(u64::MAX)
}

impl Add for Fixed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Fixed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul for Fixed {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(narrow((u128::from(self.0) * u128::from(other.0)) >> PLACES))
    }
}

impl Div for Fixed {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        Self::ratio(self.0, other.0)
    }
}

impl Sum for Fixed {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_no_place_is_the_nearest_that_has() {
        let most = Fixed(u64::MAX);
        assert_eq!((most + Fixed::ONE, most * most, most / Fixed(1)), (most, most, most));
        assert_eq!((Fixed::ZERO - Fixed::ONE, Fixed::ONE / Fixed::ZERO), (Fixed::ZERO, Fixed::ZERO));
        assert_eq!((Fixed::ratio(1, 3) * Fixed::whole(3)).floor(), 0, "rounded down");
        assert_eq!(Fixed::whole(7).floor(), 7);
    }

    proptest! {
        #[test]
        fn it_is_arithmetic_to_the_last_place(a in any::<u32>(), b in 1_u32..=u32::MAX) {
            let (whole, by) = (Fixed::whole(a), Fixed::whole(b));
            let back = whole / by * by;
            prop_assert!(back <= whole && whole - back <= Fixed(b.into()), "less than a place for each of {b}");
            prop_assert_eq!(whole.distance(by), (whole - by) + (by - whole));
            prop_assert_eq!((whole * Fixed::ONE, whole / Fixed::ONE), (whole, whole));
            prop_assert_eq!((whole + Fixed(1)).floor(), u64::from(a));
        }
    }
}
