//! A record's secret on paper: with it, and a code of the registrar's, a new phone has the record again.
//!
//! In scope: a text that a person copies by hand, in Crockford's Base32 (crockford.com/base32.html): no I, L, O or U, and what is
//! read as one of the first three is taken for the digit that it looks like. Out of scope: splitting the secret among several people.
//!
//! ```text
//! paper  = 7 lines of 4 groups of 4 symbols; capitals or not, and whatever space, hyphens and line breaks between them
//! line   = 8 bytes, and the first 2 of the framed SHA-256 of all lines up to this one
//! bytes  = record (16), first 8 of the SHA-256 of the ledger's genesis, secret (32)
//! ```
//!
//! A line's check covers the lines before it, so the first line that was misread is told, and so is a line of another paper.

use std::fmt;

use countersign_ledger::Hash;
use zeroize::Zeroizing;

use crate::keys::Secret;
use crate::record::RecordId;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LINES: usize = 7;
/// Bytes of a line before its check.
const LINE: usize = 8;
const CHECK: usize = 2;
/// Symbols of a line: 5 bits each.
const SYMBOLS: usize = (LINE + CHECK) * 8 / 5;
const GROUP: usize = 4;
/// Longest text that is looked at: the symbols, each with some space.
const MAX_TEXT: usize = LINES * SYMBOLS * 4;

/// Why a text is no record's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPaper {
    /// Another number of symbols.
    #[error(
        "a record's paper has {LINES} lines of {SYMBOLS} letters and digits; here are {0} letters and digits in all"
    )]
    Length(usize),
    /// A line is not as it was written.
    #[error("line {0} is not as it is on the paper: compare it letter by letter")]
    Line(usize),
}

/// A record's secret as it is written on paper.
#[derive(Clone)]
pub struct Paper {
    /// The record.
    pub record: RecordId,
    /// The beginning of the SHA-256 of the ledger's genesis.
    ledger: [u8; LINE],
    /// `R`.
    pub secret: Secret,
}

impl Paper {
    /// The paper of a record of the ledger whose genesis has this SHA-256.
    pub fn new(record: RecordId, ledger: Hash, secret: Secret) -> Self {
        Self { record, ledger: beginning(ledger), secret }
    }

    /// Whether the record is of the ledger whose genesis has this SHA-256.
    pub fn is_of(&self, ledger: Hash) -> bool {
        self.ledger == beginning(ledger)
    }

    /// Reads what a person has typed or scanned.
    pub fn parse(text: &str) -> Result<Self, NotAPaper> {
        let is_symbol = |c: &char| !c.is_whitespace() && *c != '-';
        let count = text.chars().filter(is_symbol).count();
        if text.len() > MAX_TEXT || count != LINES * SYMBOLS {
            return Err(NotAPaper::Length(count));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LINES * LINE));
        let mut symbols = text.chars().filter(is_symbol);
        for line in 1..=LINES {
            let value = symbols
                .by_ref()
                .take(SYMBOLS)
                .try_fold(0_u128, |value, c| Some(value << 5 | u128::try_from(digit(c)?).ok()?));
            let read = Zeroizing::new(value.ok_or(NotAPaper::Line(line))?.to_be_bytes());
            let (own, told) = read[16 - LINE - CHECK..].split_at(LINE);
            bytes.extend_from_slice(own);
            if check(&bytes) != told {
                return Err(NotAPaper::Line(line));
            }
        }
        let read = || {
            let (record, rest) = bytes.split_first_chunk()?;
            let (ledger, secret) = rest.split_first_chunk()?;
            let mut key = Zeroizing::new([0; 32]);
            (secret.len() == key.len()).then(|| key.copy_from_slice(secret))?;
            Some(Self { record: RecordId(*record), ledger: *ledger, secret: Secret::new(key) })
        };
        read().ok_or(NotAPaper::Length(count))
    }

    /// The text to be written down: a secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = [&self.record.0[..], &self.ledger, self.secret.as_bytes()].concat();
        let bytes = Zeroizing::new(bytes);
        let mut text = Zeroizing::new(String::with_capacity(LINES * (SYMBOLS + SYMBOLS / GROUP)));
        for end in (LINE..=bytes.len()).step_by(LINE) {
            let line = [&bytes[end - LINE..end], &check(&bytes[..end])];
            let value = line.into_iter().flatten().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            for at in 0..SYMBOLS {
                let symbol = value >> (5 * (SYMBOLS - 1 - at)) & 31;
                text.push(char::from(ALPHABET[usize::try_from(symbol).unwrap_or_default()]));
                match (at + 1) % GROUP {
                    0 if at + 1 == SYMBOLS => text.push('\n'),
                    0 => text.push(' '),
                    _ => {}
                }
            }
        }
        text
    }
}

/// Without its secret.
impl fmt::Debug for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Paper({})", self.record)
    }
}

fn beginning(ledger: Hash) -> [u8; LINE] {
    std::array::from_fn(|at| ledger.0[at])
}

/// What stands at the end of a line, over all lines up to it.
fn check(lines: &[u8]) -> [u8; CHECK] {
    let hash = Hash::framed("countersign/record-paper/v1", &[lines]);
    std::array::from_fn(|at| hash.0[at])
}

fn digit(symbol: char) -> Option<usize> {
    let symbol = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|known| char::from(*known) == symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(seed: u8) -> Paper {
        let secret = Secret::new(Zeroizing::new(std::array::from_fn(|at| {
            seed.wrapping_mul(7) ^ u8::try_from(at).unwrap()
        })));
        Paper::new(RecordId([seed; 16]), Hash([seed ^ 0xff; 32]), secret)
    }

    fn told(text: &str) -> NotAPaper {
        Paper::parse(text).unwrap_err()
    }

    #[test]
    fn a_paper_reads_back_however_a_person_writes_it() {
        for seed in [0, 1, 0x5a, 0xff] {
            let paper = paper(seed);
            let text = paper.to_text();
            assert!(
                text.lines().count() == 7 && text.lines().all(|line| line.len() == 19),
                "{}",
                text.as_str()
            );
            let bare: String = text.split_whitespace().collect();
            let hyphens = text.trim().replace(' ', "-").to_lowercase();
            let mistaken = text.replace('0', "o").replace('1', "l");
            for written in [text.as_str(), &bare, &hyphens, &mistaken, &mistaken.replace('l', "I")] {
                let read = Paper::parse(written).unwrap();
                assert_eq!((read.record, read.ledger), (paper.record, paper.ledger));
                assert_eq!(read.secret.as_bytes(), paper.secret.as_bytes());
            }
            assert!(paper.is_of(Hash([seed ^ 0xff; 32])) && !paper.is_of(Hash([1 ^ seed; 32])));
            assert!(!format!("{paper:?}").contains(&text[80..84]), "no secret in a message");
        }
    }

    #[test]
    fn each_wrong_symbol_and_each_two_that_changed_places_are_found_in_their_line() {
        let text = paper(3).to_text();
        let bare: Vec<char> = text.split_whitespace().flat_map(str::chars).collect();
        let written = |symbols: &[char]| symbols.iter().collect::<String>();
        let mut missed = 0;
        for at in 0..bare.len() {
            for other in ALPHABET.iter().map(|c| char::from(*c)).chain(['U', 'é', '/']) {
                let mut wrong = bare.clone();
                wrong[at] = other;
                if wrong == bare {
                    continue;
                }
                // One in 65,536 goes through a line's check by chance, and is seen by the next one's, or when nothing opens.
                match Paper::parse(&written(&wrong)) {
                    Err(NotAPaper::Line(line)) if line == at / SYMBOLS + 1 => {}
                    _ => missed += 1,
                }
            }
            let mut swapped = bare.clone();
            swapped.swap(at, (at + 1) % bare.len());
            assert!(swapped == bare || Paper::parse(&written(&swapped)).is_err(), "{at}");
        }
        assert!(missed <= 1, "{missed}");
    }

    #[test]
    fn a_paper_that_is_cut_or_made_of_two_is_none() {
        let (one, other) = (paper(3).to_text(), paper(4).to_text());
        assert_eq!(told(""), NotAPaper::Length(0));
        assert_eq!(told(&one[..one.len() - 2]), NotAPaper::Length(111));
        assert_eq!(told(&format!("{}7", one.as_str())), NotAPaper::Length(113));
        assert!(matches!(told(&" ".repeat(1 << 20)), NotAPaper::Length(0)));
        for line in 1..7 {
            let mixed: Vec<&str> = one.lines().take(line).chain(other.lines().skip(line)).collect();
            assert_eq!(told(&mixed.join("\n")), NotAPaper::Line(line + 1));
        }
        let turned: Vec<&str> = one.lines().rev().collect();
        assert_eq!(told(&turned.join("\n")), NotAPaper::Line(1));
    }
}
