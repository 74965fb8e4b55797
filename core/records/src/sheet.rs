//! The sheet of an index: who may ask, readable by whoever has the link.
//!
//! ```cddl
//! sheet = [0*8 [salt: bstr .size 16, policy: tstr]]   ; the policy in its canonical text; its label follows from both
//! ```
//!
//! Sealed as an object is, under HKDF(`L`), bound to the index by its log and number. The owner's own line is not in it.

use countersign_abe::Policy;
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Hash, LogName};
use minicbor::Decoder;
use rand_core::CryptoRng;

use crate::keys::Link;
use crate::line::label;
use crate::object::{self, What};
use crate::record::RecordId;
use crate::rules::MAX_LINES;

/// Longest sheet before it is sealed: it is part of a statement.
const MAX_SHEET: usize = 12 * 1024;

/// Why there is no sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// The link is that of another record, or the sheet that of another index.
    #[error("the record's list of policies does not open with this link")]
    Link,
    /// The policies are too many or too long.
    #[error("a record has at most {MAX_LINES} policies, of {MAX_SHEET} bytes together: write shorter ones")]
    TooLong,
}

/// What a reader knows of a line: its policy, and the salt with which an authority recomputes the label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The salt.
    pub salt: [u8; 16],
    /// The policy.
    pub policy: Policy,
}

impl Offer {
    /// The line's label.
    pub fn label(&self, record: &RecordId) -> Hash {
        label(record, &self.salt, &self.policy)
    }
}

/// Seals the sheet of the index number `wrap` in `log`.
pub fn seal_sheet(
    offers: &[Offer],
    link: &Link,
    record: &RecordId,
    (log, wrap): (LogName, u64),
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, SheetError> {
    let sheet = encode(|e| {
        e.array(offers.len() as u64)?;
        offers.iter().try_for_each(|one| e.array(2)?.bytes(&one.salt)?.str(one.policy.as_str())?.ok())
    });
    if offers.len() > MAX_LINES || sheet.len() > MAX_SHEET {
        return Err(SheetError::TooLong);
    }
    let what = What::Sheet { log, wrap };
    object::seal(&link.sheet(), record, what, &sheet, random).map_err(|_| SheetError::TooLong)
}

/// Opens the sheet of the index number `wrap` in `log`.
pub fn open_sheet(
    sealed: &[u8],
    link: &Link,
    record: &RecordId,
    (log, wrap): (LogName, u64),
) -> Result<Vec<Offer>, SheetError> {
    let sheet = object::open(&link.sheet(), record, What::Sheet { log, wrap }, sealed);
    let sheet = sheet.map_err(|_| SheetError::Link)?;
    cbor::check_deterministic(&sheet).map_err(|_| SheetError::Link)?;
    let read = || {
        let mut d = Decoder::new(&sheet);
        let count = d.array().ok()?.filter(|count| *count <= MAX_LINES as u64)?;
        let mut offer = || {
            let two = d.array().ok()? == Some(2);
            let (salt, text) = (d.bytes().ok()?.try_into().ok()?, d.str().ok()?);
            let policy: Policy = text.parse().ok()?;
            (two && policy.as_str() == text).then_some(Offer { salt, policy })
        };
        (0..count).map(|_| offer()).collect::<Option<Vec<_>>>()
    };
    read().ok_or(SheetError::Link)
}
