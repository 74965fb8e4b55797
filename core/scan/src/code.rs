//! The one reader of texts: what a symbol holds, what a hand-held scanner sends, what a person types.
//!
//! In scope: a scanner's line (`]` and a symbology identifier of ISO/IEC 15424, also with the ECI protocol), brackets,
//! element strings with FNC1 as GS or, after a `^`, as `^`, Digital Links, compressed ones too, the number under an EAN
//! or UPC symbol. Out of scope: texts that need a repair, which are not trusted ([`crate::Slip`]).

use crate::gs1::{Ai, Content, GS, Gs1Error, Gtin, LinkFault, Message, Partners};
use crate::symbol::{Part, Symbol};

/// A text as it came, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    pub(crate) origin: Origin,
    /// `]` and two characters, if the text came with them.
    pub(crate) identifier: Option<String>,
    pub(crate) data: String,
    part: Option<Part>,
}

/// Where a text comes from, which decides what can have happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A symbol that the camera read: between print and text there is no keyboard.
    Camera,
    /// A person's typing, or a hand-held scanner that types.
    Text,
}

impl Code {
    /// What a person typed or a hand-held scanner sent.
    #[must_use]
    pub fn typed(text: &str) -> Code {
        match text.split_at_checked(3) {
            Some((identifier, data)) if text.starts_with(']') => Code::scanned(identifier, data),
            _ => Code { origin: Origin::Text, identifier: None, data: text.to_owned(), part: None },
        }
    }

    /// The output of a hand-held scanner, split into symbology identifier and data.
    #[must_use]
    pub fn scanned(identifier: &str, data: &str) -> Code {
        let identifier = Some(identifier.to_owned());
        Code { origin: Origin::Text, identifier, data: data.to_owned(), part: None }
    }

    /// What the text says. Web links that are no Digital Links, and other faults, are refused; any other text is plain.
    pub fn content(&self, partners: Partners) -> Result<Content, Gs1Error> {
        if let Some(part) = &self.part {
            return Err(Gs1Error::Part { number: part.number, of: part.of });
        }
        match &self.identifier {
            Some(identifier) => of_symbol(identifier, &self.data, partners),
            None => typed(&self.data, partners),
        }
    }

    /// If it is a Digital Link: what stands before the key of the message in it, such as `https://brand.example`.
    #[must_use]
    pub fn stem(&self, message: &Message) -> Option<String> {
        is_link(&self.data).then(|| message.stem(&self.data)).flatten()
    }

    /// The whole text, with the symbology identifier if it came with one.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.identifier.as_deref().unwrap_or_default(), self.data)
    }

    /// Whether it is the number of a product's bar code (EAN, UPC), which names no lot and no pack.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        matches!(self.content(Partners::OnAnyCarrier), Ok(Content::Ean(_)))
    }

    /// The same code with another text.
    pub(crate) fn with(&self, identifier: Option<String>, data: String) -> Code {
        Code { identifier, data, ..self.clone() }
    }

    /// The element strings of a code that announces them, whether or not they keep the rules.
    pub(crate) fn elements(&self) -> Option<String> {
        let Some(identifier) = self.identifier.as_deref() else {
            let data = self.data.strip_prefix('^').unwrap_or(&self.data);
            return (!is_link(data)).then(|| data.to_owned());
        };
        let announced = |identifier| matches!(identifier, "]d2" | "]d8" | "]Q3" | "]C1" | "]e0" | "]J1");
        announced(without_eci(identifier).unwrap_or(identifier)).then(|| self.plain())
    }

    /// The data without what the ECI protocol adds.
    pub(crate) fn plain(&self) -> String {
        match self.identifier.as_deref().and_then(without_eci) {
            Some(_) => without_designators(&self.data),
            None => self.data.clone(),
        }
    }

    /// Whether it is one of several symbols that make up a text.
    pub(crate) fn is_part(&self) -> bool {
        self.part.is_some()
    }
}

impl From<&Symbol> for Code {
    fn from(symbol: &Symbol) -> Code {
        Code {
            origin: Origin::Camera,
            identifier: Some(symbol.identifier.clone()),
            data: symbol.text.clone(),
            part: symbol.part.clone(),
        }
    }
}

fn of_symbol(identifier: &str, data: &str, partners: Partners) -> Result<Content, Gs1Error> {
    if let Some(plain) = without_eci(identifier) {
        return of_symbol(plain, &without_designators(data), partners);
    }
    match Content::from_symbol(identifier, data, partners) {
        Ok(Content::Plain(_)) | Err(Gs1Error::Link(_)) if is_link(data) => link(data, partners),
        other => other,
    }
}

fn typed(text: &str, partners: Partners) -> Result<Content, Gs1Error> {
    match text.as_bytes().first() {
        Some(b']') => Err(Gs1Error::NoSymbology),
        Some(b'(') => Message::from_bracketed(text, partners).map(Content::Gs1),
        Some(b'^') => {
            let elements = text[1..].replace('^', &GS.to_string());
            Message::from_element_string(&elements, partners).map(Content::Gs1)
        }
        _ if is_link(text) => link(text, partners),
        _ if begins_with_key(text.trim_start_matches(GS)) => {
            Message::from_element_string(text, partners).map(Content::Gs1)
        }
        _ => match Gtin::new(text) {
            Ok(gtin) => Ok(Content::Ean(gtin)),
            Err(_) => unannounced(text, partners)
                .map_or_else(|| Content::from_plain(text, partners), |message| Ok(Content::Gs1(message))),
        },
    }
}

/// Whether a text begins as element strings do that begin with an article or a unit: 14 or 18 digits whose check digit
/// fits are no accident.
fn begins_with_key(text: &str) -> bool {
    [("01", 16), ("00", 20)].into_iter().any(|(code, end)| {
        text.starts_with(code)
            && text
                .get(..end)
                .is_some_and(|key| Message::from_element_string(key, Partners::OnAnyCarrier).is_ok())
    })
}

/// Element strings in a text that nothing announces: all of it must be, and name an article or a unit.
pub(crate) fn unannounced(text: &str, partners: Partners) -> Option<Message> {
    Ai::at_start_of(text.as_bytes())?;
    let message = Message::from_element_string(text, partners).ok()?;
    (message.value("01").is_some() || message.value("00").is_some()).then_some(message)
}

/// Whether a text begins as web links do, in whatever case a keyboard writes that.
pub(crate) fn is_link(text: &str) -> bool {
    scheme(text).is_some()
}

fn scheme(text: &str) -> Option<usize> {
    let begins = |length| {
        text.get(..length)
            .is_some_and(|head| ["https://", "http://"].iter().any(|one| head.eq_ignore_ascii_case(one)))
    };
    ["https://".len(), "http://".len()].into_iter().find(|&length| begins(length))
}

/// A Digital Link; what web servers take for the same link is the same link: the scheme in any case, slashes at the end.
fn link(text: &str, partners: Partners) -> Result<Content, Gs1Error> {
    let at = scheme(text).unwrap_or_default();
    let text = format!("{}{}", text[..at].to_ascii_lowercase(), &text[at..]);
    let refusal = match Message::from_link(&text, partners) {
        Err(refusal @ Gs1Error::Link(LinkFault::NoKey | LinkFault::Path)) => refusal,
        read => return read.map(Content::Gs1),
    };
    let (path, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && !rest.contains('\0') {
        return link(&format!("{trimmed}{rest}"), partners).map_err(|_| refusal);
    }
    // Any short path may look like a compressed link, so a link is read as one only if it names no key.
    match refusal {
        Gs1Error::Link(LinkFault::NoKey) => {
            Message::from_compressed_link(&text, partners).map(Content::Gs1).map_err(|_| refusal)
        }
        _ => Err(refusal),
    }
}

/// The identifier that the same symbol has without the ECI protocol; `None` if this one does not announce it.
fn without_eci(identifier: &str) -> Option<&'static str> {
    Some(match identifier {
        "]Q2" => "]Q1",
        "]Q4" => "]Q3",
        "]d4" => "]d1",
        "]d5" => "]d2",
        "]dA" => "]d7",
        "]dB" => "]d8",
        "]J3" => "]J0",
        "]J4" => "]J1",
        _ => return None,
    })
}

/// The text behind the ECI protocol (AIM ECI, section 5): a designator is `\` and six digits, a `\` of the data is
/// doubled. GS1 data and links are ASCII, which all character sets that GS1 permits have in common.
fn without_designators(data: &str) -> String {
    let mut text = String::with_capacity(data.len());
    let mut rest = data;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let designator =
            after.get(..6).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        rest = if designator {
            &after[6..]
        } else {
            text.push('\\');
            after.strip_prefix('\\').unwrap_or(after)
        };
    }
    text + rest
}
