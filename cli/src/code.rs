//! The text of a code, as people type it and as hand-held scanners send it.

use countersign_scan::gs1::{Content, Gs1Error, LinkFault, Message, Partners};

/// The separator of a symbol (FNC1) on its way through a keyboard.
const GS: &str = "\u{1d}";

/// Reads a text by its first character: `]` a scanner's line, `(` brackets, `^` element strings with `^` for FNC1,
/// otherwise a Digital Link or text that is not GS1 data.
pub fn read(text: &str, partners: Partners) -> Result<Content, Gs1Error> {
    match text.as_bytes().first() {
        Some(b']') => Content::from_line(text, partners),
        Some(b'(') => Message::from_bracketed(text, partners).map(Content::Gs1),
        Some(b'^') => carets(text, partners),
        _ => match Content::from_plain(text, partners) {
            // Any short path may look like a compressed link, so a link is read as one only if it names no key.
            Err(Gs1Error::Link(LinkFault::NoKey)) => Message::from_compressed_link(text, partners)
                .map(Content::Gs1)
                .map_err(|_| Gs1Error::Link(LinkFault::NoKey)),
            other => other,
        },
    }
}

/// Element strings with `^` for FNC1; without one in front it is plain text.
pub fn carets(text: &str, partners: Partners) -> Result<Content, Gs1Error> {
    match text.strip_prefix('^') {
        Some(elements) => {
            Message::from_element_string(&elements.replace('^', GS), partners).map(Content::Gs1)
        }
        None => Ok(Content::Plain(text.to_owned())),
    }
}
