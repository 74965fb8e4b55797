//! Check digits and check characters (GS1 General Specifications, sections 7.9 and 7.9.5), IBAN (ISO 13616).

use super::charset::position_in_82;
use super::error::Fault;

/// The last digit is the modulo 10 check digit of the ones before it, at any length.
pub(super) fn check_digit(value: &[u8]) -> Result<(), Fault> {
    let (last, body) = value.split_last().ok_or(Fault::TooShort)?;
    if !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::NotADigit);
    }
    if check_digit_of(body) == *last { Ok(()) } else { Err(Fault::CheckDigit) }
}

/// The check digit, as an ASCII character, that follows these ASCII digits.
fn check_digit_of(body: &[u8]) -> u8 {
    let weighed = body.iter().rev().zip([3, 1].into_iter().cycle());
    let sum = weighed.fold(0_u32, |sum, (&digit, weight)| (sum + u32::from(digit & 15) * weight) % 10);
    b'0' + u8::try_from((10 - sum) % 10).unwrap_or_default()
}

/// The last two characters are the check pair of the ones before them: weighed by primes from the right, modulo 1021,
/// split into two characters of a set of 32.
pub(super) fn check_pair(value: &[u8]) -> Result<(), Fault> {
    let Some((body, pair)) = value.split_last_chunk::<2>() else { return Err(Fault::TooShort) };
    if body.len() > PRIMES.len() {
        return Err(Fault::TooLong);
    }
    let mut sum = 0;
    for (&byte, prime) in body.iter().rev().zip(PRIMES) {
        sum += position_in_82(byte).ok_or(Fault::NotInSet82)? * prime;
    }
    let sum = sum % 1021;
    let expected = [sum >> 5, sum & 31].map(|rank| SET_32[rank as usize]);
    if *pair == expected { Ok(()) } else { Err(Fault::CheckPair) }
}

const SET_32: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

const PRIMES: [u32; 97] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347,
    349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463,
    467, 479, 487, 491, 499, 503, 509,
];

/// The check of an international bank account number, whose country code has been looked up.
pub(super) fn iban(value: &[u8]) -> Result<(), Fault> {
    // The registry's shortest is 15; the GS1 syntax tests refuse ten and below, over 34 is beyond ISO 13616.
    if !(11..=34).contains(&value.len()) {
        return Err(Fault::Iban);
    }
    let (head, tail) = value.split_at(4);
    let mut rest = 0;
    for &byte in tail.iter().chain(head) {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return Err(Fault::Iban),
        } % 97;
    }
    if rest == 1 { Ok(()) } else { Err(Fault::Iban) }
}

/// The shortest GS1 company prefix is four digits long.
pub(super) fn prefix(value: &[u8]) -> Result<(), Fault> {
    let begins = value.len() >= 4 && value[..4].iter().all(u8::is_ascii_digit);
    if begins { Ok(()) } else { Err(Fault::CompanyPrefix) }
}
