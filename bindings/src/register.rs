//! A register in codes, how a phone learns which ledger it trusts; and an attribute authority, how it learns whose keys for
//! records it uses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_bedside::{Badge, read_label};
use countersign_custody::qr::{self, Assembly, NotTaken, Received};
use countersign_ledger::Genesis;
use countersign_records::RecordLink;
use countersign_scan::gs1::{Content, Partners};
use countersign_scan::{Code, Luma, ScanResult, Scanner};
use countersign_wallet as wallet;

use crate::bedside::hex;
use crate::domains::{DomainGreeting, greeting};
use crate::error::CountersignError as Error;
use crate::handover::codes;

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

/// An attribute authority as its codes name it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AuthorityAddress {
    /// Its SPIFFE ID.
    pub identity: String,
    /// Its address.
    pub address: String,
    /// The roots that it is known by (DER); with none, it is the node's.
    pub roots: Vec<Vec<u8>>,
    /// The whole as bytes, for the app to keep, and for [`authority_address`].
    pub message: Vec<u8>,
}

/// The result of a scan for a register, an authority, a record, a badge, a device, or a message between domains.
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
    /// A medical record's link, as a patient shows it.
    Record {
        /// The link, for [`crate::Clinician::add`]; a secret.
        link: String,
    },
    /// A badge for a ward.
    Badge {
        /// The badge, for [`crate::Bedside::take`]; a secret.
        badge: String,
    },
    /// A bedside device.
    Device {
        /// Its number, for [`crate::Bedside::device`].
        device: String,
    },
    /// A message between domains.
    Greeting {
        /// The message.
        greeting: DomainGreeting,
    },
    /// An attribute authority.
    Authority {
        /// The authority.
        authority: AuthorityAddress,
    },
}

/// Reads the codes by which a phone learns what to trust and whom to ask: of a register, an authority, a record, a badge, a
/// bedside device.
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
    Ok(codes(&opened(node, genesis)?.message())?)
}

/// The register that a genesis file and an address are.
#[uniffi::export]
pub fn register(node: &str, genesis: &[u8]) -> Result<Register, Error> {
    opened(node, genesis).map(Register::from)
}

/// The attribute authority of a message.
#[uniffi::export]
pub fn authority_address(message: &[u8]) -> Result<AuthorityAddress, Error> {
    let read = wallet::AuthorityAddress::parse(message);
    read.map(AuthorityAddress::from).map_err(|_| Error::invalid("authority"))
}

/// The texts of the QR codes that show an attribute authority to a phone.
#[uniffi::export]
pub fn authority_codes(message: &[u8]) -> Result<Vec<String>, Error> {
    Ok(codes(&authority_address(message)?.message)?)
}

fn opened(node: &str, genesis: &[u8]) -> Result<wallet::Register, Error> {
    Ok(wallet::Register::new(node, Genesis::parse(genesis)?)?)
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
        let mut scans =
            symbols.iter().map(|symbol| match Code::from(symbol).content(Partners::OnAnyCarrier) {
                Ok(Content::Plain(text)) => self.scan_code(&text),
                _ => Ok(RegisterScan::Foreign),
            });
        scans.find(|scan| *scan != Ok(RegisterScan::Foreign)).unwrap_or(Ok(RegisterScan::Foreign))
    }

    /// The same for the text of a code from another reader.
    pub fn scan_code(&self, text: &str) -> Result<RegisterScan, Error> {
        if let Ok(link) = RecordLink::parse(text) {
            return Ok(RegisterScan::Record { link: link.to_text().to_string() });
        }
        if Badge::parse(text).is_some() {
            return Ok(RegisterScan::Badge { badge: text.trim().to_owned() });
        }
        if let Some(sid) = read_label(text) {
            return Ok(RegisterScan::Device { device: hex(&sid) });
        }
        let fed = self.eye().assembly.feed(text);
        match fed {
            Ok(Received::Whole(message)) => {
                if let Ok(authority) = authority_address(&message) {
                    return Ok(RegisterScan::Authority { authority });
                }
                if let Some(greeting) = greeting(&message) {
                    return Ok(RegisterScan::Greeting { greeting });
                }
                let register = wallet::Register::parse(&message)?.into();
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

impl From<wallet::Register> for Register {
    fn from(register: wallet::Register) -> Self {
        Self {
            words: register.words(),
            genesis: register.genesis.to_json().into_bytes(),
            ledger: register.genesis.name,
            node: register.node,
        }
    }
}

impl From<wallet::AuthorityAddress> for AuthorityAddress {
    fn from(authority: wallet::AuthorityAddress) -> Self {
        Self {
            message: authority.message(),
            identity: authority.identity.to_string(),
            address: authority.address,
            roots: authority.roots,
        }
    }
}

impl From<wallet::NotARegister> for Error {
    fn from(_: wallet::NotARegister) -> Self {
        Self::invalid("register")
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
        let reader = RegisterReader::new();
        assert_eq!(reader.scan_code("https://a.example"), Ok(RegisterScan::Foreign));
        let codes = codes(b"https://a.example\n{}").unwrap();
        assert_eq!(reader.scan_code(&codes[0]), Err(Error::invalid("register")));
    }

    #[test]
    fn a_badge_and_a_device_are_known_by_their_codes() {
        let reader = RegisterReader::new();
        let badge =
            format!("CSB1 {} spiffe://meds.example/bedside-gateway/north n.example:1", "0A".repeat(69));
        assert_eq!(reader.scan_code(&badge), Ok(RegisterScan::Badge { badge: badge.clone() }));
        let device = "a1".repeat(16);
        let label = format!("CSD1 {}", device.to_uppercase());
        assert_eq!(reader.scan_code(&label), Ok(RegisterScan::Device { device }));
        assert_eq!(reader.scan_code(&label[..30]), Ok(RegisterScan::Foreign));
    }

    #[test]
    fn an_authority_is_told_from_a_register() {
        let message = b"spiffe://meds.example/attribute-authority/clinics\nhttps://clinics.example";
        let codes = authority_codes(message).unwrap();
        let authority = authority_address(message).unwrap();
        assert_eq!(RegisterReader::new().scan_code(&codes[0]), Ok(RegisterScan::Authority { authority }));
        assert_eq!(authority_codes(b"https://a.example"), Err(Error::invalid("authority")));
    }
}
