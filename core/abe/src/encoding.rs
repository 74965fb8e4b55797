//! Encodings: a suite byte, then fields in a fixed order. Each thing has one encoding; any other bytes are refused.

use crate::policy::PolicyError;

/// FAME on BLS12-381 with a full Fujisaki-Okamoto transform.
pub(crate) const SUITE: u8 = 1;

/// Why bytes are no key or no encapsulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Written for another suite, or none.
    #[error("another suite, or none")]
    Suite,
    /// Bytes are missing.
    #[error("bytes are missing")]
    Truncated,
    /// Bytes follow the end.
    #[error("bytes follow the end")]
    Trailing,
    /// A point or an element of GT is not what its encoding may be: on the curve, in the group, not neutral, written in one way.
    #[error("a point that is not in its group, or is neutral")]
    Point,
    /// The attributes of a key are none, too many, not canonical, or not in ascending order.
    #[error("the attributes are not canonical and in ascending order")]
    Attributes,
    /// The policy's text is no policy.
    #[error("the policy: {0}")]
    Policy(#[from] PolicyError),
    /// The policy's text is not the canonical one.
    #[error("the policy's text is not canonical")]
    NotCanonical,
}

/// Reads fields one after the other.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Behind the suite byte.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        match bytes {
            [SUITE, rest @ ..] => Ok(Self(rest)),
            _ => Err(FormatError::Suite),
        }
    }

    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], FormatError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(FormatError::Truncated)?;
        self.0 = rest;
        Ok(array)
    }

    /// A text behind its length in two bytes; nothing where it is no UTF-8.
    pub fn text(&mut self) -> Result<Option<&'a str>, FormatError> {
        let len = usize::from(u16::from_be_bytes(*self.array()?));
        let (text, rest) = self.0.split_at_checked(len).ok_or(FormatError::Truncated)?;
        self.0 = rest;
        Ok(str::from_utf8(text).ok())
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn end(self) -> Result<(), FormatError> {
        if self.0.is_empty() { Ok(()) } else { Err(FormatError::Trailing) }
    }
}

/// A text behind its length in two bytes. No text of ours is longer.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
