//! A register in codes: how a phone learns which ledger it trusts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_custody::qr::{self, Assembly, NotTaken, Received};
use countersign_ledger::{Genesis, Hash};
use countersign_scan::gs1::{Content, Partners};
use countersign_scan::{Code, Luma, ScanResult, Scanner};

use crate::error::CountersignError as Error;
use crate::handover::codes;

/// How many bytes of the genesis's SHA-256 a person compares as words: 96 bits, which nobody meets by trying.
const WORDS: usize = 12;

/// No step on a frame is begun that would not end within this.
const FRAME_BUDGET: Duration = Duration::from_millis(30);

/// A register as its codes name it. It is to be trusted only once a person has compared its words.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Register {
    /// The ledger's name.
    pub ledger: String,
    /// The address of its node.
    pub node: String,
    /// The bytes of its genesis file, for [`crate::Wallet::open`].
    pub genesis: Vec<u8>,
    /// The genesis's fingerprint in words (bytewords, BCR-2020-012): to be compared with what the ledger publishes.
    pub words: Vec<String>,
}

/// The result of a scan for a register.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum RegisterScan {
    /// No code with anything new.
    Nothing,
    /// A code of another kind.
    Foreign,
    /// A part of a register; continue.
    Part {
        /// Parts that were read.
        have: u32,
        /// Parts that are needed.
        need: u32,
    },
    /// A register.
    Whole {
        /// The register.
        register: Register,
    },
}

/// Reads the codes of a register.
#[derive(Default, uniffi::Object)]
pub struct RegisterReader {
    eye: Mutex<Eye>,
}

#[derive(Default)]
struct Eye {
    scanner: Scanner,
    assembly: Assembly,
}

/// The texts of the QR codes that show a register to a phone, one after the other, over and over: for whoever runs it, and
/// for a phone that passes it on.
#[uniffi::export]
pub fn register_codes(node: &str, genesis: &[u8]) -> Result<Vec<String>, Error> {
    // Read again, so that nobody shows what no phone takes.
    let register = Register::new(node, genesis)?;
    let message = [register.node.as_bytes(), b"\n", genesis].concat();
    Ok(codes(&message)?)
}

/// The register that a genesis file and an address are.
#[uniffi::export]
pub fn register(node: &str, genesis: &[u8]) -> Result<Register, Error> {
    Register::new(node, genesis)
}

#[uniffi::export]
impl RegisterReader {
    /// A reader that has read nothing.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scans the next frame of a live camera: its luma plane, one byte per pixel, rows `stride` bytes apart. The bytes
    /// are not copied.
    pub fn scan_frame(
        &self,
        width: u32,
        height: u32,
        stride: u32,
        luma: &[u8],
    ) -> Result<RegisterScan, Error> {
        let frame = Luma::new(width as usize, height as usize, stride as usize, luma)?;
        let begun = Instant::now();
        let sight = self.eye().scanner.look(&frame, FRAME_BUDGET, || begun.elapsed());
        let ScanResult::Symbols(symbols) = sight else { return Ok(RegisterScan::Nothing) };
        let mut scans = symbols.iter().map(|symbol| match Code::from(symbol).content(Partners::OnAnyCarrier) {
            Ok(Content::Plain(text)) => self.scan_code(&text),
            _ => Ok(RegisterScan::Foreign),
        });
        scans.find(|scan| *scan != Ok(RegisterScan::Foreign)).unwrap_or(Ok(RegisterScan::Foreign))
    }

    /// The same for the text of a code from another reader.
    pub fn scan_code(&self, text: &str) -> Result<RegisterScan, Error> {
        let fed = self.eye().assembly.feed(text);
        match fed {
            Ok(Received::Whole(message)) => {
                let register = Register::from_message(&message)?;
                Ok(RegisterScan::Whole { register })
            }
            Ok(Received::Part(progress)) => Ok(part(progress)),
            Err(NotTaken::NotOurs | NotTaken::TooLarge | NotTaken::TooManyParts) => Ok(RegisterScan::Foreign),
            Err(_) => Ok(self.eye().assembly.progress().map_or(RegisterScan::Nothing, part)),
        }
    }
}

impl RegisterReader {
    /// After a panic under this lock, at worst some codes are read again.
    fn eye(&self) -> MutexGuard<'_, Eye> {
        self.eye.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Register {
    fn new(node: &str, genesis: &[u8]) -> Result<Self, Error> {
        let parsed = Genesis::parse(genesis)?;
        crate::wallet::check_address(node, &parsed)?;
        let words = qr::words(&Hash::of(genesis).as_bytes()[..WORDS]);
        Ok(Self { ledger: parsed.name, node: node.to_owned(), genesis: genesis.to_vec(), words })
    }

    fn from_message(message: &[u8]) -> Result<Self, Error> {
        let end = message.iter().position(|&byte| byte == b'\n').ok_or_else(|| Error::invalid("register"))?;
        let node = std::str::from_utf8(&message[..end]).map_err(|_| Error::invalid("register"))?;
        Self::new(node, &message[end + 1..]).map_err(|_| Error::invalid("register"))
    }
}

fn part(progress: qr::Progress) -> RegisterScan {
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    RegisterScan::Part { have: small(progress.have), need: small(progress.need) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

    use super::*;

    #[test]
    fn what_is_no_register_is_refused_and_named_so() {
        for message in [&b"no line"[..], b"http://a.example\n{}", b"https://a.example\n{}", b"\xff\n{}"] {
            assert_eq!(Register::from_message(message), Err(Error::invalid("register")));
        }
        let reader = RegisterReader::new();
        assert_eq!(reader.scan_code("https://a.example"), Ok(RegisterScan::Foreign));
        let codes = codes(b"https://a.example\n{}").unwrap();
        assert_eq!(reader.scan_code(&codes[0]), Err(Error::invalid("register")));
    }
}
