//! Base45, RFC 9285.
//!
//! The `base45` crate (3.2.0) accepts a last pair of characters above 255 and truncates it, so two texts would be read
//! as the same bytes; the RFC refuses such a text, and so do we.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The bytes as text: three characters for two bytes, two for a last single one (section 4).
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for pair in bytes.chunks(2) {
        let mut value = pair.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        for _ in 0..=pair.len() {
            text.push(char::from(ALPHABET[value % 45]));
            value /= 45;
        }
    }
    text
}

/// The bytes that a text encodes; `None` if it is malformed.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |character: &u8| ALPHABET.iter().position(|known| known == character);
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        let mut value = 0;
        for character in group.iter().rev() {
            value = value * 45 + digit(character)?;
        }
        match group.len() {
            3 => bytes.extend(u16::try_from(value).ok()?.to_be_bytes()),
            2 => bytes.push(u8::try_from(value).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn the_examples_of_the_rfc_are_written_and_read() {
        for (bytes, text) in
            [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn what_the_rfc_refuses_is_refused() {
        // Context 65535, past 255, a single character, a character outside the alphabet.
        assert_eq!(decode("FGW").as_deref(), Some(&[255, 255][..]));
        assert_eq!(decode("U5").as_deref(), Some(&[255][..]));
        for text in ["GGW", ":::", "::", "V5", "A", "BB8A", "bb8", "B\u{e4}"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
