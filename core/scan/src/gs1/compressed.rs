//! Compressed Digital Links (GS1 Digital Link: Compression, 1.0), read only: GS1 now prefers plain links.
//!
//! In scope: links compressed whole, or with the primary key left plain. Out of scope: writing them.

use super::ai::{Ai, Part};
use super::charset::Charset;
use super::error::{Gs1Error, LinkFault};
use super::raw::Raw;

const BROKEN: Gs1Error = Gs1Error::Link(LinkFault::Compressed);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Adds the elements in the bits of a base64url segment. Less than a byte may be left over, all zeros.
pub(super) fn read(segment: &str, raw: &mut Raw) -> Result<(), Gs1Error> {
    let rank = |byte: u8| {
        ALPHABET.iter().position(|&symbol| symbol == byte).and_then(|rank| u8::try_from(rank).ok())
    };
    let ranks = segment.bytes().map(rank).collect::<Option<Vec<u8>>>().ok_or(BROKEN)?;
    let mut bits = Bits { ranks: &ranks, at: 0 };
    while bits.left() > 8 {
        let (high, low) = (bits.take(4)?, bits.take(4)?);
        if high == 15 {
            raw.ignored.push(foreign(&mut bits, low)?);
            raw.check_count()?;
        } else if high < 10 && low < 10 {
            let ai = long_code(&mut bits, high, low)?;
            raw.push_plain(ai, &value(&mut bits, ai)?)?;
        } else {
            for code in together(high, low).ok_or(BROKEN)? {
                let ai = Ai::by_code(&code).ok_or(BROKEN)?;
                raw.push_plain(ai, &value(&mut bits, ai)?)?;
            }
        }
    }
    let left = bits.left();
    if bits.take(left)? == 0 { Ok(()) } else { Err(BROKEN) }
}

/// Bits in groups of six, from the most significant on.
struct Bits<'a> {
    ranks: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        self.ranks.len() * 6 - self.at
    }

    /// At most 128 bits as a number.
    fn take(&mut self, count: usize) -> Result<u128, Gs1Error> {
        if count > self.left() || count > 128 {
            return Err(BROKEN);
        }
        let bit = |at: usize| u128::from(self.ranks[at / 6] >> (5 - at % 6) & 1);
        let number = (self.at..self.at + count).fold(0, |number, at| number << 1 | bit(at));
        self.at += count;
        Ok(number)
    }

    fn take_length(&mut self, bits: usize) -> Result<usize, Gs1Error> {
        usize::try_from(self.take(bits)?).map_err(|_| BROKEN)
    }
}

/// Two digits have been read; four more bits each make the code longer until it is one.
fn long_code(bits: &mut Bits<'_>, high: u128, low: u128) -> Result<&'static Ai, Gs1Error> {
    let mut code = format!("{high}{low}");
    while code.len() <= 4 {
        if let Some(ai) = Ai::by_code(&code) {
            return Ok(ai);
        }
        code += &bits.take(4)?.to_string();
    }
    Err(BROKEN)
}

/// Codes that often come together have a byte of their own. They follow in ascending order, which is how GS1's toolkit
/// writes and reads them, whatever the order in which its table lists them.
fn together(high: u128, low: u128) -> Option<Vec<String>> {
    let last = low % 10;
    let codes = match (high, low) {
        (0, 10) => vec!["01", "22"],
        (0, 11) => vec!["01", "10"],
        (0, 12) => vec!["01", "21"],
        (0, 13) => vec!["01", "17"],
        (0, 14) => vec!["01", "7003"],
        (0, 15) => vec!["01", "30"],
        (1, 10) => vec!["01", "10", "17", "21"],
        (1, 11) => vec!["01", "15"],
        (1, 12) => vec!["01", "11"],
        (1, 13) => vec!["01", "16"],
        (1, 14) => vec!["01", "91"],
        (1, 15) => vec!["01", "10", "15"],
        (9, 10) => vec!["8010", "8011"],
        (9, 11) => vec!["8017", "8019"],
        (9, 12) => vec!["8018", "8019"],
        (9, 13) => vec!["254", "414"],
        (2, 10..=15) => return Some(vec!["01".to_owned(), format!("310{last}")]),
        (3, 10..=15) => return Some(vec!["01".to_owned(), format!("320{last}")]),
        (10, 0..=9) => return Some(vec!["01".to_owned(), format!("392{low}")]),
        (12, 0..=9) => return Some(vec!["255".to_owned(), format!("390{low}")]),
        (12, 10..=13) => return Some(vec!["255".to_owned(), format!("394{last}")]),
        _ => return None,
    };
    Some(codes.into_iter().map(str::to_owned).collect())
}

/// A part of a value as it is compressed: neighbouring parts of one kind count as one.
#[derive(Clone, Copy)]
struct Stretch {
    digits: bool,
    varies: bool,
    max: usize,
}

fn stretches(ai: &Ai) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for Part { set, min, max, optional, .. } in ai.parts {
        let next = Stretch { digits: *set == Charset::Digits, varies: *optional || min < max, max: *max };
        match all.last_mut() {
            // Text of a fixed length before text that varies has no length of its own.
            Some(last) if last.digits == next.digits && (last.varies == next.varies || !next.digits) => {
                last.max += next.max;
                last.varies |= next.varies;
            }
            _ => all.push(next),
        }
    }
    all
}

fn value(bits: &mut Bits<'_>, ai: &Ai) -> Result<Vec<u8>, Gs1Error> {
    let mut value = Vec::new();
    for Stretch { digits, varies, max } in stretches(ai) {
        let encoding = if digits { 0 } else { bits.take(3)? };
        let length = if varies { bits.take_length(width(max))? } else { max };
        if length > max {
            return Err(BROKEN);
        }
        value.extend(characters(bits, encoding, length)?);
    }
    Ok(value)
}

/// Bits that hold any number up to this.
fn width(max: usize) -> usize {
    usize::BITS.saturating_sub(max.leading_zeros()).try_into().unwrap_or_default()
}

/// Encodings 0 to 4: one decimal number, hexadecimal in small letters or capitals, base64url, ASCII.
fn characters(bits: &mut Bits<'_>, encoding: u128, length: usize) -> Result<Vec<u8>, Gs1Error> {
    let mut each = |size: usize, character: &dyn Fn(usize) -> u8| {
        (0..length).map(|_| bits.take_length(size).map(character)).collect::<Result<Vec<u8>, _>>()
    };
    match encoding {
        0 => number(bits, length),
        1 => each(4, &|rank| b"0123456789abcdef"[rank]),
        2 => each(4, &|rank| b"0123456789ABCDEF"[rank]),
        3 => each(6, &|rank| ALPHABET[rank]),
        4 => each(7, &|code| u8::try_from(code).unwrap_or_default()),
        _ => Err(BROKEN),
    }
}

/// As many digits, zeros in front kept. Longer numbers than fit are refused: no value of digits alone is that long.
fn number(bits: &mut Bits<'_>, digits: usize) -> Result<Vec<u8>, Gs1Error> {
    let limit = u32::try_from(digits).ok().and_then(|digits| 10_u128.checked_pow(digits)).ok_or(BROKEN)?;
    let number = bits.take((128 - (limit - 1).leading_zeros()) as usize)?;
    if number >= limit {
        return Err(BROKEN);
    }
    Ok(if digits == 0 { Vec::new() } else { format!("{number:0digits$}").into_bytes() })
}

/// A parameter that is not GS1 data: length of the name, name in base64url, encoding, length, value.
fn foreign(bits: &mut Bits<'_>, high: u128) -> Result<String, Gs1Error> {
    let low = bits.take(3)?;
    let name = usize::try_from(high << 3 | low).map_err(|_| BROKEN)?;
    let name = characters(bits, 3, name)?;
    let encoding = bits.take(3)?;
    let length = bits.take_length(7)?;
    let value = characters(bits, encoding, length)?;
    Ok(format!("{}={}", String::from_utf8_lossy(&name), String::from_utf8_lossy(&value)))
}
