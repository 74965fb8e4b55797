//! Global Trade Item Numbers (GS1 General Specifications, section 3.3.2).

use super::check::check_digit;
use super::error::Gs1Error;

/// A GTIN as fourteen digits with a correct check digit, whatever its printed length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin([u8; 14]);

impl Gtin {
    /// Reads 8, 12, 13 or 14 digits; shorter ones are filled up with zeros in front.
    pub fn new(digits: &str) -> Result<Gtin, Gs1Error> {
        let digits = digits.as_bytes();
        if !matches!(digits.len(), 8 | 12 | 13 | 14) || check_digit(digits).is_err() {
            return Err(Gs1Error::NotAGtin);
        }
        let mut all = [b'0'; 14];
        all[14 - digits.len()..].copy_from_slice(digits);
        Ok(Gtin(all))
    }

    /// Fourteen digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // There are only digits, so the alternative is unreachable.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Gtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Gtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gtin({})", self.as_str())
    }
}

impl std::str::FromStr for Gtin {
    type Err = Gs1Error;

    fn from_str(digits: &str) -> Result<Gtin, Gs1Error> {
        Gtin::new(digits)
    }
}
