//! Deterministic CBOR (RFC 8949 section 4.2.1): the form in which we write, and the only one accepted for our
//! statements.
//!
//! In scope: one bounded pass that accepts a single item with shortest heads, definite lengths and sorted unique map
//! keys. Out of scope: floating point and the simple values we never write.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// Deepest nesting that a statement of ours may have; the payload map, its body and a list inside it need three.
pub(crate) const MAX_DEPTH: u8 = 8;

/// Why bytes are not in our own deterministic form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The input ends inside the item.
    #[error("CBOR item is cut short")]
    Truncated,
    /// Bytes follow the item.
    #[error("bytes follow the CBOR item")]
    Trailing,
    /// A length or integer is written in more bytes than it needs.
    #[error("CBOR head is not in its shortest form")]
    NotShortest,
    /// A string, array or map of indefinite length.
    #[error("CBOR item has indefinite length")]
    Indefinite,
    /// Map keys are not in bytewise order, or one occurs twice.
    #[error("CBOR map keys are not sorted and unique")]
    KeyOrder,
    /// A type that our format never uses: floating point, undefined, a reserved head.
    #[error("CBOR type is not part of the format")]
    Type,
    /// Nested deeper than the format ever goes.
    #[error("CBOR item is nested too deeply")]
    Depth,
    /// Text that is not UTF-8.
    #[error("CBOR text is not UTF-8")]
    Utf8,
}

/// Accepts `bytes` if they are exactly one item in deterministic form.
pub fn check_deterministic(bytes: &[u8]) -> Result<(), CborError> {
    match skip_item(bytes, MAX_DEPTH)?.len() {
        0 => Ok(()),
        _ => Err(CborError::Trailing),
    }
}

/// Checks the item at the start of `bytes` and returns what follows it.
fn skip_item(bytes: &[u8], depth: u8) -> Result<&[u8], CborError> {
    let depth = depth.checked_sub(1).ok_or(CborError::Depth)?;
    let (major, value, rest) = head(bytes)?;
    match major {
        0 | 1 => Ok(rest),
        2 => Ok(take(rest, value)?.1),
        3 => {
            let (text, rest) = take(rest, value)?;
            std::str::from_utf8(text).map_err(|_| CborError::Utf8)?;
            Ok(rest)
        }
        4 => skip_items(rest, value, depth),
        5 => skip_map(rest, value, depth),
        6 => skip_item(rest, depth),
        // false, true, null
        7 if (20..=22).contains(&value) && bytes[0] & 0x1f < 24 => Ok(rest),
        _ => Err(CborError::Type),
    }
}

fn skip_items(mut bytes: &[u8], count: u64, depth: u8) -> Result<&[u8], CborError> {
    for _ in 0..count {
        bytes = skip_item(bytes, depth)?;
    }
    Ok(bytes)
}

fn skip_map(mut bytes: &[u8], pairs: u64, depth: u8) -> Result<&[u8], CborError> {
    let mut last_key: &[u8] = &[];
    for _ in 0..pairs {
        let after_key = skip_item(bytes, depth)?;
        let key = &bytes[..bytes.len() - after_key.len()];
        if key <= last_key {
            return Err(CborError::KeyOrder);
        }
        last_key = key;
        bytes = skip_item(after_key, depth)?;
    }
    Ok(bytes)
}

/// Reads an item's head: major type, argument, rest.
fn head(bytes: &[u8]) -> Result<(u8, u64, &[u8]), CborError> {
    let (&first, rest) = bytes.split_first().ok_or(CborError::Truncated)?;
    let (major, info) = (first >> 5, first & 0x1f);
    let width = match info {
        0..=23 => return Ok((major, u64::from(info), rest)),
        24..=27 => 1usize << (info - 24),
        31 => return Err(CborError::Indefinite),
        _ => return Err(CborError::Type),
    };
    if major == 7 {
        return Err(CborError::Type);
    }
    let (argument, rest) = take(rest, width as u64)?;
    let value = argument.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let least = [24, 1 << 8, 1 << 16, 1 << 32][usize::from(info - 24)];
    if value < least { Err(CborError::NotShortest) } else { Ok((major, value, rest)) }
}

fn take(bytes: &[u8], count: u64) -> Result<(&[u8], &[u8]), CborError> {
    let count = usize::try_from(count).map_err(|_| CborError::Truncated)?;
    bytes.split_at_checked(count).ok_or(CborError::Truncated)
}

/// What a write into memory returns; it cannot fail.
pub type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

/// Encodes into memory, which cannot fail.
pub fn encode(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Written) -> Vec<u8> {
    encode_into(Vec::new(), write)
}

/// As [`encode`], appending to `bytes`.
pub fn encode_into(mut bytes: Vec<u8>, write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Written) -> Vec<u8> {
    // safe: a `Vec` accepts every write, and we encode no type of our own that can refuse.
    let _ = write(&mut Encoder::new(&mut bytes));
    bytes
}

/// The raw bytes of the next item, wherever it ends. Bounded by the input; iterative, so nesting costs no stack.
pub(crate) fn raw_item<'b>(decoder: &mut Decoder<'b>) -> Result<&'b [u8], minicbor::decode::Error> {
    let start = decoder.position();
    decoder.skip()?;
    Ok(&decoder.input()[start..decoder.position()])
}

/// Whether the next item is `null`, which is then consumed.
pub(crate) fn take_null(decoder: &mut Decoder<'_>) -> Result<bool, minicbor::decode::Error> {
    let null = decoder.datatype()? == Type::Null;
    if null {
        decoder.null()?;
    }
    Ok(null)
}

/// Reads an item, or `null`, which is `Some(None)`.
pub fn optional<'b, T>(
    decoder: &mut Decoder<'b>,
    read: impl FnOnce(&mut Decoder<'b>) -> Option<T>,
) -> Option<Option<T>> {
    if take_null(decoder).ok()? { Some(None) } else { read(decoder).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deterministic_items_pass() {
        for item in [
            &[0x00][..],
            &[0x18, 24],
            &[0x43, 1, 2, 3],
            &[0xa2, 1, 0x61, b'a', 0x20, 0x80],
            &[0xf6],
            &[0xd2, 0x80],
        ] {
            assert_eq!(check_deterministic(item), Ok(()), "{item:02x?}");
        }
    }

    #[test]
    fn every_other_form_has_its_reason() {
        let deep = vec![0x81; 100_000];
        for (item, reason) in [
            (&[][..], CborError::Truncated),
            (&[0x42, 1], CborError::Truncated),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], CborError::Truncated),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], CborError::Truncated),
            (&[0, 0], CborError::Trailing),
            (&[0x18, 23], CborError::NotShortest),
            (&[0x19, 0, 255], CborError::NotShortest),
            (&[0x1a, 0, 0, 255, 255], CborError::NotShortest),
            (&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255], CborError::NotShortest),
            (&[0x5f, 0x41, 0, 0xff], CborError::Indefinite),
            (&[0x9f, 0xff], CborError::Indefinite),
            (&[0xa2, 2, 0, 1, 0], CborError::KeyOrder),
            (&[0xa2, 1, 0, 1, 0], CborError::KeyOrder),
            (&[0xf9, 0, 0], CborError::Type),
            (&[0xf7], CborError::Type),
            (&[0xf8, 20], CborError::Type),
            (&[0x1c], CborError::Type),
            (&[0x61, 0xff], CborError::Utf8),
            (&deep, CborError::Depth),
        ] {
            assert_eq!(check_deterministic(item), Err(reason), "{:02x?}", &item[..item.len().min(9)]);
        }
    }
}
