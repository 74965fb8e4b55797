//! Pharmacy Product Numbers in Data Matrix codes of format 06 (IFA Coding System, Code Specification for Retail
//! Packages; ISO/IEC 15434 envelope, ASC MH10 data identifiers).
//!
//! In scope: recognising such a pack and reading its data. Out of scope: writing one.

use crate::gs1::{Date, GS, Gtin};
use crate::product::Product;

/// How the content of such a symbol begins.
pub(crate) const PREFIX: &str = "[)>\u{1e}06\u{1d}";

/// A pack numbered by IFA. Its number is not a GTIN; some packs have a GTIN too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ppn {
    /// The number with its two check digits, data identifier 9N.
    pub number: String,
    /// The batch, 1T, as it stands.
    pub lot: Option<String>,
    /// The serial number, S, as it stands.
    pub serial: Option<String>,
    /// The expiry day, D.
    pub expiry: Option<Date>,
    /// The article's GTIN, if the pack has it, 8P.
    pub gtin: Option<Gtin>,
}

impl Ppn {
    /// Reads the whole content of a symbol; `None` when it is not such a pack or its number is wrong.
    #[must_use]
    pub fn read(text: &str, current_year: u16) -> Option<Ppn> {
        let fields = text.strip_prefix(PREFIX)?.trim_end_matches(['\u{1e}', '\u{4}']);
        let field = |identifier| fields.split(GS).find_map(|field: &str| field.strip_prefix(identifier));
        let number = field("9N").filter(|number| is_ppn(number))?.to_owned();
        Some(Ppn {
            number,
            lot: field("1T").map(str::to_owned),
            serial: field("S").map(str::to_owned),
            expiry: field("D").and_then(|digits| Date::from_yymmdd(digits, current_year).ok()),
            gtin: field("8P").and_then(|digits| Gtin::new(digits).ok()),
        })
    }

    /// The product, if the pack has a GTIN, and batch and serial number that a GS1 code can have. What cannot be read is
    /// not left out: without its serial the pack would pass for any other of its lot.
    #[must_use]
    pub fn product(&self) -> Option<Product> {
        let Ppn { lot, serial, expiry, gtin, .. } = self.clone();
        let gtin = gtin.filter(|_| self.fault().is_none())?;
        Some(Product { gtin, lot, serial, expiry })
    }

    /// What is wrong with the batch or the serial number, in English.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let wrong = |value: &Option<String>| value.as_deref().is_some_and(|value| !is_short(value));
        if wrong(&self.serial) {
            Some("its serial number (S) is not 1 to 20 printed characters")
        } else if wrong(&self.lot) {
            Some("its batch (1T) is not 1 to 20 printed characters")
        } else {
            None
        }
    }
}

/// As long as a GS1 lot or serial, in characters that are printed.
fn is_short(value: &str) -> bool {
    (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Two characters of agency, up to 18 of article number, two check digits: the codes of the characters weighed by 2, 3,
/// 4 and so on, modulo 97.
fn is_ppn(number: &str) -> bool {
    let Some((body, digits)) = number.len().checked_sub(2).and_then(|at| number.split_at_checked(at)) else {
        return false;
    };
    let sum = body.bytes().zip(2_u32..).fold(0, |sum, (byte, weight)| sum + u32::from(byte) * weight);
    let written = body.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    (3..=20).contains(&body.len()) && written && digits == format!("{:02}", sum % 97)
}
