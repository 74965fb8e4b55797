//! URIs (RFC 3986), as far as EPCIS cares.

/// Whether a text is a URI (RFC 3986): a scheme, and characters that may stand in one.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let scheme = begins && letters.all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
        let escape = byte == b'%'
            && [bytes.next(), bytes.next()].iter().all(|c| c.is_some_and(|c| c.is_ascii_hexdigit()));
        if !plain && !escape {
            return false;
        }
    }
    scheme && rest.bytes().filter(|c| *c == b'#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_scheme_and_no_blank() {
        for text in ["urn:epc:id:sgtin:1.2.%2F", "geo:1,-2", "x:y", "https://a.example/b?c=d#e", "a+b-c.d:"] {
            assert!(is_uri(text), "{text}");
        }
        for text in ["", "x", ":x", "1x:y", "x:a b", "x:%2", "x:%zz", "x:ä", "x:<>", "my_x:y", "x:a#b#c"] {
            assert!(!is_uri(text), "{text}");
        }
    }
}
