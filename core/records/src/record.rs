//! The name of a record, and of what happens to it in the logs.

use std::fmt;

use base16ct::HexDisplay;
use countersign_ledger::{Hash, LogName, NotALogName, PublicKey, Subject};

/// The beginning of a record's subject; its id in hexadecimal follows.
const URN: &str = "urn:countersign:record:";

/// The log of whole records.
pub const FULL: Result<LogName, NotALogName> = LogName::new("records-full");
/// The log of what is shared.
pub const SHARED: Result<LogName, NotALogName> = LogName::new("records-shared");

/// A record's id: 16 random bytes from the patient's phone. It says nothing about the patient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The subject of statements on the record itself.
    pub fn subject(&self) -> Subject {
        subject(&self.to_string())
    }

    /// The subject of a request, its answer and its deliveries: a thread for each holder key.
    pub fn thread(&self, holder: &PublicKey) -> Subject {
        let digest = Hash::of(holder.as_sec1()).to_string();
        subject(&format!("{self}:{}", &digest[..32]))
    }

    /// The record that a subject names, as itself or as the head of its family.
    pub fn of(subject: &Subject) -> Option<Self> {
        let hex = subject.family().strip_prefix(URN)?;
        let mut id = [0; 16];
        let length = base16ct::lower::decode(hex, &mut id).map_or(0, <[u8]>::len);
        (length == id.len()).then_some(Self(id))
    }
}

#[expect(clippy::expect_used, reason = "hexadecimal digits and a colon after the prefix are a subject")]
fn subject(name: &str) -> Subject {
    Subject::new(format!("{URN}{name}")).expect("a subject")
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", HexDisplay(&self.0))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

#[cfg(test)]
mod tests {
    use countersign_ledger::{Signer as _, SoftwareKey};

    use super::*;

    #[test]
    fn a_record_and_its_threads_are_one_family() {
        let id = RecordId([0xab; 16]);
        let holder = SoftwareKey::from_bytes(&[7; 32]).unwrap().public_key();
        assert_eq!(RecordId::of(&id.subject()), Some(id));
        assert_eq!(id.thread(&holder).family(), id.subject().as_str());
        assert_eq!(RecordId::of(&id.thread(&holder)), Some(id));
        for other in ["urn:countersign:record:ab", "urn:countersign:device:1", "urn:x:1"] {
            assert_eq!(RecordId::of(&Subject::new(other).unwrap()), None, "{other}");
        }
        assert_eq!(RecordId::of(&Subject::new(format!("{URN}{}", "AB".repeat(16))).unwrap()), None);
        assert!(FULL.is_ok() && SHARED.is_ok());
    }
}
