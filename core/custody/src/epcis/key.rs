//! The names of goods in events.
//!
//! In scope: trade items and logistic units, as GS1 Digital Links (under any domain, which has no meaning) and as EPC
//! URNs (TDS 2.0: `sgtin`, `lgtin`, `sscc`, and the pattern of a whole class). Out of scope: other keys, and links with
//! attributes.

use countersign_ledger::Subject;

use crate::lot::MAX_SERIAL;

/// The named goods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// A class, a lot, or a pack; texts as printed on the label.
    Item { gtin: String, lot: Option<String>, serial: Option<String> },
    /// A logistic unit.
    Unit { sscc: String },
}

impl Key {
    /// Reads a name; `None` if it names no goods.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("urn:epc:") {
            Some(urn) => Self::from_urn(urn),
            None => Self::from_link(text),
        }
    }

    /// Its name in an event: a pack's has no lot.
    pub(super) fn epc(&self) -> String {
        match self {
            Self::Item { gtin, serial: Some(serial), .. } => link(gtin, None, Some(serial)),
            Self::Item { gtin, lot, serial: None } => link(gtin, lot.as_deref(), None),
            Self::Unit { sscc } => format!("{DOMAIN}/00/{sscc}"),
        }
    }

    /// The subject in the ledger; `None` if it is longer than a subject may be.
    pub(super) fn subject(&self) -> Option<Subject> {
        match self {
            Self::Item { gtin, lot, serial } => {
                Subject::new(link(gtin, lot.as_deref(), serial.as_deref())).ok()
            }
            Self::Unit { .. } => Subject::new(self.epc()).ok(),
        }
    }

    /// Company prefix, reference and serial part, joined by dots.
    fn from_urn(urn: &str) -> Option<Self> {
        let known = ["id:sgtin", "class:lgtin", "idpat:sgtin", "id:sscc"];
        let (scheme, rest) =
            known.iter().find_map(|scheme| Some((*scheme, urn.strip_prefix(scheme)?.strip_prefix(':')?)))?;
        let mut parts = rest.splitn(3, '.');
        let (prefix, reference, serial) = (parts.next()?, parts.next()?, parts.next());
        let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
        if !(6..=12).contains(&prefix.len()) || !digits(prefix) || !digits(reference) {
            return None;
        }
        // The reference's first digit is the indicator, or the extension, which comes before the prefix in the number.
        let (first, reference) = reference.split_at_checked(1)?;
        let body = format!("{first}{prefix}{reference}");
        let number = format!("{body}{}", check_digit(&body)?);
        match (scheme, serial) {
            ("id:sscc", None) if number.len() == 18 => Some(Self::Unit { sscc: number }),
            (_, Some(serial)) if number.len() == 14 => {
                let text = || value(serial);
                let (lot, serial) = match (scheme, serial) {
                    ("id:sgtin", _) => (None, Some(text()?)),
                    ("class:lgtin", _) => (Some(text()?), None),
                    ("idpat:sgtin", "*") => (None, None),
                    _ => return None,
                };
                Some(Self::Item { gtin: number, lot, serial })
            }
            _ => None,
        }
    }

    fn from_link(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
        // Attributes and fragments are not part of a name.
        if rest.contains(['?', '#']) {
            return None;
        }
        let mut path = rest.split('/').skip(1).skip_while(|segment| !matches!(*segment, "00" | "01"));
        if path.next()? == "00" {
            let sscc = path.next()?.to_owned();
            let whole = path.next().is_none() && sscc.len() == 18 && is_checked(&sscc);
            return whole.then_some(Self::Unit { sscc });
        }
        let gtin = format!("{:0>14}", path.next()?);
        if gtin.len() != 14 || !is_checked(&gtin) {
            return None;
        }
        let (mut lot, mut serial) = (None, None);
        while let Some(code) = path.next() {
            let value = value(path.next()?)?;
            match code {
                "10" if lot.is_none() && serial.is_none() => lot = Some(value),
                "21" if serial.is_none() => serial = Some(value),
                _ => return None,
            }
        }
        Some(Self::Item { gtin, lot, serial })
    }
}

/// A GS1 key as the link that the event hash takes, with nothing finer than the key and its serial part; `None` if the
/// text names none. Keys that are not goods are not checked.
pub(super) fn canonical(text: &str) -> Option<String> {
    if let Some(key) = Key::parse(text) {
        return Some(key.epc());
    }
    if let Some(rest) = text.strip_prefix("urn:epc:id:") {
        return other(rest);
    }
    let path = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let begins =
        |part: &&str| OTHERS.iter().any(|(_, code, ..)| code == part) || matches!(*part, "00" | "01");
    let at = parts.iter().position(begins)?;
    let number = parts.get(at + 1)?;
    number.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("{DOMAIN}/{}", parts[at..].join("/")))
}

/// Keys of other things: as a URN, as a link, how many digits they have before their check digit, and what joins the serial
/// part.
const OTHERS: [(&str, &str, usize, &str); 9] = [
    ("sgln", "414", 12, "/254/"),
    ("pgln", "417", 12, ""),
    ("gsrn", "8018", 17, ""),
    ("gsrnp", "8017", 17, ""),
    ("gdti", "253", 12, ""),
    ("sgcn", "255", 12, ""),
    ("gsin", "402", 16, ""),
    ("giai", "8004", 0, ""),
    ("ginc", "401", 0, ""),
];

fn other(urn: &str) -> Option<String> {
    let (scheme, rest) = urn.split_once(':')?;
    let (_, code, digits, join) = OTHERS.iter().find(|(known, ..)| *known == scheme)?;
    let (prefix, rest) = rest.split_once('.')?;
    let escaped: String = if *digits == 0 {
        // No check digit: the rest is the reference.
        format!("{prefix}{rest}")
    } else {
        let (reference, serial) = rest.split_once('.').map_or((rest, None), |(a, b)| (a, Some(b)));
        let body = format!("{prefix}{reference}");
        if body.len() != *digits {
            return None;
        }
        let number = format!("{body}{}", check_digit(&body)?);
        match serial.filter(|serial| *serial != "0" || join.is_empty()) {
            Some(serial) => format!("{number}{join}{serial}"),
            None => number,
        }
    };
    Some(format!("{DOMAIN}/{code}/{escaped}"))
}

const DOMAIN: &str = "https://id.gs1.org";

fn link(gtin: &str, lot: Option<&str>, serial: Option<&str>) -> String {
    let mut link = format!("{DOMAIN}/01/{gtin}");
    for (code, value) in [("10", lot), ("21", serial)] {
        if let Some(value) = value {
            link.extend(["/", code, "/"]);
            link.extend(value.bytes().map(escaped));
        }
    }
    link
}

/// Canonical: everything but unreserved characters is escaped.
fn escaped(byte: u8) -> String {
    match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// A lot or serial number without its escapes.
fn value(escaped: &str) -> Option<String> {
    let (mut value, mut rest) = (String::new(), escaped.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let byte = if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            rest = &after[2..];
            if digits.starts_with('+') {
                return None;
            }
            u8::from_str_radix(digits, 16).ok()?
        } else {
            rest = after;
            first
        };
        value.push(char::from(byte));
        if value.len() > MAX_SERIAL {
            return None;
        }
    }
    is_value(&value).then_some(value)
}

/// Whether a text can be a lot or a serial number: 1 to 20 characters of GS1's set 82 (General Specifications, figure
/// 7.11-1).
pub(super) fn is_value(text: &str) -> bool {
    let known = |c: u8| c.is_ascii_graphic() && !b"#$@[\\]^`{|}~".contains(&c);
    (1..=MAX_SERIAL).contains(&text.len()) && text.bytes().all(known)
}

/// Whether the last digit of a GS1 key is its check digit.
fn is_checked(number: &str) -> bool {
    let cut = number.len().checked_sub(1).and_then(|at| number.split_at_checked(at));
    cut.is_some_and(|(body, last)| check_digit(body).is_some_and(|digit| last == digit.to_string()))
}

/// The check digit after these digits (GS1 General Specifications section 7.9); `None` if they are not digits.
fn check_digit(body: &str) -> Option<u32> {
    let digits = body.chars().rev().map(|c| c.to_digit(10)).collect::<Option<Vec<_>>>()?;
    let sum: u32 =
        digits.iter().enumerate().map(|(at, digit)| if at % 2 == 0 { 3 * digit } else { *digit }).sum();
    Some((10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subject(text: &str) -> Option<String> {
        Some(Key::parse(text)?.subject()?.as_str().to_owned())
    }

    #[test]
    fn names_of_goods_are_subjects_in_whatever_form_they_come() {
        // The first two are examples of EPCIS 2.0, section 9.6.1, in both of its forms.
        for (text, expected) in [
            ("urn:epc:id:sgtin:0614141.107346.2017", "01/10614141073464/21/2017"),
            ("https://id.gs1.org/01/70614141123451/21/2018", "01/70614141123451/21/2018"),
            ("urn:epc:class:lgtin:4012345.012345.998877", "01/04012345123456/10/998877"),
            ("urn:epc:idpat:sgtin:4012345.012345.*", "01/04012345123456"),
            ("urn:epc:id:sscc:0614141.1234567890", "00/106141412345678908"),
            ("urn:epc:id:sgtin:0614141.107346.a:b", "01/10614141073464/21/a%3Ab"),
            ("https://brand.example/shop/01/9506000134352/10/A%2FB", "01/09506000134352/10/A%2FB"),
            ("https://id.gs1.org/01/09506000134352/10/a+b/21/c", "01/09506000134352/10/a%2Bb/21/c"),
            ("urn:epc:id:sgtin:950600013.0435.a%2Fb", "01/09506000134352/21/a%2Fb"),
        ] {
            assert_eq!(subject(text), Some(format!("{DOMAIN}/{expected}")), "{text}");
        }
    }

    #[test]
    fn names_of_other_things_are_refused() {
        for text in [
            "",
            "https://id.gs1.org/01/09506000134353/10/L",
            "https://id.gs1.org/01/09506000134352/21/S/10/L",
            "https://id.gs1.org/01/09506000134352/10/L/10/L",
            "https://id.gs1.org/01/09506000134352/22/X",
            "https://id.gs1.org/01/09506000134352/10/",
            "https://id.gs1.org/01/09506000134352/10/%2",
            "https://id.gs1.org/01/09506000134352/10/%+1",
            "https://id.gs1.org/01/09506000134352/10/A%20B",
            "https://id.gs1.org/01/09506000134352/10/A%23B",
            "https://id.gs1.org/01/09506000134352/10/123456789012345678901",
            "https://id.gs1.org/01/09506000134352?17=281130",
            "https://id.gs1.org/00/106141412345678909",
            "https://id.gs1.org/414/9506000134352",
            "urn:epc:id:sgtin:0614141.107346",
            "urn:epc:id:sgtin:0614141.10734.1",
            "urn:epc:id:sgtin:061414x.107346.1",
            "urn:epc:id:sgln:0614141.07346.1234",
            "urn:epc:idpat:sgtin:0614141.107346.1",
            "ftp://id.gs1.org/01/09506000134352",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_subject_is_read_as_itself(lot in "[!\"%-?A-Z_a-z]{1,20}", serial in "[!\"%-?A-Z_a-z]{1,20}") {
            let key = Key::Item { gtin: "09506000134352".into(), lot: Some(lot), serial: Some(serial) };
            prop_assert_eq!(Key::parse(key.subject().unwrap().as_str()), Some(key));
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "(urn:epc:(id|class|idpat):[a-z]{4,5}:|https://a/0[01]/)?\\PC{0,40}") {
            let _ = Key::parse(&text);
        }
    }
}
