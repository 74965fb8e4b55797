//! Signed notes: a text and the signatures under it (C2SP signed-note).
//!
//! In scope: the note's form, read and written, bounded. Out of scope: keys and what they sign (`vkey`, `signer`),
//! what the text means (`checkpoint`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Most signatures under one note; the standard asks readers for at least 16.
pub const MAX_SIGNATURES: usize = 64;

/// Longest note in bytes: the standard's 16 signatures of the longest kind (5 kB, post-quantum) and room for text.
pub const MAX_NOTE_LEN: usize = 128 * 1024;

/// Em dash and space, which open every signature line.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Why text is not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_LEN`].
    #[error("the note is longer than {MAX_NOTE_LEN} bytes")]
    TooLong,
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A control character other than the newline.
    #[error("the note contains a control character")]
    ControlCharacter,
    /// The text does not end in a newline.
    #[error("the note's text does not end in a newline")]
    TextNotEnded,
    /// No blank line between text and signatures, or no signature below it.
    #[error("the note has no signatures")]
    Unsigned,
    /// A line below the blank line that is not a signature line.
    #[error("a signature line is malformed")]
    BadSignatureLine,
}

/// A text and the signatures under it. None has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note without signatures yet. The text ends in a newline.
    pub fn new(text: String) -> Result<Self, NoteError> {
        check_text(&text)?;
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        check_text(note)?;
        let blank = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
        if signatures.is_empty() {
            return Err(NoteError::Unsigned);
        }
        let mut parsed = Self::new(text.to_owned())?;
        for line in signatures.split_terminator('\n') {
            parsed.add(line.parse()?)?;
        }
        Ok(parsed)
    }

    /// Appends a signature, unless the very same one is there already.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The signed text. Do not trust it before a signature has been verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of the note.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_NOTE_LEN {
        return Err(NoteError::TooLong);
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::ControlCharacter);
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::TextNotEnded) }
}

/// One signature line. As text it has no newline at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub(crate) name: String,
    /// Short identifier of the key: not collision resistant, see C2SP signed-note.
    pub(crate) key_id: [u8; 4],
    /// What follows the key id; its form depends on the key's type.
    pub(crate) bytes: Vec<u8>,
}

impl NoteSignature {
    /// Name of the key that the line claims to be signed by.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.bytes].concat();
        write!(f, "{SIGNATURE_MARK}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let fields = line.strip_prefix(SIGNATURE_MARK).and_then(|rest| rest.split_once(' '));
        let (name, base64) = fields.ok_or(NoteError::BadSignatureLine)?;
        let bytes = STANDARD.decode(base64).map_err(|_| NoteError::BadSignatureLine)?;
        match bytes.split_first_chunk() {
            Some((key_id, bytes)) if is_key_name(name) && !bytes.is_empty() => {
                Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
            }
            _ => Err(NoteError::BadSignatureLine),
        }
    }
}

/// Key names are not empty and contain neither spaces nor plus signs nor control characters.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "\u{2014} name AAAAAAE=\n";

    fn parse(text: &str) -> Result<Note, NoteError> {
        Note::parse(text)
    }

    #[test]
    fn a_note_is_written_as_it_was_read() {
        for text in ["one\n", "one\n\ntwo\n", "\n", "one\n\n"] {
            let note = format!("{text}\n{LINE}");
            assert_eq!(parse(&note).unwrap().text(), text);
            assert_eq!(parse(&note).unwrap().to_string(), note);
        }
    }

    #[test]
    fn each_malformed_note_has_its_own_error() {
        let line = LINE.trim_end();
        assert_eq!(parse(&"a".repeat(MAX_NOTE_LEN + 1)), Err(NoteError::TooLong));
        assert_eq!(parse(&format!("a\tb\n\n{LINE}")), Err(NoteError::ControlCharacter));
        assert_eq!(parse(&format!("a\n\n{line}")), Err(NoteError::TextNotEnded));
        assert_eq!(parse("a\n"), Err(NoteError::Unsigned));
        assert_eq!(parse("a\n\n"), Err(NoteError::Unsigned));
        assert_eq!(parse(&format!("a\n{LINE}")), Err(NoteError::Unsigned));
        for bad in
            ["- name AAAAAAE=", "\u{2014} na+me AAAAAAE=", "\u{2014}  AAAAAAE=", "\u{2014} name AAAAAA=="]
        {
            assert_eq!(parse(&format!("a\n\n{bad}\n")), Err(NoteError::BadSignatureLine), "{bad}");
        }
        // Base64 with bits set beyond the last byte, without padding, with a space.
        for bad in ["AAAAAAF=", "AAAAAAE", "AAAAAAE= "] {
            assert_eq!(
                parse(&format!("a\n\n\u{2014} name {bad}\n")),
                Err(NoteError::BadSignatureLine),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_note_holds_at_most_max_signatures() {
        let line = |i: usize| format!("\u{2014} name{i} AAAAAAE=\n");
        let note = |n: usize| format!("a\n\n{}", (0..n).map(line).collect::<String>());
        assert_eq!(parse(&note(MAX_SIGNATURES)).unwrap().signatures().len(), MAX_SIGNATURES);
        assert_eq!(parse(&note(MAX_SIGNATURES + 1)), Err(NoteError::TooManySignatures));
    }

    #[test]
    fn the_same_signature_twice_counts_once() {
        let mut note = parse(&format!("a\n\n{LINE}")).unwrap();
        note.add(LINE.trim_end().parse().unwrap()).unwrap();
        assert_eq!(note.signatures().len(), 1);
    }
}
