//! What a statement is about, and what kind of statement it is.

use std::fmt;

/// Longest subject: a Digital Link with the longest lot and serial, percent-encoded, is 165 characters.
const MAX_SUBJECT: usize = 240;
/// Longest kind name.
const MAX_KIND: usize = 48;
/// The beginning of every canonical GS1 Digital Link; the domain is an identifier, never an address.
const DIGITAL_LINK: &str = "https://id.gs1.org/";
/// The beginning of our URNs; the sort and the name of the matter follow.
const OWN_URN: &str = "urn:countersign:";

/// Why text is not a subject or a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than the format allows.
    #[error("the name's length is outside the format")]
    Length,
    /// A character that is not allowed.
    #[error("the name has a character outside the format")]
    Character,
    /// Neither a canonical GS1 Digital Link, a SPIFFE ID nor a URN.
    #[error("a subject is a canonical GS1 Digital Link, a SPIFFE ID or a URN")]
    Scheme,
}

/// The subject of a statement: a canonical GS1 Digital Link for a product class, lot, pack or logistic unit, a SPIFFE ID
/// for a member, a URN for the rest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject(String);

impl Subject {
    /// Reads a subject. Its Digital Link is taken as given: equal subjects are equal texts.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_SUBJECT {
            return Err(NameError::Length);
        }
        let forbidden =
            |c| matches!(c, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'?' | b'#');
        if !text.bytes().all(|c| c.is_ascii_graphic() && !forbidden(c)) {
            return Err(NameError::Character);
        }
        let known = [DIGITAL_LINK, "spiffe://", "urn:"].iter().any(|scheme| text.starts_with(scheme));
        if known { Ok(Self(text)) } else { Err(NameError::Scheme) }
    }

    /// The text, as written in statements.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject this one is listed under in the subject index, by its scheme: a pack under its lot, a lot under its product
    /// class; what is under `urn:countersign:<sort>:<name>:` under that record, device or licence; anything else under
    /// itself. One range proof over a family shows all its members and that there are no others.
    pub fn family(&self) -> &str {
        if self.0.starts_with(OWN_URN) {
            let end = self.0.match_indices(':').nth(3).map_or(self.0.len(), |(end, _)| end);
            return &self.0[..end];
        }
        let Some(path) = self.0.strip_prefix(DIGITAL_LINK) else { return &self.0 };
        match path.rmatch_indices('/').nth(1) {
            Some((end, _)) => &self.0[..DIGITAL_LINK.len() + end],
            None => &self.0,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of a statement, such as `medicine.recall`. A kind is its own signing namespace: it stands in the protected
/// content type, so a signature over one kind can never be read as another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind(String);

impl Kind {
    /// Reads a kind: lower-case words joined by `.` and `-`.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() || name.len() > MAX_KIND {
            return Err(NameError::Length);
        }
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if name.split(['.', '-']).all(word) { Ok(Self(name)) } else { Err(NameError::Character) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The content type that carries the kind, with the version of its payload format.
    pub fn content_type(&self) -> String {
        format!("{PREFIX}{}{SUFFIX}", self.0)
    }

    /// The kind that a content type names.
    pub fn from_content_type(text: &str) -> Option<Self> {
        Self::new(text.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?).ok()
    }
}

const PREFIX: &str = "application/vnd.countersign.";
const SUFFIX: &str = ".v1+cbor";

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_belong_to_lots_lots_to_classes_and_threads_to_records() {
        let family = |text: &str| Subject::new(text).unwrap().family().to_owned();
        let class = "https://id.gs1.org/01/09506000134352";
        assert_eq!(family(&format!("{class}/10/L1/21/S1")), format!("{class}/10/L1"));
        assert_eq!(family(&format!("{class}/10/L1")), class);
        assert_eq!(family(class), class);
        assert_eq!(family("urn:example:a/b/c:d:e"), "urn:example:a/b/c:d:e");
        assert_eq!(family("urn:countersign:record:77:request:1"), "urn:countersign:record:77");
        assert_eq!(family("urn:countersign:record:77"), "urn:countersign:record:77");
        assert_eq!(family("urn:countersign:record"), "urn:countersign:record");
        assert_eq!(family("spiffe://meds.example/supplier/ms"), "spiffe://meds.example/supplier/ms");
    }

    #[test]
    fn other_text_names_no_subject() {
        assert_eq!(Subject::new(""), Err(NameError::Length));
        assert_eq!(Subject::new(format!("urn:{}", "x".repeat(240))), Err(NameError::Length));
        assert_eq!(Subject::new("urn:a b"), Err(NameError::Character));
        assert_eq!(Subject::new("https://id.gs1.org/01/1?17=1"), Err(NameError::Character));
        assert_eq!(Subject::new("https://elsewhere.example/01/1"), Err(NameError::Scheme));
    }

    #[test]
    fn kinds_are_read_back_from_their_content_type() {
        let kind = Kind::new("medicine.material-request").unwrap();
        assert_eq!(kind.content_type(), "application/vnd.countersign.medicine.material-request.v1+cbor");
        assert_eq!(Kind::from_content_type(&kind.content_type()), Some(kind));
        for text in ["", "A", "a..b", "a.", "-a", "a/b", &"a".repeat(49)] {
            assert!(Kind::new(text).is_err(), "{text}");
        }
        assert_eq!(Kind::from_content_type("application/json"), None);
    }
}
