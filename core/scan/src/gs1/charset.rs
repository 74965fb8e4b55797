//! Character sets of values (GS1 General Specifications, section 7.11).

use super::error::Fault;

/// The character set of a part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Digits only.
    Digits,
    /// GS1 AI encodable character set 82: the invariant characters of ISO/IEC 646.
    Set82,
    /// GS1 AI encodable character set 39: digits, capitals, `#`, `-` and `/`.
    Set39,
    /// GS1 AI encodable character set 64: base64url (RFC 4648 section 5).
    Base64Url,
}

impl Charset {
    /// Whether every byte belongs to the set.
    pub fn check(self, value: &[u8]) -> Result<(), Fault> {
        let (body, fault) = match self {
            Charset::Digits => (value, Fault::NotADigit),
            Charset::Set82 => (value, Fault::NotInSet82),
            Charset::Set39 => (value, Fault::NotInSet39),
            Charset::Base64Url => (unpadded(value)?, Fault::NotBase64Url),
        };
        if body.iter().all(|&byte| self.contains(byte)) { Ok(()) } else { Err(fault) }
    }

    fn contains(self, byte: u8) -> bool {
        match self {
            Charset::Digits => byte.is_ascii_digit(),
            Charset::Set82 => position_in_82(byte).is_some(),
            Charset::Set39 => byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte),
            Charset::Base64Url => byte.is_ascii_alphanumeric() || b"-_".contains(&byte),
        }
    }
}

/// The rank of a character within set 82, which the check characters weigh by.
pub(super) fn position_in_82(byte: u8) -> Option<u32> {
    const SET: &[u8; 82] =
        b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    SET.binary_search(&byte).ok().and_then(|rank| u32::try_from(rank).ok())
}

/// Padding may end the value when it makes the length a multiple of three, as the GS1 syntax tests count it.
fn unpadded(value: &[u8]) -> Result<&[u8], Fault> {
    let length = value.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let (body, pads) = value.split_at(length);
    let fits = pads.is_empty() || (pads.len() <= 2 && value.len().is_multiple_of(3));
    if fits { Ok(body) } else { Err(Fault::Padding) }
}

/// A decimal number of at most 18 digits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
    all_digits.then(|| digits.iter().fold(0, |sum, &digit| sum * 10 + u64::from(digit - b'0')))
}
